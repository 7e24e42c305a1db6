//! `pollen:host/events`: what a module tells the world, and lines for whoever traces this node.
//!
//! A module that declares events may emit only those; the shape of their data is not checked here.

use pollen_ledger::execution::StateLimit;
use pollen_ledger::limits::{
    EVENT_NAME_BYTES_MAX, EVENT_TOPIC_BYTES_MAX, EVENT_TOPICS_MAX, EVENTS_BYTES_MAX,
};
use pollen_ledger::receipt::Event;
use wasmtime::component::{Linker, WasmList};

use super::text::Text;
use super::{Context, HostData, HostEnd, prices, require_writable, with_state};

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/events@0.1.0")?;
    interface.func_wrap("emit", emit)?;
    interface.func_wrap("debug", |mut context: Context<'_>, (message,): (Text,)| {
        let message = message.take(&mut context, |bytes| prices::DEBUG.of(bytes))?;
        let module = context.data().module;
        tracing::debug!(target: "pollen::module", module = %hex::encode(module.0), "{message}");
        Ok(())
    })
}

type EmitParams = (Text, WasmList<WasmList<u8>>, WasmList<u8>);

fn emit(mut context: Context<'_>, (name, topics, data): EmitParams) -> wasmtime::Result<()> {
    require_writable(&context)?;
    let limit = || HostEnd::from(StateLimit::Events);
    if topics.len() > EVENT_TOPICS_MAX || data.len() > EVENTS_BYTES_MAX {
        return Err(limit().into());
    }
    let beside = data.len() + topics.len() * EVENT_TOPIC_BYTES_MAX;
    let price_of_topics = prices::EVENT_TOPIC * topics.len() as u64;
    let name =
        name.take(&mut context, |bytes| prices::EVENT.of(bytes + beside) + price_of_topics)?;
    if name.len() > EVENT_NAME_BYTES_MAX {
        return Err(limit().into());
    }
    let events = &context.data().compiled.events;
    if !events.is_empty() && !events.contains(&name) {
        return Err(HostEnd::Abort(format!("the module has no event '{name}'")).into());
    }
    let lists = topics.iter(&mut context)?.collect::<wasmtime::Result<Vec<_>>>()?;
    let mut topics = Vec::with_capacity(lists.len());
    for topic in lists {
        if topic.len() > EVENT_TOPIC_BYTES_MAX {
            return Err(limit().into());
        }
        topics.push(topic.as_le_slice(&context).to_vec());
    }
    let data = data.as_le_slice(&context).to_vec();
    let event = Event { module: context.data().module, name, topics, data };
    with_state(&mut context, |state| Ok(state.emit(event)))?.map_err(HostEnd::from)?;
    Ok(())
}
