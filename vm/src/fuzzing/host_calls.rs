//! Functions of the host with any pointers, lengths and numbers, several in one call, so that one sees what
//! another left. The call must come to an end that is no failure of this machine, within its fuel, the same
//! with both compilers; and a query must change nothing.

use std::sync::OnceLock;

use pollen_ledger::execution::Changes;
use pollen_ledger::module::{Call, CallKind, CallReport, ModuleEngine as _};

use super::Choices;
use crate::engine::{Compiler, Vm, VmConfig};
use crate::fixtures::{Base, OTHER, PROBE, SIGNER, component};

const FUEL: u64 = 20_000_000;
/// Host calls in one call.
const STEPS_MAX: usize = 12;
/// Numbers of a step, the function's own included.
const NUMBERS: usize = 12;
const WAT: &str = include_str!("poke.wat");
const WIT: &str = "package probe:it@0.1.0;
interface types { record step { which: u64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64,
  h: u64, i: u64, j: u64, k: u64 } }
interface commands { use types.{step}; run: func(steps: list<step>); }
interface queries { use types.{step}; look: func(steps: list<step>); }
world module { include pollen:host/module@0.1.0; export commands; export queries; }";

struct Setting {
    base: Base,
    engines: [Vm; 2],
}

fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let engine = |compiler| {
            Vm::new(&VmConfig { instances: 36, compiler, ..VmConfig::default() })
                .expect("it starts")
        };
        let engines = [engine(Compiler::Speed), engine(Compiler::Quick)];
        Setting { base: Base::with(&poker()), engines }
    })
}

/// The module that calls whatever it is told.
pub(super) fn poker() -> Vec<u8> {
    let mut wat = WAT.to_owned();
    for number in (1..NUMBERS).rev() {
        for (short, long) in [("W", "w"), ("D", "d")] {
            let call = format!("(call ${long} (local.get $a) (i32.const {number}))");
            wat = wat.replace(&format!("({short}{number})"), &call);
        }
    }
    component(&wat, WIT)
}

/// See the file.
pub fn host_calls(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut arguments = Vec::new();
    let mut count = 0_u32;
    while !choices.is_empty() && (count as usize) < STEPS_MAX {
        count += 1;
        arguments.extend(u64::from(choices.byte()).to_le_bytes());
        for _ in 1..NUMBERS {
            arguments.extend(number(&mut choices).to_le_bytes());
        }
    }
    let arguments = [&count.to_le_bytes()[..], &arguments].concat();
    for (kind, function) in [(CallKind::Command, "run"), (CallKind::Query, "look")] {
        let [(one, changes), (two, others)] =
            [0, 1].map(|engine| run(engine, kind, function, &arguments));
        assert_eq!((&one.end, one.fuel_used), (&two.end, two.fuel_used));
        assert_eq!(changes.writes, others.writes);
        assert_eq!(changes.events, others.events);
        if kind == CallKind::Query {
            assert!(changes.writes.is_empty() && changes.events.is_empty());
        }
    }
}

/// Mostly what is nearly right: small numbers, ends of memory, parts of ids.
fn number(choices: &mut Choices<'_>) -> u64 {
    let id = |module: pollen_ledger::transaction::AccountId| {
        u64::from_le_bytes(module.0[..8].try_into().expect("8 bytes of 32"))
    };
    match choices.byte() % 12 {
        0 => 0,
        1 | 2 => u64::from(choices.byte()),
        3 => 16,
        4 => 4_096 + u64::from(choices.byte()) * 8,
        5 => 131_072 - u64::from(choices.byte()),
        6 => u64::from(choices.byte()) << 10,
        7 => u64::MAX - u64::from(choices.byte()),
        8 => id(PROBE),
        9 => id(OTHER),
        10 => 1 << (choices.byte() % 64),
        _ => choices.number(),
    }
}

fn run(engine: usize, kind: CallKind, function: &str, arguments: &[u8]) -> (CallReport, Changes) {
    let Setting { base, engines } = setting();
    let mut state = base.state();
    let call =
        Call { module: PROBE, function, arguments, caller: SIGNER, attached: 0, fuel: FUEL, kind };
    let report = engines[engine].call(&mut state, call);
    let report = report.unwrap_or_else(|failure| panic!("this machine fails: {failure}"));
    assert!(report.fuel_used <= FUEL);
    (report, state.finish(true))
}
