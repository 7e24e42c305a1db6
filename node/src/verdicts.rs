//! Signatures of ordered transactions: verified on a pool between acceptance and execution, never on
//! the ordering path.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use pollen_ledger::block::BlockRef;
use pollen_ledger::{Hash, VerifiedBlock};

/// Per block, whether each transaction's signature is good; filled in by the pool.
pub struct Verdicts {
    chain_id: Hash,
    blocks: Mutex<BTreeMap<BlockRef, Arc<Verdict>>>,
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
    /// For the transactions of one chain.
    pub fn new(chain_id: Hash) -> Self {
        Self { chain_id, blocks: Mutex::default() }
    }

    /// Starts to verify a block's signatures on the pool.
    pub fn verify(&self, block: &VerifiedBlock) {
        if block.transactions().is_empty() {
            return;
        }
        let verdict = Arc::new(Verdict::default());
        self.blocks.lock().insert(block.reference(), verdict.clone());
        let (block, chain_id) = (block.clone(), self.chain_id);
        rayon::spawn(move || verdict.fill(check(&block, &chain_id)));
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
            return check(block, &self.chain_id);
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

fn check(block: &VerifiedBlock, chain_id: &Hash) -> Vec<bool> {
    use rayon::prelude::*;
    block.transactions().par_iter().map(|signed| signed.check_signature(chain_id).is_ok()).collect()
}
