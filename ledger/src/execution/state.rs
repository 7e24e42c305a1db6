//! The state as a running transaction sees it: the ledger below, its own writes above, with savepoints.
//!
//! State is a map from (owner, key) to bytes. Owners below [`Namespace`] are the ledger's own records;
//! every other owner is a module's address, and only that module's code writes there.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;
use crate::crypto::{Hash, PublicKey};
use crate::genesis::Parameters;
use crate::limits;
use crate::receipt::{Code, Event};
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
    /// [`CodeRecord`] by the code's hash.
    Code = 6,
    /// [`ModuleVersion`] by module address and version, u32 big-endian.
    Versions = 7,
    /// [`Proposal`] by module address and the change's digest.
    Changes = 8,
    /// [`crate::keys::AccountKeys`] by account id, of accounts whose keys are not those that they began with.
    Keys = 9,
    /// [`KeyUse`] by account id and public key, of scoped keys with limits.
    KeyUses = 10,
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

    /// Whether it is a record of the ledger's own in this namespace.
    pub fn is_of(&self, namespace: Namespace) -> bool {
        self.owner == Self::ledger(namespace, &[]).owner
    }

    /// A module's entry.
    pub fn module(module: AccountId, key: &[u8]) -> Self {
        Self { owner: module, key: key.to_vec() }
    }

    /// The account's record.
    pub fn account(id: &AccountId) -> Self {
        Self::ledger(Namespace::Accounts, &id.0)
    }

    /// The account's keys.
    pub fn keys(id: &AccountId) -> Self {
        Self::ledger(Namespace::Keys, &id.0)
    }

    /// What a scoped key of an account has used.
    pub fn key_use(id: &AccountId, key: &PublicKey) -> Self {
        Self::ledger(Namespace::KeyUses, &[id.0, key.0].concat())
    }

    /// The module's record.
    pub fn module_record(module: &AccountId) -> Self {
        Self::ledger(Namespace::Modules, &module.0)
    }

    /// The record of published code.
    pub fn code(hash: &Hash) -> Self {
        Self::ledger(Namespace::Code, &hash.0)
    }

    /// One version of a module.
    pub fn version(module: &AccountId, version: u32) -> Self {
        Self::ledger(Namespace::Versions, &[&module.0[..], &version.to_be_bytes()].concat())
    }

    /// A change of a module that somebody agreed to.
    pub fn change(module: &AccountId, change: &Hash) -> Self {
        Self::ledger(Namespace::Changes, &[module.0, change.0].concat())
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
    /// Grains locked while it exists; of a module those of its storage, too, of others those of its keys.
    pub deposit: u64,
    /// Whether its keys are stored ([`StateKey::keys`]); else it has the one that its id is the hash of.
    pub has_keys: bool,
}

/// What a scoped key with limits has used of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyUse {
    /// Grains spent, ever.
    pub spent: u64,
    /// Number of the window that the rest is about: ledger time divided by its length.
    pub window: u64,
    /// Grains spent in that window.
    pub window_spent: u64,
    /// Transactions signed in that window.
    pub window_transactions: u32,
}

/// Code that modules may be made of.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CodeRecord {
    /// Ledger time from which on modules may run it, in milliseconds.
    pub active_ms: u64,
    /// Its length in bytes.
    pub bytes: u32,
    /// Whether it has an `init`.
    pub has_init: bool,
    /// Whether it has a `migrate`.
    pub has_migrate: bool,
    /// blake3 of its interface's description.
    pub interface: Hash,
}

/// When a module came to its code.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ModuleVersion {
    /// Plain blake3 of the component.
    pub code: Hash,
    /// Ledger time, in milliseconds.
    pub since_ms: u64,
    /// The transaction that did it.
    pub transaction: Hash,
}

/// Who agreed to a change that was not made yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Who, in the order in which they agreed.
    pub approvals: Vec<AccountId>,
    /// Ledger time from which on it can be made, in milliseconds; none while weight is missing.
    pub ready_ms: Option<u64>,
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
    /// Who may change it.
    pub upgrade: UpgradePolicy,
    /// Ledger time of the deployment, in milliseconds.
    pub deployed_ms: u64,
    /// How often it came to other code, its deployment included: 1 at first.
    pub version: u32,
    /// How often it was changed in any way: what others agree to is a change of one revision.
    pub revision: u32,
    /// While true, commands are refused.
    pub is_paused: bool,
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
    /// Whether a scoped key signed it, not the owners.
    pub by_scoped_key: bool,
    /// Ledger time, in milliseconds.
    pub time_ms: u64,
    /// Round of the commit.
    pub round: u32,
    /// Digest of the commit: what random bytes are made of.
    pub commit: Hash,
    /// Place in the total order, see [`position`].
    pub position: u64,
}

