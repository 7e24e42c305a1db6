//! The corpus of compile bombs: each is refused at once for its own reason, or compiles within the bound.
//! `cargo run -p pollen-vm --example compile_speed` prints what each takes.

#[path = "../examples/compile_speed/bombs.rs"]
mod bombs;
#[path = "../examples/compile_speed/components.rs"]
mod components;
#[path = "../examples/compile_speed/floods.rs"]
mod floods;
#[path = "../examples/compile_speed/shapes.rs"]
mod shapes;

use std::time::{Duration, Instant};

use bombs::{BOMBS, Verdict};
use pollen_ledger::crypto::Hash;
use pollen_ledger::module::ModuleEngine as _;
use pollen_vm::{Vm, VmConfig};

/// Looking at the largest module takes some milliseconds; a loaded machine takes longer.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// The bound is 2 s of a processor that nobody shares; machines of tests are shared.
const COMPILED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn every_bomb_is_refused_at_once_or_compiles_in_time() {
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    for bomb in BOMBS {
        let code = (bomb.make)();
        let start = Instant::now();
        let found = vm.inspect(&code);
        assert!(start.elapsed() < REFUSED_WITHIN, "{}: {:?}", bomb.name, start.elapsed());
        match (bomb.verdict, found) {
            (Verdict::Refused(words), Err(refusal)) => {
                assert!(refusal.reason.contains(words), "{}: {}", bomb.name, refusal.reason);
            }
            (Verdict::Compiles, Ok(_)) => {
                let start = Instant::now();
                vm.ready(&Hash::of_content(&code), &code).unwrap();
                assert!(start.elapsed() < COMPILED_WITHIN, "{}: {:?}", bomb.name, start.elapsed());
            }
            (Verdict::Refused(_), Ok(_)) => panic!("{} is not refused", bomb.name),
            (Verdict::Compiles, Err(refusal)) => panic!("{}: {}", bomb.name, refusal.reason),
        }
    }
}

/// What the search found to take longest of all that the limits allow (docs/vm-limits.md has the table).
#[test]
fn the_worst_of_what_is_allowed_compiles_in_time() {
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    for name in ["br_if across 60 locals/10/18", "f64.min/8/63"] {
        let code = floods::make(name);
        vm.inspect(&code).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let start = Instant::now();
        vm.ready(&Hash::of_content(&code), &code).unwrap();
        assert!(start.elapsed() < COMPILED_WITHIN, "{name}: {:?}", start.elapsed());
    }
}

/// Work is what bounds time where size does not: each kind of code is refused before it takes too long.
#[test]
fn work_is_bounded_where_size_is_not() {
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    for name in
        ["global/12/63", "call/12/63", "f64.min/14/63", "table.get/40/4", "call_indirect/40/4"]
    {
        let reason = vm.inspect(&floods::make(name)).unwrap_err().reason;
        assert!(reason.contains("work to compile the code"), "{name}: {reason}");
    }
}
