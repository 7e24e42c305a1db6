//! Optional indexes: which transactions an account is in, which keys a module has, which events it told.
//!
//! They are a node's own, never consensus: everything in them can be made from what the store holds anyway.
//! An index is whole or absent. It becomes whole, or goes, in the steps of [`Database::prepare_indexes`], before
//! anything is executed; from then on [`Indexer`] adds what each checkpoint brings, in that checkpoint's own
//! batch, and pruning takes what it takes of the ledger and of the state. `meta.indexes` says how far each
//! is, and for which height: a store that went on without its indexes is found out, and they are made anew.
//!
//! `index_keys` names every key that the state has at any height of its window, and some more: a key that
//! was removed stays, with the height that removed it, until that height is the lowest held. So whoever
//! scans it asks the state of the height about each key.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use super::database::{decode, meta};
use super::{Batch, Database, Family, StateWrite, Store, StoreError, keys};
use crate::execution::{ExecutedTransaction, FinishedCheckpoint};
use crate::receipt::Receipt;
use crate::transaction::{AccountId, Action, Transaction};

mod build;
mod read;

pub use build::IndexProgress;
pub use read::{KeysPage, ListedTransaction, StateItem, TransactionsPage};

/// An optional index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Index {
    /// Transactions by account.
    Accounts,
    /// Keys of the state by owner.
    Keys,
    /// Events by module.
    Events,
}

impl Index {
    /// Every index.
    pub const ALL: [Self; 3] = [Self::Accounts, Self::Keys, Self::Events];

    /// Its name, as in a node's configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Keys => "keys",
            Self::Events => "events",
        }
    }

    /// Where its entries are.
    pub(super) const fn families(self) -> &'static [Family] {
        match self {
            Self::Accounts => &[Family::IndexAccounts],
            Self::Keys => &[Family::IndexKeys, Family::IndexKeysGone],
            Self::Events => &[Family::IndexEvents],
        }
    }

    /// What its entries are made from, one family after the other.
    pub(super) const fn sources(self) -> &'static [Family] {
        match self {
            Self::Accounts => &[Family::Transactions],
            Self::Keys => &[Family::State, Family::Undo],
            Self::Events => &[Family::Receipts],
        }
    }
}

/// How far an index is. One that is absent has none.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IndexState {
    /// Its entries go: what lies before is gone.
    Removing(IndexPlace),
    /// Its entries are made: of what lies before they are there.
    Building(IndexPlace),
    /// It has all its entries.
    Whole,
}

/// How far work on an index has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IndexPlace {
    /// Which of the families that are gone through.
    pub family: u8,
    /// The first key in it that was not looked at.
    pub from: Vec<u8>,
}

/// `meta.indexes`: the indexes of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Indexes {
    /// The tip that they are of. With another one they are not kept up, and not believed.
    pub height: u64,
    /// How far each is.
    pub states: BTreeMap<Index, IndexState>,
}

impl Indexes {
    /// Those that are whole.
    pub fn whole(&self) -> BTreeSet<Index> {
        let whole = self.states.iter().filter(|(_, state)| **state == IndexState::Whole);
        whole.map(|(index, _)| *index).collect()
    }

    /// Whether an index is whole.
    pub fn is_whole(&self, index: Index) -> bool {
        self.states.get(&index) == Some(&IndexState::Whole)
    }

    pub(super) fn put(&self, batch: &mut Batch) {
        batch.put_encoded(Family::Meta, meta::INDEXES, self);
    }
}

/// How far each index of a store is, whoever's it is.
pub fn indexes(store: &dyn Store) -> Result<Indexes, StoreError> {
    match store.get(Family::Meta, meta::INDEXES)? {
        None => Ok(Indexes::default()),
        Some(bytes) => decode(Family::Meta, meta::INDEXES, &bytes),
    }
}

impl Database {
    /// How far each index is.
    pub fn indexes(&self) -> Result<Indexes, StoreError> {
        indexes(&*self.store)
    }

    /// Refuses what needs an index that is not whole.
    pub fn check_index(&self, index: Index) -> Result<(), StoreError> {
        match self.indexes()?.is_whole(index) {
            true => Ok(()),
            false => Err(StoreError::NoIndex { name: index.name() }),
        }
    }
}

