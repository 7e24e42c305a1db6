//! A store in memory that can crash: for tests and simulation. It loses exactly what a power cut may lose.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::{Batch, Direction, Durability, Entry, Family, Operation, Scan, Store, StoreError};

/// How to take back one operation: family, key, and the value before it.
type Undo = (Family, Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Default)]
struct Inner {
    families: BTreeMap<Family, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// Per batch since the last sync, oldest first, how to take it back.
    unsynced: Vec<Vec<Undo>>,
    failing: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses every batch since the last synced one.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// Loses batches since the last synced one, but for the first `kept`: a power cut leaves any prefix.
    pub fn crash_keeping(&self, kept: usize) {
        let mut inner = self.lock();
        while inner.unsynced.len() > kept {
            let batch = inner.unsynced.pop().expect("longer than what is kept");
            for (family, key, before) in batch.into_iter().rev() {
                inner.set(family, key, before);
            }
        }
        inner.unsynced.clear();
        inner.failing = false;
    }

    /// Batches that a crash would lose.
    pub fn unsynced_batches(&self) -> usize {
        self.lock().unsynced.len()
    }

    /// A copy of what it holds, durable: an image of a disk.
    pub fn image(&self) -> Self {
        let families = self.lock().families.clone();
        Self { inner: Mutex::new(Inner { families, ..Inner::default() }) }
    }

    /// From now on every write fails, as on a full disk, until a crash.
    pub fn fail_writes(&self) {
        self.lock().failing = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }
}

impl Inner {
    /// Sets or removes, and answers what was there.
    fn set(&mut self, family: Family, key: Vec<u8>, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let map = self.families.entry(family).or_default();
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().families.get(&family).and_then(|map| map.get(key)).cloned())
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.failing {
            return Err(StoreError::Io("no space left on device".into()));
        }
        if durability == Durability::Synced {
            inner.unsynced.clear();
            for Operation { family, key, value } in batch.operations() {
                inner.set(family, key.to_vec(), value.map(<[u8]>::to_vec));
            }
            return Ok(());
        }
        let mut undo = Vec::new();
        for Operation { family, key, value } in batch.operations() {
            let before = inner.set(family, key.to_vec(), value.map(<[u8]>::to_vec));
            undo.push((family, key.to_vec(), before));
        }
        inner.unsynced.push(undo);
        Ok(())
    }

    fn scan(&self, scan: Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        let inner = self.lock();
        let Some(map) = inner.families.get(&scan.family).filter(|_| scan.from < scan.to) else {
            return Ok(Vec::new());
        };
        let range = map.range::<[u8], _>((
            std::ops::Bound::Included(scan.from),
            std::ops::Bound::Excluded(scan.to),
        ));
        let mut bytes = 0;
        let mut take = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let full = bytes >= scan.bytes_max;
            bytes += key.len() + value.len();
            (!full).then(|| (key.clone(), value.clone()))
        };
        Ok(match scan.direction {
            Direction::Ascending => range.take(scan.limit).map_while(&mut take).collect(),
            Direction::Descending => range.rev().take(scan.limit).map_while(&mut take).collect(),
        })
    }
}
