//! The index of an [`super::OrderedMap`]: a B+ tree of keys, a node an entry of storage.
//!
//! Node 0 is the root and never moves, so that finding it costs nothing; it also carries the tree's head
//! (how many keys, which node number is free). An inner node holds (lower bound, child), a leaf the keys
//! themselves; both are [`Entry`], so that splitting and joining are written once.
//!
//! Invariants, checked by the tests after every operation:
//! 1. all leaves are equally deep; entries of a node ascend strictly;
//! 2. each inner entry's key is its child's first key when the child is an inner node, and at most all keys
//!    below it; the first entry on the way to the smallest key is empty, less than every key;
//! 3. a node has [`ENTRIES_MIN`] to [`ENTRIES_MAX`] entries, but the root: none to the maximum as a leaf, two
//!    to the maximum as an inner node. So n keys are at most 1 + log8(n / 2) levels deep.
//!
//! A removal that leaves too few joins the node with a neighbour, or shares the neighbour's entries when
//! both are too many for one. A split at the very end moves only the fewest, since keys that only ascend
//! (times, numbers) would leave every node half empty otherwise.
//!
//! What it deliberately does not do: know types or values.

use super::decode;
use crate::{abort, encode, storage};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Most entries of a node.
pub(super) const ENTRIES_MAX: usize = 32;
/// Fewest entries of a node that is not the root.
pub(super) const ENTRIES_MIN: usize = 8;
/// Two neighbours are joined when they have at most this many together: room is left for what comes next.
const ENTRIES_JOINED_MAX: usize = 24;

#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    /// 0 in a leaf.
    pub(super) child: u32,
}

#[derive(Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Node {
    pub(super) inner: bool,
    pub(super) entries: Vec<Entry>,
}

/// What the root says of the whole tree.
#[derive(Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Head {
    pub(super) keys: u64,
    /// The highest number that a node ever had.
    last_node: u32,
}

/// The tree under a prefix.
pub(super) struct Tree<'a> {
    prefix: &'a [u8],
}

/// A leaf on the way of a scan, and the bound at which its right neighbour begins.
pub(super) struct Leaf {
    pub(super) entries: Vec<Entry>,
    pub(super) next: Option<Vec<u8>>,
}

impl Node {
    /// The child that holds `key`, if anything does.
    fn place_of(&self, key: &[u8]) -> usize {
        self.entries.partition_point(|entry| entry.key.as_slice() <= key).saturating_sub(1)
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(prefix: &'a [u8]) -> Self {
        Self { prefix }
    }

    fn key(&self, number: u32) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.len() + 5);
        key.extend_from_slice(self.prefix);
        key.push(0);
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    pub(super) fn root(&self) -> (Head, Node) {
        storage::get(&self.key(0)).map_or_else(Default::default, |bytes| decode(&bytes))
    }

    pub(super) fn node(&self, number: u32) -> Node {
        match storage::get(&self.key(number)) {
            Some(bytes) => decode(&bytes),
            None => abort("an ordered map lacks a node: does another collection use its prefix?"),
        }
    }

    fn put_root(&self, head: &Head, root: &Node) {
        if head.keys == 0 {
            storage::remove(&self.key(0)); // an empty map leaves nothing behind
        } else {
            storage::set(&self.key(0), &encode(&(head, root)));
        }
    }

    fn put(&self, number: u32, node: &Node) {
        storage::set(&self.key(number), &encode(node));
    }

    /// The leaf in which `key` is or would be. Touches a node a level.
    pub(super) fn leaf_of(&self, key: &[u8]) -> Leaf {
        let (_, mut node) = self.root();
        let mut next = None;
        while node.inner {
            let place = node.place_of(key);
            let child = node.entries[place].child;
            if let Some(entry) = node.entries.get_mut(place + 1) {
                next = Some(core::mem::take(&mut entry.key));
            }
            node = self.node(child);
        }
        Leaf { entries: node.entries, next }
    }

    /// The leaf of the greatest keys.
    pub(super) fn last_leaf(&self) -> Vec<Entry> {
        let (_, mut node) = self.root();
        while node.inner {
            let Some(last) = node.entries.last() else { break };
            node = self.node(last.child);
        }
        node.entries
    }

