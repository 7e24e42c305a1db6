//! Whether a component may run here, by its bytes alone: consensus. Nothing is compiled, and no engine
//! is asked: what wasmtime accepts depends on how it was built.
//!
//! One pass over the bytes parses, validates (wasmparser, with every feature set by name) and counts; a
//! limit refuses at the first byte that breaks it. Then imports and exports are checked. Refusals say what
//! is wrong and what is allowed; only that there is a refusal is consensus.

mod features;
mod imports;
pub mod limits;
mod names;
pub(crate) mod nesting;
mod operators;
mod wiring;
mod work;

#[cfg(test)]
mod tests;

use pollen_ledger::crypto::Hash;
use pollen_ledger::limits::COMPONENT_BYTES_MAX;
use pollen_ledger::module::{CodeFacts, CodeRefusal};
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentInstance, ComponentType, DataKind, ElementItems,
    Encoding, FuncValidatorAllocations, Instance, Operator, Parser, Payload, TypeRef, ValidPayload,
    Validator, types::Types,
};

pub use features::features;
pub use imports::HOST_INTERFACES;

use crate::host::prices;
use crate::interface::{Interface, wit_package};
use crate::manifest::Manifest;
use limits as limit;
use nesting::Nesting;
use wiring::{Brings, Wiring};

pub(crate) fn refuse(reason: impl Into<String>) -> CodeRefusal {
    CodeRefusal { reason: reason.into() }
}

fn invalid(error: wasmparser::Error) -> CodeRefusal {
    refuse(format!(
        "not a valid component (byte {}): {}; modules use WebAssembly without threads, tail calls, \
         exceptions, garbage collection, 64-bit or several memories, relaxed SIMD and async",
        error.offset(),
        error.message()
    ))
}

/// Counts of a component that are bounded as a whole.
#[derive(Debug, Default)]
struct Counts {
    core_modules: u32,
    core_instances: u32,
    component_instances: u32,
    functions: u32,
    types: u32,
    locals: u64,
    branches: u64,
    branches_squared: u64,
    work: u64,
    components: u32,
    custom_sections: u32,
}

/// Counts of the core module that is being read.
#[derive(Debug, Default)]
struct ModuleCounts {
    imports: u32,
    globals: u32,
    tables: u32,
    memories: u32,
    elements: u64,
}

fn at_most(what: &str, found: u64, most: u64) -> Result<(), CodeRefusal> {
    if found <= most {
        return Ok(());
    }
    Err(refuse(format!("{what}: {found}, and at most {most} are allowed")))
}

/// Decides; see [`pollen_ledger::module::ModuleEngine::inspect`].
pub fn inspect(code: &[u8]) -> Result<CodeFacts, CodeRefusal> {
    let interface = check(code)?;
    let counts = interface.1;
    let deploy_fuel = (code.len() as u64 * prices::DEPLOY_BYTE)
        .saturating_add(u64::from(counts.functions) * prices::DEPLOY_FUNCTION)
        .saturating_add(counts.branches_squared.saturating_mul(prices::DEPLOY_BRANCHES_SQUARED));
    let has = |name: &str| interface.0.commands.iter().any(|function| function.name == name);
    let package = wit_package(code).map_err(|error| refuse(error.to_string()))?;
    let interface = Hash::of_content(package.unwrap_or_default());
    Ok(CodeFacts { deploy_fuel, has_init: has("init"), has_migrate: has("migrate"), interface })
}

/// How much of [`limits::WORK_MAX`] a component takes, where it may run.
pub fn compile_work(code: &[u8]) -> Result<u64, CodeRefusal> {
    Ok(check(code)?.1.work)
}

fn check(code: &[u8]) -> Result<(Interface, Counts), CodeRefusal> {
    at_most("bytes of the component", code.len() as u64, COMPONENT_BYTES_MAX as u64)?;
    check_kind(code)?;
    let (pass, types) = read(code)?;
    imports::check(types.as_ref(), pass.imports.iter().copied())?;
    let interface = Interface::from_component(code).map_err(|error| refuse(error.to_string()))?;
    Manifest::of(code).map_err(|error| refuse(error.to_string()))?;
    if interface.commands.is_empty() && interface.queries.is_empty() {
        return Err(refuse(
            "the component exports no function: a module exports the interfaces `commands` or \
             `queries` of its own package",
        ));
    }
    Ok((interface, pass.counts))
}

/// Parses, validates and counts.
fn read(code: &[u8]) -> Result<(Pass<'_>, Types), CodeRefusal> {
    let mut pass = Pass::new();
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut types = None;
    for payload in parser.parse_all(code) {
        let payload = payload.map_err(invalid)?;
        pass.look(code, &payload)?;
        match pass.validator.payload(&payload).map_err(invalid)? {
            ValidPayload::Func(function, body) => pass.function(function, body)?,
            ValidPayload::End(found) => types = Some(found),
            _ => {}
        }
    }
    let types = types.ok_or_else(|| refuse("the component ends too early"))?;
    Ok((pass, types))
}

