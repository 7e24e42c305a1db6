//! What is under one key, for whoever knows the root. Only verification: no storage, threads or clock.
//!
//! ```text
//! end      u8: 0 = the way ends where nothing is, 1 = at the key's own leaf, 2 = at another leaf
//! levels   u16 LE: how many inner nodes the way goes through, at most 256
//! siblings (levels + 7) / 8 bytes: bit i % 8 of byte i / 8 = the sibling below inner node i (0 = the root)
//!          is not empty; unused bits are 0
//! hashes   32 each: those siblings, from the root down; none is zero
//! other    only with end 2: key hash 32 || value hash 32
//! ```

use super::bit;
use super::hash::{inner_hash, leaf_hash, value_hash};
use crate::crypto::Hash;

/// Longest encoding of a [`Proof`].
pub const PROOF_BYTES_MAX: usize = 3 + 32 + 256 * 32 + 64;

/// Where the way from the root to a key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At an empty subtree: the key is absent.
    Empty,
    /// At the key's own leaf.
    Leaf,
    /// At the leaf of another key with the same prefix: the key is absent.
    Other {
        /// The other key's hash.
        key: Hash,
        /// Its value's hash.
        value: Hash,
    },
}

/// Proof that a key has a value, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Where the way ends.
    pub end: End,
    /// From the root down, what is on the other side; zero where that is empty. At most 256.
    pub siblings: Vec<Hash>,
}

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not the encoding of a proof.
    #[error("the proof is malformed: ask another node for it")]
    Malformed,
    /// It is about another key, or says the opposite.
    #[error("the proof does not show what is claimed: ask another node for it")]
    Claim,
    /// It leads to another root.
    #[error("the proof leads to the root {found}, not to {expected}: ask another node for it")]
    Root {
        /// Where it leads.
        found: Hash,
        /// The root that is trusted.
        expected: Hash,
    },
}

impl Proof {
    /// The encoding that the file's documentation draws.
    pub fn encode(&self) -> Vec<u8> {
        assert!(self.siblings.len() <= 256, "a key has 256 bits");
        let end = match self.end {
            End::Empty => 0,
            End::Leaf => 1,
            End::Other { .. } => 2,
        };
        let mut bytes = vec![end];
        bytes.extend_from_slice(&(self.siblings.len() as u16).to_le_bytes());
        let bitmap = bytes.len();
        bytes.resize(bitmap + self.siblings.len().div_ceil(8), 0);
        for (level, sibling) in self.siblings.iter().enumerate() {
            if *sibling != Hash::ZERO {
                bytes[bitmap + level / 8] |= 1 << (level % 8);
                bytes.extend_from_slice(&sibling.0);
            }
        }
        if let End::Other { key, value } = &self.end {
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&value.0);
        }
        bytes
    }

    /// The reverse of [`Self::encode`]: refuses whatever it would not have made.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        Self::read(bytes).ok_or(ProofError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&end, rest) = bytes.split_first()?;
        let (levels, rest) = rest.split_first_chunk()?;
        let levels = usize::from(u16::from_le_bytes(*levels));
        if levels > 256 {
            return None;
        }
        let (bitmap, mut rest) = rest.split_at_checked(levels.div_ceil(8))?;
        let unused = bitmap.last().is_some_and(|last| levels % 8 != 0 && last >> (levels % 8) != 0);
        if unused {
            return None;
        }
        let mut siblings = Vec::with_capacity(levels);
        for level in 0..levels {
            siblings.push(match bitmap[level / 8] >> (level % 8) & 1 {
                0 => Hash::ZERO,
                _ => take_hash(&mut rest).filter(|hash| *hash != Hash::ZERO)?,
            });
        }
        let end = match end {
            0 => End::Empty,
            1 => End::Leaf,
            2 => End::Other { key: take_hash(&mut rest)?, value: take_hash(&mut rest)? },
            _ => return None,
        };
        rest.is_empty().then_some(Self { end, siblings })
    }

    /// Checks that under `root` the key with this hash has this value, or none.
    pub fn verify(&self, root: &Hash, key: &Hash, value: Option<&[u8]>) -> Result<(), ProofError> {
        self.verify_hash(root, key, value.map(value_hash).as_ref())
    }

    /// [`Self::verify`] for who has the value's hash.
    pub fn verify_hash(
        &self,
        root: &Hash,
        key: &Hash,
        value: Option<&Hash>,
    ) -> Result<(), ProofError> {
        let levels = self.siblings.len();
        if levels > 256 {
            return Err(ProofError::Malformed);
        }
        let mut found = match (self.end, value) {
            (End::Leaf, Some(value)) => leaf_hash(key, value),
            (End::Empty, None) => Hash::ZERO,
            (End::Other { key: other, value }, None)
                if other != *key && (0..levels).all(|at| bit(&other, at) == bit(key, at)) =>
            {
                leaf_hash(&other, &value)
            }
            _ => return Err(ProofError::Claim),
        };
        for (level, sibling) in self.siblings.iter().enumerate().rev() {
            found = match bit(key, level) {
                false => inner_hash(&found, sibling),
                true => inner_hash(sibling, &found),
            };
        }
        match found == *root {
            true => Ok(()),
            false => Err(ProofError::Root { found, expected: *root }),
        }
    }
}

/// Takes a hash off the front.
pub(super) fn take_hash(rest: &mut &[u8]) -> Option<Hash> {
    let (hash, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(Hash(*hash))
}
