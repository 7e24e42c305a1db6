//! A range of commits from a peer, checked as far as that needs no state (protocol.md 10.3): what passes
//! was decided by somebody honest, while at most f of the stake is Byzantine.
//!
//! The last commit has votes of a quorum of stake, and the digest of each covers the one before it and
//! everything that follows from the decisions. What a digest leaves out follows from what it covers: the
//! slots are the blocks of the commit's own round, and their order and the ignored blocks are checked when
//! the range is installed. Nothing here is believed for who sent it.

use std::collections::{BTreeMap, BTreeSet};

use super::author_set::AuthorSet;
use super::linearize::Commit;
use crate::block::{Block, BlockError, BlockRef, SignedVotes, VerifiedBlock};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::Hash;
use crate::genesis::Parameters;
use crate::wire::CommitsAnswer;

/// Why a range was refused. Each costs its sender score; another peer is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No commit: the peer has nothing for us. No offence.
    #[error("the answer has no commits")]
    Empty,
    /// A commit that does not follow the one before it.
    #[error("commit {index} does not follow the one before it: {rule}")]
    Link {
        /// Of the commit.
        index: u64,
        /// What is broken.
        rule: &'static str,
    },
    /// A commit whose digest is not that of what it says.
    #[error("commit {index} is not what its digest says")]
    Digest {
        /// Of the commit.
        index: u64,
    },
    /// Slots that are not the blocks of the commit's round.
    #[error("the slots of commit {index} are not its blocks of round {round}")]
    Slots {
        /// Of the commit.
        index: u64,
        /// Of the commit.
        round: u32,
    },
    /// A vote that its author did not sign.
    #[error("a vote of author {author} that it did not sign")]
    BadVote {
        /// The author that it names.
        author: AuthorIndex,
    },
    /// Two votes by one author.
    #[error("two votes of author {author}")]
    DoubleVote {
        /// The author.
        author: AuthorIndex,
    },
    /// Votes without a quorum of stake for the last commit.
    #[error("votes of stake {stake} for the last commit, {quorum} are needed")]
    TooFewVotes {
        /// Of those who vote for it.
        stake: Stake,
        /// What is needed.
        quorum: Stake,
    },
    /// Fewer or more blocks than the commits name.
    #[error("{found} blocks where the commits name {named}")]
    BlockCount {
        /// What came.
        found: usize,
        /// What the commits name.
        named: usize,
    },
    /// Another block than the commit names, in its place.
    #[error("not the block {expected:?} that the commit names")]
    OtherBlock {
        /// What the commit names.
        expected: BlockRef,
    },
    /// A block that breaks the rules.
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// A range that passed [`CommitRange::verify`].
#[derive(Debug, Clone)]
pub struct CommitRange {
    commits: Vec<(Commit, Vec<VerifiedBlock>)>,
}

impl CommitRange {
    /// Checks all that needs no state, the cheap first; verifying blocks is most of it, about 60 us each.
    /// A pure function of the answer and the committee.
    pub fn verify(
        answer: CommitsAnswer,
        chain_id: &Hash,
        committee: &Committee,
        parameters: &Parameters,
    ) -> Result<Self, RangeError> {
        check_links(&answer.commits)?;
        let last = answer.commits.last().ok_or(RangeError::Empty)?;
        check_votes(last, &answer.votes, chain_id, committee)?;
        let named = answer.commits.iter().map(|commit| commit.blocks.len() + commit.ignored.len());
        let (named, found) = (named.sum(), answer.blocks.len());
        if named != found {
            return Err(RangeError::BlockCount { found, named });
        }
        let mut encoded = answer.blocks.into_iter();
        let mut commits = Vec::with_capacity(answer.commits.len());
        for commit in answer.commits {
            let mut blocks = Vec::with_capacity(commit.blocks.len() + commit.ignored.len());
            for expected in commit.blocks.iter().chain(&commit.ignored) {
                let bytes = encoded.next().expect("as many as are named");
                let block = Block::decode(&bytes, parameters)?;
                // Before the costly part.
                if block.header.digest() != expected.digest {
                    return Err(RangeError::OtherBlock { expected: *expected });
                }
                let block = block.verify(chain_id, committee, parameters)?;
                if block.reference() != *expected {
                    return Err(RangeError::OtherBlock { expected: *expected });
                }
                blocks.push(block);
            }
            commits.push((commit, blocks));
        }
        Ok(Self { commits })
    }

    /// The commits, each with its blocks in order and then those that it ignores.
    pub fn commits(&self) -> &[(Commit, Vec<VerifiedBlock>)] {
        &self.commits
    }

    /// The same, by value.
    pub(super) fn into_commits(self) -> Vec<(Commit, Vec<VerifiedBlock>)> {
        self.commits
    }
}

