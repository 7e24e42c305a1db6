//! The node: threads, clock, sockets and disks around the pure ledger; and the `pollen` program.
//!
//! Invariants: the core decides, this crate performs; every queue is bounded; nothing is acknowledged
//! before it is synced; a failing disk ends the process.

pub mod admin;
pub mod backend;
pub mod bench;
pub mod cli;
pub mod clock;
mod compiled_code;
pub mod config;
pub mod core_thread;
pub mod dev;
pub mod disk;
pub mod divergence;
pub mod execution_thread;
pub mod failpoints;
pub mod fetch;
pub mod files;
pub mod home;
mod indexes;
pub mod keys;
pub mod log;
pub mod network;
pub mod node;
pub mod readers;
pub mod recent;
pub mod shared;
pub mod snapshot_service;
pub mod snapshots;
pub mod state_sync;
pub mod tracker;
pub mod verdicts;
pub mod wallet;
pub mod writer;
