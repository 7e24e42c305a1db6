//! Merkle roots over the lists in a checkpoint, and proofs that an item stands at its place.
//!
//! The tree is that of RFC 6962: nodes are paired level by level, one without a partner goes up as it is.
//! Leaves, inner nodes and roots are hashed for purposes of their own, so that none can pass for another.
//! The root binds the number of items, so a proof also shows how long the list is.
//!
//! Pure, and without a bound of its own: a list of n items costs 2n hashes, a proof at most 64 siblings.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::crypto::{Domain, Hash};
use crate::genesis::u64_text;

/// Siblings of a proof: a list has at most 2^64 - 1 items.
pub const LIST_PROOF_SIBLINGS_MAX: usize = 64;

/// That a leaf stands at a place of a list.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListProof {
    /// Items in the list.
    #[serde(with = "u64_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub count: u64,
    /// The place, from 0.
    #[serde(with = "u64_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub index: u64,
    /// From the leaf's own level up, those that it has.
    pub siblings: Vec<Hash>,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListProofError {
    /// A place behind the end.
    #[error("the proof is for place {index} of a list of {count}: there is no such place")]
    Place {
        /// The place.
        index: u64,
        /// Items in the list.
        count: u64,
    },
    /// Too few or too many siblings for that place.
    #[error("the proof has {found} siblings, not the {expected} of its place")]
    Length {
        /// Those that came.
        found: usize,
        /// Those that the place has.
        expected: usize,
    },
    /// Another root.
    #[error(
        "the item and its proof give another root than the checkpoint's: one of them was altered"
    )]
    Root,
}

/// The hash of an item.
pub fn leaf(item: &[u8]) -> Hash {
    Domain::ListLeaf.hash(&[item])
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    Domain::ListInner.hash(&[&left.0, &right.0])
}

fn bind(count: u64, top: &Hash) -> Hash {
    Domain::ListRoot.hash(&[&count.to_le_bytes(), &top.0])
}

/// One level up.
fn above(level: &[Hash]) -> Vec<Hash> {
    let pair = |pair: &[Hash]| match pair {
        [left, right] => inner(left, right),
        [alone] => *alone,
        _ => unreachable!("chunks of two have one or two"),
    };
    level.chunks(2).map(pair).collect()
}

/// The root of a list of items, by their [`leaf`] hashes. An empty list has one too.
pub fn root(leaves: Vec<Hash>) -> Hash {
    let count = leaves.len() as u64;
    let mut level = leaves;
    while level.len() > 1 {
        level = above(&level);
    }
    bind(count, level.first().unwrap_or(&Hash::ZERO))
}

/// The proof of the leaf at `index`; none behind the end.
pub fn prove(leaves: Vec<Hash>, index: usize) -> Option<ListProof> {
    let count = leaves.len() as u64;
    leaves.get(index)?;
    let (mut level, mut place, mut siblings) = (leaves, index, Vec::new());
    while level.len() > 1 {
        siblings.extend(level.get(place ^ 1));
        level = above(&level);
        place /= 2;
    }
    Some(ListProof { count, index: index as u64, siblings })
}

impl ListProof {
    /// Checks that `leaf` stands at the proof's place of the list with this root.
    pub fn verify(&self, root: &Hash, leaf: Hash) -> Result<(), ListProofError> {
        let Self { count, index, siblings } = self;
        if index >= count {
            return Err(ListProofError::Place { index: *index, count: *count });
        }
        let (mut width, mut place, mut hash) = (*count, *index, leaf);
        let mut rest = siblings.iter();
        let mut expected = 0;
        while width > 1 {
            if place ^ 1 < width {
                expected += 1;
                if let Some(sibling) = rest.next() {
                    hash = match place & 1 {
                        0 => inner(&hash, sibling),
                        _ => inner(sibling, &hash),
                    };
                }
            }
            (width, place) = (width.div_ceil(2), place / 2);
        }
        if siblings.len() != expected {
            return Err(ListProofError::Length { found: siblings.len(), expected });
        }
        if bind(*count, &hash) == *root { Ok(()) } else { Err(ListProofError::Root) }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
