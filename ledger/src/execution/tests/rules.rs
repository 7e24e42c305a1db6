//! What becomes of an ordered transaction: the numbered rules, case by case, to the grain.

use super::*;
use crate::execution::authority::{AuthorityError, Party};

const START: u64 = 10 * POLLEN;

fn world() -> World {
    World::new(&[("alice", START), ("bob", START)])
}

/// The fee of a transaction that runs nothing.
fn plain_fee(world: &World, signed: &SignedTransaction) -> u64 {
    signed.intrinsic_fuel(&world.genesis.parameters).div_ceil(1_000)
}

#[test]
fn a_transfer_moves_grains_and_costs_its_intrinsic_fuel() {
    let mut world = world();
    let signed = world.sign("alice", 0, vec![transfer("bob", 3 * POLLEN)]);
    let fee = plain_fee(&world, &signed);
    let receipt = world.commit(vec![signed.clone()]).receipts.remove(0);
    assert_eq!(receipt.transaction, world.id(&signed));
    assert_eq!(receipt.outcome, Outcome::Success { results: vec![Vec::new()] });
    assert_eq!(receipt.fee, fee);
    assert_eq!(receipt.fuel_used, signed.intrinsic_fuel(&world.genesis.parameters));
    assert_eq!(world.balance("alice"), START - 3 * POLLEN - fee);
    assert_eq!(world.balance("bob"), START + 3 * POLLEN);
    assert_eq!(fees(world.executor.state()).unwrap(), fee);
}

#[test]
fn a_new_account_costs_the_sender_a_deposit_beside_the_amount() {
    let mut world = world();
    let receipt = world.run("alice", 0, transfer("carol", 5));
    let deposit = world.genesis.parameters.account_deposit;
    let carol = world.account(&id_of("carol")).unwrap();
    assert_eq!(carol, AccountRecord { balance: 5, deposit, has_keys: false });
    assert_eq!(world.balance("alice"), START - 5 - deposit - receipt.fee);
}

#[test]
fn a_transfer_to_oneself_costs_the_fee_only() {
    let mut world = world();
    let receipt = world.run("alice", 0, transfer("alice", POLLEN));
    assert_eq!(world.balance("alice"), START - receipt.fee);
}

/// Story: a client submits to two nodes, and both copies are ordered.
#[test]
fn a_second_copy_leaves_no_trace() {
    let mut world = world();
    let signed = world.sign("alice", 0, vec![transfer("bob", 7)]);
    let first = world.commit(vec![signed.clone(), signed.clone()]);
    assert_eq!(first.receipts.len(), 1);
    assert!(matches!(first.skipped[..], [SkipReason::Nonce(NonceError::Used { nonce: 0, .. })]));
    let second = world.commit(vec![signed]);
    assert_eq!((second.receipts.len(), second.skipped.len()), (0, 1));
    assert_eq!(world.balance("bob"), START + 7);
}

/// Story: a Byzantine validator spoils a copy. It must not use up the nonce of the good one.
#[test]
fn a_copy_with_a_bad_signature_is_no_occurrence() {
    let mut world = world();
    let good = world.sign("alice", 0, vec![transfer("bob", 7)]);
    let mut bad = good.clone();
    bad.signature.0[5] ^= 1;
    let mut foreign = good.clone();
    foreign.signature = world.sign("bob", 0, vec![transfer("bob", 7)]).signature;
    // Whole, and by a key that is not the sender's.
    let posing = Transaction { key: key_of("bob").public_key(), ..good.transaction.clone() };
    let posing = world.sign_with("bob", posing, Vec::new());
    let committed = world.commit(vec![bad, foreign, posing, good]);
    let no_key = SkipReason::Authority(AuthorityError::NoKey(Party::Sender));
    assert_eq!(committed.skipped, [SkipReason::BadSignature, SkipReason::BadSignature, no_key]);
    assert_eq!(committed.receipts.len(), 1);
    assert_eq!(world.balance("bob"), START + 7);
}

#[test]
fn ledger_time_at_valid_until_is_too_late_and_a_millisecond_less_is_not() {
    for (spare_ms, executed) in [(0, 0), (1, 1)] {
        let mut world = world();
        let mut tx = world.transaction("alice", 0, vec![transfer("bob", 7)]);
        tx.valid_until_ms =
            world.time_ms + world.genesis.parameters.checkpoint_interval_max_ms + spare_ms;
        let signed = world.sign_with("alice", tx, Vec::new());
        let committed = world.commit(vec![signed]);
        assert_eq!(committed.receipts.len(), executed);
        assert_eq!(committed.skipped.contains(&SkipReason::Expired), executed == 0);
    }
}