/// Whether a component keeps features and limits, whatever it imports and exports.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check_code(code: &[u8]) -> Result<(), CodeRefusal> {
    read(code).map(|_| ())
}

/// Tells apart what people deploy by mistake.
fn check_kind(code: &[u8]) -> Result<(), CodeRefusal> {
    if Parser::is_component(code) {
        return Ok(());
    }
    Err(if Parser::is_core_wasm(code) {
        refuse(
            "this is a core WebAssembly module, not a component: build it with `pollen build`, or wrap \
             it with `wasm-tools component new`",
        )
    } else if code.starts_with(b"(") {
        refuse("this is WebAssembly text: assemble it with `wasm-tools parse` first")
    } else {
        refuse("this is no WebAssembly at all: a module is a component, built with `pollen build`")
    })
}

struct Pass<'a> {
    validator: Validator,
    /// The encodings of what is open, outermost first.
    open: Vec<Encoding>,
    counts: Counts,
    module: ModuleCounts,
    wiring: Wiring,
    /// Top-level imports.
    imports: Vec<&'a str>,
    allocations: Option<FuncValidatorAllocations>,
}

impl<'a> Pass<'a> {
    fn new() -> Self {
        Self {
            validator: Validator::new_with_features(features()),
            open: Vec::new(),
            counts: Counts::default(),
            module: ModuleCounts::default(),
            wiring: Wiring::default(),
            imports: Vec::new(),
            allocations: Some(FuncValidatorAllocations::default()),
        }
    }

    /// Inside a component inside the component: those that the component tools add describe an exported
    /// interface, and nothing else is allowed in them.
    fn is_nested(&self) -> bool {
        self.open.len() > 1
    }