/// Each follows the one before and is what its digest says, and names the slots that it must.
pub(super) fn check_links(commits: &[Commit]) -> Result<(), RangeError> {
    let mut before: Option<&Commit> = None;
    for commit in commits {
        let index = commit.index;
        let link = |rule| Err(RangeError::Link { index, rule });
        if let Some(before) = before {
            if Some(index) != before.index.checked_add(1) {
                return link("its index is not the next one");
            }
            if commit.previous != before.digest {
                return link("it names another one before it");
            }
            if commit.round <= before.round {
                return link("its round is not a later one");
            }
        }
        if commit.digest != commit.compute_digest() {
            return Err(RangeError::Digest { index });
        }
        // Everything else in a commit is an ancestor of a slot, so of a lower round.
        let slots: BTreeSet<BlockRef> = commit.slots.iter().copied().collect();
        let of_round = commit.blocks.iter().filter(|block| block.round >= commit.round);
        let of_round: BTreeSet<BlockRef> = of_round.copied().collect();
        if slots.is_empty()
            || slots.len() != commit.slots.len()
            || slots != of_round
            || slots.iter().any(|slot| slot.round != commit.round)
        {
            return Err(RangeError::Slots { index, round: commit.round });
        }
        before = Some(commit);
    }
    Ok(())
}

/// Authors with a quorum of stake vote for the commit, each once, each by its own signature.
fn check_votes(
    commit: &Commit,
    votes: &[SignedVotes],
    chain_id: &Hash,
    committee: &Committee,
) -> Result<(), RangeError> {
    let vote = (commit.index, commit.digest);
    let mut authors = AuthorSet::default();
    for signed in votes {
        let author = signed.author;
        if committee.member(author).is_none() {
            return Err(RangeError::BadVote { author });
        }
        if !authors.insert(author) {
            return Err(RangeError::DoubleVote { author });
        }
    }
    let voters: AuthorSet = votes
        .iter()
        .filter(|signed| signed.commit_votes.contains(&vote))
        .map(|signed| signed.author)
        .collect();
    let (stake, quorum) = (voters.stake(committee), committee.quorum());
    if stake < quorum {
        return Err(RangeError::TooFewVotes { stake, quorum });
    }
    match votes.iter().find(|signed| !signed.verify(chain_id, committee)) {
        Some(signed) => Err(RangeError::BadVote { author: signed.author }),
        None => Ok(()),
    }
}

/// Votes for commits, gathered from blocks: which is the highest that a quorum of stake vouches for.
#[derive(Debug)]
pub(crate) struct VoteTally<'a> {
    committee: &'a Committee,
    /// Index and digest -> who said so, in which order.
    voices: BTreeMap<u64, (Hash, AuthorSet, Vec<SignedVotes>)>,
}

impl<'a> VoteTally<'a> {
    /// For commits with these digests, at most as many as a range has.
    pub fn new(committee: &'a Committee, commits: &[Commit]) -> Self {
        let empty =
            |commit: &Commit| (commit.index, (commit.digest, AuthorSet::default(), Vec::new()));
        Self { committee, voices: commits.iter().map(empty).collect() }
    }

    /// Counts what a block says.
    pub fn hear(&mut self, block: &Block) {
        let author = block.header.author;
        let mut signed = None;
        for (index, digest) in &block.header.commit_votes {
            let Some((ours, authors, voices)) = self.voices.get_mut(index) else { continue };
            if ours == digest && self.committee.member(author).is_some() && authors.insert(author) {
                voices.push(signed.get_or_insert_with(|| SignedVotes::of(block)).clone());
            }
        }
    }

    /// The highest commit with votes of a quorum of stake, and as many of them as that takes, the short
    /// ones first.
    pub fn highest(mut self) -> Option<(u64, Vec<SignedVotes>)> {
        let quorum = self.committee.quorum();
        let certified = self
            .voices
            .iter()
            .rev()
            .find(|(_, (_, authors, _))| authors.stake(self.committee) >= quorum);
        let index = *certified?.0;
        let (_, _, mut votes) = self.voices.remove(&index)?;
        votes.sort_by_key(|signed| (signed.commit_votes.len(), signed.author));
        let mut authors = AuthorSet::default();
        votes.retain(|signed| {
            let needed = authors.stake(self.committee) < quorum;
            needed && authors.insert(signed.author)
        });
        Some((index, votes))
    }

    /// True when the last commit has its quorum: nothing better can come.
    pub fn is_done(&self) -> bool {
        let last = self.voices.last_key_value();
        last.is_none_or(|(_, (_, authors, _))| {
            authors.stake(self.committee) >= self.committee.quorum()
        })
    }
}
