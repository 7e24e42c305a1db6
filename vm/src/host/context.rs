//! `pollen:host/context`: what the transaction and the ledger say about the running call.

use pollen_ledger::execution::CallContext;
use wasmtime::component::{ComponentNamedList, Linker, Lower};

use super::{Context, HostData, HostEnd, Id, charge, fuel_left, prices, with_state};

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/context@0.1.0")?;
    let mut answer = Answers { interface: &mut interface };
    answer.call("caller", |data| Id::from(data.caller.0))?;
    answer.call("this", |data| Id::from(data.module.0))?;
    answer.call("code", |data| Id::from(data.code.0))?;
    answer.call("attached", |data| data.attached)?;
    answer.call("depth", |data| data.running.len() as u32 - 1)?;
    answer.call("read-only", |data| data.read_only)?;
    answer.transaction("signer", |context| Id::from(context.signer.0))?;
    answer.transaction("by-scoped-key", |context| context.by_scoped_key)?;
    answer.transaction("transaction", |context| Id::from(context.transaction.0))?;
    answer.transaction("chain", |context| Id::from(context.chain_id.0))?;
    answer.transaction("time-ms", |context| context.time_ms)?;
    answer.transaction("round", |context| u64::from(context.round))?;
    answer.transaction("position", |context| context.position)?;
    interface.func_wrap("fuel-left", |mut context: Context<'_>, (): ()| {
        charge(&mut context, prices::CONTEXT)?;
        Ok((fuel_left(&context),))
    })
}

struct Answers<'a, 'l> {
    interface: &'a mut wasmtime::component::LinkerInstance<'l, HostData>,
}

impl Answers<'_, '_> {
    /// An answer from the call itself.
    fn call<R>(&mut self, name: &str, answer: fn(&HostData) -> R) -> wasmtime::Result<()>
    where
        (R,): ComponentNamedList + Lower + Send + Sync + 'static,
    {
        self.interface.func_wrap(name, move |mut context: Context<'_>, (): ()| {
            charge(&mut context, prices::CONTEXT)?;
            Ok((answer(context.data()),))
        })
    }

    /// An answer from the transaction.
    fn transaction<R>(&mut self, name: &str, answer: fn(&CallContext) -> R) -> wasmtime::Result<()>
    where
        (R,): ComponentNamedList + Lower + Send + Sync + 'static,
    {
        self.interface.func_wrap(name, move |mut context: Context<'_>, (): ()| {
            charge(&mut context, prices::CONTEXT)?;
            let found: Result<R, HostEnd> =
                with_state(&mut context, |state| Ok(answer(state.context())));
            Ok((found?,))
        })
    }
}
