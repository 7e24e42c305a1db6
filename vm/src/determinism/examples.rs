//! The example modules as they were compiled once (`vm/vectors/*.wasm`, so that neither the guest's compiler
//! nor a better example changes what is held here), call by call: equal results, fuel, events and writes with
//! every compiler, and fuel that is equal for ever.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pollen_ledger::module::{Call, CallEnd, CallKind, CallReport, ModuleEngine as _};
use pollen_ledger::receipt::{Code, FailureValue};
use pollen_ledger::transaction::AccountId;

use super::{COMPILERS, lists};
use crate::engine::stack;
use crate::fixtures::{Base, SIGNER};
use crate::{Compiler, Vm, VmConfig, validate};

const MODULES: [&str; 4] = ["counter", "token", "coldchain", "probe"];
const FUEL: u64 = 20_000_000;
const ELSE: AccountId = AccountId([5; 32]);

struct Step {
    module: usize,
    kind: CallKind,
    function: &'static str,
    arguments: Vec<u8>,
}

fn bytes(value: impl borsh::BorshSerialize) -> Vec<u8> {
    borsh::to_vec(&value).unwrap()
}

/// borsh refuses NaN, and callers may send it.
fn named(name: &str, number: f64, rest: impl borsh::BorshSerialize) -> Vec<u8> {
    [bytes(name), number.to_le_bytes().to_vec(), bytes(rest)].concat()
}

fn floats(value: f64, by: f64) -> Vec<u8> {
    [value.to_le_bytes(), by.to_le_bytes()].concat()
}