/// The place of a commit's copy in the total order: ascending, with gaps. A commit of more than 2^24 copies
/// cannot be: each costs bytes of one of its blocks.
pub const fn position(commit_index: u64, place: u32) -> u64 {
    (commit_index << 24) | place as u64
}

/// What a chain asks for besides fuel; all of it 0 where nobody pays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// Grains of a balance that only fees may touch.
    pub fee_reserve: u64,
    /// Grains locked in a new account.
    pub account_deposit: u64,
    /// Grains locked for a byte of a module's storage.
    pub storage_byte_deposit: u64,
}

impl From<&Parameters> for Terms {
    fn from(parameters: &Parameters) -> Self {
        Self {
            fee_reserve: parameters.fee_reserve,
            account_deposit: parameters.account_deposit,
            storage_byte_deposit: parameters.storage_byte_deposit,
        }
    }
}

/// A point to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint {
    journal: usize,
    events: usize,
    upgrades: usize,
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

/// Why a module did not make another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Not published, or not active yet.
    #[error("no such code is active")]
    NoSuchCode,
    /// The salt was used before.
    #[error("the address is taken")]
    AddressTaken,
    /// The account's deposit is more than what was given.
    #[error("what is attached does not pay the account's deposit")]
    Insufficient,
}

/// A value that is kept for the rest of the transaction, so that it is read once. Larger ones are read again: what
/// a transaction may touch, times this, is what it can make a node hold.
const KEPT_BYTES_MAX: usize = 1_024;

/// What a transaction knows of a key.
#[derive(Default)]
struct Entry {
    /// Whether a module asked for it.
    is_touched: bool,
    /// What lies under the transaction, once it was read.
    before: OnceCell<Option<Value>>,
    /// What the transaction has written; none when nothing.
    written: Option<Option<Value>>,
}

impl Entry {
    fn get(&self, base: &dyn StateRead, key: &StateKey) -> Result<Option<Value>, StoreError> {
        if let Some(value) = self.written.as_ref().or(self.before.get()) {
            return Ok(value.clone());
        }
        let value = base.get(key)?;
        if value.as_ref().is_none_or(|value| value.len() <= KEPT_BYTES_MAX) {
            let _ = self.before.set(value.clone());
        }
        Ok(value)
    }
}

/// A write that can be undone.
struct Undo {
    key: StateKey,
    /// What this transaction had written there; none when nothing.
    before: Option<Option<Value>>,
    /// Change of the bytes that the key's owner has a deposit for.
    stored: i64,
}

/// An upgrade that a module asked for: made when the action has ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnUpgrade {
    /// Which module.
    pub module: AccountId,
    /// To which code.
    pub code: Hash,
    /// Arguments of `migrate`.
    pub arguments: Vec<u8>,
}

/// A call of a module in a simulation, for people: what it took, calls inside it included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTrace {
    /// How many calls are open around it.
    pub depth: usize,
    /// Whom.
    pub module: AccountId,
    /// Its function.
    pub function: String,
    /// Fuel that it used.
    pub fuel_used: u64,
    /// Why it failed, if it did.
    pub failed: Option<Code>,
}

/// Calls of one simulation that are traced; more are left out.
const TRACED_CALLS_MAX: usize = 1_024;

/// See the module's documentation.
pub struct TransactionState<'a> {
    base: &'a dyn StateRead,
    context: CallContext,
    terms: Terms,
    entries: BTreeMap<StateKey, Entry>,
    code: BTreeMap<Hash, Value>,
    journal: Vec<Undo>,
    /// Per module how many bytes more (or less) its storage takes than before.
    stored: BTreeMap<AccountId, i64>,
    upgrades: Vec<OwnUpgrade>,
    /// How often random bytes were asked for: never undone, so that no answer comes twice.
    pub(super) random_calls: u64,
    written_bytes: usize,
    events: Vec<Event>,
    events_bytes: usize,
    /// Of a simulation, its calls in the order in which they began.
    trace: Option<Vec<CallTrace>>,
}

