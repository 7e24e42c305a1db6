//! The one thread that executes: commits in, checkpoints out, each written with sync before anybody
//! hears of it. While commits wait, several checkpoints share one write: nobody hears of any of them
//! before that.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use pollen_ledger::execution::{
    CommitInput, ExecutedTransaction, Executor, FinishedCheckpoint, NonceError, SkipReason,
};
use pollen_ledger::ordering::{CommittedSubDag, Input};
use pollen_ledger::store::{Batch, Database, Durability, Indexer, Location, StoreError};
use pollen_ledger::{Attestation, Committee, Hash, KeyPair, VerifiedBlock};

use crate::config::Keeps;
use crate::core_thread::CoreHandle;
use crate::shared::{Head, Shared};
use crate::snapshots::{Made, Snapshots};
use crate::verdicts::Verdicts;

/// Commits that may share a write; with the next one more, who waits for the first would wait too long.
const GROUP_COMMITS_MAX: usize = 64;
/// Bytes of checkpoints with which a write is begun.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Steps of pruning behind each write, of 10 000 deletes at most.
const PRUNING_STEPS_MAX: usize = 8;

/// What is kept of the past, and what that depends on.
pub struct Kept {
    /// Rounds that a block may lag behind a commit.
    pub gc_depth: u32,
    /// The windows.
    pub keeps: Keeps,
    /// Whose certificates are to stay provable.
    pub committee: Arc<Committee>,
}

/// What execution works with.
pub struct Execution {
    /// The pure part.
    pub executor: Executor,
    /// What the store's indexes have of a checkpoint.
    pub indexer: Indexer,
    /// Where checkpoints go.
    pub database: Arc<Database>,
    /// Makes copies of it.
    pub snapshots: Arc<Snapshots>,
    /// Signatures of transactions.
    pub verdicts: Arc<Verdicts>,
    /// Whom to tell.
    pub shared: Arc<Shared>,
    /// Whom to tell, too.
    pub core: CoreHandle,
    /// Signs attestations; none on a peer.
    pub key: Option<KeyPair>,
    /// What is kept of the past.
    pub kept: Kept,
    pending: Vec<Hash>,
    /// Copies that found their nonce used, since the last finished checkpoint.
    lost: Vec<(Hash, NonceError)>,
}

impl Execution {
    /// With nothing pending.
    #[expect(clippy::too_many_arguments, reason = "each is a field, and has one caller")]
    pub fn new(
        executor: Executor,
        indexer: Indexer,
        database: Arc<Database>,
        snapshots: Arc<Snapshots>,
        verdicts: Arc<Verdicts>,
        shared: Arc<Shared>,
        core: CoreHandle,
        key: Option<KeyPair>,
        kept: Kept,
    ) -> Self {
        let (pending, lost) = (Vec::new(), Vec::new());
        Self {
            executor,
            indexer,
            database,
            snapshots,
            verdicts,
            shared,
            core,
            key,
            kept,
            pending,
            lost,
        }
    }

    /// Executes commits until the writer is gone, or something fails that says nothing about any
    /// transaction: then the node ends.
    pub fn run(mut self, queue: &Receiver<Arc<CommittedSubDag>>) {
        while let Ok(commit) = queue.recv() {
            if let Err(reason) = self.group(commit, queue) {
                self.shared.fatal(&reason);
                return;
            }
        }
    }

    /// A commit and those that wait behind it: while there are any, their checkpoints share a write and
    /// its sync, which is what a node that catches up would wait for most.
    fn group(
        &mut self,
        first: Arc<CommittedSubDag>,
        queue: &Receiver<Arc<CommittedSubDag>>,
    ) -> Result<(), String> {
        let mut group = Group::default();
        let mut next = Some(first);
        while let Some(commit) = next {
            if self.shared.divergence.borrow().is_some() {
                break; // reads go on; what was computed may be wrong
            }
            // Else it was executed before a restart.
            if commit.commit.index >= self.executor.next_commit() {
                self.commit(&commit, &mut group)?;
            }
            next = if group.is_full() { None } else { queue.try_recv().ok() };
        }
        self.write(group)
    }

    fn commit(&mut self, commit: &CommittedSubDag, group: &mut Group) -> Result<(), String> {
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
        let mut report =
            self.executor.execute(&input).map_err(|error| format!("execution: {error}"))?;
        for skipped in &report.skipped {
            tracing::debug!(transaction = %skipped.transaction, reason = ?skipped.reason, "skipped");
        }
        let lost = report.skipped.iter().filter_map(|skipped| match skipped.reason {
            // Too high a nonce comes into the window as others are used; a used one stays used.
            SkipReason::Nonce(error @ NonceError::Used { .. }) => {
                Some((skipped.transaction, error))
            }
            _ => None,
        });
        self.lost.extend(lost.filter(|(id, _)| self.shared.tracker.follows(id)));
        self.pending.extend(report.executed);
        self.pending.extend(report.skipped.iter().map(|skipped| skipped.transaction));
        let finished = report.finished.as_mut();
        let (ids, lost) = match finished {
            Some(_) => (std::mem::take(&mut self.pending), std::mem::take(&mut self.lost)),
            None => (Vec::new(), Vec::new()),
        };
        if let Some(finished) = finished {
            self.indexer.add(finished);
            finished.writes = Vec::new(); // nobody looks at them any more
            group.batch.append(&mut finished.batch);
            // The write ends at that height: then the database is what the snapshot is of.
            group.snapshot |= self.snapshots.is_due(finished.checkpoint.height);
        }
        group.commits.push(Executed {
            index: commit.commit.index,
            height: self.executor.checkpoint().height,
            ids,
            lost,
            finished: report.finished,
            checkpoint_open: self.executor.has_open_checkpoint(),
        });
        self.verdicts.forget_up_to(commit.commit.round.saturating_sub(self.kept.gc_depth));
        Ok(())
    }

