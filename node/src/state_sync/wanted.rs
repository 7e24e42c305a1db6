//! What an import still lacks, as work that peers can be asked for.

use std::collections::BTreeSet;

use pollen_ledger::block::BlockRef;

use super::Shared;
use super::plan::Work;

/// Blocks that are asked for at once.
const BLOCKS_GROUP: usize = 128;
/// Modules whose code is asked for at once.
const CODE_OPEN: usize = 8;

/// What is still to be fetched.
pub(super) struct Wanted {
    /// Groups of blocks, by number; emptied as they come.
    blocks: Vec<Vec<BlockRef>>,
}

impl Wanted {
    pub(super) fn new(import: &Shared) -> Self {
        let missing =
            import.read().as_ref().map_or_else(Vec::new, |one| one.missing_blocks(usize::MAX));
        Self { blocks: missing.chunks(BLOCKS_GROUP).map(<[BlockRef]>::to_vec).collect() }
    }

    /// All that can be asked for now; none when the import is complete.
    pub(super) fn open(&mut self, import: &Shared) -> Vec<Work> {
        let held = import.read();
        let Some(import) = held.as_ref() else { return Vec::new() };
        if self.blocks.iter().any(|group| !group.is_empty()) {
            let missing: BTreeSet<BlockRef> =
                import.missing_blocks(usize::MAX).into_iter().collect();
            for group in &mut self.blocks {
                group.retain(|name| missing.contains(name));
            }
        }
        // Before the code: a chunk that comes in meanwhile may name some, and be the last of its part.
        let parts = import.parts();
        let groups = (0..).zip(&self.blocks).filter(|(_, group)| !group.is_empty());
        let blocks = groups.map(|(number, _)| Work::Blocks(number));
        let code = import.missing_code(CODE_OPEN).into_iter().map(Work::Code);
        let parts = parts.into_iter().filter(|part| !part.done);
        blocks.chain(code).chain(parts.map(|part| Work::Chunk(part.next))).collect()
    }

    /// The blocks of a group.
    pub(super) fn names(&self, work: &Work) -> Vec<BlockRef> {
        match work {
            Work::Blocks(number) => self.blocks.get(*number).cloned().unwrap_or_default(),
            Work::Code(_) | Work::Chunk(_) => Vec::new(),
        }
    }
}
