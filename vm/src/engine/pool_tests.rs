//! What these protect: compiling never holds up a node, and how code came to be compiled changes no result.

use std::time::Instant;

use pollen_ledger::module::{Call, CallKind};

use super::compiled::Waiter;
use super::pool::{Full, Job, Queue, Urgency};
use super::*;
use crate::fixtures::{Base, PROBE, SIGNER, probe};

fn job(number: u8) -> Job {
    Job { hash: Hash([number; 32]), code: [number].as_slice().into() }
}

/// The module host without its workers: whatever is queued stays queued.
fn without_workers() -> Modules {
    let config = VmConfig { instances: 18, ..VmConfig::default() };
    let machine = Machine::new(&settings::wasmtime_config(&config)).unwrap();
    Modules::new(machine, None, &config)
}

fn code() -> (Hash, Arc<[u8]>) {
    let code = probe();
    (Hash::of_content(&code), code.into())
}

#[test]
fn the_queue_is_bounded_and_execution_is_never_turned_away() {
    let queue = Queue::default();
    for number in 0..64 {
        queue.add(job(number), Urgency::Soon).ok().unwrap();
    }
    assert_eq!(queue.add(job(64), Urgency::Soon).err(), Some(Full));
    assert!(queue.add(job(3), Urgency::Soon).is_ok(), "asked for already");
    assert!(queue.add(job(65), Urgency::Now).is_ok());
    assert!(queue.find(&Hash([65; 32]), Urgency::Soon).is_some());
    assert!(queue.find(&Hash([64; 32]), Urgency::Soon).is_none());
}

#[test]
fn execution_comes_first_and_each_code_is_compiled_once() {
    let queue = Arc::new(Queue::default());
    for number in [1, 2, 3] {
        queue.add(job(number), Urgency::Soon).ok().unwrap();
    }
    queue.find(&Hash([3; 32]), Urgency::Now).unwrap();
    queue.add(job(4), Urgency::Now).ok().unwrap();
    queue.add(job(2), Urgency::Soon).ok().unwrap();
    let last = queue.find(&Hash([2; 32]), Urgency::Soon).unwrap();
    let (tell, order) = std::sync::mpsc::channel();
    let make = move |job: &Job| {
        tell.send(job.hash.0[0]).unwrap();
        Err("not today".to_owned())
    };
    let workers = Workers::start(&queue, 1, make, |_, _| ()).unwrap();
    assert!(last.wait(None).unwrap().is_err());
    drop(workers);
    assert_eq!(order.iter().collect::<Vec<_>>(), [4, 3, 1, 2]);
    assert!(queue.find(&Hash([2; 32]), Urgency::Soon).is_none(), "a failure is forgotten");
}

#[test]
fn whoever_waits_is_told_when_the_host_closes() {
    let queue = Arc::new(Queue::default());
    let workers = Workers::start(&queue, 0, |_| unreachable!(), |_, _| ()).unwrap();
    let pending = queue.add(job(1), Urgency::Soon).ok().unwrap();
    drop(workers);
    assert!(pending.wait(None).unwrap().is_err());
}

#[test]
fn a_query_is_told_to_come_again_when_its_code_takes_long() {
    let modules = without_workers();
    let (hash, code) = code();
    let start = Instant::now();
    let failure = modules.get(&hash, Waiter::Query, || Ok(Arc::clone(&code))).err().unwrap();
    assert!(matches!(failure, EngineFailure::Busy(_)), "{failure}");
    assert!(failure.to_string().contains("try again"), "{failure}");
    assert!(start.elapsed().as_secs_f64() < 2.0);
}

/// No worker ever compiles it: execution does it itself after a while, and has a module that runs.
#[test]
fn execution_goes_on_without_the_pool() {
    let modules = without_workers();
    let (hash, code) = code();
    assert!(modules.get(&hash, Waiter::Execution, || Ok(Arc::clone(&code))).is_ok());
    assert!(modules.get(&hash, Waiter::Query, || unreachable!()).is_ok(), "in memory now");
}

#[test]
fn preparing_does_not_wait_and_the_call_after_it_does() {
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    let (hash, code) = code();
    let base = Base::with(&code);
    vm.prepare(&hash, &code).unwrap();
    let call = Call {
        module: PROBE,
        function: "one",
        arguments: &[],
        caller: SIGNER,
        attached: 0,
        fuel: 1_000_000,
        kind: CallKind::Query,
    };
    assert!(vm.call(&mut base.state(), call).is_ok());
}

/// The second engine's code runs beside the first's, with the same results and fuel, nested calls included.
#[test]
fn code_without_optimisation_gives_the_same_reports() {
    let (hash, code) = code();
    let base = Base::with(&code);
    let vm = || Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    let (fast, plain) = (vm(), vm());
    plain.shared.modules.make_plain(&hash, &code).ok().unwrap();
    let pair = |left: u32, right: u32| [left.to_le_bytes(), right.to_le_bytes()].concat();
    let mut relay = crate::fixtures::OTHER.0.to_vec();
    relay.extend(0_u32.to_le_bytes());
    relay.push(0);
    relay.extend(3_u64.to_le_bytes());
    let calls = [
        ("divide", pair(9, 3)),
        ("divide", pair(9, 0)),
        ("store", vec![]),
        ("relay", relay),
        ("trap", vec![]),
        ("spins", vec![]),
        ("grow", 64_u32.to_le_bytes().to_vec()),
        ("outside", vec![]),
    ];
    for (function, arguments) in &calls {
        let call = Call {
            module: PROBE,
            function,
            arguments,
            caller: SIGNER,
            attached: 0,
            fuel: 50_000_000,
            kind: CallKind::Command,
        };
        let (mut left, mut right) = (base.state(), base.state());
        let (one, two) =
            (fast.call(&mut left, call).unwrap(), plain.call(&mut right, call).unwrap());
        assert_eq!((&one.end, one.fuel_used), (&two.end, two.fuel_used), "{function}");
        assert_eq!(left.finish(true).writes, right.finish(true).writes, "{function}");
    }
}
