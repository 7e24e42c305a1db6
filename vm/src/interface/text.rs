//! Interfaces as people read them: WIT with docs.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::{EventType, Function, Interface, Label, Named, Type, TypeName};

/// Words that WIT reads as its own: as a name they are written with `%`.
const KEYWORDS: &str = " as async bool borrow char constructor enum error-context export f32 f64 \
     flags from func future import include interface list map option own package record resource \
     result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use variant with world ";

impl fmt::Display for Type {
    /// As WIT writes it where it is used: named types by their name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::S8 => "s8",
            Self::S16 => "s16",
            Self::S32 => "s32",
            Self::S64 => "s64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::Amount => "amount",
            Self::Bytes => "bytes",
            Self::Id(kind) => kind.name(),
            Self::List(item) => return write!(f, "list<{item}>"),
            Self::Option(inner) => return write!(f, "option<{inner}>"),
            Self::Result { ok, err } => {
                return match (ok, err) {
                    (None, None) => f.write_str("result"),
                    (Some(ok), None) => write!(f, "result<{ok}>"),
                    (None, Some(err)) => write!(f, "result<_, {err}>"),
                    (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
                };
            }
            Self::Tuple(types) => {
                f.write_str("tuple<")?;
                for (index, ty) in types.iter().enumerate() {
                    write!(f, "{}{ty}", if index == 0 { "" } else { ", " })?;
                }
                return f.write_str(">");
            }
            Self::Record(_) | Self::Variant(_) | Self::Enum(_) | Self::Flags(_) => {
                let name = self.name().map_or("", |name| name.name.as_str());
                return f.write_str(&identifier(name));
            }
        };
        f.write_str(plain)
    }
}

impl Type {
    /// Where a record, variant, enum or flags is defined.
    pub fn name(&self) -> Option<&TypeName> {
        match self {
            Self::Record(Named { name, .. }) => Some(name),
            Self::Variant(Named { name, .. }) => Some(name),
            Self::Enum(Named { name, .. }) | Self::Flags(Named { name, .. }) => Some(name),
            _ => None,
        }
    }

    /// The types that this one is made of, in order.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::List(inner) | Self::Option(inner) => vec![inner],
            Self::Result { ok, err } => ok.iter().chain(err).map(AsRef::as_ref).collect(),
            Self::Tuple(types) => types.iter().collect(),
            Self::Record(record) => record.parts.iter().map(|field| &field.ty).collect(),
            Self::Variant(variant) => {
                variant.parts.iter().filter_map(|case| case.ty.as_ref()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// This type's definition in WIT, when it is named.
    pub fn definition(&self) -> Option<String> {
        let mut text = String::new();
        let name = identifier(&self.name()?.name);
        match self {
            Self::Record(record) => {
                docs(&mut text, "", record.docs.as_deref());
                let _ = writeln!(text, "record {name} {{");
                for field in &record.parts {
                    docs(&mut text, "  ", field.docs.as_deref());
                    let _ = writeln!(text, "  {}: {},", identifier(&field.name), field.ty);
                }
            }
            Self::Variant(variant) => {
                docs(&mut text, "", variant.docs.as_deref());
                let _ = writeln!(text, "variant {name} {{");
                for case in &variant.parts {
                    docs(&mut text, "  ", case.docs.as_deref());
                    let payload = case.ty.as_ref().map(|ty| format!("({ty})")).unwrap_or_default();
                    let _ = writeln!(text, "  {}{payload},", identifier(&case.name));
                }
            }
            Self::Enum(named) => labels(&mut text, "enum", &name, named),
            Self::Flags(named) => labels(&mut text, "flags", &name, named),
            _ => return None,
        }
        text.push_str("}\n");
        Some(text)
    }
}

fn labels(text: &mut String, keyword: &str, name: &str, named: &Named<Label>) {
    docs(text, "", named.docs.as_deref());
    let _ = writeln!(text, "{keyword} {name} {{");
    for label in &named.parts {
        docs(text, "  ", label.docs.as_deref());
        let _ = writeln!(text, "  {},", identifier(&label.name));
    }
}

fn docs(text: &mut String, indent: &str, docs: Option<&str>) {
    for line in docs.unwrap_or_default().trim_end().lines() {
        let line = line.trim_end();
        let _ = writeln!(text, "{indent}///{}{line}", if line.is_empty() { "" } else { " " });
    }
}

fn identifier(name: &str) -> String {
    if KEYWORDS.contains(&format!(" {name} ")) { format!("%{name}") } else { name.to_owned() }
}

impl Interface {
    /// The interface as a WIT document with docs.
    pub fn to_wit_text(&self) -> String {
        let named = self.named_types();
        let mut text = String::new();
        docs(&mut text, "", self.docs.as_deref());
        let _ = writeln!(text, "package {};", self.package);
        let mut owners = vec!["commands", "queries", "events"];
        // Types of other interfaces of this package; those of other packages stay where they are.
        for ty in &named {
            if let Some(name) = ty.name()
                && !name.interface.contains('/')
                && !owners.contains(&name.interface.as_str())
            {
                owners.push(&name.interface);
            }
        }
        for owner in owners {
            let own = |ty: &&&Type| ty.name().is_some_and(|name| name.interface == owner);
            let types: Vec<&Type> = named.iter().filter(own).copied().collect();
            let (functions, events): (&[Function], &[EventType]) = match owner {
                "commands" => (&self.commands, &[]),
                "queries" => (&self.queries, &[]),
                "events" => (&[], &self.events),
                _ => (&[], &[]),
            };
            if !types.is_empty() || !functions.is_empty() || !events.is_empty() {
                write_interface(&mut text, owner, &types, functions, events);
            }
        }
        text
    }

    /// Every named type once, parts before the whole.
    pub(super) fn named_types(&self) -> Vec<&Type> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let functions = self.commands.iter().chain(&self.queries);
        let used = functions
            .flat_map(|function| function.params.iter().map(|(_, ty)| ty).chain(&function.result));
        for ty in used.chain(self.events.iter().map(|event| &event.ty)) {
            collect_named(ty, &mut seen, &mut found);
        }
        found
    }
}

fn collect_named<'t>(
    ty: &'t Type,
    seen: &mut BTreeSet<(&'t str, &'t str)>,
    found: &mut Vec<&'t Type>,
) {
    if let Some(name) = ty.name()
        && !seen.insert((&name.interface, &name.name))
    {
        return;
    }
    for part in ty.parts() {
        collect_named(part, seen, found);
    }
    if ty.name().is_some() {
        found.push(ty);
    }
}

