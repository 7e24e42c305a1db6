//! Tests of the whole system: real processes, real network, real database. One binary, so that it links once.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

mod account_keys;
mod admin;
mod bad_input;
mod bench;
mod bound;
mod client_vectors;
mod cluster;
mod crash;
mod damage;
mod determinism;
mod dev;
mod developer;
mod disk;
mod divergence;
mod doctor;
mod document;
mod examples;
mod fate;
mod figures;
mod follow;
mod harness;
mod history;
mod hostile;
mod index;
mod layout;
mod lifecycle;
mod light;
mod load;
mod module_tests;
mod modules;
mod openrpc;
mod operator;
mod peer;
mod proof_vectors;
mod readme;
mod replicas;
mod second_language;
mod simulation;
mod snapshot;
mod snapshot_figures;
mod state_sync;
mod subscriber;
mod token_conformance;
mod trace;
mod traffic;
mod tutorial;
mod upkeep;
mod verify;
mod wallet;
#[path = "../../../rpc/tests/served/wire.rs"]
mod wire;
mod world;
