//! What a module may ask: the functions of `pollen:host` (contracts/wit/host.wit), and the state of one
//! running call behind them.
//!
//! Every function checks and charges before it works. Lists and strings stay in the module's memory until
//! their bytes are paid for. In a query every write, transfer and event ends the call with
//! `ModuleError` and the message [`READ_ONLY_MESSAGE`].

mod bank;
mod context;
mod control;
mod crypto;
mod door;
mod events;
mod limiter;
mod modules;
pub mod prices;
#[cfg(test)]
mod reference;
mod storage;
mod text;

use std::sync::Arc;

use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::{StateKey, StateLimit, TransactionState};
use pollen_ledger::limits::ABORT_MESSAGE_BYTES_MAX;
use pollen_ledger::module::EngineFailure;
use pollen_ledger::store::StoreError;
use pollen_ledger::transaction::AccountId;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

pub(crate) use door::StateDoor;
pub(crate) use limiter::Limiter;

use crate::engine::{Compiled, Shared, Waiter};

/// What a query that tries to change something is told.
pub const READ_ONLY_MESSAGE: &str = "a query may not write, transfer or emit";

/// A store as host functions see it.
pub(crate) type Context<'a> = StoreContextMut<'a, HostData>;

/// One running call.
pub(crate) struct HostData {
    pub(crate) shared: Arc<Shared>,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) state: StateDoor,
    pub(crate) limiter: Limiter,
    /// Why [`HostEnd::Local`] was raised.
    pub(crate) failure: Option<EngineFailure>,
    pub(crate) module: AccountId,
    pub(crate) code: Hash,
    pub(crate) caller: AccountId,
    pub(crate) attached: u64,
    pub(crate) read_only: bool,
    pub(crate) waiter: Waiter,
    /// Modules whose calls are open, outermost first; this one is the last.
    pub(crate) running: Vec<AccountId>,
}

/// An end of a call that the host decides: travels through wasmtime as an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostEnd {
    /// `control.abort`, or a use of the host that it refuses.
    #[error("aborted: {0}")]
    Abort(String),
    /// A price that could not be paid.
    #[error("all fuel used in a call of the host")]
    OutOfFuel,
    /// A limit of the state.
    #[error("{0}")]
    Limit(String),
    /// Memory or tables beyond their limits.
    #[error("{0}")]
    Growth(&'static str),
    /// This machine failed: says nothing about the call. The cause is in [`HostData::failure`].
    #[error("local failure")]
    Local,
}

impl From<StateLimit> for HostEnd {
    fn from(limit: StateLimit) -> Self {
        Self::Limit(limit.to_string())
    }
}

/// `types.id`: 32 bytes as four little-endian words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Id {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
}

impl From<[u8; 32]> for Id {
    fn from(bytes: [u8; 32]) -> Self {
        let word = |index: usize| {
            let part = bytes[index * 8..][..8].try_into().expect("eight bytes of 32");
            u64::from_le_bytes(part)
        };
        Self { a: word(0), b: word(1), c: word(2), d: word(3) }
    }
}

impl From<Id> for [u8; 32] {
    fn from(id: Id) -> Self {
        let mut bytes = [0; 32];
        for (part, word) in bytes.chunks_exact_mut(8).zip([id.a, id.b, id.c, id.d]) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// Fuel that the call may still use.
pub(crate) fn fuel_left(context: &Context<'_>) -> u64 {
    let left = context.get_fuel().expect("fuel is on in every engine of this crate");
    left.saturating_sub(context.data().limiter.owed())
}

/// Takes `fuel`, and what growth still owes, or ends the call.
pub(crate) fn charge(context: &mut Context<'_>, fuel: u64) -> Result<(), HostEnd> {
    let left = fuel_left(context);
    let after = left.checked_sub(fuel);
    context.set_fuel(after.unwrap_or(0)).expect("fuel is on in every engine of this crate");
    context.data_mut().limiter.settle(after.unwrap_or(0));
    after.map(|_| ()).ok_or(HostEnd::OutOfFuel)
}

/// Uses the transaction's state.
fn with_state<R>(
    context: &mut Context<'_>,
    body: impl for<'a, 'b> FnOnce(&'b mut TransactionState<'a>) -> Result<R, StoreError>,
) -> Result<R, HostEnd> {
    let data = context.data_mut();
    data.state.with(body).map_err(|error| {
        data.failure = Some(error.into());
        HostEnd::Local
    })
}

/// Charges the first touch of a key in the transaction.
fn touch(context: &mut Context<'_>, key: &StateKey) -> Result<(), HostEnd> {
    let is_first = with_state(context, |state| Ok(state.touch(key)))?;
    if is_first { charge(context, prices::FIRST_TOUCH) } else { Ok(()) }
}

/// Ends a query that tries to change something.
fn require_writable(context: &Context<'_>) -> Result<(), HostEnd> {
    if context.data().read_only {
        return Err(HostEnd::Abort(READ_ONLY_MESSAGE.to_owned()));
    }
    Ok(())
}

/// Cuts a message to what a receipt keeps, at a character's end.
fn cut_message(message: &str) -> String {
    message[..message.floor_char_boundary(ABORT_MESSAGE_BYTES_MAX)].to_owned()
}

/// Adds every interface of the host to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    context::add(linker)?;
    storage::add(linker)?;
    events::add(linker)?;
    bank::add(linker)?;
    modules::add(linker)?;
    crypto::add(linker)?;
    control::add(linker)
}
