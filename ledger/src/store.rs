//! The one door to what a node must not lose (docs/storage.md draws every key and value to the byte).
//!
//! A [`Store`] is an ordered map of bytes in each [`Family`], changed by atomic [`Batch`]es. Batches become
//! durable in the order in which they were written; a synced one makes all before it durable. After a crash
//! a store holds a prefix of the batches written to it, each whole. [`MemoryStore`] and (with the feature
//! `rocksdb`) `RocksStore` keep that promise; [`Database`] gives keys and values their meaning.
//!
//! What is not here: repair. Whatever does not fit is an error that says what to do.

use borsh::BorshSerialize;

use crate::codec;

mod artefacts;
mod certificates;
mod changes;
mod commits;
mod database;
mod events;
mod history;
mod index;
mod keys;
mod ledger_held;
mod memory;
mod open;
mod prune;
mod prune_ledger;
mod recovery;
#[cfg(feature = "rocksdb")]
mod rocks;
pub mod snapshot;
mod state_at;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use certificates::ExecutedProof;
pub use changes::{ChangesPage, StateChange};
pub use database::{Begin, Database, Location, StateEntry, StateWrite, Tip};
pub use events::{EventCursor, EventFilter, EventPage, EventRecord};
pub use index::{
    Index, IndexPlace, IndexProgress, IndexState, Indexer, Indexes, KeysPage, ListedTransaction,
    StateItem, TransactionsPage, indexes,
};
pub use ledger_held::{LedgerHeld, Windows, windows};
pub use memory::MemoryStore;
pub use open::{OpenError, SCHEMA_VERSION};
#[cfg(test)]
pub(crate) use prune::Pruned;
pub use prune::Retention;
#[cfg(test)]
pub(crate) use prune_ledger::LedgerPruned;
pub use prune_ledger::LedgerRetention;
#[cfg(feature = "rocksdb")]
pub use rocks::{FamilySize, RocksStore};
pub use state_at::StateAt;
pub use tree::read_node;
pub use verify::{Counted, Findings, verify};

/// Why the store could not do it. All but [`Self::NotHeld`], [`Self::Gone`] and [`Self::NoIndex`] end the process: nothing is repaired silently.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("storage failed: {0}")]
    Io(String),
    /// What was read is not what was written.
    #[error(
        "storage is corrupt: {what}: restore a backup, or remove the data directory and let the node sync again"
    )]
    Corrupt {
        /// What, where.
        what: String,
    },
    /// A height whose state is not there any more, or not yet. Says nothing about the store.
    #[error(
        "the state at height {height} is not held: ask for a height from {oldest} to {newest}, or an archive node"
    )]
    NotHeld {
        /// What was asked for.
        height: u64,
        /// The lowest height that is held.
        oldest: u64,
        /// The highest.
        newest: u64,
    },
    /// A part of the ledger's history that is not there any more. Says nothing about the store.
    #[error("the {what} {asked} is not kept here: the oldest is {oldest}; ask an archive node")]
    Gone {
        /// What is counted.
        what: &'static str,
        /// What was asked for.
        asked: u64,
        /// The lowest that is there.
        oldest: u64,
    },
    /// A question that only an index answers which is not there. Says nothing about the store.
    #[error(
        "this node keeps no index '{name}': set `{name} = true` in [index] of its pollen.toml and start it again, \
         or ask another node"
    )]
    NoIndex {
        /// Its name.
        name: &'static str,
    },
}

/// Parts of the store. Each is a map of its own, with its own settings in RocksDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Facts about the directory, by name.
    Meta,
    /// Blocks by round, author, digest.
    Dag,
    /// Names of blocks by author, round, digest.
    DagAuthor,
    /// Commits by index.
    Commits,
    /// Checkpoints by height.
    Checkpoints,
    /// Signatures of a quorum by the height of their checkpoint.
    Certificates,
    /// Executed transactions by height, index; without their attachments.
    Transactions,
    /// Height and index of a transaction by its id.
    TransactionIndex,
    /// Receipts by height, index.
    Receipts,
    /// A node's own texts beside receipts, by height, index. Never consensus.
    Notes,
    /// Components by their plain blake3 hash.
    Modules,
    /// Latest state entries by key hash.
    State,
    /// Values before a checkpoint, by key hash and height.
    Undo,
    /// Key hashes of a checkpoint's undo, by height: how pruning finds it.
    UndoKeys,
    /// Records of the state tree by version, depth, path.
    Tree,
    /// Names of records that are not needed from a height on, by that height.
    TreeStale,
    /// Places of transactions by account. This and those below are optional indexes, never consensus.
    IndexAccounts,
    /// Keys of the state by owner, those too that the window still has.
    IndexKeys,
    /// The latter by the height that removed them: how pruning finds them.
    IndexKeysGone,
    /// Names of events by module, height, index, number.
    IndexEvents,
}