/// Adds to a checkpoint's batch what the indexes that are whole have of it.
#[derive(Debug)]
pub struct Indexer {
    indexes: Indexes,
}

impl Indexer {
    /// For a store whose indexes were brought where they should be ([`Database::prepare_indexes`]). Those of
    /// another tip are not taken up again.
    pub fn new(database: &Database) -> Result<Self, StoreError> {
        let (indexes, tip) = (database.indexes()?, database.tip()?);
        let indexes = if indexes.height == tip.height { indexes } else { Indexes::default() };
        Ok(Self { indexes })
    }

    /// Adds a checkpoint's entries to its batch. Checkpoints come in order, each once; several may share a
    /// batch.
    pub fn add(&mut self, finished: &mut FinishedCheckpoint) {
        let FinishedCheckpoint { checkpoint, batch, executed, writes, .. } = finished;
        let on = self.indexes.whole();
        if on.is_empty() {
            return;
        }
        let height = checkpoint.height;
        if on.contains(&Index::Keys) {
            writes.iter().for_each(|write| put_key(batch, height, write));
        }
        for (index, one) in (0u32..).zip(&*executed) {
            let ExecutedTransaction { signed, receipt, .. } = one;
            if on.contains(&Index::Accounts) {
                put_accounts(batch, &keys::place(height, index), &signed.transaction);
            }
            if on.contains(&Index::Events) {
                put_events(batch, height, index, receipt);
            }
        }
        self.indexes.height = height;
        self.indexes.put(batch);
    }
}

/// The accounts and modules that a transaction is listed under: who sent it, who pays its fee, whom it pays,
/// what it calls.
/// Whatever became of it.
pub(super) fn accounts_of(transaction: &Transaction) -> BTreeSet<AccountId> {
    let named = transaction.actions.iter().filter_map(|action| match action {
        Action::Transfer { to, .. } => Some(*to),
        Action::Invoke { module, .. }
        | Action::Change { module, .. }
        | Action::Cancel { module, .. } => Some(*module),
        Action::Deploy { .. }
        | Action::Publish { .. }
        | Action::SetOwners { .. }
        | Action::PutKey(_)
        | Action::RemoveKey { .. } => None,
    });
    named.chain([transaction.sender]).chain(transaction.payer).collect()
}

/// Entries of a transaction at a place, as [`keys::place`] writes it.
fn put_accounts(batch: &mut Batch, place: &[u8], transaction: &Transaction) {
    for account in accounts_of(transaction) {
        batch.put(Family::IndexAccounts, [&account.0[..], place].concat(), []);
    }
}

/// Entries of the events in a receipt.
fn put_events(batch: &mut Batch, height: u64, index: u32, receipt: &Receipt) {
    for (number, event) in (0u32..).zip(&receipt.events) {
        let key = keys::event(&event.module, height, index, number);
        batch.put(Family::IndexEvents, key, event.name.as_bytes());
    }
}

/// What a change of the state does to its key's entry: most change a value only, and the key stays.
fn put_key(batch: &mut Batch, height: u64, write: &StateWrite) {
    let named = || keys::owned(&write.key.owner, &write.key.key);
    match (&write.before, &write.after) {
        (None, Some(_)) => batch.put(Family::IndexKeys, named(), []),
        (Some(_), None) => put_gone(batch, height, &named()),
        _ => {}
    }
}

/// A key that the checkpoint at `height` removed, and that is not there again.
fn put_gone(batch: &mut Batch, height: u64, named: &[u8]) {
    batch.put(Family::IndexKeys, named, keys::number(height));
    batch.put(Family::IndexKeysGone, keys::gone(height, named), []);
}

/// What an entry of `index_keys` says: the height that removed the key, none while it is there.
pub(super) fn read_gone(key: &[u8], value: &[u8]) -> Result<Option<u64>, StoreError> {
    match value {
        [] => Ok(None),
        _ => value
            .try_into()
            .map(|height| Some(u64::from_be_bytes(height)))
            .map_err(|_| StoreError::Corrupt { what: format!("index_keys {}", hex::encode(key)) }),
    }
}
