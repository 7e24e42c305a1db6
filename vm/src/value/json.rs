//! Values as JSON, in both directions.
//!
//! u64 and s64 are decimal strings (numbers are read too), bytes base64, ids text, a record an object, a
//! tuple a list, `option` null or the value, `result` `{"ok": ...}` or `{"err": ...}`, a variant
//! `{"case": ...}` or just `"case"` when it carries nothing, flags a list of names. Where the value inside
//! an option could itself be null (an option of an option), it stands in `{"some": ...}`. Infinite floats
//! are the strings `infinity` and `-infinity`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Number, Value};

use super::binary::{Reader, Writer};
use super::show::parse_amount;
use super::{Formats, ValueError, expected};
use crate::interface::{Case, Field, Function, Label, Type, similar};

/// Encodes one value.
pub fn encode_json(ty: &Type, value: &Value, formats: &Formats<'_>) -> Result<Vec<u8>, ValueError> {
    let mut writer = Writer::default();
    write(ty, value, formats, &mut writer)?;
    writer.finish()
}

/// Encodes a function's arguments: an object by parameter names, or a list in order. Parameters of type
/// `option` may be left out.
pub fn encode_params_json(
    function: &Function,
    arguments: &Value,
    formats: &Formats<'_>,
) -> Result<Vec<u8>, ValueError> {
    let mut writer = Writer::default();
    write_params(function, arguments, formats, &mut writer)
        .map_err(|error| error.within("arguments"))?;
    writer.finish()
}

