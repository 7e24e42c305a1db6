//! Bindings in Rust: a struct with a method for each function, over `pollen_rpc::client::bound`.
//!
//! Types are written so that borsh's derive encodes them as the ledger does (docs/modules-encoding.md); what borsh would
//! encode otherwise has types in `bound`. Names and docs come from a stranger: no name is a keyword or hides what the file
//! uses, no docs hold code that `cargo test` would run.
//!
//! The text is not laid out: rustfmt does that ([`formatted`]), by the settings of where it is asked for.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use pollen_ledger::Hash;
use pollen_vm::Interface;
use pollen_vm::interface::{Function, IdKind, Type};

use super::names::{Names, callable, class_of, name_of, named_types, names_of, pascal};

/// Names that a type would hide which the file uses or readers take for Rust's own.
const TAKEN_TYPES: [&str; 10] = [
    "AccountId",
    "Box",
    "ClientError",
    "Hash",
    "Option",
    "PollenClient",
    "Result",
    "Self",
    "String",
    "Vec",
];
/// Functions that every struct of bindings has.
const TAKEN_METHODS: [&str; 5] = ["at", "find", "init_arguments", "migrate_arguments", "subscribe"];
/// Tuples of more members have no `Debug` and no `PartialEq`.
const TUPLE_MAX: usize = 12;
/// Keywords that can be names when they are written with `r#`; those of `NEVER_NAMES` cannot.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];
const NEVER_NAMES: [&str; 3] = ["self", "super", "crate"];
const DERIVED: &str = "Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize";

/// The text of a file of bindings. `hash` is the interface's.
pub fn bindings(interface: &Interface, hash: &Hash) -> String {
    let named = named_types(interface);
    let class = class_of(&interface.package, &TAKEN_TYPES);
    let names = names_of(&named, &class, &TAKEN_TYPES);
    let mut writer = Writer { interface, class, names, wide: BTreeSet::new(), text: String::new() };
    for ty in &named {
        writer.named_type(ty);
    }
    writer.events();
    writer.class();
    writer.wide_tuples();
    writer.head(hash) + &writer.text
}

/// As rustfmt lays it out; as it is where there is no rustfmt.
pub fn formatted(text: String) -> io::Result<String> {
    let rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut rustfmt = match rustfmt {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(text),
        started => started?,
    };
    // It reads all before it writes, so neither waits for the other.
    rustfmt.stdin.take().expect("it is piped").write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    let formatted = String::from_utf8(output.stdout).map_err(io::Error::other)?;
    Ok(if output.status.success() { formatted } else { text })
}

struct Writer<'a> {
    interface: &'a Interface,
    class: String,
    names: Names<'a>,
    /// Tuples that are structs, by their number of members.
    wide: BTreeSet<usize>,
    text: String,
}