fn write_interface(
    text: &mut String,
    owner: &str,
    types: &[&Type],
    functions: &[Function],
    events: &[EventType],
) {
    let _ = writeln!(text, "\ninterface {} {{", identifier(owner));
    let in_functions = functions
        .iter()
        .flat_map(|function| function.params.iter().map(|(_, ty)| ty).chain(&function.result));
    let in_types = types.iter().flat_map(|ty| ty.parts());
    let mut uses = BTreeSet::new();
    for ty in in_functions.chain(in_types).chain(events.iter().map(|event| &event.ty)) {
        collect_uses(ty, owner, &mut uses);
    }
    for (interface, name) in uses {
        // An interface of another package is written with its version after its name.
        let _ = writeln!(text, "  use {interface}.{{{}}};", identifier(&name));
    }
    for ty in types {
        text.push('\n');
        for line in ty.definition().unwrap_or_default().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    for event in events.iter().filter(|event| {
        event.ty.name().is_none_or(|name| name.interface != owner || name.name != event.name)
    }) {
        text.push('\n');
        docs(text, "  ", event.docs.as_deref());
        let _ = writeln!(text, "  type {} = {};", identifier(&event.name), event.ty);
    }
    for function in functions {
        text.push('\n');
        docs(text, "  ", function.docs.as_deref());
        let _ = writeln!(text, "  {};", function.signature());
    }
    text.push_str("}\n");
}

impl Function {
    /// As WIT writes it, without docs and without the semicolon.
    pub fn signature(&self) -> String {
        let param = |(name, ty): &(String, Type)| format!("{}: {ty}", identifier(name));
        let params: Vec<String> = self.params.iter().map(param).collect();
        let result = self.result.as_ref().map(|ty| format!(" -> {ty}")).unwrap_or_default();
        format!("{}: func({}){result}", identifier(&self.name), params.join(", "))
    }
}

/// Types that `owner` must borrow from elsewhere to write `ty`.
fn collect_uses(ty: &Type, owner: &str, uses: &mut BTreeSet<(String, String)>) {
    const HOST: &str = "pollen:host/types@0.1.0";
    match ty {
        Type::Amount => drop(uses.insert((HOST.to_owned(), "amount".to_owned()))),
        Type::Bytes => drop(uses.insert((HOST.to_owned(), "bytes".to_owned()))),
        Type::Id(kind) => drop(uses.insert((HOST.to_owned(), kind.name().to_owned()))),
        _ => match ty.name() {
            Some(name) if name.interface != owner => {
                uses.insert((name.interface.clone(), name.name.clone()));
            }
            Some(_) => {}
            None => ty.parts().into_iter().for_each(|part| collect_uses(part, owner, uses)),
        },
    }
}
