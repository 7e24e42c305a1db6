//! Values on one line, for people: previews, events, results of calls.
//!
//! Strings are quoted and escaped, so that no value of a module can move a terminal's cursor or pretend to
//! be another value.

use super::binary::Reader;
use super::{Formats, GRAINS, ValueError};
use crate::interface::Type;

/// Bytes that are shown in full.
const BYTES_SHOWN: usize = 32;

/// One value on one line. Bytes that are no such value are shown as what they are, with the reason.
pub fn show(ty: &Type, bytes: &[u8], formats: &Formats<'_>) -> String {
    let shown = Reader::new(bytes).and_then(|mut reader| {
        let mut line = String::new();
        write(ty, formats, &mut reader, &mut line)?;
        reader.finish()?;
        Ok(line)
    });
    shown.unwrap_or_else(|error| format!("{} (unreadable: {error})", show_bytes(bytes)))
}

/// A function's arguments on one line: `name: value, name: value`.
pub fn show_params(params: &[(String, Type)], bytes: &[u8], formats: &Formats<'_>) -> String {
    let shown = Reader::new(bytes).and_then(|mut reader| {
        let mut line = String::new();
        for (index, (name, ty)) in params.iter().enumerate() {
            line.push_str(if index == 0 { "" } else { ", " });
            line.push_str(name);
            line.push_str(": ");
            write(ty, formats, &mut reader, &mut line).map_err(|error| error.within(name))?;
        }
        reader.finish()?;
        Ok(line)
    });
    shown.unwrap_or_else(|error| format!("{} (unreadable: {error})", show_bytes(bytes)))
}

/// Grains as pollen: `1.5 pollen`, exactly.
pub fn show_amount(grains: u64) -> String {
    let (whole, part) = (grains / GRAINS, grains % GRAINS);
    if part == 0 {
        return format!("{whole} pollen");
    }
    let part = format!("{part:09}");
    format!("{whole}.{} pollen", part.trim_end_matches('0'))
}

/// Grains from `1500000000`, `1.5 pollen` or `1.5pollen`; none when it is neither, or does not fit.
pub(super) fn parse_amount(text: &str) -> Option<u64> {
    let Some(decimal) = text.strip_suffix("pollen") else { return parse_digits(text) };
    let decimal = decimal.trim_end();
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, "0"));
    if part.is_empty() || part.len() > 9 {
        return None;
    }
    let part = parse_digits(part)? * 10_u64.pow(9 - part.len() as u32);
    parse_digits(whole)?.checked_mul(GRAINS)?.checked_add(part)
}

fn parse_digits(text: &str) -> Option<u64> {
    text.bytes().all(|letter| letter.is_ascii_digit()).then(|| text.parse().ok())?
}

fn show_bytes(bytes: &[u8]) -> String {
    if bytes.len() <= BYTES_SHOWN {
        return format!("0x{}", hex::encode(bytes));
    }
    format!("0x{}... ({} bytes)", hex::encode(&bytes[..BYTES_SHOWN]), bytes.len())
}

fn write(
    ty: &Type,
    formats: &Formats<'_>,
    reader: &mut Reader<'_>,
    line: &mut String,
) -> Result<(), ValueError> {
    reader.begin()?;
    let text = match ty {
        Type::Bool => (reader.tag(ty, 2)? == 1).to_string(),
        Type::U8 => reader.byte(ty)?.to_string(),
        Type::U16 => u16::from_le_bytes(reader.array(ty)?).to_string(),
        Type::U32 => u32::from_le_bytes(reader.array(ty)?).to_string(),
        Type::U64 => u64::from_le_bytes(reader.array(ty)?).to_string(),
        Type::S8 => i8::from_le_bytes(reader.array(ty)?).to_string(),
        Type::S16 => i16::from_le_bytes(reader.array(ty)?).to_string(),
        Type::S32 => i32::from_le_bytes(reader.array(ty)?).to_string(),
        Type::S64 => i64::from_le_bytes(reader.array(ty)?).to_string(),
        Type::F32 => reader.f32()?.to_string(),
        Type::F64 => reader.f64()?.to_string(),
        Type::Amount => show_amount(u64::from_le_bytes(reader.array(ty)?)),
        Type::Char => format!("{:?}", reader.char()?),
        Type::String => format!("{:?}", reader.string(ty)?),
        Type::Bytes => show_bytes(reader.bytes(ty)?),
        Type::Id(kind) => formats.show_id(*kind, &reader.array(ty)?),
        Type::Enum(labels) => labels.parts[reader.tag(ty, labels.parts.len())?].name.clone(),
        Type::Flags(labels) => {
            let set = reader.flags(ty, labels.parts.len())?;
            let names: Vec<&str> = set.iter().map(|bit| labels.parts[*bit].name.as_str()).collect();
            format!("{{{}}}", names.join(", "))
        }
        _ => return write_compound(ty, formats, reader, line),
    };
    line.push_str(&text);
    Ok(())
}

fn write_compound(
    ty: &Type,
    formats: &Formats<'_>,
    reader: &mut Reader<'_>,
    line: &mut String,
) -> Result<(), ValueError> {
    match ty {
        Type::List(item) => {
            line.push('[');
            for index in 0..reader.length(ty)? {
                line.push_str(if index == 0 { "" } else { ", " });
                write(item, formats, reader, line).map_err(|error| error.within_item(index))?;
            }
            line.push(']');
        }
        Type::Tuple(types) => {
            line.push('(');
            for (index, ty) in types.iter().enumerate() {
                line.push_str(if index == 0 { "" } else { ", " });
                write(ty, formats, reader, line).map_err(|error| error.within_item(index))?;
            }
            line.push(')');
        }
        Type::Record(record) => {
            line.push('{');
            for (index, field) in record.parts.iter().enumerate() {
                line.push_str(if index == 0 { "" } else { ", " });
                line.push_str(&field.name);
                line.push_str(": ");
                write(&field.ty, formats, reader, line)
                    .map_err(|error| error.within(&field.name))?;
            }
            line.push('}');
        }
        Type::Option(inner) => match reader.tag(ty, 2)? {
            0 => line.push_str("none"),
            _ => write_case("some", Some(inner), formats, reader, line)?,
        },
        Type::Result { ok, err } => match reader.tag(ty, 2)? {
            0 => write_case("ok", ok.as_deref(), formats, reader, line)?,
            _ => write_case("err", err.as_deref(), formats, reader, line)?,
        },
        Type::Variant(variant) => {
            let case = &variant.parts[reader.tag(ty, variant.parts.len())?];
            write_case(&case.name, case.ty.as_ref(), formats, reader, line)?;
        }
        _ => unreachable!("scalars are written by `write`"),
    }
    Ok(())
}

fn write_case(
    name: &str,
    ty: Option<&Type>,
    formats: &Formats<'_>,
    reader: &mut Reader<'_>,
    line: &mut String,
) -> Result<(), ValueError> {
    line.push_str(name);
    if let Some(ty) = ty {
        line.push('(');
        write(ty, formats, reader, line).map_err(|error| error.within(name))?;
        line.push(')');
    }
    Ok(())
}
