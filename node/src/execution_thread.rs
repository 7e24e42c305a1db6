//! The one thread that executes: commits in, checkpoints out, each written with sync before anybody
//! hears of it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use pollen_ledger::execution::{CommitInput, ExecutedTransaction, Executor, FinishedCheckpoint};
use pollen_ledger::ordering::{CommittedSubDag, Input};
use pollen_ledger::store::{Database, Durability, Location, Retention};
use pollen_ledger::{Attestation, Hash, KeyPair, VerifiedBlock};

use crate::core_thread::CoreHandle;
use crate::shared::{Head, Shared};
use crate::verdicts::Verdicts;

/// Steps of pruning behind each checkpoint, of 10 000 deletes at most.
const PRUNING_STEPS_MAX: usize = 8;

/// What execution works with.
pub struct Execution {
    /// The pure part.
    pub executor: Executor,
    /// Where checkpoints go.
    pub database: Arc<Database>,
    /// Signatures of transactions.
    pub verdicts: Arc<Verdicts>,
    /// Whom to tell.
    pub shared: Arc<Shared>,
    /// Whom to tell, too.
    pub core: CoreHandle,
    /// Signs attestations; none on a peer.
    pub key: Option<KeyPair>,
    /// Rounds that a block may lag behind a commit.
    pub gc_depth: u32,
    pending: Vec<Hash>,
}

impl Execution {
    /// With nothing pending.
    pub fn new(
        executor: Executor,
        database: Arc<Database>,
        verdicts: Arc<Verdicts>,
        shared: Arc<Shared>,
        core: CoreHandle,
        key: Option<KeyPair>,
        gc_depth: u32,
    ) -> Self {
        let pending = Vec::new();
        Self { executor, database, verdicts, shared, core, key, gc_depth, pending }
    }

    /// Executes commits until the writer is gone, or something fails that says nothing about any
    /// transaction: then the node ends.
    pub fn run(mut self, queue: &Receiver<Arc<CommittedSubDag>>) {
        while let Ok(commit) = queue.recv() {
            if self.shared.divergence.borrow().is_some() {
                continue; // reads go on; what was computed may be wrong
            }
            if commit.commit.index < self.executor.next_commit() {
                continue; // executed before a restart
            }
            if let Err(reason) = self.commit(&commit) {
                self.shared.fatal(&reason);
                return;
            }
        }
    }

    fn commit(&mut self, commit: &CommittedSubDag) -> Result<(), String> {
        let blocks: Vec<(VerifiedBlock, Vec<bool>)> =
            commit.blocks.iter().map(|block| (block.clone(), self.verdicts.take(block))).collect();
        let input = CommitInput {
            index: commit.commit.index,
            digest: commit.commit.digest,
            round: commit.commit.round,
            timestamp_ms: commit.commit.timestamp_ms,
            ordering_root: commit.commit.ordering_root,
            blocks: &blocks,
        };
        let report =
            self.executor.execute(&input).map_err(|error| format!("execution: {error}"))?;
        for skipped in &report.skipped {
            tracing::debug!(transaction = %skipped.transaction, reason = ?skipped.reason, "skipped");
        }
        self.pending.extend(report.executed);
        self.pending.extend(report.skipped.iter().map(|skipped| skipped.transaction));
        let height = self.executor.checkpoint().height;
        let commit_index = commit.commit.index;
        let (digest, ids, attestation) = match report.finished {
            Some(finished) => {
                let digest = finished.digest;
                let attestation = self.finish(finished)?;
                (Some(digest), std::mem::take(&mut self.pending), attestation)
            }
            None => (None, Vec::new(), None),
        };
        let checkpoint_open = self.executor.has_open_checkpoint();
        self.core.mail(Input::Executed {
            height,
            commit_index,
            ids,
            digest,
            attestation,
            checkpoint_open,
        });
        self.verdicts.forget_up_to(commit.commit.round.saturating_sub(self.gc_depth));
        Ok(())
    }

    /// Tells those who wait for a transaction; what they will ask for is at hand before.
    fn tell(&self, height: u64, executed: Vec<ExecutedTransaction>) {
        let tracker = &self.shared.tracker;
        let placed = (0u32..).zip(executed);
        let placed = placed.filter(|(_, one)| tracker.follows(&one.receipt.transaction));
        let placed: Vec<_> = placed.map(|(index, one)| (Location { height, index }, one)).collect();
        let ids: Vec<_> = placed.iter().map(|(_, one)| one.receipt.transaction).collect();
        self.shared.recent.keep(placed.into_iter());
        self.shared.executed(height, ids);
    }

    /// Lets go of history behind the window: as much as checkpoints add, and more while it lags.
    fn prune(&self) -> Result<(), String> {
        for _ in 0..PRUNING_STEPS_MAX {
            match self.database.prune(&Retention::default()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(format!("cannot prune the state's history: {error}")),
            }
        }
        Ok(())
    }

    /// Writes a checkpoint, then tells of it.
    fn finish(&mut self, finished: FinishedCheckpoint) -> Result<Option<Attestation>, String> {
        let height = finished.checkpoint.height;
        self.database
            .write(finished.batch, Durability::Synced)
            .map_err(|error| format!("cannot write checkpoint {height}: {error}"))?;
        self.executor.written(height);
        let digest = finished.digest;
        self.tell(height, finished.executed);
        self.shared.head.send_replace(Head { checkpoint: finished.checkpoint, digest });
        self.prune()?;
        let chain_id = &self.shared.chain_id;
        Ok(self.key.as_ref().map(|key| Attestation::sign(chain_id, height, digest, key)))
    }
}
