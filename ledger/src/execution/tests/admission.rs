//! The answers of admission: number, data, and that it agrees with what execution then does.

use serde_json::json;

use super::*;
use crate::execution::admission::{Refusal, check};

const START: u64 = 10 * POLLEN;

fn refused(world: &World, signed: &SignedTransaction) -> Refusal {
    check(world.executor.state(), &world.genesis.parameters, signed, world.time_ms)
        .unwrap()
        .unwrap_err()
}

#[test]
fn every_refusal_has_its_number_and_says_what_to_do() {
    let mut world = World::new(&[("alice", START), ("poor", 10)]);
    world.run("alice", 0, transfer("poor", 1));
    let action = || vec![transfer("poor", 1)];
    let change = |name: &str, change: &dyn Fn(&mut Transaction)| {
        let mut tx = world.transaction(name, 1, action());
        change(&mut tx);
        refused(&world, &world.sign_with(name, tx, Vec::new()))
    };
    let time_ms = world.time_ms;
    let lifetime_ms = world.genesis.parameters.transaction_lifetime_max_ms;
    let cases = [
        (change("alice", &|tx| tx.version = 9), 1001),
        (change("alice", &|tx| tx.nonce = 0), 1005),
        (change("alice", &|tx| tx.nonce = 4_097), 1006),
        (change("alice", &|tx| tx.valid_until_ms = time_ms), 1007),
        (change("alice", &|tx| tx.valid_until_ms = time_ms + lifetime_ms + 1), 1008),
        (change("alice", &|tx| tx.fuel_price = 0), 1009),
        (change("alice", &|tx| tx.max_fuel = 10), 1009),
        (change("poor", &|tx| tx.nonce = 0), 1010),
        (change("nobody", &|_| ()), 1010),
    ];
    for (refusal, number) in cases {
        assert_eq!(refusal.number(), number, "{refusal}");
        assert!(!refusal.hint().is_empty());
    }
    let used = change("alice", &|tx| tx.nonce = 0);
    assert_eq!(used.name(), "NonceUsed");
    assert_eq!(used.data(), json!({ "nonce": "0", "suggested": "1" }));
    let far = change("alice", &|tx| tx.nonce = 9_999);
    let data = json!({ "nonce": "9999", "lowest": "0", "highest": "4096", "suggested": "1" });
    assert_eq!(far.data(), data);
    let poor = change("poor", &|tx| tx.nonce = 0);
    assert_eq!(poor.data(), json!({ "needed": "10000", "have": "11" }));
}

#[test]
fn code_that_is_nowhere_is_told_before_it_costs_anything() {
    let world = World::new(&[("alice", START)]);
    let code = Hash::of_content(b"m");
    let upgrade = crate::transaction::UpgradePolicy::Never;
    let deploy = Action::Deploy { code, name: None, arguments: Vec::new(), upgrade };
    let tx = world.transaction("alice", 0, vec![deploy]);
    let bare = world.sign_with("alice", tx.clone(), Vec::new());
    let refusal = refused(&world, &bare);
    assert_eq!(refusal.number(), 1001);
    assert!(refusal.to_string().contains(&code.to_string()), "{refusal}");
    let whole = world.sign_with("alice", tx, vec![b"m".to_vec()]);
    let state = world.executor.state();
    assert!(check(state, &world.genesis.parameters, &whole, world.time_ms).unwrap().is_ok());
}

#[test]
fn what_is_admitted_tells_fee_and_reserve() {
    let world = World::new(&[("alice", START)]);
    let signed = world.sign("alice", 0, vec![transfer("bob", 1)]);
    let admitted = check(world.executor.state(), &world.genesis.parameters, &signed, world.time_ms)
        .unwrap()
        .unwrap();
    assert_eq!(admitted.max_fee, FUEL / 1_000);
    assert_eq!(admitted.reserve, world.genesis.parameters.fee_reserve);
    assert_eq!(admitted.balance, START);
    assert_eq!(admitted.key, key_of("alice").public_key());
}
