//! Values on one line, for people: previews, events, results of calls.
//!
//! Strings are quoted and escaped ([`quoted`]), so that no value of a module can move a terminal's cursor or
//! pretend to be another value.

use std::ops::RangeInclusive;
use std::time::{Duration, UNIX_EPOCH};

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

/// Each of a function's arguments, in order.
pub fn show_each(
    params: &[(String, Type)],
    bytes: &[u8],
    formats: &Formats<'_>,
) -> Result<Vec<String>, ValueError> {
    let mut reader = Reader::new(bytes)?;
    let mut shown = Vec::with_capacity(params.len());
    for (name, ty) in params {
        let mut line = String::new();
        write(ty, formats, &mut reader, &mut line).map_err(|error| error.within(name))?;
        shown.push(line);
    }
    reader.finish()?;
    Ok(shown)
}

/// A function's arguments on one line: `name: value, name: value`.
pub fn show_params(params: &[(String, Type)], bytes: &[u8], formats: &Formats<'_>) -> String {
    let word = |((name, _), shown): (&(String, Type), String)| format!("{name}: {shown}");
    match show_each(params, bytes, formats) {
        Ok(shown) => params.iter().zip(shown).map(word).collect::<Vec<_>>().join(", "),
        Err(error) => format!("{} (unreadable: {error})", show_bytes(bytes)),
    }
}

/// A moment: RFC 3339 in UTC, to the second, cut off; the end of the year 9999 for all that comes later.
pub fn show_moment(time_ms: u64) -> String {
    let since = Duration::from_millis(time_ms.min(MOMENT_MAX_MS));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// The end of the year 9999, beyond which RFC 3339 has no dates.
const MOMENT_MAX_MS: u64 = 253_402_300_799_000;

/// A text in double quotes on one line. Escaped are `"` and `\`, and as `\u{hex}` what does not show as itself:
/// control characters, what joins or turns the text around it, and what only some machines have a picture of.
pub fn quoted(text: &str) -> String {
    let mut line = String::with_capacity(text.len() + 2);
    line.push('"');
    text.chars().for_each(|letter| escape(letter, '"', &mut line));
    line.push('"');
    line
}

fn escape(letter: char, quote: char, line: &mut String) {
    match letter {
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        '\\' => line.push_str("\\\\"),
        letter if letter == quote => line.extend(['\\', letter]),
        letter if HIDDEN.iter().any(|range| range.contains(&letter)) => {
            line.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
        }
        letter => line.push(letter),
    }
}

/// Characters that are escaped. Ranges and no property of Unicode, so that it is the same in every program,
/// whatever its version.
const HIDDEN: [RangeInclusive<char>; 21] = [
    '\u{0}'..='\u{1f}',
    '\u{7f}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2000}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{e000}'..='\u{f8ff}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{ffff}',
    '\u{e0000}'..='\u{10ffff}',
];

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

/// Bytes in hexadecimal digits, of long ones the first.
pub(crate) fn show_bytes(bytes: &[u8]) -> String {
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
        Type::Char => {
            let mut shown = "'".to_owned();
            escape(reader.char()?, '\'', &mut shown);
            shown + "'"
        }
        Type::String => quoted(reader.string(ty)?),
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
