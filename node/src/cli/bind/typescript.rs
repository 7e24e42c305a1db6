//! Bindings in TypeScript: a class with a method for each function, over `Module` of the package @pollen/client.
//!
//! Names of types are in PascalCase, of fields, parameters and functions in camelCase, as the client's native form of
//! values has them (rpc/ts/src/values.ts). Docs come from a stranger: none of them can end its comment.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pollen_ledger::Hash;
use pollen_vm::Interface;
use pollen_vm::interface::{Function, Type};

use super::names::{Names, callable, class_of, name_of, named_types, names_of, pascal};

/// Names of types that the file uses, or that readers take for the language's own.
pub const TAKEN_TYPES: [&str; 33] = [
    "Array",
    "ArrayBuffer",
    "AsyncGenerator",
    "BigInt",
    "Boolean",
    "CommandOptions",
    "Date",
    "Error",
    "Event",
    "EventsOptions",
    "Executed",
    "Function",
    "Infinity",
    "JSON",
    "Map",
    "Math",
    "Module",
    "ModuleDefinition",
    "NaN",
    "Number",
    "Object",
    "PollenClient",
    "Promise",
    "QueryOptions",
    "Record",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "Type",
    "TypedEvent",
    "Uint8Array",
    "WeakMap",
];
/// Names that `Module` and every object have.
const TAKEN_METHODS: [&str; 16] = [
    "client",
    "constructor",
    "definition",
    "events",
    "hasOwnProperty",
    "id",
    "isPrototypeOf",
    "module",
    "propertyIsEnumerable",
    "runCommand",
    "runEvents",
    "runQuery",
    "runQueryAt",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// The text of a file of bindings. `hash` is the interface's; `module` is where it was found, if anywhere.
pub fn bindings(interface: &Interface, hash: &Hash, module: Option<&str>) -> String {
    let named = named_types(interface);
    let class = class_of(&interface.package, &TAKEN_TYPES);
    let names = names_of(&named, &class, &TAKEN_TYPES);
    let mut writer = Writer { interface, class, names, text: String::new() };
    writer.head(hash);
    for ty in &named {
        writer.named_type(ty);
    }
    writer.events();
    for ty in &named {
        writer.type_constant(ty);
    }
    writer.definition(hash, module);
    writer.class(module.is_some());
    writer.text
}

struct Writer<'a> {
    interface: &'a Interface,
    class: String,
    names: Names<'a>,
    text: String,
}

