//! The ordering protocol under test, from outside: simulated networks, and what the protocol must answer,
//! said a second time without a line shared with production.
//!
//! The simulator (docs/simulation.md): [`simulate`](mod@simulate) runs real cores, codec, pool and store in
//! one thread under virtual time; the network, the disks' delays, the clocks and the Byzantine validators are
//! its own. A seed gives one run.
//!
//! The oracle: [`drawing`] turns text into a DAG of signed blocks; [`reference`](mod@reference) decides and orders a set of
//! blocks by the definitions of docs/protocol.md, from scratch; [`validity`] does the same for a single block;
//! [`watched_core`] drives a real core and notes what it says; [`random_dag`] makes DAGs out of a seed;
//! [`fuzzing`] makes inputs out of bytes. Nothing here is part of the program.

pub mod byzantine;
pub mod check;
pub mod counts;
pub mod drawing;
pub mod execution;
pub mod faults;
pub mod fuzzing;
pub mod host;
pub mod links;
pub mod load;
pub mod options;
pub mod random;
pub mod random_dag;
pub mod reference;
pub mod simulate;
pub mod strays;
pub mod validity;
pub mod wan;
pub mod watched_core;
pub mod world;

pub use options::{Feature, Latency, Options, Overrides};
pub use simulate::{Outcome, simulate};
pub use world::World;

#[cfg(test)]
mod tests;
