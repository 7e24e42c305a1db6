//! What these protect: every end of a call has one meaning and one price on every machine, nothing leaks
//! from one call into another, and nothing of this machine becomes a result.

use std::collections::BTreeMap;

use pollen_ledger::execution::StateKey;
use pollen_ledger::module::{CallEnd, CallKind, ModuleEngine as _};
use pollen_ledger::receipt::{Code, FailureValue};

use super::*;
use crate::cache::MemorySums;
use crate::fixtures::{Base, OTHER, PROBE, PROBE_WAT, PROBE_WIT, SIGNER, component, probe};
use crate::host::{READ_ONLY_MESSAGE, prices};

const FUEL: u64 = 50_000_000;

fn vm() -> Vm {
    Vm::new(&VmConfig { instances: 36, ..VmConfig::default() }).unwrap()
}

fn call_in(
    vm: &Vm,
    state: &mut TransactionState<'_>,
    kind: CallKind,
    function: &str,
    arguments: &[u8],
    fuel: u64,
) -> CallReport {
    let call = Call { module: PROBE, function, arguments, caller: SIGNER, attached: 0, fuel, kind };
    vm.call(state, call).unwrap()
}

fn command(vm: &Vm, base: &Base, function: &str, arguments: &[u8]) -> CallReport {
    call_in(vm, &mut base.state(), CallKind::Command, function, arguments, FUEL)
}

fn query(vm: &Vm, base: &Base, function: &str, arguments: &[u8]) -> CallReport {
    call_in(vm, &mut base.state(), CallKind::Query, function, arguments, FUEL)
}

fn returned_u32(report: &CallReport) -> u32 {
    match &report.end {
        CallEnd::Returned(bytes) => u32::from_le_bytes(bytes.as_slice().try_into().unwrap()),
        end => panic!("{end:?}: {:?}", report.note),
    }
}

fn code(report: &CallReport) -> Code {
    match &report.end {
        CallEnd::Failed { code, .. } => *code,
        end => panic!("{end:?}"),
    }
}

fn pair(left: u32, right: u32) -> Vec<u8> {
    [left.to_le_bytes(), right.to_le_bytes()].concat()
}

fn relay(target: AccountIdBytes, which: u32, fuel: Option<u64>, attach: u64) -> Vec<u8> {
    let mut bytes = target.to_vec();
    bytes.extend(which.to_le_bytes());
    match fuel {
        None => bytes.push(0),
        Some(fuel) => {
            bytes.push(1);
            bytes.extend(fuel.to_le_bytes());
        }
    }
    bytes.extend(attach.to_le_bytes());
    bytes
}

type AccountIdBytes = [u8; 32];

#[test]
fn a_loop_without_end_uses_all_its_fuel_and_no_more() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let report = command(&vm, &base, "spins", &[]);
    assert_eq!((code(&report), report.fuel_used), (Code::OutOfFuel, FUEL));
    assert!(report.note.unwrap().contains("spins"), "the note says where");
}

#[test]
fn hard_traps_cost_the_whole_limit_and_soft_ends_what_they_used() {
    let (vm, base) = (vm(), Base::with(&probe()));
    assert_eq!(returned_u32(&command(&vm, &base, "divide", &pair(12, 4))), 3);
    for (function, arguments) in
        [("divide", pair(1, 0)), ("wrong-call", vec![]), ("outside", vec![])]
    {
        let report = command(&vm, &base, function, &arguments);
        assert_eq!((code(&report), report.fuel_used), (Code::Trapped, FUEL), "{function}");
    }
    let report = command(&vm, &base, "trap", &[]);
    assert_eq!(code(&report), Code::Trapped);
    assert!(report.fuel_used < prices::CALL + 100, "{}", report.fuel_used);
    let report = command(&vm, &base, "enough", &[]);
    let value = FailureValue::Message("it is enough".to_owned());
    assert_eq!(report.end, CallEnd::Failed { code: Code::ModuleError, value });
    assert!(report.fuel_used < 200_000, "{}", report.fuel_used);
}

