//! Brings the indexes where a node wants them: those that it has no more go, new ones are made from what the
//! store holds. In bounded steps, each one batch with the place it came to in it; so whatever a crash takes
//! is done again.
//!
//! Nothing may be executed or pruned meanwhile: a node does this before it begins.

use std::collections::BTreeSet;
use std::fmt;

use super::super::database::{Removed, StateEntry, decode};
use super::super::{
    Batch, Database, Direction, Durability, Entry, Family, Scan, StoreError, keys, ledger_held,
};
use super::{Index, IndexPlace, IndexState, Indexes, put_accounts, put_events, put_gone};
use crate::receipt::Receipt;
use crate::transaction::SignedTransaction;

/// Entries that a step looks at.
const STEP_ENTRIES: usize = 10_000;
/// Bytes of them with which a step ends.
const STEP_BYTES: usize = 4 << 20;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// To which index.
    pub index: Index,
    /// Whether its entries are made, or go.
    pub building: bool,
    /// How much is done, of 100; none where it is not known.
    pub percent: Option<u8>,
}

impl fmt::Display for IndexProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.building { "making" } else { "removing" };
        write!(f, "{what} the index of {}", self.index.name())?;
        self.percent.map_or(Ok(()), |percent| write!(f, ": {percent} %"))
    }
}

impl Database {
    /// Brings the indexes where they are wanted. `tell` hears of every step; where it answers false, the work
    /// ends there, and another call goes on with it.
    pub fn prepare_indexes(
        &self,
        wanted: &BTreeSet<Index>,
        tell: &mut dyn FnMut(IndexProgress) -> bool,
    ) -> Result<(), StoreError> {
        let mut worked = false;
        while let Some(progress) = self.index_step(wanted, STEP_ENTRIES)? {
            worked = true;
            if !tell(progress) {
                break;
            }
        }
        // The last steps are synced by the first write of a checkpoint, or here.
        if worked { self.write(Batch::default(), Durability::Synced) } else { Ok(()) }
    }

    /// Takes one step, of so many entries at most; none when every index is where it is wanted. Idempotent:
    /// a step that a crash lost is taken again.
    pub fn index_step(
        &self,
        wanted: &BTreeSet<Index>,
        entries: usize,
    ) -> Result<Option<IndexProgress>, StoreError> {
        let mut indexes = self.indexes()?;
        let tip = self.tip()?.height;
        if indexes.height != tip {
            // Somebody wrote checkpoints and did not keep them up, or they are of nothing yet.
            let stale = indexes.states.values_mut();
            stale.for_each(|state| *state = IndexState::Removing(IndexPlace::default()));
            indexes.height = tip;
        }
        for index in Index::ALL {
            let wanted = wanted.contains(&index);
            let state = match indexes.states.remove(&index) {
                Some(IndexState::Whole) if wanted => {
                    indexes.states.insert(index, IndexState::Whole);
                    continue;
                }
                Some(IndexState::Building(place)) if wanted => IndexState::Building(place),
                Some(IndexState::Removing(place)) => IndexState::Removing(place),
                Some(_) => IndexState::Removing(IndexPlace::default()),
                None if self.has_entries(index)? => IndexState::Removing(IndexPlace::default()),
                None if wanted => IndexState::Building(IndexPlace::default()),
                None => continue,
            };
            return self.work(indexes, index, state, entries).map(Some);
        }
        Ok(None)
    }

    /// Entries of an index that nothing is known of: of a time when none was optional.
    fn has_entries(&self, index: Index) -> Result<bool, StoreError> {
        let from = |family: &Family| self.rows(*family, &[], 1).map(|rows| !rows.is_empty());
        index.families().iter().map(from).try_fold(false, |any, one| Ok(any || one?))
    }

    fn rows(&self, family: Family, from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(Scan {
            family,
            from,
            to: &keys::ABOVE_ALL,
            limit,
            bytes_max: STEP_BYTES,
            direction: Direction::Ascending,
        })
    }

