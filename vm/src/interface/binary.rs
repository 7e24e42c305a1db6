//! Validated bytes of a component or a binary WIT package, and what its types are called.
//!
//! A name travels with a type by aliases: `use types.{account}` makes a new type that is an alias of the
//! host's. [`Names`] remembers what each exported or imported type is called, and the chain of aliases leads
//! from a use to its definition.

use std::collections::HashMap;

use pollen_ledger::limits::COMPONENT_BYTES_MAX;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

use super::decode::{InterfaceError, invalid};
use super::{TYPE_DEPTH_MAX, TYPE_NODES_MAX};
use crate::validate::nesting::{self, Nesting};

/// Deepest nesting of components in components.
const COMPONENT_DEPTH_MAX: usize = 8;

/// Validated bytes: types, names of imports and exports, and one custom section.
pub(super) struct Binary<'a> {
    pub types: Types,
    imports: Vec<String>,
    exports: Vec<String>,
    pub section: Option<&'a [u8]>,
}

impl<'a> Binary<'a> {
    pub fn read(bytes: &'a [u8], section_name: &str) -> Result<Self, InterfaceError> {
        if bytes.len() > COMPONENT_BYTES_MAX {
            return Err(InterfaceError::TooLarge { bytes: bytes.len(), max: COMPONENT_BYTES_MAX });
        }
        let features = WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL;
        let mut validator = Validator::new_with_features(features);
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        let (mut section, mut types, mut depth) = (None, None, 1_usize);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            if let Payload::ComponentTypeSection(section) = &payload {
                nesting::check(bytes, section).map_err(|error| match error {
                    Nesting::Invalid(error) => invalid(error),
                    Nesting::TooDeep => invalid("types of instances are nested too deep"),
                })?;
            }
            // Function bodies are left to deployment's own validation.
            match validator.payload(&payload).map_err(invalid)? {
                // Each open component costs the validator far more than its bytes.
                ValidPayload::Parser(_) if depth > COMPONENT_DEPTH_MAX => {
                    return Err(invalid("components are nested too deep"));
                }
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
    pub fn items(&self, exported: bool) -> Vec<(String, ComponentItem)> {
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
pub(super) struct Names<'a>(HashMap<ComponentAnyTypeId, (&'a str, &'a str)>);

impl<'a> Names<'a> {
    pub fn add_instance(
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
    pub fn chain(&self, types: &Types, id: ComponentAnyTypeId) -> Vec<(&'a str, &'a str)> {
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
