//! `pollen:host/bank`: the native token.

use pollen_ledger::execution::{MoveError, StateKey};
use pollen_ledger::transaction::AccountId;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::{Context, HostData, HostEnd, Id, charge, prices, require_writable, touch, with_state};

/// Why a transfer was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum BankError {
    #[component(name = "insufficient")]
    Insufficient,
    #[component(name = "no-such-account")]
    NoSuchAccount,
}

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/bank@0.1.0")?;
    interface.func_wrap("balance", |mut context: Context<'_>, (of,): (Id,)| {
        charge(&mut context, prices::BALANCE)?;
        let account = AccountId(of.into());
        touch(&mut context, &StateKey::account(&account))?;
        let record = with_state(&mut context, |state| state.account(&account))?;
        Ok((record.map_or(0, |record| record.balance),))
    })?;
    interface.func_wrap("transfer", |mut context: Context<'_>, (to, value): (Id, u64)| {
        let moved = transfer(&mut context, AccountId(to.into()), value)?;
        Ok((moved.map_err(|error| match error {
            MoveError::Insufficient => BankError::Insufficient,
            MoveError::NoSuchAccount => BankError::NoSuchAccount,
        }),))
    })
}

/// Pays for and makes a transfer from the running module.
pub(super) fn transfer(
    context: &mut Context<'_>,
    to: AccountId,
    value: u64,
) -> Result<Result<(), MoveError>, HostEnd> {
    require_writable(context)?;
    charge(context, prices::TRANSFER)?;
    let from = context.data().module;
    touch(context, &StateKey::account(&from))?;
    touch(context, &StateKey::account(&to))?;
    with_state(context, |state| state.transfer(&from, &to, value))
}