    /// One step of one index.
    fn work(
        &self,
        mut indexes: Indexes,
        index: Index,
        state: IndexState,
        entries: usize,
    ) -> Result<IndexProgress, StoreError> {
        let (building, mut place) = match state {
            IndexState::Building(place) => (true, place),
            IndexState::Removing(place) => (false, place),
            IndexState::Whole => unreachable!("there is nothing to do"),
        };
        let families = if building { index.sources() } else { index.families() };
        let bad = || StoreError::Corrupt { what: "meta.indexes".to_owned() };
        let family = *families.get(usize::from(place.family)).ok_or_else(bad)?;
        let rows = self.rows(family, &place.from, entries)?;
        let mut batch = Batch::default();
        for (key, value) in &rows {
            match building {
                true => self.build(&mut batch, index, family, key, value)?,
                false => batch.delete(family, key),
            }
        }
        let mut percent = None;
        match rows.last() {
            Some((last, _)) => {
                percent = if building { self.percent(&place, families.len(), last)? } else { None };
                place.from = [last, &[0][..]].concat();
            }
            None => place = IndexPlace { family: place.family + 1, from: Vec::new() },
        }
        let done = usize::from(place.family) == families.len();
        match (done, building) {
            (true, true) => drop(indexes.states.insert(index, IndexState::Whole)),
            (true, false) => {} // it is absent
            (false, true) => drop(indexes.states.insert(index, IndexState::Building(place))),
            (false, false) => drop(indexes.states.insert(index, IndexState::Removing(place))),
        }
        indexes.put(&mut batch);
        self.write(batch, Durability::Buffered)?;
        Ok(IndexProgress { index, building, percent: if done { Some(100) } else { percent } })
    }

    /// The entries of an index that come from one of a source.
    fn build(
        &self,
        batch: &mut Batch,
        index: Index,
        source: Family,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let corrupt =
            || StoreError::Corrupt { what: format!("{} {}", source.name(), hex::encode(key)) };
        match (index, source) {
            (Index::Accounts, _) => {
                let signed: SignedTransaction = decode(source, key, value)?;
                put_accounts(batch, key, &signed.transaction);
            }
            (Index::Events, _) => {
                let receipt: Receipt = decode(source, key, value)?;
                let (height, index) = keys::read_place(key).ok_or_else(corrupt)?;
                put_events(batch, height, index, &receipt);
            }
            (Index::Keys, Family::Undo) => {
                let Some(removed) = Removed::read(value).ok_or_else(corrupt)? else {
                    return Ok(());
                };
                let (hash, height) = keys::read_undo(key).ok_or_else(corrupt)?;
                if height <= self.pruned_to()? {
                    return Ok(());
                }
                let named = keys::owned(&removed.owner, removed.key);
                // Heights of a key ascend, so that the last one stands in the end.
                match self.store.get(Family::State, &hash.0)? {
                    None => put_gone(batch, height, &named),
                    Some(_) => batch.put(Family::IndexKeysGone, keys::gone(height, &named), []),
                }
            }
            (Index::Keys, _) => {
                let entry: StateEntry = decode(source, key, value)?;
                batch.put(Family::IndexKeys, keys::owned(&entry.owner, &entry.key), []);
            }
        }
        Ok(())
    }

    /// How much of the sources lies before a key: by height, or, of hashes, by their first bytes.
    fn percent(
        &self,
        place: &IndexPlace,
        families: usize,
        key: &[u8],
    ) -> Result<Option<u8>, StoreError> {
        let Some(first) = key.first_chunk().map(|first| u64::from_be_bytes(*first)) else {
            return Ok(None);
        };
        let (low, high) = match families {
            1 => (ledger_held::ledger_held(&*self.store)?.height, self.tip()?.height),
            _ => (0, u64::MAX),
        };
        let done = u128::from(first.saturating_sub(low)) * 100;
        let of_family = done / u128::from(high.saturating_sub(low).max(1));
        let all = (of_family.min(100) + 100 * u128::from(place.family)) / families as u128;
        Ok(Some(all.min(99) as u8))
    }
}