/// Story: a string was decoded to learn its length, and paid for after that. A module that called another one
/// with little fuel had 128 KiB decoded for 12 000 fuel, as often as it liked.
#[test]
fn a_string_that_cannot_be_paid_is_not_read() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let bytes = 100_000_u32;
    let garble = |fuel| {
        let arguments = bytes.to_le_bytes();
        call_in(&vm, &mut base.state(), CallKind::Command, "garble", &arguments, fuel)
    };
    // Whoever reads it sees that it is no text.
    let read = garble(FUEL);
    assert_eq!(code(&read), Code::Trapped, "{:?}", read.note);
    assert!(read.note.unwrap().contains("utf-8"));
    let fuel = prices::CALL + u64::from(bytes);
    let unread = garble(fuel);
    assert_eq!((code(&unread), unread.fuel_used), (Code::OutOfFuel, fuel), "{:?}", unread.note);
}

#[test]
fn memory_is_bounded_and_paid_by_the_page() {
    let (vm, base) = (vm(), Base::with(&probe()));
    // Two pages at the start, and as many are free.
    let free = command(&vm, &base, "grow", &0_u32.to_le_bytes());
    assert_eq!(returned_u32(&free), 2);
    let paid = command(&vm, &base, "grow", &3_u32.to_le_bytes());
    let difference = paid.fuel_used - free.fuel_used;
    assert_eq!(difference, 3 * prices::PAGE + 3 * 255, "three pages above the free ones");
    assert_eq!(returned_u32(&command(&vm, &base, "grow", &254_u32.to_le_bytes())), 2);
    let report = command(&vm, &base, "grow", &255_u32.to_le_bytes());
    assert_eq!((code(&report), report.fuel_used), (Code::LimitExceeded, FUEL));
    // On credit nobody grows.
    let fuel = 2_000_000;
    let arguments = 254_u32.to_le_bytes();
    let report = call_in(&vm, &mut base.state(), CallKind::Command, "grow", &arguments, fuel);
    assert_eq!((code(&report), report.fuel_used), (Code::OutOfFuel, fuel));
}

#[test]
fn every_call_has_a_fresh_memory() {
    let (vm, base) = (vm(), Base::with(&probe()));
    for _ in 0..3 {
        assert_eq!(returned_u32(&command(&vm, &base, "remember", &[])), 1);
    }
}

#[test]
fn a_query_changes_nothing() {
    let (vm, base) = (vm(), Base::with(&probe()));
    for (function, arguments) in [("write", vec![]), ("emit", vec![]), ("pay", OTHER.0.to_vec())] {
        let mut state = base.state();
        let report = call_in(&vm, &mut state, CallKind::Query, function, &arguments, FUEL);
        let value = FailureValue::Message(READ_ONLY_MESSAGE.to_owned());
        assert_eq!(report.end, CallEnd::Failed { code: Code::ModuleError, value }, "{function}");
        let changes = state.finish(true);
        assert!(changes.writes.is_empty() && changes.events.is_empty());
    }
    assert_eq!(code(&query(&vm, &base, "store", &[])), Code::FunctionNotFound);
    assert_eq!(code(&command(&vm, &base, "one", &[])), Code::FunctionNotFound);
}

#[test]
fn writes_and_events_reach_the_state() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let mut state = base.state();
    for function in ["store", "tell"] {
        let report = call_in(&vm, &mut state, CallKind::Command, function, &[], FUEL);
        assert_eq!(report.end, CallEnd::Returned(vec![]), "{:?}", report.note);
    }
    let report = call_in(&vm, &mut state, CallKind::Query, "stored", &[], FUEL);
    assert_eq!(returned_u32(&report), 5);
    let changes = state.finish(true);
    assert_eq!(changes.events[0].name, "key");
    assert_eq!(changes.events[0].data, b"value");
    let writes = BTreeMap::from_iter(changes.writes);
    let written = writes[&StateKey::module(PROBE, b"key")].as_deref();
    assert_eq!(written, Some(b"value".as_slice()));
}

#[test]
fn the_first_touch_of_a_key_is_dear_and_later_ones_are_not() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let mut state = base.state();
    let mut fuel = || call_in(&vm, &mut state, CallKind::Query, "stored", &[], FUEL).fuel_used;
    let (first, second, third) = (fuel(), fuel(), fuel());
    assert_eq!(first - second, prices::FIRST_TOUCH);
    assert_eq!(second, third);
}

