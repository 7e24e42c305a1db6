//! Any core module, as generators make them (`tests/smith`): metered and plain, with every compiler, and then as
//! a component through the whole host, which stores what its functions gave and what is in its memory.
//!
//! Results, memories, globals and traps are the same with and without stack metering; with every compiler
//! also fuel, events and writes.

use std::convert::Infallible;
use std::sync::OnceLock;

use pollen_ledger::execution::Changes;
use pollen_ledger::module::{Call, CallKind, CallReport, ModuleEngine as _};
use wasm_encoder::reencode::{Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, MemArg, MemorySection,
    MemoryType, SectionId, TypeSection,
};
use wasmparser::{Parser, Payload};
use wasmtime::{Engine, Extern, ExternType, FuncType, Instance, Module, Store, Trap, Val, ValType};

use crate::determinism::{COMPILERS, End, engine, metered, wrapped};
use crate::engine::{Vm, VmConfig, stack};
use crate::fixtures::{Base, PROBE, SIGNER};
use crate::validate;

/// Of one call of a core module: enough for loops, little for endless ones.
const FUEL: u64 = 300_000;
/// Of one call through the host, which pays for what is stored too.
const HOST_FUEL: u64 = 20_000_000;
/// Calls of each export in one instance, with other arguments.
const ROUNDS: u64 = 3;
/// Bytes of memory that are stored at a time, and how often.
const PIECE_BYTES: u32 = 16 << 10;
const PIECES_MAX: u32 = 8;

type Error = wasm_encoder::reencode::Error<Infallible>;

/// What was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls of the core module.
    pub(crate) calls: usize,
    pub(crate) returned: usize,
    /// Ended out of fuel, at `unreachable`, or nested too deep.
    pub(crate) exact: usize,
    /// Calls through the host, and those that came to their end and wrote.
    pub(crate) host_calls: usize,
    pub(crate) wrote: usize,
}

/// What the exports of a module did.
#[derive(Debug, PartialEq)]
struct Outcome {
    calls: Vec<(String, End<Vec<String>>)>,
    /// After each export: hash of the memory and values of globals.
    left: Vec<String>,
}

/// See the file. A module that is none, or outside the limits, is left alone.
pub fn execution(core: &[u8]) {
    let core = core.to_vec();
    let work = move || {
        let _ = examine(&core);
    };
    let thread = stack::spawn("execution", work).expect("a thread can be started");
    thread.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked));
}

/// What was seen, or none if validation refuses it. Runs on a thread of [`stack::spawn`].
pub(crate) fn examine(core: &[u8]) -> Option<Counts> {
    validate::check_code(&wrapped(core)).ok()?;
    static ENGINES: OnceLock<[Engine; 3]> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| COMPILERS.map(engine));
    let code = metered(core);
    let [speed, quick, interpreter] = engines.each_ref().map(|engine| run(engine, &code));
    assert_eq!(speed, quick);
    assert_eq!(speed, interpreter);
    same_but_for_metering(&speed, &run(&engines[1], core));
    let ends = || speed.calls.iter().map(|(_, end)| end);
    let mut counts = Counts {
        calls: speed.calls.len(),
        returned: ends().filter(|end| matches!(end, End::Returned(..))).count(),
        exact: ends().filter(|end| matches!(end, End::Exact(..))).count(),
        ..Counts::default()
    };
    through_the_host(core, &mut counts);
    Some(counts)
}

fn bits(round: u64) -> u64 {
    // Zero, all ones, and something between.
    [0, u64::MAX, 0x4009_21fb_5444_2d18][round as usize % 3]
}

fn argument(ty: &ValType, round: u64) -> Val {
    let bits = bits(round);
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        ValType::V128 => Val::V128((u128::from(bits) << 64 | 7).into()),
        ValType::Ref(_) => Val::FuncRef(None),
    }
}

fn show(value: &Val) -> String {
    match value {
        Val::V128(value) => format!("{:032x}", value.as_u128()),
        Val::FuncRef(function) => format!("function {}", function.is_some()),
        value => format!("{value:?}"),
    }
}

fn functions(module: &Module) -> Vec<(String, FuncType)> {
    let functions = module.exports().filter_map(|export| match export.ty() {
        ExternType::Func(ty) => Some((export.name().to_owned(), ty)),
        _ => None,
    });
    functions.collect()
}

