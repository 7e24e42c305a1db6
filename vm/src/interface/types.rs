//! Turns validated types into an [`Interface`], within its bounds.

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentFuncTypeId, ComponentInstanceTypeId, ComponentValType, RecordType,
};
use wasmparser::types::Types;

use super::binary::Names;
use super::decode::{HOST_TYPES, InterfaceError, shortened};
use super::docs::{Docs, TypeDocs};
use super::{
    CASES_MAX, Case, EventType, FUNCTIONS_MAX, Field, Function, IdKind, Interface, Label, Named,
    TEXT_BYTES_MAX, TYPE_DEPTH_MAX, TYPE_NODES_MAX, Type, TypeName,
};

/// Interfaces that a module exports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Commands,
    Queries,
    Events,
}

impl Part {
    pub fn of(export: &str) -> Option<Self> {
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

/// Turns validated types into ours.
pub(super) struct TypeReader<'a> {
    types: &'a Types,
    names: &'a Names<'a>,
    docs: &'a Docs,
    nodes: usize,
    text_bytes: usize,
    package: Option<String>,
    interface: Interface,
}

impl<'a> TypeReader<'a> {
    pub fn new(types: &'a Types, names: &'a Names<'a>, docs: &'a Docs) -> Self {
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

    pub fn finish(mut self) -> Result<Interface, InterfaceError> {
        self.interface.package = self.package.ok_or(InterfaceError::NoExports)?;
        self.interface.docs = self.docs.package.clone();
        Ok(self.interface)
    }

    pub fn add_interface(
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