impl Writer<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn docs(&mut self, indent: &str, docs: Option<&str>) {
        let lines: Vec<String> = docs.unwrap_or_default().trim().lines().map(comment).collect();
        match lines.as_slice() {
            [] => {}
            [line] => self.line(format!("{indent}/** {line} */")),
            lines => {
                self.line(format!("{indent}/**"));
                for line in lines {
                    self.line(format!("{indent} * {line}").trim_end());
                }
                self.line(format!("{indent} */"));
            }
        }
    }

    fn head(&mut self, hash: &Hash) {
        self.line(format!(
            "// Made by `pollen bind ts` of {}: do not edit. Calls name the interface",
            comment(&self.interface.package)
        ));
        self.line(format!("// {hash}"));
        self.line("// and fail where the module has another one by then: make this file anew after an upgrade.");
        self.line("");
        let has_events = !self.interface.events.is_empty();
        let has_init = self.init().is_some();
        let values = if has_init { "encodeArguments, Module" } else { "Module" };
        let mut types =
            vec!["CommandOptions", "Executed", "ModuleDefinition", "PollenClient", "QueryOptions"];
        if !callable(self.interface).any(|_| true) {
            types.retain(|name| !["CommandOptions", "Executed"].contains(name));
        }
        if self.interface.queries.is_empty() {
            types.retain(|name| *name != "QueryOptions");
        }
        if has_events {
            types.extend(["EventsOptions", "TypedEvent"]);
        }
        if !self.names.is_empty() {
            types.push("Type");
        }
        types.sort_unstable();
        self.line(format!("import {{ {values} }} from \"@pollen/client\";"));
        self.line(format!("import type {{ {} }} from \"@pollen/client\";", types.join(", ")));
    }

    fn init(&self) -> Option<&Function> {
        self.interface.commands.iter().find(|function| function.name == "init")
    }

    /// A type as TypeScript writes it where it is used.
    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "boolean".to_owned(),
            Type::U8 | Type::U16 | Type::U32 | Type::S8 | Type::S16 | Type::S32 => {
                "number".to_owned()
            }
            Type::F32 | Type::F64 => "number".to_owned(),
            Type::U64 | Type::S64 | Type::Amount => "bigint".to_owned(),
            Type::Char | Type::String | Type::Id(_) => "string".to_owned(),
            Type::Bytes => "Uint8Array".to_owned(),
            Type::List(item) => {
                let item = self.ty(item);
                match item.contains(['|', ' ']) {
                    true => format!("({item})[]"),
                    false => format!("{item}[]"),
                }
            }
            Type::Option(inner) => match **inner {
                Type::Option(_) => format!("{{ some: {} }} | null", self.ty(inner)),
                _ => format!("{} | null", self.ty(inner)),
            },
            Type::Result { ok, err } => {
                let part = |ty: &Option<Box<Type>>| {
                    ty.as_ref().map_or("null".to_owned(), |ty| self.ty(ty))
                };
                format!("{{ ok: {} }} | {{ err: {} }}", part(ok), part(err))
            }
            Type::Tuple(types) => {
                let types: Vec<String> = types.iter().map(|ty| self.ty(ty)).collect();
                format!("[{}]", types.join(", "))
            }
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => self.name(ty),
        }
    }

    fn name(&self, ty: &Type) -> String {
        name_of(ty, &self.names)
    }

    fn named_type(&mut self, ty: &Type) {
        self.line("");
        let name = self.name(ty);
        match ty {
            Type::Record(record) => {
                self.docs("", record.docs.as_deref());
                self.line(format!("export interface {name} {{"));
                for field in &record.parts {
                    self.docs("  ", field.docs.as_deref());
                    let line = format!("  {}: {};", camel(&field.name), self.ty(&field.ty));
                    self.line(line);
                }
                self.line("}");
            }
            Type::Variant(variant) => {
                self.docs("", variant.docs.as_deref());
                self.line(format!("export type {name} ="));
                let last = variant.parts.len() - 1;
                for (place, case) in variant.parts.iter().enumerate() {
                    self.docs("  ", case.docs.as_deref());
                    let shape = match &case.ty {
                        Some(ty) => format!("{{ {}: {} }}", quoted(&case.name), self.ty(ty)),
                        None => quoted(&case.name),
                    };
                    self.line(format!("  | {shape}{}", if place == last { ";" } else { "" }));
                }
            }
            Type::Enum(labels) | Type::Flags(labels) => {
                self.docs("", labels.docs.as_deref());
                let is_flags = matches!(ty, Type::Flags(_));
                self.line(
                    format!("export type {name} = {}", if is_flags { "(" } else { "" }).trim_end(),
                );
                let last = labels.parts.len() - 1;
                for (place, label) in labels.parts.iter().enumerate() {
                    self.docs("  ", label.docs.as_deref());
                    let end = if place == last && !is_flags { ";" } else { "" };
                    self.line(format!("  | {}{end}", quoted(&label.name)));
                }
                if is_flags {
                    self.line(")[];");
                }
            }
            _ => unreachable!("only these have names"),
        }
    }

    fn events(&mut self) {
        if self.interface.events.is_empty() {
            return;
        }
        let class = self.class.clone();
        self.line("");
        self.line("/** An event of the module; `name` tells which. */");
        self.line(format!("export type {class}Event ="));
        let last = self.interface.events.len() - 1;
        let interface = self.interface;
        for (place, event) in interface.events.iter().enumerate() {
            self.docs("  ", event.docs.as_deref());
            let shape = format!("  | TypedEvent<{}, {}>", quoted(&event.name), self.ty(&event.ty));
            self.line(format!("{shape}{}", if place == last { ";" } else { "" }));
        }
    }

    /// A type as the client's encoder takes it: the constants of named types by their name.
    fn value(&self, ty: &Type) -> String {
        let part =
            |ty: &Option<Box<Type>>| ty.as_ref().map_or("null".to_owned(), |ty| self.value(ty));
        match ty {
            Type::List(item) => format!("{{ list: {} }}", self.value(item)),
            Type::Option(inner) => format!("{{ option: {} }}", self.value(inner)),
            Type::Result { ok, err } => {
                format!("{{ result: {{ ok: {}, err: {} }} }}", part(ok), part(err))
            }
            Type::Tuple(types) => {
                let types: Vec<String> = types.iter().map(|ty| self.value(ty)).collect();
                format!("{{ tuple: [{}] }}", types.join(", "))
            }
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => {
                constant(&self.name(ty))
            }
            scalar => quoted(&scalar.to_string()),
        }
    }

    fn type_constant(&mut self, ty: &Type) {
        let Some(name) = ty.name() else { return };
        let full = quoted(&format!("{}.{}", name.interface, name.name));
        self.line("");
        self.line(format!("const {}: Type = {{", constant(&self.name(ty))));
        self.line(format!("  name: {full},"));
        let parts: Vec<String> = match ty {
            Type::Record(record) => {
                self.line("  record: [");
                record
                    .parts
                    .iter()
                    .map(|one| format!("[{}, {}]", quoted(&one.name), self.value(&one.ty)))
                    .collect()
            }
            Type::Variant(variant) => {
                self.line("  variant: [");
                let payload =
                    |ty: &Option<Type>| ty.as_ref().map_or("null".to_owned(), |ty| self.value(ty));
                variant
                    .parts
                    .iter()
                    .map(|one| format!("[{}, {}]", quoted(&one.name), payload(&one.ty)))
                    .collect()
            }
            Type::Enum(labels) | Type::Flags(labels) => {
                self.line(if matches!(ty, Type::Enum(_)) { "  enum: [" } else { "  flags: [" });
                labels.parts.iter().map(|one| quoted(&one.name)).collect()
            }
            _ => unreachable!("only these have names"),
        };
        for part in parts {
            self.line(format!("    {part},"));
        }
        self.line("  ],");
        self.line("};");
    }

    fn function(&self, function: &Function) -> String {
        let params: Vec<String> = function
            .params
            .iter()
            .map(|(name, ty)| format!("[{}, {}]", quoted(name), self.value(ty)))
            .collect();
        let result = function.result.as_ref().map_or("null".to_owned(), |ty| self.value(ty));
        format!(
            "{{ name: {}, docs: null, params: [{}], result: {result} }}",
            quoted(&function.name),
            params.join(", ")
        )
    }

    fn definition(&mut self, hash: &Hash, module: Option<&str>) {
        let interface = self.interface;
        self.line("");
        self.line("/** The interface that these bindings were made of. */");
        self.line("export const definition: ModuleDefinition = {");
        self.line(format!("  module: {},", quoted(module.unwrap_or_default())));
        self.line(format!("  interfaceHash: \"{hash}\","));
        self.line(format!("  package: {},", quoted(&interface.package)));
        self.line("  docs: null,");
        for (half, functions) in
            [("commands", &interface.commands), ("queries", &interface.queries)]
        {
            self.line(format!("  {half}: ["));
            for function in functions {
                let line = format!("    {},", self.function(function));
                self.line(line);
            }
            self.line("  ],");
        }
        self.line("  events: [");
        for event in &interface.events {
            let (name, ty) = (quoted(&event.name), self.value(&event.ty));
            self.line(format!("    {{ name: {name}, docs: null, type: {ty} }},"));
        }
        self.line("  ],");
        self.line("};");
    }

    fn class(&mut self, has_place: bool) {
        let (interface, class) = (self.interface, self.class.clone());
        self.line("");
        self.docs("", interface.docs.as_deref());
        self.line(format!("export class {class} extends Module {{"));
        let default = if has_place { " = definition.module" } else { "" };
        self.line("  /** The module at an address or `@name`. */");
        self.line(format!("  constructor(client: PollenClient, module: string{default}) {{"));
        self.line("    super(client, definition, module);");
        self.line("  }");
        if let Some(init) = self.init().cloned() {
            self.line("");
            self.docs("  ", init.docs.as_deref());
            let args = self.arguments(&init);
            self.line(format!(
                "  static initArguments(args: {args}, addressPrefix: string): Uint8Array {{"
            ));
            let params = format!(
                "definition.commands.find((one) => one.name === {})!.params",
                quoted("init")
            );
            self.line(format!("    return encodeArguments({params}, args, {{ prefix: addressPrefix, form: \"native\" }});"));
            self.line("  }");
        }
        let mut methods: BTreeSet<String> = TAKEN_METHODS.map(str::to_owned).into();
        for function in callable(interface) {
            self.method(function, "Command", &mut methods);
        }
        for function in &interface.queries {
            self.method(function, "Query", &mut methods);
        }
        if !interface.events.is_empty() {
            self.line("");
            self.line(
                "  /** The module's events as they happen; of one `name` alone, if it is given. */",
            );
            let event = format!("{class}Event");
            self.line(format!("  events(options?: Omit<EventsOptions, \"module\">): AsyncGenerator<{event}, void, void> {{"));
            self.line(format!(
                "    return this.runEvents(options) as AsyncGenerator<{event}, void, void>;"
            ));
            self.line("  }");
        }
        self.line("}");
    }

    /// The type of a function's arguments: an object by name, options may be left out.
    fn arguments(&self, function: &Function) -> String {
        let param = |(name, ty): &(String, Type)| {
            let mark = if matches!(ty, Type::Option(_)) { "?" } else { "" };
            format!("{}{mark}: {}", camel(name), self.ty(ty))
        };
        let params: Vec<String> = function.params.iter().map(param).collect();
        format!("{{ {} }}", params.join("; "))
    }

    fn method(&mut self, function: &Function, kind: &str, taken: &mut BTreeSet<String>) {
        let mut name = camel(&function.name);
        while !taken.insert(name.clone()) {
            name.push_str(kind);
        }
        let result = function.success().map_or("null".to_owned(), |ty| self.ty(ty));
        let result = if kind == "Command" { format!("Executed<{result}>") } else { result };
        let options =
            if kind == "Command" { "options: CommandOptions" } else { "options?: QueryOptions" };
        let (args, given) = match function.params.is_empty() {
            true => (String::new(), "{}"),
            false => (format!("args: {}, ", self.arguments(function)), "args"),
        };
        self.line("");
        self.docs("  ", function.docs.as_deref());
        self.line(format!("  {name}({args}{options}): Promise<{result}> {{"));
        let function = quoted(&function.name);
        self.line(format!(
            "    return this.run{kind}({function}, {given}, options) as Promise<{result}>;"
        ));
        self.line("  }");
    }
}

fn camel(name: &str) -> String {
    let (first, rest) = name.split_once('-').unwrap_or((name, ""));
    format!("{first}{}", pascal(rest))
}

/// The constant with the type of this name.
fn constant(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map_or_else(String::new, |first| first.to_lowercase().collect());
    format!("{first}{}Type", letters.as_str())
}

/// A literal: JSON's strings are JavaScript's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

/// A line of docs that cannot end its comment.
fn comment(line: &str) -> String {
    let mut text = String::new();
    for letter in line.trim_end().chars().filter(|letter| !letter.is_control()) {
        let _ = match letter {
            '/' if text.ends_with('*') => write!(text, " /"),
            '\u{2028}' | '\u{2029}' => write!(text, " "),
            letter => write!(text, "{letter}"),
        };
    }
    text
}

#[cfg(test)]
mod tests;
