//! Reads an [`Interface`] out of a component or a binary WIT package.
//!
//! By wasmparser's validated types alone. wit-parser's own decoder is deliberately not used: it asserts
//! things that a hostile package can break (`unreachable!` for a package that exports a function, asserts on
//! duplicates), so a deployment could stop a node. Here every surprise is an [`InterfaceError`].
//!
//! A name travels with a type by aliases: `use types.{account}` makes a new type that is an alias of the
//! host's. [`Names`] remembers what each exported or imported type is called, and the chain of aliases leads
//! from a use to its definition.

use std::collections::HashMap;

use pollen_ledger::limits::COMPONENT_BYTES_MAX;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem, ComponentValType, RecordType,
};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, PrimitiveValType, ValidPayload, Validator, WasmFeatures};

use super::docs::{DOCS_SECTION, Docs, TypeDocs};
use super::{
    CASES_MAX, Case, EventType, FUNCTIONS_MAX, Field, Function, IdKind, Interface, Label, Named,
    TEXT_BYTES_MAX, TYPE_DEPTH_MAX, TYPE_NODES_MAX, Type, TypeName, WIT_SECTION,
};

/// The host's package; versions are compared by whoever checks imports.
const HOST_TYPES: &str = "pollen:host/types";

/// Why bytes have no interface that Pollen can call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceError {
    /// Larger than a component may be.
    #[error("{bytes} bytes are more than the {max} of a component")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What may come.
        max: usize,
    },
    /// Not a valid component.
    #[error("not a valid component: {reason}")]
    Invalid {
        /// The validator's words.
        reason: String,
    },
    /// Exports something else.
    #[error("exports {name}, which is neither commands, queries nor events of its own package")]
    UnknownExport {
        /// The export's name.
        name: String,
    },
    /// Exports interfaces of more than one package.
    #[error("exports interfaces of two packages, {first} and {second}; a module is one package")]
    TwoPackages {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Exports nothing that could be called.
    #[error("exports no interface: a module exports commands, queries or both")]
    NoExports,
    /// A type that has no value encoding.
    #[error("{place} uses {what}, which cannot be passed to a module")]
    Unsupported {
        /// Function, event or type.
        place: String,
        /// Kind of type.
        what: String,
    },
    /// A bound was exceeded.
    #[error("{what}: at most {max}")]
    TooMuch {
        /// Of what.
        what: String,
        /// How much may be.
        max: usize,
    },
    /// `pollen:host/types` is not the host's.
    #[error("{HOST_TYPES}.{name} is not the host's type of that name")]
    NotHostType {
        /// The type.
        name: String,
    },
    /// The section describes another interface than the component exports.
    #[error("section {WIT_SECTION} does not describe this component: {difference}; build it again")]
    SectionDiffers {
        /// Where they part.
        difference: String,
    },
    /// Docs that cannot be read.
    #[error("section {DOCS_SECTION} cannot be read: {reason}")]
    Docs {
        /// The decoder's words.
        reason: String,
    },
}

/// The binary WIT package inside a component ([`WIT_SECTION`]); none where it has none.
pub fn wit_package(component: &[u8]) -> Result<Option<&[u8]>, InterfaceError> {
    Ok(Binary::read(component, WIT_SECTION)?.section)
}

impl Interface {
    /// The interface of a component: from its own exports, with docs and events from its section
    /// [`WIT_SECTION`] when there is one, which must then describe exactly these exports.
    pub fn from_component(bytes: &[u8]) -> Result<Self, InterfaceError> {
        let binary = Binary::read(bytes, WIT_SECTION)?;
        let (imports, exports) = (binary.items(false), binary.items(true));
        let mut names = Names::default();
        for (name, item) in imports.iter().chain(&exports) {
            names.add_instance(&binary.types, name, &item.ty)?;
        }
        let docs = Docs::default();
        let mut reader = TypeReader::new(&binary.types, &names, &docs);
        for (name, item) in &exports {
            let ComponentEntityType::Instance(instance) = item.ty else {
                return Err(InterfaceError::UnknownExport { name: shortened(name) });
            };
            reader.add_interface(name, instance)?;
        }
        let found = reader.finish()?;
        match binary.section {
            None => Ok(found),
            Some(section) => {
                let described = Self::from_wit_package(section)?;
                agree(
                    &found.clone().without_marks(),
                    &described.clone().without_docs().without_marks(),
                )?;
                Ok(described)
            }
        }
    }

