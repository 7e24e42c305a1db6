//! Made by `pollen bind rust` of pollen:service@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0xe9, 0xb5, 0x12, 0x88, 0x49, 0x8b, 0xaa, 0xf1, 0xf1, 0x1c, 0xa9, 0xed, 0x1b, 0x61, 0xd8, 0x52,
    0xde, 0x00, 0x3c, 0x50, 0x93, 0x99, 0x41, 0x69, 0x32, 0x9e, 0xa7, 0xf3, 0xee, 0xf8, 0xbc, 0x83,
]);

/// Why nothing was written.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// There is no text in it.
    Empty,
    /// A text has at most 1024 bytes.
    TooLong,
}

/// An answer, as HTTP has them.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Response {
    /// 200 found, 400 not understood, 404 not there.
    pub status: u16,
    /// What the body is, such as `application/json`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// Somebody signed the guestbook.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Signed {
    /// Who.
    pub author: AccountId,
    /// The number of the entry.
    pub number: u32,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceEvent {
    /// Somebody signed the guestbook.
    Signed(Signed),
}

impl ServiceEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "signed" => bound::event(event).map(Self::Signed).map(Some),
            _ => Ok(None),
        }
    }
}

/// A service that is read as a web server is: a query takes a path and answers with a status, a type and a body.
/// What it serves is a guestbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The module's id.
    pub module: AccountId,
}

impl Service {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Writes `text` into the guestbook; the number of the entry.
    pub fn sign(&self, text: &str) -> bound::Call<u32, Error> {
        bound::Call::new(self.module, INTERFACE, "sign", bound::Arguments::new().and(text))
    }

    /// Answers a request for `path`:
    /// `/` says what there is, `/entries?from=0&max=20` lists entries in the order they came (at most 100),
    /// `/entries/7` is one of them.
    pub fn get(&self, path: &str) -> bound::Query<Response> {
        bound::Query::new(self.module, "get", bound::Arguments::new().and(path))
    }

    /// The module's events after a cursor, or from now on; [`ServiceEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
