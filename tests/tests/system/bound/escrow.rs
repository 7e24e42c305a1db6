//! Made by `pollen bind rust` of pollen:escrow@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x54, 0x55, 0xbc, 0xe0, 0xd0, 0xf1, 0x61, 0x67, 0xde, 0xf0, 0x49, 0x24, 0x8a, 0x57, 0xdc, 0xe9,
    0x16, 0xe7, 0xfd, 0x3c, 0xb4, 0x41, 0xb6, 0x29, 0x74, 0x2e, 0xbe, 0xae, 0xf3, 0x4e, 0xe2, 0x0f,
]);

/// Why nothing was done.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// No deal has this number, or it is settled.
    NoSuchDeal,
    /// This caller may not do this, or not yet.
    NotAllowed,
    /// A deal needs money: send some along.
    NoMoney,
    /// The deadline is over already, or more than 10 years away.
    BadDeadline,
    /// A note is at most 256 bytes.
    BadNote,
    /// Nobody has the account that the money would go to: it must have received something once.
    NoSuchAccount,
}

/// A deal that is not settled.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct DealInfo {
    /// Its number, from 1.
    pub number: u64,
    /// Who paid.
    pub buyer: AccountId,
    /// Who is to be paid.
    pub seller: AccountId,
    /// Who may settle it either way.
    pub arbiter: Option<AccountId>,
    /// How much, in grains.
    pub grains: u64,
    /// When the buyer may take it back: ledger time, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// What it is about.
    pub note: String,
}

/// Some deals in order, and where to go on.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Page {
    /// Ascending by number.
    pub deals: Vec<DealInfo>,
    /// The first number that is not among them; none at the end.
    pub next: Option<u64>,
}

/// A deal began.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Opened {
    /// Its number.
    pub deal: u64,
    /// Who paid.
    pub buyer: AccountId,
    /// Who is to be paid.
    pub seller: AccountId,
    /// How much, in grains.
    pub grains: u64,
    /// When the buyer may take it back: ledger time, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// The seller was paid.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Released {
    /// The deal's number.
    pub deal: u64,
    /// Who got the money.
    pub seller: AccountId,
    /// How much, in grains.
    pub grains: u64,
    /// Who decided it.
    pub by: AccountId,
}

/// The buyer was paid back.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Refunded {
    /// The deal's number.
    pub deal: u64,
    /// Who got the money.
    pub buyer: AccountId,
    /// How much, in grains.
    pub grains: u64,
    /// Who decided it.
    pub by: AccountId,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum EscrowEvent {
    /// A deal began.
    Opened(Opened),
    /// The seller was paid.
    Released(Released),
    /// The buyer was paid back.
    Refunded(Refunded),
}

impl EscrowEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "opened" => bound::event(event).map(Self::Opened).map(Some),
            "released" => bound::event(event).map(Self::Released).map(Some),
            "refunded" => bound::event(event).map(Self::Refunded).map(Some),
            _ => Ok(None),
        }
    }
}

/// Money held between two parties until the buyer lets go, the seller gives it back, or time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escrow {
    /// The module's id.
    pub module: AccountId,
}

impl Escrow {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Opens a deal over the money that is sent along and returns its number. The caller is the buyer. An
    /// `arbiter`, if there is one, may settle it either way. After `deadline-ms` of ledger time the buyer can
    /// take the money back.
    pub fn open(
        &self,
        seller: AccountId,
        arbiter: Option<AccountId>,
        deadline_ms: u64,
        note: &str,
    ) -> bound::Call<u64, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "open",
            bound::Arguments::new().and(&seller).and(&arbiter).and(&deadline_ms).and(note),
        )
    }

    /// Pays the seller. The buyer and the arbiter may, at any time.
    pub fn release(&self, deal: u64) -> bound::Call<u64, Error> {
        bound::Call::new(self.module, INTERFACE, "release", bound::Arguments::new().and(&deal))
    }

    /// Pays the buyer back. The seller and the arbiter may at any time, the buyer after the deadline.
    pub fn refund(&self, deal: u64) -> bound::Call<u64, Error> {
        bound::Call::new(self.module, INTERFACE, "refund", bound::Arguments::new().and(&deal))
    }

    /// A deal that is not settled.
    pub fn deal(&self, number: u64) -> bound::Query<DealInfo, Error> {
        bound::Query::new(self.module, "deal", bound::Arguments::new().and(&number))
    }

    /// Deals that are not settled from number `start` on, at most `max` and at most 64.
    pub fn deals(&self, start: u64, max: u32) -> bound::Query<Page> {
        bound::Query::new(self.module, "deals", bound::Arguments::new().and(&start).and(&max))
    }

    /// All the money that is held, in grains.
    pub fn held(&self) -> bound::Query<u64> {
        bound::Query::new(self.module, "held", bound::Arguments::new())
    }

    /// The module's events after a cursor, or from now on; [`EscrowEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
