//! That some entries are all there are from one key on, for whoever knows the root: chunks of snapshots.
//! Only verification: no storage, threads or clock.
//!
//! The range goes from a key hash `from` to the last entry's, or to the end of all keys. A proof is
//!
//! ```text
//! end u8: 1 = the range goes to the end of all keys, 0 = to the last entry
//! then what is at the range's two edges: the subtree at the root, where
//!   a subtree whose keys are all inside the range   nothing: it is made of the entries
//!   a subtree whose keys are all outside            0 = empty, or 4 || hash 32
//!   a subtree across an edge                        0 = empty,
//!                                                   1 = one leaf, and it is an entry of the range,
//!                                                   2 || key hash 32 || value hash 32 = one leaf outside,
//!                                                   3 || left subtree || right subtree = more than one
//! ```

use super::bit;
use super::hash::{inner_hash, leaf_hash};
use super::proof::take_hash;
use crate::crypto::Hash;

/// The highest key hash that there can be.
pub(super) const KEY_MAX: Hash = Hash([0xff; 32]);

/// Longest proof of a range: two edges of 256 levels, a subtree outside and a tag at each, two leaves.
pub const RANGE_PROOF_BYTES_MAX: usize = 1 + 2 * (256 * (1 + 33) + 65);

pub(super) const EMPTY: u8 = 0;
pub(super) const LEAF_INSIDE: u8 = 1;
pub(super) const LEAF_OUTSIDE: u8 = 2;
pub(super) const INNER: u8 = 3;
pub(super) const HASH: u8 = 4;

/// Key hash and value hash of an entry.
pub type RangeEntry = (Hash, Hash);

/// Why a chunk was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The proof is not an encoding of one.
    #[error("the proof of a range is malformed: fetch the chunk from another peer")]
    Malformed,
    /// The entries are not ascending, lie before the range, or are none where some are claimed to follow.
    #[error("the entries of a range are out of order or none: fetch the chunk from another peer")]
    Entries,
    /// Entries and proof do not lead to the root: one is missing, added or changed.
    #[error(
        "a range leads to the root {found}, not to {expected}: fetch the chunk from another peer"
    )]
    Root {
        /// Where it leads.
        found: Hash,
        /// The root that is trusted.
        expected: Hash,
    },
}

/// Checks that `entries` are all entries under `root` whose key hash is at least `from` and at most that
/// of the last one; answers true when there are none behind them either. Then, and only then, there may
/// be no entries at all.
pub fn verify_range(
    root: &Hash,
    from: &Hash,
    entries: &[RangeEntry],
    proof: &[u8],
) -> Result<bool, RangeError> {
    verify_range_within(root, from, &KEY_MAX, entries, proof)
}

/// The same within the keys up to `bound`: where the proof says that the range goes to the end, that is
/// where the bound is.
pub fn verify_range_within(
    root: &Hash,
    from: &Hash,
    bound: &Hash,
    entries: &[RangeEntry],
    proof: &[u8],
) -> Result<bool, RangeError> {
    if proof.len() > RANGE_PROOF_BYTES_MAX {
        return Err(RangeError::Malformed);
    }
    let (end, mut rest) = match proof.split_first() {
        Some((0, rest)) => (false, rest),
        Some((1, rest)) => (true, rest),
        _ => return Err(RangeError::Malformed),
    };
    let ascending = entries.is_sorted_by(|a, b| a.0 < b.0);
    let in_range = entries.first().map_or(end, |first| first.0 >= *from)
        && entries.last().is_none_or(|last| last.0 <= *bound)
        && from <= bound;
    if !ascending || !in_range {
        return Err(RangeError::Entries);
    }
    let to = entries.last().filter(|_| !end).map_or(*bound, |last| last.0);
    let edges = Edges::new(*from, to);
    let found = subtree(&mut rest, &edges, Place::ROOT, entries).ok_or(RangeError::Malformed)?;
    if !rest.is_empty() {
        return Err(RangeError::Malformed);
    }
    match found == *root {
        true => Ok(end),
        false => Err(RangeError::Root { found, expected: *root }),
    }
}

/// The first and the last key of a range.
pub(super) struct Edges {
    from: Hash,
    to: Hash,
    /// From this bit on `from` is all zeros: a subtree there has no key before the range.
    from_bits: usize,
    /// From this bit on `to` is all ones.
    to_bits: usize,
}

/// A subtree: its depth in bits, and whether its prefix is that of the first or the last key.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) depth: usize,
    on_from: bool,
    on_to: bool,
}

