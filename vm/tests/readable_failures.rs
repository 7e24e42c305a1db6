//! What whoever wrote a module reads when a call of it fails: the functions by their names, where the fuel
//! went, and lines of the source where a query fails in a module that was built with debug information.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../examples/call_speed/ledger.rs"]
mod ledger;

use std::path::Path;

use ledger::{Ledger, call};
use pollen_build::{Options, build_module};
use pollen_ledger::crypto::Hash;
use pollen_ledger::module::{CallEnd, CallKind, CallReport};
use pollen_ledger::receipt::Code;
use pollen_ledger::transaction::AccountId;
use pollen_vm::{Vm, VmConfig};

const FUEL: u64 = 30_000_000;
const MODULE: AccountId = AccountId([1; 32]);

/// The module that fails in every way there is.
fn probe(debug: bool) -> (Vm, Ledger, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/probe");
    let options = Options { debug, ..Options::default() };
    let code = build_module(&folder, &options).unwrap().component;
    let mut ledger = Ledger::default();
    ledger.add_module(MODULE, &code);
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    // A query of code that takes more than a second to compile, as under an emulator, is told to come again.
    vm.ready(&Hash::of_content(&code), &code).unwrap();
    (vm, ledger, code.len())
}

fn run(
    vm: &Vm,
    ledger: &mut Ledger,
    kind: CallKind,
    function: &str,
    arguments: &[u8],
) -> CallReport {
    call(vm, ledger, kind, MODULE, function, arguments, AccountId([9; 32]))
}

fn failure(report: CallReport) -> (Code, String) {
    match report.end {
        CallEnd::Failed { code, .. } => (code, report.note.unwrap()),
        end => panic!("{end:?}"),
    }
}

#[test]
fn a_trap_and_a_loop_without_end_name_their_functions() {
    let (vm, mut ledger, bytes) = probe(false);
    println!("without debug information {bytes} bytes");
    for (function, code) in
        [("trap", Code::Trapped), ("read-out-of-bounds", Code::Trapped), ("spin", Code::OutOfFuel)]
    {
        let report = run(&vm, &mut ledger, CallKind::Command, function, &[]);
        let (found, note) = failure(report);
        assert_eq!(found, code, "{note}");
        println!("{note}\n");
        assert!(note.contains("\n  in "), "{note}");
        assert!(note.contains(function) || note.contains(&function.replace('-', "_")), "{note}");
        assert!(!note.contains(".rs:"), "there are no lines to tell: {note}");
    }
}

#[test]
fn a_query_tells_lines_of_the_source_where_the_module_has_them() {
    let (vm, mut ledger, bytes) = probe(true);
    println!("with debug information {bytes} bytes");
    let report = run(&vm, &mut ledger, CallKind::Query, "spin-in-query", &[]);
    let (code, note) = failure(report);
    println!("{note}");
    assert_eq!(code, Code::OutOfFuel);
    assert!(note.contains("contracts/probe/src/lib.rs:"), "{note}");
    // The same failure of a command is told by names alone: reading the lines takes time.
    let (_, note) = failure(run(&vm, &mut ledger, CallKind::Command, "spin", &[]));
    assert!(note.contains("spin") && !note.contains(".rs:"), "{note}");
}

#[test]
fn wrong_arguments_tell_the_path() {
    let (vm, mut ledger, _) = probe(false);
    let report = run(&vm, &mut ledger, CallKind::Command, "put", &[4, 0, 0, 0, 1]);
    let (code, note) = failure(report);
    assert_eq!(code, Code::BadArguments);
    assert!(note.contains("key"), "{note}");
}