#[test]
fn a_nonce_beyond_the_window_and_a_price_below_the_floor_are_passed_over() {
    let mut world = world();
    let far = world.sign("alice", 4_096, vec![transfer("bob", 1)]);
    let mut cheap = world.transaction("alice", 0, vec![transfer("bob", 1)]);
    cheap.fuel_price = 0;
    let cheap = world.sign_with("alice", cheap, Vec::new());
    let committed = world.commit(vec![far, cheap]);
    assert!(matches!(
        committed.skipped[..],
        [SkipReason::Nonce(NonceError::Outside { .. }), SkipReason::PriceBelowFloor]
    ));
    assert_eq!(world.balance("alice"), START);
}

/// Story: an account floods blocks and empties itself first. The fee reserve pays for what was ordered,
/// and the transaction cannot come back after the account was filled again.
#[test]
fn who_cannot_pay_loses_what_is_left_of_the_reserve_and_the_nonce() {
    let reserve = genesis(&[]).parameters.fee_reserve;
    for (balance, taken) in [(reserve / 2, reserve / 2), (2 * reserve, reserve), (0, 0)] {
        let mut world = World::new(&[("alice", START), ("poor", balance)]);
        let mut tx = world.transaction("poor", 0, vec![transfer("alice", 1)]);
        tx.max_fuel = world.genesis.parameters.transaction_fuel_max;
        tx.fuel_price = 100_000;
        let signed = world.sign_with("poor", tx, Vec::new());
        let receipt = world.commit(vec![signed.clone()]).receipts.remove(0);
        assert_eq!(receipt.outcome, Outcome::Rejected { code: Code::BalanceTooLow });
        assert_eq!((receipt.fee, receipt.fuel_used), (taken, 0));
        assert_eq!(world.balance("poor"), balance - taken);
        world.run("alice", 0, transfer("poor", 9 * POLLEN));
        assert_eq!(world.commit(vec![signed]).receipts, [], "it does not come back");
    }
}

#[test]
fn an_account_that_does_not_exist_is_rejected_and_stays_unborn() {
    let mut world = world();
    let receipt = world.run("nobody", 0, transfer("bob", 1));
    assert_eq!(receipt.outcome, Outcome::Rejected { code: Code::BalanceTooLow });
    assert_eq!(world.account(&id_of("nobody")), None);
}

#[test]
fn less_fuel_than_the_intrinsic_costs_all_of_it() {
    let mut world = world();
    let mut tx = world.transaction("alice", 0, vec![transfer("bob", 7)]);
    tx.max_fuel = 100_000;
    let signed = world.sign_with("alice", tx, Vec::new());
    assert!(signed.intrinsic_fuel(&world.genesis.parameters) > 100_000);
    let receipt = world.commit(vec![signed]).receipts.remove(0);
    assert_eq!(receipt.fuel_used, 100_000);
    assert_eq!(receipt.fee, 100);
    assert!(matches!(receipt.outcome, Outcome::Failure { code: Code::OutOfFuel, .. }));
    assert_eq!(world.balance("bob"), START);
}

#[test]
fn actions_are_all_or_nothing_but_the_fee_stays_paid() {
    let mut world = world();
    let actions = vec![transfer("carol", 5), transfer("bob", 100 * POLLEN)];
    let signed = world.sign("alice", 0, actions);
    let fee = plain_fee(&world, &signed);
    let receipt = world.commit(vec![signed]).receipts.remove(0);
    let expected =
        Outcome::Failure { action: 1, code: Code::BalanceTooLow, value: FailureValue::None };
    assert_eq!(receipt.outcome, expected);
    assert_eq!(receipt.fee, fee);
    assert_eq!(world.account(&id_of("carol")), None, "the first action is undone");
    assert_eq!(world.balance("alice"), START - fee);
}

#[test]
fn only_fees_may_touch_the_reserve() {
    let mut world = world();
    let most = FUEL / 1_000;
    let reserve = world.genesis.parameters.fee_reserve;
    let refused = world.run("alice", 0, transfer("bob", START - most - reserve + 1));
    assert!(matches!(refused.outcome, Outcome::Failure { code: Code::BalanceTooLow, .. }));
    let spendable = START - refused.fee - most - reserve;
    let receipt = world.run("alice", 1, transfer("bob", spendable));
    assert!(matches!(receipt.outcome, Outcome::Success { .. }));
    assert_eq!(world.balance("alice"), reserve + most - receipt.fee);
}

#[test]
fn nonces_of_one_account_come_in_any_order() {
    let mut world = world();
    let order = [5u64, 0, 3, 4_000, 2_999, 4_001];
    let all = order.map(|nonce| world.sign("alice", nonce, vec![transfer("bob", 1)])).to_vec();
    let committed = world.commit(all);
    assert_eq!((committed.receipts.len(), committed.skipped.len()), (6, 0));
    let window =
        nonce_window(world.executor.state(), &id_of("alice"), &key_of("alice").public_key());
    assert_eq!(window.unwrap().next(), 4_002);
    let lost = world.commit(vec![world.sign("alice", 1, vec![transfer("bob", 1)])]);
    assert!(matches!(lost.skipped[..], [SkipReason::Nonce(NonceError::Outside { .. })]));
}
