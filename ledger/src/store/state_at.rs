//! The state as it was after a checkpoint: the latest values, taken back by `undo`.

use std::sync::Arc;

use super::database::{StateEntry, value_before};
use super::prune::check_not_pruned;
use super::{Direction, Family, Scan, Store, StoreError, keys};
use crate::crypto::Hash;
use crate::execution::{StateKey, StateRead, Value};

/// Reads at a height, while later batches land and old ones are pruned. A height above the tip reads what
/// is latest; one that is not held any more is refused with [`StoreError::NotHeld`].
#[derive(Clone)]
pub struct StateAt {
    store: Arc<dyn Store>,
    height: u64,
}

impl StateAt {
    /// Reads what the state was after the checkpoint at `height`.
    pub fn new(store: Arc<dyn Store>, height: u64) -> Self {
        Self { store, height }
    }

    /// The height that it reads at.
    pub fn height(&self) -> u64 {
        self.height
    }
}

impl StateRead for StateAt {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        let hash = key.hash();
        // The entry first, undo after it: should a batch land in between, its undo holds the value that
        // the first read missed. The other way round would lose it.
        let latest = StateEntry::load(&*self.store, key, &hash)?;
        let Some(from) = self.height.checked_add(1) else { return Ok(latest) };
        let later = self.store.scan(Scan {
            family: Family::Undo,
            from: &keys::undo(&hash, from),
            to: &keys::undo(&hash, u64::MAX),
            limit: 1,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        check_not_pruned(&*self.store, self.height)?;
        match later.first() {
            Some((_, before)) => Ok(value_before(before, key)?.map(Value::from)),
            None => Ok(latest),
        }
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        Ok(self.store.get(Family::Modules, &hash.0)?.map(Value::from))
    }
}
