//! Interfaces as people read them: WIT with docs.

use std::fmt::{self, Write as _};

use super::{Function, Interface, Label, Named, Type};

impl fmt::Display for Type {
    /// As WIT writes it where it is used: named types by their name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::U8 => f.write_str("u8"),
            Self::U16 => f.write_str("u16"),
            Self::U32 => f.write_str("u32"),
            Self::U64 => f.write_str("u64"),
            Self::S8 => f.write_str("s8"),
            Self::S16 => f.write_str("s16"),
            Self::S32 => f.write_str("s32"),
            Self::S64 => f.write_str("s64"),
            Self::F32 => f.write_str("f32"),
            Self::F64 => f.write_str("f64"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("string"),
            Self::Amount => f.write_str("amount"),
            Self::Bytes => f.write_str("bytes"),
            Self::Id(kind) => f.write_str(kind.name()),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Option(inner) => write!(f, "option<{inner}>"),
            Self::Result { ok, err } => match (ok, err) {
                (None, None) => f.write_str("result"),
                (Some(ok), None) => write!(f, "result<{ok}>"),
                (None, Some(err)) => write!(f, "result<_, {err}>"),
                (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            },
            Self::Tuple(types) => {
                f.write_str("tuple<")?;
                for (index, ty) in types.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    write!(f, "{ty}")?;
                }
                f.write_str(">")
            }
            Self::Record(Named { name, .. }) => f.write_str(&name.name),
            Self::Variant(Named { name, .. }) => f.write_str(&name.name),
            Self::Enum(Named { name, .. }) | Self::Flags(Named { name, .. }) => {
                f.write_str(&name.name)
            }
        }
    }
}

impl Interface {
    /// The interface as a WIT document with docs.
    pub fn to_wit_text(&self) -> String {
        String::new()
    }
}
