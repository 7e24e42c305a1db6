//! Answers to [`CommitsRequest`]: a range of commits with their blocks, and the votes that vouch for it.

use super::{Database, StoreError};
use crate::block::{BlockRef, Round};
use crate::codec;
use crate::committee::Committee;
use crate::limits::{HISTORY_BLOCKS_MAX, HISTORY_BYTES_MAX, RANGE_COMMITS_MAX};
use crate::ordering::{Commit, VoteTally};
use crate::wire::{CommitsAnswer, CommitsRequest};

/// Commits that are read at a time.
const READ_AHEAD: usize = 64;
/// Rounds above the last commit's in which votes for it are looked for. They come four rounds up, unless
/// the chain stalled.
const VOTE_ROUNDS: Round = 64;
/// Blocks that are read at a time in looking for votes.
const VOTE_BLOCKS: usize = 64;

impl Database {
    /// The commits behind the asker's last one as far as a quorum vouches for them, with all their blocks;
    /// at most [`RANGE_COMMITS_MAX`], [`HISTORY_BLOCKS_MAX`] blocks and [`HISTORY_BYTES_MAX`]. Empty when
    /// there is none, or when the first does not fit: then the asker has to fetch blocks.
    /// [`StoreError::Gone`] when the first was let go.
    pub fn commit_range(
        &self,
        request: &CommitsRequest,
        committee: &Committee,
    ) -> Result<CommitsAnswer, StoreError> {
        let read = self.commits_that_fit(request.after);
        // Afterwards: what was pruned in between is told as that, and not as corruption.
        self.check_commit_held(request.after.saturating_add(1))?;
        let (mut commits, mut blocks) = read?;
        let Some(last) = commits.last() else { return Ok(CommitsAnswer::default()) };
        let mut tally = VoteTally::new(committee, &commits);
        self.tally_votes(last.round, &mut tally)?;
        let certified = match tally.highest() {
            Some(found) => Some(found),
            // The head of the chain, which nobody has voted for yet: commits below it have votes.
            None => {
                let below = last.round.saturating_sub(VOTE_ROUNDS / 2).max(commits[0].round);
                let mut tally = VoteTally::new(committee, &commits);
                self.tally_votes(below, &mut tally)?;
                tally.highest()
            }
        };
        let Some((index, votes)) = certified else { return Ok(CommitsAnswer::default()) };
        let kept = commits.iter().take_while(|commit| commit.index <= index).count();
        commits.truncate(kept);
        let named = commits.iter().map(|commit| commit.blocks.len() + commit.ignored.len());
        blocks.truncate(named.sum());
        Ok(CommitsAnswer { commits, blocks, votes })
    }

    fn commits_that_fit(&self, after: u64) -> Result<(Vec<Commit>, Vec<Vec<u8>>), StoreError> {
        let (mut commits, mut blocks) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while commits.len() < RANGE_COMMITS_MAX {
            let Some(from) = after.checked_add(commits.len() as u64 + 1) else { break };
            let read: Vec<Commit> = self.commits(from, READ_AHEAD)?;
            if read.is_empty() {
                break;
            }
            for commit in read {
                let named = commit.blocks.len() + commit.ignored.len();
                // A hole would be taken for the range's end: better to serve nothing of it.
                if commit.index != after + commits.len() as u64 + 1
                    || commits.len() == RANGE_COMMITS_MAX
                    || blocks.len() + named > HISTORY_BLOCKS_MAX
                {
                    return Ok((commits, blocks));
                }
                let found = self.blocks_of(&commit)?;
                let size: usize = found.iter().map(Vec::len).sum();
                bytes += size + codec::encode(&commit).len();
                if bytes > HISTORY_BYTES_MAX {
                    return Ok((commits, blocks));
                }
                blocks.extend(found);
                commits.push(commit);
            }
        }
        Ok((commits, blocks))
    }

    fn blocks_of(&self, commit: &Commit) -> Result<Vec<Vec<u8>>, StoreError> {
        let bytes = |reference: &BlockRef| {
            self.block_bytes(reference)?.ok_or_else(|| StoreError::Corrupt {
                what: format!("the block {reference:?} of commit {} is missing", commit.index),
            })
        };
        commit.blocks.iter().chain(&commit.ignored).map(bytes).collect()
    }

    /// Counts the votes in blocks of the rounds above `round`, until the last commit has its quorum.
    fn tally_votes(&self, round: Round, tally: &mut VoteTally<'_>) -> Result<(), StoreError> {
        let mut after: Option<BlockRef> = None;
        while !tally.is_done() {
            let read = self.blocks(round.saturating_add(1), after.as_ref(), VOTE_BLOCKS)?;
            let Some(last) = read.last() else { break };
            after = Some(last.reference());
            for block in &read {
                tally.hear(block.block());
            }
            if last.round() > round.saturating_add(VOTE_ROUNDS) {
                break;
            }
        }
        Ok(())
    }
}
