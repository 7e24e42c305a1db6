//! The root of a whole state that comes in order, in memory for one way from the root to a leaf.

use super::bit;
use super::hash::{inner_hash, leaf_hash};
use crate::crypto::Hash;

/// Takes entries in ascending order of key hash and answers their root: what [`super::update`] would make of
/// them, without records.
#[derive(Debug, Default)]
pub struct StreamedRoot {
    /// Finished subtrees, from the left; each lies deeper than the one before it. What comes next is joined
    /// with the last one, or ends it.
    open: Vec<Open>,
}

/// A subtree that waits for what is to its right.
#[derive(Debug)]
struct Open {
    /// One of its entries: where it is.
    key: Hash,
    hash: Hash,
    /// Bits that all its entries share; none of a single leaf, which may stand anywhere.
    depth: Option<usize>,
    /// The bit in which it differs from the one before it; none of the first.
    branch: Option<usize>,
}

impl StreamedRoot {
    /// Adds an entry. Panics when its key hash does not lie above that of the one before.
    pub fn add(&mut self, key: Hash, value: &Hash) {
        let branch = self.open.last().map(|last| {
            assert!(last.key < key, "entries come in order");
            first_difference(&last.key, &key)
        });
        if let Some(branch) = branch {
            self.close(branch);
        }
        self.open.push(Open { key, hash: leaf_hash(&key, value), depth: None, branch });
    }

    /// The root over all of them.
    pub fn finish(mut self) -> Hash {
        self.close_all();
        self.open.pop().map_or(Hash::ZERO, |whole| whole.at(0))
    }

    /// Joins what branches below bit `branch`: nothing more comes there.
    fn close(&mut self, branch: usize) {
        while self.open.last().and_then(|last| last.branch).is_some_and(|at| at > branch) {
            self.join();
        }
    }

    fn close_all(&mut self) {
        while self.open.len() > 1 {
            self.join();
        }
    }

    /// Makes one subtree of the last two.
    fn join(&mut self) {
        let right = self.open.pop().expect("two are open");
        let left = self.open.pop().expect("two are open");
        let depth = right.branch.expect("only the first has none");
        let hash = inner_hash(&left.at(depth + 1), &right.at(depth + 1));
        // The key of the right one: what comes next is compared with the last entry.
        self.open.push(Open { key: right.key, hash, depth: Some(depth), branch: left.branch });
    }
}

impl Open {
    /// Its hash as the subtree of all keys that share its first `depth` bits.
    fn at(&self, depth: usize) -> Hash {
        let Some(own) = self.depth else { return self.hash };
        (depth..own).rev().fold(self.hash, |hash, at| match bit(&self.key, at) {
            true => inner_hash(&Hash::ZERO, &hash),
            false => inner_hash(&hash, &Hash::ZERO),
        })
    }
}

/// The first bit in which two keys differ; they do.
fn first_difference(one: &Hash, other: &Hash) -> usize {
    let differ = (0..256).find(|at| bit(one, *at) != bit(other, *at));
    differ.expect("the keys differ")
}
