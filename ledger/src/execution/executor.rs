//! Commits in, checkpoints out.
//!
//! A checkpoint closes at the first commit whose timestamp is at least `checkpoint_interval_ms` after the
//! last checkpoint's when something was executed since, and at least `checkpoint_interval_max_ms` after it
//! in any case. So the rule depends on ledger time alone, and an idle chain still certifies time.
//!
//! The executor writes nothing. Each finished checkpoint brings one batch; whoever owns the store writes
//! batches in order, synced, tells [`Executor::written`], and only then acknowledges. After a restart the
//! commits above the tip's commit index are executed again, with the same result.

use std::sync::Arc;

use super::cache::StateCache;
use super::transact::{Rules, SkipReason, Transacted, transact};
use super::{CallContext, StateRead, StateTree, position};
use crate::block::{BlockRef, Round, VerifiedBlock};
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::crypto::Hash;
use crate::genesis::Parameters;
use crate::list;
use crate::module::{EngineFailure, ModuleEngine};
use crate::receipt::Receipt;
use crate::store::{Batch, Database, Location, StateWrite, StoreError, Tip};
use crate::transaction::SignedTransaction;

/// What execution needs of a commit.
#[derive(Debug, Clone, Copy)]
pub struct CommitInput<'a> {
    /// Its index: one more than that of the commit before; the first has 1.
    pub index: u64,
    /// Its digest.
    pub digest: Hash,
    /// Its round.
    pub round: Round,
    /// Ledger time, in milliseconds; never less than that of the commit before.
    pub timestamp_ms: u64,
    /// Digest of what the commits after it depend on.
    pub ordering_root: Hash,
    /// Its blocks, in the commit's order, each with the verdicts of [`verify_block_signatures`].
    pub blocks: &'a [(VerifiedBlock, Vec<bool>)],
}

/// An ordered copy that left no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The transaction.
    pub transaction: Hash,
    /// The block that carried the copy.
    pub block: BlockRef,
    /// Why.
    pub reason: SkipReason,
}

/// What one commit did.
#[derive(Debug)]
pub struct CommitReport {
    /// Transactions executed, in order: they count no longer as pending. Their receipts come with the
    /// checkpoint.
    pub executed: Vec<Hash>,
    /// Copies passed over.
    pub skipped: Vec<Skipped>,
    /// The checkpoint that this commit closed.
    pub finished: Option<FinishedCheckpoint>,
}

/// A checkpoint, to be written and then told.
#[derive(Debug)]
pub struct FinishedCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its digest: what attestations sign.
    pub digest: Hash,
    /// Everything that it changes, its tip included. Write it synced before anything is told.
    pub batch: Batch,
    /// What it executed, in order: the index is the place in the checkpoint.
    pub executed: Vec<ExecutedTransaction>,
    /// What it changes in the state, ascending by key hash: it is in the batch, but not by name.
    pub writes: Vec<StateWrite>,
}

/// A transaction with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutedTransaction {
    /// The copy that ran.
    pub signed: Arc<SignedTransaction>,
    /// What all nodes agree on.
    pub receipt: Receipt,
    /// This node's own text about it.
    pub note: Option<String>,
}

/// Why execution cannot go on. Says nothing about any transaction: end the process. The executor is not
/// to be used again: part of a commit may be done.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The store or the module host failed.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// Commits must come without gaps.
    #[error("commit {found} was given to execution after commit {last}: commits come one by one")]
    OutOfOrder {
        /// The last one executed.
        last: u64,
        /// The one that came.
        found: u64,
    },
}

impl From<StoreError> for ExecutionError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// See the module's documentation.
pub struct Executor {
    parameters: Parameters,
    engine: Arc<dyn ModuleEngine>,
    chain_id: Hash,
    cache: StateCache,
    tree: StateTree,
    /// The last finished checkpoint, and its digest.
    last: (Checkpoint, Hash),
    commit_index: u64,
    pending: Vec<ExecutedTransaction>,
}

impl Executor {
    /// Goes on from the tip of the store.
    pub fn new(database: &Database, engine: Arc<dyn ModuleEngine>) -> Result<Self, StoreError> {
        let tip = database.tip()?;
        let checkpoint = database.checkpoint(tip.height)?.ok_or_else(|| StoreError::Corrupt {
            what: format!("no checkpoint at the tip, height {}", tip.height),
        })?;
        Ok(Self {
            parameters: database.parameters().clone(),
            engine,
            chain_id: *database.chain_id(),
            cache: StateCache::new(database.store().clone()),
            tree: StateTree::new(database)?,
            last: (checkpoint, tip.digest),
            commit_index: tip.commit_index,
            pending: Vec::new(),
        })
    }

    /// Lets large updates of the state tree use so many threads. Changes no result.
    pub fn set_tree_threads(&mut self, threads: usize) {
        self.tree.set_threads(threads);
    }

    /// The commit that it wants next.
    pub fn next_commit(&self) -> u64 {
        self.commit_index + 1
    }

