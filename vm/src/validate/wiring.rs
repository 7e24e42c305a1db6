//! What refers to what at the top of a component: things that are valid and that no module needs, and that
//! the engine would refuse, compile at length, or have no room for.
//!
//! Three rules. Host functions alone are lowered, and what is exported was lifted from a core module: so no
//! import is exported again (wasmtime does not compile that), and no call goes from a component to itself
//! (which compiles adapters of any size). Core modules are not renamed. The memories and tables of all core
//! instances together are those that an instance's slot has.

use pollen_ledger::module::CodeRefusal;
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Instance, Payload,
};

use super::{at_most, invalid, limits as limit, refuse};

/// What one core module brings to each of its instances.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brings {
    pub(super) memories: u32,
    pub(super) tables: u32,
}

/// The index spaces of a component that matter here.
#[derive(Debug, Default)]
pub(super) struct Wiring {
    /// For each function whether it was lifted from a core module.
    functions: Vec<bool>,
    /// For each instance whether it was made here and not imported.
    instances: Vec<bool>,
    modules: Vec<Brings>,
    memories: u32,
    tables: u32,
    items: u32,
}

impl Wiring {
    /// A core module was read to its end.
    pub(super) fn add_module(&mut self, brings: Brings) {
        self.modules.push(brings);
    }

    /// Counts what costs an entry somewhere.
    pub(super) fn add_items(&mut self, count: u32) -> Result<(), CodeRefusal> {
        self.items = self.items.saturating_add(count);
        at_most(
            "imports, exports, aliases and declarations of the component",
            self.items.into(),
            limit::COMPONENT_ITEMS_MAX.into(),
        )
    }

    /// Looks at a section at the top of the component, before it is validated.
    pub(super) fn look(&mut self, payload: &Payload<'_>) -> Result<(), CodeRefusal> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    match import.map_err(invalid)?.ty {
                        ComponentTypeRef::Func(_) => self.functions.push(false),
                        ComponentTypeRef::Instance(_) => self.instances.push(false),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias.map_err(invalid)?)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    self.canonical(&function.map_err(invalid)?)?;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    self.core_instance(&instance.map_err(invalid)?)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    self.component_instance(&instance.map_err(invalid)?)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export.map_err(invalid)?;
                    self.exported(export.kind, export.index)?;
                    // An export is a new entry of its own.
                    match export.kind {
                        ComponentExternalKind::Func => self.functions.push(true),
                        ComponentExternalKind::Instance => self.instances.push(true),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), CodeRefusal> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, .. } => {
                let is_ours = is(&self.instances, *instance_index);
                match kind {
                    ComponentExternalKind::Func => self.functions.push(is_ours),
                    ComponentExternalKind::Instance => self.instances.push(is_ours),
                    ComponentExternalKind::Module => return Err(renamed_module()),
                    _ => {}
                }
                Ok(())
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => {
                Err(renamed_module())
            }
            _ => Ok(()),
        }
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), CodeRefusal> {
        match function {
            CanonicalFunction::Lift { .. } => self.functions.push(true),
            CanonicalFunction::Lower { func_index, .. } if is(&self.functions, *func_index) => {
                return Err(refuse("a component may not call its own exports"));
            }
            _ => {}
        }
        Ok(())
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), CodeRefusal> {
        match instance {
            Instance::Instantiate { module_index, args } => {
                self.add_items(args.len() as u32)?;
                let brings = self.modules.get(*module_index as usize).copied().unwrap_or_default();
                self.memories += brings.memories;
                self.tables += brings.tables;
                at_most("memories", self.memories.into(), limit::MEMORIES_MAX.into())?;
                at_most("tables of all instances", self.tables.into(), limit::TABLES_SUM_MAX.into())
            }
            Instance::FromExports(exports) => self.add_items(exports.len() as u32),
        }
    }

    fn component_instance(&mut self, instance: &ComponentInstance<'_>) -> Result<(), CodeRefusal> {
        match instance {
            ComponentInstance::Instantiate { args, .. } => {
                self.add_items(args.len() as u32)?;
                for argument in args {
                    self.exported(argument.kind, argument.index)?;
                }
            }
            ComponentInstance::FromExports(exports) => {
                self.add_items(exports.len() as u32)?;
                for export in exports {
                    self.exported(export.kind, export.index)?;
                }
            }
        }
        self.instances.push(true);
        Ok(())
    }

    /// Something goes out: it must be of this component's own making.
    fn exported(&self, kind: ComponentExternalKind, index: u32) -> Result<(), CodeRefusal> {
        let is_ours = match kind {
            ComponentExternalKind::Func => is(&self.functions, index),
            ComponentExternalKind::Instance => is(&self.instances, index),
            ComponentExternalKind::Type => true,
            ComponentExternalKind::Module
            | ComponentExternalKind::Component
            | ComponentExternalKind::Value => false,
        };
        if is_ours {
            return Ok(());
        }
        Err(refuse("a component exports functions of its own core modules only, never an import"))
    }
}

/// An index beyond the end is for the validator to refuse.
fn is(flags: &[bool], index: u32) -> bool {
    flags.get(index as usize).copied().unwrap_or(false)
}

fn renamed_module() -> CodeRefusal {
    refuse("a core module inside the component may not be an alias")
}
