//! Made by `pollen bind rust` of pollen:counter@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x4e, 0x9f, 0x08, 0x37, 0x99, 0x9f, 0x9b, 0x88, 0xa5, 0xdf, 0x40, 0xe4, 0xdb, 0x5f, 0xfb, 0x84,
    0x0b, 0xc5, 0x1e, 0x11, 0xf6, 0x87, 0x07, 0x9d, 0xb0, 0xb1, 0x3a, 0xb8, 0x84, 0x4e, 0xcb, 0x86,
]);

/// Why the number was not raised.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// It would pass 2^64 - 1.
    Overflow,
}

/// The number was raised.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Incremented {
    /// By how much.
    pub by: u64,
    /// To what.
    pub value: u64,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum CounterEvent {
    /// The number was raised.
    Incremented(Incremented),
}

impl CounterEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "incremented" => bound::event(event).map(Self::Incremented).map(Some),
            _ => Ok(None),
        }
    }
}

/// The smallest module: one number that anybody may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The module's id.
    pub module: AccountId,
}

impl Counter {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Arguments of `init`, for a deployment.
    ///
    /// Starts the number at `start`.
    pub fn init_arguments(start: u64) -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().and(&start).encoded()
    }

    /// Raises the number by `by` and returns what it is then.
    pub fn increment(&self, by: u64) -> bound::Call<u64, Error> {
        bound::Call::new(self.module, INTERFACE, "increment", bound::Arguments::new().and(&by))
    }

    /// The number.
    pub fn get(&self) -> bound::Query<u64> {
        bound::Query::new(self.module, "get", bound::Arguments::new())
    }

    /// The module's events after a cursor, or from now on; [`CounterEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
