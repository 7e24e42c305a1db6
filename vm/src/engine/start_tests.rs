//! What these protect: a core module's start function runs while its instance is made. What it does wrong is
//! the module's failure; a node that took it for its own would stop, and with it all the others.

use pollen_ledger::module::{CallEnd, CallKind};
use pollen_ledger::receipt::Code;

use super::*;
use crate::fixtures::{Base, PROBE, SIGNER};

const FUEL: u64 = 5_000_000;

/// A module whose start function does this.
fn starting(with: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (import "pollen:host/control@0.1.0" (instance $control
            (export "abort" (func (param "message" string)))))
          (core module $memory (memory (export "memory") 1) (data (i32.const 0) "at the start"))
          (core instance $m (instantiate $memory))
          (alias export $control "abort" (func $abort))
          (core func $lowered (canon lower (func $abort) (memory $m "memory")))
          (core module $main
            (import "host" "abort" (func $abort (param i32 i32)))
            (func $start {with})
            (start $start)
            (func (export "one") (result i32) (i32.const 1)))
          (core instance $i (instantiate $main
            (with "host" (instance (export "abort" (func $lowered))))))
          (func $f (result u32) (canon lift (core func $i "one")))
          (instance $queries (export "one" (func $f)))
          (export "probe:it/queries@0.1.0" (instance $queries)))"#
    );
    wat::parse_str(text).unwrap()
}

fn query(code: &[u8]) -> CallReport {
    crate::validate::inspect(code).unwrap();
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    let base = Base::with(code);
    let call = Call {
        module: PROBE,
        function: "one",
        arguments: &[],
        caller: SIGNER,
        attached: 0,
        fuel: FUEL,
        kind: CallKind::Query,
    };
    vm.call(&mut base.state(), call).unwrap()
}

#[test]
fn what_a_start_function_does_is_the_modules_own() {
    assert!(matches!(query(&starting("")).end, CallEnd::Returned(_)));
    for (with, code, whole) in [
        ("unreachable", Code::Trapped, false),
        ("(loop $again (br $again))", Code::OutOfFuel, true),
        ("(call $abort (i32.const 0) (i32.const 12))", Code::ModuleError, false),
        // Pointers beyond the memory, and what is no text.
        ("(call $abort (i32.const -1) (i32.const 100))", Code::Trapped, true),
        ("(call $abort (i32.const 60000) (i32.const 60000))", Code::Trapped, true),
    ] {
        let report = query(&starting(with));
        let CallEnd::Failed { code: found, .. } = report.end else { panic!("{with}") };
        assert_eq!((found, report.fuel_used == FUEL), (code, whole), "{with}: {:?}", report.note);
    }
}
