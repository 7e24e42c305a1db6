//! One machine of the network: its store, its writer, its execution, and the core that runs on it until
//! it crashes. What a host does with effects is in [`crate::world`].

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use pollen_ledger::block::BlockRef;
use pollen_ledger::ordering::{CommittedSubDag, Core, SigningHistory};
use pollen_ledger::store::{Batch, Database, Durability, MemoryStore};
use pollen_ledger::{AuthorIndex, Genesis, KeyPair, VerifiedBlock};

use crate::byzantine::Actor;
use crate::execution::Execution;
use crate::options::ExecutionKind;
use crate::random::Random;
use crate::recovery;

/// What the core ordered, in its order.
#[derive(Debug)]
pub enum Order {
    /// A block of another author was accepted.
    Block(VerifiedBlock),
    /// A block of ours: synced, then sent.
    Proposal(VerifiedBlock),
    /// A commit: written, then executed.
    Commit(Rc<CommittedSubDag>),
    /// History for a validator that lags.
    Push(AuthorIndex, Vec<VerifiedBlock>),
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// History up to a block, among others; the id of the effect.
    History(u64, BlockRef),
    /// Commits; the id of the effect.
    Commits(u64),
    /// The newest block of whoever asks.
    OwnBlock,
}

/// A question that waits for its answer.
#[derive(Debug)]
pub struct Question {
    /// Who was asked.
    pub from: usize,
    /// What about.
    pub about: About,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Host {
    /// Its validator; none on a follower. Twins share one.
    pub author: Option<AuthorIndex>,
    /// Counts its starts: what was meant for an earlier life is lost.
    pub life: u32,
    /// None while it is down.
    pub core: Option<Core>,
    /// How far its clock is off, in microseconds.
    pub skew_us: i64,
    /// When the core wants its timer.
    pub timer: Option<u64>,
    /// What it does otherwise than an honest node.
    pub actor: Option<Box<Actor>>,
    /// What it holds.
    pub database: Database,
    /// Commits that were executed.
    pub execution: Execution,
    /// Questions under way.
    pub questions: BTreeMap<u64, Question>,
    /// Questions asked so far.
    pub asked: u64,
    /// It lost its disk, and has signed nothing since.
    pub forgot: bool,
    /// When it has taken the message that it is taking.
    pub cpu_free: u64,
    /// Commits for execution that were handed over.
    pub executing: VecDeque<Rc<CommittedSubDag>>,
    store: Arc<MemoryStore>,
    /// A copy of its disk.
    image: Option<Arc<MemoryStore>>,
    genesis: Rc<Genesis>,
    key: Option<KeyPair>,
    queue: VecDeque<Order>,
    writing: Vec<Order>,
}

impl Host {
    /// A host with an empty disk, down.
    pub fn new(
        author: Option<AuthorIndex>,
        genesis: &Rc<Genesis>,
        key: Option<KeyPair>,
        execution: ExecutionKind,
    ) -> Self {
        let store = Arc::new(MemoryStore::new());
        let database = open(&store, genesis, key.as_ref());
        if author.is_some() {
            // What making a key leaves beside it: nothing was signed with it yet.
            let mut batch = Batch::default();
            Database::put_signing_history(&mut batch, SigningHistory::NeverSigned);
            database.write(batch, Durability::Synced).expect("memory holds it");
        }
        let execution = Execution::new(execution, &database);
        Self {
            author,
            life: 0,
            core: None,
            skew_us: 0,
            timer: None,
            actor: None,
            database,
            execution,
            questions: BTreeMap::new(),
            asked: 0,
            forgot: false,
            image: None,
            cpu_free: 0,
            executing: VecDeque::new(),
            store,
            genesis: Rc::clone(genesis),
            key,
            queue: VecDeque::new(),
            writing: Vec::new(),
        }
    }

    /// True when it does what honest nodes do.
    pub fn is_honest(&self) -> bool {
        self.actor.is_none()
    }

