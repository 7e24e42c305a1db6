//! What is committed above gc, and the digest of all that the next commit depends on (protocol.md 8.4):
//! who has that much of the past, and the blocks to come, computes the same commits as everybody.
//!
//! Invariants: a function of the commits alone; rounds that a commit adds nothing to are not hashed again.

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize;

use super::linearize::Commit;
use super::probation::Probation;
use crate::block::{BlockRef, Round};
use crate::codec;
use crate::crypto::{Domain, Hash};

/// What the ordering root is the hash of.
#[derive(BorshSerialize)]
struct Ordering<'a> {
    index: u64,
    round: Round,
    timestamp_ms: u64,
    digest: Hash,
    gc_round: Round,
    /// Per round above gc that has any, ascending: hash of the blocks in commits.
    rounds: Vec<(Round, Hash)>,
    probation: &'a Probation,
}

/// See the module's documentation.
#[derive(Clone, Default)]
pub(super) struct Past {
    rounds: BTreeMap<Round, BTreeSet<BlockRef>>,
    /// Of rounds that did not change since: what was hashed before differs from node to node.
    hashes: BTreeMap<Round, Hash>,
}

impl std::fmt::Debug for Past {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Past").field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

impl Past {
    /// Adds the blocks of a commit, ignored ones too.
    pub fn add(&mut self, commit: &Commit) {
        for reference in commit.blocks.iter().chain(&commit.ignored) {
            self.rounds.entry(reference.round).or_default().insert(*reference);
            self.hashes.remove(&reference.round);
        }
    }

    /// Forgets what lies at or below gc.
    pub fn collect(&mut self, gc_round: Round) {
        self.rounds = self.rounds.split_off(&(gc_round + 1));
        self.hashes = self.hashes.split_off(&(gc_round + 1));
    }

    /// The ordering root after a commit that was added, whose gc round is given.
    pub fn root(&mut self, commit: &Commit, gc_round: Round) -> Hash {
        let Self { rounds, hashes } = self;
        let above = rounds.range(gc_round + 1..);
        let rounds = above.map(|(round, blocks)| {
            let hash = hashes
                .entry(*round)
                .or_insert_with(|| Domain::Ordering.hash(&[&codec::encode(blocks)]));
            (*round, *hash)
        });
        let ordering = Ordering {
            index: commit.index,
            round: commit.round,
            timestamp_ms: commit.timestamp_ms,
            digest: commit.digest,
            gc_round,
            rounds: rounds.collect(),
            probation: &commit.probation,
        };
        Domain::Ordering.hash(&[&codec::encode(&ordering)])
    }
}

/// Computes the ordering roots of stored commits anew, one behind the other.
#[derive(Debug)]
pub struct OrderingRoots {
    past: Past,
    gc_depth: Round,
    /// Blocks up to this round may be in commits before the first that was given.
    unknown: Option<Round>,
}

impl OrderingRoots {
    /// Before the first commit.
    pub fn new(gc_depth: Round) -> Self {
        Self { past: Past::default(), gc_depth, unknown: None }
    }

    /// The root after the next commit; none while it depends on commits before the first that was given.
    pub fn next(&mut self, commit: &Commit) -> Option<Hash> {
        let from_the_first = if commit.index == 1 { 0 } else { commit.round };
        let unknown = *self.unknown.get_or_insert(from_the_first);
        let gc_round = commit.round.saturating_sub(self.gc_depth);
        self.past.add(commit);
        self.past.collect(gc_round);
        (gc_round >= unknown).then(|| self.past.root(commit, gc_round))
    }
}
