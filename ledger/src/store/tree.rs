//! The state tree in the store: its records, and proofs of the state at a height that is still held.

use super::prune::check_not_pruned;
use super::{Batch, Database, Direction, Family, Scan, Store, StoreError, keys};
use crate::crypto::Hash;
use crate::execution::{StateKey, StateRead, Value};
use crate::tree::{self, Node, NodeKey, NodeReader, Proof, Update};

/// The record under a key that another record, or [`Database::root_version`], named.
pub fn read_node(store: &dyn Store, key: &NodeKey) -> Result<Node, StoreError> {
    let found = store.get(Family::Tree, &key.encode())?;
    found.and_then(|bytes| Node::decode(key, &bytes)).ok_or_else(|| StoreError::Corrupt {
        what: format!("the record {} of the state tree", hex::encode(key.encode())),
    })
}

/// All records in the store.
struct Records<'a>(&'a dyn Store);

impl NodeReader for Records<'_> {
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError> {
        read_node(self.0, key)
    }
}

impl Database {
    /// Adds the tree's records of the checkpoint at `height`, and which ones it needs no more.
    pub fn put_tree(batch: &mut Batch, height: u64, update: &Update) {
        for (key, bytes) in update.writes() {
            batch.put(Family::Tree, key.encode(), bytes);
        }
        for key in &update.stale {
            batch.put(Family::TreeStale, keys::stale(height, key), []);
        }
    }

    /// The version of the record at the root, of the tree after the checkpoint at `height`: the last that
    /// changed something.
    pub fn root_version(&self, height: u64) -> Result<u64, StoreError> {
        let corrupt = || StoreError::Corrupt {
            what: format!("there is no state tree at or below height {height}"),
        };
        let newest = self.store.scan(Scan {
            family: Family::Tree,
            from: &[],
            to: &keys::number(height.checked_add(1).ok_or_else(corrupt)?),
            limit: 1,
            bytes_max: usize::MAX,
            direction: Direction::Descending,
        })?;
        // Every version that wrote a record wrote one at the root, and it goes last.
        let found = newest.first().and_then(|(key, _)| NodeKey::decode(key));
        found.map(|key| key.version).ok_or_else(corrupt)
    }

    /// The root of the tree after the checkpoint at `height`, from its record.
    pub fn state_root(&self, height: u64) -> Result<Hash, StoreError> {
        tree::root_hash(&Records(&*self.store), self.root_version(height)?)
    }

    /// The value under a key after the checkpoint at `height`, or that there is none, with the proof
    /// against that checkpoint's state root. [`StoreError::NotHeld`] of heights outside
    /// [`Self::heights_held`].
    pub fn prove(&self, height: u64, key: &StateKey) -> Result<(Option<Value>, Proof), StoreError> {
        self.at_height(height, || {
            let value = self.state_at(height).get(key)?;
            let root = self.root_version(height)?;
            let (found, proof) = tree::prove(&Records(&*self.store), root, &key.hash())?;
            if found != value.as_deref().map(tree::value_hash) {
                let what = format!("state and tree differ at {key:?}, height {height}");
                return Err(StoreError::Corrupt { what });
            }
            Ok((value, proof))
        })
    }

    /// Proves which entries there were after the checkpoint at `height`, from the key hash `from` to
    /// `last`, an entry's, or to the end of all: [`tree::prove_range`].
    pub fn prove_range(
        &self,
        height: u64,
        from: &Hash,
        last: Option<&Hash>,
    ) -> Result<Vec<u8>, StoreError> {
        self.at_height(height, || {
            let root = self.root_version(height)?;
            tree::prove_range(&Records(&*self.store), root, from, last)
        })
    }

    /// The same within the keys up to `bound`: [`tree::prove_range_within`].
    pub(super) fn prove_range_within(
        &self,
        height: u64,
        from: &Hash,
        bound: &Hash,
        last: Option<&Hash>,
    ) -> Result<Vec<u8>, StoreError> {
        self.at_height(height, || {
            let root = self.root_version(height)?;
            tree::prove_range_within(&Records(&*self.store), root, from, bound, last)
        })
    }

    /// Reads at a height that is held before and after: what was pruned in between is told as that, and
    /// not as corruption.
    fn at_height<T>(
        &self,
        height: u64,
        read: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (oldest, newest) = self.heights_held()?;
        if !(oldest..=newest).contains(&height) {
            return Err(StoreError::NotHeld { height, oldest, newest });
        }
        let read = read();
        check_not_pruned(&*self.store, height)?;
        read
    }
}
