//! A list of tokens that curators keep. Invariant: a symbol names one token, and what is listed of it is
//! what the token said itself.
//!
//! The two ideas: **roles**, each for one thing, given by an owner who does nothing else; and **calls of
//! other modules**, read-only ones, of modules that nobody here wrote. They are asked with an allowance of
//! fuel of their own, and an answer that makes no sense is a value to go on with: one bad token among many
//! must not stop the others from being asked.
//!
//! What it deliberately does not do: vouch for a token. It says who listed which code, and whether that code
//! still runs.

#![no_std]

pollen_sdk::module!(Registry in "pollen:registry/registry");

use bindings::exports::pollen::registry::commands::{self, Error, Listing, Role};
use bindings::exports::pollen::registry::events::{Enlisted, RoleChanged, Struck};
use bindings::exports::pollen::registry::queries::{self, Holding, Page, State};
use borsh::BorshDeserialize;
use pollen_sdk::access::{Owner, Pause, Roles};
use pollen_sdk::{Account, Event as _, Module, OrderedMap, String, Vec, context, ensure, modules};

const SYMBOL_BYTES_MAX: usize = 16;
/// Tokens of one page of a query.
const PAGE_MAX: u32 = 64;
/// Tokens that one query asks: each may use its share of the query's fuel.
const ASKED_MAX: u32 = 16;
/// What one token may use to answer one question of a query: a read or two and some arithmetic. In a command
/// the signer pays for what a token does with it.
const QUESTION_FUEL: u64 = 500_000;

const OWNER: Owner = Owner::new(b"o");
const ROLES: Roles<Role> = Roles::new(b"r");
const PAUSE: Pause = Pause::new(b"p");
const LISTINGS: OrderedMap<String, Listing> = OrderedMap::new(b"l");

pollen_sdk::event!(Enlisted: symbol, address);
pollen_sdk::event!(Struck: symbol);
pollen_sdk::event!(RoleChanged: account);

/// What a token says of itself (`pollen:token-standard`): these fields first, whatever comes behind.
struct TokenInfo {
    name: String,
    symbol: String,
    decimals: u8,
}

/// Implements the interface.
pub struct Registry;

impl commands::Guest for Registry {
    fn init() {
        OWNER.init(context::caller());
    }

    fn grant(role: Role, account: Account) -> Result<bool, Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        let new = ROLES.grant(role, account);
        RoleChanged { role, account, granted: true }.emit();
        Ok(new)
    }

    fn revoke(role: Role, account: Account) -> Result<bool, Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        let had = ROLES.revoke(role, account);
        RoleChanged { role, account, granted: false }.emit();
        Ok(had)
    }

    fn offer_ownership(to: Account) -> Result<(), Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        OWNER.offer(to);
        Ok(())
    }

    fn accept_ownership() -> Result<(), Error> {
        ensure!(OWNER.accept(), Error::NotTheOwner);
        Ok(())
    }

    fn enlist(address: Account) -> Result<Listing, Error> {
        let by = curator()?;
        let code = modules::code_of(address).ok_or(Error::NotAToken)?;
        let TokenInfo { name, symbol, decimals } = info_of(address).ok_or(Error::NotAToken)?;
        ensure!((1..=SYMBOL_BYTES_MAX).contains(&symbol.len()), Error::BadSymbol);
        ensure!(!LISTINGS.contains(&symbol), Error::SymbolTaken);
        // One that knows its name and not its supply is no token.
        question(address).view::<u64>("total-supply", &()).map_err(|_| Error::NotAToken)?;
        let listed_at_ms = context::time_ms();
        let listing =
            Listing { symbol, name, decimals, address, code, listed_by: by, listed_at_ms };
        LISTINGS.set(&listing.symbol, &listing);
        Enlisted { symbol: listing.symbol.clone(), address, by }.emit();
        Ok(listing)
    }

    fn strike(symbol: String) -> Result<(), Error> {
        let by = curator()?;
        ensure!(LISTINGS.remove(&symbol), Error::UnknownSymbol);
        Struck { symbol, by }.emit();
        Ok(())
    }

    fn pause(paused: bool) -> Result<(), Error> {
        ensure!(ROLES.caller_has(Role::Guard), Error::NotAGuard);
        PAUSE.set(paused);
        Ok(())
    }
}

impl queries::Guest for Registry {
    fn find(symbol: String) -> Result<Listing, Error> {
        LISTINGS.get(&symbol).ok_or(Error::UnknownSymbol)
    }

    fn listings(start: Option<String>, max: u32) -> Page {
        let page = LISTINGS.page(start.as_ref(), max.min(PAGE_MAX));
        let listings = page.entries.into_iter().map(|(_, listing)| listing).collect();
        Page { listings, next: page.next }
    }

    fn check(symbol: String) -> Result<State, Error> {
        let listing = LISTINGS.get(&symbol).ok_or(Error::UnknownSymbol)?;
        Ok(match modules::code_of(listing.address) {
            Some(code) if code == listing.code => State::Same,
            Some(_) => State::Changed,
            None => State::Gone,
        })
    }

    fn holdings(of: Account, start: Option<String>, max: u32) -> Vec<Holding> {
        let page = LISTINGS.page(start.as_ref(), max.min(ASKED_MAX));
        let ask = |(symbol, listing): (String, Listing)| Holding {
            symbol,
            amount: question(listing.address).view("balance-of", &(of,)).ok(),
        };
        page.entries.into_iter().map(ask).collect()
    }

    fn has_role(role: Role, account: Account) -> bool {
        ROLES.has(role, account)
    }

    fn owner() -> Option<Account> {
        OWNER.get()
    }

    fn is_paused() -> bool {
        PAUSE.is_paused()
    }
}

/// The caller, who may change the list now.
fn curator() -> Result<Account, Error> {
    ensure!(ROLES.caller_has(Role::Curator), Error::NotACurator);
    ensure!(!PAUSE.is_paused(), Error::Paused);
    Ok(context::caller())
}

/// A module that may use so much to answer.
fn question(address: Account) -> Module {
    Module::at(address).fuel(QUESTION_FUEL)
}

fn info_of(address: Account) -> Option<TokenInfo> {
    let bytes = question(address).view_raw("info", &[]).ok()?;
    let mut bytes = bytes.as_slice();
    let (name, symbol, decimals) = BorshDeserialize::deserialize(&mut bytes).ok()?;
    Some(TokenInfo { name, symbol, decimals })
}

#[cfg(test)]
mod tests;
