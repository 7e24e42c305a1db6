//! Modules that are ready to run: an LRU in memory, above compiled code on disk, above the compilers.
//!
//! A call asks for a module by its code's hash and mostly finds it in memory. What is on disk is loaded where
//! the call runs (some 100 us). What must be compiled is queued ([`super::pool`]); execution waits for it, and
//! after [`PATIENCE`] compiles it itself, without optimisation, so that one slow compilation cannot hold up a
//! node. A query waits a moment and is then told to come again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use borsh::{BorshDeserialize, BorshSerialize};
use lru::LruCache;
use parking_lot::Mutex;
use pollen_ledger::crypto::Hash;
use pollen_ledger::module::EngineFailure;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use super::machine::Machine;
use super::pool::{Job, Made, Queue, Urgency};
use super::{Compiler, VmConfig, settings};
use crate::cache::CodeCache;
use crate::host::HostData;
use crate::interface::{Function, FunctionKind, Interface};
use crate::manifest::Manifest;

/// How long execution waits for optimised code. The worst module of the limits takes less.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a query waits for code.
const QUERY_PATIENCE: Duration = Duration::from_secs(1);

/// Who waits for code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// Execution: until the code is there.
    Execution,
    /// A query: for a moment.
    Query,
}

/// Where compiled code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Disk,
    Optimised,
    /// By the second engine, for want of anything better.
    Plain,
}

/// A module that is ready to run.
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<HostData>,
    commands: BTreeMap<String, Callable>,
    queries: BTreeMap<String, Callable>,
    /// Names of the types of its `events`.
    pub(crate) events: BTreeSet<String>,
    /// Whether it may be called while it runs.
    pub(crate) reentrant: bool,
    origin: Origin,
}

/// One function of it.
pub(crate) struct Callable {
    pub(crate) function: Function,
    pub(crate) export: ComponentExportIndex,
}

impl Compiled {
    pub(crate) fn function(&self, kind: FunctionKind, name: &str) -> Option<&Callable> {
        match kind {
            FunctionKind::Command => self.commands.get(name),
            FunctionKind::Query => self.queries.get(name),
        }
    }
}

/// All of them.
pub(super) struct Modules {
    machine: Machine,
    /// Compiles without optimisation.
    plain: OnceLock<Machine>,
    plain_config: VmConfig,
    ready: Mutex<LruCache<Hash, Arc<Compiled>>>,
    pub(super) queue: Arc<Queue>,
    cache: Option<CodeCache>,
}

fn host_failure(what: &str, error: impl std::fmt::Display) -> EngineFailure {
    EngineFailure::Host(format!("{what}: {error}"))
}

impl Modules {
    pub(super) fn new(machine: Machine, cache: Option<CodeCache>, config: &VmConfig) -> Self {
        Self {
            machine,
            plain: OnceLock::new(),
            plain_config: VmConfig { compiler: Compiler::Quick, ..config.clone() },
            ready: Mutex::new(LruCache::new(config.modules_in_memory)),
            queue: Arc::default(),
            cache,
        }
    }

    fn in_memory(&self, hash: &Hash) -> Option<Arc<Compiled>> {
        self.ready.lock().get(hash).map(Arc::clone)
    }

    /// A module by its code's hash; `code` is asked for only where it is not in memory.
    pub(super) fn get(
        &self,
        hash: &Hash,
        waiter: Waiter,
        code: impl Fn() -> Result<Arc<[u8]>, EngineFailure>,
    ) -> Result<Arc<Compiled>, EngineFailure> {
        if let Some(compiled) = self.in_memory(hash) {
            return Ok(compiled);
        }
        let (urgency, patience) = match waiter {
            Waiter::Execution => (Urgency::Now, PATIENCE),
            Waiter::Query => (Urgency::Soon, QUERY_PATIENCE),
        };
        let busy = |what: &str| EngineFailure::Busy(format!("{what} the code {hash} of a module"));
        let pending = match self.queue.find(hash, urgency) {
            Some(pending) => pending,
            None => {
                if let Some(compiled) = self.on_disk(hash) {
                    self.touched(hash);
                    return Ok(compiled);
                }
                let job = Job { hash: *hash, code: code()? };
                self.queue.add(job, urgency).map_err(|_| busy("too much waits to compile"))?
            }
        };
        match (pending.wait(Some(patience)), waiter) {
            (Some(Ok(compiled)), _) => Ok(compiled),
            (Some(Err(error)), _) => Err(host_failure("compiling validated code", error)),
            (None, Waiter::Query) => Err(busy("still compiling")),
            (None, Waiter::Execution) => self
                .make_plain(hash, &code()?)
                .map_err(|error| host_failure("compiling validated code", error)),
        }
    }

    /// Has code made ready, and does not wait for it. A full queue makes it at its first call.
    pub(super) fn prepare(&self, hash: &Hash, code: &[u8]) {
        if self.in_memory(hash).is_none()
            && self.queue.add(Job { hash: *hash, code: code.into() }, Urgency::Soon).is_err()
        {
            tracing::debug!(%hash, "too much waits to compile: this code is compiled when called");
        }
    }

