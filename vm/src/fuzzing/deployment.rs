//! Any bytes as a module to deploy, and a good module with some of its bytes changed. Whatever validation
//! takes must compile, link and run to some end: a module that this machine fails at would stop every node.

use std::sync::{Arc, OnceLock};

use pollen_ledger::module::{Call, CallKind, ModuleEngine as _};

use super::Choices;
use crate::engine::{Compiler, Vm, VmConfig};
use crate::fixtures::{Base, PROBE, SIGNER, probe};
use crate::interface::{FunctionKind, Interface};
use crate::validate::inspect;

/// Changes to the good module.
const CHANGES_MAX: usize = 12;
/// Fuel of each call.
const FUEL: u64 = 3_000_000;

/// See the file.
pub fn deployment(bytes: &[u8]) {
    deploy(bytes);
    deploy(&changed(bytes));
}

/// The good module after what `bytes` choose.
pub(super) fn changed(bytes: &[u8]) -> Vec<u8> {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    let mut code = GOOD.get_or_init(probe).clone();
    let mut choices = Choices(bytes);
    for _ in 0..CHANGES_MAX {
        if choices.is_empty() {
            break;
        }
        let what = choices.byte() % 5;
        let at = choices.below(code.len());
        match what {
            0 => code[at] = choices.byte(),
            1 => code[at] ^= 1 << (choices.byte() % 8),
            2 => drop(code.remove(at)),
            3 => code.insert(at, choices.byte()),
            _ => {
                // A piece from elsewhere over this one.
                let from = choices.below(code.len());
                let length = choices.below(64).min(code.len() - at.max(from));
                code.copy_within(from..from + length, at);
            }
        }
    }
    code
}

/// Whether it was taken.
pub(super) fn deploy(code: &[u8]) -> bool {
    static ENGINE: OnceLock<Vm> = OnceLock::new();
    let interface = Interface::from_component(code);
    if inspect(code).is_err() {
        return false;
    }
    let interface = interface.expect("what validation takes has an interface");
    let engine = ENGINE.get_or_init(|| {
        let compiler = Compiler::Quick;
        Vm::new(&VmConfig { instances: 36, compiler, ..VmConfig::default() }).expect("it starts")
    });
    let base = Base::with(code);
    let functions =
        [(FunctionKind::Command, CallKind::Command), (FunctionKind::Query, CallKind::Query)];
    for (of, kind) in functions {
        for function in interface.functions(of) {
            let call = Call {
                module: PROBE,
                function: &function.name,
                arguments: &[],
                caller: SIGNER,
                attached: 0,
                fuel: FUEL,
                kind,
            };
            let report = engine.call(&mut base.state(), call);
            let report = report.unwrap_or_else(|failure| {
                panic!("validated code and this machine fails: {failure}")
            });
            assert!(report.fuel_used <= FUEL);
        }
    }
    let _: &Arc<_> = &base
        .state()
        .code(&pollen_ledger::crypto::Hash::of_content(code))
        .expect("the state is in memory")
        .expect("the code is there");
    true
}
