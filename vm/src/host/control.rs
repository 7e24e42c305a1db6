//! `pollen:host/control`: the end of a call, and of a module's changes.

use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::{OwnUpgrade, StateKey};
use pollen_ledger::limits::VALUE_BYTES_MAX;
use pollen_ledger::transaction::UpgradePolicy;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};

use super::text::Text;
use super::{
    Context, HostData, HostEnd, Id, charge, cut_message, prices, require_writable, touch,
    with_state,
};

/// Why an upgrade was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum UpgradeError {
    #[component(name = "not-allowed")]
    NotAllowed,
    #[component(name = "no-such-code")]
    NoSuchCode,
}

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/control@0.1.0")?;
    interface.func_wrap("abort", |mut context: Context<'_>, (message,): (Text,)| {
        let message = message.take(&mut context, |bytes| prices::ABORT.of(bytes))?;
        Err::<(), _>(HostEnd::Abort(cut_message(&message)).into())
    })?;
    interface.func_wrap(
        "upgrade",
        |mut context: Context<'_>, (to, arguments): (Id, WasmList<u8>)| {
            Ok((upgrade(&mut context, Hash(to.into()), &arguments)?,))
        },
    )?;
    interface.func_wrap("freeze", |mut context: Context<'_>, (): ()| {
        require_writable(&context)?;
        charge(&mut context, prices::FREEZE)?;
        let module = context.data().module;
        touch(&mut context, &StateKey::module_record(&module))?;
        with_state(&mut context, |state| state.freeze(&module))?;
        Ok(())
    })
}

fn upgrade(
    context: &mut Context<'_>,
    code: Hash,
    arguments: &WasmList<u8>,
) -> Result<Result<(), UpgradeError>, HostEnd> {
    require_writable(context)?;
    charge(context, prices::UPGRADE.of(arguments.len()))?;
    if arguments.len() > VALUE_BYTES_MAX {
        return Err(HostEnd::Limit(format!("arguments have at most {VALUE_BYTES_MAX} bytes")));
    }
    let module = context.data().module;
    touch(context, &StateKey::module_record(&module))?;
    touch(context, &StateKey::code(&code))?;
    let arguments = arguments.as_le_slice(&*context).to_vec();
    with_state(context, |state| {
        let record = state.module(&module)?;
        if record.is_none_or(|record| record.upgrade != UpgradePolicy::Itself) {
            return Ok(Err(UpgradeError::NotAllowed));
        }
        if state.active_code(&code)?.is_none() {
            return Ok(Err(UpgradeError::NoSuchCode));
        }
        state.request_upgrade(OwnUpgrade { module, code, arguments });
        Ok(Ok(()))
    })
}