    /// Writes the checkpoints of a group, with one sync, and only then tells of them.
    fn write(&mut self, group: Group) -> Result<(), String> {
        let wrote = !group.batch.is_empty();
        if wrote {
            let height = self.executor.checkpoint().height;
            let writing = self.snapshots.writing();
            self.database
                .write(group.batch, Durability::Synced)
                .map_err(|error| format!("cannot write checkpoint {height}: {error}"))?;
            drop(writing);
            self.executor.written(height);
        }
        for commit in group.commits {
            let Executed { index, height, ids, lost, finished, checkpoint_open } = commit;
            let digest = finished.as_ref().map(|finished| finished.digest);
            let attestation = finished.and_then(|finished| self.told(finished));
            self.tell_lost(lost)?;
            self.core.mail(Input::Executed {
                height,
                commit_index: index,
                ids,
                digest,
                attestation,
                checkpoint_open,
            });
        }
        if group.snapshot {
            self.snapshot();
        }
        if wrote { self.prune() } else { Ok(()) }
    }

    /// Makes a snapshot of what was just written. One that cannot be made is no reason to stop: a database
    /// that fails says so at its next write.
    fn snapshot(&self) {
        match self.snapshots.make(&self.database) {
            Ok(Made { height, pause, .. }) => {
                let pause_ms = pause.as_millis() as u64;
                tracing::info!(height, pause_ms, "made a snapshot");
                self.snapshots.let_go_aside();
            }
            Err(error) => tracing::warn!(%error, "cannot make a snapshot"),
        }
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

    /// Tells those who wait for a transaction whose nonce was used: by another one, unless it is itself in the
    /// store by now, and the copy that was passed over a second one.
    fn tell_lost(&self, lost: Vec<(Hash, NonceError)>) -> Result<(), String> {
        for (id, error) in lost {
            let found = self.database.location(&id);
            if found.map_err(|error| format!("cannot read the ledger: {error}"))?.is_none() {
                self.shared.tracker.lost(&id, error);
            }
        }
        Ok(())
    }

    /// Lets go of history behind the windows: as much as a write adds, and more while it lags. One step of
    /// the ledger's takes longer, and so that commits do not wait there is only one.
    fn prune(&self) -> Result<(), String> {
        let Kept { keeps, committee, .. } = &self.kept;
        let keeps = self.shared.keeps_less.lock().unwrap_or(*keeps);
        // Every write that fails is told in the same words.
        let failed = |error: StoreError| match error {
            StoreError::Io(_) => format!("cannot write, pruning history: {error}"),
            _ => format!("cannot prune history: {error}"),
        };
        let mut more = true;
        for _ in 0..PRUNING_STEPS_MAX {
            more = self.database.prune(&keeps.state).map_err(failed)?;
            if !more {
                break;
            }
        }
        more |= self.database.prune_ledger(&keeps.ledger, committee).map_err(failed)?;
        self.shared.pruned.send_replace(!more);
        Ok(())
    }

    /// Tells of a checkpoint that is written, and attests it.
    fn told(&self, finished: FinishedCheckpoint) -> Option<Attestation> {
        let FinishedCheckpoint { checkpoint, digest, executed, .. } = finished;
        let height = checkpoint.height;
        self.tell(height, executed);
        self.shared.head.send_replace(Head { checkpoint, digest });
        let chain_id = &self.shared.chain_id;
        self.key.as_ref().map(|key| Attestation::sign(chain_id, height, digest, key))
    }
}

/// A commit that is executed, told of when what it changed is written.
struct Executed {
    index: u64,
    /// Of the last finished checkpoint.
    height: u64,
    /// What its checkpoint decided about.
    ids: Vec<Hash>,
    /// Copies of its checkpoint's commits that found their nonce used.
    lost: Vec<(Hash, NonceError)>,
    finished: Option<FinishedCheckpoint>,
    checkpoint_open: bool,
}

/// Commits whose checkpoints are written together.
#[derive(Default)]
struct Group {
    batch: Batch,
    /// Its last checkpoint is one that a snapshot is made of.
    snapshot: bool,
    commits: Vec<Executed>,
}

impl Group {
    fn is_full(&self) -> bool {
        self.snapshot
            || self.commits.len() >= GROUP_COMMITS_MAX
            || self.batch.bytes() >= GROUP_BYTES_MAX
    }
}
