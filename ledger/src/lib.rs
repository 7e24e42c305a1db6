//! The ledger: what Pollen's nodes agree on, as a pure function of its inputs.
//!
//! Types and their one encoding ([`codec`]), cryptography ([`crypto`]), genesis and limits, the DAG and
//! its ordering ([`ordering`]), the execution of ordered transactions ([`execution`]), the state tree
//! ([`tree`]) and the store's door ([`store`]).
//!
//! Invariants: nothing here reads a clock, a socket, randomness or the order of a hash map (`clippy.toml`
//! holds it); every bound has a name in [`limits`] or in [`genesis::Parameters`]; input from others is
//! refused with an error and never panics. RocksDB stands behind [`store::Store`] and the `rocksdb` feature.

pub mod address;
pub mod block;
pub mod certificate;
pub mod checkpoint;
pub mod codec;
pub mod committee;
#[cfg(test)]
mod conformance_tests;
pub mod crypto;
pub mod execution;
pub mod genesis;
pub mod keys;
pub mod light;
pub mod limits;
pub mod list;
pub mod mempool;
pub mod message;
pub mod module;
pub mod ordering;
pub mod policy;
pub mod receipt;
pub mod store;
pub mod transaction;
pub mod tree;
pub mod wire;

pub use address::{Address, AddressKind};
pub use block::{Block, BlockHeader, BlockRef, VerifiedBlock};
pub use certificate::Certificate;
pub use checkpoint::{Attestation, Checkpoint};
pub use committee::{AuthorIndex, Committee};
pub use crypto::{Hash, KeyPair, PublicKey, Signature};
pub use genesis::{Genesis, Parameters};
pub use receipt::{Event, Outcome, Receipt};
pub use transaction::{AccountId, Action, SignedTransaction, Transaction};