fn run(engine: &Engine, code: &[u8]) -> Outcome {
    let module = Module::new(engine, code).unwrap();
    let mut outcome = Outcome { calls: Vec::new(), left: Vec::new() };
    // A fresh instance for each export: a trap ends an instance here as in the ledger.
    for (name, ty) in functions(&module) {
        let mut store = Store::new(engine, ());
        store.set_fuel(FUEL).unwrap();
        let made = Instance::new(&mut store, &module, &[]);
        let used = FUEL - store.get_fuel().unwrap();
        let instance = match &made {
            Ok(instance) => *instance,
            Err(_) => {
                let end = End::of(made.map(|_| Vec::new()), used);
                outcome.calls.push((name, end));
                outcome.left.push(String::new());
                continue;
            }
        };
        for round in 0..ROUNDS {
            store.set_fuel(FUEL).unwrap();
            let function = instance.get_func(&mut store, &name).unwrap();
            let arguments: Vec<Val> = ty.params().map(|ty| argument(&ty, round)).collect();
            let mut results = vec![Val::I32(0); ty.results().len()];
            let ended = function.call(&mut store, &arguments, &mut results);
            let used = FUEL - store.get_fuel().unwrap();
            let end = End::of(ended.map(|()| results.iter().map(show).collect()), used);
            let is_over = !matches!(end, End::Returned(..));
            outcome.calls.push((name.clone(), end));
            if is_over {
                break;
            }
        }
        outcome.left.push(left(&mut store, &instance));
    }
    outcome
}

fn left(store: &mut Store<()>, instance: &Instance) -> String {
    let exports: Vec<(String, Extern)> = instance
        .exports(&mut *store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .collect();
    let mut left = String::new();
    for (name, export) in exports {
        match export {
            Extern::Memory(memory) => {
                let hash = blake3::hash(memory.data(&*store)).to_hex();
                left += &format!("{name} {hash}\n");
            }
            Extern::Global(global) => {
                left += &format!("{name} {}\n", show(&global.get(&mut *store)))
            }
            _ => {}
        }
    }
    left
}

/// Without metering there is more fuel and more stack left, and nothing else differs: up to where metering ended
/// a call, which may go on without it.
fn same_but_for_metering(metered: &Outcome, plain: &Outcome) {
    let names = |outcome: &Outcome| {
        let mut names: Vec<String> = outcome.calls.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    };
    let exports = names(metered);
    assert_eq!(exports, names(plain));
    for (at, name) in exports.iter().enumerate() {
        let of = |outcome: &Outcome| -> Vec<End<Vec<String>>> {
            let calls = outcome.calls.iter().filter(|(of, _)| of == name);
            calls.map(|(_, end)| end.clone()).collect()
        };
        let (with, without) = (of(metered), of(plain));
        let mut is_equal = true;
        for (with, without) in with.iter().zip(&without) {
            match (with, without) {
                (End::Returned(one, more), End::Returned(two, less)) => {
                    assert_eq!(one, two, "{name}");
                    assert!(less <= more, "{name}: {less} without metering, {more} with it");
                }
                (End::Hard(one), End::Hard(two)) => assert_eq!(one, two, "{name}"),
                (End::Exact(Trap::UnreachableCodeReached | Trap::OutOfFuel, _), _) => {
                    is_equal = false;
                }
                (with, without) => panic!("{name}: {with:?} with metering, {without:?} without"),
            }
        }
        if is_equal {
            assert_eq!(with.len(), without.len(), "{name}");
            assert_eq!(metered.left[at], plain.left[at], "{name}");
        }
    }
}

/// The same functions as those of a ledger's module, with every compiler; in memory that other calls have used.
fn through_the_host(core: &[u8], counts: &mut Counts) {
    static VMS: OnceLock<[Vm; 3]> = OnceLock::new();
    let vms = VMS.get_or_init(|| {
        COMPILERS.map(|compiler| {
            Vm::new(&VmConfig { instances: 36, compiler, ..VmConfig::default() })
                .expect("it starts")
        })
    });
    let Some((code, exports)) = component(core) else { return };
    // What is added may be what is too much.
    if vms[0].inspect(&code).is_err() {
        return;
    }
    let base = Base::with(&code);
    for which in 0..exports * ROUNDS as u32 {
        let [(report, changes), others @ ..] =
            vms.each_ref().map(|vm| call(vm, &base, &which.to_le_bytes()));
        for (other, other_changes) in others {
            assert_eq!((&report.end, report.fuel_used), (&other.end, other.fuel_used), "{which}");
            assert_eq!(changes.writes, other_changes.writes, "{which}");
            assert_eq!(changes.events, other_changes.events, "{which}");
        }
        counts.host_calls += 1;
        counts.wrote += usize::from(!changes.writes.is_empty() && !changes.events.is_empty());
    }
}

fn call(vm: &Vm, base: &Base, arguments: &[u8]) -> (CallReport, Changes) {
    let mut state = base.state();
    let call = Call {
        module: PROBE,
        function: "run",
        arguments,
        caller: SIGNER,
        attached: 0,
        fuel: HOST_FUEL,
        kind: CallKind::Command,
    };
    let report = vm.call(&mut state, call);
    let report = report.unwrap_or_else(|failure| panic!("this machine fails: {failure}"));
    assert!(report.fuel_used <= HOST_FUEL);
    let is_returned = matches!(report.end, pollen_ledger::module::CallEnd::Returned(_));
    (report, state.finish(is_returned))
}

/// A component whose `run(which)` calls a function of `core`, stores its results and then the memory, and emits an
/// event; and how many functions there are. None where there are none, or a memory without a page.
fn component(core: &[u8]) -> Option<(Vec<u8>, u32)> {
    let module = Module::new(&Engine::default(), core).unwrap();
    let functions = functions(&module);
    let core = Opener::opened(core)?;
    if functions.is_empty() {
        return None;
    }
    let outer = wat::parse_str(outer(&driver(&functions))).unwrap();
    Some((with_first_module(&outer, &core), functions.len() as u32))
}

const MEMORY: &str = "pollen:memory";
const POKE: &str = "pollen:poke";
const PAGES: &str = "pollen:pages";

/// Gives a core module a page of memory where it has none, and exports its memory, a function that writes there
/// and one that says how large it is: a component has one memory, and only its own module may name it.
#[derive(Default)]
struct Opener {
    types: u32,
    functions: u32,
    has_memory: bool,
}

impl Opener {
    /// None where the memory has no page.
    fn opened(core: &[u8]) -> Option<Vec<u8>> {
        let mut opener = Self::default();
        for payload in Parser::new(0).parse_all(core) {
            match payload.unwrap() {
                Payload::TypeSection(types) => {
                    let groups = types.into_iter().map(|group| group.unwrap().types().len() as u32);
                    opener.types += groups.sum::<u32>();
                }
                Payload::ImportSection(_) => return None,
                Payload::FunctionSection(functions) => opener.functions += functions.count(),
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        opener.has_memory = true;
                        if memory.unwrap().initial == 0 {
                            return None;
                        }
                    }
                }
                _ => {}
            }
        }
        let mut module = wasm_encoder::Module::new();
        opener.parse_core_module(&mut module, Parser::new(0), core).unwrap();
        Some(module.finish())
    }
}

