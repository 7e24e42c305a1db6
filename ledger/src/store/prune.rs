//! Pruning: what only heights behind the window need goes, from the first day on.
//!
//! A record of the tree that is stale since height `s`, and the undo of height `s`, serve heights below `s`
//! only. So with `oldest` the lowest height that can be read, all of `s <= oldest` can go. The new `oldest`
//! is in the batch that begins to delete, so a reader that finds its height held after it has read has read
//! everything.

use borsh::{BorshDeserialize, BorshSerialize};

use super::database::{decode, meta};
use super::{Batch, Database, Direction, Durability, Family, Scan, Store, StoreError, Tip, keys};

/// Deletes of one batch.
const DELETES_MAX: usize = 10_000;
/// Heights that one step passes.
const HEIGHTS_MAX: u64 = 1_000;
/// Bytes of a row that are read beyond those that are wanted: rows of `undo_keys` come whole.
const ROW_BYTES_MAX: usize = 1 << 20;

/// How much history of the state a node keeps: both, whichever is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At least so many checkpoints, the newest one included.
    pub checkpoints: u64,
    /// At least so much ledger time, in milliseconds.
    pub time_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { checkpoints: 256, time_ms: 15 * 60 * 1_000 }
    }
}

impl Retention {
    /// Keeps everything: an archive.
    pub const EVERYTHING: Self = Self { checkpoints: u64::MAX, time_ms: u64::MAX };
}

/// `meta.pruned`: how far pruning has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Pruned {
    /// The lowest height whose state can be read.
    pub oldest: u64,
    /// Everything that this height and those below it made superfluous is gone.
    pub done: u64,
}

impl Database {
    /// The lowest and the highest height whose state can be read and proved.
    pub fn heights_held(&self) -> Result<(u64, u64), StoreError> {
        held(&*self.store)
    }

    /// The height up to which everything superfluous is gone.
    pub(super) fn pruned_to(&self) -> Result<u64, StoreError> {
        Ok(pruned(&*self.store)?.done)
    }

    /// Takes one step: passes heights that are behind the window, and deletes at most 10 000 entries.
    /// Answers true when there is more to do at once. Idempotent: a step that a crash lost is taken again.
    /// One caller at a time.
    pub fn prune(&self, retention: &Retention) -> Result<bool, StoreError> {
        let before = pruned(&*self.store)?;
        let (oldest, more_heights) = self.oldest_wanted(before.oldest, retention)?;
        if before.done == oldest {
            return Ok(false);
        }
        let mut batch = Batch::default();
        let range = (keys::number(before.done + 1), keys::number(oldest + 1));
        let (tree_left, deletes) = self.prune_tree(&mut batch, &range, DELETES_MAX)?;
        let (keys_left, deletes) = self.prune_keys(&mut batch, &range, deletes)?;
        let undo_left = self.prune_undo(&mut batch, &range, deletes)?;
        // What is left of a height begins again with that height.
        let done =
            [tree_left, keys_left, undo_left].into_iter().flatten().map(|height| height - 1).min();
        let pruned = Pruned { oldest, done: done.unwrap_or(oldest) };
        batch.put_encoded(Family::Meta, meta::PRUNED, &pruned);
        self.store.write(batch, Durability::Buffered)?;
        Ok(more_heights || done.is_some())
    }

    /// The lowest height that the window needs, and whether there may be higher ones that it does not.
    fn oldest_wanted(
        &self,
        mut oldest: u64,
        retention: &Retention,
    ) -> Result<(u64, bool), StoreError> {
        let tip = self.tip()?;
        let bound = (tip.height + 1).saturating_sub(retention.checkpoints.max(1));
        let time_ms = |height| {
            let missing = || StoreError::Corrupt { what: format!("no checkpoint {height}") };
            Ok(self.checkpoint(height)?.ok_or_else(missing)?.timestamp_ms)
        };
        let begin_ms = time_ms(tip.height)?.saturating_sub(retention.time_ms);
        for _ in 0..HEIGHTS_MAX {
            // The state at the window's begin is that of the last checkpoint up to it.
            if oldest >= bound || time_ms(oldest + 1)? > begin_ms {
                return Ok((oldest, false));
            }
            oldest += 1;
        }
        Ok((oldest, true))
    }

