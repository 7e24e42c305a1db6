//! What both stores promise, and what the typed layer makes of it.

mod artefacts;
mod certificates;
mod changes;
mod history;
mod index;
mod opening;
mod promises;
mod pruning;
mod pruning_ledger;
mod reading;
mod recovery;
#[cfg(feature = "rocksdb")]
mod rocks;
mod snapshot;
mod tree;
mod verify;

use std::sync::Arc;

use super::*;

/// Runs a test on every kind of store.
fn on_each(test: impl Fn(Arc<dyn Store>)) {
    test(Arc::new(MemoryStore::new()));
    #[cfg(feature = "rocksdb")]
    {
        let directory = tempfile::tempdir().unwrap();
        test(Arc::new(RocksStore::open(&directory.path().join("data")).unwrap()));
    }
}

fn put(family: Family, key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(family, key, value);
    batch
}
