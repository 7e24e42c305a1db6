//! wasmtime engines, and the way from a component to something that runs on one.
//!
//! There are two: the one that all code runs on, and one that compiles without optimisation and is made when
//! it is first needed. Both give the same results and the same fuel; what one compiled only it can run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Engine};

use crate::host::{self, HostData};
use crate::instrument::instrument;

/// An engine with the host's functions.
pub(super) struct Machine {
    engine: Engine,
    linker: Linker<HostData>,
}

impl Machine {
    pub(super) fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Meters the stack of validated code and compiles it. A compiler that panics has failed like one that says so.
    pub(super) fn compile(&self, code: &[u8]) -> Result<Component, String> {
        let metered = instrument(code)
            .map_err(|error| format!("metering the stack of validated code: {error}"))?;
        let compile = || Component::from_binary(&self.engine, &metered);
        match catch_unwind(AssertUnwindSafe(compile)) {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err("the compiler panicked".to_owned()),
        }
    }

    pub(super) fn link(&self, component: &Component) -> Result<InstancePre<HostData>, String> {
        self.linker
            .instantiate_pre(component)
            .map_err(|error| format!("linking validated code: {error:#}"))
    }
}
