//! The module host: runs WebAssembly components as the ledger's modules, deterministically and metered.
//!
//! [`Vm`] implements the ledger's door [`pollen_ledger::module::ModuleEngine`]. [`validate`] decides by
//! limits and imports alone whether a component may run here; [`interface`] and [`value`] know what a
//! module can be asked and convert what it is told; [`host`] is what a module may ask back; [`cache`]
//! keeps compiled code on disk. This crate is the only place that knows wasmtime.
//!
//! Invariants: results, codes and fuel depend on the ordered transactions alone. A condition of this
//! machine (memory, pool, compiler, disk) is an [`pollen_ledger::module::EngineFailure`] and never a
//! result. Every call has a fresh instance: nothing stays in a module's memory between two calls.

pub mod cache;
pub mod engine;
pub mod host;
mod instrument;
pub mod interface;
pub mod manifest;
pub mod preview;
pub mod validate;
pub mod value;

#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, reason = "for tests")]
mod determinism;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, reason = "for tests")]
mod fixtures;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, reason = "for tests")]
pub mod fuzzing;

pub use engine::{Compiler, Vm, VmConfig, VmError, stack};
pub use interface::Interface;
