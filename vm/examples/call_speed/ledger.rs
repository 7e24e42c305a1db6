//! A state in a hash map, with modules.

use std::collections::HashMap;

use pollen_ledger::codec;
use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::{
    AccountRecord, CallContext, ModuleRecord, Namespace, StateKey, StateRead, Terms,
    TransactionState, Value,
};
use pollen_ledger::module::{Call, CallKind, CallReport, ModuleEngine as _};
use pollen_ledger::store::StoreError;
use pollen_ledger::transaction::{AccountId, UpgradePolicy};
use pollen_vm::Vm;

#[derive(Default)]
pub struct Ledger {
    entries: HashMap<StateKey, Value>,
    codes: HashMap<Hash, Value>,
}

impl StateRead for Ledger {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        Ok(self.entries.get(key).cloned())
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        Ok(self.codes.get(hash).cloned())
    }
}

impl Ledger {
    pub fn add_module(&mut self, module: AccountId, code: &[u8]) {
        let hash = Hash::of_content(code);
        self.codes.insert(hash, code.into());
        let record = ModuleRecord {
            code: hash,
            creator: module,
            name: None,
            upgrade: UpgradePolicy::Never,
            deployed_ms: 0,
            version: 1,
            revision: 0,
            is_paused: false,
        };
        self.put(StateKey::ledger(Namespace::Modules, &module.0), codec::encode(&record));
        self.put(StateKey::account(&module), codec::encode(&AccountRecord::default()));
    }

    fn put(&mut self, key: StateKey, value: Vec<u8>) {
        self.entries.insert(key, value.into());
    }
}

/// One call as a transaction of its own.
pub fn call(
    vm: &Vm,
    ledger: &mut Ledger,
    kind: CallKind,
    module: AccountId,
    function: &str,
    arguments: &[u8],
    caller: AccountId,
) -> CallReport {
    let context = CallContext {
        chain_id: Hash([7; 32]),
        transaction: Hash([8; 32]),
        signer: caller,
        by_scoped_key: false,
        time_ms: 1_000,
        round: 3,
        commit: Hash([9; 32]),
        position: 1,
    };
    let mut state = TransactionState::new(ledger, context, Terms::default());
    let call = Call { module, function, arguments, caller, attached: 0, fuel: super::FUEL, kind };
    let report = vm.call(&mut state, call).expect("this machine runs it");
    let changes = state.finish(true);
    for (key, value) in changes.writes {
        match value {
            Some(value) => ledger.entries.insert(key, value),
            None => ledger.entries.remove(&key),
        };
    }
    report
}
