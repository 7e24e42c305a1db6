//! Tests of the whole system: real processes, real network, real database. One binary, so that it links once.

mod layout;
