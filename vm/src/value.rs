//! Values of WIT types: the one canonical encoding, and every form people and programs use beside it.
//!
//! The encoding is borsh of the WIT value (docs/modules-encoding.md has it with vectors): record and tuple =
//! fields in order; variant, enum, option, result = one tag byte and the payload; list and string = u32
//! length and items; flags = ceil(n/8) bytes, first flag in the lowest bit; integers and floats
//! little-endian, NaN refused; char = u32. Arguments are encoded as one record of the parameters.
//!
//! A value has exactly one encoding, and decoding refuses all else: other tags, unused flag bits, bad UTF-8,
//! bytes left over, more than [`VALUE_BYTES_MAX`] bytes or [`VALUES_MAX`] values. Nothing is allocated by a
//! length that the remaining bytes cannot hold. Depth is bounded by the type
//! ([`TYPE_DEPTH_MAX`](crate::interface::TYPE_DEPTH_MAX)), which bounds every recursion here.

mod binary;
mod bridge;
mod json;
mod show;
mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use pollen_ledger::address::{Address, AddressKind};
use pollen_ledger::transaction::AccountId;

use crate::interface::{IdKind, Type};

pub use bridge::{from_val, to_vals};
pub use json::{decode_json, decode_params_json, encode_json, encode_params_json};
pub use pollen_ledger::limits::VALUE_BYTES_MAX;
pub(crate) use show::show_bytes;
pub use show::{quoted, show, show_amount, show_each, show_moment, show_params};
pub use words::{encode_words, help, usage};

/// Values, counted with all their parts, in one encoding; a list of bytes counts as one. More than a list
/// of the smallest values can have in [`VALUE_BYTES_MAX`]; without it, tuples of tuples of one byte would
/// cost far more memory than bytes.
pub const VALUES_MAX: usize = VALUE_BYTES_MAX;

/// Grains in a pollen.
pub const GRAINS: u64 = 1_000_000_000;

/// A value that does not fit its type: BadArguments (2003).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// Where, such as `box.items[3]`; empty for the whole value.
    pub path: String,
    /// What belongs there, such as `u64: a whole number from 0 to 18446744073709551615`.
    pub expected: String,
    /// What came, shortened.
    pub found: String,
    /// How to call the function, when words were given.
    pub usage: Option<String>,
}

impl std::error::Error for ValueError {}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "expected {}, found {}", self.expected, self.found)?;
        match &self.usage {
            Some(usage) => write!(f, "\nusage: {usage}"),
            None => Ok(()),
        }
    }
}

impl ValueError {
    #[cold]
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        let found = shortened(&found.into());
        Self { path: String::new(), expected: expected.into(), found, usage: None }
    }

    /// The same error, seen from the value around it.
    #[cold]
    fn within(mut self, part: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{part}{joint}{}", self.path);
        self
    }

    #[cold]
    fn within_item(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

/// At most 80 characters, none of which moves a terminal's cursor.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(80).flat_map(printable).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

fn printable(letter: char) -> impl Iterator<Item = char> {
    let escaped = if letter.is_control() { Some(letter.escape_default()) } else { None };
    let plain = if escaped.is_none() { Some(letter) } else { None };
    escaped.into_iter().flatten().chain(plain)
}

/// Finds who a name means; none where nobody is called so.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<AccountId>;

/// How ids are read and shown: what differs between networks, and what the caller knows of names.
#[derive(Clone, Copy)]
pub struct Formats<'a> {
    /// Prefix of this network's addresses.
    pub address_prefix: &'a str,
    /// Finds the account of `@name` (asked with the `@`) or of a local name such as `alice`.
    pub resolve: Option<Resolve<'a>>,
    /// Whether an id is a module's: decides the kind that its address shows.
    pub is_module: Option<&'a dyn Fn(&AccountId) -> bool>,
}

impl fmt::Debug for Formats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Formats")
            .field("address_prefix", &self.address_prefix)
            .finish_non_exhaustive()
    }
}

impl<'a> Formats<'a> {
    /// Addresses of this network; no names.
    pub fn new(address_prefix: &'a str) -> Self {
        Self { address_prefix, resolve: None, is_module: None }
    }

