//! Decoded records near the root, which every batch reads and writes again. Never changes a result: only
//! where a record is read.

use super::node::{Node, NodeKey, Path};
use super::update::Update;

/// Depth of the deepest records that are kept, in nibbles.
pub(super) const TOP_DEPTH: usize = 3;
/// Records up to that depth: 1 + 16 + 256 + 4096. At about 1.2 KB each they take 5 MB at most.
const SLOTS: usize = 0x1111;

/// The newest records down to depth 3.
#[derive(Debug)]
pub struct TopLevels {
    slots: Vec<Option<(u64, Box<Node>)>>,
}

impl Default for TopLevels {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| None).collect() }
    }
}

impl TopLevels {
    /// The record, where it is the newest of its place and was kept.
    pub fn get(&self, key: &NodeKey) -> Option<&Node> {
        let (version, node) = self.slots.get(slot(&key.path)?)?.as_ref()?;
        (*version == key.version).then_some(&**node)
    }

    /// Keeps the new records of an update.
    pub fn keep(&mut self, update: &mut Update) {
        for (path, node) in update.top.drain(..) {
            if let Some(slot) = slot(&path) {
                self.slots[slot] = Some((update.root_version, Box::new(node)));
            }
        }
    }
}

/// Records of one depth stand behind those of all smaller depths.
fn slot(path: &Path) -> Option<usize> {
    let before = [0, 0x1, 0x11, 0x111].get(path.length())?;
    Some(before + path.number())
}