/// What a transaction leaves behind.
#[derive(Debug, Default)]
pub struct Changes {
    /// Per key the new value, or none where it was removed; in the order of keys.
    pub writes: Vec<(StateKey, Option<Value>)>,
    /// Components deployed for the first time.
    pub code: BTreeMap<Hash, Value>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Of a simulation, its calls in the order in which they began.
    pub trace: Vec<CallTrace>,
}

impl<'a> TransactionState<'a> {
    /// A clean overlay on `base`.
    pub fn new(base: &'a dyn StateRead, context: CallContext, terms: Terms) -> Self {
        Self {
            base,
            context,
            terms,
            entries: BTreeMap::new(),
            code: BTreeMap::new(),
            journal: Vec::new(),
            stored: BTreeMap::new(),
            upgrades: Vec::new(),
            random_calls: 0,
            written_bytes: 0,
            events: Vec::new(),
            events_bytes: 0,
            trace: None,
        }
    }

    /// The same for a simulation: calls are traced, and have no more right to this machine than queries have.
    pub(super) fn simulated(self) -> Self {
        Self { trace: Some(Vec::new()), ..self }
    }

    /// Whether this is a simulation: nothing of it will stay.
    pub fn is_simulated(&self) -> bool {
        self.trace.is_some()
    }

    /// A call begins, in a simulation. Give the answer to [`Self::trace_end`].
    pub fn trace_begin(
        &mut self,
        depth: usize,
        module: AccountId,
        function: &str,
    ) -> Option<usize> {
        let trace = self.trace.as_mut().filter(|trace| trace.len() < TRACED_CALLS_MAX)?;
        let function = function.to_owned();
        trace.push(CallTrace { depth, module, function, fuel_used: 0, failed: None });
        Some(trace.len() - 1)
    }

    /// A call that was begun has ended.
    pub fn trace_end(&mut self, begun: Option<usize>, fuel_used: u64, failed: Option<Code>) {
        if let Some((trace, place)) = self.trace.as_mut().zip(begun) {
            let call = &mut trace[place];
            (call.fuel_used, call.failed) = (fuel_used, failed);
        }
    }

    /// Where it runs.
    pub fn context(&self) -> &CallContext {
        &self.context
    }

    /// What the chain asks for.
    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Asks for an upgrade of a module by itself: made when the action has ended well.
    pub fn request_upgrade(&mut self, upgrade: OwnUpgrade) {
        self.upgrades.push(upgrade);
    }

    /// The next upgrade that was asked for.
    pub(super) fn next_upgrade(&mut self) -> Option<OwnUpgrade> {
        (!self.upgrades.is_empty()).then(|| self.upgrades.remove(0))
    }