pub(super) fn code(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn address(module: usize) -> AccountId {
    AccountId([module as u8 + 1; 32])
}

/// What everyday use and abuse of the examples is made of.
fn steps() -> Vec<Step> {
    use CallKind::{Command, Init, Query};
    let none = None::<[u8; 32]>;
    let nobody = None::<Vec<[u8; 32]>>;
    let call_other = |module: usize, function: &str, arguments: Vec<u8>, fuel: Option<u64>| {
        bytes((address(module).0, function.to_owned(), arguments, fuel))
    };
    let all = vec![
        (0, Init, "init", bytes(5_u64)),
        (0, Command, "increment", bytes(3_u64)),
        (0, Command, "increment", bytes(u64::MAX)),
        (0, Query, "get", vec![]),
        (1, Init, "init", bytes(("Gold", "GLD", 2_u8, 1_000_000_u64))),
        (1, Command, "transfer", bytes((ELSE.0, 400_u64))),
        (1, Command, "transfer", bytes((ELSE.0, 600_u64))),
        (1, Command, "transfer", bytes((ELSE.0, 9_000_000_u64))),
        (1, Command, "approve", bytes((SIGNER.0, 70_u64))),
        (1, Command, "transfer-from", bytes((SIGNER.0, ELSE.0, 60_u64))),
        (1, Command, "transfer-from", bytes((SIGNER.0, ELSE.0, 60_u64))),
        (1, Command, "mint", bytes((ELSE.0, 10_u64))),
        (1, Command, "burn", bytes(10_u64)),
        (1, Query, "balance-of", bytes(ELSE.0)),
        (1, Query, "allowance", bytes((SIGNER.0, SIGNER.0))),
        (1, Query, "total-supply", vec![]),
        (1, Query, "info", vec![]),
        (2, Command, "open-box", named("milk", 4.0, (none, nobody.clone()))),
        (2, Command, "open-box", named("milk", 4.0, (none, nobody.clone()))),
        (2, Command, "open-box", named("fish", -18.5, (Some(ELSE.0), Some(vec![SIGNER.0])))),
        (2, Command, "open-box", named("air", f64::NAN, (none, nobody))),
        (2, Command, "record", named("milk", 3.5, ())),
        (2, Command, "record", named("milk", 7.25, ())),
        (2, Command, "record", named("fish", -20.0, ())),
        (2, Command, "record", named("none", 1.0, ())),
        (2, Command, "close-box", bytes("fish")),
        (2, Query, "status", bytes("milk")),
        (2, Query, "readings", bytes(("milk", 0_u32, 100_u32))),
        (2, Query, "boxes", bytes((0_u32, 10_u32))),
        (3, Command, "spin", vec![]),
        (3, Command, "divide", bytes((7_u32, 2_u32))),
        (3, Command, "divide", bytes((7_u32, 0_u32))),
        (3, Command, "trap", vec![]),
        (3, Command, "read-out-of-bounds", vec![]),
        (3, Command, "call-wrong-signature", vec![]),
        (3, Command, "recurse", bytes(10_u32)),
        (3, Command, "fill-memory", bytes(100_000_u32)),
        (3, Command, "fill-memory", bytes(5_000_000_u32)),
        (3, Command, "fill-memory", bytes(50_000_000_u32)),
        (3, Command, "not-a-number", vec![]),
        (3, Command, "quotient-bits", floats(0.0, -0.0)),
        (3, Command, "quotient-bits", floats(f64::INFINITY, f64::INFINITY)),
        (3, Command, "quotient-bits", floats(1.0, 3.0)),
        (3, Command, "abort", bytes("enough")),
        (3, Command, "panic", bytes("enough")),
        (3, Command, "fail", bytes("enough")),
        (3, Command, "put", bytes((vec![1_u8; 8], vec![2_u8; 900]))),
        (3, Command, "put-sized", bytes((300_u32, 1_u32))),
        (3, Command, "put-many", bytes((0_u64, 20_u32, 300_u32))),
        (3, Command, "emit-many", bytes((9_u32, 500_u32))),
        (3, Command, "emit-unknown", vec![]),
        (3, Command, "call-other", call_other(0, "increment", bytes(4_u64), None)),
        (3, Command, "call-other", call_other(0, "increment", bytes(4_u64), Some(900))),
        (3, Command, "call-other", call_other(1, "burn", bytes(1_u64), None)),
        (3, Command, "call-other", call_other(9, "burn", bytes(1_u64), None)),
        (3, Command, "re-enter", vec![]),
        (3, Query, "get", bytes(vec![1_u8; 8])),
        (3, Query, "put-in-query", vec![]),
        (3, Query, "emit-in-query", vec![]),
        (3, Query, "transfer-in-query", bytes(ELSE.0)),
        (3, Query, "spin-in-query", vec![]),
        (0, Command, "no-such-function", vec![]),
        (0, Command, "increment", vec![1, 2, 3]),
    ];
    let step = |(module, kind, function, arguments)| Step { module, kind, function, arguments };
    all.into_iter().map(step).collect()
}

/// How each call ended, and all that they changed together.
fn run(compiler: Compiler) -> (Vec<CallReport>, String) {
    run_made(compiler, |code| code)
}

fn run_made(compiler: Compiler, made: fn(Vec<u8>) -> Vec<u8>) -> (Vec<CallReport>, String) {
    let work = move || {
        let vm = Vm::new(&VmConfig { compiler, instances: 36, ..VmConfig::default() }).unwrap();
        let mut base = Base::default();
        for (index, name) in MODULES.iter().enumerate() {
            let code = made(code(name));
            validate::inspect(&code).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            base.add(address(index), &code);
        }
        let mut state = base.state();
        let mut reports = Vec::new();
        for step in steps() {
            let savepoint = state.savepoint();
            let call = Call {
                module: address(step.module),
                function: step.function,
                arguments: &step.arguments,
                caller: SIGNER,
                attached: 0,
                fuel: FUEL,
                kind: step.kind,
            };
            let mut report = vm.call(&mut state, call).unwrap();
            if !matches!(report.end, CallEnd::Returned(_)) {
                state.rollback(savepoint);
            }
            // For people; frames in it may differ.
            report.note = None;
            reports.push(report);
        }
        (reports, told_changes(state.finish(true)))
    };
    stack::spawn("test", work).unwrap().join().unwrap()
}

/// What a run leaves behind, as text; what simulations tell beside it is none of it.
fn told_changes(changes: pollen_ledger::execution::Changes) -> String {
    #[derive(Debug)]
    #[allow(dead_code, reason = "read by Debug")]
    struct Changes<W, C, E> {
        writes: W,
        code: C,
        events: E,
    }
    let pollen_ledger::execution::Changes { writes, code, events, .. } = changes;
    let writes = BTreeMap::from_iter(writes);
    format!("{:#?}", Changes { writes, code, events })
}

#[test]
fn the_examples_do_and_cost_the_same_with_every_compiler_and_for_ever() {
    let [(reports, changes), quick, interpreter] = COMPILERS.map(run);
    for (index, step) in steps().iter().enumerate() {
        assert_eq!(reports[index], quick.0[index], "{}", step.function);
        assert_eq!(reports[index], interpreter.0[index], "{}", step.function);
    }
    assert_eq!(changes, quick.1);
    assert_eq!(changes, interpreter.1);

    let mut text = String::new();
    for (step, report) in steps().iter().zip(&reports) {
        let end = match &report.end {
            CallEnd::Returned(bytes) => format!("returned {}", short(bytes)),
            CallEnd::Failed { code, value } => format!("{} {}", name(*code), told(value)),
        };
        let module = MODULES[step.module];
        let arguments = short(&step.arguments);
        let _ =
            writeln!(text, "{module} {} {arguments}: {} {end}", step.function, report.fuel_used);
    }
    let _ = writeln!(text, "all changes: {}", blake3::hash(changes.as_bytes()).to_hex());
    lists::hold("examples.txt", &text);
}

/// The builder takes the shim of `wit-component` into the program (`pollen_build::fused`): these were built before it
/// did.
#[test]
fn the_examples_do_and_cost_the_same_with_a_core_instance_less() {
    let fused = |code: Vec<u8>| pollen_build::fused(&code).expect("it has a shim");
    let (plain, fused) = (run(Compiler::Speed), run_made(Compiler::Speed, fused));
    for (step, (plain, fused)) in steps().iter().zip(plain.0.iter().zip(&fused.0)) {
        assert_eq!(plain, fused, "{}", step.function);
    }
    assert_eq!(plain.1, fused.1);
}

/// All of few bytes, the hash of many.
fn short(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=48 => hex::encode(bytes),
        length => format!("{length} bytes, blake3 {}", blake3::hash(bytes).to_hex()),
    }
}

fn name(code: Code) -> String {
    format!("{code:?}")
}

fn told(value: &FailureValue) -> String {
    match value {
        FailureValue::None => String::new(),
        FailureValue::Error(bytes) => short(bytes),
        FailureValue::Message(message) => message.clone(),
    }
}
