//! One core instance less in each call.
//!
//! The imports of a module's program can be made only when its memory is there, and the program can be
//! instantiated only when its imports are there. `wit-component` cuts that knot with two small modules: a *shim*,
//! instantiated first, whose functions call through a table, and a *filler*, instantiated last, which puts the real
//! functions into that table. The shim needs nothing, so the program can hold its functions and its table itself:
//!
//! ```text
//! shim -> program(imports of the shim) -> filler(table of the shim, real functions)      before
//!         program                      -> filler(table of the program, real functions)   after
//! ```
//!
//! A call of a module makes a fresh instance of everything, so that is an eighth of what a small call costs. What
//! the module does, and its fuel, stay the same to the operator: the shim's functions are copied as they are. The
//! table is appended to the program's own where it has one, since each table costs as well.
//!
//! Invariants: a component of any other shape than `wit-component`'s is left as it is, and so is one with debug
//! information, which counts bytes from the beginning of the code.

mod modules;

use std::collections::BTreeMap;

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentSectionId,
    ExportKind, InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, Export, ExternalKind, Instance, Parser, Payload, Validator,
};

use self::modules::{Shim, Slots};

/// The component has not the shape that is looked for.
#[derive(Debug)]
pub(crate) struct OtherShape;

type Result<T> = std::result::Result<T, Error<OtherShape>>;

fn other<T>() -> Result<T> {
    Err(Error::UserError(OtherShape))
}

/// The component with its shim taken into its program; none where it has not the shape of one. What comes out is
/// valid: whoever builds is better served by the component as it was than by an error about this.
pub fn fused(component: &[u8]) -> Option<Vec<u8>> {
    let parts = parts(component).ok()?;
    let fused = Plan::of(&parts).and_then(|plan| plan.component(&parts)).ok()?;
    Validator::new().validate_all(&fused).is_ok().then_some(fused)
}

/// A section at the top of a component.
enum Part<'a> {
    Same { id: u8, contents: &'a [u8] },
    Module(&'a [u8]),
    Instances(Vec<Instance<'a>>),
    Aliases(Vec<ComponentAlias<'a>>),
    Canonicals(Vec<CanonicalFunction>),
}

type Parsed<T> = wasmparser::Result<T>;

fn parts(component: &[u8]) -> Parsed<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut open = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::Version { .. } => open += 1,
            Payload::End(_) => open -= 1,
            _ if open > 1 => {}
            // Its length is not checked yet: what is cut off is an error of the parser, further on.
            Payload::ModuleSection { unchecked_range, .. } => {
                let module = component.get(unchecked_range.clone()).unwrap_or_default();
                parts.push(Part::Module(module));
            }
            Payload::InstanceSection(section) => {
                parts.push(Part::Instances(section.clone().into_iter().collect::<Parsed<_>>()?));
            }
            Payload::ComponentAliasSection(section) => {
                parts.push(Part::Aliases(section.clone().into_iter().collect::<Parsed<_>>()?));
            }
            Payload::ComponentCanonicalSection(section) => {
                parts.push(Part::Canonicals(section.clone().into_iter().collect::<Parsed<_>>()?));
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let contents = component.get(range).unwrap_or_default();
                    parts.push(Part::Same { id, contents });
                }
            }
        }
    }
    Ok(parts)
}

/// An entry of an index space that is an alias of a core instance's export: which, of what name.
type Aliased<'a> = Option<(u32, &'a str)>;

/// The core index spaces of a component.
#[derive(Default)]
struct Spaces<'a> {
    modules: Vec<&'a [u8]>,
    instances: Vec<&'a Instance<'a>>,
    functions: Vec<Aliased<'a>>,
    tables: Vec<Aliased<'a>>,
}