impl Writer<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn docs(&mut self, docs: Option<&str>) {
        for line in docs.unwrap_or_default().trim().lines().map(doc) {
            self.line(format!("/// {line}").trim_end());
        }
    }

    fn head(&self, hash: &Hash) -> String {
        let package = doc(&self.interface.package);
        let bytes = hash.0.map(|byte| format!("{byte:#04x}")).join(", ");
        format!(
            "//! Made by `pollen bind rust` of {package}: do not edit. Calls name the interface [`INTERFACE`] and fail\n\
             //! where the module has another one by then: make this file anew after an upgrade. Needs the crates\n\
             //! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).\n\n\
             // Names and docs are the module's author's; a program need not use all of them.\n\
             #![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]\n\n\
             use pollen_ledger::{{AccountId, Hash}};\n\
             use pollen_rpc::client::{{ClientError, PollenClient, bound}};\n\n\
             /// The hash of the interface that these bindings were made of.\n\
             pub const INTERFACE: Hash = Hash([{bytes}]);\n\n"
        )
    }

    /// A type as Rust writes it where it is kept.
    fn ty(&mut self, ty: &Type) -> String {
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 => "u8".to_owned(),
            Type::U16 => "u16".to_owned(),
            Type::U32 => "u32".to_owned(),
            Type::U64 | Type::Amount => "u64".to_owned(),
            Type::S8 => "i8".to_owned(),
            Type::S16 => "i16".to_owned(),
            Type::S32 => "i32".to_owned(),
            Type::S64 => "i64".to_owned(),
            Type::F32 => "f32".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::Char => "bound::Char".to_owned(),
            Type::String => "String".to_owned(),
            Type::Bytes => "Vec<u8>".to_owned(),
            Type::Id(IdKind::Account) => "AccountId".to_owned(),
            Type::Id(IdKind::CodeHash | IdKind::Hash | IdKind::Id) => "Hash".to_owned(),
            Type::List(item) => format!("Vec<{}>", self.ty(item)),
            Type::Option(inner) => format!("Option<{}>", self.ty(inner)),
            Type::Result { ok, err } => {
                format!(
                    "bound::WitResult<{}, {}>",
                    self.part(ok.as_deref()),
                    self.part(err.as_deref())
                )
            }
            Type::Tuple(types) if types.len() > TUPLE_MAX => {
                self.wide.insert(types.len());
                format!("Tuple{}<{}>", types.len(), self.tys(types))
            }
            Type::Tuple(types) => format!("({},)", self.tys(types)),
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => {
                name_of(ty, &self.names)
            }
        }
    }

    fn tys(&mut self, types: &[Type]) -> String {
        types.iter().map(|ty| self.ty(ty)).collect::<Vec<_>>().join(", ")
    }

    fn part(&mut self, ty: Option<&Type>) -> String {
        ty.map_or("()".to_owned(), |ty| self.ty(ty))
    }

    /// A type as a parameter: what is encoded alike and need not be owned is borrowed.
    fn param(&mut self, ty: &Type) -> String {
        match ty {
            Type::String => "&str".to_owned(),
            Type::Bytes => "&[u8]".to_owned(),
            Type::List(item) => format!("&[{}]", self.ty(item)),
            other => self.ty(other),
        }
    }

    fn named_type(&mut self, ty: &Type) {
        let name = name_of(ty, &self.names);
        match ty {
            Type::Record(record) => {
                self.docs(record.docs.as_deref());
                self.line(format!("#[derive({DERIVED})]\npub struct {name} {{"));
                for field in &record.parts {
                    self.docs(field.docs.as_deref());
                    let line = format!("pub {}: {},", snake(&field.name), self.ty(&field.ty));
                    self.line(line);
                }
                self.line("}\n");
            }
            Type::Variant(variant) => {
                self.docs(variant.docs.as_deref());
                self.line(format!("#[derive({DERIVED})]\npub enum {name} {{"));
                for case in &variant.parts {
                    self.docs(case.docs.as_deref());
                    let payload = case.ty.as_ref().map(|ty| format!("({})", self.ty(ty)));
                    self.line(format!("{}{},", case_name(&case.name), payload.unwrap_or_default()));
                }
                self.line("}\n");
            }
            Type::Enum(labels) => {
                self.docs(labels.docs.as_deref());
                self.line(format!("#[derive(Copy, Eq, {DERIVED})]\npub enum {name} {{"));
                for label in &labels.parts {
                    self.docs(label.docs.as_deref());
                    self.line(format!("{},", case_name(&label.name)));
                }
                self.line("}\n");
            }
            Type::Flags(labels) => {
                self.docs(labels.docs.as_deref());
                self.line("#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]");
                self.line(format!("pub struct {name} {{"));
                for label in &labels.parts {
                    self.docs(label.docs.as_deref());
                    self.line(format!("pub {}: bool,", snake(&label.name)));
                }
                self.line("}\n");
                let names: Vec<String> =
                    labels.parts.iter().map(|label| snake(&label.name)).collect();
                self.flags(&name, &names);
            }
            _ => unreachable!("only these have names"),
        }
    }

    fn flags(&mut self, name: &str, flags: &[String]) {
        let (fields, selves) = (flags.join(", "), flags.join(", self."));
        self.line(format!(
            "impl borsh::BorshSerialize for {name} {{\n\
             fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {{\n\
             bound::write_flags(&[self.{selves}], writer)\n}}\n}}\n\n\
             impl borsh::BorshDeserialize for {name} {{\n\
             fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {{\n\
             let [{fields}] = bound::read_flags(reader)?;\nOk(Self {{ {fields} }})\n}}\n}}\n"
        ));
    }

    fn events(&mut self) {
        let (interface, class) = (self.interface, self.class.clone());
        if interface.events.is_empty() {
            return;
        }
        self.line(format!("/// An event of the module.\n#[derive(Debug, Clone, PartialEq)]\npub enum {class}Event {{"));
        for event in &interface.events {
            self.docs(event.docs.as_deref());
            let line = format!("{}({}),", case_name(&event.name), self.ty(&event.ty));
            self.line(line);
        }
        self.line(format!(
            "}}\n\nimpl {class}Event {{\n\
             /// What an event of this module says; none of one that the interface did not have. An event of another\n\
             /// module is told from it by its `module` alone.\n\
             pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {{\n\
             match event.name.as_str() {{"
        ));
        for event in &interface.events {
            self.line(format!(
                "{:?} => bound::event(event).map(Self::{}).map(Some),",
                event.name,
                case_name(&event.name)
            ));
        }
        self.line("_ => Ok(None),\n}\n}\n}\n");
    }

    fn class(&mut self) {
        let (interface, class) = (self.interface, self.class.clone());
        self.docs(interface.docs.as_deref());
        self.line(format!(
            "#[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub struct {class} {{\n\
             /// The module's id.\npub module: AccountId,\n}}\n\n\
             impl {class} {{\n\
             /// The module with this id.\n\
             pub const fn at(module: AccountId) -> Self {{\nSelf {{ module }}\n}}\n\n\
             /// The module at an address or `@name`: a node is asked for its id.\n\
             pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {{\n\
             Ok(Self::at(bound::find(client, module).await?))\n}}"
        ));
        for (name, when) in [("init", "a deployment"), ("migrate", "an upgrade")] {
            let function = interface.commands.iter().find(|function| function.name == name);
            if let Some(function) = function {
                self.arguments_of(function, when);
            }
        }
        let mut methods: BTreeSet<String> = TAKEN_METHODS.map(str::to_owned).into();
        for function in callable(interface) {
            self.method(function, "Call", "self.module, INTERFACE", &mut methods);
        }
        for function in &interface.queries {
            self.method(function, "Query", "self.module", &mut methods);
        }
        if !interface.events.is_empty() {
            self.line(format!(
                "\n/// The module's events after a cursor, or from now on; [`{class}Event::of`] tells what they say.\n\
                 pub async fn subscribe(&self, client: &PollenClient, after: Option<pollen_rpc::api::Cursor>) -> \
                 Result<pollen_rpc::client::EventStream, ClientError> {{\n\
                 bound::subscribe(client, self.module, after).await\n}}"
            ));
        }
        self.line("}");
    }

    /// Parameters as they are declared, and the expression that encodes them.
    fn arguments(&mut self, function: &Function) -> (String, String) {
        let (mut params, mut encoded) = (String::new(), "bound::Arguments::new()".to_owned());
        for (name, ty) in &function.params {
            let name = snake(name);
            params += &format!("{name}: {}, ", self.param(ty));
            // What is a reference already is one.
            let borrow =
                if matches!(ty, Type::String | Type::Bytes | Type::List(_)) { "" } else { "&" };
            encoded += &format!(".and({borrow}{name})");
        }
        (params, encoded)
    }

    fn arguments_of(&mut self, function: &Function, when: &str) {
        let (params, encoded) = self.arguments(function);
        let name = &function.name;
        self.line(format!("\n/// Arguments of `{name}`, for {when}."));
        if function.docs.is_some() {
            self.line("///");
            self.docs(function.docs.as_deref());
        }
        self.line(format!(
            "pub fn {name}_arguments({params}) -> Result<Vec<u8>, ClientError> {{\n{encoded}.encoded()\n}}"
        ));
    }

    fn method(&mut self, function: &Function, kind: &str, of: &str, taken: &mut BTreeSet<String>) {
        let mut name = snake(&function.name);
        while !taken.insert(name.clone()) {
            name = format!("{}_{}", name.trim_start_matches("r#"), kind.to_lowercase());
        }
        let (params, encoded) = self.arguments(function);
        let mut ends = self.part(function.success());
        if matches!(function.result, Some(Type::Result { .. })) {
            ends += &format!(", {}", self.part(function.failure()));
        }
        self.line("");
        self.docs(function.docs.as_deref());
        self.line(format!(
            "pub fn {name}(&self, {params}) -> bound::{kind}<{ends}> {{\n\
             bound::{kind}::new({of}, {:?}, {encoded})\n}}",
            function.name
        ));
    }

    fn wide_tuples(&mut self) {
        for members in std::mem::take(&mut self.wide) {
            let types: Vec<String> = (0..members).map(|number| format!("T{number}")).collect();
            let fields: Vec<String> = types.iter().map(|ty| format!("pub {ty}")).collect();
            self.line(format!(
                "\n/// A tuple of {members}: Rust prints and compares its own up to {TUPLE_MAX}.\n\
                 #[derive({DERIVED})]\npub struct Tuple{members}<{}>({});",
                types.join(", "),
                fields.join(", ")
            ));
        }
    }
}

/// `box_status` of `box-status`, and never a keyword.
fn snake(name: &str) -> String {
    let name = name.replace('-', "_").to_lowercase();
    match name.as_str() {
        word if KEYWORDS.contains(&word) => format!("r#{name}"),
        word if NEVER_NAMES.contains(&word) => format!("{name}_"),
        _ => name,
    }
}

fn case_name(name: &str) -> String {
    match pascal(name).as_str() {
        "Self" => "Self_".to_owned(),
        name => name.to_owned(),
    }
}

/// A line of docs without what could be more than words: code, which rustdoc would compile and run as a test, and
/// letters that show a line otherwise than it is.
fn doc(line: &str) -> String {
    let is_shown = |letter: &char| {
        !letter.is_control() && !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let line: String = line
        .chars()
        .map(|letter| if letter == '\t' { ' ' } else { letter })
        .filter(is_shown)
        .collect();
    // Four spaces are code as well.
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("```", "'''").replace("~~~", "'''")
}

#[cfg(test)]
mod tests;