    /// The last finished checkpoint, written or not.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.last.0
    }

    /// True when transactions were executed that no checkpoint has yet: their clients still wait.
    pub fn has_open_checkpoint(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The state after the last executed commit: for reads by whoever owns the executor.
    pub fn state(&self) -> &dyn StateRead {
        &self.cache
    }

    /// The batch of the checkpoint at `height`, and of all before it, is in the store.
    pub fn written(&mut self, height: u64) {
        assert!(height <= self.last.0.height, "only a finished checkpoint can be written");
        self.cache.written(height);
        self.tree.written(height);
    }

    /// Executes the next commit. It stands in memory only until its checkpoint is written.
    pub fn execute(&mut self, commit: &CommitInput<'_>) -> Result<CommitReport, ExecutionError> {
        if commit.index != self.next_commit() {
            return Err(ExecutionError::OutOfOrder {
                last: self.commit_index,
                found: commit.index,
            });
        }
        let height = self.last.0.height + 1;
        let mut report = CommitReport { executed: Vec::new(), skipped: Vec::new(), finished: None };
        let mut places = 0u32..;
        for (block, verdicts) in commit.blocks {
            assert_eq!(verdicts.len(), block.transactions().len(), "a verdict per transaction");
            for ((id, signed), good) in block.identified().zip(verdicts) {
                let place = places.next().expect("a commit has fewer than 2^32 copies");
                match self.transact(commit, (height, place), id, signed, *good)? {
                    None => report.executed.push(id),
                    Some(reason) => report.skipped.push(Skipped {
                        transaction: id,
                        block: block.reference(),
                        reason,
                    }),
                }
            }
        }
        self.commit_index = commit.index;
        if self.is_due(commit.timestamp_ms) {
            report.finished = Some(self.finish(commit)?);
        }
        Ok(report)
    }

    fn transact(
        &mut self,
        commit: &CommitInput<'_>,
        (height, place): (u64, u32),
        id: Hash,
        signed: &Arc<SignedTransaction>,
        good: bool,
    ) -> Result<Option<SkipReason>, ExecutionError> {
        let context = CallContext {
            chain_id: self.chain_id,
            transaction: id,
            signer: signed.transaction.sender,
            by_scoped_key: false, // known when its keys were looked up
            time_ms: commit.timestamp_ms,
            round: commit.round,
            commit: commit.digest,
            position: position(commit.index, place),
        };
        let rules = Rules { parameters: &self.parameters, engine: &*self.engine, simulated: false };
        match transact(&rules, &self.cache, signed, good, context)? {
            Transacted::Skipped(reason) => Ok(Some(reason)),
            Transacted::Executed { changes, receipt, note } => {
                self.cache.apply(height, changes)?;
                self.pending.push(ExecutedTransaction { signed: signed.clone(), receipt, note });
                Ok(None)
            }
        }
    }

    fn is_due(&self, timestamp_ms: u64) -> bool {
        let passed = timestamp_ms.saturating_sub(self.last.0.timestamp_ms);
        passed >= self.parameters.checkpoint_interval_max_ms
            || (!self.pending.is_empty() && passed >= self.parameters.checkpoint_interval_ms)
    }

    fn finish(&mut self, commit: &CommitInput<'_>) -> Result<FinishedCheckpoint, StoreError> {
        let (last, previous) = &self.last;
        let height = last.height + 1;
        let changes = self.cache.finish(height)?;
        let tree_changes: Vec<_> = changes.writes.iter().map(StateWrite::change).collect();
        let tree = self.tree.apply(height, &tree_changes)?;
        let pending = std::mem::take(&mut self.pending);
        let checkpoint = Checkpoint {
            chain_id: self.chain_id,
            epoch: last.epoch,
            height,
            commit_index: commit.index,
            commit_digest: commit.digest,
            previous: *previous,
            timestamp_ms: commit.timestamp_ms,
            transactions_root: list::root(pending.iter().map(transaction_leaf).collect()),
            receipts_root: list::root(pending.iter().map(receipt_leaf).collect()),
            state_root: tree.root,
            ordering_root: commit.ordering_root,
        };
        let digest = checkpoint.digest();
        let mut batch = Batch::default();
        for (hash, code) in &changes.code {
            Database::put_code(&mut batch, hash, code);
        }
        Database::put_state(&mut batch, height, &changes.writes);
        Database::put_tree(&mut batch, height, tree);
        for (index, one) in (0u32..).zip(&pending) {
            let at = Location { height, index };
            let note = one.note.as_deref();
            Database::put_executed(&mut batch, at, &one.signed, &one.receipt, note);
        }
        Database::put_checkpoint(&mut batch, &checkpoint);
        let state_root = checkpoint.state_root;
        let tip = Tip { height, commit_index: commit.index, digest, state_root };
        Database::put_tip(&mut batch, &tip);
        self.last = (checkpoint.clone(), digest);
        let writes = changes.writes;
        Ok(FinishedCheckpoint { checkpoint, digest, batch, executed: pending, writes })
    }
}

fn transaction_leaf(one: &ExecutedTransaction) -> Hash {
    list::leaf(&one.receipt.transaction.0)
}

fn receipt_leaf(one: &ExecutedTransaction) -> Hash {
    list::leaf(&codec::encode(&one.receipt))
}

/// Checks the signatures of every transaction in a block. Costs about 50 us each: on a pool, between
/// acceptance and execution, never on the ordering path.
pub fn verify_block_signatures(block: &VerifiedBlock, chain_id: &Hash) -> Vec<bool> {
    block.transactions().iter().map(|signed| signed.check_signatures(chain_id).is_ok()).collect()
}
