//! In what two interfaces of a module differ, and whether who calls the first can go on with the second.
//!
//! A pure function over two interfaces ([`Interface::compared`]). What callers rely on is what they write and read:
//! names of functions, of parameters, of fields and cases, and the encoding of values. So:
//!
//! - a function or event that is added breaks nobody, one that is removed does;
//! - what is read (results, events) has to stay as it is; a new case of an error breaks nobody, since a caller that
//!   does not know it still sees a failure;
//! - what is written (parameters) may take more: new cases of an enum or a variant behind the old ones, new flags
//!   in the same bytes;
//! - `init` and `migrate` are the ledger's to call, and docs and the names of types are nobody's to send: they may
//!   change as they like.
//!
//! What it deliberately does not do: look at behaviour, or at what lies in storage. No tool can; `migrate` and tests
//! are for that.

use std::collections::BTreeMap;

use super::{Case, Field, Function, FunctionKind, Interface, Label, Type};

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A function of `commands`.
    Command,
    /// A function of `queries`.
    Query,
    /// A type of `events`.
    Event,
    /// A named type that functions or events use.
    Type,
}

/// How it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// Only the second has it.
    Added,
    /// Both have it, differently.
    Changed,
    /// Only the first has it.
    Removed,
}

/// One thing in which two interfaces differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub part: Part,
    /// How.
    pub kind: DifferenceKind,
    /// Its name; of a type of another interface than the module's own three with that interface.
    pub name: String,
    /// As WIT writes it, in the first.
    pub before: Option<String>,
    /// As WIT writes it, in the second.
    pub after: Option<String>,
    /// Whether who relies on the first is broken by it.
    pub breaks: bool,
}

/// All in which two interfaces differ, by part and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Each, in the order of [`Part`] and of names.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether who calls the first, or reads its events, can go on with the second.
    pub fn is_compatible(&self) -> bool {
        self.differences.iter().all(|difference| !difference.breaks)
    }
}

impl Interface {
    /// In what `after` differs from this interface.
    pub fn compared(&self, after: &Self) -> Comparison {
        let (before, after) = (self.clone().without_docs(), after.clone().without_docs());
        let mut differences = Vec::new();
        for (part, kind) in
            [(Part::Command, FunctionKind::Command), (Part::Query, FunctionKind::Query)]
        {
            let of =
                |interface: &Self| by_name(interface.functions(kind), |function| &function.name);
            let breaks = |before: &Function, after: &Function| !accepts_calls(before, after);
            compare(part, &of(&before), &of(&after), Function::signature, breaks, &mut differences);
        }
        let events = |interface: &Self| {
            by_name(&interface.events, |event| &event.name)
                .into_iter()
                .map(|(name, event)| (name, event.ty))
                .collect::<BTreeMap<_, _>>()
        };
        let written =
            |ty: &Type| ty.definition().unwrap_or_else(|| ty.to_string()).trim_end().to_owned();
        let breaks = |before: &Type, after: &Type| !is_same(before, after, Use::Read);
        let (old, new) = (events(&before), events(&after));
        compare(Part::Event, &old, &new, written, breaks, &mut differences);
        let types = |interface: &Self| types_of(interface, |name| interface.event(name).is_some());
        compare(
            Part::Type,
            &types(&before),
            &types(&after),
            written,
            |_, _| false,
            &mut differences,
        );
        for difference in &mut differences {
            let is_the_ledgers = difference.part == Part::Command && is_reserved(&difference.name);
            difference.breaks &= !is_the_ledgers;
        }
        Comparison { differences }
    }
}

fn is_reserved(function: &str) -> bool {
    matches!(function, "init" | "migrate")
}

fn by_name<T: Clone>(items: &[T], name: impl Fn(&T) -> &String) -> BTreeMap<String, T> {
    items.iter().map(|item| (name(item).clone(), item.clone())).collect()
}

/// Named types by their names, without those that are events.
fn types_of(interface: &Interface, is_event: impl Fn(&str) -> bool) -> BTreeMap<String, Type> {
    let named = interface.named_types().into_iter().filter_map(|ty| Some((ty.name()?, ty)));
    named
        .filter(|(name, _)| name.interface != "events" || !is_event(&name.name))
        .map(|(name, ty)| match name.interface.as_str() {
            "commands" | "queries" | "events" => (name.name.clone(), ty.clone()),
            other => (format!("{other}.{}", name.name), ty.clone()),
        })
        .collect()
}