impl<'a> Spaces<'a> {
    fn of(parts: &'a [Part<'a>]) -> Self {
        let mut spaces = Self::default();
        for part in parts {
            match part {
                Part::Same { .. } => {}
                Part::Module(module) => spaces.modules.push(module),
                Part::Instances(instances) => spaces.instances.extend(instances),
                Part::Aliases(aliases) => {
                    aliases.iter().for_each(|alias| spaces.alias(alias));
                }
                Part::Canonicals(functions) => {
                    let core = functions.iter().filter(|function| is_core(function));
                    spaces.functions.extend(core.map(|_| None));
                }
            }
        }
        spaces
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>) {
        let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = alias else {
            return;
        };
        match kind {
            ExternalKind::Func => self.functions.push(Some((*instance_index, name))),
            ExternalKind::Table => self.tables.push(Some((*instance_index, name))),
            _ => {}
        }
    }

    /// Whether an export of a bundle is that instance's: its name there.
    fn is_of(&self, export: &Export<'_>, instance: u32) -> Option<&'a str> {
        let space = match export.kind {
            ExternalKind::Func => &self.functions,
            ExternalKind::Table => &self.tables,
            _ => return None,
        };
        let aliased = space.get(export.index as usize).copied().flatten()?;
        (aliased.0 == instance).then_some(aliased.1)
    }

    /// The bundles of exports that an instance is made with, and its module.
    fn bundles(&self, instance: &'a Instance<'a>) -> Option<(u32, Vec<Bundle<'a>>)> {
        let Instance::Instantiate { module_index, args } = instance else { return None };
        let bundles = args.iter().filter_map(|arg| {
            let Instance::FromExports(exports) = *self.instances.get(arg.index as usize)? else {
                return None;
            };
            Some(Bundle { name: arg.name, instance: arg.index, exports })
        });
        Some((*module_index, bundles.collect()))
    }

    /// The one instance that is made with something of the shim of this kind: its place and its module.
    fn user(&self, shim: u32, kind: ExternalKind) -> Option<(u32, u32)> {
        let mut users = (0..).zip(&self.instances).filter_map(|(place, instance)| {
            let (module, bundles) = self.bundles(instance)?;
            let mut exports = bundles.iter().flat_map(|bundle| bundle.exports);
            let uses =
                exports.any(|export| export.kind == kind && self.is_of(export, shim).is_some());
            uses.then_some((place, module))
        });
        let user = users.next()?;
        users.next().is_none().then_some(user)
    }

    fn times_instantiated(&self, module: u32) -> usize {
        let modules = self.instances.iter().filter_map(|instance| match instance {
            Instance::Instantiate { module_index, .. } => Some(*module_index),
            Instance::FromExports(_) => None,
        });
        modules.filter(|of| *of == module).count()
    }
}

/// Whether it makes a core function, and not one of the component.
fn is_core(function: &CanonicalFunction) -> bool {
    !matches!(function, CanonicalFunction::Lift { .. })
}

struct Bundle<'a> {
    name: &'a str,
    instance: u32,
    exports: &'a [Export<'a>],
}

/// What becomes of the three modules.
struct Plan<'a> {
    spaces: Spaces<'a>,
    shim: u32,
    program: u32,
    shim_module: u32,
    program_module: u32,
    filler_module: u32,
    new_program: Vec<u8>,
    new_filler: Vec<u8>,
}

