//! What live and warm instances cost in memory. Printed by `measure_memory`; the bound is held by a test.

use pollen_ledger::crypto::Hash;
use wasmtime::Store;

use super::compiled::Compiled;
use super::*;
use crate::fixtures::{Base, PROBE, SIGNER, probe};
use crate::host::{HostData, Limiter, StateDoor};

/// Instances that are alive at once.
const LIVE: usize = 1_000;

fn resident_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// An instance that nobody calls: its door to the state is never opened.
#[allow(unsafe_code)]
fn instance(
    vm: &Vm,
    compiled: &Arc<Compiled>,
    state: &mut TransactionState<'_>,
) -> Store<HostData> {
    let data = HostData {
        shared: Arc::clone(&vm.shared),
        compiled: Arc::clone(compiled),
        // SAFETY: no host function is called in these stores, so the door stays shut.
        state: unsafe { StateDoor::new(state) },
        limiter: Limiter::new(1_000_000),
        failure: None,
        module: PROBE,
        code: Hash::ZERO,
        caller: SIGNER,
        attached: 0,
        read_only: true,
        waiter: Waiter::Query,
        running: vec![PROBE],
    };
    let mut store = Store::new(compiled.instance.engine(), data);
    store.limiter(|data| &mut data.limiter);
    store.set_fuel(1_000_000).unwrap();
    compiled.instance.instantiate(&mut store).unwrap();
    store
}

/// A thousand live instances stay within 64 MiB, and what their slots keep within 150 KiB each.
#[test]
fn instances_are_small() {
    let vm = Vm::new(&VmConfig { instances: LIVE as u32, ..VmConfig::default() }).unwrap();
    let code = probe();
    let base = Base::with(&code);
    let mut state = base.state();
    let compiled = vm
        .shared
        .modules
        .get(&Hash::of_content(&code), Waiter::Execution, || Ok(code.as_slice().into()));
    let compiled = compiled.ok().unwrap();
    drop(instance(&vm, &compiled, &mut state));
    let before = resident_kib();
    let stores: Vec<_> = (0..LIVE).map(|_| instance(&vm, &compiled, &mut state)).collect();
    let live = resident_kib() - before;
    drop(stores);
    let warm = resident_kib() - before;
    println!(
        "{LIVE} live instances: {:.1} MiB; a warm slot: {:.1} KiB",
        live / 1024.0,
        warm / LIVE as f64
    );
    assert!(live <= 64.0 * 1024.0, "{live} KiB");
    assert!(warm / LIVE as f64 <= 150.0, "{warm} KiB");
}
