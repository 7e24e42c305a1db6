//! [`Vm`]: the ledger's module engine on wasmtime.
//!
//! A call makes a fresh instance of a ready module in a store of its own, converts the arguments, runs one
//! function, converts its result, and drops the store ([`call`](self)). Calls may run on many threads at
//! once. What the machine fails at (memory, pool, compiler) is an [`EngineFailure`].

mod call;
mod compiled;
mod machine;
mod pool;
mod settings;
pub mod stack;
mod trace;

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

pub(crate) use call::{Entry, Frame};
pub(crate) use compiled::{Compiled, Described, Waiter};
use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::TransactionState;
use pollen_ledger::limits::CALL_DEPTH_MAX;
use pollen_ledger::module::{
    Call, CallKind, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
#[cfg(test)]
pub(crate) use settings::operator_cost;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use settings::wasmtime_config;
pub use settings::{Compiler, VmConfig};

use crate::cache::{CacheError, CodeCache};
use crate::validate;
use compiled::Modules;
use machine::Machine;
use pool::Workers;

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
    /// The threads that compile.
    #[error("no thread to compile modules on: {0}")]
    NoThread(std::io::Error),
}

/// Runs modules. Cheap to clone; shared by the executor and queries.
#[derive(Clone)]
pub struct Vm {
    shared: Arc<Shared>,
}

/// What all calls share.
pub(crate) struct Shared {
    modules: Arc<Modules>,
    /// Ends with the last of those who call.
    _workers: Workers,
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
        let machine = Machine::new(&settings::wasmtime_config(config)).map_err(failed)?;
        let cache = match &config.cache_dir {
            Some(dir) => Some(CodeCache::open(dir, config, machine.engine())?),
            None => None,
        };
        let modules = Arc::new(Modules::new(machine, cache, config));
        let (make, keep) = (Arc::clone(&modules), Arc::clone(&modules));
        let workers = Workers::start(
            &modules.queue,
            config.compile_threads.max(1),
            move |job| make.make(job),
            move |job, compiled| keep.keep(job, compiled),
        );
        let shared = Shared {
            modules,
            _workers: workers.map_err(VmError::NoThread)?,
            queries: AtomicU32::new(0),
            // The executor's instances are its own: queries cannot use them up.
            queries_max: instances / INSTANCES_PER_CALL - 1,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Has code made ready and waits until it is. For whoever has time: never on the way of execution.
    pub fn ready(&self, code_hash: &Hash, code: &[u8]) -> Result<(), EngineFailure> {
        self.shared.modules.ready(code_hash, code)
    }

    /// Makes code ready from disk alone, here and now; whether it was there. For measuring.
    #[doc(hidden)]
    pub fn load_from_disk(&self, code_hash: &Hash) -> bool {
        self.shared.modules.on_disk(code_hash).is_some()
    }

    /// When code was used last that is compiled on disk; none for any other.
    pub fn last_used(&self, code_hash: &Hash) -> Option<SystemTime> {
        self.shared.modules.last_used(code_hash)
    }

    /// Queries that may run at once.
    pub fn queries_max(&self) -> u32 {
        self.shared.queries_max
    }

    /// How many modules may be ready in memory.
    pub fn modules_in_memory(&self) -> usize {
        self.shared.modules.in_memory_max()
    }
}

/// A query's share of the pool.
struct QueryPlace<'a>(&'a Shared);

impl<'a> QueryPlace<'a> {
    fn take(shared: &'a Shared) -> Result<Self, EngineFailure> {
        if shared.queries.fetch_add(1, Ordering::Relaxed) >= shared.queries_max {
            shared.queries.fetch_sub(1, Ordering::Relaxed);
            let most = shared.queries_max;
            return Err(EngineFailure::Busy(format!(
                "{most} queries are running, which is all that may"
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
        let (_place, waiter) = match call.kind {
            CallKind::Command | CallKind::Init | CallKind::Migrate if !state.is_simulated() => {
                (None, Waiter::Execution)
            }
            _ => (Some(QueryPlace::take(&self.shared)?), Waiter::Query),
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
            waiter,
            running: &[],
        };
        stack::with_room(|| self.shared.run(state, frame))
            .map_err(|error| EngineFailure::Host(format!("no thread for a call: {error}")))?
    }

    fn prepare(&self, code_hash: &Hash, code: &[u8]) -> Result<(), EngineFailure> {
        self.shared.modules.prepare(code_hash, code);
        Ok(())
    }
}
