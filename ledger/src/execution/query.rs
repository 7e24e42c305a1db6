//! Questions about the state: read-only calls, and the ledger's own records as RPC shows them.

use borsh::BorshDeserialize;

use super::{
    AccountRecord, CallContext, KeyUse, NonceWindow, StateKey, StateRead, Terms, TransactionState,
    fees_key, window_key,
};
use crate::crypto::PublicKey;
use crate::keys::{AccountKeys, ScopedKey};
use crate::module::{Call, CallEnd, CallKind, CallReport, EngineFailure, ModuleEngine};
use crate::receipt::{Code, FailureValue};
use crate::store::StoreError;
use crate::transaction::AccountId;

/// A read-only call.
#[derive(Debug, Clone, Copy)]
pub struct QueryCall<'a> {
    /// Whom.
    pub module: AccountId,
    /// A function of its `queries`.
    pub function: &'a str,
    /// In the ledger's value encoding.
    pub arguments: &'a [u8],
    /// Who asks; zero for nobody.
    pub caller: AccountId,
    /// The most fuel that it may use: the node's budget for it.
    pub fuel: u64,
}

/// Runs a query on `state`. Writes nothing, whatever the module does. The answer belongs to the height of
/// `state`; whoever asks tells it beside the answer.
pub fn query(
    state: &dyn StateRead,
    engine: &dyn ModuleEngine,
    query: QueryCall<'_>,
    context: CallContext,
    terms: Terms,
) -> Result<CallReport, EngineFailure> {
    if state.get(&StateKey::module_record(&query.module))?.is_none() {
        let end = CallEnd::Failed { code: Code::ModuleNotFound, value: FailureValue::None };
        return Ok(CallReport { end, fuel_used: 0, note: None });
    }
    // An overlay of its own, dropped at the end: even a write that slipped through would go nowhere.
    let mut overlay = TransactionState::new(state, context, terms);
    let QueryCall { module, function, arguments, caller, fuel } = query;
    let kind = CallKind::Query;
    engine.call(&mut overlay, Call { module, function, arguments, caller, attached: 0, fuel, kind })
}

/// An account's record.
pub fn account(state: &dyn StateRead, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
    record(state, &StateKey::account(id))
}

/// The nonce window of an account's key; a fresh one where the key has signed nothing.
pub fn nonce_window(
    state: &dyn StateRead,
    account: &AccountId,
    key: &PublicKey,
) -> Result<NonceWindow, StoreError> {
    Ok(record(state, &window_key(account, key))?.unwrap_or_default())
}

/// An account's keys with what its scoped keys have used, in their order; none where they are not stored: then
/// it has one owner, the key that its id is the hash of.
pub fn account_keys(
    state: &dyn StateRead,
    account: &AccountId,
) -> Result<Option<(AccountKeys, Vec<KeyUse>)>, StoreError> {
    let Some(keys) = record::<AccountKeys>(state, &StateKey::keys(account))? else {
        return Ok(None);
    };
    let used = |scoped: &ScopedKey| {
        let found = record(state, &StateKey::key_use(account, &scoped.key))?;
        Ok(found.unwrap_or_default())
    };
    let uses = keys.scoped.iter().map(used).collect::<Result<_, StoreError>>()?;
    Ok(Some((keys, uses)))
}

/// Grains of all fees so far.
pub fn fees(state: &dyn StateRead) -> Result<u64, StoreError> {
    Ok(record(state, &fees_key())?.unwrap_or(0))
}

pub(super) fn record<T: BorshDeserialize>(
    state: &dyn StateRead,
    key: &StateKey,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = state.get(key)? else { return Ok(None) };
    T::try_from_slice(&bytes)
        .map(Some)
        .map_err(|error| StoreError::Corrupt { what: format!("state record of {key:?}: {error}") })
}