    fn show_id(&self, kind: IdKind, id: &[u8; 32]) -> String {
        match kind {
            IdKind::Account => {
                let id = AccountId(*id);
                let is_module = self.is_module.is_some_and(|is_module| is_module(&id));
                let kind = if is_module { AddressKind::Module } else { AddressKind::Account };
                Address { kind, id }.display(self.address_prefix)
            }
            IdKind::CodeHash | IdKind::Hash | IdKind::Id => hex::encode(id),
        }
    }

    fn read_id(&self, kind: IdKind, text: &str) -> Result<[u8; 32], ValueError> {
        let mut bytes = [0; 32];
        if hex::decode_to_slice(text, &mut bytes).is_ok() {
            return Ok(bytes);
        }
        let ty = Type::Id(kind);
        if kind != IdKind::Account {
            return Err(ValueError::new(expected(&ty), format!("'{text}'")));
        }
        if let Some(id) = self.resolve.and_then(|resolve| resolve(text)) {
            return Ok(id.0);
        }
        match Address::parse(text, self.address_prefix) {
            Ok(Address { kind: AddressKind::Validator, .. }) => {
                Err(ValueError::new(expected(&ty), "the address of a validator"))
            }
            Ok(address) => Ok(address.id.0),
            // A name that nobody knows reads better as such than as a broken checksum.
            Err(_) if text.starts_with('@') || text.len() < 20 => {
                Err(ValueError::new(expected(&ty), format!("the unknown name '{text}'")))
            }
            Err(error) => Err(ValueError::new(expected(&ty), error.to_string())),
        }
    }
}

/// A type and what its values look like, for people.
pub(crate) fn expected(ty: &Type) -> String {
    let range =
        |name: &str, min: i128, max: i128| format!("{name}: a whole number from {min} to {max}");
    match ty {
        Type::Bool => "bool: true or false".to_owned(),
        Type::U8 => range("u8", 0, u8::MAX.into()),
        Type::U16 => range("u16", 0, u16::MAX.into()),
        Type::U32 => range("u32", 0, u32::MAX.into()),
        Type::U64 => range("u64", 0, u64::MAX.into()),
        Type::S8 => range("s8", i8::MIN.into(), i8::MAX.into()),
        Type::S16 => range("s16", i16::MIN.into(), i16::MAX.into()),
        Type::S32 => range("s32", i32::MIN.into(), i32::MAX.into()),
        Type::S64 => range("s64", i64::MIN.into(), i64::MAX.into()),
        Type::F32 => "f32: a number, not NaN".to_owned(),
        Type::F64 => "f64: a number, not NaN".to_owned(),
        Type::Char => "char: one character".to_owned(),
        Type::String => "string: text".to_owned(),
        Type::Amount => "amount: grains as a whole number, or such as '1.5 pollen'".to_owned(),
        Type::Bytes => "bytes: base64".to_owned(),
        Type::Id(IdKind::Account) => {
            "account: an address, a known name or 64 hexadecimal digits".to_owned()
        }
        Type::Id(kind) => format!("{}: 64 hexadecimal digits", kind.name()),
        Type::List(_) => format!("{ty}: a list"),
        Type::Option(_) => format!("{ty}: a value or null"),
        Type::Result { .. } => format!("{ty}: {{\"ok\": ...}} or {{\"err\": ...}}"),
        Type::Tuple(types) => format!("{ty}: a list of {}", types.len()),
        Type::Record(record) => {
            let names: Vec<&str> = record.parts.iter().map(|part| part.name.as_str()).collect();
            format!("{ty}: a record of {}", few(&names))
        }
        Type::Variant(variant) => {
            let names: Vec<&str> = variant.parts.iter().map(|part| part.name.as_str()).collect();
            format!("{ty}: one of {}", few(&names))
        }
        Type::Enum(labels) | Type::Flags(labels) => {
            let names: Vec<&str> = labels.parts.iter().map(|part| part.name.as_str()).collect();
            let what = if matches!(ty, Type::Enum(_)) { "one" } else { "a list" };
            format!("{ty}: {what} of {}", few(&names))
        }
    }
}

fn few(names: &[&str]) -> String {
    let shown = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 12 { format!("{shown}, ...") } else { shown }
}