    /// The value under a key: own writes first.
    pub fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        match self.entries.get(key) {
            Some(entry) => entry.get(self.base, key),
            None => self.base.get(key),
        }
    }

    /// Marks a key as touched; true the first time in this transaction. By access set, never by cache.
    pub fn touch(&mut self, key: &StateKey) -> bool {
        match self.entries.get_mut(key) {
            Some(entry) => !std::mem::replace(&mut entry.is_touched, true),
            None => {
                self.entries.insert(key.clone(), Entry { is_touched: true, ..Entry::default() });
                true
            }
        }
    }

    /// Puts or removes a value of the ledger's own.
    pub fn put(&mut self, key: StateKey, value: Option<Value>) {
        self.write(key, value, 0);
    }

    fn write(&mut self, key: StateKey, value: Option<Value>, stored: i64) {
        let before = match self.entries.get_mut(&key) {
            Some(entry) => entry.written.replace(value),
            None => {
                let entry = Entry { written: Some(value), ..Entry::default() };
                self.entries.insert(key.clone(), entry);
                None
            }
        };
        if stored != 0 {
            *self.stored.entry(key.owner).or_default() += stored;
        }
        self.journal.push(Undo { key, before, stored });
    }

    /// [`Self::put`] for a module's own entry, within the limits and with its deposit counted.
    pub fn put_module(
        &mut self,
        key: StateKey,
        value: Option<Value>,
    ) -> Result<Result<(), StateLimit>, StoreError> {
        if key.key.len() > limits::STORAGE_KEY_BYTES_MAX {
            return Ok(Err(StateLimit::Key));
        }
        let bytes = value.as_ref().map_or(0, |value| value.len());
        if bytes > limits::STORAGE_VALUE_BYTES_MAX {
            return Ok(Err(StateLimit::Value));
        }
        self.written_bytes += key.key.len() + bytes;
        if self.written_bytes > limits::TRANSACTION_WRITE_BYTES_MAX {
            return Ok(Err(StateLimit::Writes));
        }
        let entry = |value: Option<&Value>| {
            value.map_or(0, |value| {
                (key.key.len() + value.len() + limits::STORAGE_ENTRY_BYTES) as i64
            })
        };
        let stored = entry(value.as_ref()) - entry(self.get(&key)?.as_ref());
        self.write(key, value, stored);
        Ok(Ok(()))
    }

    /// Bytes of a module's entries as their deposit counts them, those of this transaction included.
    pub fn stored_bytes(&self, module: &AccountId) -> Result<u64, StoreError> {
        let price = self.terms.storage_byte_deposit;
        let locked = self.account(module)?.unwrap_or_default().deposit;
        // (An account that was there before its module has no deposit of its own.)
        let before = match price {
            0 => 0,
            _ => locked.saturating_sub(self.terms.account_deposit) / price,
        };
        Ok(before.saturating_add_signed(self.stored.get(module).copied().unwrap_or(0)))
    }

    /// Moves the deposits of what this transaction stored and removed between `payer` and the modules.
    /// Refunds come first, so that they can pay.
    pub fn settle_storage(
        &mut self,
        payer: &AccountId,
    ) -> Result<Result<(), MoveError>, StoreError> {
        let price = self.terms.storage_byte_deposit;
        let mut changes: Vec<_> = std::mem::take(&mut self.stored).into_iter().collect();
        changes.sort_by_key(|(module, bytes)| (*bytes, *module));
        for (module, bytes) in changes {
            let grains = bytes.unsigned_abs().saturating_mul(price);
            if grains == 0 {
                continue;
            }
            let mut account = self.account(payer)?.unwrap_or_default();
            let mut locked = self.account(&module)?.unwrap_or_default();
            if bytes < 0 {
                locked.deposit =
                    locked.deposit.checked_sub(grains).expect("stored bytes have their deposit");
                account.balance =
                    account.balance.checked_add(grains).expect("the supply fits into u64");
            } else {
                let reserve = self.terms.fee_reserve.min(account.balance);
                if account.balance - reserve < grains {
                    return Ok(Err(MoveError::Insufficient));
                }
                account.balance -= grains;
                locked.deposit =
                    locked.deposit.checked_add(grains).expect("the supply fits into u64");
            }
            self.put_record(StateKey::account(payer), &account);
            self.put_record(StateKey::account(&module), &locked);
        }
        Ok(Ok(()))
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
        Savepoint {
            journal: self.journal.len(),
            events: self.events.len(),
            upgrades: self.upgrades.len(),
        }
    }

    /// Undoes every write and event since `savepoint`. What was touched stays touched, and what counts
    /// towards limits stays counted: the work was done.
    pub fn rollback(&mut self, savepoint: Savepoint) {
        while self.journal.len() > savepoint.journal {
            let undo = self.journal.pop().expect("longer than the savepoint's length");
            if undo.stored != 0 {
                *self.stored.entry(undo.key.owner).or_default() -= undo.stored;
            }
            let entry = self.entries.get_mut(&undo.key).expect("it was written");
            entry.written = undo.before;
        }
        self.events.truncate(savepoint.events);
        self.upgrades.truncate(savepoint.upgrades);
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
        self.record(&StateKey::module_record(module))
    }

    /// The record of code, where modules may run it now.
    pub fn active_code(&self, hash: &Hash) -> Result<Option<CodeRecord>, StoreError> {
        let record: Option<CodeRecord> = self.record(&StateKey::code(hash))?;
        Ok(record.filter(|record| record.active_ms <= self.context.time_ms))
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
        let reserve = if self.module(from)?.is_some() {
            0
        } else {
            self.terms.fee_reserve.min(payer.balance)
        };
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
        let trace = self.trace.unwrap_or_default();
        let entries = self.entries.into_iter();
        let writes = entries.filter_map(|(key, entry)| Some((key, entry.written?))).collect();
        Changes { writes, code, events: self.events, trace }
    }
}