impl Reencode for Opener {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([wasm_encoder::ValType::I32, wasm_encoder::ValType::I64], []);
        types.ty().function([], [wasm_encoder::ValType::I32]);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.types).function(self.types + 1);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_export_section(self, exports, section)?;
        exports
            .export(MEMORY, ExportKind::Memory, 0)
            .export(POKE, ExportKind::Func, self.functions)
            .export(PAGES, ExportKind::Func, self.functions + 1);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        let (mut poke, mut pages) = (Function::new([]), Function::new([]));
        let place = MemArg { offset: 0, align: 0, memory_index: 0 };
        poke.instructions().local_get(0).local_get(1).i64_store(place).end();
        pages.instructions().memory_size(0).end();
        code.function(&poke).function(&pages);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut wasm_encoder::Module,
        _: Option<SectionId>,
        next: Option<SectionId>,
    ) -> Result<(), Error> {
        let is_due = matches!(next, Some(SectionId::Tag | SectionId::Global | SectionId::Export));
        if is_due && !self.has_memory {
            self.has_memory = true;
            let mut memories = MemorySection::new();
            memories.memory(MemoryType {
                minimum: 1,
                maximum: Some(1),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            module.section(&memories);
        }
        Ok(())
    }
}

/// A name as the text format has it.
fn quoted(name: &str) -> String {
    let bytes: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    format!("\"{bytes}\"")
}

/// The core module that calls those of `functions`. Results lie at the start of its memory, 16 bytes each.
fn driver(functions: &[(String, FuncType)]) -> String {
    let (mut imports, mut locals, mut arms) = (String::new(), String::new(), String::new());
    for (at, (name, ty)) in functions.iter().enumerate() {
        let types = |types: &mut dyn Iterator<Item = ValType>| -> String {
            types.map(|ty| format!(" {}", text_of(&ty))).collect()
        };
        imports += &format!(
            "(import \"a\" {} (func $f{at} (param{}) (result{})))\n",
            quoted(name),
            types(&mut ty.params()),
            types(&mut ty.results())
        );
        for round in 0..ROUNDS {
            let arguments: String = ty.params().map(|ty| constant(&ty, round)).collect();
            let (mut takes, mut stores) = (String::new(), String::new());
            for (number, result) in ty.results().enumerate() {
                let local = format!("$r{at}_{round}_{number}");
                let name = text_of(&result);
                locals += &format!("(local {local} {name})\n");
                // The last one lies on top.
                takes = format!("(local.set {local}) {takes}");
                for (half, word) in words_of(&result).iter().enumerate() {
                    let word = word.replace("it", &format!("(local.get {local})"));
                    let place = number * 16 + half * 8;
                    stores += &format!("(call $poke (i32.const {place}) {word})\n");
                }
            }
            let which = at as u64 * ROUNDS + round;
            arms += &format!(
                "(if (i32.eq (local.get $which) (i32.const {which})) (then
                   {arguments} (call $f{at}) {takes} {stores}))\n"
            );
        }
    }
    format!(
        "(core module $driver
           {imports}
           (import \"a\" \"{POKE}\" (func $poke (param i32 i64)))
           (import \"a\" \"{PAGES}\" (func $pages (result i32)))
           (import \"host\" \"set\" (func $set (param i32 i32 i32 i32)))
           (import \"host\" \"emit\" (func $emit (param i32 i32 i32 i32 i32 i32)))
           (func (export \"run\") (param $which i32)
             (local $piece i32)
             {locals}
             {arms}
             (call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 256))
             (loop $again
               (call $poke (i32.const 256) (i64.extend_i32_u (local.get $piece)))
               (call $set (i32.const 256) (i32.const 1)
                 (i32.mul (local.get $piece) (i32.const {PIECE_BYTES})) (i32.const {PIECE_BYTES}))
               (local.set $piece (i32.add (local.get $piece) (i32.const 1)))
               (br_if $again (i32.and
                 (i32.lt_u (local.get $piece) (i32.const {PIECES_MAX}))
                 (i32.lt_u (local.get $piece)
                   (i32.mul (call $pages) (i32.const {}))))))))",
        (1 << 16) / PIECE_BYTES
    )
}

fn text_of(ty: &ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(_) => "funcref",
    }
}

/// A value `it` as words of 64 bits, in the text format.
fn words_of(ty: &ValType) -> &'static [&'static str] {
    match ty {
        ValType::I32 => &["(i64.extend_i32_u it)"],
        ValType::I64 => &["it"],
        ValType::F32 => &["(i64.extend_i32_u (i32.reinterpret_f32 it))"],
        ValType::F64 => &["(i64.reinterpret_f64 it)"],
        ValType::V128 => &["(i64x2.extract_lane 0 it)", "(i64x2.extract_lane 1 it)"],
        ValType::Ref(_) => &["(i64.extend_i32_u (ref.is_null it))"],
    }
}

