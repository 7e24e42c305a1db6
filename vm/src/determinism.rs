//! What makes a fork: these tests run the same code with every compiler and ask for equal results, fuel,
//! events, writes and depths, and hold by name and number what an upgrade of the engine could change.
//!
//! [`stack`] and [`frames`] are about stack metering, [`lists`] holds features and costs, [`examples`],
//! [`specification`] and [`generated`] are the code that is run.

#[cfg(test)]
mod examples;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod overhead;
#[cfg(test)]
mod specification;
#[cfg(test)]
mod stack;

use wasmparser::{Parser, Payload};
use wasmtime::{Engine, InstanceAllocationStrategy, Trap};

use crate::engine::wasmtime_config;
use crate::instrument::instrument;
use crate::{Compiler, VmConfig};

pub(crate) const COMPILERS: [Compiler; 3] =
    [Compiler::Speed, Compiler::Quick, Compiler::Interpreter];

/// An engine as modules have it, but for where instances lie: core modules of tests are larger.
pub(crate) fn engine(compiler: Compiler) -> Engine {
    let mut config = wasmtime_config(&VmConfig { compiler, ..VmConfig::default() });
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config).unwrap()
}

/// A component that holds a core module and nothing else.
pub(crate) fn wrapped(core: &[u8]) -> Vec<u8> {
    let mut component = wasm_encoder::Component::new();
    component.section(&wasm_encoder::RawSection { id: 1, data: core });
    component.finish()
}

/// The core module of [`wrapped`].
pub(crate) fn unwrapped(component: &[u8]) -> Vec<u8> {
    Parser::new(0)
        .parse_all(component)
        .find_map(|payload| match payload.unwrap() {
            Payload::ModuleSection { unchecked_range, .. } => {
                Some(component[unchecked_range].to_vec())
            }
            _ => None,
        })
        .unwrap()
}

/// A core module as it is compiled.
pub(crate) fn metered(core: &[u8]) -> Vec<u8> {
    unwrapped(&instrument(&wrapped(core)).unwrap())
}

/// How a call ended, as far as it must be equal everywhere: after a hard trap fuel is stale.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End<T> {
    Returned(T, u64),
    Exact(Trap, u64),
    Hard(Trap),
}

impl<T> End<T> {
    pub(crate) fn of(result: wasmtime::Result<T>, fuel_used: u64) -> Self {
        match result {
            Ok(value) => Self::Returned(value, fuel_used),
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(trap @ (Trap::UnreachableCodeReached | Trap::OutOfFuel)) => {
                    Self::Exact(*trap, fuel_used)
                }
                Some(trap) => Self::Hard(*trap),
                None => panic!("{error:?}"),
            },
        }
    }
}
