//! Making proofs out of the records of a version.

use super::node::{Child, Node, NodeKey, Path, Subtree};
use super::proof::{End, Proof};
use super::range::{EMPTY, Edges, HASH, INNER, KEY_MAX, LEAF_INSIDE, LEAF_OUTSIDE, Place, Side};
use super::{NodeReader, nibble};
use crate::crypto::Hash;
use crate::store::StoreError;

/// The root whose record the version `root` wrote.
pub fn root_hash(reader: &dyn NodeReader, root: u64) -> Result<Hash, StoreError> {
    Ok(reader.node(&NodeKey::root(root))?.hash())
}

/// Proves what is under the key with this hash, in the tree whose root the version `root` wrote: the hash
/// of its value, or that there is none.
pub fn prove(
    reader: &dyn NodeReader,
    root: u64,
    key: &Hash,
) -> Result<(Option<Hash>, Proof), StoreError> {
    let mut siblings = Vec::new();
    let mut at = NodeKey::root(root);
    let end = loop {
        let node = reader.node(&at)?;
        let nibble = nibble(key, at.path.length());
        let mut children = &node.children[..];
        // Down the binary levels of the record, as far as there is more than one leaf.
        while children.len() > 1 && matches!(Subtree::over(children), Subtree::Inner(_)) {
            let (left, right) = children.split_at(children.len() / 2);
            let is_right = nibble & right.len() != 0;
            let (on_way, other) = if is_right { (right, left) } else { (left, right) };
            siblings.push(Subtree::over(other).hash());
            children = on_way;
        }
        match children {
            [Child::Inner { version, .. }] => {
                at = NodeKey { version: *version, path: at.path.child(nibble) };
            }
            ended => break only_leaf(ended),
        }
    };
    Ok(match end {
        None => (None, Proof { end: End::Empty, siblings }),
        Some((found, value)) if found == *key => (Some(value), Proof { end: End::Leaf, siblings }),
        Some((key, value)) => (None, Proof { end: End::Other { key, value }, siblings }),
    })
}

/// The leaf among children of which none is a record, and at most one a leaf.
fn only_leaf(children: &[Child]) -> Option<(Hash, Hash)> {
    children.iter().find_map(|child| match child {
        Child::Leaf { key, value } => Some((*key, *value)),
        _ => None,
    })
}

/// Proves which entries there are from the key hash `from` on, in the tree whose root the version `root`
/// wrote: up to `last`, which must be an entry's, or, without it, to the end of all keys. What
/// [`super::verify_range`] takes beside the entries.
pub fn prove_range(
    reader: &dyn NodeReader,
    root: u64,
    from: &Hash,
    last: Option<&Hash>,
) -> Result<Vec<u8>, StoreError> {
    prove_range_within(reader, root, from, &KEY_MAX, last)
}

/// The same within the keys up to `bound`: without `last` the range goes up to it. What
/// [`super::verify_range_within`] takes.
pub fn prove_range_within(
    reader: &dyn NodeReader,
    root: u64,
    from: &Hash,
    bound: &Hash,
    last: Option<&Hash>,
) -> Result<Vec<u8>, StoreError> {
    let edges = Edges::new(*from, *last.unwrap_or(bound));
    let mut proof = RangeProof { reader, edges, bytes: vec![u8::from(last.is_none())] };
    let node = reader.node(&NodeKey::root(root))?;
    proof.subtree(Path::ROOT, &node.children, Place::ROOT)?;
    Ok(proof.bytes)
}

struct RangeProof<'a> {
    reader: &'a dyn NodeReader,
    edges: Edges,
    bytes: Vec<u8>,
}

impl RangeProof<'_> {
    /// Adds a subtree that is not outside: some neighbouring children of the record at `path`.
    fn subtree(&mut self, path: Path, children: &[Child], at: Place) -> Result<(), StoreError> {
        if !self.edges.is_across(at) {
            return Ok(());
        }
        if let [Child::Inner { version, .. }] = children {
            // The same subtree, as the record below has it.
            let path = path.child(nibble(self.edges.key(at), path.length()));
            let node: Node = self.reader.node(&NodeKey { version: *version, path })?;
            return self.subtree(path, &node.children, at);
        }
        match Subtree::over(children) {
            Subtree::Empty => self.bytes.push(EMPTY),
            Subtree::Leaf(_) => {
                let (key, value) = only_leaf(children).expect("it has one leaf");
                match self.edges.hold(&key) {
                    true => self.bytes.push(LEAF_INSIDE),
                    false => {
                        self.bytes.push(LEAF_OUTSIDE);
                        self.bytes.extend_from_slice(&key.0);
                        self.bytes.extend_from_slice(&value.0);
                    }
                }
            }
            Subtree::Inner(_) => {
                self.bytes.push(INNER);
                let (left, right) = children.split_at(children.len() / 2);
                for (is_right, children) in [(false, left), (true, right)] {
                    match self.edges.half(at, is_right) {
                        (_, Side::Outside) => self.outside(children),
                        (half, _) => self.subtree(path, children, half)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn outside(&mut self, children: &[Child]) {
        match Subtree::over(children) {
            Subtree::Empty => self.bytes.push(EMPTY),
            Subtree::Leaf(hash) | Subtree::Inner(hash) => {
                self.bytes.push(HASH);
                self.bytes.extend_from_slice(&hash.0);
            }
        }
    }
}
