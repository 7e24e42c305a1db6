//! The compiled module on a real ledger: `pollen test`.

use pollen_harness::{Ledger, json};

/// A ledger with the counter at 40.
fn deployed() -> Ledger {
    let ledger = Ledger::start();
    ledger.deploy(json!([40]));
    ledger
}

#[test]
fn anybody_raises_the_number() {
    let ledger = deployed();
    let raised = ledger.as_caller("bob").call("increment", json!({ "by": 2 }));
    assert_eq!(raised.expect_success(), json!(42));
    assert_eq!(raised.events_named("incremented"), [json!({ "by": 2, "value": 42 })]);
    assert_eq!(ledger.query("get", json!([])).decode::<u64>(), 42);
    raised.check_fuel("increment");
}

#[test]
fn an_overflow_changes_nothing() {
    let ledger = deployed();
    let refused = ledger.as_caller("bob").call("increment", json!([u64::MAX]));
    assert_eq!(refused.expect_error(), json!("overflow"));
    assert_eq!(ledger.query("get", json!([])).decode::<u64>(), 40);
}

#[test]
fn a_call_with_too_little_fuel_is_undone_and_paid_for() {
    let ledger = deployed();
    let before = ledger.balance("bob");
    let bob = ledger.as_caller("bob").with_max_fuel(150_000);
    let failed = bob.call("increment", json!([1]));
    assert_eq!(failed.expect_failure().name, "OutOfFuel");
    assert_eq!(ledger.balance("bob"), before - failed.fee);
    assert_eq!(ledger.query("get", json!([])).decode::<u64>(), 40);
}

#[test]
fn an_upgrade_keeps_the_number() {
    let ledger = deployed();
    ledger.as_caller("deployer").upgrade(json!([])).expect_success();
    assert_eq!(ledger.query("get", json!([])).decode::<u64>(), 40);
    let refused = ledger.as_caller("bob").upgrade(json!([]));
    assert_eq!(refused.expect_failure().name, "PolicyNotMet");
}