fn compare<T: PartialEq>(
    part: Part,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    written: impl Fn(&T) -> String,
    breaks: impl Fn(&T, &T) -> bool,
    differences: &mut Vec<Difference>,
) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        let (kind, breaks) = match (old, new) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(old), Some(new)) => (DifferenceKind::Changed, breaks(old, new)),
            (None, _) => (DifferenceKind::Added, false),
            // A type alone is not called; what uses it is told beside it.
            (Some(_), None) => (DifferenceKind::Removed, part != Part::Type),
        };
        let (before, after) = (old.map(&written), new.map(&written));
        differences.push(Difference { part, kind, name: name.clone(), before, after, breaks });
    }
}

/// Whether calls as `before` describes them are understood, and their results as well.
fn accepts_calls(before: &Function, after: &Function) -> bool {
    let same_params = before.params.len() == after.params.len()
        && before.params.iter().zip(&after.params).all(|((old_name, old), (new_name, new))| {
            old_name == new_name && is_same(old, new, Use::Written)
        });
    let same_result = match (&before.result, &after.result) {
        (None, None) => true,
        (Some(old), Some(new)) => is_same(old, new, Use::Result),
        _ => false,
    };
    same_params && same_result
}

/// What becomes of a value of a type, seen from who calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Sent: the new type may take more.
    Written,
    /// What a function returns: its error may have new cases.
    Result,
    /// The error of a result: may have new cases.
    Failure,
    /// Received.
    Read,
}

impl Use {
    fn takes_more(self) -> bool {
        matches!(self, Self::Written | Self::Failure)
    }

    /// Of a part that is not the outermost.
    fn inside(self) -> Self {
        match self {
            Self::Written => Self::Written,
            // The case is known, so what it carries has to be.
            Self::Result | Self::Failure | Self::Read => Self::Read,
        }
    }
}

/// Whether a value of `old` is one of `new` to who uses it so.
fn is_same(old: &Type, new: &Type, used: Use) -> bool {
    let inner = used.inside();
    match (old, new) {
        (Type::List(old), Type::List(new)) | (Type::Option(old), Type::Option(new)) => {
            is_same(old, new, inner)
        }
        (Type::Result { ok: old_ok, err: old_err }, Type::Result { ok, err }) => {
            let failure = if used == Use::Result { Use::Failure } else { inner };
            is_same_maybe(old_ok.as_deref(), ok.as_deref(), inner)
                && is_same_maybe(old_err.as_deref(), err.as_deref(), failure)
        }
        (Type::Tuple(old), Type::Tuple(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new, inner))
        }
        (Type::Record(old), Type::Record(new)) => {
            let same = |(old, new): (&Field, &Field)| {
                old.name == new.name && is_same(&old.ty, &new.ty, inner)
            };
            old.parts.len() == new.parts.len() && old.parts.iter().zip(&new.parts).all(same)
        }
        (Type::Variant(old), Type::Variant(new)) => {
            let same = |(old, new): (&Case, &Case)| {
                old.name == new.name && is_same_maybe(old.ty.as_ref(), new.ty.as_ref(), inner)
            };
            counts_fit(old.parts.len(), new.parts.len(), used)
                && old.parts.iter().zip(&new.parts).all(same)
        }
        (Type::Enum(old), Type::Enum(new)) => {
            counts_fit(old.parts.len(), new.parts.len(), used) && begins(&old.parts, &new.parts)
        }
        (Type::Flags(old), Type::Flags(new)) => {
            let bytes = |labels: &[Label]| labels.len().div_ceil(8);
            counts_fit(old.parts.len(), new.parts.len(), used)
                && bytes(&old.parts) == bytes(&new.parts)
                && begins(&old.parts, &new.parts)
        }
        (old, new) => old == new,
    }
}

fn is_same_maybe(old: Option<&Type>, new: Option<&Type>, used: Use) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => is_same(old, new, used),
        _ => false,
    }
}

fn counts_fit(old: usize, new: usize, used: Use) -> bool {
    old == new || (old < new && used.takes_more())
}

fn begins(old: &[Label], new: &[Label]) -> bool {
    old.iter().zip(new).all(|(old, new)| old.name == new.name)
}

#[cfg(test)]
mod tests;
