//! The ordering protocol under test, from outside: what it must answer is said here a second time, without a
//! line shared with production.
//!
//! [`drawing`] turns text into a DAG of signed blocks; [`reference`] decides and orders a set of blocks by
//! the definitions of docs/protocol.md, from scratch; [`follower`] drives a real core that only listens;
//! [`random_dag`] makes DAGs out of a seed. Nothing here is part of the program.

pub mod drawing;
pub mod follower;
pub mod random_dag;
pub mod reference;
