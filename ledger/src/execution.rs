//! Execution: ordered transactions against the state (DESIGN §4, STATE §3).
//!
//! [`Executor`] takes commits in order and makes checkpoints of them, each with the one batch that the
//! storage writer writes. [`admission`] asks the same questions of a transaction before it is ordered;
//! [`query`] calls modules without writing. All of it is a function of genesis and the ordered blocks:
//! two nodes that were given the same commits have the same checkpoints, to the byte.
//!
//! # What becomes of an ordered transaction
//!
//! In this order; the first rule that fits decides. `T` is the commit's timestamp, the ledger time.
//!
//! 1. Skipped, as if it had not been ordered, with no trace in the state: bad signature; price below the
//!    chain's floor; expired (`T >= valid_until_ms`); code neither attached nor published; signed by others
//!    than who may do this ([`authority`]); nonce used or outside the window.
//! 2. The nonce is used up, whatever follows.
//! 3. A scoped key has used up a limit, the highest possible fee counted where its account pays it:
//!    **rejected**, without a fee, since the account never allowed it. Or `max_fuel` x price is more than the
//!    balance of who pays: **rejected**; what is left of the reserve is the fee.
//! 4. Intrinsic fuel above `max_fuel`: **failure** `OutOfFuel`; the fee is that of the whole `max_fuel`.
//! 5. The highest possible fee is set aside, so no action can spend it. The actions run in order: all done
//!    is a **success**, the first that fails undoes all of them and is a **failure**. Behind the last one the
//!    sender pays the deposit of what modules store more than before, or gets it back; cannot it pay, or is
//!    it more than its scoped key may spend, the last action fails. What was set aside beyond the fuel used goes back.

mod account_keys;
pub mod admission;
pub mod authority;
mod cache;
mod executor;
mod genesis;
mod modules;
mod nonce;
mod query;
mod retrace;
mod simulate;
mod state;
mod substitute;
mod transact;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

pub use executor::{
    CommitInput, CommitReport, ExecutedTransaction, ExecutionError, Executor, FinishedCheckpoint,
    Skipped, verify_block_signatures,
};
pub use genesis::genesis_batch;
pub use nonce::{NonceError, NonceWindow};
pub use query::{QueryCall, account, account_keys, fees, nonce_window, query};
pub use retrace::{Changed, RetraceError, Retraced, retrace};
pub use simulate::{KeyChange, KeyRead, Recorder, Simulation, simulate};
pub use state::{
    AccountRecord, CallContext, CallTrace, Changes, CodeRecord, CreateError, KeyUse, ModuleRecord,
    ModuleVersion, MoveError, Namespace, OwnUpgrade, Proposal, Savepoint, StateKey, StateLimit,
    StateRead, Terms, TransactionState, Value, position,
};
pub use substitute::{SubstituteError, replay, substitute};
pub use transact::SkipReason;
pub use tree::StateTree;

use crate::transaction::AccountId;

/// Where the fees of all transactions add up, in grains, until the epoch's end.
pub fn fees_key() -> StateKey {
    StateKey::ledger(Namespace::System, b"fees")
}

/// Where the nonce window of an account's key is.
pub fn window_key(account: &AccountId, key: &crate::crypto::PublicKey) -> StateKey {
    StateKey::ledger(Namespace::Windows, &[account.0, key.0].concat())
}