    /// The interface of a binary WIT package as `wit_component::encode` writes it, with its docs. Worlds
    /// and other interfaces of the package are left out.
    pub fn from_wit_package(bytes: &[u8]) -> Result<Self, InterfaceError> {
        let binary = Binary::read(bytes, DOCS_SECTION)?;
        let docs = Docs::read(binary.section)?;
        let mut names = Names::default();
        let mut instances = Vec::new();
        for (_, item) in binary.items(true) {
            let ComponentEntityType::Type { created: ComponentAnyTypeId::Component(id), .. } =
                item.ty
            else {
                return Err(invalid("a WIT package exports interfaces and worlds only"));
            };
            let component = &binary.types[id];
            for (name, item) in component.imports.iter().chain(&component.exports) {
                names.add_instance(&binary.types, name, &item.ty)?;
            }
            for (name, item) in &component.exports {
                if let ComponentEntityType::Instance(instance) = item.ty
                    && Part::of(name).is_some()
                {
                    instances.push((name.clone(), instance));
                }
            }
        }
        let mut reader = TypeReader::new(&binary.types, &names, &docs);
        for (name, instance) in instances {
            reader.add_interface(&name, instance)?;
        }
        reader.finish()
    }
}

/// Whether a section tells the truth. Compared by what is encoded: a component's exports have lost their
/// aliases, so neither the names of types nor `amount` for `u64` can be seen there, and what `events`
/// borrows from elsewhere looks like its own. A component may leave out `events`, which has no functions.
fn agree(found: &Interface, described: &Interface) -> Result<(), InterfaceError> {
    let differs = |difference: String| Err(InterfaceError::SectionDiffers { difference });
    if found.package != described.package {
        return differs(format!("package {} against {}", described.package, found.package));
    }
    for (kind, real, told) in [
        ("command", &found.commands, &described.commands),
        ("query", &found.queries, &described.queries),
    ] {
        for function in real {
            match told.iter().find(|told| told.name == function.name) {
                Some(told) if told == function => {}
                Some(told) => {
                    let (real, told) = (signature(function), signature(told));
                    return differs(format!("{kind} {told} is really {real}"));
                }
                None => return differs(format!("{kind} {} is not in it", function.name)),
            }
        }
        if let Some(extra) = told.iter().find(|told| real.iter().all(|f| f.name != told.name)) {
            return differs(format!("{kind} {} is in it alone", extra.name));
        }
    }
    for event in &described.events {
        if found.event(&event.name).is_some_and(|real| real.ty != event.ty) {
            return differs(format!("event {}", event.name));
        }
    }
    Ok(())
}

fn signature(function: &Function) -> String {
    let result = function.result.as_ref().map(|ty| format!(" -> {ty}")).unwrap_or_default();
    format!("{}{result}", crate::value::usage(function))
}

/// Interfaces that a module exports.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Commands,
    Queries,
    Events,
}

impl Part {
    fn of(export: &str) -> Option<Self> {
        match split_id(export)?.1 {
            "commands" => Some(Self::Commands),
            "queries" => Some(Self::Queries),
            "events" => Some(Self::Events),
            _ => None,
        }
    }
}

/// `ns:package/interface@version` as (`ns:package@version`, `interface`).
fn split_id(id: &str) -> Option<(String, &str)> {
    let (package, rest) = id.split_once('/')?;
    match rest.split_once('@') {
        Some((interface, version)) => Some((format!("{package}@{version}"), interface)),
        None => Some((package.to_owned(), rest)),
    }
}

fn invalid(reason: impl ToString) -> InterfaceError {
    InterfaceError::Invalid { reason: shortened(&reason.to_string()) }
}

/// Names from hostile bytes may be long.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Validated bytes: types, names of imports and exports, and one custom section.
struct Binary<'a> {
    types: Types,
    imports: Vec<String>,
    exports: Vec<String>,
    section: Option<&'a [u8]>,
}

