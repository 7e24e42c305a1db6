//! Tests of the ordering core: real cores in a simulated network, and tables for its parts.

mod agreement;
mod amnesia;
mod decider;
mod fetch;
mod forks;
mod hostile;
mod measure;
mod network;
mod parts;
mod probation;
mod sync;
