//! The collection's logic, natively: one owner a token, and lists that agree with it.

use crate::Nft;
use crate::bindings::exports::pollen::nft::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::nft::events::{Approved, Moved};
use crate::bindings::exports::pollen::nft::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, NONE, ToString, Vec, crypto};

fn made() -> Host {
    let host = Host::new();
    Nft::init("Jars".to_string(), "JAR".to_string());
    host
}

fn mint(host: &Host, to: Account) -> u64 {
    let minter = host.account("deployer");
    let content = crypto::blake3(b"a jar");
    let mint = || Nft::mint(to, "jar".to_string(), "https://jars".to_string(), content);
    host.call(minter, mint).unwrap()
}

#[test]
fn a_token_is_made_with_its_document_and_moves_with_its_approval_ended() {
    let host = made();
    let (alice, bob, carol) = (host.account("alice"), host.account("bob"), host.account("carol"));
    assert_eq!(mint(&host, alice), 1);
    let token = host.query(|| Nft::token(1)).unwrap();
    assert_eq!((token.owner, token.minted_at_ms, token.approved), (alice, 1_000, None));
    assert_eq!((token.name.as_str(), token.content), ("jar", crypto::blake3(b"a jar")));
    let moved: Moved = host.events_named("moved")[0].decode();
    assert_eq!(moved, Moved { token: 1, sender: NONE, receiver: alice });

    host.call(alice, || Nft::approve(1, Some(carol))).unwrap();
    let approved: Approved = host.events_named("approved")[0].decode();
    assert_eq!(approved, Approved { token: 1, owner: alice, account: Some(carol) });
    host.call(carol, || Nft::transfer(1, bob)).unwrap();
    assert_eq!((Nft::owner_of(1), Nft::balance_of(alice)), (Ok(bob), 0));
    // The approval was for one move: carol cannot take it from bob.
    assert_eq!(host.call(carol, || Nft::transfer(1, carol)), Err(Error::NotAllowed));
}

#[test]
fn operators_move_all_of_an_owner_and_nobody_elses() {
    let host = made();
    let (alice, bob, shop) = (host.account("alice"), host.account("bob"), host.account("shop"));
    let (first, second) = (mint(&host, alice), mint(&host, bob));
    assert_eq!(host.call(shop, || Nft::transfer(first, shop)), Err(Error::NotAllowed));
    host.set_caller(alice);
    Nft::set_operator(shop, true);
    assert!(Nft::is_operator(alice, shop) && !Nft::is_operator(bob, shop));
    assert_eq!(host.call(shop, || Nft::burn(first)), Err(Error::NotAllowed), "the owner's alone");
    host.call(shop, || Nft::transfer(first, shop)).unwrap();
    assert_eq!(host.call(shop, || Nft::transfer(second, shop)), Err(Error::NotAllowed));
    host.set_caller(alice);
    Nft::set_operator(shop, false);
    assert!(!Nft::is_operator(alice, shop));
}

#[test]
fn lists_agree_with_owners_page_by_page() {
    let host = made();
    let owners = ["alice", "bob", "carol"].map(|name| host.account(name));
    for number in 1..=90 {
        assert_eq!(mint(&host, owners[number as usize % 3]), number);
    }
    // Every fifth one is given to bob, every ninth burnt.
    for number in 1..=90_u64 {
        let owner = Nft::owner_of(number).unwrap();
        if number % 9 == 0 {
            host.call(owner, || Nft::burn(number)).unwrap();
        } else if number % 5 == 0 {
            host.call(owner, || Nft::transfer(number, owners[1])).unwrap();
        }
    }
    assert_eq!(Nft::info().tokens, 80);
    for owner in owners {
        let expected: Vec<u64> =
            (1..=90).filter(|number| Nft::owner_of(*number) == Ok(owner)).collect();
        let (mut listed, mut next) = (Vec::new(), Some(0));
        while let Some(start) = next {
            let page = host.query(|| Nft::tokens_of(owner, start, 7));
            assert!(page.tokens.len() <= 7);
            listed.extend(page.tokens);
            next = page.next;
        }
        assert_eq!(listed, expected);
        assert_eq!(Nft::balance_of(owner), expected.len() as u64);
    }
    let page = Nft::tokens(80, u32::MAX);
    assert_eq!((page.tokens, page.next), ((80..=89).filter(|it| it % 9 != 0).collect(), None));
}

#[test]
fn only_the_minter_mints_and_hands_it_over_in_two_steps() {
    let host = made();
    let (minter, alice) = (host.account("deployer"), host.account("alice"));
    let mint_by = |who: Account, name: &str, to: Account| {
        host.call(who, || Nft::mint(to, name.to_string(), "".to_string(), NONE))
    };
    assert_eq!(mint_by(alice, "jar", alice), Err(Error::NotTheMinter));
    assert_eq!(mint_by(minter, "", alice), Err(Error::BadText));
    assert_eq!(mint_by(minter, &"x".repeat(65), alice), Err(Error::BadText));
    assert_eq!(mint_by(minter, "jar", NONE), Err(Error::Nobody));
    assert_eq!(host.call(alice, Nft::accept_minting), Err(Error::NotAllowed));
    host.call(minter, || Nft::offer_minting(alice)).unwrap();
    assert_eq!(mint_by(minter, "jar", alice), Ok(1), "an offer changes nothing yet");
    host.call(alice, Nft::accept_minting).unwrap();
    assert_eq!(mint_by(minter, "jar", alice), Err(Error::NotTheMinter));
    assert_eq!(mint_by(alice, "jar", alice), Ok(2));
}

#[test]
fn to_oneself_nothing_moves_and_a_burnt_number_is_never_used_again() {
    let host = made();
    let alice = host.account("alice");
    let number = mint(&host, alice);
    host.call(alice, || Nft::transfer(number, alice)).unwrap();
    assert_eq!((Nft::owner_of(number), Nft::balance_of(alice)), (Ok(alice), 1));
    host.call(alice, || Nft::burn(number)).unwrap();
    assert_eq!(Nft::owner_of(number), Err(Error::NoSuchToken));
    assert_eq!(host.call(alice, || Nft::burn(number)), Err(Error::NoSuchToken));
    assert_eq!(mint(&host, alice), 2);
    assert_eq!(Nft::tokens(0, 9).tokens, [2]);
}
