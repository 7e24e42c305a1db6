//! An executed transaction, run again where it ran: on the state that it met, with the place and time of its commit.
//!
//! The state before a checkpoint is read from the store's history; what earlier transactions of the same checkpoint
//! did is done again. What comes out is held against the receipt, so that what a trace tells is what happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::simulate::{Simulation, observe};
use super::transact::{Rules, Transacted, transact};
use super::{CallContext, Changes, StateKey, StateRead, TransactionState, Value, position};
use crate::crypto::Hash;
use crate::module::{Call, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine};
use crate::ordering::Commit;
use crate::receipt::Receipt;
use crate::store::{Database, Location, StoreError};
use crate::transaction::SignedTransaction;

/// Fuel that earlier transactions of its checkpoint may have used: seconds of a processor.
const EARLIER_FUEL_MAX: u64 = 4_000_000_000;
/// Receipts of a checkpoint that are read at a time.
const RECEIPTS: usize = 1_000;

/// A transaction, run again.
#[derive(Debug)]
pub struct Retraced {
    /// The copy that ran, its attachments included.
    pub signed: Arc<SignedTransaction>,
    /// Where and when it ran. (Whether a scoped key signed it is not told here.)
    pub context: CallContext,
    /// What it did.
    pub simulation: Simulation,
    /// What transactions before it in its checkpoint had left behind: entries as it met them.
    pub earlier: BTreeMap<StateKey, Option<Value>>,
}

/// Why a transaction cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum RetraceError {
    /// The store or the module host failed; [`StoreError::Gone`] and [`StoreError::NotHeld`] where history was pruned.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// A receipt is not what comes out here: another version of the program made it.
    #[error("run again, transaction {transaction} ends otherwise than its receipt says")]
    Differs {
        /// The transaction: the wanted one, or one before it in its checkpoint.
        transaction: Hash,
    },
    /// More was executed before it in its checkpoint than is done again.
    #[error(
        "the transactions before it in its checkpoint used {fuel} fuel, of {EARLIER_FUEL_MAX} at most it is run again"
    )]
    TooMuchBefore {
        /// What they used.
        fuel: u64,
    },
}

impl From<StoreError> for RetraceError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Runs the transaction at a place again.
pub fn retrace(
    database: &Database,
    engine: &dyn ModuleEngine,
    at: Location,
) -> Result<Retraced, RetraceError> {
    let retraced = run_up_to(database, engine, at);
    // Afterwards: what was pruned in between is told as that, and not as corruption.
    database.check_height_held(at.height)?;
    retraced
}

