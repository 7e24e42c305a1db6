//! Where pending transactions are, for the clients that wait for them. A convenience of this node: what
//! it forgets can be asked of the store, and the client's own timeout ends every wait.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use pollen_ledger::execution::NonceError;
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
    /// Another transaction used its nonce, so that it can no longer run.
    pub lost: Option<NonceError>,
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

impl Inner {
    /// Forgets the oldest where there are too many. Places of those that were forgotten before are
    /// cleared away as well: refused transactions must not fill the memory either.
    fn make_room(&mut self) {
        while self.entries.len() >= TRACKED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        if self.order.len() >= 2 * TRACKED_MAX {
            let Self { entries, order } = self;
            order.retain(|id| entries.contains_key(id));
        }
    }
}

impl Tracker {
    /// Follows a transaction from now on.
    pub fn follow(&self, id: Hash, valid_until_ms: u64) -> watch::Receiver<Progress> {
        let mut inner = self.inner.lock();
        if let Some(sender) = inner.entries.get(&id) {
            return sender.subscribe();
        }
        inner.make_room();
        let (times, block, lost) = (StageTimes::default(), None, None);
        let progress = Progress { stage: None, times, block, valid_until_ms, lost };
        let (sender, receiver) = watch::channel(progress);
        inner.entries.insert(id, sender);
        inner.order.push_back(id);
        receiver
    }

    /// Follows a transaction from now on, unless it is in the store already: then that is the answer, and
    /// nothing is followed that nobody would tell of any more. In this order: whoever executes writes first
    /// and then tells those that are followed, so what was not told of is there to be found.
    pub fn follow_unless<T>(
        &self,
        id: Hash,
        valid_until_ms: u64,
        in_store: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        self.follow(id, valid_until_ms);
        let found = in_store()?;
        self.forget(&id);
        Some(found)
    }

    /// A transaction that is followed already.
    pub fn following(&self, id: &Hash) -> Option<watch::Receiver<Progress>> {
        self.inner.lock().entries.get(id).map(watch::Sender::subscribe)
    }

    /// True when a transaction is followed.
    pub fn follows(&self, id: &Hash) -> bool {
        self.inner.lock().entries.contains_key(id)
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

    /// Tells that a transaction can no longer run, since its nonce was used by another.
    pub fn lost(&self, id: &Hash, error: NonceError) {
        if let Some(sender) = self.inner.lock().entries.get(id) {
            sender.send_modify(|progress| progress.lost = Some(error));
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

    /// Transactions that may still be executed, at this ledger time in milliseconds.
    pub fn open(&self, time_ms: u64) -> usize {
        let inner = self.inner.lock();
        let open = inner.entries.values().filter(|sender| {
            let progress = sender.borrow();
            let executed = progress.stage.is_some_and(|stage| stage >= Stage::Executed);
            !executed && progress.lost.is_none() && progress.valid_until_ms >= time_ms
        });
        open.count()
    }

    /// Nothing is followed: then nobody needs to compute ids.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Hash {
        Hash::of_content(&number.to_le_bytes())
    }

    /// A flood of transactions, refused or not, is remembered within bounds.
    #[test]
    fn what_is_remembered_is_bounded() {
        let tracker = Tracker::default();
        for number in 0..3 * TRACKED_MAX as u64 {
            tracker.follow(id(number), 0);
            if number % 3 != 0 {
                tracker.forget(&id(number));
            }
        }
        let inner = tracker.inner.lock();
        assert!(inner.entries.len() <= TRACKED_MAX, "{}", inner.entries.len());
        assert!(inner.order.len() <= 2 * TRACKED_MAX, "{}", inner.order.len());
    }

    /// A transaction that was executed after a copy of it was checked and before that copy was followed stood
    /// as `accepted` until its time had passed, though its receipt was in the store: the fate of a transfer
    /// that was sent to two nodes, found under load.
    #[test]
    fn what_was_executed_meanwhile_is_not_followed() {
        let tracker = Tracker::default();
        // Executed: written, and told to nobody.
        tracker.advance([id(1)], Stage::Executed);
        assert_eq!(tracker.follow_unless(id(1), 9, || Some("its receipt")), Some("its receipt"));
        assert!(!tracker.follows(&id(1)));
        // Executed while it is looked for: told.
        let look = || {
            tracker.advance([id(2)], Stage::Executed);
            None::<&str>
        };
        assert_eq!(tracker.follow_unless(id(2), 9, look), None);
        assert_eq!(tracker.following(&id(2)).unwrap().borrow().stage, Some(Stage::Executed));
    }

    /// Who waits hears of each stage once, never of an earlier one, and of the end when it is refused.
    #[test]
    fn stages_only_go_forward() {
        let tracker = Tracker::default();
        let mut following = tracker.follow(id(1), 9);
        tracker.advance([id(1), id(2)], Stage::Ordered);
        assert!(following.has_changed().unwrap());
        assert_eq!(following.borrow_and_update().stage, Some(Stage::Ordered));
        tracker.advance([id(1)], Stage::Accepted);
        assert!(!following.has_changed().unwrap());
        tracker.forget(&id(1));
        assert!(following.has_changed().is_err());
    }
}
