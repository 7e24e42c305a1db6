//! The past that a snapshot hands over: the commits which may name blocks above gc, checked against what a
//! certified checkpoint says of them (protocol.md 8.4).
//!
//! The checkpoint names the last commit and the ordering root after it. The digests of the commits chain
//! backwards from it, and cover which blocks each executes; the root covers every block above gc that is in
//! a commit, ignored ones too, and who is on probation. What neither covers is checked against what they
//! cover (slots, who had them), or taken out (blocks that were ignored at or below gc, roots of earlier
//! commits), so that nothing is left to the word of whoever sent it.

use std::collections::BTreeSet;

use super::linearize::{Commit, active_digest};
use super::past::Past;
use super::range::{RangeError, check_links};
use crate::block::BlockRef;
use crate::checkpoint::Checkpoint;
use crate::committee::Committee;
use crate::crypto::Hash;
use crate::genesis::Parameters;

/// Why a past was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// There is none.
    #[error("no commit comes with the checkpoint: ask another node")]
    Empty,
    /// Commits that are not what they say, or do not follow each other.
    #[error("{0}: ask another node")]
    Commits(#[from] RangeError),
    /// Another last commit than the checkpoint's.
    #[error("the last commit is not commit {index}, the checkpoint's: ask another node")]
    OtherCommit {
        /// The checkpoint's.
        index: u64,
    },
    /// A commit that can name nothing above gc.
    #[error("commit {index} is at or below gc, round {gc_round}: ask another node")]
    BelowGc {
        /// Of the commit.
        index: u64,
        /// The highest round at or below gc.
        gc_round: u32,
    },
    /// Other blocks, or another probation, than the checkpoint's.
    #[error(
        "the commits lead to the ordering root {found}, not to the checkpoint's {expected}: ask another node"
    )]
    Root {
        /// Where they lead.
        found: Hash,
        /// What the checkpoint says.
        expected: Hash,
    },
    /// A commit's word on probation that does not fit who had slots after it.
    #[error("commit {index} says of probation what the commit after it does not: ask another node")]
    Probation {
        /// Of the commit.
        index: u64,
    },
}

/// What [`inherit`] makes of commits that hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// Ascending, the last is the checkpoint's; with nothing in them that was not checked.
    pub commits: Vec<Commit>,
    /// Every block above gc that is in one of them, ignored ones too.
    pub blocks: BTreeSet<BlockRef>,
}

/// Checks the commits that come with a certified checkpoint. A pure function of what it is given.
pub fn inherit(
    mut commits: Vec<Commit>,
    checkpoint: &Checkpoint,
    committee: &Committee,
    parameters: &Parameters,
) -> Result<Inherited, PastError> {
    check_links(&commits)?;
    let last = commits.last().ok_or(PastError::Empty)?;
    if (last.index, last.digest) != (checkpoint.commit_index, checkpoint.commit_digest) {
        return Err(PastError::OtherCommit { index: checkpoint.commit_index });
    }
    let gc_round = last.round.saturating_sub(parameters.gc_depth);
    if let Some(Commit { index, .. }) = commits.iter().find(|commit| commit.round <= gc_round) {
        return Err(PastError::BelowGc { index: *index, gc_round });
    }
    let mut past = Past::default();
    commits.iter().for_each(|commit| past.add(commit));
    let (found, expected) = (past.root(last, gc_round), checkpoint.ordering_root);
    if found != expected {
        return Err(PastError::Root { found, expected });
    }
    check_probation(&commits, committee)?;
    let executed: BTreeSet<BlockRef> =
        commits.iter().flat_map(|commit| commit.blocks.iter().copied()).collect();
    let mut blocks: BTreeSet<BlockRef> =
        executed.iter().filter(|block| block.round > gc_round).copied().collect();
    let end = commits.len() - 1;
    for (at, commit) in commits.iter_mut().enumerate() {
        // The root says which blocks are in commits; each is in one, executed or ignored.
        commit.ignored.retain(|block| {
            block.round > gc_round && !executed.contains(block) && blocks.insert(*block)
        });
        commit.ordering_root = if at == end { expected } else { Hash::ZERO };
    }
    Ok(Inherited { commits, blocks })
}

/// The digest of each commit says who had its slots; that follows from the probation of the one before.
fn check_probation(commits: &[Commit], committee: &Committee) -> Result<(), PastError> {
    for (commit, next) in commits.iter().zip(&commits[1..]) {
        let records = &commit.probation.records;
        let members = records.iter().all(|record| committee.member(record.author).is_some());
        if !members
            || !records.is_sorted_by(|a, b| a.author < b.author)
            || active_digest(committee.epoch(), &commit.probation.active(committee)) != next.active
        {
            return Err(PastError::Probation { index: commit.index });
        }
    }
    Ok(())
}
