//! Transactions that wait to be ordered: first come, first served (DESIGN §4, protocol.md 7.7).
//!
//! A transaction is *ready* until it goes into an own block (*proposed*) or is seen in a block of somebody
//! else (*parked*, only when that copy is ours byte for byte, whose signature was checked on the way in: a
//! spoiled copy must not make the only honest holder drop it). It is *ordered* when a commit has it, and
//! leaves when execution has passed it. What is not ordered in time, or falls below gc, is ready again, at
//! its old place.
//!
//! Invariants: bounded in count and bytes; an account's pending maximum fees, counted until executed, are
//! at most its reserve / n; an id is in the pool once. Does not check signatures or state: who submits
//! has done that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::block::{BlockRef, Round};
use crate::crypto::Hash;
use crate::transaction::{AccountId, SignedTransaction};

/// Ids of executed transactions that are remembered, to answer a second submission: one that was checked
/// against the state before the first was executed, and comes to the pool after it. So few that the set
/// stays in the processor's cache: at 40 000 transactions a second four times as many cost an eighth of
/// the core's thread.
const EXECUTED_IDS_MAX: usize = 1 << 13;
/// How long a parked transaction waits to be ordered, in milliseconds.
const PARKED_MAX_MS: u64 = 2_000;

/// Why the pool did not take a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// No room.
    #[error("the pool is full: submit again later or to another validator")]
    Full,
    /// The account's pending fees would exceed what this validator lends it.
    #[error(
        "the account's pending transactions may cost {pending} grains and this one {fee}; this validator \
         admits {max}: wait until some are executed, or use another validator"
    )]
    TooMuchPending {
        /// Maximum fees of what is pending, in grains.
        pending: u64,
        /// Maximum fee of this one, in grains.
        fee: u64,
        /// Reserve / n, in grains.
        max: u64,
    },
    /// Pending or executed before: for a client as good as taken.
    #[error("the transaction is known already")]
    AlreadyKnown,
}

/// Bounds of a pool and of the blocks that are filled from it.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Transactions in the pool.
    pub transactions_max: usize,
    /// Encoded bytes in the pool.
    pub bytes_max: usize,
    /// n: an account's pending fees are at most its reserve / n.
    pub validators: u64,
}

/// Bounds of one block's body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Transactions.
    pub transactions_max: usize,
    /// Encoded bytes of all transactions.
    pub bytes_max: usize,
    /// Sum of their `max_fuel`.
    pub fuel_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Ready,
    Proposed(BlockRef),
    Parked { block: BlockRef, until_ms: u64 },
    Ordered,
}