impl<'a> Plan<'a> {
    fn of(parts: &'a [Part<'a>]) -> Result<Self> {
        let spaces = Spaces::of(parts);
        let mut shims = (0..).zip(&spaces.instances).filter_map(|(place, instance)| {
            let Instance::Instantiate { module_index, args } = instance else { return None };
            let module = spaces.modules.get(*module_index as usize)?;
            let shim = args.is_empty().then(|| Shim::of(module).ok()).flatten()?;
            Some((place, *module_index, shim))
        });
        let Some((shim, shim_module, found)) = shims.next() else { return other() };
        let program = spaces.user(shim, ExternalKind::Func);
        let filler = spaces.user(shim, ExternalKind::Table);
        let (Some((program, program_module)), Some((filler, filler_module))) = (program, filler)
        else {
            return other();
        };
        let once = |module: &u32| {
            spaces.times_instantiated(*module) == 1 && (*module as usize) < spaces.modules.len()
        };
        if program == filler || ![shim_module, program_module, filler_module].iter().all(once) {
            return other();
        }
        let slots = slots(&spaces, shim, program, &found)?;
        let module = |index: u32| spaces.modules[index as usize];
        let (new_program, table) = modules::program(module(program_module), &slots, found.size)?;
        let new_filler = modules::filler(module(filler_module), &table)?;
        Ok(Self {
            shim,
            program,
            shim_module,
            program_module,
            filler_module,
            new_program,
            new_filler,
            spaces,
        })
    }

    fn component(&self, parts: &[Part<'_>]) -> Result<Vec<u8>> {
        let mut component = Component::new();
        let mut renumber = Renumber::default();
        let mut places = 0_u32..;
        for part in parts {
            match part {
                Part::Same { id, contents } => {
                    component.section(&RawSection { id: *id, data: contents });
                }
                Part::Module(module) => {
                    let data = match places.next() {
                        Some(index) if index == self.shim_module => continue,
                        Some(index) if index == self.program_module => &self.new_program,
                        Some(index) if index == self.filler_module => &self.new_filler,
                        _ => *module,
                    };
                    let id = ComponentSectionId::CoreModule as u8;
                    component.section(&RawSection { id, data });
                }
                Part::Instances(instances) => {
                    let mut section = InstanceSection::new();
                    for instance in instances {
                        self.instance(instance, &mut section, &mut renumber)?;
                    }
                    if !section.is_empty() {
                        component.section(&section);
                    }
                }
                Part::Aliases(aliases) => {
                    let mut section = ComponentAliasSection::new();
                    for alias in aliases {
                        if let Some(alias) = self.alias(alias, &mut renumber)? {
                            section.alias(alias);
                        }
                    }
                    if !section.is_empty() {
                        component.section(&section);
                    }
                }
                Part::Canonicals(functions) => {
                    let mut section = CanonicalFunctionSection::new();
                    for function in functions {
                        renumber.parse_component_canonical(&mut section, function.clone())?;
                        if is_core(function) {
                            renumber.functions.add();
                        }
                    }
                    component.section(&section);
                }
            }
        }
        Ok(component.finish())
    }

    /// A core instance, with new indices; none where it went into the program.
    fn instance(
        &self,
        instance: &Instance<'_>,
        section: &mut InstanceSection,
        renumber: &mut Renumber,
    ) -> Result<()> {
        let place = renumber.instances.len();
        match instance {
            Instance::Instantiate { .. } if place == self.shim => {
                renumber.instances.remove();
                return Ok(());
            }
            Instance::Instantiate { module_index, args } => {
                let mut new_args = Vec::new();
                for arg in args {
                    match renumber.instances.get(arg.index) {
                        Some(instance) => new_args.push((arg.name, ModuleArg::Instance(instance))),
                        // A bundle of which all came from the shim.
                        None if place == self.program && arg.index != self.shim => {}
                        None => return other(),
                    }
                }
                let before = u32::from(*module_index > self.shim_module);
                section.instantiate(module_index - before, new_args);
            }
            Instance::FromExports(exports) => {
                let mut kept = Vec::new();
                for export in exports {
                    let is_shims = self.spaces.is_of(export, self.shim).is_some();
                    if is_shims && export.kind == ExternalKind::Func {
                        continue;
                    }
                    let index = match export.kind {
                        ExternalKind::Func => renumber.function_index(export.index)?,
                        _ => export.index,
                    };
                    kept.push((export.name, ExportKind::from(export.kind), index));
                }
                if kept.is_empty() && !exports.is_empty() {
                    renumber.instances.remove();
                    return Ok(());
                }
                section.export_items(kept);
            }
        }
        renumber.instances.add();
        Ok(())
    }

    fn alias<'b>(
        &self,
        alias: &ComponentAlias<'b>,
        renumber: &mut Renumber,
    ) -> Result<Option<Alias<'b>>> {
        let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = *alias else {
            let same = RoundtripReencoder.component_alias(alias.clone());
            return same.map(Some).or_else(|_| other());
        };
        let (of, name) = match kind {
            ExternalKind::Func if instance_index == self.shim => {
                renumber.functions.remove();
                return Ok(None);
            }
            ExternalKind::Table if instance_index == self.shim => (self.program, modules::TABLE),
            _ => (instance_index, name),
        };
        if kind == ExternalKind::Func {
            renumber.functions.add();
        }
        let Some(instance) = renumber.instances.get(of) else { return other() };
        Ok(Some(Alias::CoreInstanceExport { instance, kind: kind.into(), name }))
    }
}

/// Which imports of the program are the shim's, and which place in its table each has.
fn slots(spaces: &Spaces<'_>, shim: u32, program: u32, found: &Shim) -> Result<Slots> {
    let Some((_, bundles)) = spaces.bundles(spaces.instances[program as usize]) else {
        return other();
    };
    let mut slots = BTreeMap::new();
    for bundle in &bundles {
        for export in bundle.exports {
            if let Some(name) = spaces.is_of(export, shim) {
                let Some(slot) = found.slots.get(name) else { return other() };
                slots.insert((bundle.name.to_owned(), export.name.to_owned()), *slot);
            }
        }
        // A bundle that somebody else has, too, would lack what is taken out of it.
        let has = |instance: &&&Instance<'_>| {
            matches!(instance, Instance::Instantiate { args, .. }
                if args.iter().any(|arg| arg.index == bundle.instance))
        };
        if spaces.instances.iter().filter(has).count() != 1 {
            return other();
        }
    }
    Ok(slots)
}

/// Old indices to new ones.
#[derive(Default)]
struct Renumber {
    functions: Indices,
    instances: Indices,
}

#[derive(Default)]
struct Indices {
    new: Vec<Option<u32>>,
    next: u32,
}

impl Indices {
    fn len(&self) -> u32 {
        self.new.len() as u32
    }

    fn add(&mut self) {
        self.new.push(Some(self.next));
        self.next += 1;
    }

    fn remove(&mut self) {
        self.new.push(None);
    }

    fn get(&self, old: u32) -> Option<u32> {
        self.new.get(old as usize).copied().flatten()
    }
}

impl Reencode for Renumber {
    type Error = OtherShape;

    fn function_index(&mut self, function: u32) -> Result<u32> {
        self.functions.get(function).ok_or(Error::UserError(OtherShape))
    }
}

impl ReencodeComponent for Renumber {}
