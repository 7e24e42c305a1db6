//! The small values that every method shares, with their one spelling in JSON.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pollen_ledger::address::AddressError;
use pollen_ledger::transaction::is_module_name;
use pollen_ledger::{AccountId, Address, Hash};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// u64 as a decimal string, since other readers lose digits beyond 2^53. Reads a JSON number too. For serde's
/// `with`.
pub struct Decimal;

impl Decimal {
    /// Writes the decimal string.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads a decimal string or a whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = u64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 2^64-1, as a decimal string")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
                Ok(value)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
                Decimal::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }

    /// Digits only: no sign, no blanks, which `u64::from_str` would partly allow.
    pub(crate) fn parse(text: &str) -> Option<u64> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "U64".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A whole number from 0 to 2^64 - 1 in decimal digits. As a parameter a JSON number is read, too.",
            "pattern": "^[0-9]{1,20}$",
        })
    }
}

/// [`Decimal`] of a field that may be absent.
pub struct OptionalDecimal;

impl OptionalDecimal {
    /// Writes the decimal string or null.
    pub fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a decimal string, a whole number or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        #[derive(Deserialize)]
        struct Present(#[serde(with = "Decimal")] u64);
        Ok(Option::<Present>::deserialize(deserializer)?.map(|present| present.0))
    }
}

impl JsonSchema for OptionalDecimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OptionalU64".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Option<Decimal>>()
    }
}

/// Declares the schema of a value that is written as a string.
macro_rules! text_schema {
    ($type:ty, $name:literal, $description:literal) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}
pub(super) use text_schema;

text_schema!(Bytes, "Bytes", "Bytes as base64 with padding (RFC 4648, section 4).");
text_schema!(ReadAt, "ReadAt", "The state to read: `latest`, `certified`, or a height.");
text_schema!(
    Cursor,
    "Cursor",
    "A place in the chain's one list of events: `height.transaction.event`, or a height alone: after all of that height."
);

/// Bytes, as base64 (RFC 4648 §4, padded).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        BASE64
            .decode(text.as_bytes())
            .map(Self)
            .map_err(|error| de::Error::custom(format!("expected base64 with padding: {error}")))
    }
}

/// The state that an answer was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct At {
    /// Height of the checkpoint.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// Its state root.
    pub state_root: Hash,
    /// Whether a quorum has attested to it, as far as this node has seen.
    pub certified: bool,
}

/// The state that a question asks for: `"latest"`, `"certified"`, or a height (string or number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadAt {
    /// The last checkpoint that this node executed.
    #[default]
    Latest,
    /// The last that a quorum attested to.
    Certified,
    /// The checkpoint of a height.
    Height(u64),
}

impl ReadAt {
    pub(crate) fn is_latest(&self) -> bool {
        *self == Self::Latest
    }
}

impl FromStr for ReadAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "certified" => Ok(Self::Certified),
            _ => Decimal::parse(text)
                .map(Self::Height)
                .ok_or_else(|| "expected \"latest\", \"certified\" or a height".to_owned()),
        }
    }
}

impl fmt::Display for ReadAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Certified => f.write_str("certified"),
            Self::Height(height) => write!(f, "{height}"),
        }
    }
}

impl Serialize for ReadAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReadAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ReadAt;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"latest\", \"certified\" or a height")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<ReadAt, E> {
                Ok(ReadAt::Height(value))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ReadAt, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A place in the chain's one list of events, the same on every node: `height.transaction.event`,
/// or `height` alone for the end of a height. Ordered as the events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// Height of the checkpoint.
    pub height: u64,
    /// Place of the transaction in it, from 0.
    pub transaction: u32,
    /// Place of the event in the transaction, from 0.
    pub event: u32,
}

impl Cursor {
    /// After every event of a height.
    pub const fn end_of(height: u64) -> Self {
        Self { height, transaction: u32::MAX, event: u32::MAX }
    }

    /// The least cursor after this one: where a search for what comes after starts.
    pub fn successor(self) -> Self {
        let Self { height, transaction, event } = self;
        match (transaction, event) {
            (u32::MAX, u32::MAX) => {
                Self { height: height.saturating_add(1), transaction: 0, event: 0 }
            }
            (_, u32::MAX) => Self { height, transaction: transaction + 1, event: 0 },
            _ => Self { height, transaction, event: event + 1 },
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::end_of(self.height) {
            write!(f, "{}", self.height)
        } else {
            write!(f, "{}.{}.{}", self.height, self.transaction, self.event)
        }
    }
}

impl FromStr for Cursor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}': expected a cursor `height.transaction.event`, or a height");
        let small = |part: &str| {
            Decimal::parse(part).and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)
        };
        let parts: Vec<&str> = text.splitn(4, '.').collect();
        let height = Decimal::parse(parts[0]).ok_or_else(wrong)?;
        match parts.as_slice() {
            [_] => Ok(Self::end_of(height)),
            [_, transaction, event] => {
                Ok(Self { height, transaction: small(transaction)?, event: small(event)? })
            }
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.chars().take(64).collect::<String>().parse().map_err(de::Error::custom)
    }
}

/// An account or a module, as a question names it: an address, or the registered name of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id.
    Id(AccountId),
    /// By the name it is registered under, without the `@`.
    Name(String),
}

impl Named {
    /// Reads an address of the network of `prefix`, or `@name`.
    pub fn parse(text: &str, prefix: &str) -> Result<Self, NamedError> {
        match text.strip_prefix('@') {
            Some(name) if is_module_name(name) => Ok(Self::Name(name.to_owned())),
            Some(name) => Err(NamedError::Name { name: name.chars().take(80).collect() }),
            None => Ok(Self::Id(Address::parse(text, prefix)?.id)),
        }
    }
}

/// Why a text names no account or module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamedError {
    /// Not an address of this network.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not a name that can be registered.
    #[error("'@{name}' is no module name: lower-case letters, digits and inner hyphens")]
    Name {
        /// What came, without the `@`.
        name: String,
    },
}

#[cfg(test)]
mod tests;
