//! What a module can be asked, in our own words: functions, events and types with their docs.
//!
//! Read from the component itself ([`Interface::from_component`]), never from files beside it, so it cannot
//! drift. Independent of the libraries that parse components: everything that converts values, draws forms
//! or prints help works on these plain trees.
//!
//! Invariants of every interface that was read from bytes: types nest at most [`TYPE_DEPTH_MAX`] deep and
//! have at most [`TYPE_NODES_MAX`] nodes together; variants and enums have at most 256 cases, records and
//! tuples at least one field. It does not judge imports, code or limits of execution: deployment does.

mod binary;
mod compare;
mod decode;
mod docs;
mod schema;
mod text;
mod types;

#[cfg(test)]
mod tests;

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

pub use compare::{Comparison, Difference, DifferenceKind, Part};
pub use decode::{InterfaceError, wit_package};

/// Custom section of a component that holds its binary WIT package with docs.
pub const WIT_SECTION: &str = "pollen-wit";
/// Deepest nesting of a type; a scalar has depth 1.
pub const TYPE_DEPTH_MAX: usize = pollen_ledger::limits::VALUE_DEPTH_MAX;
/// Types, counted with all their parts wherever they are used, in one interface.
pub const TYPE_NODES_MAX: usize = 16_384;
/// Bytes of names and docs in one interface, counted at every use.
pub const TEXT_BYTES_MAX: usize = 2 * pollen_ledger::limits::COMPONENT_BYTES_MAX;
/// Functions of one module, and events.
pub const FUNCTIONS_MAX: usize = 512;
/// Cases of a variant or an enum: its tag is one byte.
pub const CASES_MAX: usize = 256;

/// A module's whole interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Interface {
    /// The module's WIT package with its version, such as `cold:chain@0.1.0`.
    pub package: String,
    /// What the package says about itself.
    pub docs: Option<String>,
    /// Functions that may change state.
    pub commands: Vec<Function>,
    /// Functions that only read.
    pub queries: Vec<Function>,
    /// What the module emits.
    pub events: Vec<EventType>,
}

/// One exported function.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Function {
    /// Kebab-case name.
    pub name: String,
    /// Its docs.
    pub docs: Option<String>,
    /// Names and types of its parameters, in order.
    pub params: Vec<(String, Type)>,
    /// What it returns, if anything.
    pub result: Option<Type>,
}

/// One type of the `events` interface.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EventType {
    /// Kebab-case name: what `events.emit` names.
    pub name: String,
    /// Its docs.
    pub docs: Option<String>,
    /// The shape of the event's data.
    pub ty: Type,
}

/// Which half of a module's interface a function belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// Of `commands`.
    Command,
    /// Of `queries`.
    Query,
}

/// What a 32-byte id names; decides how people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IdKind {
    /// `types.account`: an account or a module, shown as an address.
    Account,
    /// `types.code-hash`: shown as 64 hexadecimal digits.
    CodeHash,
    /// `types.hash`: shown as 64 hexadecimal digits.
    Hash,
    /// A plain `types.id`: shown as 64 hexadecimal digits.
    Id,
}

/// Where a named type is defined.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TypeName {
    /// Interface: `commands`, `queries`, `events`, or the full id of one of another package.
    pub interface: String,
    /// Kebab-case name.
    pub name: String,
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Field {
    /// Kebab-case name.
    pub name: String,
    /// Its docs.
    pub docs: Option<String>,
    /// Its type.
    pub ty: Type,
}

/// One case of a variant.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Case {
    /// Kebab-case name.
    pub name: String,
    /// Its docs.
    pub docs: Option<String>,
    /// What it carries.
    pub ty: Option<Type>,
}

/// One name of an enum or of flags.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Label {
    /// Kebab-case name.
    pub name: String,
    /// Its docs.
    pub docs: Option<String>,
}