impl<'a> Binary<'a> {
    fn read(bytes: &'a [u8], section_name: &str) -> Result<Self, InterfaceError> {
        if bytes.len() > COMPONENT_BYTES_MAX {
            return Err(InterfaceError::TooLarge { bytes: bytes.len(), max: COMPONENT_BYTES_MAX });
        }
        let features = WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL;
        let mut validator = Validator::new_with_features(features);
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        let (mut section, mut types, mut depth) = (None, None, 1_usize);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            // Function bodies are left to deployment's own validation.
            match validator.payload(&payload).map_err(invalid)? {
                ValidPayload::Parser(_) => depth += 1,
                ValidPayload::End(end) => {
                    depth -= 1;
                    types = Some(end);
                }
                ValidPayload::Ok | ValidPayload::Func(..) => {}
            }
            if depth != 1 {
                continue;
            }
            match payload {
                Payload::ComponentImportSection(reader) => {
                    for import in reader {
                        imports.push(import.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(reader) => {
                    for export in reader {
                        exports.push(export.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(custom) if custom.name() == section_name => {
                    let before = section.replace(custom.data());
                    if before.is_some() {
                        return Err(invalid(format!("two sections {section_name}")));
                    }
                }
                Payload::Version { encoding: wasmparser::Encoding::Module, .. } => {
                    return Err(invalid("a core module; a Pollen module is a component"));
                }
                _ => {}
            }
        }
        let types = types.ok_or_else(|| invalid("it ends too early"))?;
        Ok(Self { types, imports, exports, section })
    }

    /// Exports (or imports) with their types, in order.
    fn items(&self, exported: bool) -> Vec<(String, ComponentItem)> {
        let types = self.types.as_ref();
        let names = if exported { &self.exports } else { &self.imports };
        names
            .iter()
            .filter_map(|name| {
                let item = if exported {
                    types.component_item_for_export(name)
                } else {
                    types.component_item_for_import(name)
                };
                Some((name.clone(), item?.clone()))
            })
            .collect()
    }
}

/// What exported and imported types are called.
#[derive(Default)]
struct Names<'a>(HashMap<ComponentAnyTypeId, (&'a str, &'a str)>);

impl<'a> Names<'a> {
    fn add_instance(
        &mut self,
        types: &'a Types,
        interface: &'a str,
        item: &ComponentEntityType,
    ) -> Result<(), InterfaceError> {
        let ComponentEntityType::Instance(instance) = *item else { return Ok(()) };
        for (name, item) in &types[instance].exports {
            if let ComponentEntityType::Type { created, .. } = item.ty {
                if self.0.len() == TYPE_NODES_MAX {
                    return Err(InterfaceError::TooMuch {
                        what: "named types".to_owned(),
                        max: TYPE_NODES_MAX,
                    });
                }
                self.0.insert(created, (interface, name));
            }
        }
        Ok(())
    }

    /// Names along the aliases of a type, from use to definition.
    fn chain(&self, types: &Types, id: ComponentAnyTypeId) -> Vec<(&'a str, &'a str)> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        // Validation has no loops of aliases; the bound keeps a long chain cheap.
        for _ in 0..TYPE_DEPTH_MAX {
            let Some(id) = next else { break };
            chain.extend(self.0.get(&id).copied());
            next = types.as_ref().peel_alias(id);
        }
        chain
    }
}

/// Turns validated types into ours.
struct TypeReader<'a> {
    types: &'a Types,
    names: &'a Names<'a>,
    docs: &'a Docs,
    nodes: usize,
    text_bytes: usize,
    package: Option<String>,
    interface: Interface,
}

impl<'a> TypeReader<'a> {
    fn new(types: &'a Types, names: &'a Names<'a>, docs: &'a Docs) -> Self {
        Self {
            types,
            names,
            docs,
            nodes: 0,
            text_bytes: 0,
            package: None,
            interface: Interface::default(),
        }
    }

    fn finish(mut self) -> Result<Interface, InterfaceError> {
        self.interface.package = self.package.ok_or(InterfaceError::NoExports)?;
        self.interface.docs = self.docs.package.clone();
        Ok(self.interface)
    }

    fn add_interface(
        &mut self,
        export: &str,
        instance: ComponentInstanceTypeId,
    ) -> Result<(), InterfaceError> {
        let unknown = || InterfaceError::UnknownExport { name: shortened(export) };
        let part = Part::of(export).ok_or_else(unknown)?;
        let (package, part_name) = split_id(export).ok_or_else(unknown)?;
        match &self.package {
            Some(first) if *first != package => {
                let first = first.clone();
                return Err(InterfaceError::TwoPackages { first, second: package });
            }
            _ => self.package = Some(package),
        }
        let types = self.types;
        let items = &types[instance].exports;
        if items.len() > 2 * FUNCTIONS_MAX {
            return Err(InterfaceError::TooMuch {
                what: format!("types and functions in {part_name}"),
                max: 2 * FUNCTIONS_MAX,
            });
        }
        for (name, item) in items {
            match (part, item.ty) {
                (Part::Events, ComponentEntityType::Type { created, .. }) => {
                    self.add_event(export, name, created)?;
                }
                (Part::Commands, ComponentEntityType::Func(id)) => {
                    let function = self.function(part_name, name, id)?;
                    self.interface.commands.push(function);
                }
                (Part::Queries, ComponentEntityType::Func(id)) => {
                    let function = self.function(part_name, name, id)?;
                    self.interface.queries.push(function);
                }
                (_, ComponentEntityType::Type { created: ComponentAnyTypeId::Defined(_), .. }) => {}
                (_, other) => {
                    let what = entity(&other).to_owned();
                    return Err(unsupported(&format!("{part_name}.{}", shortened(name)), &what));
                }
            }
        }
        let counts = [self.interface.commands.len(), self.interface.queries.len()];
        if counts.into_iter().max() > Some(FUNCTIONS_MAX) {
            let what = format!("functions in {part_name}");
            return Err(InterfaceError::TooMuch { what, max: FUNCTIONS_MAX });
        }
        Ok(())
    }

    /// An event is a type that `events` itself defines; what it borrows from elsewhere is none.
    fn add_event(
        &mut self,
        export: &str,
        name: &str,
        created: ComponentAnyTypeId,
    ) -> Result<(), InterfaceError> {
        let place = format!("events.{}", shortened(name));
        let ComponentAnyTypeId::Defined(id) = created else {
            return Err(unsupported(&place, "a resource"));
        };
        let chain = self.names.chain(self.types, created);
        if chain.iter().any(|(interface, _)| *interface != export) {
            return Ok(());
        }
        let ty = self.defined(&place, id, 1)?;
        let docs = self.docs.of("events", name).and_then(|docs| docs.docs.clone());
        self.interface.events.push(EventType { name: name.to_owned(), docs, ty });
        Ok(())
    }

    fn function(
        &mut self,
        part: &str,
        name: &str,
        id: ComponentFuncTypeId,
    ) -> Result<Function, InterfaceError> {
        let function = &self.types[id];
        let place = format!("{part}.{}", shortened(name));
        if function.async_ {
            return Err(unsupported(&place, "async"));
        }
        // `[method]thing.name` and its like belong to resources.
        if name.starts_with('[') {
            return Err(unsupported(&place, "a resource"));
        }
        let mut params = Vec::with_capacity(function.params.len().min(64));
        for (name, ty) in &function.params {
            params.push((name.to_string(), self.value(&format!("{place}({name})"), ty, 1)?));
        }
        let result = match &function.result {
            Some(ty) => Some(self.value(&format!("{place}'s result"), ty, 1)?),
            None => None,
        };
        let docs = self.docs.function(part, name);
        let names: usize = function.params.iter().map(|(name, _)| name.len()).sum();
        self.count_text(name.len() + names + length(&docs))?;
        Ok(Function { name: name.to_owned(), docs, params, result })
    }

    fn value(
        &mut self,
        place: &str,
        ty: &ComponentValType,
        depth: usize,
    ) -> Result<Type, InterfaceError> {
        match ty {
            ComponentValType::Primitive(primitive) => {
                self.count(place, depth)?;
                primitive_type(place, *primitive)
            }
            ComponentValType::Type(id) => self.defined(place, *id, depth),
        }
    }

    fn count(&mut self, place: &str, depth: usize) -> Result<(), InterfaceError> {
        self.nodes += 1;
        if self.nodes > TYPE_NODES_MAX {
            let what = "types in the whole interface".to_owned();
            return Err(InterfaceError::TooMuch { what, max: TYPE_NODES_MAX });
        }
        if depth > TYPE_DEPTH_MAX {
            let what = format!("nesting of types at {place}");
            return Err(InterfaceError::TooMuch { what, max: TYPE_DEPTH_MAX });
        }
        Ok(())
    }

    fn boxed(
        &mut self,
        place: &str,
        ty: &ComponentValType,
        depth: usize,
    ) -> Result<Box<Type>, InterfaceError> {
        Ok(Box::new(self.value(place, ty, depth + 1)?))
    }

    fn defined(
        &mut self,
        place: &str,
        id: ComponentDefinedTypeId,
        depth: usize,
    ) -> Result<Type, InterfaceError> {
        self.count(place, depth)?;
        let definition = &self.types[id];
        let chain = self.names.chain(self.types, ComponentAnyTypeId::Defined(id));
        if let Some((_, name)) = chain.iter().find(|(interface, _)| is_host_types(interface))
            && let Some(ty) = host_type(name, definition)?
        {
            return Ok(ty);
        }
        // What a component exports is a copy that has lost its alias to the host's type: known by its name
        // and shape. A mistake would change how it is shown, never how it is encoded.
        if let Some((_, name)) = chain.first()
            && let Some(kind) = IdKind::of_name(name)
            && matches!(definition, ComponentDefinedType::Record(record) if is_four_words(record))
        {
            return Ok(Type::Id(kind));
        }
        // The definition's own name, not the one that an importer gave it.
        let name = chain.last().map(|(interface, name)| self.type_name(interface, name));
        match definition {
            ComponentDefinedType::Primitive(primitive) => primitive_type(place, *primitive),
            ComponentDefinedType::List {
                element: ComponentValType::Primitive(PrimitiveValType::U8),
                ..
            } => Ok(Type::Bytes),
            ComponentDefinedType::List { element, .. } => {
                Ok(Type::List(self.boxed(place, element, depth)?))
            }
            ComponentDefinedType::Option { ty, .. } => {
                Ok(Type::Option(self.boxed(place, ty, depth)?))
            }
            ComponentDefinedType::Result { ok, err, .. } => {
                let ok = ok.as_ref().map(|ty| self.boxed(place, ty, depth)).transpose()?;
                let err = err.as_ref().map(|ty| self.boxed(place, ty, depth)).transpose()?;
                Ok(Type::Result { ok, err })
            }
            ComponentDefinedType::Tuple(tuple) => Ok(Type::Tuple(
                tuple
                    .types
                    .iter()
                    .map(|ty| self.value(place, ty, depth + 1))
                    .collect::<Result<_, _>>()?,
            )),
            _ => {
                let name = name.ok_or_else(|| unsupported(place, "a type without a name"))?;
                self.named(place, name, definition, depth)
            }
        }
    }

    /// Types of the module's own package are known by their interface alone.
    fn type_name(&self, interface: &str, name: &str) -> TypeName {
        let interface = match (split_id(interface), &self.package) {
            (Some((package, part)), Some(own)) if package == *own => part.to_owned(),
            _ => interface.to_owned(),
        };
        TypeName { interface, name: name.to_owned() }
    }

    fn named(
        &mut self,
        place: &str,
        name: TypeName,
        definition: &ComponentDefinedType,
        depth: usize,
    ) -> Result<Type, InterfaceError> {
        let mut names = PartNames { docs: self.docs.of(&name.interface, &name.name), bytes: 0 };
        let type_docs = names.docs.and_then(|docs| docs.docs.clone());
        names.bytes += name.interface.len() + name.name.len() + length(&type_docs);
        let ty = match definition {
            ComponentDefinedType::Record(record) => {
                let mut parts = Vec::new();
                for (field, ty) in &record.fields {
                    let ty = self.value(place, ty, depth + 1)?;
                    let Label { name, docs } = names.next(field.as_str());
                    parts.push(Field { name, docs, ty });
                }
                Type::Record(Named { name, docs: type_docs, parts })
            }
            ComponentDefinedType::Variant(variant) => {
                self.check_cases(place, variant.cases.len())?;
                let mut parts = Vec::new();
                for (case, payload) in &variant.cases {
                    let ty = payload.ty.as_ref().map(|ty| self.value(place, ty, depth + 1));
                    let Label { name, docs } = names.next(case.as_str());
                    parts.push(Case { name, docs, ty: ty.transpose()? });
                }
                Type::Variant(Named { name, docs: type_docs, parts })
            }
            ComponentDefinedType::Enum(labels) | ComponentDefinedType::Flags(labels) => {
                self.check_cases(place, labels.len())?;
                let parts = labels.iter().map(|label| names.next(label.as_str())).collect();
                let named = Named { name, docs: type_docs, parts };
                match definition {
                    ComponentDefinedType::Enum(_) => Type::Enum(named),
                    _ => Type::Flags(named),
                }
            }
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => {
                return Err(unsupported(place, "a resource"));
            }
            ComponentDefinedType::Future { .. } => return Err(unsupported(place, "a future")),
            ComponentDefinedType::Stream { .. } => return Err(unsupported(place, "a stream")),
            ComponentDefinedType::Map { .. } => return Err(unsupported(place, "a map")),
            _ => return Err(unsupported(place, "a list of fixed length")),
        };
        self.count_text(names.bytes)?;
        Ok(ty)
    }

    /// Names and docs are copied to every use of a type, so they are bounded by their sum.
    fn count_text(&mut self, bytes: usize) -> Result<(), InterfaceError> {
        self.text_bytes += bytes;
        if self.text_bytes > TEXT_BYTES_MAX {
            let what = "bytes of names and docs, counted at every use".to_owned();
            return Err(InterfaceError::TooMuch { what, max: TEXT_BYTES_MAX });
        }
        Ok(())
    }

    fn check_cases(&mut self, place: &str, cases: usize) -> Result<(), InterfaceError> {
        self.nodes += cases;
        if cases > CASES_MAX {
            let what = format!("cases or flags at {place}");
            return Err(InterfaceError::TooMuch { what, max: CASES_MAX });
        }
        Ok(())
    }
}

/// Takes the parts of one named type in order, with their docs, and sums up their lengths.
struct PartNames<'a> {
    docs: Option<&'a TypeDocs>,
    bytes: usize,
}

impl PartNames<'_> {
    fn next(&mut self, name: &str) -> Label {
        let docs = self.docs.and_then(|docs| docs.items.get(name).cloned());
        self.bytes += name.len() + length(&docs);
        Label { name: name.to_owned(), docs }
    }
}

fn length(docs: &Option<String>) -> usize {
    docs.as_ref().map_or(0, String::len)
}

fn unsupported(place: &str, what: &str) -> InterfaceError {
    InterfaceError::Unsupported { place: shortened(place), what: what.to_owned() }
}

fn entity(ty: &ComponentEntityType) -> &'static str {
    match ty {
        ComponentEntityType::Func(_) => "a function among events",
        ComponentEntityType::Type { .. } => "a resource",
        _ => "something that is neither a function nor a type",
    }
}

