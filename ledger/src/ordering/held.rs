//! Blocks whose timestamps are too far ahead of our clock wait here (protocol.md 3.2): delayed, not
//! refused. Bounded per author; what does not fit is dropped, and asked for again when it is referenced.

use std::collections::BTreeMap;

use super::Time;
use crate::block::{BlockRef, VerifiedBlock};
use crate::committee::AuthorIndex;
use crate::limits::TIMESTAMP_AHEAD_MAX_MS;

/// Blocks of one author.
const HELD_MAX: usize = 16;
/// A block further ahead than this is dropped, in milliseconds.
const HELD_AHEAD_MAX_MS: u64 = 60_000;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Held {
    blocks: BTreeMap<(u64, BlockRef), (VerifiedBlock, Option<AuthorIndex>)>,
}

impl Held {
    /// True when the block's timestamp is too far ahead of `now`.
    pub fn is_ahead(block: &VerifiedBlock, now: Time) -> bool {
        block.header().timestamp_ms > now.plus_ms(TIMESTAMP_AHEAD_MAX_MS).0
    }

    /// Keeps a block until its time.
    pub fn hold(&mut self, block: VerifiedBlock, from: Option<AuthorIndex>, now: Time) {
        let stamp = block.header().timestamp_ms;
        let of_author =
            self.blocks.keys().filter(|(_, held)| held.author == block.author()).count();
        if of_author < HELD_MAX && stamp <= now.plus_ms(HELD_AHEAD_MAX_MS).0 {
            self.blocks.insert((stamp, block.reference()), (block, from));
        }
    }

    /// The next block whose time has come.
    pub fn release(&mut self, now: Time) -> Option<(VerifiedBlock, Option<AuthorIndex>)> {
        let first = self.blocks.first_entry()?;
        (first.key().0 <= now.plus_ms(TIMESTAMP_AHEAD_MAX_MS).0).then(|| first.remove())
    }

    /// When the next one's time comes.
    pub fn wake_at(&self) -> Option<Time> {
        let (stamp, _) = self.blocks.keys().next()?;
        Some(Time(stamp.saturating_sub(TIMESTAMP_AHEAD_MAX_MS)))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }
}