/// A named type: its name, docs and parts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Named<T> {
    /// Where it is defined.
    pub name: TypeName,
    /// Its docs.
    pub docs: Option<String>,
    /// Fields, cases or labels, in order of definition; never empty.
    pub parts: Vec<T>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Type {
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `s8`
    S8,
    /// `s16`
    S16,
    /// `s32`
    S32,
    /// `s64`
    S64,
    /// `f32`; never NaN.
    F32,
    /// `f64`; never NaN.
    F64,
    /// `char`: a Unicode scalar value.
    Char,
    /// `string`
    String,
    /// `types.amount`: a `u64` of grains.
    Amount,
    /// `list<u8>`
    Bytes,
    /// One of `types.{id, account, code-hash, hash}`: a record of four `u64`.
    Id(IdKind),
    /// `list<T>`
    List(Box<Type>),
    /// `option<T>`
    Option(Box<Type>),
    /// `result<T, E>`
    Result {
        /// What success carries.
        ok: Option<Box<Type>>,
        /// What failure carries.
        err: Option<Box<Type>>,
    },
    /// `tuple<...>`
    Tuple(Vec<Type>),
    /// `record`
    Record(Named<Field>),
    /// `variant`
    Variant(Named<Case>),
    /// `enum`
    Enum(Named<Label>),
    /// `flags`
    Flags(Named<Label>),
}

/// A function that the module does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownFunction {
    /// What was asked for.
    pub name: String,
    /// Functions of that kind with similar names, nearest first.
    pub similar: Vec<String>,
    /// All functions of that kind.
    pub functions: Vec<String>,
    /// True when the other kind has a function of exactly this name.
    pub is_other_kind: bool,
    /// The kind that was asked for.
    pub kind: FunctionKind,
}

impl fmt::Display for UnknownFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (this, other) = match self.kind {
            FunctionKind::Command => ("command", "query"),
            FunctionKind::Query => ("query", "command"),
        };
        write!(f, "the module has no {this} '{}'", self.name)?;
        if self.is_other_kind {
            write!(f, ", but a {other} of that name")
        } else if let Some(similar) = self.similar.first() {
            write!(f, "; did you mean '{similar}'?")
        } else if self.functions.is_empty() {
            write!(f, " (it has none at all)")
        } else {
            write!(f, "; it has: {}", self.functions.join(", "))
        }
    }
}

impl Interface {
    /// Functions of one kind.
    pub fn functions(&self, kind: FunctionKind) -> &[Function] {
        match kind {
            FunctionKind::Command => &self.commands,
            FunctionKind::Query => &self.queries,
        }
    }

    /// A function by its name, or what is there instead.
    pub fn function(&self, kind: FunctionKind, name: &str) -> Result<&Function, UnknownFunction> {
        let functions = self.functions(kind);
        functions.iter().find(|function| function.name == name).ok_or_else(|| {
            let other = match kind {
                FunctionKind::Command => &self.queries,
                FunctionKind::Query => &self.commands,
            };
            let names = || functions.iter().map(|function| function.name.as_str());
            UnknownFunction {
                name: name.chars().take(128).collect(),
                similar: similar(name, names()),
                functions: names().map(str::to_owned).collect(),
                is_other_kind: other.iter().any(|function| function.name == name),
                kind,
            }
        })
    }

    /// An event's type by its name.
    pub fn event(&self, name: &str) -> Option<&EventType> {
        self.events.iter().find(|event| event.name == name)
    }

    /// The same interface with types by their shape alone: no names, and the host's types as what they
    /// are encoded as. The names of fields, cases and flags stay.
    pub(crate) fn without_marks(mut self) -> Self {
        for function in self.commands.iter_mut().chain(&mut self.queries) {
            function.params.iter_mut().for_each(|(_, ty)| ty.strip_marks());
            function.result.iter_mut().for_each(Type::strip_marks);
        }
        self.events.iter_mut().for_each(|event| event.ty.strip_marks());
        self
    }

