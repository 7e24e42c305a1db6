//! A deterministic simulator of a Pollen network (docs/simulation.md).
//!
//! Real cores, codec, pool and store run in one thread under virtual time; the network, the disks' delays,
//! the clocks and the Byzantine validators are the simulator's. A seed gives one run. What must hold is
//! checked without the production predicates.

pub mod byzantine;
pub mod check;
pub mod counts;
pub mod execution;
pub mod faults;
pub mod host;
pub mod links;
pub mod load;
pub mod options;
pub mod random;
pub mod recovery;
pub mod simulate;
pub mod wan;
pub mod world;

pub use options::{Feature, Latency, Options, Overrides};
pub use simulate::{Outcome, simulate};
pub use world::World;

#[cfg(test)]
mod tests;
