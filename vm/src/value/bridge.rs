//! Between the canonical encoding and wasmtime's dynamic values: on the way of every call.

#[cfg(test)]
mod tests;

use wasmtime::component::Val;

use super::binary::{Reader, Writer};
use super::{ValueError, expected};
use crate::interface::Type;

/// Words of an id, in order: the fields of `types.id`.
const WORDS: [&str; 4] = ["a", "b", "c", "d"];

/// The arguments of a call, from the encoding of all parameters.
pub fn to_vals(params: &[(String, Type)], bytes: &[u8]) -> Result<Vec<Val>, ValueError> {
    let mut reader = Reader::new(bytes)?;
    let mut vals = Vec::with_capacity(params.len());
    for (name, ty) in params {
        vals.push(read(ty, &mut reader).map_err(|error| error.within(name))?);
    }
    reader.finish()?;
    Ok(vals)
}

/// The encoding of what a module returned.
pub fn from_val(ty: &Type, val: &Val) -> Result<Vec<u8>, ValueError> {
    let mut writer = Writer::default();
    write(ty, val, &mut writer)?;
    writer.finish()
}

fn read(ty: &Type, reader: &mut Reader<'_>) -> Result<Val, ValueError> {
    reader.begin()?;
    Ok(match ty {
        Type::Bool => Val::Bool(reader.tag(ty, 2)? == 1),
        Type::U8 => Val::U8(reader.byte(ty)?),
        Type::U16 => Val::U16(u16::from_le_bytes(reader.array(ty)?)),
        Type::U32 => Val::U32(u32::from_le_bytes(reader.array(ty)?)),
        Type::U64 | Type::Amount => Val::U64(u64::from_le_bytes(reader.array(ty)?)),
        Type::S8 => Val::S8(i8::from_le_bytes(reader.array(ty)?)),
        Type::S16 => Val::S16(i16::from_le_bytes(reader.array(ty)?)),
        Type::S32 => Val::S32(i32::from_le_bytes(reader.array(ty)?)),
        Type::S64 => Val::S64(i64::from_le_bytes(reader.array(ty)?)),
        Type::F32 => Val::Float32(reader.f32()?),
        Type::F64 => Val::Float64(reader.f64()?),
        Type::Char => Val::Char(reader.char()?),
        Type::String => Val::String(reader.string(ty)?.to_owned()),
        Type::Bytes => Val::List(reader.bytes(ty)?.iter().map(|byte| Val::U8(*byte)).collect()),
        Type::Id(_) => {
            let mut fields = Vec::with_capacity(4);
            for word in WORDS {
                let value = u64::from_le_bytes(reader.array(ty)?);
                fields.push((word.to_owned(), Val::U64(value)));
            }
            Val::Record(fields)
        }
        Type::List(item) => {
            let length = reader.length(ty)?;
            let mut items = Vec::with_capacity(length);
            for index in 0..length {
                items.push(read(item, reader).map_err(|error| error.within_item(index))?);
            }
            Val::List(items)
        }
        Type::Option(inner) => Val::Option(match reader.tag(ty, 2)? {
            0 => None,
            _ => Some(Box::new(read(inner, reader)?)),
        }),
        Type::Result { ok, err } => Val::Result(match reader.tag(ty, 2)? {
            0 => Ok(read_payload(ok.as_deref(), "ok", reader)?),
            _ => Err(read_payload(err.as_deref(), "err", reader)?),
        }),
        Type::Tuple(types) => {
            let mut items = Vec::with_capacity(types.len());
            for (index, ty) in types.iter().enumerate() {
                items.push(read(ty, reader).map_err(|error| error.within_item(index))?);
            }
            Val::Tuple(items)
        }
        Type::Record(record) => {
            let mut fields = Vec::with_capacity(record.parts.len());
            for field in &record.parts {
                let value = read(&field.ty, reader).map_err(|error| error.within(&field.name))?;
                fields.push((field.name.clone(), value));
            }
            Val::Record(fields)
        }
        Type::Variant(variant) => {
            let case = &variant.parts[reader.tag(ty, variant.parts.len())?];
            let payload = read_payload(case.ty.as_ref(), &case.name, reader)?;
            Val::Variant(case.name.clone(), payload)
        }
        Type::Enum(labels) => {
            Val::Enum(labels.parts[reader.tag(ty, labels.parts.len())?].name.clone())
        }
        Type::Flags(labels) => {
            let set = reader.flags(ty, labels.parts.len())?;
            Val::Flags(set.into_iter().map(|index| labels.parts[index].name.clone()).collect())
        }
    })
}

fn read_payload(
    ty: Option<&Type>,
    case: &str,
    reader: &mut Reader<'_>,
) -> Result<Option<Box<Val>>, ValueError> {
    match ty {
        Some(ty) => {
            let value = read(ty, reader).map_err(|error| error.within(case))?;
            Ok(Some(Box::new(value)))
        }
        None => Ok(None),
    }
}