#[derive(Debug)]
struct Entry {
    transaction: Arc<SignedTransaction>,
    bytes: usize,
    fee: u64,
    sequence: u64,
    stage: Stage,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Mempool {
    limits: PoolLimits,
    entries: BTreeMap<Hash, Entry>,
    ready: BTreeMap<u64, Hash>,
    /// In a block that is not ordered yet.
    in_blocks: BTreeMap<BlockRef, BTreeSet<Hash>>,
    /// When to take parked ones back.
    parked: BTreeSet<(u64, Hash)>,
    /// In a commit of this index that is not executed yet.
    ordered: BTreeMap<u64, Vec<Hash>>,
    expiry: BTreeSet<(u64, Hash)>,
    pending_fees: BTreeMap<AccountId, u64>,
    executed: BTreeSet<Hash>,
    executed_order: VecDeque<Hash>,
    bytes: usize,
    sequence: u64,
}

impl Mempool {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            ready: BTreeMap::new(),
            in_blocks: BTreeMap::new(),
            parked: BTreeSet::new(),
            ordered: BTreeMap::new(),
            expiry: BTreeSet::new(),
            pending_fees: BTreeMap::new(),
            executed: BTreeSet::new(),
            executed_order: VecDeque::new(),
            bytes: 0,
            sequence: 0,
        }
    }

    /// Transactions in the pool, whatever their stage.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// True when nothing is in the pool.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Encoded bytes in the pool.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
    /// Transactions that wait for an own block.
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Takes a checked transaction. `reserve` is that of the account that pays its fee, in
    /// grains.
    pub fn submit(
        &mut self,
        transaction: Arc<SignedTransaction>,
        id: Hash,
        bytes: u32,
        reserve: u64,
    ) -> Result<(), PoolError> {
        if self.entries.contains_key(&id) || self.executed.contains(&id) {
            return Err(PoolError::AlreadyKnown);
        }
        let bytes = bytes as usize;
        if self.entries.len() >= self.limits.transactions_max
            || self.bytes + bytes > self.limits.bytes_max
        {
            return Err(PoolError::Full);
        }
        let payer = *transaction.transaction.fee_payer();
        let fee = transaction.transaction.max_fee();
        let pending = self.pending_fees.get(&payer).copied().unwrap_or(0);
        let max = reserve / self.limits.validators;
        if pending.checked_add(fee).is_none_or(|sum| sum > max) {
            return Err(PoolError::TooMuchPending { pending, fee, max });
        }
        self.pending_fees.insert(payer, pending + fee);
        self.bytes += bytes;
        self.sequence += 1;
        let sequence = self.sequence;
        self.ready.insert(sequence, id);
        self.expiry.insert((transaction.transaction.valid_until_ms, id));
        self.entries.insert(id, Entry { transaction, bytes, fee, sequence, stage: Stage::Ready });
        Ok(())
    }

    /// The next ready transactions that fit into a block, oldest first; the first that does not fit ends
    /// it, so that a large one is never passed by for ever. Follow with [`Mempool::proposed`].
    pub fn fill(&self, limits: &BodyLimits) -> Vec<(Hash, Arc<SignedTransaction>)> {
        let (mut bytes, mut fuel, mut chosen) = (0usize, 0u64, Vec::new());
        for id in self.ready.values().take(limits.transactions_max) {
            let entry = &self.entries[id];
            bytes += entry.bytes;
            fuel = fuel.saturating_add(entry.transaction.transaction.max_fuel);
            if bytes > limits.bytes_max || fuel > limits.fuel_max {
                break;
            }
            chosen.push((*id, Arc::clone(&entry.transaction)));
        }
        chosen
    }

    /// These went into an own block.
    pub fn proposed(&mut self, block: BlockRef, ids: &[Hash]) {
        for id in ids {
            self.set_stage(id, Stage::Proposed(block));
        }
    }

    /// Somebody else's accepted block has these transactions, each with its id.
    pub fn seen<'a>(
        &mut self,
        block: BlockRef,
        identified: impl Iterator<Item = (Hash, &'a Arc<SignedTransaction>)>,
        now_ms: u64,
    ) {
        if self.ready.is_empty() {
            return;
        }
        for (id, transaction) in identified {
            let ours = self.entries.get(&id);
            if ours
                .is_some_and(|ours| ours.stage == Stage::Ready && ours.transaction == *transaction)
            {
                self.set_stage(&id, Stage::Parked { block, until_ms: now_ms + PARKED_MAX_MS });
            }
        }
    }

    /// A commit orders these transactions, each with its id.
    pub fn ordered<'a>(
        &mut self,
        commit_index: u64,
        identified: impl Iterator<Item = (Hash, &'a Arc<SignedTransaction>)>,
    ) {
        if self.entries.is_empty() {
            return;
        }
        for (id, transaction) in identified {
            let ours = self.entries.get(&id);
            if ours.is_some_and(|ours| {
                ours.stage != Stage::Ordered && ours.transaction == *transaction
            }) {
                self.set_stage(&id, Stage::Ordered);
                self.ordered.entry(commit_index).or_default().push(id);
            }
        }
    }

    /// Execution has passed `commit_index`, and with it these transactions.
    pub fn executed(&mut self, commit_index: u64, ids: &[Hash]) {
        for id in ids {
            self.remove(id);
            if self.executed.insert(*id) {
                self.executed_order.push_back(*id);
            }
        }
        while self.executed_order.len() > EXECUTED_IDS_MAX {
            let oldest = self.executed_order.pop_front().expect("it is not empty");
            self.executed.remove(&oldest);
        }
        let later = self.ordered.split_off(&(commit_index + 1));
        for ids in std::mem::replace(&mut self.ordered, later).into_values() {
            for id in ids {
                self.remove(&id);
            }
        }
    }

    /// Takes parked transactions back whose time is over, and drops what can no longer run.
    pub fn advance(&mut self, now_ms: u64, ledger_ms: u64) {
        while let Some((until_ms, id)) = self.parked.first().copied() {
            if until_ms > now_ms {
                break;
            }
            self.set_stage(&id, Stage::Ready);
        }
        while let Some((valid_until_ms, id)) = self.expiry.first().copied() {
            if valid_until_ms > ledger_ms {
                break;
            }
            // What is ordered is execution's: it leaves with its commit.
            self.expiry.remove(&(valid_until_ms, id));
            if self.entries.get(&id).is_some_and(|entry| entry.stage != Stage::Ordered) {
                self.remove(&id);
            }
        }
    }

    /// When [`Mempool::advance`] has something to take back, in milliseconds.
    pub fn wake_at_ms(&self) -> Option<u64> {
        self.parked.first().map(|(until_ms, _)| *until_ms)
    }

    /// Blocks at or below the gc round that are not ordered never will be: what they had is ready again.
    pub fn collect(&mut self, gc_round: Round) {
        let below = self.in_blocks.iter().take_while(|(block, _)| block.round <= gc_round);
        let lost: Vec<Hash> = below.flat_map(|(_, ids)| ids.iter().copied()).collect();
        for id in lost {
            self.set_stage(&id, Stage::Ready);
        }
    }

    fn set_stage(&mut self, id: &Hash, stage: Stage) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let sequence = entry.sequence;
        let before = std::mem::replace(&mut entry.stage, stage);
        self.leave_stage(before, sequence, id);
        match stage {
            Stage::Ready => {
                self.ready.insert(sequence, *id);
            }
            Stage::Proposed(block) => {
                self.in_blocks.entry(block).or_default().insert(*id);
            }
            Stage::Parked { block, until_ms } => {
                self.parked.insert((until_ms, *id));
                self.in_blocks.entry(block).or_default().insert(*id);
            }
            Stage::Ordered => {}
        }
    }

    fn leave_stage(&mut self, stage: Stage, sequence: u64, id: &Hash) {
        match stage {
            Stage::Ready => {
                self.ready.remove(&sequence);
            }
            Stage::Proposed(block) => self.leave_block(&block, id),
            Stage::Parked { block, until_ms } => {
                self.parked.remove(&(until_ms, *id));
                self.leave_block(&block, id);
            }
            Stage::Ordered => {}
        }
    }

    fn leave_block(&mut self, block: &BlockRef, id: &Hash) {
        if let Some(ids) = self.in_blocks.get_mut(block) {
            ids.remove(id);
            if ids.is_empty() {
                self.in_blocks.remove(block);
            }
        }
    }

    fn remove(&mut self, id: &Hash) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.leave_stage(entry.stage, entry.sequence, id);
        let transaction = &entry.transaction.transaction;
        self.bytes -= entry.bytes;
        self.expiry.remove(&(transaction.valid_until_ms, *id));
        let pending =
            self.pending_fees.get_mut(transaction.fee_payer()).expect("counted when taken");
        *pending -= entry.fee;
        if *pending == 0 {
            self.pending_fees.remove(transaction.fee_payer());
        }
    }
}

#[cfg(test)]
#[path = "mempool_tests.rs"]
mod tests;