    /// Has code made ready and waits until it is, however long that takes. Not for execution.
    pub(super) fn ready(&self, hash: &Hash, code: &[u8]) -> Result<(), EngineFailure> {
        if self.in_memory(hash).is_some() {
            return Ok(());
        }
        let job = Job { hash: *hash, code: code.into() };
        let pending = self
            .queue
            .add(job, Urgency::Now)
            .map_err(|_| EngineFailure::Busy("too much waits to compile".to_owned()))?;
        let made = pending.wait(None).expect("it waits as long as it takes");
        made.map(|_| ()).map_err(|error| host_failure("compiling validated code", error))
    }

    /// What a worker does: from disk, or compiled, with optimisation if that can be done.
    pub(super) fn make(&self, job: &Job) -> Made {
        let Job { hash, code } = job;
        let there = || self.in_memory(hash).or_else(|| self.on_disk(hash));
        if let Some(compiled) = there() {
            return Ok(compiled);
        }
        let made = self.machine.compile(code).and_then(|component| {
            linked(&self.machine, &component, Described::of(code)?, Origin::Optimised)
        });
        match made {
            Ok(compiled) => Ok(self.put(hash, compiled)),
            Err(error) => {
                tracing::error!(%hash, %error, "validated code does not compile with optimisation");
                self.make_plain(hash, code)
            }
        }
    }

    /// Compiles without optimisation, where the caller is.
    pub(super) fn make_plain(&self, hash: &Hash, code: &[u8]) -> Made {
        tracing::warn!(%hash, "compiling a module without optimisation: it will be slower");
        let machine = match self.plain.get() {
            Some(machine) => machine,
            None => {
                let made = Machine::new(&settings::wasmtime_config(&self.plain_config));
                let made = made.map_err(|error| format!("{error:#}"))?;
                self.plain.get_or_init(|| made)
            }
        };
        let component = machine.compile(code)?;
        let compiled = linked(machine, &component, Described::of(code)?, Origin::Plain)?;
        Ok(self.in_memory(hash).unwrap_or_else(|| self.put(hash, compiled)))
    }

    fn put(&self, hash: &Hash, compiled: Compiled) -> Arc<Compiled> {
        let compiled = Arc::new(compiled);
        self.ready.lock().put(*hash, Arc::clone(&compiled));
        compiled
    }

    pub(super) fn on_disk(&self, hash: &Hash) -> Option<Arc<Compiled>> {
        let (component, described) = self.cache.as_ref()?.load(self.machine.engine(), hash)?;
        match linked(&self.machine, &component, described, Origin::Disk) {
            Ok(compiled) => Some(self.put(hash, compiled)),
            Err(error) => {
                tracing::warn!(%hash, %error, "compiled code does not link: compiling it again");
                None
            }
        }
    }

    /// Puts what was just compiled on disk. A disk that fails costs time and nothing else.
    pub(super) fn keep(&self, job: &Job, compiled: &Compiled) {
        let Some(cache) = &self.cache else { return };
        if compiled.origin != Origin::Optimised {
            return;
        }
        let Ok(described) = Described::of(&job.code) else { return };
        let component = compiled.instance.component();
        if let Err(error) = cache.store(&job.hash, component, &described) {
            tracing::warn!(%error, "compiled code is not kept: it is compiled again after a restart");
        }
    }

    pub(super) fn last_used(&self, hash: &Hash) -> Option<SystemTime> {
        self.cache.as_ref()?.used(hash)
    }

    pub(super) fn in_memory_max(&self) -> usize {
        self.ready.lock().cap().get()
    }

    /// Tells the disk that a code is in use, so that others go first.
    fn touched(&self, hash: &Hash) {
        if let Some(cache) = &self.cache {
            cache.touch(hash);
        }
    }
}

/// What a component says of itself, as far as calls need it: kept beside compiled code, since reading it out of
/// the component takes longer than loading that.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Described {
    pub(crate) interface: Interface,
    pub(crate) manifest: Manifest,
}

impl Described {
    pub(crate) fn of(code: &[u8]) -> Result<Self, String> {
        let interface =
            Interface::from_component(code).map_err(|error| format!("interface: {error}"))?;
        let manifest = Manifest::of(code).map_err(|error| format!("manifest: {error}"))?;
        Ok(Self { interface: interface.without_docs(), manifest })
    }
}

fn linked(
    machine: &Machine,
    component: &Component,
    described: Described,
    origin: Origin,
) -> Result<Compiled, String> {
    let Described { interface, manifest } = described;
    Ok(Compiled {
        instance: machine.link(component)?,
        commands: callables(component, &interface, FunctionKind::Command)?,
        queries: callables(component, &interface, FunctionKind::Query)?,
        events: interface.events.into_iter().map(|event| event.name).collect(),
        reentrant: manifest.reentrant,
        origin,
    })
}

fn callables(
    component: &Component,
    interface: &Interface,
    kind: FunctionKind,
) -> Result<BTreeMap<String, Callable>, String> {
    let functions = interface.functions(kind);
    if functions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let name = match kind {
        FunctionKind::Command => "commands",
        FunctionKind::Query => "queries",
    };
    let id = match interface.package.split_once('@') {
        Some((package, version)) => format!("{package}/{name}@{version}"),
        None => format!("{}/{name}", interface.package),
    };
    let missing = |what: &str| format!("validated code has no export {what}");
    let instance = component.get_export_index(None, &id).ok_or_else(|| missing(&id))?;
    functions
        .iter()
        .map(|function| {
            let export = component
                .get_export_index(Some(&instance), &function.name)
                .ok_or_else(|| missing(&function.name))?;
            Ok((function.name.clone(), Callable { function: function.clone(), export }))
        })
        .collect()
}
