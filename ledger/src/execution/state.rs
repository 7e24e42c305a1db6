//! The state as a running transaction sees it: the ledger below, its own writes above, with savepoints.
//!
//! State is a map from (owner, key) to bytes. Owners below [`Namespace`] are the ledger's own records;
//! every other owner is a module's address, and only that module's code writes there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;
use crate::crypto::Hash;
use crate::limits;
use crate::receipt::Event;
use crate::store::StoreError;
use crate::transaction::{AccountId, UpgradePolicy};
use crate::tree;

/// Shared bytes of a value.
pub type Value = Arc<[u8]>;

/// The ledger's own records in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// [`AccountRecord`] by account id.
    Accounts = 1,
    /// Nonce windows by account id and public key.
    Windows = 2,
    /// [`ModuleRecord`] by module address.
    Modules = 3,
    /// Module addresses by name.
    Names = 4,
    /// Numbers of the ledger by name.
    System = 5,
}

/// Where a value lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct StateKey {
    /// A namespace (its number in the last byte, zeros before), or a module's address.
    pub owner: AccountId,
    /// The key under that owner.
    pub key: Vec<u8>,
}

impl StateKey {
    /// A record of the ledger's own.
    pub fn ledger(namespace: Namespace, key: &[u8]) -> Self {
        let mut owner = [0; 32];
        owner[31] = namespace as u8;
        Self { owner: AccountId(owner), key: key.to_vec() }
    }

    /// A module's entry.
    pub fn module(module: AccountId, key: &[u8]) -> Self {
        Self { owner: module, key: key.to_vec() }
    }

    /// The account's record.
    pub fn account(id: &AccountId) -> Self {
        Self::ledger(Namespace::Accounts, &id.0)
    }

    /// Where the store and the state tree keep it.
    pub fn hash(&self) -> Hash {
        tree::key_hash(&self.owner.0, &self.key)
    }
}

/// An account's money.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountRecord {
    /// Grains it may spend, the fee reserve included.
    pub balance: u64,
    /// Grains locked while it exists.
    pub deposit: u64,
}

/// A module's code and who may replace it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ModuleRecord {
    /// Plain blake3 of the component.
    pub code: Hash,
    /// Who deployed it.
    pub creator: AccountId,
    /// Its registered name.
    pub name: Option<String>,
    /// Who may replace the code.
    pub upgrade: UpgradePolicy,
    /// Ledger time of the deployment, in milliseconds.
    pub deployed_ms: u64,
}

/// Where reads end that the overlay does not answer: the store at a height, or the overlay of a commit.
/// `Sync`, so that a running transaction may be handed to a thread with room for modules.
pub trait StateRead: Sync {
    /// The value under a key.
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError>;
    /// A deployed component by hash.
    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError>;
}

/// What a call may ask about where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The chain.
    pub chain_id: Hash,
    /// The running transaction; zero in a query.
    pub transaction: Hash,
    /// Who signed it; zero in an anonymous query.
    pub signer: AccountId,
    /// Ledger time, in milliseconds.
    pub time_ms: u64,
    /// Round of the commit.
    pub round: u32,
}

/// A point to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint {
    journal: usize,
    events: usize,
}

/// A limit of a transaction that a call ran into: ends it with `LimitExceeded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateLimit {
    /// A storage key.
    #[error("a storage key has at most {} bytes", limits::STORAGE_KEY_BYTES_MAX)]
    Key,
    /// A storage value.
    #[error("a storage value has at most {} bytes", limits::STORAGE_VALUE_BYTES_MAX)]
    Value,
    /// All writes of a transaction.
    #[error("a transaction writes at most {} bytes", limits::TRANSACTION_WRITE_BYTES_MAX)]
    Writes,
    /// Number, sizes or topics of events.
    #[error(
        "events are bounded: {} of them, {} bytes",
        limits::EVENTS_MAX,
        limits::EVENTS_BYTES_MAX
    )]
    Events,
}

/// Why native tokens did not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// Less than that may be spent.
    #[error("the balance is too low")]
    Insufficient,
    /// The receiver does not exist.
    #[error("no such account")]
    NoSuchAccount,
}

/// See the module's documentation.
pub struct TransactionState<'a> {
    base: &'a dyn StateRead,
    context: CallContext,
    fee_reserve: u64,
    writes: BTreeMap<StateKey, Option<Value>>,
    code: BTreeMap<Hash, Value>,
    journal: Vec<(StateKey, Option<Option<Value>>)>,
    touched: BTreeSet<StateKey>,
    written_bytes: usize,
    events: Vec<Event>,
    events_bytes: usize,
}

/// What a transaction leaves behind.
#[derive(Debug, Default)]
pub struct Changes {
    /// Per key the new value, or none where it was removed.
    pub writes: BTreeMap<StateKey, Option<Value>>,
    /// Components deployed for the first time.
    pub code: BTreeMap<Hash, Value>,
    /// Events, in order.
    pub events: Vec<Event>,
}

impl<'a> TransactionState<'a> {
    /// A clean overlay on `base`. `fee_reserve` is the chain's parameter.
    pub fn new(base: &'a dyn StateRead, context: CallContext, fee_reserve: u64) -> Self {
        Self {
            base,
            context,
            fee_reserve,
            writes: BTreeMap::new(),
            code: BTreeMap::new(),
            journal: Vec::new(),
            touched: BTreeSet::new(),
            written_bytes: 0,
            events: Vec::new(),
            events_bytes: 0,
        }
    }

    /// Where it runs.
    pub fn context(&self) -> &CallContext {
        &self.context
    }

