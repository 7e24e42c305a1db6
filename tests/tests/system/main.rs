//! Tests of the whole system: real processes, real network, real database. One binary, so that it links once.

mod cluster;
mod harness;
mod layout;
mod load;
mod peer;
mod readme;
