//! The state tree as the executor sees it: records in the store; above them those of checkpoints that are
//! not written yet; and the newest ones near the root, decoded.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::Hash;
use crate::store::{Database, Store, StoreError, read_node};
use crate::tree::{Change, Node, NodeKey, NodeReader, TopLevels, Update, update};

/// See the module's documentation.
pub struct StateTree {
    records: Records,
    root: Hash,
    /// The checkpoint that wrote the record at the root.
    root_version: u64,
    threads: usize,
}

/// Where records are read.
struct Records {
    store: Arc<dyn Store>,
    top: TopLevels,
    /// Trees of finished checkpoints that are not written yet, by height.
    unwritten: BTreeMap<u64, Update>,
}

impl NodeReader for Records {
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError> {
        if let Some(node) = self.top.get(key) {
            return Ok(node.clone());
        }
        if let Some(bytes) = self.unwritten.get(&key.version).and_then(|update| update.find(key)) {
            return Ok(Node::decode(key, bytes).expect("encoded by us"));
        }
        read_node(&*self.store, key)
    }
}

impl StateTree {
    /// That of the checkpoint at the store's tip.
    pub fn new(database: &Database) -> Result<Self, StoreError> {
        let tip = database.tip()?;
        let root_version = database.root_version(tip.height)?;
        let store = database.store().clone();
        let records = Records { store, top: TopLevels::default(), unwritten: BTreeMap::new() };
        Ok(Self { records, root: tip.state_root, root_version, threads: 1 })
    }

    /// Lets large updates use so many threads. Changes no result.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
    }

    /// The root after the last checkpoint.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Applies the changes of the checkpoint at `height`, ascending by key hash; what it writes goes into
    /// that checkpoint's batch.
    pub fn apply(&mut self, height: u64, changes: &[Change]) -> Result<&Update, StoreError> {
        let base = Some(self.root_version);
        let mut update = update(&self.records, base, height, changes, self.threads)?;
        self.records.top.keep(&mut update);
        (self.root, self.root_version) = (update.root, update.root_version);
        Ok(self.records.unwritten.entry(height).or_insert(update))
    }

    /// The checkpoint at `height`, and all before it, are in the store.
    pub fn written(&mut self, height: u64) {
        self.records.unwritten = self.records.unwritten.split_off(&(height + 1));
    }
}
