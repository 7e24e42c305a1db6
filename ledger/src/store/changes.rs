//! What a checkpoint changed in the state, out of the undo records: for who looks for the difference
//! between two nodes. Walks over all records, a piece at a time, so nothing else should need it.

use super::database::{Database, StateEntry, decode};
use super::{Direction, Family, Scan, StoreError, keys};
use crate::crypto::Hash;

/// Undo records that one call looks at.
const LOOKED_AT_MAX: usize = 10_000;
/// Changes that one call gives.
const CHANGES_MAX: usize = 256;
/// Bytes of undo records that one call reads.
const READ_BYTES_MAX: usize = 4 << 20;

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
    /// What the checkpoint at a height changed, as far as undo records are kept, of the keys whose hash lies
    /// above `after`. A page may be empty and not the last.
    pub fn changes_at(&self, height: u64, after: Option<&Hash>) -> Result<ChangesPage, StoreError> {
        let from = match after {
            Some(hash) => [&keys::undo(hash, u64::MAX)[..], &[0]].concat(),
            None => Vec::new(),
        };
        let records = self.store.scan(Scan {
            family: Family::Undo,
            from: &from,
            to: &[0xff; 41],
            limit: LOOKED_AT_MAX,
            bytes_max: READ_BYTES_MAX,
            direction: Direction::Ascending,
        })?;
        let (mut page, mut last) = (ChangesPage::default(), None);
        for (key, bytes) in &records {
            let (key_hash, at) = keys::read_undo(key).ok_or_else(|| StoreError::Corrupt {
                what: format!("undo {}", hex::encode(key)),
            })?;
            // A page ends between keys, so that the next one begins with all heights of a key.
            if page.changes.len() == CHANGES_MAX && last != Some(key_hash) {
                page.next = last;
                return Ok(page);
            }
            last = Some(key_hash);
            if at == height {
                page.changes.push(self.change(key_hash, height, bytes)?);
            }
        }
        // Where the scan ended for its bounds, the last key's heights may go on: the change of this one
        // may lie among them, so its undo at this height is looked up by itself.
        let ended = self.ends_at(records.last())?;
        if let (false, Some(key_hash)) = (ended, last) {
            let known = page.changes.last().is_some_and(|change| change.key_hash == key_hash);
            let record = self.store.get(Family::Undo, &keys::undo(&key_hash, height))?;
            if let Some(bytes) = record.filter(|_| !known) {
                page.changes.push(self.change(key_hash, height, &bytes)?);
            }
            page.next = Some(key_hash);
        }
        Ok(page)
    }

    fn ends_at(&self, last: Option<&super::Entry>) -> Result<bool, StoreError> {
        let Some((key, _)) = last else { return Ok(true) };
        let more = self.store.scan(Scan {
            family: Family::Undo,
            from: &[&key[..], &[0]].concat(),
            to: &[0xff; 41],
            limit: 1,
            bytes_max: 1,
            direction: Direction::Ascending,
        })?;
        Ok(more.is_empty())
    }

    fn change(&self, key_hash: Hash, height: u64, undo: &[u8]) -> Result<StateChange, StoreError> {
        let entry = self.store.get(Family::State, &key_hash.0)?;
        let entry: Option<StateEntry> =
            entry.map(|bytes| decode(Family::State, &key_hash.0, &bytes)).transpose()?;
        let later = self.store.scan(Scan {
            family: Family::Undo,
            from: &keys::undo(&key_hash, height.saturating_add(1)),
            to: &[&keys::undo(&key_hash, u64::MAX)[..], &[0]].concat(),
            limit: 1,
            bytes_max: 1,
            direction: Direction::Ascending,
        })?;
        let after = match later.first() {
            Some((_, bytes)) => value_before(&key_hash, bytes)?,
            None => entry.as_ref().map(|entry| entry.value.clone()),
        };
        Ok(StateChange { key_hash, entry, before: value_before(&key_hash, undo)?, after })
    }
}

fn value_before(key_hash: &Hash, undo: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    match undo {
        [0] => Ok(None),
        [1, value @ ..] => Ok(Some(value.to_vec())),
        _ => Err(StoreError::Corrupt { what: format!("undo entry of {key_hash}") }),
    }
}
