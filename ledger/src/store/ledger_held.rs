//! From where on the ledger's history is in the store: checkpoints, executed transactions, commits, blocks.
//!
//! A store that began with genesis and was never pruned has all of it, and says nothing of it. Who prunes
//! it, or begins a store at a later height, writes what is left into `meta.ledger_held`, in the batch that
//! takes the rest away. A reader that finds nothing asks here, after reading, whether there ever was
//! something: what is gone is told as [`StoreError::Gone`], never as if it had not been.

use borsh::{BorshDeserialize, BorshSerialize};

use super::database::{decode, meta};
use super::prune::held;
use super::{Batch, Begin, Database, Family, Store, StoreError};
use crate::block::Round;

/// The lowest of each that is there; all above it up to the newest are there, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LedgerHeld {
    /// Lowest height whose transactions, receipts, notes and events are there.
    pub height: u64,
    /// Index of the lowest commit. Its blocks are there as well, but for [`Begin`].
    pub commit: u64,
    /// Blocks below this round are gone, but for the newest of each author.
    pub round: Round,
}

/// Everything from genesis on.
impl Default for LedgerHeld {
    fn default() -> Self {
        Self { height: 0, commit: 1, round: 0 }
    }
}

/// What of the past is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The newest height.
    pub newest: u64,
    /// The lowest height whose state can be read and proved.
    pub state: u64,
    /// Where the store begins: the lowest checkpoint.
    pub begin: Begin,
    /// Of the ledger's history.
    pub ledger: LedgerHeld,
}

/// What of the past is in a store, whoever's it is.
pub fn windows(store: &dyn Store) -> Result<Windows, StoreError> {
    let (state, newest) = held(store)?;
    Ok(Windows { newest, state, begin: begin(store)?, ledger: ledger_held(store)? })
}

pub(super) fn ledger_held(store: &dyn Store) -> Result<LedgerHeld, StoreError> {
    or_default(store, meta::LEDGER_HELD)
}

fn begin(store: &dyn Store) -> Result<Begin, StoreError> {
    or_default(store, meta::BEGIN)
}

fn or_default<T: BorshDeserialize + Default>(
    store: &dyn Store,
    name: &[u8],
) -> Result<T, StoreError> {
    let found = store.get(Family::Meta, name)?;
    found.map_or_else(|| Ok(T::default()), |bytes| decode(Family::Meta, name, &bytes))
}

impl Database {
    /// Where this store begins.
    pub fn begin_at(&self) -> Result<Begin, StoreError> {
        begin(&*self.store)
    }

    /// Adds where the store begins.
    pub(super) fn put_begin(batch: &mut Batch, begin: &Begin) {
        batch.put_encoded(Family::Meta, meta::BEGIN, begin);
    }

    /// From where on the ledger's history is there.
    pub fn ledger_held(&self) -> Result<LedgerHeld, StoreError> {
        ledger_held(&*self.store)
    }

    /// Adds from where on the ledger's history is there.
    pub fn put_ledger_held(batch: &mut Batch, held: &LedgerHeld) {
        batch.put_encoded(Family::Meta, meta::LEDGER_HELD, held);
    }

    /// Refuses heights whose transactions are gone. To be asked after reading, like all of this: if they are
    /// held now, nothing was gone before.
    pub fn check_height_held(&self, height: u64) -> Result<(), StoreError> {
        let oldest = self.ledger_held()?.height;
        check("list of transactions at height", height, oldest)
    }

    /// Refuses commits that are gone, or whose blocks did not come with the snapshot.
    pub fn check_commit_held(&self, commit: u64) -> Result<(), StoreError> {
        let whole = self.begin_at()?.commit_index + 1;
        check("commit", commit, self.ledger_held()?.commit.max(whole))
    }

    /// Refuses checkpoints below the first of this store.
    pub fn check_checkpoint_held(&self, height: u64) -> Result<(), StoreError> {
        check("checkpoint", height, self.begin_at()?.height)
    }
}

fn check(what: &'static str, asked: u64, oldest: u64) -> Result<(), StoreError> {
    match asked >= oldest {
        true => Ok(()),
        false => Err(StoreError::Gone { what, asked, oldest }),
    }
}