    /// True while a core runs on it.
    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// The power goes. Of what was written since the last sync any prefix survives; a batch that is being
    /// written may be whole or missing.
    pub fn crash(&mut self, random: &mut Random) {
        self.core = None;
        self.timer = None;
        if !self.writing.is_empty() && random.permille(500) {
            let (batch, _) = self.batch_of(&self.writing);
            self.database.write(batch, Durability::Buffered).expect("memory holds it");
        }
        let unsynced = self.store.unsynced_batches() as u64;
        self.store.crash_keeping(random.below(unsynced + 1) as usize);
        self.queue.clear();
        self.writing.clear();
        self.questions.clear();
        self.executing.clear();
        self.cpu_free = 0;
    }

    /// Copies the disk as it is.
    pub fn take_image(&mut self) {
        self.image = Some(Arc::new(self.store.image()));
    }

    /// Loses the disk, and gets the old image back when there is one and it is `old` that is wanted: true
    /// then. Without it nothing says any more that the key has never signed.
    pub fn lose_disk(&mut self, old: bool) -> bool {
        let image = self.image.take().filter(|_| old);
        let kept = image.is_some();
        self.store = image.unwrap_or_default();
        self.database = open(&self.store, &self.genesis, self.key.as_ref());
        self.forgot = true;
        kept
    }

    /// Opens the store as a starting node does. Returns what ordering goes on from; commits that are not
    /// executed yet are handed to execution.
    pub fn reopen(&mut self, validators: usize) -> pollen_ledger::ordering::Recovered {
        self.life += 1;
        if let Some(author) = self.author.filter(|_| !self.is_honest()) {
            // Who has two stores for one key does not care for what they promise.
            let newest = self.database.newest_block(author).expect("memory can be read");
            let floor = self.database.own_floor().expect("memory can be read");
            let mut batch = Batch::default();
            let round = newest.map_or(0, |block| block.round).max(floor);
            Database::put_own_floor(&mut batch, round);
            self.database.write(batch, Durability::Synced).expect("memory holds it");
        }
        self.database = open(&self.store, &self.genesis, self.key.as_ref());
        self.execution.restart(&self.database);
        let next = self.execution.commit_index() + 1;
        let commits = recovery::commits_from(&self.database, next).expect("the store is whole");
        self.executing.extend(commits.into_iter().map(Rc::new));
        recovery::recover(&self.database, validators, self.author).expect("the store is whole")
    }

    /// An order for the writer.
    pub fn order(&mut self, order: Order) {
        self.queue.push_back(order);
    }

    /// Begins the next write, unless one is under way or nothing waits: true when it needs a sync, false
    /// when not.
    pub fn begin_write(&mut self) -> Option<bool> {
        if !self.writing.is_empty() || self.queue.is_empty() {
            return None;
        }
        self.writing.extend(self.queue.drain(..));
        Some(self.writing.iter().any(|order| matches!(order, Order::Proposal(_))))
    }

    /// The write is done: what is to be performed now.
    pub fn end_write(&mut self) -> Vec<Order> {
        let orders = std::mem::take(&mut self.writing);
        let (batch, durability) = self.batch_of(&orders);
        if !batch.is_empty() {
            self.database.write(batch, durability).expect("memory holds it");
        }
        orders
    }
}

fn open(store: &Arc<MemoryStore>, genesis: &Genesis, key: Option<&KeyPair>) -> Database {
    let store: Arc<MemoryStore> = Arc::clone(store);
    Database::open(store, genesis, key.map(KeyPair::public_key)).expect("the store is whole")
}

impl Host {
    /// As the node's writer does (`node/src/writer.rs`).
    fn batch_of(&self, orders: &[Order]) -> (Batch, Durability) {
        let mut batch = Batch::default();
        let mut durability = Durability::Buffered;
        let mut floor = self.database.own_floor().expect("memory can be read");
        for order in orders {
            match order {
                Order::Block(block) => {
                    Database::put_block(&mut batch, block);
                    if Some(block.author()) == self.author && block.round() > floor {
                        floor = block.round();
                        Database::put_own_floor(&mut batch, floor);
                    }
                }
                Order::Proposal(block) => {
                    Database::put_own_block(&mut batch, block);
                    floor = block.round();
                    Database::put_signing_history(&mut batch, SigningHistory::Kept);
                    durability = Durability::Synced;
                }
                Order::Commit(commit) => {
                    Database::put_commit(&mut batch, commit.commit.index, &commit.commit);
                }
                Order::Push(..) => {}
            }
        }
        (batch, durability)
    }
}
