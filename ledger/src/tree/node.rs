//! Records: their keys, their bytes, and the binary levels inside them.

use super::hash::{inner_hash, leaf_hash};
use super::nibble;
use crate::crypto::Hash;

/// The first nibbles of key hashes: where a record is in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    length: u8,
    /// Two nibbles a byte, the high one first; zero behind the last.
    packed: [u8; 32],
}

impl Path {
    /// That of the root.
    pub const ROOT: Self = Self { length: 0, packed: [0; 32] };

    /// Nibbles in it: at most 63.
    pub fn length(&self) -> usize {
        usize::from(self.length)
    }

    /// Its nibbles as one number, for short ones.
    pub(super) fn number(&self) -> usize {
        (0..self.length()).fold(0, |number, at| number << 4 | nibble(&Hash(self.packed), at))
    }

    /// The path one nibble on.
    pub(super) fn child(mut self, nibble: usize) -> Self {
        self.packed[self.length() / 2] |= (nibble as u8) << (4 * (1 - self.length % 2));
        self.length += 1;
        self
    }

    fn bytes(&self) -> &[u8] {
        &self.packed[..self.length().div_ceil(2)]
    }
}

/// Names a record. Their order is that of their encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeKey {
    /// Height of the checkpoint that wrote it.
    pub version: u64,
    /// Where.
    pub path: Path,
}

impl NodeKey {
    /// The record of the root that a version wrote.
    pub const fn root(version: u64) -> Self {
        Self { version, path: Path::ROOT }
    }

    /// `version u64 || depth u8 || packed nibbles`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 + self.path.bytes().len());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.push(self.path.length);
        bytes.extend_from_slice(self.path.bytes());
        bytes
    }

    /// The reverse of its encoding; none of anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (&length, nibbles) = rest.split_first()?;
        if length > 63 || nibbles.len() != usize::from(length).div_ceil(2) {
            return None;
        }
        let mut packed = [0; 32];
        packed[..nibbles.len()].copy_from_slice(nibbles);
        let padded = length % 2 == 1 && nibbles.last()? & 0xf != 0;
        let path = Path { length, packed };
        (!padded).then_some(Self { version: u64::from_be_bytes(*version), path })
    }
}

/// What is under one of a record's sixteen nibbles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Empty,
    /// The only entry with this prefix.
    Leaf {
        key: Hash,
        value: Hash,
    },
    /// A record, for there are more.
    Inner {
        version: u64,
        hash: Hash,
    },
}

/// A subtree of any depth, as the binary tree sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subtree {
    Empty,
    Leaf(Hash),
    Inner(Hash),
}

impl Subtree {
    pub(super) fn hash(self) -> Hash {
        match self {
            Self::Empty => Hash::ZERO,
            Self::Leaf(hash) | Self::Inner(hash) => hash,
        }
    }

    /// Two halves together. A leaf alone moves up unchanged.
    fn join(self, right: Self) -> Self {
        match (self, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (leaf @ Self::Leaf(_), Self::Empty) | (Self::Empty, leaf @ Self::Leaf(_)) => leaf,
            (left, right) => Self::Inner(inner_hash(&left.hash(), &right.hash())),
        }
    }

    /// The subtree over neighbouring children: 1, 2, 4, 8 or 16 of them.
    pub(super) fn over(children: &[Child]) -> Self {
        match children {
            [Child::Empty] => Self::Empty,
            [Child::Leaf { key, value }] => Self::Leaf(leaf_hash(key, value)),
            [Child::Inner { hash, .. }] => Self::Inner(*hash),
            more => {
                let (left, right) = more.split_at(more.len() / 2);
                Self::over(left).join(Self::over(right))
            }
        }
    }
}

/// A record: four levels of the binary tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub(super) children: [Child; 16],
}

impl Node {
    pub(super) const EMPTY: Self = Self { children: [Child::Empty; 16] };

    /// The hash of the subtree.
    pub fn hash(&self) -> Hash {
        Subtree::over(&self.children).hash()
    }

    /// The records under it, each with the hash that it must have; `key` is its own.
    pub fn below<'a>(&'a self, key: &'a NodeKey) -> impl Iterator<Item = (NodeKey, Hash)> + 'a {
        self.children.iter().enumerate().filter_map(|(at, child)| match child {
            Child::Inner { version, hash } => {
                Some((NodeKey { version: *version, path: key.path.child(at) }, *hash))
            }
            _ => None,
        })
    }

    /// Appends the record's bytes; see [`super`].
    pub(super) fn encode(&self, key: &NodeKey, bytes: &mut Vec<u8>) {
        let (mut present, mut leaves) = (0u16, 0u16);
        for (at, child) in self.children.iter().enumerate() {
            present |= u16::from(*child != Child::Empty) << at;
            leaves |= u16::from(matches!(child, Child::Leaf { .. })) << at;
        }
        bytes.extend_from_slice(&present.to_le_bytes());
        bytes.extend_from_slice(&leaves.to_le_bytes());
        let known = known_bytes(key);
        for child in &self.children {
            match child {
                Child::Empty => {}
                Child::Leaf { key, value } => {
                    bytes.extend_from_slice(&key.0[known..]);
                    bytes.extend_from_slice(&value.0);
                }
                Child::Inner { version, hash } => {
                    let age = key.version.checked_sub(*version).expect("children are not newer");
                    put_number(bytes, age);
                    bytes.extend_from_slice(&hash.0);
                }
            }
        }
    }

    /// The reverse of its encoding; none of bytes that it would not have made.
    pub fn decode(key: &NodeKey, bytes: &[u8]) -> Option<Self> {
        let (present, rest) = bytes.split_first_chunk()?;
        let (leaves, mut rest) = rest.split_first_chunk()?;
        let (present, leaves) = (u16::from_le_bytes(*present), u16::from_le_bytes(*leaves));
        if leaves & !present != 0 {
            return None;
        }
        let known = known_bytes(key);
        let depth = key.path.length();
        let mut node = Self::EMPTY;
        for (at, child) in node.children.iter_mut().enumerate() {
            if leaves >> at & 1 == 1 {
                let (suffix, after) = rest.split_at_checked(32 - known)?;
                let (value, after) = after.split_first_chunk()?;
                let mut hash = key.path.child(at).packed;
                // With an odd number of nibbles known, half of the suffix's first byte is the path's.
                let overlap = depth.is_multiple_of(2);
                if overlap && (suffix[0] ^ hash[known]) >> 4 != 0 {
                    return None;
                }
                hash[known..].copy_from_slice(suffix);
                *child = Child::Leaf { key: Hash(hash), value: Hash(*value) };
                rest = after;
            } else if present >> at & 1 == 1 {
                let version = key.version.checked_sub(take_number(&mut rest)?)?;
                let (hash, after) = rest.split_first_chunk()?;
                if depth == 63 {
                    return None;
                }
                *child = Child::Inner { version, hash: Hash(*hash) };
                rest = after;
            }
        }
        rest.is_empty().then_some(node)
    }
}

/// Whole bytes of a child's key hash that its path gives.
fn known_bytes(key: &NodeKey) -> usize {
    key.path.length().div_ceil(2)
}

/// LEB128: seven bits a byte, the lowest first, the high bit where more follow.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The reverse of [`put_number`]: no longer than it has to be.
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let low = u64::from(byte & 0x7f);
        if low << shift >> shift != low || (byte == 0 && shift > 0) {
            return None;
        }
        number |= low << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
