//! A state in which a module runs other code: as if it had been upgraded just before.
//!
//! For trying new code on what happened already. Who may upgrade the module is not asked, nobody pays, and code is
//! active at once; all else is as at an upgrade: the new code's `migrate` runs once, and may fail.

use super::retrace::{Changed, Quiet};
use super::simulate::{Simulation, observe};
use super::{
    CallContext, CodeRecord, SkipReason, StateKey, StateRead, Terms, TransactionState, Value,
};
use crate::crypto::Hash;
use crate::genesis::Parameters;
use crate::module::{Call, CallEnd, CallKind, EngineFailure, ModuleEngine};
use crate::receipt::Code;
use crate::store::StoreError;
use crate::transaction::AccountId;
use crate::transaction::SignedTransaction;

/// Why a module cannot run other code.
#[derive(Debug, thiserror::Error)]
pub enum SubstituteError {
    /// The store or the module host failed.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// There is no such module in that state.
    #[error("there was no such module then")]
    NoModule,
    /// The component may not run here.
    #[error("the code is refused: {0}")]
    Refused(String),
    /// `migrate` failed.
    #[error("migrate failed: {}{}", code.name(), note.as_deref().map(|note| format!(": {note}")).unwrap_or_default())]
    Migrate {
        /// Why.
        code: Code,
        /// For people.
        note: Option<String>,
    },
}

impl From<StoreError> for SubstituteError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// `base` with `module` upgraded to `code`. `arguments` are those of `migrate`, encoded; `context` is that of the
/// transaction before which it happens.
pub fn substitute<B: StateRead>(
    base: B,
    engine: &dyn ModuleEngine,
    parameters: &Parameters,
    module: &AccountId,
    code: &[u8],
    arguments: &[u8],
    context: CallContext,
) -> Result<Changed<B>, SubstituteError> {
    let facts = engine.inspect(code).map_err(|refusal| SubstituteError::Refused(refusal.reason))?;
    let hash = Hash::of_content(code);
    let mut state = TransactionState::new(&base, context, Terms::from(parameters)).simulated();
    let mut record = state.module(module)?.ok_or(SubstituteError::NoModule)?;
    let published = CodeRecord {
        active_ms: 0,
        bytes: code.len() as u32,
        has_init: facts.has_init,
        has_migrate: facts.has_migrate,
        interface: facts.interface,
    };
    state.put_record(StateKey::code(&hash), &published);
    state.put_code(hash, Value::from(code));
    record.code = hash;
    record.version += 1;
    record.revision += 1;
    state.put_module_record(module, &record);
    state.put_version(module, &record);
    if facts.has_migrate {
        let (function, kind) = ("migrate", CallKind::Migrate);
        let (caller, fuel) = (record.creator, parameters.transaction_fuel_max);
        let call = Call { module: *module, function, arguments, caller, attached: 0, fuel, kind };
        let report = engine.call(&mut state, call)?;
        if let CallEnd::Failed { code, .. } = report.end {
            return Err(SubstituteError::Migrate { code, note: report.note });
        }
    }
    let changes = state.finish(true);
    let mut changed = Changed::over(base);
    changed.apply(changes);
    Ok(changed)
}

/// Runs a transaction on `state` with a place and a time that it had. The inner error: it would leave no trace.
pub fn replay(
    state: &dyn StateRead,
    engine: &dyn ModuleEngine,
    parameters: &Parameters,
    signed: &SignedTransaction,
    context: CallContext,
) -> Result<Result<Simulation, SkipReason>, EngineFailure> {
    observe(state, &Quiet(engine), parameters, signed, context)
}