fn run_up_to(
    database: &Database,
    engine: &dyn ModuleEngine,
    at: Location,
) -> Result<Retraced, RetraceError> {
    let receipts = receipts_up_to(database, at)?;
    let (wanted, earlier) = receipts.split_last().ok_or_else(|| missing("receipt", at.height))?;
    let fuel = earlier.iter().map(|receipt| receipt.fuel_used).sum();
    if fuel > EARLIER_FUEL_MAX {
        return Err(RetraceError::TooMuchBefore { fuel });
    }
    let checkpoint =
        |height: u64| database.checkpoint(height)?.ok_or_else(|| missing("checkpoint", height));
    let before = at.height.checked_sub(1).ok_or_else(|| missing("checkpoint before", 0))?;
    let (first, last) = (checkpoint(before)?.commit_index + 1, checkpoint(at.height)?.commit_index);
    database.check_commit_held(first)?;
    let mut scratch = Changed::over(database.state_at(before));
    let parameters = database.parameters();
    let engine = Quiet(engine);
    let rules = Rules { parameters, engine: &engine, simulated: true };
    let mut next = 0;
    for index in first..=last {
        let commit: Commit = database.commit(index)?.ok_or_else(|| missing("commit", index))?;
        let mut places = 0u32..;
        for reference in &commit.blocks {
            let block =
                database.block(reference)?.ok_or_else(|| missing("block of commit", index))?;
            for (id, signed) in block.identified() {
                let place = places.next().expect("a commit has fewer than 2^32 copies");
                // Any other copy here was passed over.
                if id != receipts[next].transaction
                    || signed.check_signatures(database.chain_id()).is_err()
                {
                    continue;
                }
                let context = CallContext {
                    chain_id: *database.chain_id(),
                    transaction: id,
                    signer: signed.transaction.sender,
                    by_scoped_key: false,
                    time_ms: commit.timestamp_ms,
                    round: commit.round,
                    commit: commit.digest,
                    position: position(commit.index, place),
                };
                if next + 1 == receipts.len() {
                    let observed = observe(&scratch, &engine, parameters, signed, context.clone())?;
                    // So was this one; the copy that ran comes later.
                    let Ok(simulation) = observed else { continue };
                    same(wanted, &simulation.receipt)?;
                    let (signed, earlier) = (Arc::clone(signed), scratch.writes);
                    return Ok(Retraced { signed, context, simulation, earlier });
                }
                match transact(&rules, &scratch, signed, true, context)? {
                    Transacted::Executed { changes, receipt, .. } => {
                        same(&receipts[next], &receipt)?;
                        scratch.apply(changes);
                        next += 1;
                    }
                    Transacted::Skipped(_) => {}
                }
            }
        }
    }
    Err(missing("copy of a transaction in commit", last).into())
}

/// The receipts of a checkpoint, up to the one that is wanted.
fn receipts_up_to(database: &Database, at: Location) -> Result<Vec<Receipt>, StoreError> {
    let count = at.index as usize + 1;
    let mut receipts = Vec::new();
    while receipts.len() < count {
        let from = Location { height: at.height, index: receipts.len() as u32 };
        let page = database.receipts(from, RECEIPTS.min(count - receipts.len()))?;
        let of_height = page.into_iter().take_while(|(place, _)| place.height == at.height);
        let before = receipts.len();
        receipts.extend(of_height.map(|(_, receipt)| receipt));
        if receipts.len() == before {
            return Err(missing("receipt of checkpoint", at.height));
        }
    }
    Ok(receipts)
}

fn missing(what: &str, number: u64) -> StoreError {
    StoreError::Corrupt { what: format!("{what} {number} is missing") }
}

fn same(written: &Receipt, found: &Receipt) -> Result<(), RetraceError> {
    match written == found {
        true => Ok(()),
        false => Err(RetraceError::Differs { transaction: written.transaction }),
    }
}

/// A state with what was done to it since.
pub struct Changed<B> {
    base: B,
    writes: BTreeMap<StateKey, Option<Value>>,
    code: BTreeMap<Hash, Value>,
}

impl<B> Changed<B> {
    /// Nothing was done to it yet.
    pub fn over(base: B) -> Self {
        Self { base, writes: BTreeMap::new(), code: BTreeMap::new() }
    }

    /// Takes in what a transaction left behind.
    pub fn apply(&mut self, changes: Changes) {
        self.writes.extend(changes.writes);
        self.code.extend(changes.code);
    }
}

impl<B: StateRead> StateRead for Changed<B> {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        match self.code.get(hash) {
            Some(code) => Ok(Some(code.clone())),
            None => self.base.code(hash),
        }
    }
}

/// A module host that compiles nothing ahead: what is run again was compiled then, or is compiled when it is called.
pub(super) struct Quiet<'a>(pub(super) &'a dyn ModuleEngine);

impl ModuleEngine for Quiet<'_> {
    fn inspect(&self, code: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        self.0.inspect(code)
    }

    fn call(
        &self,
        state: &mut TransactionState<'_>,
        call: Call<'_>,
    ) -> Result<CallReport, EngineFailure> {
        self.0.call(state, call)
    }

    fn prepare(&self, _: &Hash, _: &[u8]) -> Result<(), EngineFailure> {
        Ok(())
    }
}