#[test]
fn a_modules_own_error_is_its_value() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let report = command(&vm, &base, "refuse", &[1]);
    let value = FailureValue::Error(7_u32.to_le_bytes().to_vec());
    assert_eq!(report.end, CallEnd::Failed { code: Code::ModuleError, value });
    assert_eq!(returned_u32(&command(&vm, &base, "refuse", &[0])), 7);
}

#[test]
fn wrong_arguments_say_where() {
    let (vm, base) = (vm(), Base::with(&probe()));
    for arguments in [vec![], vec![1, 2, 3], [pair(1, 2), vec![0]].concat()] {
        let report = command(&vm, &base, "divide", &arguments);
        assert_eq!((code(&report), report.fuel_used), (Code::BadArguments, prices::CALL));
        assert!(report.note.is_some());
    }
}

#[test]
fn a_failing_callee_is_undone_and_its_caller_goes_on() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let key = StateKey::module(OTHER, b"key");
    let mut state = base.state();
    // 0: store; 1: store, then trap; 2: spin; 3: no such function.
    for (which, expected) in [(1, 256 + 6), (3, 256 + 1), (2, 256 + 4)] {
        let arguments = relay(OTHER.0, which, Some(1_000_000), 3);
        let report = call_in(&vm, &mut state, CallKind::Command, "relay", &arguments, FUEL);
        assert_eq!(returned_u32(&report), expected, "{which}: {:?}", report.note);
        assert_eq!(state.get(&key).unwrap(), None);
        assert_eq!(state.account(&OTHER).unwrap().unwrap().balance, 1_000, "given back");
    }
    let arguments = relay(OTHER.0, 0, None, 3);
    let report = call_in(&vm, &mut state, CallKind::Command, "relay", &arguments, FUEL);
    assert_eq!(returned_u32(&report), 0, "{:?}", report.note);
    assert_eq!(state.get(&key).unwrap().as_deref(), Some(b"value".as_slice()));
    assert_eq!(state.account(&OTHER).unwrap().unwrap().balance, 1_003);
    let arguments = relay(OTHER.0, 0, None, 3_000);
    let report = call_in(&vm, &mut state, CallKind::Command, "relay", &arguments, FUEL);
    assert_eq!(returned_u32(&report), 256 + 7, "more than there is");
}

#[test]
fn a_spinning_callee_leaves_its_caller_fuel_to_go_on() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let report = command(&vm, &base, "relay", &relay(OTHER.0, 2, None, 0));
    assert_eq!(returned_u32(&report), 256 + 4);
    assert!(report.fuel_used < FUEL, "1/64 and 10 000 stay");
    assert!(report.fuel_used > FUEL / 2);
}

#[test]
fn a_running_module_is_not_entered_again() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let report = command(&vm, &base, "relay", &relay(PROBE.0, 0, None, 0));
    assert_eq!(returned_u32(&report), 256 + 3);
    let report = command(&vm, &base, "relay", &relay([5; 32], 0, None, 0));
    assert_eq!(returned_u32(&report), 256, "no such module");
}

#[test]
fn a_nan_has_one_bit_pattern() {
    let (vm, base) = (vm(), Base::with(&probe()));
    let arguments = [0_f64.to_le_bytes(), (-0_f64).to_le_bytes()].concat();
    let report = command(&vm, &base, "nan-bits", &arguments);
    let bits = 0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec();
    assert_eq!(report.end, CallEnd::Returned(bits));
}

#[test]
fn fuel_is_the_same_again_on_every_engine_and_from_the_cache() {
    let base = Base::with(&probe());
    let dir = tempfile::tempdir().unwrap();
    let cached = VmConfig {
        cache_dir: Some(dir.path().to_owned()),
        cache_sums: Some(Arc::<MemorySums>::default()),
        instances: 36,
        ..VmConfig::default()
    };
    let calls = [("divide", pair(9, 3)), ("store", vec![]), ("enough", vec![]), ("trap", vec![])];
    let run = |vm: &Vm| -> Vec<CallReport> {
        calls.iter().map(|(function, bytes)| command(vm, &base, function, bytes)).collect()
    };
    let first = run(&vm());
    assert_eq!(first, run(&Vm::new(&cached).unwrap()));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(first, run(&Vm::new(&cached).unwrap()), "from disk");
    let used: Vec<u64> = first.iter().map(|report| report.fuel_used).collect();
    assert_eq!(used, GOLDEN_FUEL, "a change of these numbers is a change of the protocol");
}

