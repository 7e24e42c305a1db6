//! The compiled module on a real ledger: `pollen test`.

use pollen_harness::{Ledger, json};
use proptest::prelude::*;

/// Who plays.
const NAMES: [&str; 3] = ["alice", "bob", "carol"];
/// All there is; nobody mints here.
const SUPPLY: u64 = 1_000;

/// A token whose owner, alice, holds all of it.
fn deployed() -> Ledger {
    let ledger = Ledger::start();
    let alice = ledger.as_caller("alice");
    alice.deploy(json!(["Gold", "GLD", 2, SUPPLY])).expect_success();
    ledger
}

fn balance(ledger: &Ledger, of: &str) -> u64 {
    ledger.query("balance-of", json!([of])).decode()
}

#[test]
fn a_transfer_moves_what_it_says() {
    let ledger = deployed();
    let moved = ledger.as_caller("alice").call("transfer", json!({ "to": "bob", "amount": 250 }));
    moved.expect_success();
    assert_eq!((balance(&ledger, "alice"), balance(&ledger, "bob")), (750, 250));
    let told = json!({
        "sender": ledger.address("alice"), "receiver": ledger.address("bob"), "amount": 250,
    });
    assert_eq!(moved.events_named("transfer"), [told]);
    moved.check_fuel("transfer");
}

#[test]
fn nobody_spends_more_than_there_is() {
    let ledger = deployed();
    let refused = ledger.as_caller("bob").call("transfer", json!(["alice", 1]));
    assert_eq!(refused.expect_error(), json!({ "insufficient-balance": 0 }));
    assert_eq!(balance(&ledger, "alice"), SUPPLY);
}

/// Whatever is sent to whom, the supply stays, and a balance changes only by a transfer that was done.
#[test]
fn transfers_make_and_destroy_nothing() {
    let ledger = deployed();
    // All have their pollen in the snapshot: no case begins with the faucet's transfers.
    let _ = NAMES.map(|name| ledger.balance(name));
    let start = ledger.snapshot();
    let step = (0..NAMES.len(), 0..NAMES.len(), 0..SUPPLY * 5 / 4);
    let steps = prop::collection::vec(step, 1..12);
    proptest!(ProptestConfig::with_cases(32), |(steps in steps)| {
        ledger.revert(&start);
        let mut expected = [SUPPLY, 0, 0];
        for (from, to, amount) in steps {
            let sent = ledger.as_caller(NAMES[from]).call("transfer", json!([NAMES[to], amount]));
            prop_assert_eq!(sent.is_success(), amount <= expected[from]);
            if sent.is_success() {
                expected[from] -= amount;
                expected[to] += amount;
            }
        }
        prop_assert_eq!(NAMES.map(|name| balance(&ledger, name)), expected);
        prop_assert_eq!(ledger.query("total-supply", json!([])).decode::<u64>(), SUPPLY);
    });
}
