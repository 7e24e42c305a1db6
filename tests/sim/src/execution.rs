//! What a host does with commits: the real executor with native transfers, or a cheap stand-in that chains
//! a digest over the ids of ordered transactions, each counted once, and closes checkpoints by the rule of
//! the real one. Both are functions of the commits alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use pollen_ledger::codec;
use pollen_ledger::crypto::Domain;
use pollen_ledger::execution::{
    CommitInput, Executor, StateTree, TransactionState, account, verify_block_signatures,
};
use pollen_ledger::module::{
    Call, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
use pollen_ledger::ordering::CommittedSubDag;
use pollen_ledger::store::{Batch, Database, Tip};
use pollen_ledger::tree::Change;
use pollen_ledger::{AccountId, Checkpoint, Hash, VerifiedBlock};

use crate::options::ExecutionKind;

/// What a commit brought about.
#[derive(Debug)]
pub struct Executed {
    /// Ids that the pool can forget: empty unless a checkpoint closed.
    pub ids: Vec<Hash>,
    /// The checkpoint that this commit closed, with what it writes.
    pub closed: Option<(Checkpoint, Batch)>,
    /// Transactions were executed that no checkpoint has yet.
    pub open: bool,
}

/// See the module's documentation.
pub enum Execution {
    /// Digests only.
    StandIn(Box<StandIn>),
    /// The ledger's own.
    Real(Box<Real>),
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Execution at commit {}", self.commit_index())
    }
}

impl Execution {
    /// At genesis.
    pub fn new(kind: ExecutionKind, database: &Database) -> Self {
        match kind {
            ExecutionKind::StandIn => Self::StandIn(Box::new(StandIn::new(database))),
            ExecutionKind::Real => Self::Real(Box::new(Real::new(database))),
        }
    }

    /// Goes back to what the store holds, as after a crash.
    pub fn restart(&mut self, database: &Database) {
        match self {
            Self::StandIn(execution) => execution.roll_back(database),
            Self::Real(execution) => **execution = Real::new(database),
        }
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        match self {
            Self::StandIn(execution) => &execution.marks[execution.marks.len() - 1].checkpoint,
            Self::Real(execution) => execution.executor.checkpoint(),
        }
    }

    /// The last commit that was executed.
    pub fn commit_index(&self) -> u64 {
        match self {
            Self::StandIn(execution) => execution.commit_index,
            Self::Real(execution) => execution.executor.next_commit() - 1,
        }
    }

    /// Executes the next commit.
    pub fn execute(&mut self, committed: &CommittedSubDag) -> Executed {
        match self {
            Self::StandIn(execution) => execution.execute(committed),
            Self::Real(execution) => execution.execute(committed),
        }
    }

    /// The checkpoint's batch is written.
    pub fn written(&mut self, height: u64) {
        match self {
            Self::StandIn(execution) => execution.tree.written(height),
            Self::Real(execution) => execution.executor.written(height),
        }
    }

    /// The balance of an account after the last executed commit; none by the stand-in.
    pub fn balance(&self, id: &AccountId) -> Option<u64> {
        let Self::Real(execution) = self else { return None };
        let account = account(execution.executor.state(), id).expect("memory can be read");
        Some(account.map_or(0, |account| account.balance))
    }
}

/// The executor, and ids that wait for the next checkpoint.
pub struct Real {
    executor: Executor,
    pending: Vec<Hash>,
    chain_id: Hash,
}

impl Real {
    fn new(database: &Database) -> Self {
        let executor = Executor::new(database, Arc::new(NoModules)).expect("the store is whole");
        Self { executor, pending: Vec::new(), chain_id: *database.chain_id() }
    }

    fn execute(&mut self, committed: &CommittedSubDag) -> Executed {
        let commit = &committed.commit;
        let verdicts = |block: &VerifiedBlock| verify_block_signatures(block, &self.chain_id);
        let blocks: Vec<(VerifiedBlock, Vec<bool>)> =
            committed.blocks.iter().map(|block| (block.clone(), verdicts(block))).collect();
        let input = CommitInput {
            index: commit.index,
            digest: commit.digest,
            round: commit.round,
            timestamp_ms: commit.timestamp_ms,
            ordering_root: commit.ordering_root,
            blocks: &blocks,
        };
        let report = self.executor.execute(&input).expect("memory can be read");
        self.pending.extend(report.executed);
        self.pending.extend(report.skipped.iter().map(|skipped| skipped.transaction));
        let open = self.executor.has_open_checkpoint();
        match report.finished {
            None => Executed { ids: Vec::new(), closed: None, open },
            Some(finished) => Executed {
                ids: std::mem::take(&mut self.pending),
                closed: Some((finished.checkpoint, finished.batch)),
                open,
            },
        }
    }
}

