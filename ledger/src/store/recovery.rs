//! What a starting node reads back (protocol.md 9.1): where ordering goes on, and which commits execution
//! has not seen. Reads only; every scan comes in pages.

use super::{Database, StoreError};
use crate::block::VerifiedBlock;
use crate::committee::AuthorIndex;
use crate::ordering::{Commit, CommittedSubDag, ExecutedCheckpoint, RECENT_CHECKPOINTS, Recovered};

/// Blocks that are read at a time.
const PAGE_BLOCKS: usize = 256;

impl Database {
    /// Where ordering goes on: the last commit, what may still be named by later ones, and, for the
    /// validator `own`, what it signed.
    pub fn recover(&self, own: Option<AuthorIndex>) -> Result<Recovered, StoreError> {
        let last_commit = self.last_commit()?;
        let gc_depth = self.parameters().gc_depth;
        let gc_round = last_commit.as_ref().map_or(0, |last| last.round.saturating_sub(gc_depth));
        let recent_commits = match &last_commit {
            Some(last) => self.commits_down_to(last.index, gc_round.saturating_sub(gc_depth))?,
            None => Vec::new(),
        };
        let mut blocks = Vec::new();
        let mut own_round_floor = 0;
        if let Some(own) = own {
            own_round_floor = self.own_floor()?;
            let newest = self.newest_block(own)?.filter(|newest| newest.round <= gc_round);
            if let Some(newest) = newest {
                blocks.extend(self.block(&newest)?);
            }
        }
        let mut after = None;
        loop {
            let page = self.blocks(gc_round.saturating_add(1), after.as_ref(), PAGE_BLOCKS)?;
            after = page.last().map(VerifiedBlock::reference);
            blocks.extend(page);
            if after.is_none() {
                break;
            }
        }
        let signing_history = self.signing_history()?;
        Ok(Recovered {
            last_commit,
            recent_commits,
            blocks,
            own_round_floor,
            signing_history,
            checkpoints: self.recent_checkpoints()?,
            certified_height: self.certified_height()?,
            diverged: false,
        })
    }

    /// The last checkpoints up to the tip, with what attestations are counted against.
    fn recent_checkpoints(&self) -> Result<Vec<ExecutedCheckpoint>, StoreError> {
        let from = self.tip()?.height.saturating_sub(RECENT_CHECKPOINTS - 1);
        let stored = self.checkpoints(from, RECENT_CHECKPOINTS as usize)?;
        let read = |checkpoint: crate::Checkpoint| {
            Ok(ExecutedCheckpoint {
                height: checkpoint.height,
                digest: checkpoint.digest(),
                certified: self.signatures(checkpoint.height)?.is_some(),
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// Stored commits from an index on, with their blocks: those that execution has not seen.
    pub fn commits_with_blocks(&self, from: u64) -> Result<Vec<CommittedSubDag>, StoreError> {
        let mut commits = Vec::new();
        while let Some(commit) = self.commit::<Commit>(from + commits.len() as u64)? {
            let block = |reference| {
                self.block(reference)?.ok_or_else(|| StoreError::Corrupt {
                    what: format!("the block {reference:?} of commit {} is missing", commit.index),
                })
            };
            let blocks = commit.blocks.iter().map(block).collect::<Result<_, _>>()?;
            commits.push(CommittedSubDag { commit, blocks });
        }
        Ok(commits)
    }

    /// The newest commit: at or above the one of the newest checkpoint.
    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        let mut last = self.commit::<Commit>(self.tip()?.commit_index)?;
        let mut index = last.as_ref().map_or(0, |last| last.index);
        while let Some(next) = self.commit(index + 1)? {
            last = Some(next);
            index += 1;
        }
        Ok(last)
    }

    /// Commits up to `index` whose round is not below `round`, oldest first.
    pub(super) fn commits_down_to(
        &self,
        mut index: u64,
        round: u32,
    ) -> Result<Vec<Commit>, StoreError> {
        let mut commits = Vec::new();
        while index > 0
            && let Some(commit) = self.commit::<Commit>(index)?.filter(|one| one.round >= round)
        {
            commits.push(commit);
            index -= 1;
        }
        commits.reverse();
        Ok(commits)
    }
}
