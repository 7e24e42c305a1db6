//! Tokens that are each their own. Invariants: every token has one owner and is listed once under them;
//! what it stands for never changes.
//!
//! The one idea is enumeration: storage has no scans, so what is to be listed needs an index. Two ordered
//! maps list all tokens and the tokens of each owner, page by page; the second has the owner in its key, so
//! one map serves all owners. A transfer touches the token, and in that map one key more and one less.
//!
//! What it deliberately does not do: tell a receiving module that it got something. Calling out in the
//! middle of a transfer is how such contracts were robbed; who must know can ask or read events.

#![no_std]

pollen_sdk::module!(Nft in "pollen:nft/nft");

use bindings::exports::pollen::nft::commands::{self, Error};
use bindings::exports::pollen::nft::events::{Approved, Moved, OperatorSet};
use bindings::exports::pollen::nft::queries::{self, Collection, Page, TokenInfo};
use borsh::{BorshDeserialize, BorshSerialize};
use pollen_sdk::access::Owner;
use pollen_sdk::{
    Account, Event as _, Hash, Item, Map, NONE, OrderedMap, Set, String, abort, context, ensure,
};

/// Tokens of one page of a query.
const PAGE_MAX: u32 = 256;
const NAME_BYTES_MAX: usize = 64;
const DOCUMENT_BYTES_MAX: usize = 256;

/// What is kept of a token under its number.
#[derive(BorshSerialize, BorshDeserialize)]
struct Stored {
    owner: Account,
    approved: Option<Account>,
    name: String,
    document: String,
    content: Hash,
    minted_at_ms: u64,
}

/// Name and symbol.
const NAMES: Item<(String, String)> = Item::new(b"i");
const MINTER: Owner = Owner::new(b"m");
/// The highest number given so far.
const LAST: Item<u64> = Item::new(b"l");
const TOKENS: OrderedMap<u64, Stored> = OrderedMap::new(b"t");
const OWNED: OrderedMap<(Account, u64), ()> = OrderedMap::new(b"o");
const BALANCES: Map<Account, u64> = Map::new(b"b");
const OPERATORS: Set<(Account, Account)> = Set::new(b"p");

pollen_sdk::event!(Moved: token, sender, receiver);
pollen_sdk::event!(Approved: token, owner);
pollen_sdk::event!(OperatorSet: owner, operator);

/// Implements the interface.
pub struct Nft;

impl commands::Guest for Nft {
    fn init(name: String, symbol: String) {
        NAMES.set(&(name, symbol));
        MINTER.init(context::caller());
    }

    fn mint(to: Account, name: String, document: String, content: Hash) -> Result<u64, Error> {
        ensure!(MINTER.is_caller(), Error::NotTheMinter);
        ensure!(to != NONE, Error::Nobody);
        ensure!((1..=NAME_BYTES_MAX).contains(&name.len()), Error::BadText);
        ensure!(document.len() <= DOCUMENT_BYTES_MAX, Error::BadText);
        let number = LAST.get().unwrap_or(0) + 1;
        LAST.set(&number);
        let minted_at_ms = context::time_ms();
        let token = Stored { owner: to, approved: None, name, document, content, minted_at_ms };
        TOKENS.set(&number, &token);
        list(to, number);
        Moved { token: number, sender: NONE, receiver: to }.emit();
        Ok(number)
    }

    fn transfer(number: u64, to: Account) -> Result<(), Error> {
        ensure!(to != NONE, Error::Nobody);
        let mut token = token(number)?;
        let caller = context::caller();
        let may = token.approved == Some(caller) || manages(&token, caller);
        ensure!(may, Error::NotAllowed);
        let sender = token.owner;
        token.owner = to;
        token.approved = None;
        TOKENS.set(&number, &token);
        // To oneself nothing moves but the approval ends.
        if sender != to {
            unlist(sender, number);
            list(to, number);
        }
        Moved { token: number, sender, receiver: to }.emit();
        Ok(())
    }

    fn approve(number: u64, account: Option<Account>) -> Result<(), Error> {
        let mut token = token(number)?;
        ensure!(manages(&token, context::caller()), Error::NotAllowed);
        token.approved = account;
        TOKENS.set(&number, &token);
        Approved { token: number, owner: token.owner, account }.emit();
        Ok(())
    }

    fn set_operator(operator: Account, allowed: bool) {
        let owner = context::caller();
        if allowed {
            OPERATORS.insert(&(owner, operator));
        } else {
            OPERATORS.remove(&(owner, operator));
        }
        OperatorSet { owner, operator, allowed }.emit();
    }

    fn burn(number: u64) -> Result<(), Error> {
        let token = token(number)?;
        ensure!(token.owner == context::caller(), Error::NotAllowed);
        TOKENS.remove(&number);
        unlist(token.owner, number);
        Moved { token: number, sender: token.owner, receiver: NONE }.emit();
        Ok(())
    }

    fn offer_minting(to: Account) -> Result<(), Error> {
        ensure!(MINTER.is_caller(), Error::NotTheMinter);
        MINTER.offer(to);
        Ok(())
    }

    fn accept_minting() -> Result<(), Error> {
        ensure!(MINTER.accept(), Error::NotAllowed);
        Ok(())
    }
}

impl queries::Guest for Nft {
    fn info() -> Collection {
        let Some((name, symbol)) = NAMES.get() else { abort("the collection was never made") };
        Collection { name, symbol, minter: MINTER.get(), tokens: TOKENS.len() }
    }

    fn token(number: u64) -> Result<TokenInfo, Error> {
        let Stored { owner, approved, name, document, content, minted_at_ms } = token(number)?;
        Ok(TokenInfo { number, owner, approved, name, document, content, minted_at_ms })
    }

    fn owner_of(number: u64) -> Result<Account, Error> {
        Ok(token(number)?.owner)
    }

    fn balance_of(of: Account) -> u64 {
        balance(of)
    }

    fn is_operator(owner: Account, operator: Account) -> bool {
        OPERATORS.contains(&(owner, operator))
    }

    fn tokens(start: u64, max: u32) -> Page {
        let (tokens, next) = TOKENS.keys(Some(&start), max.min(PAGE_MAX));
        Page { tokens, next }
    }

    fn tokens_of(owner: Account, start: u64, max: u32) -> Page {
        let have = u32::try_from(balance(owner)).unwrap_or(u32::MAX);
        let (keys, next) = OWNED.keys(Some(&(owner, start)), max.min(PAGE_MAX).min(have));
        // Behind an owner's last token the next owner's begin.
        let own = |key: &(Account, u64)| key.0 == owner;
        let next = next.filter(own).map(|(_, number)| number);
        Page { tokens: keys.into_iter().filter(own).map(|(_, number)| number).collect(), next }
    }
}

fn token(number: u64) -> Result<Stored, Error> {
    TOKENS.get(&number).ok_or(Error::NoSuchToken)
}

/// Whether `caller` may do with a token what its owner may, but burn it.
fn manages(token: &Stored, caller: Account) -> bool {
    token.owner == caller || OPERATORS.contains(&(token.owner, caller))
}

fn balance(of: Account) -> u64 {
    BALANCES.get(&of).unwrap_or(0)
}

fn list(owner: Account, number: u64) {
    OWNED.set(&(owner, number), &());
    BALANCES.set(&owner, &(balance(owner) + 1));
}

fn unlist(owner: Account, number: u64) {
    OWNED.remove(&(owner, number));
    match balance(owner) - 1 {
        0 => drop(BALANCES.remove(&owner)),
        left => BALANCES.set(&owner, &left),
    }
}

#[cfg(test)]
mod tests;
