//! The state as the executor sees it: the store below; above it what checkpoints changed that the storage
//! writer has not written yet; and the part of the next checkpoint that is done.
//!
//! Entries that the store holds as well are kept while there is room, so that busy accounts are not read
//! from disk for every transaction. What is kept never changes a result: only where it is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Changes, StateKey, StateRead, Value};
use crate::crypto::Hash;
use crate::store::{Family, StateEntry, StateWrite, Store, StoreError};

/// Bytes of clean entries that are kept; beyond, all of them go at once.
const CLEAN_BYTES_MAX: usize = 32 << 20;
/// What an entry costs beside its key and value: roughly a tree node's share and two pointers.
const ENTRY_BYTES: usize = 128;

/// A value, and the checkpoint that must be written before the store holds it; none when it does.
struct Cached {
    value: Option<Value>,
    dirty: Option<u64>,
}

#[derive(Default)]
struct Entries {
    map: BTreeMap<StateKey, Cached>,
    clean_bytes: usize,
}

/// See the module's documentation.
pub(super) struct StateCache {
    store: Arc<dyn Store>,
    // Reads fill it too, and a read takes `&self`. A lock that nobody contends for: it costs little, and
    // keeps the executor free to move between threads.
    entries: Mutex<Entries>,
    code: BTreeMap<Hash, (u64, Value)>,
    /// What the unfinished checkpoint has written so far, with the value before it.
    before: BTreeMap<StateKey, Option<Value>>,
    /// Keys of finished checkpoints that are not written yet, by height.
    unwritten: BTreeMap<u64, Vec<StateKey>>,
}

impl StateCache {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            entries: Mutex::default(),
            code: BTreeMap::new(),
            before: BTreeMap::new(),
            unwritten: BTreeMap::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().expect("no holder of this lock panics")
    }

    /// Takes in what a transaction of the checkpoint at `height` left behind.
    pub(super) fn apply(&mut self, height: u64, changes: Changes) -> Result<(), StoreError> {
        for (hash, code) in changes.code {
            self.code.entry(hash).or_insert((height, code));
        }
        for (key, value) in changes.writes {
            if !self.before.contains_key(&key) {
                let before = self.get(&key)?;
                self.before.insert(key.clone(), before);
            }
            self.lock().put_dirty(key, value, height);
        }
        Ok(())
    }

    /// Ends the checkpoint at `height`: what it changed, in order of the keys' hashes, with the values before.
    /// Keys whose value is what it was before are no change.
    pub(super) fn finish(&mut self, height: u64) -> Result<CheckpointChanges, StoreError> {
        let before = std::mem::take(&mut self.before);
        let mut writes = Vec::with_capacity(before.len());
        let mut keys = Vec::with_capacity(before.len());
        for (key, before) in before {
            let after = self.get(&key)?;
            keys.push(key.clone());
            if before != after {
                writes.push(StateWrite { hash: key.hash(), key, before, after });
            }
        }
        self.unwritten.insert(height, keys);
        writes.sort_unstable_by_key(|write| write.hash);
        let new = self.code.iter().filter(|(_, (at, _))| *at == height);
        let code = new.map(|(hash, (_, code))| (*hash, code.clone())).collect();
        Ok(CheckpointChanges { writes, code })
    }

    /// The checkpoint at `height`, and all before it, are in the store.
    pub(super) fn written(&mut self, height: u64) {
        let later = self.unwritten.split_off(&(height + 1));
        let written = std::mem::replace(&mut self.unwritten, later);
        let mut entries = self.entries.lock().expect("no holder of this lock panics");
        for key in written.into_values().flatten() {
            entries.clean(&key, height);
        }
        entries.bound();
        self.code.retain(|_, (at, _)| *at > height);
    }
}

/// What a checkpoint changes.
pub(super) struct CheckpointChanges {
    /// Ascending by the key's hash.
    pub(super) writes: Vec<StateWrite>,
    /// New components.
    pub(super) code: Vec<(Hash, Value)>,
}

impl Entries {
    fn put_dirty(&mut self, key: StateKey, value: Option<Value>, height: u64) {
        match self.map.get_mut(&key) {
            Some(cached) => {
                if cached.dirty.is_none() {
                    self.clean_bytes -= entry_bytes(&key, &cached.value);
                }
                *cached = Cached { value, dirty: Some(height) };
            }
            None => {
                self.map.insert(key, Cached { value, dirty: Some(height) });
            }
        }
    }

    fn clean(&mut self, key: &StateKey, height: u64) {
        let Some(cached) = self.map.get_mut(key) else { return };
        if cached.dirty.is_some_and(|dirty| dirty <= height) {
            cached.dirty = None;
            self.clean_bytes += entry_bytes(key, &cached.value);
        }
    }

    fn put_clean(&mut self, key: &StateKey, value: Option<Value>) {
        self.clean_bytes += entry_bytes(key, &value);
        self.map.insert(key.clone(), Cached { value, dirty: None });
        self.bound();
    }

    fn bound(&mut self) {
        if self.clean_bytes > CLEAN_BYTES_MAX {
            self.map.retain(|_, cached| cached.dirty.is_some());
            self.clean_bytes = 0;
        }
    }
}

fn entry_bytes(key: &StateKey, value: &Option<Value>) -> usize {
    ENTRY_BYTES + key.key.len() + value.as_ref().map_or(0, |value| value.len())
}

impl StateRead for StateCache {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        let mut entries = self.lock();
        if let Some(cached) = entries.map.get(key) {
            return Ok(cached.value.clone());
        }
        let value = StateEntry::load(&*self.store, key, &key.hash())?;
        entries.put_clean(key, value.clone());
        Ok(value)
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        match self.code.get(hash) {
            Some((_, code)) => Ok(Some(code.clone())),
            None => Ok(self.store.get(Family::Modules, &hash.0)?.map(Value::from)),
        }
    }
}
