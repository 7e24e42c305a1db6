//! Answers to [`HistoryRequest`]: what an asker lacks, lowest rounds first, in one bounded answer.

use std::collections::{BTreeMap, VecDeque};

use super::{Database, StoreError};
use crate::block::{BlockRef, Round};
use crate::committee::AuthorIndex;
use crate::limits::{HISTORY_BLOCKS_MAX, HISTORY_BYTES_MAX};
use crate::wire::HistoryRequest;

/// Names of an author's blocks that one step reads ahead.
const READ_AHEAD: usize = 32;

/// An author's blocks above the asker's frontier, in order, read a piece at a time.
struct Branch {
    ready: VecDeque<BlockRef>,
    /// From which round to read on; none when there is no more.
    next: Option<Round>,
}

impl Database {
    /// Encoded blocks above the asker's frontier up to the highest round among its targets (all rounds
    /// without targets), and the targets themselves. Ordered by round, so every block comes after its
    /// parents; at most [`HISTORY_BLOCKS_MAX`] and [`HISTORY_BYTES_MAX`], and always one where there is
    /// one. Costs what it answers: an author without new blocks costs one seek.
    ///
    /// `authors` is the committee's size; the request was decoded within its bounds.
    pub fn history(
        &self,
        request: &HistoryRequest,
        authors: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let top = request.targets.iter().map(|target| target.round).max().unwrap_or(Round::MAX);
        let frontier =
            |author: AuthorIndex| request.frontier.get(usize::from(author)).copied().unwrap_or(0);
        // The front of every branch, in the order of the answer: a merge of sorted branches.
        let mut fronts: BTreeMap<BlockRef, Option<AuthorIndex>> = BTreeMap::new();
        let mut branches: BTreeMap<AuthorIndex, Branch> = BTreeMap::new();
        for author in 0..authors as AuthorIndex {
            let next = frontier(author).checked_add(1);
            let mut branch = Branch { ready: VecDeque::new(), next };
            if let Some(front) = self.step(author, &mut branch, top)? {
                fronts.insert(front, Some(author));
                branches.insert(author, branch);
            }
        }
        // Targets at or below the frontier: another variant of a round that the asker holds.
        for target in &request.targets {
            if target.round <= frontier(target.author) {
                fronts.entry(*target).or_insert(None);
            }
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        while let Some((front, author)) = fronts.pop_first() {
            if let Some(block) = self.block_bytes(&front)? {
                bytes += block.len();
                if !blocks.is_empty() && bytes > HISTORY_BYTES_MAX {
                    break;
                }
                blocks.push(block);
            }
            if blocks.len() == HISTORY_BLOCKS_MAX {
                break;
            }
            if let Some((author, branch)) =
                author.and_then(|author| Some((author, branches.get_mut(&author)?)))
                && let Some(next) = self.step(author, branch, top)?
            {
                fronts.insert(next, Some(author));
            }
        }
        Ok(blocks)
    }

    /// The next block of a branch, up to the round `top`.
    fn step(
        &self,
        author: AuthorIndex,
        branch: &mut Branch,
        top: Round,
    ) -> Result<Option<BlockRef>, StoreError> {
        if branch.ready.is_empty()
            && let Some(from) = branch.next.filter(|from| *from <= top)
        {
            let mut read = self.author_blocks(author, from, READ_AHEAD)?;
            branch.next = None;
            if read.len() == READ_AHEAD {
                // Go on at a whole round. Should one round alone fill the piece (an equivocator with
                // many variants), the rest of that round is passed over: it can be asked for by name.
                let last = read[READ_AHEAD - 1].round;
                let whole = read.partition_point(|block| block.round < last);
                match whole {
                    0 => branch.next = last.checked_add(1),
                    whole => {
                        read.truncate(whole);
                        branch.next = Some(last);
                    }
                }
            }
            branch.ready = read.into();
        }
        Ok(branch.ready.pop_front().filter(|block| block.round <= top))
    }
}
