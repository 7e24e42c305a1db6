//! The registry's logic, natively, with real tokens beside it in the same test.

use crate::Registry;
use crate::bindings::exports::pollen::registry::commands::{Error, Guest as _, Role};
use crate::bindings::exports::pollen::registry::events::{Enlisted, RoleChanged};
use crate::bindings::exports::pollen::registry::queries::{Guest as _, State};
use pollen_sdk::modules::CallError;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, String, ToString, Vec, encode, vec};

/// A registry of `deployer`, with a curator and a guard.
fn made() -> Host {
    let host = Host::new();
    Registry::init();
    Registry::grant(Role::Curator, host.account("curator")).unwrap();
    Registry::grant(Role::Guard, host.account("guard")).unwrap();
    host
}

/// A token with its own code and storage; all of it is alice's.
fn token(host: &Host, symbol: &str) -> Account {
    token::native::deploy(host, symbol, host.account("alice"))
}

fn enlist(host: &Host, module: Account) -> Result<String, Error> {
    let end = host.call(host.account("curator"), || Registry::enlist(module));
    end.map(|listing| listing.symbol)
}

#[test]
fn a_curator_lists_what_the_token_says_itself() {
    let host = made();
    let honey = token(&host, "HNY");
    assert_eq!(
        host.call(host.account("alice"), || Registry::enlist(honey)),
        Err(Error::NotACurator)
    );
    assert_eq!(enlist(&host, honey).as_deref(), Ok("HNY"));
    let listing = host.query(|| Registry::find("HNY".to_string())).unwrap();
    assert_eq!((listing.name.as_str(), listing.decimals), ("A token", 2));
    assert_eq!((listing.address, listing.listed_by), (honey, host.account("curator")));
    let told: Enlisted = host.events_named("enlisted")[0].decode();
    assert_eq!(told, Enlisted { symbol: listing.symbol, address: honey, by: listing.listed_by });
    assert_eq!(enlist(&host, honey), Err(Error::SymbolTaken));
    host.call(host.account("curator"), || Registry::strike("HNY".to_string())).unwrap();
    assert_eq!(Registry::find("HNY".to_string()), Err(Error::UnknownSymbol));
}

#[test]
fn what_is_no_token_is_not_listed() {
    let host = made();
    let bad = host.account("bad");
    assert_eq!(enlist(&host, bad), Err(Error::NotAToken), "nothing lives there");
    host.answer(bad, "info", |_| Ok(vec![1, 2, 3]));
    assert_eq!(enlist(&host, bad), Err(Error::NotAToken), "an answer without a sense");
    let info = |symbol: &str| encode(&("Bad".to_string(), symbol.to_string(), 0_u8));
    let bytes = info("BAD");
    host.answer(bad, "info", move |_| Ok(bytes.clone()));
    assert_eq!(enlist(&host, bad), Err(Error::NotAToken), "no supply");
    host.serve(bad, "total-supply", |(): ()| Ok::<_, ()>(1_u64));
    let bytes = info("A SYMBOL TOO LONG");
    host.answer(bad, "info", move |_| Ok(bytes.clone()));
    assert_eq!(enlist(&host, bad), Err(Error::BadSymbol));
}

#[test]
fn one_bad_token_does_not_stop_the_others_from_being_asked() {
    let host = made();
    let [honey, gold, wax] = ["HNY", "GLD", "WAX"].map(|symbol| token(&host, symbol));
    for module in [honey, gold, wax] {
        enlist(&host, module).unwrap();
    }
    host.answer(gold, "balance-of", |_| Err(CallError::OutOfFuel));
    host.answer(wax, "balance-of", |_| Ok(b"no number".to_vec()));
    let alice = host.account("alice");
    let holdings = host.query(|| Registry::holdings(alice, None, 99));
    let told: Vec<_> = holdings.iter().map(|it| (it.symbol.as_str(), it.amount)).collect();
    assert_eq!(told, [("GLD", None), ("HNY", Some(1_000)), ("WAX", None)]);
    let page = Registry::listings(None, 2);
    assert_eq!((page.listings.len(), page.next.as_deref()), (2, Some("WAX")));
    assert_eq!(Registry::listings(page.next, 2).listings[0].symbol, "WAX");
}

#[test]
fn a_token_whose_code_was_changed_is_told() {
    let host = made();
    let code = host.publish("token", token::native::serve);
    let honey = token(&host, "HNY");
    enlist(&host, honey).unwrap();
    assert_eq!(Registry::check("HNY".to_string()), Ok(State::Same));
    host.let_it_upgrade_itself();
    host.inside(honey, || pollen_sdk::control::upgrade(code, &[])).unwrap();
    assert_eq!(Registry::check("HNY".to_string()), Ok(State::Changed));
    assert_eq!(Registry::check("WAX".to_string()), Err(Error::UnknownSymbol));
}

#[test]
fn each_role_does_one_thing_and_the_owner_gives_them() {
    let host = made();
    let (owner, curator, guard) =
        (host.account("deployer"), host.account("curator"), host.account("guard"));
    let honey = token(&host, "HNY");
    assert_eq!(host.call(guard, || Registry::enlist(honey)), Err(Error::NotACurator));
    assert_eq!(host.call(curator, || Registry::pause(true)), Err(Error::NotAGuard));
    assert_eq!(host.call(owner, || Registry::pause(true)), Err(Error::NotAGuard));
    let grant = |who, role, account| host.call(who, || Registry::grant(role, account));
    assert_eq!(grant(curator, Role::Curator, guard), Err(Error::NotTheOwner));
    assert_eq!(grant(owner, Role::Curator, curator), Ok(false), "has it already");

    host.call(guard, || Registry::pause(true)).unwrap();
    assert_eq!(enlist(&host, honey), Err(Error::Paused));
    host.call(guard, || Registry::pause(false)).unwrap();
    assert!(!Registry::is_paused());
    assert_eq!(host.call(owner, || Registry::revoke(Role::Curator, curator)), Ok(true));
    assert_eq!(enlist(&host, honey), Err(Error::NotACurator));
    assert!(!Registry::has_role(Role::Curator, curator));
    let changed: RoleChanged = host.events_named("role-changed").pop().unwrap().decode();
    assert_eq!((changed.account, changed.granted), (curator, false));

    host.call(owner, || Registry::offer_ownership(guard)).unwrap();
    assert_eq!(host.call(curator, Registry::accept_ownership), Err(Error::NotTheOwner));
    host.call(guard, Registry::accept_ownership).unwrap();
    assert_eq!(
        (Registry::owner(), grant(owner, Role::Guard, owner)),
        (Some(guard), Err(Error::NotTheOwner))
    );
}