    /// The nodes from the root to the leaf of `key`: each with its number and the place of the next one.
    fn path(&self, root: Node, key: &[u8]) -> Vec<(u32, Node, usize)> {
        let mut path = Vec::with_capacity(4);
        let (mut number, mut node) = (0, root);
        while node.inner {
            let place = node.place_of(key);
            let child = node.entries[place].child;
            path.push((number, node, place));
            (number, node) = (child, self.node(child));
        }
        path.push((number, node, 0));
        path
    }

    /// Puts in a key that is not there.
    pub(super) fn insert(&self, key: Vec<u8>) {
        let (mut head, root) = self.root();
        head.keys += 1;
        let mut path = self.path(root, &key);
        let mut new = Entry { key, child: 0 };
        // Upwards: a split below is one more entry here.
        while let Some((number, mut node, _)) = path.pop() {
            let place = node.entries.partition_point(|entry| entry.key < new.key);
            node.entries.insert(place, new);
            if node.entries.len() <= ENTRIES_MAX {
                if number != 0 {
                    self.put(number, &node);
                }
                return self.put_root(&head, first_of(path).as_ref().unwrap_or(&node));
            }
            let ascends = place == ENTRIES_MAX;
            let at = if ascends { ENTRIES_MAX + 1 - ENTRIES_MIN } else { ENTRIES_MAX / 2 };
            let right = Node { inner: node.inner, entries: node.entries.split_off(at) };
            let right_number = head.take_number();
            new = Entry { key: right.entries[0].key.clone(), child: right_number };
            self.put(right_number, &right);
            if number != 0 {
                self.put(number, &node);
                continue;
            }
            // The root stays where it is: what it held moves into a new node below it.
            let left = Entry { key: Vec::new(), child: head.take_number() };
            self.put(left.child, &node);
            let root = Node { inner: true, entries: Vec::from([left, new]) };
            return self.put_root(&head, &root);
        }
    }

    /// Takes out a key that is there.
    pub(super) fn remove(&self, key: &[u8]) {
        let (mut head, root) = self.root();
        let mut path = self.path(root, key);
        let Some((mut number, mut node, _)) = path.pop() else { return };
        let Ok(place) = node.entries.binary_search_by(|entry| entry.key.as_slice().cmp(key)) else {
            abort("an ordered map's index lacks a key: does another collection use its prefix?")
        };
        node.entries.remove(place);
        head.keys -= 1;
        // Upwards, as long as nodes became small: a join below is one entry less here.
        while let Some((above_number, mut above, place)) = path.pop() {
            if node.entries.len() >= ENTRIES_MIN {
                self.put(number, &node);
                return self.put_root(&head, first_of(path).as_ref().unwrap_or(&above));
            }
            self.join(&mut above, place, node);
            (number, node) = (above_number, above);
        }
        // An inner root with one child takes that child's place.
        if node.inner && node.entries.len() == 1 {
            let child = node.entries[0].child;
            node = self.node(child);
            storage::remove(&self.key(child));
        }
        self.put_root(&head, &node);
    }

    /// Joins the small node at `place` of `above` with a neighbour, or shares their entries evenly.
    fn join(&self, above: &mut Node, place: usize, node: Node) {
        let left_place = place.saturating_sub(1);
        let other_place = if place == 0 { 1 } else { left_place };
        let other = self.node(above.entries[other_place].child);
        let (mut left, right) = if place == 0 { (node, other) } else { (other, node) };
        let (left_number, right_number) =
            (above.entries[left_place].child, above.entries[left_place + 1].child);
        left.entries.extend(right.entries);
        if left.entries.len() <= ENTRIES_JOINED_MAX {
            above.entries.remove(left_place + 1);
            storage::remove(&self.key(right_number));
        } else {
            let half = left.entries.len() / 2;
            let right = Node { inner: left.inner, entries: left.entries.split_off(half) };
            above.entries[left_place + 1].key = right.entries[0].key.clone();
            self.put(right_number, &right);
        }
        self.put(left_number, &left);
    }
}

/// The root, unless it was taken off the path already.
fn first_of(path: Vec<(u32, Node, usize)>) -> Option<Node> {
    path.into_iter().next().map(|(_, root, _)| root)
}

impl Head {
    fn take_number(&mut self) -> u32 {
        let Some(number) = self.last_node.checked_add(1) else {
            abort("an ordered map has had 2^32 nodes: no more can be made")
        };
        self.last_node = number;
        number
    }
}