/// Where a subtree lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inside,
    Outside,
    Across,
}

impl Place {
    pub(super) const ROOT: Self = Self { depth: 0, on_from: true, on_to: true };
}

impl Edges {
    pub(super) fn new(from: Hash, to: Hash) -> Self {
        let from_bits = (0..256).rfind(|at| bit(&from, *at)).map_or(0, |last| last + 1);
        let to_bits = (0..256).rfind(|at| !bit(&to, *at)).map_or(0, |last| last + 1);
        Self { from, to, from_bits, to_bits }
    }

    /// Whether a key is in the range.
    pub(super) fn hold(&self, key: &Hash) -> bool {
        self.from <= *key && *key <= self.to
    }

    fn across_from(&self, place: Place) -> bool {
        place.on_from && place.depth < self.from_bits
    }

    fn across_to(&self, place: Place) -> bool {
        place.on_to && place.depth < self.to_bits
    }

    /// Whether a subtree that is not outside has keys outside.
    pub(super) fn is_across(&self, place: Place) -> bool {
        self.across_from(place) || self.across_to(place)
    }

    /// The half of a subtree across an edge, and where it lies.
    pub(super) fn half(&self, place: Place, right: bool) -> (Place, Side) {
        let (from, to) = (bit(&self.from, place.depth), bit(&self.to, place.depth));
        let before = place.on_from && from && !right;
        let behind = place.on_to && !to && right;
        let half = Place {
            depth: place.depth + 1,
            on_from: place.on_from && from == right,
            on_to: place.on_to && to == right,
        };
        let side = match (before || behind, self.is_across(half)) {
            (true, _) => Side::Outside,
            (false, true) => Side::Across,
            (false, false) => Side::Inside,
        };
        (half, side)
    }

    /// A key with the prefix of a subtree across an edge: the one at that edge.
    pub(super) fn key(&self, place: Place) -> &Hash {
        if place.on_from { &self.from } else { &self.to }
    }

    fn has_prefix(&self, place: Place, key: &Hash) -> bool {
        (0..place.depth).all(|at| bit(self.key(place), at) == bit(key, at))
    }
}

/// The hash of a subtree with some keys inside the range, of which `entries` are all.
fn subtree(rest: &mut &[u8], edges: &Edges, place: Place, entries: &[RangeEntry]) -> Option<Hash> {
    if !edges.is_across(place) {
        return Some(whole(entries, place.depth));
    }
    match (take_tag(rest)?, entries) {
        (EMPTY, []) => Some(Hash::ZERO),
        (LEAF_INSIDE, [(key, value)]) => Some(leaf_hash(key, value)),
        (LEAF_OUTSIDE, []) => {
            let (key, value) = (take_hash(rest)?, take_hash(rest)?);
            let outside = edges.has_prefix(place, &key) && !edges.hold(&key);
            outside.then(|| leaf_hash(&key, &value))
        }
        (INNER, entries) => {
            let (left, right) = split(entries, place.depth);
            let mut half = |right, entries: &[RangeEntry]| match edges.half(place, right) {
                (_, Side::Outside) if !entries.is_empty() => None,
                (_, Side::Outside) => outside(rest),
                (place, _) => subtree(rest, edges, place, entries),
            };
            let left = half(false, left)?;
            Some(inner_hash(&left, &half(true, right)?))
        }
        _ => None,
    }
}

/// The hash of a subtree of which all leaves are known.
fn whole(entries: &[RangeEntry], depth: usize) -> Hash {
    match entries {
        [] => Hash::ZERO,
        [(key, value)] => leaf_hash(key, value),
        more => {
            let (left, right) = split(more, depth);
            inner_hash(&whole(left, depth + 1), &whole(right, depth + 1))
        }
    }
}

/// Entries that share their first `depth` bits, by the next one.
fn split(entries: &[RangeEntry], depth: usize) -> (&[RangeEntry], &[RangeEntry]) {
    entries.split_at(entries.partition_point(|(key, _)| !bit(key, depth)))
}

fn outside(rest: &mut &[u8]) -> Option<Hash> {
    match take_tag(rest)? {
        EMPTY => Some(Hash::ZERO),
        HASH => take_hash(rest).filter(|hash| *hash != Hash::ZERO),
        _ => None,
    }
}

fn take_tag(rest: &mut &[u8]) -> Option<u8> {
    let (tag, after) = rest.split_first()?;
    *rest = after;
    Some(*tag)
}