impl Family {
    /// Every family, in the order of the enumeration.
    pub const ALL: [Self; 20] = [
        Self::Meta,
        Self::Dag,
        Self::DagAuthor,
        Self::Commits,
        Self::Checkpoints,
        Self::Certificates,
        Self::Transactions,
        Self::TransactionIndex,
        Self::Receipts,
        Self::Notes,
        Self::Modules,
        Self::State,
        Self::Undo,
        Self::UndoKeys,
        Self::Tree,
        Self::TreeStale,
        Self::IndexAccounts,
        Self::IndexKeys,
        Self::IndexKeysGone,
        Self::IndexEvents,
    ];

    /// Its name on disk: never changes its meaning.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Dag => "dag",
            Self::DagAuthor => "dag_author",
            Self::Commits => "commits",
            Self::Checkpoints => "checkpoints",
            Self::Certificates => "certificates",
            Self::Transactions => "transactions",
            Self::TransactionIndex => "transaction_index",
            Self::Receipts => "receipts",
            Self::Notes => "notes",
            Self::Modules => "modules",
            Self::State => "state",
            Self::Undo => "undo",
            Self::UndoKeys => "undo_keys",
            Self::Tree => "tree",
            Self::TreeStale => "tree_stale",
            Self::IndexAccounts => "index_accounts",
            Self::IndexKeys => "index_keys",
            Self::IndexKeysGone => "index_keys_gone",
            Self::IndexEvents => "index_events",
        }
    }
}

/// One change of a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    /// Where.
    pub family: Family,
    /// Under which key.
    pub key: &'a [u8],
    /// The new value; none removes the key.
    pub value: Option<&'a [u8]>,
}

/// Changes that happen together or not at all. Of two changes of one key the later one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// All keys and values, one behind the other: a checkpoint has thousands of small ones.
    bytes: Vec<u8>,
    changes: Vec<Change>,
}

/// Where an operation's key and value end in the bytes; the key begins where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    family: Family,
    key_end: usize,
    /// None of a removal.
    value_end: Option<usize>,
}

impl Change {
    fn end(&self) -> usize {
        self.value_end.unwrap_or(self.key_end)
    }
}

impl Batch {
    /// Puts a value.
    pub fn put(&mut self, family: Family, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.put_with(family, key, |bytes| bytes.extend_from_slice(value.as_ref()));
    }

    /// Puts the encoding of a value.
    pub fn put_encoded(
        &mut self,
        family: Family,
        key: impl AsRef<[u8]>,
        value: &impl BorshSerialize,
    ) {
        self.put_with(family, key, |bytes| codec::encode_into(bytes, value));
    }

    /// Puts what `write` appends.
    pub fn put_with(
        &mut self,
        family: Family,
        key: impl AsRef<[u8]>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.bytes.extend_from_slice(key.as_ref());
        let key_end = self.bytes.len();
        write(&mut self.bytes);
        self.changes.push(Change { family, key_end, value_end: Some(self.bytes.len()) });
    }

    /// Removes a key.
    pub fn delete(&mut self, family: Family, key: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(key.as_ref());
        self.changes.push(Change { family, key_end: self.bytes.len(), value_end: None });
    }

    /// Moves the changes of another batch behind its own: both are made, or none.
    pub fn append(&mut self, other: &mut Self) {
        let before = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.changes.extend(other.changes.drain(..).map(|change| Change {
            key_end: before + change.key_end,
            value_end: change.value_end.map(|end| before + end),
            ..change
        }));
    }

    /// The changes, in order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let begins = std::iter::once(0).chain(self.changes.iter().map(Change::end));
        begins.zip(&self.changes).map(|(begin, change)| Operation {
            family: change.family,
            key: &self.bytes[begin..change.key_end],
            value: change.value_end.map(|end| &self.bytes[change.key_end..end]),
        })
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// True when it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// When [`Store::write`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the batch, and with it every batch before it, survives a power cut.
    Synced,
    /// Once it can be read; a crash may lose it, with all batches after it.
    Buffered,
}

/// Which end a scan begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// At `from`, upwards.
    Ascending,
    /// Below `to`, downwards.
    Descending,
}

/// What to scan: keys from `from` up to but not including `to`, at most so many of them.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// In which family.
    pub family: Family,
    /// The first key that may be met.
    pub from: &'a [u8],
    /// The first key above those that may be met.
    pub to: &'a [u8],
    /// Most entries to answer.
    pub limit: usize,
    /// Stops behind the entry with which keys and values reach this many bytes.
    pub bytes_max: usize,
    /// Which end first.
    pub direction: Direction,
}

/// A key with its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes per family, changed by atomic batches. See the module's documentation for what
/// it promises.
pub trait Store: Send + Sync {
    /// The value under a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Makes all changes of a batch, or none. An error leaves the store unusable: end the process.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;

    /// Entries of a range, bounded.
    fn scan(&self, scan: Scan<'_>) -> Result<Vec<Entry>, StoreError>;
}
