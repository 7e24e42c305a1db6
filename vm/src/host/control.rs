//! `pollen:host/control`: the end of a call.

use wasmtime::component::{Linker, WasmStr};

use super::{Context, HostData, HostEnd, charge, cut_message, prices};

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/control@0.1.0")?;
    interface.func_wrap("abort", |mut context: Context<'_>, (message,): (WasmStr,)| {
        let message = message.to_str(&context)?;
        let (bytes, message) = (message.len(), cut_message(&message));
        charge(&mut context, prices::ABORT.of(bytes))?;
        Err::<(), _>(HostEnd::Abort(message).into())
    })
}
