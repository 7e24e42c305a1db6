//! Modules and a state for this crate's tests.

use std::collections::BTreeMap;

use pollen_ledger::codec;
use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::{
    AccountRecord, CallContext, ModuleRecord, Namespace, StateKey, StateRead, Terms,
    TransactionState, Value,
};
use pollen_ledger::store::StoreError;
use pollen_ledger::transaction::{AccountId, UpgradePolicy};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) const HOST_WIT: &str = include_str!("../../contracts/wit/host.wit");
pub(crate) const PROBE_WIT: &str = include_str!("engine/probe.wit");
pub(crate) const PROBE_WAT: &str = include_str!("engine/probe.wat");

pub(crate) const PROBE: AccountId = AccountId([1; 32]);
pub(crate) const OTHER: AccountId = AccountId([2; 32]);
pub(crate) const SIGNER: AccountId = AccountId([9; 32]);

/// A component of a core module's text and its world's WIT.
pub(crate) fn component(wat: &str, wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_source("host.wit", HOST_WIT).unwrap();
    let package = resolve.push_source("module.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut core = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap()
}

pub(crate) fn probe() -> Vec<u8> {
    component(PROBE_WAT, PROBE_WIT)
}

/// A state in memory.
#[derive(Default)]
pub(crate) struct Base {
    entries: BTreeMap<StateKey, Value>,
    codes: BTreeMap<Hash, Value>,
}

impl StateRead for Base {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        Ok(self.entries.get(key).cloned())
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        Ok(self.codes.get(hash).cloned())
    }
}

impl Base {
    /// `code` at the addresses [`PROBE`] and [`OTHER`], each with 1 000 grains.
    pub(crate) fn with(code: &[u8]) -> Self {
        let mut base = Self::default();
        base.add(PROBE, code);
        base.add(OTHER, code);
        base
    }

    /// `code` at an address, with 1 000 grains.
    pub(crate) fn add(&mut self, module: AccountId, code: &[u8]) {
        let hash = Hash::of_content(code);
        self.codes.insert(hash, code.into());
        let record = ModuleRecord {
            code: hash,
            creator: SIGNER,
            name: None,
            upgrade: UpgradePolicy::Never,
            deployed_ms: 0,
            version: 1,
            revision: 0,
            is_paused: false,
        };
        let account = AccountRecord { balance: 1_000, ..AccountRecord::default() };
        self.put(StateKey::ledger(Namespace::Modules, &module.0), codec::encode(&record));
        self.put(StateKey::account(&module), codec::encode(&account));
    }

    pub(crate) fn put(&mut self, key: StateKey, value: Vec<u8>) {
        self.entries.insert(key, value.into());
    }

    pub(crate) fn state(&self) -> TransactionState<'_> {
        let context = CallContext {
            chain_id: Hash([7; 32]),
            transaction: Hash([8; 32]),
            signer: SIGNER,
            by_scoped_key: false,
            time_ms: 1_000,
            round: 3,
            commit: Hash([9; 32]),
            position: 77,
        };
        TransactionState::new(self, context, Terms::default())
    }
}
