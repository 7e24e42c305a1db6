//! Pruning of the ledger's history: transactions with their receipts, commits, blocks, behind a window.
//!
//! What is let go is moved into `meta.ledger_held` by the batch that begins to delete it, so a reader that
//! finds its height held after it has read has read everything. Checkpoints and certificates stay: they are
//! the chain that light clients follow. Where no certificate near a height was collected, and its attestations
//! stand in blocks alone, it is made of those before they go.
//!
//! What stays, whatever the window: all that the state's own window needs, the commits that nodes which
//! lag ask for, the rounds that a restart reads back, and each author's newest block.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::database::meta;
use super::index::accounts_of;
use super::{
    Batch, Database, Direction, Durability, Entry, Family, Index, LedgerHeld, Location, Scan,
    StoreError, keys,
};
use crate::block::{BlockRef, Round};
use crate::checkpoint::Checkpoint;
use crate::committee::{AuthorIndex, Committee};
use crate::light::PATH_CHECKPOINTS_MAX;
use crate::ordering::Commit;
use crate::receipt::Receipt;

/// Deletes of one batch.
const DELETES_MAX: usize = 10_000;
/// Deletes of a transaction beside those of its events and accounts: transaction, index, receipt, note.
const DELETES_TRANSACTION: usize = 4;
/// Heights that one step passes.
const HEIGHTS_MAX: u64 = 1_000;
/// Receipts that one step reads, in number and in bytes.
const PAGE: (usize, usize) = (1_000, 4 << 20);

/// How much of the ledger's history a node keeps: both, whichever is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerRetention {
    /// At least so much ledger time, in milliseconds.
    pub time_ms: u64,
    /// At least so many commits.
    pub commits: u64,
}

impl LedgerRetention {
    /// Keeps everything: an archive.
    pub const EVERYTHING: Self = Self { time_ms: u64::MAX, commits: u64::MAX };
}

impl Default for LedgerRetention {
    fn default() -> Self {
        Self { time_ms: 24 * 60 * 60 * 1_000, commits: 20_000 }
    }
}

/// `meta.ledger_pruned`: what lies below each is gone. Up to [`LedgerHeld`] it is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct LedgerPruned {
    /// Transactions and receipts.
    pub height: u64,
    /// Commits.
    pub commit: u64,
    /// Blocks.
    pub round: Round,
}

impl LedgerPruned {
    /// When all that is not held is gone.
    const fn up_to(held: &LedgerHeld) -> Self {
        Self { height: held.height, commit: held.commit, round: held.round }
    }
}

/// Deletes on their way into a batch.
struct Deletes {
    batch: Batch,
    left: usize,
}

impl Deletes {
    fn delete(&mut self, family: Family, key: impl AsRef<[u8]>) {
        self.batch.delete(family, key);
        self.left = self.left.saturating_sub(1);
    }
}

impl Database {
    /// How far pruning of the ledger's history has come. A store that never pruned it has nothing below
    /// what it holds.
    pub(super) fn ledger_pruned(&self) -> Result<LedgerPruned, StoreError> {
        match self.meta(meta::LEDGER_PRUNED)? {
            Some(pruned) => Ok(pruned),
            None => Ok(LedgerPruned::up_to(&self.ledger_held()?)),
        }
    }

    /// Takes one step: passes heights that are behind the window, and deletes at most 10 000 entries.
    /// Answers true when there is more to do at once. Idempotent: a step that a crash lost is taken again.
    /// One caller at a time, the one of [`Self::prune`].
    pub fn prune_ledger(
        &self,
        retention: &LedgerRetention,
        committee: &Committee,
    ) -> Result<bool, StoreError> {
        self.prune_ledger_by(retention, committee, DELETES_MAX)
    }