/// Clients deploy and call nothing.
#[derive(Debug)]
struct NoModules;

impl ModuleEngine for NoModules {
    fn inspect(&self, _: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        Err(CodeRefusal { reason: "no modules in the simulation".to_owned() })
    }

    fn call(&self, _: &mut TransactionState<'_>, _: Call<'_>) -> Result<CallReport, EngineFailure> {
        Err(EngineFailure::Host("no modules in the simulation".to_owned()))
    }

    fn prepare(&self, _: &Hash, _: &[u8]) -> Result<(), EngineFailure> {
        Err(EngineFailure::Host("no modules in the simulation".to_owned()))
    }
}

/// A checkpoint of the stand-in, and how many ids had been executed by then.
#[derive(Debug)]
struct Mark {
    checkpoint: Checkpoint,
    digest: Hash,
    executed: usize,
}

/// See the module's documentation.
pub struct StandIn {
    chain_id: Hash,
    commit_index: u64,
    interval_ms: u64,
    interval_max_ms: u64,
    marks: Vec<Mark>,
    /// Genesis, and one entry with the root of the newest checkpoint's transactions.
    tree: StateTree,
    executed: BTreeSet<Hash>,
    /// The same, in order.
    order: Vec<Hash>,
}

impl StandIn {
    fn new(database: &Database) -> Self {
        let genesis = database.checkpoint(0).expect("memory can be read");
        let checkpoint = genesis.expect("genesis is stored");
        let parameters = database.parameters();
        Self {
            chain_id: checkpoint.chain_id,
            commit_index: checkpoint.commit_index,
            interval_ms: parameters.checkpoint_interval_ms,
            interval_max_ms: parameters.checkpoint_interval_max_ms,
            marks: vec![Mark { digest: checkpoint.digest(), checkpoint, executed: 0 }],
            tree: StateTree::new(database).expect("the store is whole"),
            executed: BTreeSet::new(),
            order: Vec::new(),
        }
    }

    fn roll_back(&mut self, database: &Database) {
        let tip = database.tip().expect("an open store has a tip");
        self.marks.truncate(tip.height as usize + 1);
        let mark = &self.marks[self.marks.len() - 1];
        assert_eq!(mark.digest, tip.digest, "the store has the checkpoint that was computed");
        self.commit_index = mark.checkpoint.commit_index;
        self.tree = StateTree::new(database).expect("the store is whole");
        for id in self.order.drain(mark.executed..) {
            self.executed.remove(&id);
        }
    }

    fn execute(&mut self, committed: &CommittedSubDag) -> Executed {
        let commit = &committed.commit;
        assert_eq!(commit.index, self.commit_index + 1, "commits are executed in order, each once");
        self.commit_index = commit.index;
        for signed in committed.blocks.iter().flat_map(|block| block.transactions()) {
            let id = signed.transaction.id(&self.chain_id);
            if self.executed.insert(id) {
                self.order.push(id);
            }
        }
        let last = &self.marks[self.marks.len() - 1];
        let passed_ms = commit.timestamp_ms.saturating_sub(last.checkpoint.timestamp_ms);
        let content = self.order.len() > last.executed;
        if !(content && passed_ms >= self.interval_ms || passed_ms >= self.interval_max_ms) {
            return Executed { ids: Vec::new(), closed: None, open: content };
        }
        let ids = self.order[last.executed..].to_vec();
        let transactions_root = Domain::List.hash(&[&codec::encode(&ids)]);
        let height = last.checkpoint.height + 1;
        let change = Change { key: Hash::ZERO, value: Some(transactions_root) };
        let tree = self.tree.apply(height, &[change]).expect("memory can be read");
        let checkpoint = Checkpoint {
            height,
            commit_index: commit.index,
            commit_digest: commit.digest,
            previous: last.digest,
            timestamp_ms: commit.timestamp_ms,
            transactions_root,
            receipts_root: Hash::ZERO,
            state_root: tree.root,
            ordering_root: commit.ordering_root,
            ..last.checkpoint.clone()
        };
        let digest = checkpoint.digest();
        let mut batch = Batch::default();
        Database::put_tree(&mut batch, height, tree);
        Database::put_checkpoint(&mut batch, &checkpoint);
        let tip = Tip {
            height: checkpoint.height,
            commit_index: checkpoint.commit_index,
            digest,
            state_root: checkpoint.state_root,
        };
        Database::put_tip(&mut batch, &tip);
        let executed = self.order.len();
        self.marks.push(Mark { checkpoint: checkpoint.clone(), digest, executed });
        Executed { ids, closed: Some((checkpoint, batch)), open: false }
    }
}
