//! Made by `pollen bind rust` of pollen:router@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x22, 0xfe, 0x56, 0xf6, 0x5d, 0x30, 0xb1, 0x30, 0x09, 0xf2, 0x8f, 0x46, 0xc7, 0xd4, 0x68, 0xa5,
    0x82, 0x03, 0x1c, 0xa5, 0xce, 0x79, 0xb2, 0xd0, 0x79, 0xda, 0xcc, 0x3e, 0x8c, 0xa2, 0xa3, 0xa9,
]);

/// One call.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Hop {
    /// The name of the module, as names stand when the hop is made.
    pub module: String,
    /// The function of its `commands` or `queries`.
    pub function: String,
    /// Its arguments, in the ledger's encoding.
    pub arguments: Vec<u8>,
    /// Grains to send with it, out of what was sent to the router.
    pub attach: u64,
    /// Puts the answer of the hop before behind the arguments, as the last of them.
    pub pass_on: bool,
    /// Goes on when the hop fails: what the hop did is undone, what the others did is not.
    pub may_fail: bool,
}

#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum CallError {
    NoSuchModule,
    NoSuchFunction,
    BadArguments,
    Reentered,
    OutOfFuel,
    TooDeep,
    Trapped,
    Insufficient,
    LimitExceeded,
    Paused,
    NoSuchCode,
    AddressTaken,
    Aborted(String),
    ModuleError(Vec<u8>),
}

/// How a hop failed.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Failure {
    /// Its number, from 0.
    pub hop: u32,
    /// Why.
    pub why: CallError,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// A route has 1 to 16 hops.
    BadLength,
    /// The hops send more than was sent to the router; what was sent.
    TooLittleMoney(u64),
    /// A hop's module has no such name; its number, from 0.
    UnknownName(u32),
    /// A hop failed that may not.
    HopFailed(Failure),
    /// What was left could not be given back.
    NoSuchAccount,
}

/// A route was taken to its end.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Routed {
    /// Who asked for it.
    pub by: AccountId,
    /// How many hops it had.
    pub hops: u32,
    /// How many of them failed, and might.
    pub failed: u32,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum RouterEvent {
    /// A route was taken to its end.
    Routed(Routed),
}

impl RouterEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "routed" => bound::event(event).map(Self::Routed).map(Some),
            _ => Ok(None),
        }
    }
}

/// Several calls of other modules as one: they all happen, or none does.
///
/// The modules that are called see the router as their caller, whoever calls it. So it has no rights of its
/// own, and must not be given any: what one allows the router, everybody may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Router {
    /// The module's id.
    pub module: AccountId,
}

impl Router {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Makes the calls in order and returns what each answered: none for those that failed and may. Money that
    /// no hop took goes back to the caller.
    pub fn run(&self, hops: &[Hop]) -> bound::Call<Vec<Option<Vec<u8>>>, Error> {
        bound::Call::new(self.module, INTERFACE, "run", bound::Arguments::new().and(hops))
    }

    /// Where the names lead now; none where nowhere.
    pub fn resolve(&self, names: &[String]) -> bound::Query<Vec<Option<AccountId>>> {
        bound::Query::new(self.module, "resolve", bound::Arguments::new().and(names))
    }

    /// The module's events after a cursor, or from now on; [`RouterEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
