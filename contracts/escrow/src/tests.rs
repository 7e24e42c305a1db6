//! The escrow's logic, natively: money goes to one of two, once.

use crate::Escrow;
use crate::bindings::exports::pollen::escrow::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::escrow::events::{Opened, Refunded, Released};
use crate::bindings::exports::pollen::escrow::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, Amount, String, ToString, bank};

const DEADLINE_MS: u64 = 61_000;

/// Buyer, seller and arbiter, each with an account.
fn parties(host: &Host) -> [Account; 3] {
    ["buyer", "seller", "arbiter"].map(|name| {
        let account = host.account(name);
        host.set_balance(account, 0);
        account
    })
}

fn open(host: &Host, grains: Amount) -> Result<u64, Error> {
    let [buyer, seller, arbiter] = ["buyer", "seller", "arbiter"].map(|name| host.account(name));
    host.call(buyer, || {
        host.attach(grains);
        Escrow::open(seller, Some(arbiter), DEADLINE_MS, "a bicycle".to_string())
    })
}

#[test]
fn the_buyer_lets_go_and_the_seller_is_paid_once() {
    let host = Host::new();
    let [buyer, seller, _] = parties(&host);
    assert_eq!(open(&host, 500), Ok(1));
    let opened: Opened = host.events_named("opened")[0].decode();
    assert_eq!((opened.buyer, opened.seller, opened.grains), (buyer, seller, 500));
    assert_eq!((Escrow::held(), bank::balance(host.module())), (500, 500));
    assert_eq!(host.call(seller, || Escrow::release(1)), Err(Error::NotAllowed));
    assert_eq!(host.call(buyer, || Escrow::release(1)), Ok(500));
    assert_eq!((bank::balance(seller), bank::balance(host.module())), (500, 0));
    let released: Released = host.events_named("released")[0].decode();
    assert_eq!(released, Released { deal: 1, seller, grains: 500, by: buyer });
    assert_eq!(host.call(buyer, || Escrow::release(1)), Err(Error::NoSuchDeal));
    assert_eq!(host.call(seller, || Escrow::refund(1)), Err(Error::NoSuchDeal));
    assert_eq!(Escrow::held(), 0);
}

#[test]
fn the_buyer_gets_it_back_at_the_deadline_and_not_before() {
    let host = Host::new();
    let [buyer, _, _] = parties(&host);
    open(&host, 70).unwrap();
    host.advance_time(59_999);
    assert_eq!(host.call(buyer, || Escrow::refund(1)), Err(Error::NotAllowed));
    host.advance_time(1);
    assert_eq!(host.call(buyer, || Escrow::refund(1)), Ok(70));
    assert_eq!(bank::balance(buyer), 70);
    let refunded: Refunded = host.events_named("refunded")[0].decode();
    assert_eq!(refunded, Refunded { deal: 1, buyer, grains: 70, by: buyer });
}

#[test]
fn seller_and_arbiter_settle_at_any_time_and_strangers_never() {
    let host = Host::new();
    let [buyer, seller, arbiter] = parties(&host);
    for number in 1..=3 {
        assert_eq!(open(&host, 10), Ok(number));
    }
    let stranger = host.account("stranger");
    assert_eq!(host.call(stranger, || Escrow::refund(1)), Err(Error::NotAllowed));
    assert_eq!(host.call(stranger, || Escrow::release(1)), Err(Error::NotAllowed));
    host.call(seller, || Escrow::refund(1)).unwrap();
    host.call(arbiter, || Escrow::refund(2)).unwrap();
    assert_eq!(Escrow::deals(0, 9).deals.len(), 1);
    host.call(arbiter, || Escrow::release(3)).unwrap();
    assert_eq!((bank::balance(buyer), bank::balance(seller)), (20, 10));
    assert_eq!(Escrow::deals(0, 9).deals.len(), 0);
}

#[test]
fn what_cannot_be_a_deal_is_refused() {
    let host = Host::new();
    let [buyer, seller, _] = parties(&host);
    assert_eq!(open(&host, 0), Err(Error::NoMoney));
    let open = |deadline_ms: u64, note: String| {
        host.call(buyer, || {
            host.attach(5);
            Escrow::open(seller, None, deadline_ms, note)
        })
    };
    assert_eq!(open(1_000, String::new()), Err(Error::BadDeadline), "now is not later");
    assert_eq!(open(u64::MAX, String::new()), Err(Error::BadDeadline));
    assert_eq!(open(DEADLINE_MS, "x".repeat(257)), Err(Error::BadNote));
    assert_eq!(bank::balance(host.module()), 0, "what came along went back each time");
    // Money that nobody asked for is refused, or it would stay for ever.
    open(DEADLINE_MS, String::new()).unwrap();
    host.set_caller(buyer);
    let message = host.abort_of(|| {
        host.attach(1);
        Escrow::release(1)
    });
    assert!(message.contains("takes no money"), "{message}");
}

#[test]
fn a_seller_without_an_account_leaves_the_deal_open() {
    let host = Host::new();
    let [buyer, ..] = parties(&host);
    let nobody = host.account("nobody");
    host.call(buyer, || {
        host.attach(5);
        Escrow::open(nobody, None, DEADLINE_MS, String::new())
    })
    .unwrap();
    assert_eq!(host.call(buyer, || Escrow::release(1)), Err(Error::NoSuchAccount));
    assert_eq!((Escrow::deal(1).unwrap().grains, Escrow::held()), (5, 5));
    host.advance_time(60_000);
    assert_eq!(host.call(buyer, || Escrow::refund(1)), Ok(5));
}
