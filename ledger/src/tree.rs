//! The state tree: one root over all entries of the state, and proofs against it (STATE §1).
//!
//! Shaped as in Jellyfish: a binary tree over the bits of key hashes, most significant first, in which a
//! subtree with one leaf *is* that leaf. So **the root depends on the entries only**, never on the order
//! in which they came or on what was removed again.
//!
//! # Hashes
//!
//! All are blake3, keyed with `K_x = derive_key("pollen 2026 state x v1", "")`, so that none is ever one of
//! another kind:
//!
//! | hash | of |
//! |---|---|
//! | key hash | `keyed(K_key, owner 32 \|\| key)`: where an entry is in the tree |
//! | value hash | `keyed(K_value, value)` |
//! | leaf | `keyed(K_leaf, key hash 32 \|\| value hash 32)` |
//! | inner | `keyed(K_inner, left 32 \|\| right 32)`: 64 bytes, exactly one compression |
//! | empty | 32 zero bytes |
//!
//! The hash of a set of leaves below a prefix of `d` bits: none, empty; one, that leaf; else the inner hash
//! of those whose bit `d` is 0 and those whose bit `d` is 1. The root is that of all leaves with `d` = 0.
//!
//! # Records
//!
//! Stored are records of four binary levels, sixteen children each, copied on write: a record is under the
//! version (checkpoint height) that wrote it, and never changes. Key of a record:
//!
//! ```text
//! version u64 big-endian || depth u8, in nibbles || the path's nibbles, two a byte, high first, 0 behind
//! ```
//!
//! Value of a record at depth `d`:
//!
//! ```text
//! present u16 LE: bit n = there is a child n
//! leaves  u16 LE: bit n = child n is a leaf
//! per present child, ascending:
//!   a leaf:  key hash without its first (d + 1) / 2 bytes || value hash 32
//!   others:  how many versions before this record's the child's was written, LEB128 || its hash 32
//! ```
//!
//! Below the root a record has at least two leaves under it: one alone stands in the record above. The root's
//! record is there in every version that changed something, even with nothing in it; so the root at a height
//! is in the record at depth 0 of the greatest version that is not above it.
//!
//! # Proofs
//!
//! [`Proof`] says what is under one key, [`verify_range`] what is in a range of keys; `proof.rs` and
//! `range.rs` hold nothing but verification, without threads, clock or storage, for clients of any kind.
//! `tests/vectors/tree.json` has samples for implementations in other languages.
//!
//! What is not here: where records are kept. A [`NodeReader`] gives them, an [`Update`] has the new ones.

mod build;
mod hash;
mod node;
mod proof;
mod prove;
mod range;
mod stream;
mod top;
mod update;

#[cfg(test)]
mod tests;

pub use build::TreeBuilder;
pub use hash::{inner_hash, key_hash, leaf_hash, value_hash};
pub use node::{Node, NodeKey, Path};
pub use proof::{End, PROOF_BYTES_MAX, Proof, ProofError};
pub use prove::{prove, prove_range, prove_range_within, root_hash};
pub use range::{RANGE_PROOF_BYTES_MAX, RangeEntry, RangeError, verify_range, verify_range_within};
pub use stream::StreamedRoot;
pub use top::TopLevels;
pub use update::{Change, Update, update};

use crate::store::StoreError;

/// Gives records of the tree. Shared by threads while an update runs.
pub trait NodeReader: Sync {
    /// The record under a key that another record, or the store, named. One that is missing or does not
    /// decode is corruption.
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError>;
}

/// Bit `index` of a hash, the most significant first.
fn bit(hash: &crate::Hash, index: usize) -> bool {
    hash.0[index / 8] >> (7 - index % 8) & 1 == 1
}

/// Nibble `index` of a hash, the most significant first.
fn nibble(hash: &crate::Hash, index: usize) -> usize {
    usize::from(hash.0[index / 2] >> (4 * (1 - index % 2)) & 0xf)
}
