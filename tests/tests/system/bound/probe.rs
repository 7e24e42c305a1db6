//! Made by `pollen bind rust` of pollen:probe@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0xd5, 0x78, 0x89, 0x28, 0x86, 0xa5, 0xa3, 0x5a, 0xbd, 0x3b, 0x58, 0xa8, 0x0b, 0x91, 0x1c, 0x5a,
    0x06, 0x34, 0xeb, 0x8d, 0xd3, 0xd9, 0x00, 0xc1, 0xb8, 0x75, 0x40, 0xce, 0x78, 0x7f, 0x80, 0x69,
]);

/// Bytes without a meaning.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Noise {
    /// The bytes.
    pub data: Vec<u8>,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeEvent {
    /// Bytes without a meaning.
    Noise(Noise),
}

impl ProbeEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "noise" => bound::event(event).map(Self::Noise).map(Some),
            _ => Ok(None),
        }
    }
}

/// What a bad module does: for tests of the machine that runs modules, never an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The module's id.
    pub module: AccountId,
}

impl Probe {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Never returns.
    pub fn spin(&self) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "spin", bound::Arguments::new())
    }

    /// A hard trap when `by` is zero: the machine's division, not Rust's checked one.
    pub fn divide(&self, value: u32, by: u32) -> bound::Call<u32> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "divide",
            bound::Arguments::new().and(&value).and(&by),
        )
    }

    /// Runs the instruction `unreachable`.
    pub fn trap(&self) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "trap", bound::Arguments::new())
    }

    /// Reads beyond its memory.
    pub fn read_out_of_bounds(&self) -> bound::Call<u32> {
        bound::Call::new(self.module, INTERFACE, "read-out-of-bounds", bound::Arguments::new())
    }

    /// Calls through a table with the wrong signature.
    pub fn call_wrong_signature(&self) -> bound::Call<u64> {
        bound::Call::new(self.module, INTERFACE, "call-wrong-signature", bound::Arguments::new())
    }

    /// Nests calls this deep.
    pub fn recurse(&self, depth: u32) -> bound::Call<u32> {
        bound::Call::new(self.module, INTERFACE, "recurse", bound::Arguments::new().and(&depth))
    }

    /// Allocates and fills this many bytes; returns how many bytes its memory has then.
    pub fn fill_memory(&self, size: u32) -> bound::Call<u64> {
        bound::Call::new(self.module, INTERFACE, "fill-memory", bound::Arguments::new().and(&size))
    }

    /// Returns a value that no result may hold.
    pub fn not_a_number(&self) -> bound::Call<f64> {
        bound::Call::new(self.module, INTERFACE, "not-a-number", bound::Arguments::new())
    }

    /// The bits of a quotient, NaN included: they must not depend on the machine.
    pub fn quotient_bits(&self, value: f64, by: f64) -> bound::Call<u64> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "quotient-bits",
            bound::Arguments::new().and(&value).and(&by),
        )
    }

    /// Ends the call with this message.
    pub fn abort(&self, message: &str) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "abort", bound::Arguments::new().and(message))
    }

    /// Panics with this message.
    pub fn panic(&self, message: &str) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "panic", bound::Arguments::new().and(message))
    }

    /// Writes, then returns this error.
    pub fn fail(&self, reason: &str) -> bound::Call<(), String> {
        bound::Call::new(self.module, INTERFACE, "fail", bound::Arguments::new().and(reason))
    }

    /// Puts a value into its storage.
    pub fn put(&self, key: &[u8], value: &[u8]) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "put", bound::Arguments::new().and(key).and(value))
    }

    /// Puts a value of this many bytes under a key of this many bytes.
    pub fn put_sized(&self, key_size: u32, value_size: u32) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "put-sized",
            bound::Arguments::new().and(&key_size).and(&value_size),
        )
    }

    /// Puts a value of this many bytes under each of this many keys: eight bytes, counted from the first.
    pub fn put_many(&self, first: u64, count: u32, value_size: u32) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "put-many",
            bound::Arguments::new().and(&first).and(&count).and(&value_size),
        )
    }

    /// Emits this many events, named `noise`, of this many bytes each.
    pub fn emit_many(&self, count: u32, size: u32) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "emit-many",
            bound::Arguments::new().and(&count).and(&size),
        )
    }

    /// Emits under a name that is not among its events.
    pub fn emit_unknown(&self) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "emit-unknown", bound::Arguments::new())
    }

    /// Writes `before`, calls another module, writes `after`. Says how the call ended, and goes on.
    pub fn call_other(
        &self,
        target: AccountId,
        function: &str,
        arguments: &[u8],
        fuel: Option<u64>,
    ) -> bound::Call<Vec<u8>, String> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "call-other",
            bound::Arguments::new().and(&target).and(function).and(arguments).and(&fuel),
        )
    }

    /// Calls itself.
    pub fn re_enter(&self) -> bound::Call<Vec<u8>, String> {
        bound::Call::new(self.module, INTERFACE, "re-enter", bound::Arguments::new())
    }

    /// Makes a module; zero where it was not made, and the reason is under `ended`.
    pub fn create(
        &self,
        code: Hash,
        salt: &[u8],
        arguments: &[u8],
        attach: u64,
    ) -> bound::Call<AccountId, String> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "create",
            bound::Arguments::new().and(&code).and(salt).and(arguments).and(&attach),
        )
    }

    /// Asks for other code for itself.
    pub fn upgrade_itself(&self, code: Hash, arguments: &[u8]) -> bound::Call<(), String> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "upgrade-itself",
            bound::Arguments::new().and(&code).and(arguments),
        )
    }

    /// Lets nobody change it any more.
    pub fn freeze(&self) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "freeze", bound::Arguments::new())
    }

    /// Random bytes, twice.
    pub fn random(&self, n: u32) -> bound::Call<(Vec<u8>, Vec<u8>)> {
        bound::Call::new(self.module, INTERFACE, "random", bound::Arguments::new().and(&n))
    }

    /// Takes a value out of its storage.
    pub fn take(&self, key: &[u8]) -> bound::Call<bool> {
        bound::Call::new(self.module, INTERFACE, "take", bound::Arguments::new().and(key))
    }

    /// The value under a key.
    pub fn get(&self, key: &[u8]) -> bound::Query<Option<Vec<u8>>> {
        bound::Query::new(self.module, "get", bound::Arguments::new().and(key))
    }

    /// Puts a value into storage.
    pub fn put_in_query(&self) -> bound::Query<()> {
        bound::Query::new(self.module, "put-in-query", bound::Arguments::new())
    }

    /// Emits an event.
    pub fn emit_in_query(&self) -> bound::Query<()> {
        bound::Query::new(self.module, "emit-in-query", bound::Arguments::new())
    }

    /// Transfers tokens.
    pub fn transfer_in_query(&self, to: AccountId) -> bound::Query<()> {
        bound::Query::new(self.module, "transfer-in-query", bound::Arguments::new().and(&to))
    }

    /// Never returns.
    pub fn spin_in_query(&self) -> bound::Query<()> {
        bound::Query::new(self.module, "spin-in-query", bound::Arguments::new())
    }

    /// Freezes itself.
    pub fn freeze_in_query(&self) -> bound::Query<()> {
        bound::Query::new(self.module, "freeze-in-query", bound::Arguments::new())
    }

    /// Where it is in the total order.
    pub fn position(&self) -> bound::Query<u64> {
        bound::Query::new(self.module, "position", bound::Arguments::new())
    }

    /// Bytes of its storage.
    pub fn used(&self) -> bound::Query<u64> {
        bound::Query::new(self.module, "used", bound::Arguments::new())
    }

    /// The hash of some bytes.
    pub fn keccak(&self, data: &[u8]) -> bound::Query<Hash> {
        bound::Query::new(self.module, "keccak", bound::Arguments::new().and(data))
    }

    /// The module's events after a cursor, or from now on; [`ProbeEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
