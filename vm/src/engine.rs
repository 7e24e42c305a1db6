//! [`Vm`]: the ledger's module engine on wasmtime.
//!
//! A call makes a fresh instance of a ready module in a store of its own, converts the arguments, runs one
//! function, converts its result, and drops the store ([`call`](self)). Calls may run on many threads at
//! once. What the machine fails at (memory, pool, compiler) is an [`EngineFailure`].

mod call;
mod compiled;
mod settings;
pub mod stack;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::TransactionState;
use pollen_ledger::limits::CALL_DEPTH_MAX;
use pollen_ledger::module::{
    Call, CallKind, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
use wasmtime::Engine;
use wasmtime::component::Linker;

pub(crate) use call::{Entry, Frame};
pub(crate) use compiled::Compiled;
pub use settings::VmConfig;

use crate::cache::{CacheError, CodeCache};
use crate::{host, validate};
use compiled::Modules;

/// Instances that one call can need.
const INSTANCES_PER_CALL: u32 = CALL_DEPTH_MAX + 1;

/// Why the module host could not start.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// Too small a pool.
    #[error("{instances} instances are too few: a call and a query need {}", 2 * INSTANCES_PER_CALL)]
    TooFewInstances {
        /// What was configured.
        instances: u32,
    },
    /// The directory of compiled code.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// wasmtime.
    #[error("wasmtime does not start with the pinned settings: {0}")]
    Engine(String),
}

/// Runs modules. Cheap to clone; shared by the executor and queries.
#[derive(Clone)]
pub struct Vm {
    shared: Arc<Shared>,
}

/// What all calls share.
pub(crate) struct Shared {
    modules: Modules,
    queries: AtomicU32,
    queries_max: u32,
}

impl Vm {
    /// Starts the module host.
    pub fn new(config: &VmConfig) -> Result<Self, VmError> {
        let instances = config.instances;
        if instances < 2 * INSTANCES_PER_CALL {
            return Err(VmError::TooFewInstances { instances });
        }
        let failed = |error: wasmtime::Error| VmError::Engine(format!("{error:#}"));
        let engine = Engine::new(&settings::wasmtime_config(config)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker).map_err(failed)?;
        let cache = match &config.cache_dir {
            Some(dir) => Some(CodeCache::open(dir, config.cache_bytes_max, &engine)?),
            None => None,
        };
        let shared = Shared {
            modules: Modules::new(engine, linker, cache, config),
            queries: AtomicU32::new(0),
            // The executor's instances are its own: queries cannot use them up.
            queries_max: instances / INSTANCES_PER_CALL - 1,
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// A query's share of the pool.
struct QueryPlace<'a>(&'a Shared);

impl<'a> QueryPlace<'a> {
    fn take(shared: &'a Shared) -> Result<Self, EngineFailure> {
        if shared.queries.fetch_add(1, Ordering::Relaxed) >= shared.queries_max {
            shared.queries.fetch_sub(1, Ordering::Relaxed);
            let most = shared.queries_max;
            return Err(EngineFailure::Host(format!(
                "{most} queries are running, which is all that may: try again"
            )));
        }
        Ok(Self(shared))
    }
}

impl Drop for QueryPlace<'_> {
    fn drop(&mut self) {
        self.0.queries.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ModuleEngine for Vm {
    fn inspect(&self, code: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        validate::inspect(code)
    }

    fn call(
        &self,
        state: &mut TransactionState<'_>,
        call: Call<'_>,
    ) -> Result<CallReport, EngineFailure> {
        let _place = match call.kind {
            CallKind::Query => Some(QueryPlace::take(&self.shared)?),
            CallKind::Command | CallKind::Init | CallKind::Migrate => None,
        };
        let frame = Frame {
            module: call.module,
            function: call.function,
            arguments: call.arguments,
            caller: call.caller,
            attached: call.attached,
            fuel: call.fuel,
            entry: match call.kind {
                CallKind::Command => Entry::Command,
                CallKind::Init | CallKind::Migrate => Entry::Init,
                CallKind::Query => Entry::Query,
            },
            running: &[],
        };
        stack::with_room(|| self.shared.run(state, frame))
            .map_err(|error| EngineFailure::Host(format!("no thread for a call: {error}")))?
    }

    fn prepare(&self, code_hash: &Hash, code: &[u8]) -> Result<(), EngineFailure> {
        self.shared.modules.get(code_hash, || Ok(code.into())).map(|_| ())
    }
}