fn is_host_types(interface: &str) -> bool {
    interface.strip_prefix(HOST_TYPES).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}

fn primitive_type(place: &str, primitive: PrimitiveValType) -> Result<Type, InterfaceError> {
    Ok(match primitive {
        PrimitiveValType::Bool => Type::Bool,
        PrimitiveValType::U8 => Type::U8,
        PrimitiveValType::U16 => Type::U16,
        PrimitiveValType::U32 => Type::U32,
        PrimitiveValType::U64 => Type::U64,
        PrimitiveValType::S8 => Type::S8,
        PrimitiveValType::S16 => Type::S16,
        PrimitiveValType::S32 => Type::S32,
        PrimitiveValType::S64 => Type::S64,
        PrimitiveValType::F32 => Type::F32,
        PrimitiveValType::F64 => Type::F64,
        PrimitiveValType::Char => Type::Char,
        PrimitiveValType::String => Type::String,
        PrimitiveValType::ErrorContext => return Err(unsupported(place, "an error context")),
    })
}

/// One of the host's types, when it has the host's shape; `bytes` is read like any list of bytes.
fn host_type(
    name: &str,
    definition: &ComponentDefinedType,
) -> Result<Option<Type>, InterfaceError> {
    let not_host = || InterfaceError::NotHostType { name: shortened(name) };
    let is_u64 = matches!(definition, ComponentDefinedType::Primitive(PrimitiveValType::U64));
    match (IdKind::of_name(name), definition) {
        (Some(kind), ComponentDefinedType::Record(record)) if is_four_words(record) => {
            Ok(Some(Type::Id(kind)))
        }
        (None, _) if name == "amount" && is_u64 => Ok(Some(Type::Amount)),
        (None, _) if name == "bytes" => Ok(None),
        _ => Err(not_host()),
    }
}

/// The shape of every id.
fn is_four_words(record: &RecordType) -> bool {
    let is_u64 =
        |ty: &ComponentValType| matches!(ty, ComponentValType::Primitive(PrimitiveValType::U64));
    let words = ["a", "b", "c", "d"];
    let mut pairs = record.fields.iter().zip(words);
    record.fields.len() == words.len()
        && pairs.all(|((name, ty), word)| name.as_str() == word && is_u64(ty))
}
