//! What a transaction would do now: run by the rules of execution, on a state that nothing is written to.
//!
//! It is no promise: state moves on until the transaction is ordered. Signatures are not looked at, so that it can
//! be asked before anybody signs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::transact::{Rules, SkipReason, Transacted, transact};
use super::{CallContext, CallTrace, StateKey, StateRead, TransactionState, Value};
use crate::crypto::Hash;
use crate::genesis::Parameters;
use crate::module::{
    Call, CallEnd, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
use crate::receipt::{Code, FailureValue, Receipt};
use crate::store::StoreError;
use crate::transaction::SignedTransaction;

/// An entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRead {
    /// Which.
    pub key: StateKey,
    /// What stood there; none where nothing did.
    pub value: Option<Value>,
}

/// An entry that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Which.
    pub key: StateKey,
    /// What stood there; none where nothing did.
    pub before: Option<Value>,
    /// What stands there then; none where nothing does.
    pub after: Option<Value>,
}

/// What a transaction would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// What would be written of it.
    pub receipt: Receipt,
    /// This node's own text about it.
    pub note: Option<String>,
    /// What it read of the state, ascending by key.
    pub reads: Vec<KeyRead>,
    /// What it would change, ascending by key.
    pub changes: Vec<KeyChange>,
    /// Calls of modules, in the order in which they began.
    pub calls: Vec<CallTrace>,
}

/// Runs a transaction on `state` as if it were ordered now. The inner error: it would leave no trace.
pub fn simulate(
    state: &dyn StateRead,
    engine: &dyn ModuleEngine,
    parameters: &Parameters,
    signed: &SignedTransaction,
    context: CallContext,
) -> Result<Result<Simulation, SkipReason>, EngineFailure> {
    observe(state, &Bystander { engine, state }, parameters, signed, context)
}

/// Runs a transaction, and notes what it reads and changes.
pub(super) fn observe(
    state: &dyn StateRead,
    engine: &dyn ModuleEngine,
    parameters: &Parameters,
    signed: &SignedTransaction,
    context: CallContext,
) -> Result<Result<Simulation, SkipReason>, EngineFailure> {
    let recorder = Recorder::new(state);
    let rules = Rules { parameters, engine, simulated: true };
    let (changes, receipt, note) = match transact(&rules, &recorder, signed, true, context)? {
        Transacted::Skipped(reason) => return Ok(Err(reason)),
        Transacted::Executed { changes, receipt, note } => (changes, receipt, note),
    };
    let reads = recorder.into_reads();
    let before = |key: &StateKey| match reads.get(key) {
        Some(value) => Ok(value.clone()),
        None => state.get(key),
    };
    let changed = |(key, after): (StateKey, Option<Value>)| {
        let before = before(&key)?;
        Ok(KeyChange { key, before, after })
    };
    let changed =
        changes.writes.into_iter().map(changed).collect::<Result<Vec<_>, StoreError>>()?;
    let changed = changed.into_iter().filter(|change| change.before != change.after).collect();
    let reads = reads.into_iter().map(|(key, value)| KeyRead { key, value }).collect();
    let calls = changes.trace;
    Ok(Ok(Simulation { receipt, note, reads, changes: changed, calls }))
}

/// A state that notes what is read of it, code apart. (How much that can be is bounded by fuel.)
pub struct Recorder<'a> {
    state: &'a dyn StateRead,
    reads: Mutex<BTreeMap<StateKey, Option<Value>>>,
}

impl<'a> Recorder<'a> {
    /// Over a state.
    pub fn new(state: &'a dyn StateRead) -> Self {
        Self { state, reads: Mutex::default() }
    }

    /// What was read, each key with its value.
    pub fn into_reads(self) -> BTreeMap<StateKey, Option<Value>> {
        self.reads.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateRead for Recorder<'_> {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        let value = self.state.get(key)?;
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.entry(key.clone()).or_insert_with(|| value.clone());
        Ok(value)
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        self.state.code(hash)
    }
}

/// A module host that runs no code but the ledger's: whoever asks pays nothing, and compiling is dear.
struct Bystander<'a> {
    engine: &'a dyn ModuleEngine,
    state: &'a dyn StateRead,
}

impl ModuleEngine for Bystander<'_> {
    fn inspect(&self, code: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        self.engine.inspect(code)
    }

    fn call(
        &self,
        state: &mut TransactionState<'_>,
        call: Call<'_>,
    ) -> Result<CallReport, EngineFailure> {
        if let Some(module) = state.module(&call.module)?
            && self.state.code(&module.code)?.is_none()
        {
            let note = format!(
                "a simulation runs code that is on the ledger, and {} is not: publish it first",
                module.code
            );
            let end = CallEnd::Failed { code: Code::CodeNotActive, value: FailureValue::None };
            return Ok(CallReport { end, fuel_used: 0, note: Some(note) });
        }
        self.engine.call(state, call)
    }

    fn prepare(&self, _: &Hash, _: &[u8]) -> Result<(), EngineFailure> {
        Ok(())
    }
}
