//! The records of a whole tree out of its entries in order: what an import writes. In memory is one record
//! a depth, so at most 64, however many entries there are.

use super::nibble;
use super::node::{Child, Node, NodeKey, Path};
use crate::crypto::Hash;

/// Takes entries in ascending order of key hash and gives the records that [`super::update`] would make of
/// them at once, children before their parents.
#[derive(Debug)]
pub struct TreeBuilder {
    version: u64,
    /// Records on the way to the last entry, from the root down: of each depth one. Below the root each has
    /// two entries or more under it.
    open: Vec<(Path, Node)>,
    /// The entry before the next, whose record is not known yet, and the nibbles that it shares with the one
    /// before it.
    last: Option<(Hash, Hash, usize)>,
    encoded: Vec<u8>,
}

impl TreeBuilder {
    /// A tree whose records are all of one version.
    pub fn new(version: u64) -> Self {
        let open = vec![(Path::ROOT, Node::EMPTY)];
        Self { version, open, last: None, encoded: Vec::new() }
    }

    /// Adds an entry: the hashes of its key and of its value. `emit` gets records that are finished. Panics
    /// when the key hash does not lie above that of the one before.
    pub fn add(&mut self, key: Hash, value: Hash, emit: &mut impl FnMut(&NodeKey, &[u8])) {
        let mut shared = 0;
        if let Some((last, ..)) = &self.last {
            assert!(*last < key, "entries come in order");
            shared = (0..64).take_while(|at| nibble(last, *at) == nibble(&key, *at)).count();
        }
        self.place_last(shared, emit);
        self.last = Some((key, value, shared));
    }

    /// Gives what is left, and answers the root of all entries.
    pub fn finish(mut self, emit: &mut impl FnMut(&NodeKey, &[u8])) -> Hash {
        self.place_last(0, emit);
        let (path, root) = self.open.pop().expect("the root's record is always open");
        self.emit(path, &root, emit)
    }

    /// Puts the last entry where it differs from both neighbours, and finishes the records below the
    /// nibbles that it shares with the next.
    fn place_last(&mut self, shared: usize, emit: &mut impl FnMut(&NodeKey, &[u8])) {
        let Some((key, value, before)) = self.last.take() else { return };
        while self.open.len() <= shared {
            let (above, _) = self.open.last().expect("the root's record is always open");
            let path = above.child(nibble(&key, above.length()));
            self.open.push((path, Node::EMPTY));
        }
        let depth = before.max(shared);
        let (_, record) = self.open.get_mut(depth).expect("neighbours that share opened it");
        record.children[nibble(&key, depth)] = Child::Leaf { key, value };
        while self.open.len() > shared + 1 {
            let (path, record) = self.open.pop().expect("longer than that");
            let hash = self.emit(path, &record, emit);
            let (above, parent) = self.open.last_mut().expect("the root's record stays");
            let at = nibble(&key, above.length());
            parent.children[at] = Child::Inner { version: self.version, hash };
        }
    }

    fn emit(&mut self, path: Path, record: &Node, emit: &mut impl FnMut(&NodeKey, &[u8])) -> Hash {
        let key = NodeKey { version: self.version, path };
        self.encoded.clear();
        record.encode(&key, &mut self.encoded);
        emit(&key, &self.encoded);
        record.hash()
    }
}
