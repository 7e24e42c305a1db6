//! What a checkpoint changed in the state, out of its undo: for who looks for the difference between two
//! nodes.

use super::database::{Database, StateEntry, decode, value_before};
use super::prune::check_not_pruned;
use super::{Direction, Family, Scan, StoreError, keys};
use crate::crypto::Hash;

/// Changes that one call gives.
const CHANGES_MAX: usize = 256;
/// Bytes of values with which a page ends.
const PAGE_BYTES: usize = 4 << 20;

/// A change of one key by one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Hash of the key.
    pub key_hash: Hash,
    /// The key's entry as it is now, which names it; none when it has been removed since.
    pub entry: Option<StateEntry>,
    /// The value before the checkpoint.
    pub before: Option<Vec<u8>>,
    /// The value after it.
    pub after: Option<Vec<u8>>,
}

/// Some changes of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangesPage {
    /// Ascending by key hash.
    pub changes: Vec<StateChange>,
    /// Go on after this key; none at the end.
    pub next: Option<Hash>,
}

impl Database {
    /// What the checkpoint at a height changed, of the keys whose hash lies above `after`. Refused with
    /// [`StoreError::NotHeld`] where the state before it is not held any more. Genesis changed nothing.
    pub fn changes_at(&self, height: u64, after: Option<&Hash>) -> Result<ChangesPage, StoreError> {
        let page = self.read_changes(height, after);
        // First of all: what was missing may have been pruned meanwhile.
        check_not_pruned(&*self.store, height.saturating_sub(1))?;
        page
    }

    fn read_changes(&self, height: u64, after: Option<&Hash>) -> Result<ChangesPage, StoreError> {
        let row = self.store.get(Family::UndoKeys, &keys::number(height))?.unwrap_or_default();
        let (hashes, rest) = row.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(StoreError::Corrupt { what: format!("undo_keys of height {height}") });
        }
        let begin = after.map_or(0, |after| hashes.partition_point(|hash| *hash <= after.0));
        let (mut page, mut bytes) = (ChangesPage::default(), 0);
        for hash in &hashes[begin..] {
            if page.changes.len() == CHANGES_MAX || bytes >= PAGE_BYTES {
                page.next = page.changes.last().map(|change| change.key_hash);
                break;
            }
            let change = self.change(Hash(*hash), height)?;
            bytes +=
                [&change.before, &change.after].into_iter().flatten().map(Vec::len).sum::<usize>();
            page.changes.push(change);
        }
        Ok(page)
    }

    fn change(&self, key_hash: Hash, height: u64) -> Result<StateChange, StoreError> {
        // The entry first, undo after it, as all reads at a height.
        let entry = self.store.get(Family::State, &key_hash.0)?;
        let entry: Option<StateEntry> =
            entry.map(|bytes| decode(Family::State, &key_hash.0, &bytes)).transpose()?;
        let undo = self.store.scan(Scan {
            family: Family::Undo,
            from: &keys::undo(&key_hash, height),
            to: &keys::undo(&key_hash, u64::MAX),
            limit: 2,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        let missing = || StoreError::Corrupt { what: format!("no undo of {key_hash} at {height}") };
        let (at, before) = undo.first().ok_or_else(missing)?;
        if *at != keys::undo(&key_hash, height) {
            return Err(missing());
        }
        let after = match undo.get(1) {
            Some((_, bytes)) => value_before(bytes, &key_hash)?.map(<[u8]>::to_vec),
            None => entry.as_ref().map(|entry| entry.value.clone()),
        };
        let before = value_before(before, &key_hash)?.map(<[u8]>::to_vec);
        Ok(StateChange { key_hash, entry, before, after })
    }
}