    /// Deletes stale records. Answers the height that is not done, and the deletes that are left.
    fn prune_tree(
        &self,
        batch: &mut Batch,
        (from, to): &([u8; 8], [u8; 8]),
        deletes: usize,
    ) -> Result<(Option<u64>, usize), StoreError> {
        let limit = deletes / 2;
        let rows = self.store.scan(Scan {
            family: Family::TreeStale,
            from,
            to,
            limit,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        for (key, _) in &rows {
            batch.delete(Family::Tree, &key[8..]);
            batch.delete(Family::TreeStale, key);
        }
        let last = rows.last().filter(|_| rows.len() == limit);
        let left = last.map(|(key, _)| read_height(Family::TreeStale, key)).transpose()?;
        Ok((left, deletes - 2 * rows.len()))
    }

    /// Deletes what the index of keys holds of keys that are gone, unless they are there again. Answers the
    /// height that is not done, and the deletes that are left.
    fn prune_keys(
        &self,
        batch: &mut Batch,
        (from, to): &([u8; 8], [u8; 8]),
        deletes: usize,
    ) -> Result<(Option<u64>, usize), StoreError> {
        let limit = deletes / 2;
        if limit == 0 {
            return Ok((Some(u64::from_be_bytes(*from)), deletes));
        }
        let rows = self.store.scan(Scan {
            family: Family::IndexKeysGone,
            from,
            to,
            limit,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        for (key, _) in &rows {
            let (height, named) = key.split_at(8);
            if self.store.get(Family::IndexKeys, named)?.as_deref() == Some(height) {
                batch.delete(Family::IndexKeys, named);
            }
            batch.delete(Family::IndexKeysGone, key);
        }
        let last = rows.last().filter(|_| rows.len() == limit);
        let left = last.map(|(key, _)| read_height(Family::IndexKeysGone, key)).transpose()?;
        Ok((left, deletes - 2 * rows.len()))
    }

    /// Deletes undo. Answers the height that is not done.
    fn prune_undo(
        &self,
        batch: &mut Batch,
        (from, to): &([u8; 8], [u8; 8]),
        mut deletes: usize,
    ) -> Result<Option<u64>, StoreError> {
        if deletes == 0 {
            return Ok(Some(u64::from_be_bytes(*from)));
        }
        let rows = self.store.scan(Scan {
            family: Family::UndoKeys,
            from,
            to,
            limit: deletes,
            bytes_max: ROW_BYTES_MAX,
            direction: Direction::Ascending,
        })?;
        for (key, hashes) in &rows {
            let height = read_height(Family::UndoKeys, key)?;
            let (hashes, rest) = hashes.as_chunks::<32>();
            if !rest.is_empty() {
                let what = format!("undo_keys of height {height}");
                return Err(StoreError::Corrupt { what });
            }
            let count = hashes.len().min(deletes.saturating_sub(1));
            for hash in &hashes[..count] {
                batch.delete(Family::Undo, keys::undo(&crate::Hash(*hash), height));
            }
            if count < hashes.len() {
                batch.put(Family::UndoKeys, key, hashes[count..].concat());
                return Ok(Some(height));
            }
            batch.delete(Family::UndoKeys, key);
            deletes -= count + 1;
        }
        // The scan may have ended early: what is behind its last row is not known to be empty.
        match rows.last() {
            Some((key, _)) => {
                let next = read_height(Family::UndoKeys, key)? + 1;
                Ok((keys::number(next) < *to).then_some(next))
            }
            None => Ok(None),
        }
    }
}

/// Adds that the state begins at a height: nothing below it is there, or ever was.
pub(super) fn put_oldest(batch: &mut Batch, height: u64) {
    let pruned = Pruned { oldest: height, done: height };
    batch.put_encoded(Family::Meta, meta::PRUNED, &pruned);
}

/// The lowest and the highest height whose state can be read.
pub(super) fn held(store: &dyn Store) -> Result<(u64, u64), StoreError> {
    let tip = store.get(Family::Meta, meta::TIP)?;
    let tip: Option<Tip> = tip.map(|bytes| decode(Family::Meta, meta::TIP, &bytes)).transpose()?;
    Ok((pruned(store)?.oldest, tip.map_or(0, |tip| tip.height)))
}

/// Refuses heights that were pruned. To be asked after reading: if the height is held now, nothing that it
/// needs was gone before.
pub(super) fn check_not_pruned(store: &dyn Store, height: u64) -> Result<(), StoreError> {
    if height >= pruned(store)?.oldest {
        return Ok(());
    }
    let (oldest, newest) = held(store)?;
    Err(StoreError::NotHeld { height, oldest, newest })
}

fn pruned(store: &dyn Store) -> Result<Pruned, StoreError> {
    match store.get(Family::Meta, meta::PRUNED)? {
        None => Ok(Pruned::default()),
        Some(bytes) => decode(Family::Meta, meta::PRUNED, &bytes),
    }
}

fn read_height(family: Family, key: &[u8]) -> Result<u64, StoreError> {
    let height = key.first_chunk().map(|height| u64::from_be_bytes(*height));
    height.ok_or_else(|| StoreError::Corrupt {
        what: format!("{} {}", family.name(), hex::encode(key)),
    })
}
