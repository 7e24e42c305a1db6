//! A token with a fault: the one that its name says. Tests of the token conformance suite deploy it, once
//! with each fault, and once named `none`, which must pass; it is no example.
//!
//! A suite that a right token passes proves nothing; what it must do is fail for a wrong one. Each fault is
//! one that a real token had, or one slip away from `token`.

#![no_std]

pollen_sdk::module!(BrokenToken in "pollen:token/token");

use bindings::exports::pollen::token::commands::{self, Error};
use bindings::exports::pollen::token::events::{Approval, Transfer};
use bindings::exports::pollen::token::queries::{self, TokenInfo};
use pollen_sdk::{Account, Item, Map, NONE, String, abort, context, emit, ensure};

const INFO: Item<TokenInfo> = Item::new(b"i");
const SUPPLY: Item<u64> = Item::new(b"s");
const BALANCES: Map<Account, u64> = Map::new(b"b");
const ALLOWANCES: Map<(Account, Account), u64> = Map::new(b"a");

/// Implements the interface.
pub struct BrokenToken;

/// Whether the token has this fault.
fn has(fault: &str) -> bool {
    info().name == fault
}

impl commands::Guest for BrokenToken {
    fn init(name: String, symbol: String, decimals: u8, supply: u64) {
        let owner = context::caller();
        INFO.set(&TokenInfo { name, symbol, decimals, owner });
        SUPPLY.set(&supply);
        let given = if has("keeps-some-back") { supply - 1 } else { supply };
        BALANCES.set(&owner, &given);
        emit_transfer(NONE, owner, supply);
    }

    fn transfer(to: Account, amount: u64) -> Result<(), Error> {
        move_tokens(context::caller(), to, amount)
    }

    fn approve(spender: Account, amount: u64) {
        let owner = context::caller();
        let before = if has("approve-adds") { allowance(owner, spender) } else { 0 };
        ALLOWANCES.set(&(owner, spender), &(before + amount));
        if !has("silent-approval") {
            let topics = [&owner.to_bytes()[..], &spender.to_bytes()];
            emit("approval", &topics, &Approval { owner, spender, amount });
        }
    }

    fn transfer_from(owner: Account, to: Account, amount: u64) -> Result<(), Error> {
        let spender = context::caller();
        let allowed = allowance(owner, spender);
        if has("owner-spends-more") && allowed < amount {
            // Refuses those who were allowed something, and lets all others through.
            ensure!(allowed == 0, Error::InsufficientAllowance(allowed));
        } else if !has("ignores-allowance") {
            ensure!(amount <= allowed, Error::InsufficientAllowance(allowed));
        }
        if !has("keeps-allowance") {
            ALLOWANCES.set(&(owner, spender), &allowed.saturating_sub(amount));
        }
        let payer = if has("spender-pays") { spender } else { owner };
        move_tokens(payer, to, amount)
    }

    fn mint(to: Account, amount: u64) -> Result<(), Error> {
        ensure!(has("anybody-mints") || context::caller() == info().owner, Error::NotTheOwner);
        if has("supply-wraps") {
            SUPPLY.set(&supply().wrapping_add(amount));
            BALANCES.set(&to, &balance(to).wrapping_add(amount));
        } else {
            SUPPLY.set(&supply().checked_add(amount).ok_or(Error::Overflow)?);
            BALANCES.set(&to, &balance(to).checked_add(amount).ok_or(Error::Overflow)?);
        }
        let sender = if has("mints-from-the-owner") { info().owner } else { NONE };
        emit_transfer(sender, to, amount);
        Ok(())
    }

    fn burn(amount: u64) -> Result<(), Error> {
        let caller = context::caller();
        let have = balance(caller);
        let rest = have.checked_sub(amount).ok_or(Error::InsufficientBalance(have))?;
        BALANCES.set(&caller, &rest);
        if !has("burn-keeps-supply") {
            SUPPLY.set(&(supply() - amount));
        }
        emit_transfer(caller, NONE, amount);
        Ok(())
    }
}

impl queries::Guest for BrokenToken {
    fn balance_of(of: Account) -> u64 {
        balance(of)
    }

    fn allowance(owner: Account, spender: Account) -> u64 {
        allowance(owner, spender)
    }

    fn total_supply() -> u64 {
        supply()
    }

    fn info() -> TokenInfo {
        let mut info = info();
        if has("decimals-drift") {
            info.decimals = (supply() - balance(info.owner)) as u8;
        }
        info
    }
}

fn move_tokens(from: Account, to: Account, amount: u64) -> Result<(), Error> {
    let (have, has_to) = (balance(from), balance(to));
    ensure!(!has("refuses-zero") || amount > 0, Error::Overflow);
    ensure!(!has("refuses-all") || amount < have, Error::InsufficientBalance(have));
    ensure!(!has("refuses-oneself") || from != to, Error::NotTheOwner);
    if has("oneself-for-free") && from == to {
        emit_transfer(from, to, amount);
        return Ok(());
    }
    if has("shrugs") && have < amount {
        return Ok(());
    }
    if has("pays-what-there-is") && have < amount {
        return move_tokens(from, to, have);
    }
    let rest = if has("balance-wraps") {
        have.wrapping_sub(amount)
    } else {
        have.checked_sub(amount).ok_or(Error::InsufficientBalance(have))?
    };
    BALANCES.set(&from, &rest);
    // Read again, since the two may be one account: what the fault forgets.
    let has_to = if has("oneself-doubles") { has_to } else { balance(to) };
    let extra = u64::from(has("mints-on-transfer"));
    let fee = if has("takes-a-fee") { amount / 100 } else { 0 };
    BALANCES.set(&to, &has_to.checked_add(amount - fee + extra).ok_or(Error::Overflow)?);
    if has("ends-allowances") {
        ALLOWANCES.remove(&(from, to));
    }
    emit_transfer(from, to, amount);
    Ok(())
}

fn balance(of: Account) -> u64 {
    BALANCES.get(&of).unwrap_or(0)
}

fn allowance(owner: Account, spender: Account) -> u64 {
    ALLOWANCES.get(&(owner, spender)).unwrap_or(0)
}

fn supply() -> u64 {
    SUPPLY.get().unwrap_or(0)
}

fn info() -> TokenInfo {
    INFO.get().unwrap_or_else(|| abort("the token was never initialised"))
}

fn emit_transfer(sender: Account, receiver: Account, amount: u64) {
    if has("silent-transfer") {
        return;
    }
    let told = amount + u64::from(has("tells-more"));
    let mut topics = [&sender.to_bytes()[..], &receiver.to_bytes()];
    if has("topics-swapped") {
        topics.reverse();
    }
    let times = if has("tells-twice") { 2 } else { 1 };
    (0..times)
        .for_each(|_| emit("transfer", &topics, &Transfer { sender, receiver, amount: told }));
}