/// [`argument`] in the text format.
fn constant(ty: &ValType, round: u64) -> String {
    let bits = bits(round);
    match ty {
        ValType::I32 => format!("(i32.const {})", bits as i32),
        ValType::I64 => format!("(i64.const {})", bits as i64),
        ValType::F32 => format!("(f32.reinterpret_i32 (i32.const {}))", bits as i32),
        ValType::F64 => format!("(f64.reinterpret_i64 (i64.const {}))", bits as i64),
        ValType::V128 => format!("(v128.const i64x2 7 {})", bits as i64),
        ValType::Ref(_) => "(ref.null func)".to_owned(),
    }
}

/// The component around a driver, with an empty core module in the place of the one that is driven.
fn outer(driver: &str) -> String {
    format!(
        "(component
           (import \"pollen:host/storage@0.1.0\" (instance $storage
             (export \"set\" (func (param \"key\" (list u8)) (param \"value\" (list u8))))))
           (import \"pollen:host/events@0.1.0\" (instance $events
             (export \"emit\" (func (param \"name\" string) (param \"topics\" (list (list u8)))
               (param \"data\" (list u8))))))
           (core module $driven)
           {driver}
           (core instance $a (instantiate $driven))
           (alias core export $a \"{MEMORY}\" (core memory $memory))
           (core func $set (canon lower (func $storage \"set\") (memory $memory)))
           (core func $emit (canon lower (func $events \"emit\") (memory $memory)))
           (core instance $host (export \"set\" (func $set)) (export \"emit\" (func $emit)))
           (core instance $driving (instantiate $driver
             (with \"a\" (instance $a)) (with \"host\" (instance $host))))
           (func $run (param \"which\" u32) (canon lift (core func $driving \"run\")))
           (instance $commands (export \"run\" (func $run)))
           (export \"probe:it/commands@0.1.0\" (instance $commands)))"
    )
}

/// A component with another core module in the place of its first one.
fn with_first_module(component: &[u8], core: &[u8]) -> Vec<u8> {
    let mut made = wasm_encoder::Component::new();
    let (mut depth, mut is_placed) = (0, false);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.unwrap();
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ModuleSection { .. } if depth == 1 && !is_placed => {
                is_placed = true;
                made.section(&wasm_encoder::RawSection { id: 1, data: core });
                continue;
            }
            _ => {}
        }
        if let (1, Some((id, range))) = (depth, payload.as_section()) {
            made.section(&wasm_encoder::RawSection { id, data: &component[range] });
        }
    }
    assert!(is_placed);
    made.finish()
}
