//! The token's logic, natively: nothing is made or lost but by mint and burn.

use crate::Token;
use crate::bindings::exports::pollen::token::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::token::events::{Approval, Transfer};
use crate::bindings::exports::pollen::token::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{NONE, ToString};

fn deployed(supply: u64) -> Host {
    let host = Host::new();
    Token::init("Honey".to_string(), "HNY".to_string(), 2, supply);
    host
}

#[test]
fn the_deployer_owns_the_token_and_holds_the_supply() {
    let host = deployed(1_000);
    let owner = host.account("deployer");
    let info = host.query(Token::info);
    assert_eq!((info.name.as_str(), info.symbol.as_str(), info.decimals), ("Honey", "HNY", 2));
    assert_eq!(info.owner, owner);
    assert_eq!((Token::balance_of(owner), Token::total_supply()), (1_000, 1_000));
    let event: Transfer = host.events_named("transfer")[0].decode();
    assert_eq!(event, Transfer { sender: NONE, receiver: owner, amount: 1_000 });
}

#[test]
fn a_transfer_moves_exactly_its_amount() {
    let host = deployed(100);
    let (owner, bob) = (host.account("deployer"), host.account("bob"));
    host.call(owner, || Token::transfer(bob, 30)).unwrap();
    assert_eq!((Token::balance_of(owner), Token::balance_of(bob)), (70, 30));
    let emitted = host.events().pop().unwrap();
    assert_eq!(emitted.topics, [owner.to_bytes().to_vec(), bob.to_bytes().to_vec()]);
    let end = host.call(bob, || Token::transfer(owner, 31));
    assert!(matches!(end, Err(Error::InsufficientBalance(30))));
    assert_eq!((Token::balance_of(owner), Token::balance_of(bob)), (70, 30));
}

/// Reading both balances before writing either would double the payer's tokens.
#[test]
fn a_transfer_to_oneself_changes_nothing() {
    let host = deployed(100);
    let owner = host.account("deployer");
    host.call(owner, || Token::transfer(owner, 100)).unwrap();
    assert_eq!((Token::balance_of(owner), Token::total_supply()), (100, 100));
}

#[test]
fn an_empty_balance_gives_its_key_back() {
    let host = deployed(5);
    let (owner, bob) = (host.account("deployer"), host.account("bob"));
    let keys = host.storage_keys();
    host.call(owner, || Token::transfer(bob, 5)).unwrap();
    assert_eq!(host.storage_keys(), keys);
}

#[test]
fn an_allowance_is_spent_and_never_exceeded() {
    let host = deployed(100);
    let (owner, bob) = (host.account("deployer"), host.account("bob"));
    Token::approve(bob, 10);
    let event: Approval = host.events_named("approval")[0].decode();
    assert_eq!(event, Approval { owner, spender: bob, amount: 10 });
    host.call(bob, || Token::transfer_from(owner, bob, 4)).unwrap();
    assert_eq!(Token::allowance(owner, bob), 6);
    let end = host.call(bob, || Token::transfer_from(owner, bob, 7));
    assert!(matches!(end, Err(Error::InsufficientAllowance(6))));
    // An allowance beyond the balance does not survive as spent when the balance refuses.
    host.call(owner, || Token::transfer(host.account("carol"), 96)).unwrap();
    assert!(host.call(bob, || Token::transfer_from(owner, bob, 6)).is_err());
    assert_eq!((Token::allowance(owner, bob), Token::balance_of(bob)), (6, 4));
}

#[test]
fn only_the_owner_mints_and_supply_follows() {
    let host = deployed(10);
    let (owner, bob) = (host.account("deployer"), host.account("bob"));
    assert!(matches!(host.call(bob, || Token::mint(bob, 1)), Err(Error::NotTheOwner)));
    host.call(owner, || Token::mint(bob, 5)).unwrap();
    host.call(bob, || Token::burn(2)).unwrap();
    assert_eq!((Token::balance_of(bob), Token::total_supply()), (3, 13));
    assert!(matches!(host.call(owner, || Token::mint(bob, u64::MAX)), Err(Error::Overflow)));
    assert!(matches!(host.call(bob, || Token::burn(4)), Err(Error::InsufficientBalance(3))));
    assert_eq!(Token::total_supply(), 13);
}
