//! The ordering protocol under test, from outside: what it must answer is said here a second time, without a
//! line shared with production.
//!
//! [`drawing`] turns text into a DAG of signed blocks; [`reference`] decides and orders a set of blocks by
//! the definitions of docs/protocol.md, from scratch; [`validity`] does the same for a single block;
//! [`watched_core`] drives a real core and notes what it says; [`random_dag`] makes DAGs out of a seed;
//! [`fuzzing`] makes inputs out of bytes. Nothing here is part of the program.

pub mod drawing;
pub mod fuzzing;
pub mod random_dag;
pub mod reference;
pub mod validity;
pub mod watched_core;
