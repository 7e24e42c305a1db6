//! Arguments as words of a command line, and the help that goes with them.
//!
//! Words fill parameters in order; `--name value` or `--name=value` sets one by name, `--name` alone sets a
//! bool to true. Words in order skip what was set by name. Parameters of type `option` may be left out, and a
//! bool that is left out is false. After `--` every word is taken as it is. Scalars are plain words, bytes
//! base64, `hex:...` or `text:...`, flags names with commas; everything else is JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::json::encode_params_json;
use super::{Formats, ValueError, expected};
use crate::interface::{Function, Label, Type, similar};

/// Encodes a function's arguments from words.
pub fn encode_words(
    function: &Function,
    words: &[String],
    formats: &Formats<'_>,
) -> Result<Vec<u8>, ValueError> {
    arguments(function, words)
        .and_then(|arguments| encode_params_json(function, &arguments, formats))
        .map_err(|mut error| {
            let path = error.path.trim_start_matches("arguments").trim_start_matches('.');
            error.path = path.to_owned();
            error.usage = Some(usage(function));
            error
        })
}

/// One line: the function and its parameters, optional ones in brackets.
pub fn usage(function: &Function) -> String {
    let mut line = function.name.clone();
    for (name, ty) in &function.params {
        match ty {
            Type::Option(inner) => line.push_str(&format!(" [--{name} <{inner}>]")),
            Type::Bool => line.push_str(&format!(" [--{name}]")),
            _ => line.push_str(&format!(" <{name}: {ty}>")),
        }
    }
    line
}

/// What `--help` prints: docs, usage, every parameter with what belongs there, and the result.
pub fn help(function: &Function) -> String {
    let mut text = String::new();
    if let Some(docs) = &function.docs {
        text.push_str(docs.trim());
        text.push_str("\n\n");
    }
    text.push_str(&format!("Usage: {}\n", usage(function)));
    if !function.params.is_empty() {
        text.push_str("\nParameters (in order, or as --name value):\n");
        let width = function.params.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, ty) in &function.params {
            let inner = if let Type::Option(inner) = ty { inner } else { ty };
            let optional = if matches!(ty, Type::Option(_)) { " (optional)" } else { "" };
            text.push_str(&format!("  {name:width$}  {}{optional}\n", expected(inner)));
            for (part, docs) in parts(inner) {
                text.push_str(&format!("  {:width$}    {part}{docs}\n", ""));
            }
        }
    }
    if let Some(result) = &function.result {
        text.push_str(&format!("\nResult: {result}\n"));
    }
    text
}

/// Fields and cases of a parameter's type, with the first line of their docs.
fn parts(ty: &Type) -> Vec<(String, String)> {
    let docs = |docs: &Option<String>| match docs.as_deref().and_then(|docs| docs.lines().next()) {
        Some(line) => format!(" - {}", line.trim()),
        None => String::new(),
    };
    let labels = |labels: &[Label]| -> Vec<(String, String)> {
        labels
            .iter()
            .filter(|label| label.docs.is_some())
            .map(|label| (label.name.clone(), docs(&label.docs)))
            .collect()
    };
    match ty {
        Type::Record(record) => record
            .parts
            .iter()
            .map(|field| (format!("{}: {}", field.name, field.ty), docs(&field.docs)))
            .collect(),
        Type::Variant(variant) => variant
            .parts
            .iter()
            .map(|case| {
                let payload = case.ty.as_ref().map(|ty| format!("({ty})")).unwrap_or_default();
                (format!("{}{payload}", case.name), docs(&case.docs))
            })
            .collect(),
        Type::Enum(named) | Type::Flags(named) => labels(&named.parts),
        _ => Vec::new(),
    }
}

/// Sorts words to parameters and turns each into JSON.
fn arguments(function: &Function, words: &[String]) -> Result<Value, ValueError> {
    let params = &function.params;
    let mut given: Vec<Option<Value>> = vec![None; params.len()];
    let mut in_order = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            None => in_order.push(word),
            Some("") => in_order.extend(words.by_ref()),
            Some(option) => {
                let (name, inline) = match option.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (option, None),
                };
                let index = parameter(function, name)?;
                let (name, ty) = &params[index];
                let value = match (inline, ty) {
                    (Some(value), _) => word_json(ty, value),
                    (None, Type::Bool) => Ok(Value::Bool(true)),
                    (None, _) => match words.next() {
                        Some(value) => word_json(ty, value),
                        None => Err(ValueError::new(expected(ty), "the end of the line")),
                    },
                };
                let value = value.map_err(|error| error.within(name))?;
                if given[index].replace(value).is_some() {
                    return Err(ValueError::new("one value", "a second one").within(name));
                }
            }
        }
    }
    let mut in_order = in_order.into_iter();
    for ((name, ty), slot) in params.iter().zip(&mut given).filter(|(_, slot)| slot.is_none()) {
        let Some(word) = in_order.next() else { break };
        *slot = Some(word_json(ty, word).map_err(|error| error.within(name))?);
    }
    if let Some(word) = in_order.next() {
        let count = params.len();
        return Err(ValueError::new(format!("{count} arguments"), format!("one more: '{word}'")));
    }
    let named = params.iter().zip(given).filter_map(|((name, ty), value)| match (value, ty) {
        (None, Type::Bool) => Some((name.clone(), Value::Bool(false))),
        (value, _) => Some((name.clone(), value?)),
    });
    Ok(Value::Object(named.collect()))
}

fn parameter(function: &Function, name: &str) -> Result<usize, ValueError> {
    let names = || function.params.iter().map(|(name, _)| name.as_str());
    names().position(|candidate| candidate == name).ok_or_else(|| {
        let wanted = match similar(name, names()).first() {
            Some(near) => format!("--{near}"),
            None => "a parameter of the function".to_owned(),
        };
        ValueError::new(wanted, format!("--{name}"))
    })
}

/// The JSON of a word.
fn word_json(ty: &Type, word: &str) -> Result<Value, ValueError> {
    let wrong = || ValueError::new(expected(ty), format!("'{word}'"));
    match ty {
        Type::Bool => match word {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(wrong()),
        },
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::Amount => Ok(word.into()),
        Type::S8 | Type::S16 | Type::S32 | Type::S64 => Ok(word.into()),
        Type::F32 | Type::F64 => {
            let value: f64 = word.parse().map_err(|_| wrong())?;
            match serde_json::Number::from_f64(value) {
                Some(number) => Ok(number.into()),
                None if value.is_nan() => Err(wrong()),
                None => Ok(if value > 0.0 { "infinity" } else { "-infinity" }.into()),
            }
        }
        Type::Char | Type::String | Type::Id(_) | Type::Enum(_) => Ok(word.into()),
        Type::Bytes => match word.split_once(':') {
            Some(("hex", digits)) => {
                hex::decode(digits).map(|bytes| BASE64.encode(bytes).into()).map_err(|_| wrong())
            }
            Some(("text", text)) => Ok(BASE64.encode(text).into()),
            _ => Ok(word.into()),
        },
        // An option inside an option has no plain word of its own.
        Type::Option(inner) if !matches!(**inner, Type::Option(_)) => word_json(inner, word),
        Type::Flags(_) if !word.starts_with('[') => {
            Ok(word.split(',').filter(|name| !name.is_empty()).collect())
        }
        Type::Variant(variant) if variant.parts.iter().any(|case| case.name == word) => {
            Ok(word.into())
        }
        _ => serde_json::from_str(word).map_err(|error| {
            ValueError::new(format!("{} as JSON", expected(ty)), error.to_string())
        }),
    }
}
