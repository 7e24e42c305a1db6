//! Signatures of ordered transactions: verified on threads of their own between acceptance and
//! execution, never on the ordering path.
//!
//! Plain threads at a queue, not a work-stealing pool: its idle workers look for work for a while before
//! they sleep, and with a block every few milliseconds they hardly do anything else (measured: a third
//! of a validator's CPU at 100 transactions a second).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;

use parking_lot::{Condvar, Mutex};
use pollen_ledger::block::BlockRef;
use pollen_ledger::execution::verify_block_signatures;
use pollen_ledger::{Hash, VerifiedBlock};

/// Blocks that may wait for a thread; beyond, execution verifies what it needs itself.
const WAITING_MAX: usize = 1024;

/// Per block, whether each transaction's signature is good; filled in by the threads.
pub struct Verdicts {
    chain_id: Hash,
    blocks: Mutex<BTreeMap<BlockRef, Arc<Verdict>>>,
    queue: SyncSender<(VerifiedBlock, Arc<Verdict>)>,
}

#[derive(Default)]
struct Verdict {
    good: Mutex<Option<Vec<bool>>>,
    done: Condvar,
}

impl Verdict {
    fn fill(&self, good: Vec<bool>) {
        *self.good.lock() = Some(good);
        self.done.notify_all();
    }
}

impl Verdicts {
    /// For the transactions of one chain, with a thread for each core. The threads end with this value.
    pub fn new(chain_id: Hash) -> Self {
        let (queue, blocks) = std::sync::mpsc::sync_channel(WAITING_MAX);
        let blocks = Arc::new(Mutex::new(blocks));
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for index in 0..threads {
            let blocks = blocks.clone();
            thread::Builder::new()
                .name(format!("signatures-{index}"))
                .spawn(move || work(&blocks, &chain_id))
                .expect("the system starts a thread");
        }
        Self { chain_id, blocks: Mutex::default(), queue }
    }

    /// Starts to verify a block's signatures.
    pub fn verify(&self, block: &VerifiedBlock) {
        if block.transactions().is_empty() {
            return;
        }
        let verdict = Arc::new(Verdict::default());
        if self.queue.try_send((block.clone(), verdict.clone())).is_ok() {
            self.blocks.lock().insert(block.reference(), verdict);
        }
    }

    /// Our own block: each of its transactions was verified when it was admitted.
    pub fn known_good(&self, block: &VerifiedBlock) {
        if block.transactions().is_empty() {
            return;
        }
        let verdict = Verdict::default();
        verdict.fill(vec![true; block.transactions().len()]);
        self.blocks.lock().insert(block.reference(), Arc::new(verdict));
    }

    /// The verdicts of a block, waited for; computed here when nobody asked for it before (after a
    /// restart).
    pub fn take(&self, block: &VerifiedBlock) -> Vec<bool> {
        if block.transactions().is_empty() {
            return Vec::new();
        }
        let Some(verdict) = self.blocks.lock().remove(&block.reference()) else {
            return verify_block_signatures(block, &self.chain_id);
        };
        let mut good = verdict.good.lock();
        loop {
            match good.take() {
                Some(good) => return good,
                None => verdict.done.wait(&mut good),
            }
        }
    }

    /// Drops what was never committed and never will be: blocks at or below a round.
    pub fn forget_up_to(&self, round: u32) {
        self.blocks.lock().retain(|reference, _| reference.round > round);
    }
}

/// A thread: waits for a block, verifies it, and so on.
fn work(blocks: &Mutex<Receiver<(VerifiedBlock, Arc<Verdict>)>>, chain_id: &Hash) {
    loop {
        let next = blocks.lock().recv();
        let Ok((block, verdict)) = next else { return };
        verdict.fill(verify_block_signatures(&block, chain_id));
    }
}
