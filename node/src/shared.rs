//! What the node's threads tell each other and its clients: heads, progress, alarms.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pollen_ledger::mempool::PoolError;
use pollen_ledger::ordering::CommittedSubDag;
use pollen_ledger::{Checkpoint, Hash};
use pollen_rpc::api::Stage;
use tokio::sync::{oneshot, watch};

use crate::config::Keeps;
use crate::recent::Recent;
use crate::tracker::Tracker;

/// The newest durable checkpoint.
#[derive(Debug, Clone)]
pub struct Head {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its digest.
    pub digest: Hash,
}

/// Stake beyond what may be faulty computed something else: one of us is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// Of the checkpoint.
    pub height: u64,
    /// What this node computed.
    pub ours: Hash,
    /// What the others attest.
    pub theirs: Hash,
}

/// Where the pool's answer about a transaction is waited for.
type PoolAnswer = oneshot::Sender<Result<(), PoolError>>;

/// See the module's documentation.
pub struct Shared {
    /// The chain.
    pub chain_id: Hash,
    /// Pending transactions.
    pub tracker: Tracker,
    /// What became of those that were followed.
    pub recent: Recent,
    /// The newest durable checkpoint.
    pub head: watch::Sender<Head>,
    /// Height up to which a quorum attests what this node computed.
    pub certified: watch::Sender<u64>,
    /// Set once, when this node and the others do not compute the same.
    pub divergence: watch::Sender<Option<Divergence>>,
    /// Set once, when the node cannot go on.
    pub fatal: watch::Sender<Option<String>>,
    /// Why no transactions are taken, while the disk is nearly full.
    pub disk_low: watch::Sender<Option<String>>,
    /// Whether no transactions are taken because the operator said so.
    pub draining: watch::Sender<bool>,
    /// What is kept of the past, where the operator wants less than the configuration.
    pub keeps_less: Mutex<Option<Keeps>>,
    /// Told at each look at what may be let go of: whether there is no more.
    pub pruned: watch::Sender<bool>,
    /// Transactions that the pool did not take, for whatever reason.
    pub refused: AtomicU64,
    submissions: Mutex<HashMap<Hash, Vec<PoolAnswer>>>,
    /// Followed transactions that are executed and not certified, by height, ascending.
    uncertified: Mutex<VecDeque<(u64, Vec<Hash>)>>,
}

/// Heights whose transactions are remembered until they are certified; who follows an older one looks at
/// the certified height instead.
const UNCERTIFIED_HEIGHTS_MAX: usize = 1024;

/// Held by a thread that the node cannot be without: should the thread panic, the node ends. Its queues
/// would otherwise wait for it for ever, and the process would look alive.
pub struct Needed {
    shared: Arc<Shared>,
    thread: &'static str,
}

impl Needed {
    /// For the thread of this name.
    pub fn new(shared: &Arc<Shared>, thread: &'static str) -> Self {
        Self { shared: shared.clone(), thread }
    }
}

impl Drop for Needed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = self.thread;
            self.shared.fatal(&format!(
                "the thread '{thread}' panicked: a bug, please report the lines above; start the node again"
            ));
        }
    }
}

impl Shared {
    /// Starts at a head.
    pub fn new(chain_id: Hash, head: Head) -> Self {
        Self {
            chain_id,
            tracker: Tracker::default(),
            recent: Recent::default(),
            head: watch::Sender::new(head),
            certified: watch::Sender::new(0),
            divergence: watch::Sender::new(None),
            fatal: watch::Sender::new(None),
            disk_low: watch::Sender::new(None),
            draining: watch::Sender::new(false),
            keeps_less: Mutex::new(None),
            pruned: watch::Sender::new(false),
            refused: AtomicU64::new(0),
            submissions: Mutex::default(),
            uncertified: Mutex::default(),
        }
    }

    /// The node cannot go on: whoever runs it stops it. The first reason counts.
    pub fn fatal(&self, reason: &str) {
        tracing::error!("{reason}");
        self.fatal.send_if_modified(|known| {
            let first = known.is_none();
            if first {
                *known = Some(reason.to_owned());
            }
            first
        });
    }

    /// Others compute something else: execution stops, reads go on.
    pub fn diverged(&self, found: Divergence) {
        let Divergence { height, ours, theirs } = &found;
        tracing::error!(
            height, %ours, %theirs,
            "this node diverged: execution stops, reads go on. Keep its data folder and divergence.json and report \
             them; `pollen doctor diverge` finds what differs; to go on, move `ledger` away and start it again: it \
             syncs anew"
        );
        self.divergence.send_if_modified(|known| {
            let first = known.is_none();
            if first {
                *known = Some(found);
            }
            first
        });
    }

    /// A quorum attests up to a height.
    pub fn certified(&self, height: u64) {
        self.certified.send_if_modified(|known| {
            let higher = height > *known;
            *known = height.max(*known);
            higher
        });
        let mut waiting = self.uncertified.lock();
        while waiting.front().is_some_and(|(executed, _)| *executed <= height) {
            let (_, ids) = waiting.pop_front().expect("it was just looked at");
            self.tracker.advance(ids, Stage::Certified);
        }
    }

    /// Followed transactions were executed at a height, and written. Before it can be certified.
    pub fn executed(&self, height: u64, ids: Vec<Hash>) {
        if ids.is_empty() {
            return;
        }
        self.tracker.advance(ids.iter().copied(), Stage::Executed);
        let mut waiting = self.uncertified.lock();
        if waiting.len() == UNCERTIFIED_HEIGHTS_MAX {
            waiting.pop_front();
        }
        waiting.push_back((height, ids));
    }

    /// Waits for the pool's answer about a transaction.
    pub fn expect_submission(&self, id: Hash) -> oneshot::Receiver<Result<(), PoolError>> {
        let (sender, receiver) = oneshot::channel();
        self.submissions.lock().entry(id).or_default().push(sender);
        receiver
    }

    /// The pool's answer about a transaction.
    pub fn submitted(&self, id: Hash, result: Result<(), PoolError>) {
        match result {
            Ok(()) => self.tracker.advance([id], Stage::Accepted),
            Err(_) => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
        }
        for waiting in self.submissions.lock().remove(&id).unwrap_or_default() {
            let _ = waiting.send(result);
        }
    }

    /// The transactions of a commit are ordered.
    pub fn ordered(&self, commit: &CommittedSubDag) {
        if !self.tracker.is_empty() {
            let ids = commit.blocks.iter().flat_map(|block| block.transaction_ids()).copied();
            self.tracker.advance(ids, Stage::Ordered);
        }
    }
}