    /// [`Self::prune_ledger`] with another bound on the deletes of the step.
    pub(super) fn prune_ledger_by(
        &self,
        retention: &LedgerRetention,
        committee: &Committee,
        deletes_max: usize,
    ) -> Result<bool, StoreError> {
        let before = self.ledger_held()?;
        let mut pruned = self.ledger_pruned()?;
        let mut deletes = Deletes { batch: Batch::default(), left: deletes_max };
        let (held, more) = self.ledger_wanted(before, retention, committee, &mut deletes.batch)?;
        if pruned == LedgerPruned::up_to(&held) {
            return Ok(false);
        }
        pruned.height = self.prune_executed(&mut deletes, pruned.height, held.height)?;
        while pruned.commit < held.commit && deletes.left > 0 {
            deletes.delete(Family::Commits, keys::number(pruned.commit));
            pruned.commit += 1;
        }
        if self.prune_blocks(&mut deletes, pruned.round, held.round)? {
            pruned.round = held.round;
        }
        let mut batch = deletes.batch;
        Self::put_ledger_held(&mut batch, &held);
        batch.put_encoded(Family::Meta, meta::LEDGER_PRUNED, &pruned);
        self.store.write(batch, Durability::Buffered)?;
        Ok(more || pruned != LedgerPruned::up_to(&held))
    }

    /// What the window needs, and whether there may be more that it does not.
    fn ledger_wanted(
        &self,
        mut held: LedgerHeld,
        retention: &LedgerRetention,
        committee: &Committee,
        batch: &mut Batch,
    ) -> Result<(LedgerHeld, bool), StoreError> {
        let tip = self.tip()?;
        let commit_bound = tip.commit_index.saturating_sub(retention.commits);
        let (state_oldest, _) = self.heights_held()?;
        let height_bound = state_oldest.min(tip.height);
        if held.commit > commit_bound || held.height >= height_bound {
            return Ok((held, false));
        }
        let gc_depth = self.parameters().gc_depth;
        let newest = self.checkpoint_there(tip.height)?;
        let round_bound = self.round_of(&newest)?.saturating_sub(2 * gc_depth);
        let begin_ms = newest.timestamp_ms.saturating_sub(retention.time_ms);
        for _ in 0..HEIGHTS_MAX {
            let checkpoint = self.checkpoint_there(held.height)?;
            let passes = held.height < height_bound
                && checkpoint.timestamp_ms < begin_ms
                && checkpoint.commit_index <= commit_bound
                && (checkpoint.height == 0 || self.round_of(&checkpoint)? < round_bound);
            if !passes {
                return Ok((held, false));
            }
            if checkpoint.height > 0 {
                self.keep_certificate(&checkpoint, committee, batch)?;
                // A commit's blocks lie above what the one before it collected.
                held.round = self.round_of(&checkpoint)?.saturating_sub(gc_depth);
                held.commit = checkpoint.commit_index + 1;
            }
            held.height += 1;
        }
        Ok((held, true))
    }

    fn checkpoint_there(&self, height: u64) -> Result<Checkpoint, StoreError> {
        let missing = || StoreError::Corrupt { what: format!("no checkpoint {height}") };
        self.checkpoint(height)?.ok_or_else(missing)
    }

    fn round_of(&self, checkpoint: &Checkpoint) -> Result<Round, StoreError> {
        let index = checkpoint.commit_index;
        let missing = || StoreError::Corrupt { what: format!("no commit {index}") };
        Ok(self.commit::<Commit>(index)?.ok_or_else(missing)?.round)
    }

