//! Where pending transactions are, for the clients that wait for them. A convenience of this node: what
//! it forgets can be asked of the store, and the client's own timeout ends every wait.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use pollen_ledger::{BlockRef, Hash};
use pollen_rpc::api::{Stage, StageTimes};
use tokio::sync::watch;

use crate::clock;

/// How far a transaction came, as this node saw it.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// None before the pool took it.
    pub stage: Option<Stage>,
    /// When each stage was seen.
    pub times: StageTimes,
    /// The first block that carries it.
    pub block: Option<BlockRef>,
    /// Ledger time from which on it can no longer run, in milliseconds.
    pub valid_until_ms: u64,
}

impl Progress {
    fn reach(&mut self, stage: Stage) -> bool {
        if self.stage.is_some_and(|now| now >= stage) {
            return false;
        }
        self.stage = Some(stage);
        let now = Some(clock::now_ms());
        match stage {
            Stage::Accepted => self.times.accepted_ms = now,
            Stage::Included => self.times.included_ms = now,
            Stage::Ordered => self.times.ordered_ms = now,
            Stage::Executed => self.times.executed_ms = now,
            Stage::Certified => self.times.certified_ms = now,
        }
        true
    }
}

/// Transactions that are remembered at most.
const TRACKED_MAX: usize = 100_000;

/// See the module's documentation.
#[derive(Default)]
pub struct Tracker {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Hash, watch::Sender<Progress>>,
    order: VecDeque<Hash>,
}

impl Tracker {
    /// Follows a transaction from now on.
    pub fn follow(&self, id: Hash, valid_until_ms: u64) -> watch::Receiver<Progress> {
        let mut inner = self.inner.lock();
        if let Some(sender) = inner.entries.get(&id) {
            return sender.subscribe();
        }
        while inner.entries.len() >= TRACKED_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.entries.remove(&oldest);
        }
        let progress =
            Progress { stage: None, times: StageTimes::default(), block: None, valid_until_ms };
        let (sender, receiver) = watch::channel(progress);
        inner.entries.insert(id, sender);
        inner.order.push_back(id);
        receiver
    }

    /// A transaction that is followed already.
    pub fn following(&self, id: &Hash) -> Option<watch::Receiver<Progress>> {
        self.inner.lock().entries.get(id).map(watch::Sender::subscribe)
    }

    /// Forgets one that the pool refused: whoever waits for it hears that it is gone.
    pub fn forget(&self, id: &Hash) {
        self.inner.lock().entries.remove(id);
    }

    /// Tells that transactions came so far; what nobody follows is passed over, and none goes back.
    pub fn advance(&self, ids: impl IntoIterator<Item = Hash>, stage: Stage) {
        let inner = self.inner.lock();
        for id in ids {
            if let Some(sender) = inner.entries.get(&id) {
                sender.send_if_modified(|progress| progress.reach(stage));
            }
        }
    }

    /// Tells which block carries a transaction.
    pub fn included(&self, id: &Hash, block: BlockRef) {
        if let Some(sender) = self.inner.lock().entries.get(id) {
            sender.send_if_modified(|progress| {
                progress.block.get_or_insert(block);
                progress.reach(Stage::Included)
            });
        }
    }

    /// Nothing is followed: then nobody needs to compute ids.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().entries.is_empty()
    }
}