    /// The same interface without any docs: what two sources must agree on.
    pub fn without_docs(mut self) -> Self {
        self.docs = None;
        for function in self.commands.iter_mut().chain(&mut self.queries) {
            function.docs = None;
            for (_, ty) in &mut function.params {
                ty.strip_docs();
            }
            if let Some(ty) = &mut function.result {
                ty.strip_docs();
            }
        }
        for event in &mut self.events {
            event.docs = None;
            event.ty.strip_docs();
        }
        self
    }
}

impl Function {
    /// What a success carries: of `result<T, E>` the `T`, else the whole result.
    pub fn success(&self) -> Option<&Type> {
        match &self.result {
            Some(Type::Result { ok, .. }) => ok.as_deref(),
            other => other.as_ref(),
        }
    }

    /// What the module's own failure carries: of `result<T, E>` the `E`, else nothing.
    pub fn failure(&self) -> Option<&Type> {
        match &self.result {
            Some(Type::Result { err, .. }) => err.as_deref(),
            _ => None,
        }
    }
}

impl Type {
    fn strip_marks(&mut self) {
        let nameless = || TypeName { interface: String::new(), name: String::new() };
        match self {
            Self::Amount => *self = Self::U64,
            Self::Id(_) => {
                let word = |name: &str| Field { name: name.to_owned(), docs: None, ty: Self::U64 };
                let parts = ["a", "b", "c", "d"].map(word).to_vec();
                *self = Self::Record(Named { name: nameless(), docs: None, parts });
            }
            Self::List(inner) | Self::Option(inner) => inner.strip_marks(),
            Self::Result { ok, err } => ok.iter_mut().chain(err).for_each(|ty| ty.strip_marks()),
            Self::Tuple(types) => types.iter_mut().for_each(Self::strip_marks),
            Self::Record(record) => {
                record.name = nameless();
                record.parts.iter_mut().for_each(|part| part.ty.strip_marks());
            }
            Self::Variant(variant) => {
                variant.name = nameless();
                let payloads = variant.parts.iter_mut().filter_map(|case| case.ty.as_mut());
                payloads.for_each(Self::strip_marks);
            }
            Self::Enum(named) | Self::Flags(named) => named.name = nameless(),
            _ => {}
        }
    }

    fn strip_docs(&mut self) {
        match self {
            Self::List(inner) | Self::Option(inner) => inner.strip_docs(),
            Self::Result { ok, err } => ok.iter_mut().chain(err).for_each(|ty| ty.strip_docs()),
            Self::Tuple(types) => types.iter_mut().for_each(Self::strip_docs),
            Self::Record(record) => {
                record.docs = None;
                for field in &mut record.parts {
                    field.docs = None;
                    field.ty.strip_docs();
                }
            }
            Self::Variant(variant) => {
                variant.docs = None;
                for case in &mut variant.parts {
                    case.docs = None;
                    case.ty.iter_mut().for_each(Self::strip_docs);
                }
            }
            Self::Enum(labels) | Self::Flags(labels) => {
                labels.docs = None;
                labels.parts.iter_mut().for_each(|label| label.docs = None);
            }
            _ => {}
        }
    }
}

impl IdKind {
    /// The name in `pollen:host/types`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::CodeHash => "code-hash",
            Self::Hash => "hash",
            Self::Id => "id",
        }
    }
}

impl IdKind {
    fn of_name(name: &str) -> Option<Self> {
        [Self::Account, Self::CodeHash, Self::Hash, Self::Id]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// At most three of `names` that look like `name`, nearest first.
pub(crate) fn similar<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Longer than any function's name: not a slip of the finger, and the comparison is quadratic.
    if name.len() > pollen_ledger::limits::FUNCTION_NAME_BYTES_MAX {
        return Vec::new();
    }
    let lower = name.to_lowercase().replace('_', "-");
    let mut near: Vec<(usize, &str)> = names
        .map(|candidate| (distance(&lower, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= candidate.chars().count().min(lower.chars().count()) / 3 + 1
        })
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Levenshtein's distance, by one row.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> =
        right.chars().take(pollen_ledger::limits::FUNCTION_NAME_BYTES_MAX).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
