//! Money between two parties. Invariant: the module holds at least what its open deals say, and each deal
//! is settled once, to the seller or to the buyer.
//!
//! The one idea is money: what is sent along with a call is in the module's balance already, and what the
//! module pays out is a transfer that can fail with a value. A settled deal is removed: its deposit goes
//! back to whoever settles, and events keep the story. Money that is sent along where none is wanted would
//! stay for ever, so the other functions refuse it.
//!
//! What it deliberately does not do: act by itself. Nothing happens at the deadline; from then on the buyer
//! may do it.

#![no_std]

pollen_sdk::module!(Escrow in "pollen:escrow/escrow");

use bindings::exports::pollen::escrow::commands::{self, Error};
use bindings::exports::pollen::escrow::events::{Opened, Refunded, Released};
use bindings::exports::pollen::escrow::queries::{self, DealInfo, Page};
use pollen_sdk::amounts::refuse_money;
use pollen_sdk::{Account, Amount, Event as _, Item, OrderedMap, String, bank, context, ensure};

const NOTE_BYTES_MAX: usize = 256;
const DEADLINE_MS_MAX: u64 = 10 * 366 * 24 * 3_600_000;
/// Deals of one page of a query.
const PAGE_MAX: u32 = 64;

/// Deals that are not settled, by number.
const DEALS: OrderedMap<u64, DealInfo> = OrderedMap::new(b"d");
/// The highest number given so far.
const LAST: Item<u64> = Item::new(b"l");
/// The money of all deals, in grains.
const HELD: Item<Amount> = Item::new(b"h");

pollen_sdk::event!(Opened: deal, buyer, seller);
pollen_sdk::event!(Released: deal, seller);
pollen_sdk::event!(Refunded: deal, buyer);

/// Implements the interface.
pub struct Escrow;

impl commands::Guest for Escrow {
    fn open(
        seller: Account,
        arbiter: Option<Account>,
        deadline_ms: u64,
        note: String,
    ) -> Result<u64, Error> {
        let grains = context::attached();
        ensure!(grains > 0, Error::NoMoney);
        ensure!(note.len() <= NOTE_BYTES_MAX, Error::BadNote);
        let now_ms = context::time_ms();
        let in_time = now_ms < deadline_ms && deadline_ms - now_ms <= DEADLINE_MS_MAX;
        ensure!(in_time, Error::BadDeadline);
        let number = LAST.get().unwrap_or(0) + 1;
        LAST.set(&number);
        HELD.set(&(held() + grains));
        let buyer = context::caller();
        DEALS.set(&number, &DealInfo { number, buyer, seller, arbiter, grains, deadline_ms, note });
        Opened { deal: number, buyer, seller, grains, deadline_ms }.emit();
        Ok(number)
    }

    fn release(number: u64) -> Result<Amount, Error> {
        refuse_money();
        let deal = deal(number)?;
        let by = context::caller();
        ensure!(by == deal.buyer || deal.arbiter == Some(by), Error::NotAllowed);
        settle(&deal, deal.seller)?;
        Released { deal: number, seller: deal.seller, grains: deal.grains, by }.emit();
        Ok(deal.grains)
    }

    fn refund(number: u64) -> Result<Amount, Error> {
        refuse_money();
        let deal = deal(number)?;
        let by = context::caller();
        let is_over = context::time_ms() >= deal.deadline_ms;
        let may = by == deal.seller || deal.arbiter == Some(by) || (by == deal.buyer && is_over);
        ensure!(may, Error::NotAllowed);
        settle(&deal, deal.buyer)?;
        Refunded { deal: number, buyer: deal.buyer, grains: deal.grains, by }.emit();
        Ok(deal.grains)
    }
}

impl queries::Guest for Escrow {
    fn deal(number: u64) -> Result<DealInfo, Error> {
        deal(number)
    }

    fn deals(start: u64, max: u32) -> Page {
        let page = DEALS.page(Some(&start), max.min(PAGE_MAX));
        Page { deals: page.entries.into_iter().map(|(_, deal)| deal).collect(), next: page.next }
    }

    fn held() -> Amount {
        held()
    }
}

fn deal(number: u64) -> Result<DealInfo, Error> {
    DEALS.get(&number).ok_or(Error::NoSuchDeal)
}

fn held() -> Amount {
    HELD.get().unwrap_or(0)
}

/// Strikes the deal off the books, then pays: never the other way round.
fn settle(deal: &DealInfo, to: Account) -> Result<(), Error> {
    DEALS.remove(&deal.number);
    HELD.set(&(held() - deal.grains));
    // The module holds what its books say, so only the receiver can be missing.
    bank::transfer(to, deal.grains).map_err(|_| Error::NoSuchAccount)
}

#[cfg(test)]
mod tests;