    /// Heights whose certificate was never collected are proved by attestations in blocks, which go: so one
    /// of those that lead to it within the bound of a path is kept.
    fn keep_certificate(
        &self,
        checkpoint: &Checkpoint,
        committee: &Committee,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let reach = checkpoint.height.saturating_add(PATH_CHECKPOINTS_MAX as u64);
        let next = self.next_signed_height(checkpoint.height)?;
        let waits = batch.operations().filter(|one| one.family == Family::Certificates).last();
        let waits = waits.is_some_and(|one| one.key >= &keys::number(checkpoint.height)[..]);
        if waits || next.is_some_and(|next| next <= reach) {
            return Ok(());
        }
        for height in [reach, checkpoint.height] {
            let Some(there) = self.checkpoint(height)? else { continue };
            if let Some(certificate) = self.certificate(&there, committee)? {
                Self::put_signatures(batch, height, &certificate.signatures);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes transactions from a height up to another. Answers the height that is not done.
    fn prune_executed(&self, deletes: &mut Deletes, from: u64, to: u64) -> Result<u64, StoreError> {
        if from >= to {
            return Ok(to);
        }
        let rows = self.store.scan(Scan {
            family: Family::Receipts,
            from: &keys::place(from, 0),
            to: &keys::place(to, 0),
            limit: PAGE.0,
            bytes_max: PAGE.1,
            direction: Direction::Ascending,
        })?;
        let indexes = self.indexes()?.states;
        let (of_accounts, of_events) =
            (indexes.contains_key(&Index::Accounts), indexes.contains_key(&Index::Events));
        let mut next = from;
        for (key, bytes) in &rows {
            let corrupt = || StoreError::Corrupt { what: format!("receipts {}", hex::encode(key)) };
            let (height, index) = keys::read_place(key).ok_or_else(corrupt)?;
            let receipt: Receipt = super::database::decode(Family::Receipts, key, bytes)?;
            let accounts = match of_accounts {
                true => {
                    let signed =
                        self.transaction(Location { height, index })?.ok_or_else(corrupt)?;
                    accounts_of(&signed.transaction)
                }
                false => BTreeSet::new(),
            };
            next = height;
            if deletes.left < DELETES_TRANSACTION + receipt.events.len() + accounts.len() {
                return Ok(next);
            }
            deletes.delete(Family::Transactions, key);
            deletes.delete(Family::TransactionIndex, receipt.transaction.0);
            deletes.delete(Family::Receipts, key);
            deletes.delete(Family::Notes, key);
            for account in accounts {
                deletes.delete(Family::IndexAccounts, keys::account(&account, height, index));
            }
            for (number, event) in (0u32..).zip(&receipt.events).filter(|_| of_events) {
                let key = keys::event(&event.module, height, index, number);
                deletes.delete(Family::IndexEvents, key);
            }
        }
        // The scan may have ended early: then what is behind its last row is read by the next step.
        Ok(if rows.is_empty() { to } else { next })
    }

    /// Deletes blocks from a round up to another, but for the newest of each author. True when all are gone.
    fn prune_blocks(
        &self,
        deletes: &mut Deletes,
        from: Round,
        to: Round,
    ) -> Result<bool, StoreError> {
        if from >= to {
            return Ok(true);
        }
        let mut author = Some(0);
        while let Some(at) = author {
            let Some(found) = self.next_author_block(at, from)? else { return Ok(true) };
            author = match found.author == at {
                // All of it below `to`, then the next author.
                true => {
                    let most = deletes.left / 2;
                    let blocks = self.author_blocks(at, from, most.saturating_add(1))?;
                    let old = blocks.iter().filter(|block| block.round < to);
                    let newest = self.newest_block(at)?;
                    for block in old.clone().take(most).filter(|block| Some(**block) != newest) {
                        deletes.delete(Family::Dag, keys::block(block));
                        deletes.delete(Family::DagAuthor, keys::author_block(block));
                    }
                    if old.count() > most {
                        return Ok(false);
                    }
                    at.checked_add(1)
                }
                false => Some(found.author),
            };
        }
        Ok(true)
    }

    /// The first block, by author and round, at or behind a round of an author.
    fn next_author_block(
        &self,
        author: AuthorIndex,
        round: Round,
    ) -> Result<Option<BlockRef>, StoreError> {
        let entries = self.store.scan(Scan {
            family: Family::DagAuthor,
            from: &keys::author_round(author, round),
            to: &[0xff; 39],
            limit: 1,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        let read = |(key, _): Entry| {
            keys::read_author_block(&key).ok_or_else(|| StoreError::Corrupt {
                what: format!("dag_author {}", hex::encode(&key)),
            })
        };
        entries.into_iter().next().map(read).transpose()
    }
}