const GOLDEN_FUEL: [u64; 4] = [10_140, 111_605, 112_151, 10_002];

#[test]
fn many_threads_call_at_once() {
    let (vm, base) = (vm(), Base::with(&probe()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(returned_u32(&query(&vm, &base, "one", &[])), 1);
                }
            });
        }
        for _ in 0..20 {
            assert_eq!(returned_u32(&command(&vm, &base, "remember", &[])), 1);
        }
    });
}

/// Time of the processor that this thread has used: other work on the machine does not count.
fn thread_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Prints what a query and a storage call cost; run it with `--run-ignored all --no-capture`.
#[test]
#[ignore = "a measurement"]
fn measure() {
    stack::spawn("measure", || {
        let (vm, base) = (vm(), Base::with(&probe()));
        let mut state = base.state();
        let mut time = |function: &str, arguments: &[u8]| {
            let _ = call_in(&vm, &mut state, CallKind::Query, function, arguments, FUEL);
            let start = thread_cpu_ns();
            for _ in 0..2_000 {
                let _ = call_in(&vm, &mut state, CallKind::Query, function, arguments, FUEL);
            }
            (thread_cpu_ns() - start) as f64 / 1e3 / 2_000.0
        };
        let trivial = time("one", &[]);
        let storage = (time("read-often", &1_000_u32.to_le_bytes()) - trivial) / 1_000.0;
        println!("trivial query {trivial:.2} us; storage.len {storage:.3} us");
    })
    .unwrap()
    .join()
    .unwrap();
}

/// `pollen_build::fused` moves functions and tables of a program: here with imports that need no shim between those
/// that do, an element of its own in the table, and a table that is fixed (one for both) or may grow (one each).
#[test]
fn a_program_with_its_shim_inside_does_and_costs_the_same() {
    let vm = vm();
    for table in ["(table 1 funcref)", "(table 1 1 funcref)"] {
        let plain = component(&PROBE_WAT.replace("(table 1 funcref)", table), PROBE_WIT);
        let fused = pollen_build::fused(&plain).expect("it has a shim");
        assert_eq!([core_modules(&plain), core_modules(&fused)], [3, 2]);
        assert!(pollen_build::fused(&fused).is_none(), "there is no second one");
        let reports = [plain, fused].map(|code| {
            let base = Base::with(&code);
            let mut state = base.state();
            let mut reports = Vec::new();
            let mut call = |kind, function, arguments: &[u8]| {
                let mut report = call_in(&vm, &mut state, kind, function, arguments, FUEL);
                // Frames of the shim are the program's own now.
                report.note = None;
                reports.push((function.to_owned(), report));
            };
            let commands = [
                "trap",
                "wrong-call",
                "outside",
                "remember",
                "store",
                "tally",
                "tell",
                "enough",
                "spins",
            ];
            commands.iter().for_each(|name| call(CallKind::Command, name, &[]));
            call(CallKind::Command, "relay", &relay([2; 32], 0, None, 3));
            call(CallKind::Command, "relay", &relay([2; 32], 1, Some(9_000), 0));
            ["one", "left", "stored", "write", "emit"]
                .iter()
                .for_each(|name| call(CallKind::Query, name, &[]));
            call(CallKind::Query, "read-often", &7_u32.to_le_bytes());
            call(CallKind::Query, "pay", &[2; 32]);
            reports
        });
        assert_eq!(reports[0], reports[1], "{table}");
        assert!(reports[0].iter().any(|(_, report)| matches!(report.end, CallEnd::Returned(_))));
    }
}

fn core_modules(component: &[u8]) -> usize {
    let payloads = wasmparser::Parser::new(0).parse_all(component);
    let is_module = |payload: &wasmparser::Payload<'_>| {
        matches!(payload, wasmparser::Payload::ModuleSection { .. })
    };
    payloads.filter(|payload| is_module(payload.as_ref().unwrap())).count()
}