    /// Counts a payload before it is validated.
    fn look(&mut self, code: &[u8], payload: &Payload<'a>) -> Result<(), CodeRefusal> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.open.push(*encoding);
                if *encoding == Encoding::Module {
                    self.module = ModuleCounts::default();
                }
                Ok(())
            }
            Payload::End(_) => {
                if self.open.pop() == Some(Encoding::Module) {
                    let ModuleCounts { memories, tables, .. } = self.module;
                    self.wiring.add_module(Brings { memories, tables });
                }
                Ok(())
            }
            Payload::CustomSection(section) => {
                self.counts.custom_sections += 1;
                let found = self.counts.custom_sections;
                at_most("custom sections", found.into(), limit::CUSTOM_SECTIONS_MAX.into())?;
                names::check(section)
            }
            Payload::UnknownSection { .. } => Ok(()),
            payload if self.open.last() == Some(&Encoding::Module) => self.look_core(payload),
            payload => self.look_component(code, payload),
        }
    }

    fn look_component(&mut self, code: &[u8], payload: &Payload<'a>) -> Result<(), CodeRefusal> {
        let nested = self.is_nested();
        if !nested {
            self.wiring.look(payload)?;
        }
        match payload {
            Payload::ComponentTypeSection(section) => {
                self.add_types(section.count())?;
                let declarations = nesting::check(code, section).map_err(|error| match error {
                    Nesting::Invalid(error) => invalid(error),
                    Nesting::TooDeep => refuse("types of instances are nested too deep"),
                })?;
                self.wiring.add_items(declarations)?;
                for ty in section.clone() {
                    if let ComponentType::Resource { .. } = ty.map_err(invalid)? {
                        return Err(refuse("resources are not allowed: pass ids or plain values"));
                    }
                }
                Ok(())
            }
            Payload::ComponentImportSection(section) => {
                self.wiring.add_items(section.count())?;
                for import in section.clone() {
                    let import = import.map_err(invalid)?;
                    if !nested {
                        self.imports.push(import.name.name);
                    }
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => self.wiring.add_items(section.count()),
            Payload::ComponentAliasSection(section) => self.wiring.add_items(section.count()),
            _ if nested => Err(refuse(
                "a component inside the component may only rename an interface's functions and types",
            )),
            Payload::ComponentSection { .. } => {
                self.counts.components += 1;
                let found = self.counts.components;
                at_most("components inside", found.into(), limit::COMPONENTS_MAX.into())
            }
            Payload::CoreTypeSection(section) => self.add_types(section.count()),
            Payload::ModuleSection { .. } => {
                self.counts.core_modules += 1;
                let found = self.counts.core_modules;
                at_most("core modules", found.into(), limit::CORE_MODULES_MAX.into())
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { .. } = instance.map_err(invalid)? {
                        self.counts.core_instances += 1;
                    }
                }
                let found = self.counts.core_instances;
                at_most("core instances", found.into(), limit::CORE_INSTANCES_MAX.into())
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { .. } = instance.map_err(invalid)? {
                        self.counts.component_instances += 1;
                    }
                }
                let found = self.counts.component_instances;
                at_most("component instances", found.into(), limit::COMPONENT_INSTANCES_MAX.into())
            }
            Payload::ComponentCanonicalSection(section) => {
                self.wiring.add_items(section.count())?;
                for function in section.clone() {
                    check_canonical(&function.map_err(invalid)?)?;
                }
                Ok(())
            }
            _ => Err(refuse("the component has a section that modules do not use")),
        }
    }

    fn add_types(&mut self, more: u32) -> Result<(), CodeRefusal> {
        self.counts.types = self.counts.types.saturating_add(more);
        at_most("types", self.counts.types.into(), limit::TYPES_MAX.into())
    }

    fn look_core(&mut self, payload: &Payload<'a>) -> Result<(), CodeRefusal> {
        match payload {
            Payload::TypeSection(section) => {
                self.add_types(section.count())?;
                for ty in section.clone().into_iter_err_on_gc_types() {
                    let ty = ty.map_err(invalid)?;
                    let (params, results) = (ty.params().len(), ty.results().len());
                    at_most("parameters of a function", params as u64, limit::PARAMS_MAX as u64)?;
                    at_most("results of a function", results as u64, limit::RESULTS_MAX as u64)?;
                }
                Ok(())
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    self.module.imports += 1;
                    match import.map_err(invalid)?.ty {
                        TypeRef::Memory(memory) => self.add_memory(&memory)?,
                        TypeRef::Table(table) => self.add_table(&table)?,
                        TypeRef::Global(_) => self.module.globals += 1,
                        _ => {}
                    }
                }
                at_most("imports", self.module.imports.into(), limit::CORE_IMPORTS_MAX.into())
            }
            Payload::FunctionSection(section) => {
                self.counts.functions = self.counts.functions.saturating_add(section.count());
                at_most("functions", self.counts.functions.into(), limit::FUNCTIONS_MAX.into())
            }
            Payload::TableSection(section) => section
                .clone()
                .into_iter()
                .try_for_each(|table| self.add_table(&table.map_err(invalid)?.ty)),
            Payload::MemorySection(section) => section
                .clone()
                .into_iter()
                .try_for_each(|memory| self.add_memory(&memory.map_err(invalid)?)),
            Payload::GlobalSection(section) => {
                self.module.globals = self.module.globals.saturating_add(section.count());
                at_most("globals", self.module.globals.into(), limit::GLOBALS_MAX.into())
            }
            Payload::ExportSection(section) => {
                at_most("exports", section.count().into(), limit::CORE_EXPORTS_MAX.into())
            }
            Payload::ElementSection(section) => self.look_elements(section),
            Payload::DataSection(section) => look_data(section),
            _ => Ok(()),
        }
    }

    fn add_memory(&mut self, memory: &wasmparser::MemoryType) -> Result<(), CodeRefusal> {
        self.module.memories += 1;
        at_most("memories", self.module.memories.into(), 1)?;
        let pages = |bytes: u64| bytes / limit::PAGE_BYTES;
        at_most(
            "pages of memory at the start",
            memory.initial,
            pages(limit::MEMORY_START_BYTES_MAX),
        )?;
        at_most("pages of memory", memory.maximum.unwrap_or(0), pages(limit::MEMORY_BYTES_MAX))
    }

    fn add_table(&mut self, table: &wasmparser::TableType) -> Result<(), CodeRefusal> {
        self.module.tables += 1;
        at_most("tables", self.module.tables.into(), limit::TABLES_MAX.into())?;
        at_most("elements of a table", table.initial, limit::TABLE_ELEMENTS_MAX)
    }

    fn look_elements(
        &mut self,
        section: &wasmparser::ElementSectionReader<'_>,
    ) -> Result<(), CodeRefusal> {
        for element in section.clone() {
            let items = match element.map_err(invalid)?.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            };
            self.module.elements += u64::from(items) + 1;
            at_most("table elements", self.module.elements, limit::TABLE_ELEMENTS_MAX)?;
        }
        Ok(())
    }
}

/// Data must lie where the module's image can hold it: placed by a constant, so that making an instance
/// maps memory and copies nothing.
fn look_data(section: &wasmparser::DataSectionReader<'_>) -> Result<(), CodeRefusal> {
    at_most("data segments", section.count().into(), limit::DATA_SEGMENTS_MAX.into())?;
    for data in section.clone() {
        if let DataKind::Active { offset_expr, .. } = data.map_err(invalid)?.kind {
            let first = offset_expr.get_operators_reader().read().map_err(invalid)?;
            if !matches!(first, Operator::I32Const { .. }) {
                return Err(refuse("a data segment's place must be a constant number"));
            }
        }
    }
    Ok(())
}

fn check_canonical(function: &CanonicalFunction) -> Result<(), CodeRefusal> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options
        }
        _ => return Err(refuse("resources, threads and asynchronous functions are not allowed")),
    };
    let allowed = options.iter().all(|option| {
        matches!(
            option,
            CanonicalOption::UTF8
                | CanonicalOption::Memory(_)
                | CanonicalOption::Realloc(_)
                | CanonicalOption::PostReturn(_)
        )
    });
    if allowed { Ok(()) } else { Err(refuse("strings must be UTF-8, and functions synchronous")) }
}
