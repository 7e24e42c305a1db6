//! The pool's promises: bounds, order, one place per id, and nothing dropped by a copy that is not ours.

use std::sync::Arc;

use super::*;
use crate::crypto::{KeyPair, Signature};
use crate::transaction::{Action, TRANSACTION_VERSION, Transaction};

const CHAIN: Hash = Hash([1; 32]);
const WIDE: BodyLimits =
    BodyLimits { transactions_max: 100, bytes_max: 1 << 20, fuel_max: 1 << 40 };

fn pool() -> Mempool {
    Mempool::new(PoolLimits { transactions_max: 5, bytes_max: 1_000, validators: 4 })
}

fn transaction(nonce: u64, valid_until_ms: u64) -> (Hash, Arc<SignedTransaction>) {
    let key = KeyPair::development("pool");
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        sender: AccountId::of_key(&key.public_key()),
        key: key.public_key(),
        nonce,
        valid_until_ms,
        max_fuel: 1_000,
        fuel_price: 10,
        payer: None,
        actions: vec![Action::Transfer { to: AccountId([7; 32]), amount: 1 }],
    };
    (transaction.id(&CHAIN), Arc::new(transaction.sign(&CHAIN, &key, Vec::new())))
}

fn submit(pool: &mut Mempool, nonce: u64) -> Result<Hash, PoolError> {
    let (id, signed) = transaction(nonce, 10_000);
    pool.submit(signed, id, 100, 1_000).map(|()| id)
}

fn ids(pool: &Mempool, limits: &BodyLimits) -> Vec<Hash> {
    pool.fill(limits).into_iter().map(|(id, _)| id).collect()
}

/// As a block tells them.
fn identified(
    transactions: &[Arc<SignedTransaction>],
) -> impl Iterator<Item = (Hash, &Arc<SignedTransaction>)> {
    transactions.iter().map(|signed| (signed.transaction.id(&CHAIN), signed))
}

fn at(round: Round) -> BlockRef {
    BlockRef { round, author: 0, digest: Hash::ZERO }
}

#[test]
fn first_come_first_served_within_the_limits_of_a_block() {
    let mut pool = pool();
    let all: Vec<Hash> = (0..5).map(|nonce| submit(&mut pool, 9 - nonce).unwrap()).collect();
    assert_eq!(ids(&pool, &WIDE), all);
    assert_eq!(ids(&pool, &BodyLimits { transactions_max: 2, ..WIDE }), all[..2]);
    assert_eq!(ids(&pool, &BodyLimits { bytes_max: 350, ..WIDE }), all[..3]);
    assert_eq!(ids(&pool, &BodyLimits { fuel_max: 4_999, ..WIDE }), all[..4]);
    assert_eq!(submit(&mut pool, 100), Err(PoolError::Full));
}

#[test]
fn an_account_has_at_most_its_share_of_the_reserve_pending_until_executed() {
    let mut pool = pool();
    // A fee of 10 grains each; reserve / 4 is 20.
    let take = |pool: &mut Mempool, nonce| {
        let (id, signed) = transaction(nonce, 10_000);
        pool.submit(signed, id, 100, 80).map(|()| id)
    };
    let first = take(&mut pool, 1).unwrap();
    take(&mut pool, 2).unwrap();
    let refused = PoolError::TooMuchPending { pending: 20, fee: 10, max: 20 };
    assert_eq!(take(&mut pool, 3), Err(refused));
    pool.proposed(at(1), &[first]);
    pool.ordered(1, identified(&[transaction(1, 10_000).1]));
    assert_eq!(take(&mut pool, 3), Err(refused), "ordered is not executed");
    pool.executed(1, &[first]);
    take(&mut pool, 3).unwrap();
    assert_eq!((pool.len(), pool.bytes()), (2, 200));
}

#[test]
fn an_id_is_known_while_pending_and_after_execution() {
    let mut pool = pool();
    let id = submit(&mut pool, 1).unwrap();
    assert_eq!(submit(&mut pool, 1), Err(PoolError::AlreadyKnown));
    pool.executed(1, &[id]);
    assert!(pool.is_empty());
    assert_eq!(submit(&mut pool, 1), Err(PoolError::AlreadyKnown));
    pool.executed(2, &[transaction(2, 10_000).0]);
    assert_eq!(submit(&mut pool, 2), Err(PoolError::AlreadyKnown), "executed from elsewhere");
}

/// A Byzantine validator that spoils the signature in its copy must not take ours away.
#[test]
fn only_an_equal_copy_parks_ours() {
    let mut pool = pool();
    let id = submit(&mut pool, 1).unwrap();
    let (_, good) = transaction(1, 10_000);
    let mut bad = (*good).clone();
    bad.signature = Signature([9; 64]);
    let bad = Arc::new(bad);
    pool.seen(at(5), identified(&[Arc::clone(&bad)]), 0);
    pool.ordered(3, identified(&[bad]));
    assert_eq!(ids(&pool, &WIDE), [id]);
    pool.seen(at(5), identified(&[good]), 0);
    assert_eq!((pool.ready_len(), pool.len()), (0, 1));
    assert_eq!(pool.wake_at_ms(), Some(2_000));
}

#[test]
fn what_is_not_ordered_in_time_or_falls_below_gc_is_ready_again_at_its_place() {
    let mut pool = pool();
    let all: Vec<Hash> = (1..=3).map(|nonce| submit(&mut pool, nonce).unwrap()).collect();
    pool.proposed(at(4), &all[..1]);
    pool.seen(at(5), identified(&[transaction(2, 10_000).1]), 100);
    assert_eq!(ids(&pool, &WIDE), all[2..]);
    pool.advance(2_099, 0);
    assert_eq!(ids(&pool, &WIDE), all[2..]);
    pool.advance(2_100, 0);
    assert_eq!(ids(&pool, &WIDE), all[1..]);
    pool.collect(3);
    assert_eq!(ids(&pool, &WIDE), all[1..]);
    pool.collect(4);
    assert_eq!(ids(&pool, &WIDE), all);
    // A parked one is back at once when the block that had it is lost.
    pool.seen(at(9), identified(&[transaction(3, 10_000).1]), 100);
    pool.collect(9);
    assert_eq!((ids(&pool, &WIDE), pool.wake_at_ms()), (all, None));
}

#[test]
fn what_can_no_longer_run_leaves_unless_it_is_ordered() {
    let mut pool = pool();
    let first = submit(&mut pool, 1).unwrap();
    submit(&mut pool, 2).unwrap();
    pool.proposed(at(1), &[first]);
    pool.ordered(7, identified(&[transaction(1, 10_000).1]));
    pool.advance(0, 9_999);
    assert_eq!(pool.len(), 2);
    pool.advance(0, 10_000);
    assert_eq!((pool.len(), pool.ready_len()), (1, 0));
    // Execution that passed the commit without naming it frees it all the same.
    pool.executed(7, &[]);
    assert_eq!((pool.len(), pool.bytes()), (0, 0));
    assert!(pool.pending_fees.is_empty() && pool.in_blocks.is_empty() && pool.expiry.is_empty());
}
