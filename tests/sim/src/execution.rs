//! A cheap stand-in for execution: chains a digest over the ids of ordered transactions, each counted
//! once, and closes checkpoints by the rule of the real one. A function of the commits alone.

use std::collections::BTreeSet;

use pollen_ledger::codec;
use pollen_ledger::crypto::Domain;
use pollen_ledger::ordering::CommittedSubDag;
use pollen_ledger::store::{Batch, Database, Tip};
use pollen_ledger::{Checkpoint, Hash, Parameters};

/// What a commit brought about.
#[derive(Debug)]
pub struct Executed {
    /// Ids that the pool can forget: empty unless a checkpoint closed.
    pub ids: Vec<Hash>,
    /// The checkpoint that this commit closed.
    pub closed: Option<Checkpoint>,
    /// Copies of transactions that were executed before.
    pub copies: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct StandIn {
    chain_id: Hash,
    last: Checkpoint,
    last_digest: Hash,
    commit_index: u64,
    interval_ms: u64,
    interval_max_ms: u64,
    executed: BTreeSet<Hash>,
    ids: Vec<Hash>,
    content: bool,
}

impl StandIn {
    /// At genesis.
    pub fn new(genesis: Checkpoint, parameters: &Parameters) -> Self {
        Self {
            chain_id: genesis.chain_id,
            last_digest: genesis.digest(),
            commit_index: genesis.commit_index,
            last: genesis,
            interval_ms: parameters.checkpoint_interval_ms,
            interval_max_ms: parameters.checkpoint_interval_max_ms,
            executed: BTreeSet::new(),
            ids: Vec::new(),
            content: false,
        }
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.last
    }

    /// The last commit that was executed.
    pub fn commit_index(&self) -> u64 {
        self.commit_index
    }

    /// Executes the next commit.
    pub fn execute(&mut self, committed: &CommittedSubDag) -> Executed {
        let commit = &committed.commit;
        assert_eq!(commit.index, self.commit_index + 1, "commits are executed in order, each once");
        self.commit_index = commit.index;
        let mut copies = 0;
        for block in &committed.blocks {
            self.content |= !block.header().evidence.is_empty();
            for signed in block.transactions() {
                let id = signed.transaction.id(&self.chain_id);
                match self.executed.insert(id) {
                    true => self.ids.push(id),
                    false => copies += 1,
                }
            }
        }
        let passed_ms = commit.timestamp_ms.saturating_sub(self.last.timestamp_ms);
        let content = self.content || !self.ids.is_empty();
        let closes = content && passed_ms >= self.interval_ms || passed_ms >= self.interval_max_ms;
        if !closes {
            return Executed { ids: Vec::new(), closed: None, copies };
        }
        self.content = false;
        let ids = std::mem::take(&mut self.ids);
        let transactions_root = Domain::List.hash(&[&codec::encode(&ids)]);
        let checkpoint = Checkpoint {
            height: self.last.height + 1,
            commit_index: commit.index,
            commit_digest: commit.digest,
            previous: self.last_digest,
            timestamp_ms: commit.timestamp_ms,
            transactions_root,
            receipts_root: Hash::ZERO,
            state_root: Domain::State.hash(&[&self.last.state_root.0, &transactions_root.0]),
            ..self.last.clone()
        };
        self.last_digest = checkpoint.digest();
        self.last = checkpoint.clone();
        Executed { ids, closed: Some(checkpoint), copies }
    }

    /// Adds a checkpoint, and that it is the last one.
    pub fn put(batch: &mut Batch, checkpoint: &Checkpoint) {
        Database::put_checkpoint(batch, checkpoint);
        let tip = Tip {
            height: checkpoint.height,
            commit_index: checkpoint.commit_index,
            digest: checkpoint.digest(),
            state_root: checkpoint.state_root,
        };
        Database::put_tip(batch, &tip);
    }
}
