//! A fungible token. Invariant: the balances sum up to the supply after every call.
//!
//! A transfer touches two keys, the two balances, since the first touch of a key costs more than all else
//! that it does. An account whose balance falls to zero gives its key back.

#![no_std]

pollen_sdk::module!(Token in "pollen:token/token");

use bindings::exports::pollen::token::commands::{self, Error};
use bindings::exports::pollen::token::events::{Approval, Transfer};
use bindings::exports::pollen::token::queries::{self, TokenInfo};
use pollen_sdk::{Account, Event as _, Item, Map, NONE, String, abort, context, ensure};

const INFO: Item<TokenInfo> = Item::new(b"i");
const SUPPLY: Item<u64> = Item::new(b"s");
const BALANCES: Map<Account, u64> = Map::new(b"b");
const ALLOWANCES: Map<(Account, Account), u64> = Map::new(b"a");

pollen_sdk::event!(Transfer: sender, receiver);
pollen_sdk::event!(Approval: owner, spender);

/// Implements the interface.
pub struct Token;

impl commands::Guest for Token {
    fn init(name: String, symbol: String, decimals: u8, supply: u64) {
        let owner = context::caller();
        INFO.set(&TokenInfo { name, symbol, decimals, owner });
        SUPPLY.set(&supply);
        set_balance(owner, supply);
        Transfer { sender: NONE, receiver: owner, amount: supply }.emit();
    }

    fn transfer(to: Account, amount: u64) -> Result<(), Error> {
        move_tokens(context::caller(), to, amount)
    }

    fn approve(spender: Account, amount: u64) {
        let owner = context::caller();
        set_allowance(owner, spender, amount);
        Approval { owner, spender, amount }.emit();
    }

    fn transfer_from(owner: Account, to: Account, amount: u64) -> Result<(), Error> {
        let spender = context::caller();
        let allowed = ALLOWANCES.get(&(owner, spender)).unwrap_or(0);
        let rest = allowed.checked_sub(amount).ok_or(Error::InsufficientAllowance(allowed))?;
        set_allowance(owner, spender, rest);
        move_tokens(owner, to, amount)
    }

    fn mint(to: Account, amount: u64) -> Result<(), Error> {
        ensure!(context::caller() == info().owner, Error::NotTheOwner);
        SUPPLY.set(&supply().checked_add(amount).ok_or(Error::Overflow)?);
        set_balance(to, balance(to).checked_add(amount).ok_or(Error::Overflow)?);
        Transfer { sender: NONE, receiver: to, amount }.emit();
        Ok(())
    }

    fn burn(amount: u64) -> Result<(), Error> {
        let caller = context::caller();
        take(caller, amount)?;
        SUPPLY.set(&(supply() - amount));
        Transfer { sender: caller, receiver: NONE, amount }.emit();
        Ok(())
    }
}

impl queries::Guest for Token {
    fn balance_of(of: Account) -> u64 {
        balance(of)
    }

    fn allowance(owner: Account, spender: Account) -> u64 {
        ALLOWANCES.get(&(owner, spender)).unwrap_or(0)
    }

    fn total_supply() -> u64 {
        supply()
    }

    fn info() -> TokenInfo {
        info()
    }
}

fn move_tokens(from: Account, to: Account, amount: u64) -> Result<(), Error> {
    take(from, amount)?;
    // Read after the payer's balance was written: the two may be one account.
    set_balance(to, balance(to).checked_add(amount).ok_or(Error::Overflow)?);
    Transfer { sender: from, receiver: to, amount }.emit();
    Ok(())
}

fn take(from: Account, amount: u64) -> Result<(), Error> {
    let have = balance(from);
    let rest = have.checked_sub(amount).ok_or(Error::InsufficientBalance(have))?;
    set_balance(from, rest);
    Ok(())
}

fn balance(of: Account) -> u64 {
    BALANCES.get(&of).unwrap_or(0)
}

fn set_balance(of: Account, amount: u64) {
    if amount == 0 {
        BALANCES.remove(&of);
    } else {
        BALANCES.set(&of, &amount);
    }
}

fn set_allowance(owner: Account, spender: Account, amount: u64) {
    if amount == 0 {
        ALLOWANCES.remove(&(owner, spender));
    } else {
        ALLOWANCES.set(&(owner, spender), &amount);
    }
}

fn supply() -> u64 {
    SUPPLY.get().unwrap_or(0)
}

fn info() -> TokenInfo {
    INFO.get().unwrap_or_else(|| abort("the token was never initialised"))
}

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(test)]
mod tests;