/// Decodes one value, strictly.
pub fn decode_json(ty: &Type, bytes: &[u8], formats: &Formats<'_>) -> Result<Value, ValueError> {
    let mut reader = Reader::new(bytes)?;
    let value = read(ty, formats, &mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Decodes a function's arguments into an object by parameter names, in order.
pub fn decode_params_json(
    params: &[(String, Type)],
    bytes: &[u8],
    formats: &Formats<'_>,
) -> Result<Value, ValueError> {
    let mut reader = Reader::new(bytes)?;
    let mut object = Map::new();
    for (name, ty) in params {
        let value = read(ty, formats, &mut reader).map_err(|error| error.within(name))?;
        object.insert(name.clone(), value);
    }
    reader.finish()?;
    Ok(Value::Object(object))
}

/// Whether null is the JSON of a value of this type.
pub(super) fn is_nullable(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

fn write_params(
    function: &Function,
    arguments: &Value,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    let params = &function.params;
    match arguments {
        Value::Object(object) => {
            known(object, || params.iter().map(|(name, _)| name.as_str()))?;
            for (name, ty) in params {
                write_part(name, ty, object.get(name), formats, writer)?;
            }
        }
        Value::Array(values) if values.len() <= params.len() => {
            for (index, (name, ty)) in params.iter().enumerate() {
                write_part(name, ty, values.get(index), formats, writer)?;
            }
        }
        Value::Null if params.is_empty() => {}
        other => {
            let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
            let wanted = format!("the parameters {}", super::few(&names));
            let wanted = if params.is_empty() { "no parameters".to_owned() } else { wanted };
            return Err(ValueError::new(wanted, kind_of(other)));
        }
    }
    Ok(())
}

/// A field or parameter, which may be left out when it is an option.
fn write_part(
    name: &str,
    ty: &Type,
    value: Option<&Value>,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    match (ty, value) {
        (_, Some(value)) => write(ty, value, formats, writer),
        (Type::Option(_), None) => write(ty, &Value::Null, formats, writer),
        (_, None) => Err(ValueError::new(expected(ty), "nothing")),
    }
    .map_err(|error| error.within(name))
}

/// Refuses names that nothing has: a typing mistake in an optional name would otherwise go unseen.
fn known<'n, I: Iterator<Item = &'n str>>(
    object: &Map<String, Value>,
    names: impl Fn() -> I,
) -> Result<(), ValueError> {
    for key in object.keys() {
        if !names().any(|name| name == key) {
            let wanted = match similar(key, names()).first() {
                Some(near) => format!("'{near}'"),
                None => format!("only {}", super::few(&names().collect::<Vec<_>>())),
            };
            return Err(ValueError::new(wanted, format!("the unknown name '{key}'")));
        }
    }
    Ok(())
}

fn write(
    ty: &Type,
    value: &Value,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    writer.begin()?;
    let wrong = || ValueError::new(expected(ty), kind_of(value));
    match ty {
        Type::Bool => writer.put(&[u8::from(value.as_bool().ok_or_else(wrong)?)]),
        Type::U8 => writer.put(&integer::<u8>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::U16 => writer.put(&integer::<u16>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::U32 => writer.put(&integer::<u32>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::U64 => writer.put(&integer::<u64>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::S8 => writer.put(&integer::<i8>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::S16 => writer.put(&integer::<i16>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::S32 => writer.put(&integer::<i32>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::S64 => writer.put(&integer::<i64>(value).ok_or_else(wrong)?.to_le_bytes()),
        Type::Amount => {
            let grains = match value {
                Value::String(text) => parse_amount(text),
                other => integer::<u64>(other),
            };
            writer.put(&grains.ok_or_else(wrong)?.to_le_bytes());
        }
        Type::F32 => {
            let wide = float(value).ok_or_else(wrong)?;
            let narrow = wide as f32;
            if narrow.is_infinite() && wide.is_finite() {
                return Err(wrong());
            }
            writer.f32(narrow)?;
        }
        Type::F64 => writer.f64(float(value).ok_or_else(wrong)?)?,
        Type::Char => {
            let mut letters = value.as_str().ok_or_else(wrong)?.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => writer.put(&u32::from(letter).to_le_bytes()),
                _ => return Err(wrong()),
            }
        }
        Type::String => writer.sized(value.as_str().ok_or_else(wrong)?.as_bytes())?,
        Type::Bytes => {
            let text = value.as_str().ok_or_else(wrong)?;
            writer.sized(&BASE64.decode(text).map_err(|_| wrong())?)?;
        }
        Type::Id(kind) => {
            writer.put(&formats.read_id(*kind, value.as_str().ok_or_else(wrong)?)?);
        }
        _ => return write_compound(ty, value, formats, writer),
    }
    Ok(())
}

fn write_compound(
    ty: &Type,
    value: &Value,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    let wrong = || ValueError::new(expected(ty), kind_of(value));
    match ty {
        Type::List(item) => {
            let items = value.as_array().ok_or_else(wrong)?;
            writer.length(items.len())?;
            write_items(items.iter().map(|value| (item.as_ref(), value)), formats, writer)?;
        }
        Type::Option(inner) => {
            let some = match value {
                Value::Null => None,
                other if is_nullable(inner) => Some(only(other, "some").ok_or_else(wrong)?),
                other => Some(other),
            };
            writer.tag(usize::from(some.is_some()));
            if let Some(some) = some {
                write(inner, some, formats, writer)?;
            }
        }
        Type::Result { ok, err } => {
            let (case, payload) = tagged(value).ok_or_else(wrong)?;
            let (tag, payload_ty) = match case {
                "ok" => (0, ok),
                "err" => (1, err),
                _ => return Err(wrong()),
            };
            writer.tag(tag);
            write_payload(payload_ty.as_deref(), case, payload, formats, writer)?;
        }
        Type::Tuple(types) => {
            let items = value.as_array().filter(|items| items.len() == types.len());
            write_items(types.iter().zip(items.ok_or_else(wrong)?), formats, writer)?;
        }
        Type::Record(record) => {
            let object = value.as_object().ok_or_else(wrong)?;
            known(object, || record.parts.iter().map(|field| field.name.as_str()))?;
            for Field { name, ty, .. } in &record.parts {
                write_part(name, ty, object.get(name), formats, writer)?;
            }
        }
        Type::Variant(variant) => {
            let (name, payload) = tagged(value).ok_or_else(wrong)?;
            let index = variant.parts.iter().position(|case| case.name == name);
            let index = index.ok_or_else(wrong)?;
            writer.tag(index);
            let payload_ty = variant.parts[index].ty.as_ref();
            write_payload(payload_ty, name, payload, formats, writer)?;
        }
        Type::Enum(labels) => {
            let name = value.as_str().ok_or_else(wrong)?;
            writer.tag(label(&labels.parts, name).ok_or_else(wrong)?);
        }
        Type::Flags(labels) => {
            let mut set = Vec::new();
            for (index, name) in value.as_array().ok_or_else(wrong)?.iter().enumerate() {
                let bit = name.as_str().and_then(|name| label(&labels.parts, name));
                match bit.filter(|bit| !set.contains(bit)) {
                    Some(bit) => set.push(bit),
                    None => {
                        let error = ValueError::new(expected(ty), kind_of(name));
                        return Err(error.within_item(index));
                    }
                }
            }
            writer.flags(labels.parts.len(), &set);
        }
        _ => unreachable!("scalars are written by `write`"),
    }
    Ok(())
}

fn write_items<'v>(
    items: impl Iterator<Item = (&'v Type, &'v Value)>,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    for (index, (ty, value)) in items.enumerate() {
        write(ty, value, formats, writer).map_err(|error| error.within_item(index))?;
    }
    Ok(())
}

fn write_payload(
    ty: Option<&Type>,
    case: &str,
    payload: Option<&Value>,
    formats: &Formats<'_>,
    writer: &mut Writer,
) -> Result<(), ValueError> {
    match (ty, payload) {
        (None, None | Some(Value::Null)) => Ok(()),
        (None, Some(other)) => Err(ValueError::new("nothing", kind_of(other)).within(case)),
        (Some(ty), value) => write_part(case, ty, value, formats, writer),
    }
}

/// `"case"`, or `{"case": payload}`.
fn tagged(value: &Value) -> Option<(&str, Option<&Value>)> {
    match value {
        Value::String(case) => Some((case, None)),
        Value::Object(object) if object.len() == 1 => {
            object.iter().next().map(|(case, payload)| (case.as_str(), Some(payload)))
        }
        _ => None,
    }
}

/// The value of an object's only key.
fn only<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_object().filter(|object| object.len() == 1)?.get(key)
}

fn label(labels: &[Label], name: &str) -> Option<usize> {
    labels.iter().position(|label| label.name == name)
}

/// A whole number, as a number or as decimal digits.
fn integer<T: TryFrom<i128>>(value: &Value) -> Option<T> {
    let wide = match value {
        Value::Number(number) => {
            number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from))?
        }
        // Digits alone: no plus, no spaces.
        Value::String(text) if !text.starts_with('+') => text.parse::<i128>().ok()?,
        _ => return None,
    };
    T::try_from(wide).ok()
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "infinity" => Some(f64::INFINITY),
            "-infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(object) => {
            let names: Vec<&str> = object.keys().map(String::as_str).collect();
            format!("an object with {}", super::few(&names))
        }
        scalar => scalar.to_string(),
    }
}

fn read(ty: &Type, formats: &Formats<'_>, reader: &mut Reader<'_>) -> Result<Value, ValueError> {
    reader.begin()?;
    Ok(match ty {
        Type::Bool => Value::Bool(reader.tag(ty, 2)? == 1),
        Type::U8 => reader.byte(ty)?.into(),
        Type::U16 => u16::from_le_bytes(reader.array(ty)?).into(),
        Type::U32 => u32::from_le_bytes(reader.array(ty)?).into(),
        Type::U64 | Type::Amount => u64::from_le_bytes(reader.array(ty)?).to_string().into(),
        Type::S8 => i8::from_le_bytes(reader.array(ty)?).into(),
        Type::S16 => i16::from_le_bytes(reader.array(ty)?).into(),
        Type::S32 => i32::from_le_bytes(reader.array(ty)?).into(),
        Type::S64 => i64::from_le_bytes(reader.array(ty)?).to_string().into(),
        Type::F32 => float_json(widened(reader.f32()?)),
        Type::F64 => float_json(reader.f64()?),
        Type::Char => reader.char()?.to_string().into(),
        Type::String => reader.string(ty)?.into(),
        Type::Bytes => BASE64.encode(reader.bytes(ty)?).into(),
        Type::Id(kind) => formats.show_id(*kind, &reader.array(ty)?).into(),
        _ => return read_compound(ty, formats, reader),
    })
}

fn read_compound(
    ty: &Type,
    formats: &Formats<'_>,
    reader: &mut Reader<'_>,
) -> Result<Value, ValueError> {
    Ok(match ty {
        Type::List(item) => {
            let mut items = Vec::new();
            for index in 0..reader.length(ty)? {
                items.push(read(item, formats, reader).map_err(|error| error.within_item(index))?);
            }
            Value::Array(items)
        }
        Type::Option(inner) => match reader.tag(ty, 2)? {
            0 => Value::Null,
            _ => {
                let value = read(inner, formats, reader)?;
                if is_nullable(inner) { single("some", value) } else { value }
            }
        },
        Type::Result { ok, err } => {
            let (case, ty) = if reader.tag(ty, 2)? == 0 { ("ok", ok) } else { ("err", err) };
            single(case, read_payload(ty.as_deref(), case, formats, reader)?.unwrap_or_default())
        }
        Type::Tuple(types) => {
            let mut items = Vec::with_capacity(types.len());
            for (index, ty) in types.iter().enumerate() {
                items.push(read(ty, formats, reader).map_err(|error| error.within_item(index))?);
            }
            Value::Array(items)
        }
        Type::Record(record) => {
            let mut object = Map::new();
            for Field { name, ty, .. } in &record.parts {
                let value = read(ty, formats, reader).map_err(|error| error.within(name))?;
                object.insert(name.clone(), value);
            }
            Value::Object(object)
        }
        Type::Variant(variant) => {
            let Case { name, ty, .. } = &variant.parts[reader.tag(ty, variant.parts.len())?];
            match read_payload(ty.as_ref(), name, formats, reader)? {
                Some(payload) => single(name, payload),
                None => name.as_str().into(),
            }
        }
        Type::Enum(labels) => {
            labels.parts[reader.tag(ty, labels.parts.len())?].name.as_str().into()
        }
        Type::Flags(labels) => {
            let set = reader.flags(ty, labels.parts.len())?;
            set.into_iter().map(|index| labels.parts[index].name.as_str()).collect()
        }
        _ => unreachable!("scalars are read by `read`"),
    })
}

fn read_payload(
    ty: Option<&Type>,
    case: &str,
    formats: &Formats<'_>,
    reader: &mut Reader<'_>,
) -> Result<Option<Value>, ValueError> {
    ty.map(|ty| read(ty, formats, reader).map_err(|error| error.within(case))).transpose()
}

fn single(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

/// The f64 that reads best and still is this f32: 8.1, not 8.100000381469727.
pub(super) fn widened(narrow: f32) -> f64 {
    let short: f64 = narrow.to_string().parse().unwrap_or_else(|_| f64::from(narrow));
    if short as f32 == narrow { short } else { f64::from(narrow) }
}

fn float_json(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value > 0.0 => "infinity".into(),
        None => "-infinity".into(),
    }
}
