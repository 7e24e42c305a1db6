//! Reads an [`Interface`] out of a component or a binary WIT package.
//!
//! By wasmparser's validated types alone. wit-parser's own decoder is deliberately not used: it asserts
//! things that a hostile package can break (`unreachable!` for a package that exports a function, asserts on
//! duplicates), so a deployment could stop a node. Here every surprise is an [`InterfaceError`].

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};

use super::binary::{Binary, Names};
use super::docs::{DOCS_SECTION, Docs};
use super::types::{Part, TypeReader};
use super::{Function, Interface, WIT_SECTION};

/// The host's package; versions are compared by whoever checks imports.
pub(super) const HOST_TYPES: &str = "pollen:host/types";

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

pub(super) fn invalid(reason: impl ToString) -> InterfaceError {
    InterfaceError::Invalid { reason: shortened(&reason.to_string()) }
}

/// Names from hostile bytes may be long.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