    /// The value under a key: own writes first.
    pub fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    /// Marks a key as touched; true the first time in this transaction. By access set, never by cache.
    pub fn touch(&mut self, key: &StateKey) -> bool {
        !self.touched.contains(key) && self.touched.insert(key.clone())
    }

    /// Puts or removes a value.
    pub fn put(&mut self, key: StateKey, value: Option<Value>) {
        let before = self.writes.insert(key.clone(), value);
        self.journal.push((key, before));
    }

    /// [`Self::put`] for a module's own entry, within the limits.
    pub fn put_module(
        &mut self,
        module: AccountId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), StateLimit> {
        if key.len() > limits::STORAGE_KEY_BYTES_MAX {
            return Err(StateLimit::Key);
        }
        let bytes = value.map_or(0, <[u8]>::len);
        if bytes > limits::STORAGE_VALUE_BYTES_MAX {
            return Err(StateLimit::Value);
        }
        self.written_bytes += key.len() + bytes;
        if self.written_bytes > limits::TRANSACTION_WRITE_BYTES_MAX {
            return Err(StateLimit::Writes);
        }
        self.put(StateKey::module(module, key), value.map(Value::from));
        Ok(())
    }

    /// Adds an event, within the limits.
    pub fn emit(&mut self, event: Event) -> Result<(), StateLimit> {
        let bytes =
            event.name.len() + event.data.len() + event.topics.iter().map(Vec::len).sum::<usize>();
        self.events_bytes += bytes;
        let fits = event.name.len() <= limits::EVENT_NAME_BYTES_MAX
            && event.topics.len() <= limits::EVENT_TOPICS_MAX
            && event.topics.iter().all(|topic| topic.len() <= limits::EVENT_TOPIC_BYTES_MAX)
            && self.events.len() < limits::EVENTS_MAX
            && self.events_bytes <= limits::EVENTS_BYTES_MAX;
        if !fits {
            return Err(StateLimit::Events);
        }
        self.events.push(event);
        Ok(())
    }

    /// A point to go back to with [`Self::rollback`].
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { journal: self.journal.len(), events: self.events.len() }
    }

    /// Undoes every write and event since `savepoint`. What was touched stays touched, and what counts
    /// towards limits stays counted: the work was done.
    pub fn rollback(&mut self, savepoint: Savepoint) {
        while self.journal.len() > savepoint.journal {
            let (key, before) = self.journal.pop().expect("longer than the savepoint's length");
            match before {
                Some(value) => self.writes.insert(key, value),
                None => self.writes.remove(&key),
            };
        }
        self.events.truncate(savepoint.events);
    }

    /// A component by hash: deployed by this transaction, or before.
    pub fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        match self.code.get(hash) {
            Some(code) => Ok(Some(code.clone())),
            None => self.base.code(hash),
        }
    }

    /// Adds a component. Not undone by a rollback: content under its own hash harms nobody, and
    /// [`Self::finish`] keeps it only where the transaction succeeded.
    pub fn put_code(&mut self, hash: Hash, code: Value) {
        self.code.insert(hash, code);
    }

    /// The record of a module.
    pub fn module(&self, module: &AccountId) -> Result<Option<ModuleRecord>, StoreError> {
        self.record(&StateKey::ledger(Namespace::Modules, &module.0))
    }

    /// The module of a name.
    pub fn resolve(&self, name: &str) -> Result<Option<AccountId>, StoreError> {
        self.record(&StateKey::ledger(Namespace::Names, name.as_bytes()))
    }

    /// The record of an account.
    pub fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        self.record(&StateKey::account(id))
    }

    /// Decodes a record of the ledger's own.
    pub fn record<T: BorshDeserialize>(&self, key: &StateKey) -> Result<Option<T>, StoreError> {
        match self.get(key)? {
            None => Ok(None),
            Some(bytes) => T::try_from_slice(&bytes).map(Some).map_err(|error| {
                StoreError::Corrupt { what: format!("state record of {key:?}: {error}") }
            }),
        }
    }

    /// Encodes and puts a record of the ledger's own.
    pub fn put_record<T: BorshSerialize>(&mut self, key: StateKey, record: &T) {
        self.put(key, Some(codec::encode(record).into()));
    }

    /// Moves grains between existing accounts. Of the sender's balance the fee reserve stays: only
    /// fees may touch it. A module's account has no reserve: nobody signs for it.
    pub fn transfer(
        &mut self,
        from: &AccountId,
        to: &AccountId,
        amount: u64,
    ) -> Result<Result<(), MoveError>, StoreError> {
        let Some(mut payer) = self.account(from)? else { return Ok(Err(MoveError::Insufficient)) };
        let reserve =
            if self.module(from)?.is_some() { 0 } else { self.fee_reserve.min(payer.balance) };
        if payer.balance - reserve < amount {
            return Ok(Err(MoveError::Insufficient));
        }
        if self.account(to)?.is_none() {
            return Ok(Err(MoveError::NoSuchAccount));
        }
        payer.balance -= amount;
        self.put_record(StateKey::account(from), &payer);
        let mut payee = self.account(to)?.expect("present above");
        payee.balance = payee.balance.checked_add(amount).expect("the supply fits into u64");
        self.put_record(StateKey::account(to), &payee);
        Ok(Ok(()))
    }

    /// What it leaves behind. After a failure the caller has rolled back first; `code` is kept only
    /// when `succeeded`.
    pub fn finish(self, succeeded: bool) -> Changes {
        let code = if succeeded { self.code } else { BTreeMap::new() };
        Changes { writes: self.writes, code, events: self.events }
    }
}