fn write(ty: &Type, val: &Val, writer: &mut Writer) -> Result<(), ValueError> {
    writer.begin()?;
    match (ty, val) {
        (Type::Bool, Val::Bool(value)) => writer.put(&[u8::from(*value)]),
        (Type::U8, Val::U8(value)) => writer.put(&value.to_le_bytes()),
        (Type::U16, Val::U16(value)) => writer.put(&value.to_le_bytes()),
        (Type::U32, Val::U32(value)) => writer.put(&value.to_le_bytes()),
        (Type::U64 | Type::Amount, Val::U64(value)) => writer.put(&value.to_le_bytes()),
        (Type::S8, Val::S8(value)) => writer.put(&value.to_le_bytes()),
        (Type::S16, Val::S16(value)) => writer.put(&value.to_le_bytes()),
        (Type::S32, Val::S32(value)) => writer.put(&value.to_le_bytes()),
        (Type::S64, Val::S64(value)) => writer.put(&value.to_le_bytes()),
        (Type::F32, Val::Float32(value)) => writer.f32(*value)?,
        (Type::F64, Val::Float64(value)) => writer.f64(*value)?,
        (Type::Char, Val::Char(value)) => writer.put(&u32::from(*value).to_le_bytes()),
        (Type::String, Val::String(value)) => writer.sized(value.as_bytes())?,
        (Type::Bytes, Val::List(items)) => write_bytes(items, writer)?,
        (Type::Id(_), Val::Record(fields)) => {
            for (word, (name, value)) in WORDS.iter().zip(checked(ty, fields, 4)?) {
                match value {
                    Val::U64(value) if word == name => writer.put(&value.to_le_bytes()),
                    other => return Err(mismatch(ty, other)),
                }
            }
        }
        (Type::List(item), Val::List(items)) => {
            writer.length(items.len())?;
            for (index, value) in items.iter().enumerate() {
                write(item, value, writer).map_err(|error| error.within_item(index))?;
            }
        }
        (Type::Option(inner), Val::Option(value)) => {
            writer.tag(usize::from(value.is_some()));
            if let Some(value) = value {
                write(inner, value, writer)?;
            }
        }
        (Type::Result { ok, err }, Val::Result(value)) => {
            writer.tag(usize::from(value.is_err()));
            let (payload_ty, case, payload) = match value {
                Ok(payload) => (ok, "ok", payload),
                Err(payload) => (err, "err", payload),
            };
            write_payload(payload_ty.as_deref(), case, payload.as_deref(), writer)?;
        }
        (Type::Tuple(types), Val::Tuple(values)) => {
            for (index, (ty, value)) in
                types.iter().zip(checked(ty, values, types.len())?).enumerate()
            {
                write(ty, value, writer).map_err(|error| error.within_item(index))?;
            }
        }
        (Type::Record(record), Val::Record(values)) => {
            let values = checked(ty, values, record.parts.len())?;
            for (field, (name, value)) in record.parts.iter().zip(values) {
                if field.name != *name {
                    return Err(ValueError::new(expected(ty), format!("the field {name}")));
                }
                write(&field.ty, value, writer).map_err(|error| error.within(name))?;
            }
        }
        (Type::Variant(variant), Val::Variant(name, payload)) => {
            let index = position(ty, variant.parts.iter().map(|case| &case.name), name)?;
            writer.tag(index);
            write_payload(variant.parts[index].ty.as_ref(), name, payload.as_deref(), writer)?;
        }
        (Type::Enum(labels), Val::Enum(name)) => {
            writer.tag(position(ty, labels.parts.iter().map(|label| &label.name), name)?);
        }
        (Type::Flags(labels), Val::Flags(names)) => {
            let mut set = Vec::with_capacity(names.len());
            for name in names {
                set.push(position(ty, labels.parts.iter().map(|label| &label.name), name)?);
            }
            writer.flags(labels.parts.len(), &set);
        }
        (ty, other) => return Err(mismatch(ty, other)),
    }
    Ok(())
}

fn write_bytes(items: &[Val], writer: &mut Writer) -> Result<(), ValueError> {
    writer.length(items.len())?;
    for item in items {
        match item {
            Val::U8(byte) => writer.put(&[*byte]),
            other => return Err(mismatch(&Type::Bytes, other)),
        }
    }
    Ok(())
}

fn write_payload(
    ty: Option<&Type>,
    case: &str,
    payload: Option<&Val>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    match (ty, payload) {
        (Some(ty), Some(value)) => write(ty, value, writer).map_err(|error| error.within(case)),
        (None, None) => Ok(()),
        (Some(ty), None) => Err(ValueError::new(expected(ty), "nothing").within(case)),
        (None, Some(_)) => Err(ValueError::new("nothing", "a value").within(case)),
    }
}

fn checked<'v, T>(ty: &Type, values: &'v [T], count: usize) -> Result<&'v [T], ValueError> {
    if values.len() == count {
        return Ok(values);
    }
    Err(ValueError::new(expected(ty), format!("{} parts", values.len())))
}

fn position<'n>(
    ty: &Type,
    mut names: impl Iterator<Item = &'n String>,
    name: &str,
) -> Result<usize, ValueError> {
    names
        .position(|candidate| candidate == name)
        .ok_or_else(|| ValueError::new(expected(ty), format!("'{name}'")))
}

#[cold]
fn mismatch(ty: &Type, val: &Val) -> ValueError {
    let found = match val {
        Val::Bool(_) => "a bool",
        Val::String(_) => "a string",
        Val::List(_) => "a list",
        Val::Record(_) => "a record",
        Val::Tuple(_) => "a tuple",
        Val::Variant(..) => "a variant",
        Val::Enum(_) => "an enum",
        Val::Option(_) => "an option",
        Val::Result(_) => "a result",
        Val::Flags(_) => "flags",
        Val::Char(_) => "a char",
        Val::Float32(_) | Val::Float64(_) => "a float",
        Val::U8(_) | Val::U16(_) | Val::U32(_) | Val::U64(_) => "an unsigned integer",
        Val::S8(_) | Val::S16(_) | Val::S32(_) | Val::S64(_) => "a signed integer",
        _ => "a value of another kind",
    };
    ValueError::new(expected(ty), found)
}
