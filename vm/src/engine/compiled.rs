//! Modules that are ready to run: an LRU in memory above compiled code on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use pollen_ledger::crypto::Hash;
use pollen_ledger::module::EngineFailure;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::VmConfig;
use crate::cache::CodeCache;
use crate::host::HostData;
use crate::interface::{Function, FunctionKind, Interface};
use crate::manifest::Manifest;

/// A module that is ready to run.
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<HostData>,
    commands: BTreeMap<String, Callable>,
    queries: BTreeMap<String, Callable>,
    /// Names of the types of its `events`.
    pub(crate) events: BTreeSet<String>,
    /// Whether it may be called while it runs.
    pub(crate) reentrant: bool,
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
    engine: Engine,
    linker: Linker<HostData>,
    ready: Mutex<LruCache<Hash, Arc<Compiled>>>,
    /// One at a time: compiling uses every core by itself, and two calls never compile the same code.
    loading: Mutex<()>,
    cache: Option<CodeCache>,
}

fn host_failure(what: &str, error: impl std::fmt::Display) -> EngineFailure {
    EngineFailure::Host(format!("{what}: {error}"))
}

impl Modules {
    pub(super) fn new(
        engine: Engine,
        linker: Linker<HostData>,
        cache: Option<CodeCache>,
        config: &VmConfig,
    ) -> Self {
        Self {
            engine,
            linker,
            ready: Mutex::new(LruCache::new(config.modules_in_memory)),
            loading: Mutex::new(()),
            cache,
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A module by its code's hash; `code` is asked for only where it is not in memory.
    pub(super) fn get(
        &self,
        hash: &Hash,
        code: impl FnOnce() -> Result<Arc<[u8]>, EngineFailure>,
    ) -> Result<Arc<Compiled>, EngineFailure> {
        if let Some(compiled) = self.ready.lock().get(hash) {
            return Ok(Arc::clone(compiled));
        }
        let _loading = self.loading.lock();
        if let Some(compiled) = self.ready.lock().get(hash) {
            return Ok(Arc::clone(compiled));
        }
        let code = code()?;
        let compiled = Arc::new(self.load(hash, &code)?);
        self.ready.lock().put(*hash, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn load(&self, hash: &Hash, code: &[u8]) -> Result<Compiled, EngineFailure> {
        let interface =
            Interface::from_component(code).map_err(|error| host_failure("interface", error))?;
        let component = self.component(hash, code)?;
        let instance = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| host_failure("linking validated code", format!("{error:#}")))?;
        Ok(Compiled {
            commands: callables(&component, &interface, FunctionKind::Command)?,
            queries: callables(&component, &interface, FunctionKind::Query)?,
            events: interface.events.into_iter().map(|event| event.name).collect(),
            reentrant: Manifest::of(code)
                .map_err(|error| host_failure("manifest", error))?
                .reentrant,
            instance,
        })
    }

    /// From disk, or compiled and put there. A disk that fails costs time and nothing else.
    fn component(&self, hash: &Hash, code: &[u8]) -> Result<Component, EngineFailure> {
        if let Some(component) =
            self.cache.as_ref().and_then(|cache| cache.load(&self.engine, hash))
        {
            return Ok(component);
        }
        let component = Component::from_binary(&self.engine, code)
            .map_err(|error| host_failure("compiling validated code", format!("{error:#}")))?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.store(hash, &component)
        {
            tracing::warn!(%error, "compiled code is not kept: it is compiled again after a restart");
        }
        Ok(component)
    }
}

fn callables(
    component: &Component,
    interface: &Interface,
    kind: FunctionKind,
) -> Result<BTreeMap<String, Callable>, EngineFailure> {
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
    let missing = |what: &str| host_failure("validated code has no export", what);
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
