//! From decided rounds to a total order of blocks (protocol.md part 7): commit sets, their order, ledger
//! time, and the chain of commit digests. A function of the committed history alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::author_set::AuthorSet;
use super::dag::Dag;
use super::decider::DecidedRound;
use super::past::Past;
use super::probation::Probation;
use crate::block::{BlockRef, Round, VerifiedBlock};
use crate::codec;
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::{Domain, Hash};
use crate::genesis::Parameters;

/// The blocks that one round adds to the order. Stored; its digest chains all commits before it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Commit {
    /// 1, 2, ... ; 0 stands for genesis.
    pub index: u64,
    /// The round whose slots made it.
    pub round: Round,
    /// Ledger time, in milliseconds since 1970; never decreasing.
    pub timestamp_ms: u64,
    /// Digest of the commit before; the chain id at index 1.
    pub previous: Hash,
    /// See [`Commit::compute_digest`].
    pub digest: Hash,
    /// Digest of the slot holders that decided it.
    pub active: Hash,
    /// The committed blocks of the round's slots, in slot order.
    pub slots: Vec<BlockRef>,
    /// The blocks to execute, in order.
    pub blocks: Vec<BlockRef>,
    /// Blocks of the commit set that are not executed, since another block of their author and round is
    /// in this or an earlier commit. Ascending. Not part of the digest, which they follow from.
    pub ignored: Vec<BlockRef>,
    /// Who has slots in the rounds after this one, and what that follows from (part 6). Not part of the
    /// digest, since it follows from the blocks of this commit and those before.
    pub probation: Probation,
    /// 8.4 digest of what the commits after this one depend on. Not part of the digest, for the same reason.
    pub ordering_root: Hash,
}

impl Commit {
    /// 7.6: blake3(previous, index, round, timestamp, digest of the slot holders, references in order).
    pub fn compute_digest(&self) -> Hash {
        Domain::Commit.hash(&[
            &self.previous.0,
            &self.index.to_le_bytes(),
            &self.round.to_le_bytes(),
            &self.timestamp_ms.to_le_bytes(),
            &self.active.0,
            &codec::encode(&self.blocks),
        ])
    }
}

/// The digest of the slot holders of an epoch.
pub fn active_digest(epoch: u64, active: &AuthorSet) -> Hash {
    let authors: Vec<AuthorIndex> = active.iter().collect();
    Domain::List.hash(&[&epoch.to_le_bytes(), &codec::encode(&authors)])
}

/// A commit with its blocks, in order: what execution takes.
#[derive(Debug, Clone)]
pub struct CommittedSubDag {
    /// The commit.
    pub commit: Commit,
    /// `commit.blocks`, whole.
    pub blocks: Vec<VerifiedBlock>,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Linearizer {
    committee: Arc<Committee>,
    parameters: Parameters,
    probation: Probation,
    /// 6.5 who has slots in the rounds after the last commit.
    active: AuthorSet,
    active_digest: Hash,
    index: u64,
    round: Round,
    timestamp_ms: u64,
    digest: Hash,
    /// Which (round, author) is in a commit, above the last commit's gc round.
    emitted: BTreeSet<(Round, AuthorIndex)>,
    /// The blocks of commits above it, ignored ones too.
    past: Past,
}

impl Linearizer {
    /// Goes on after `last`, or begins at genesis. `recent` names the commits that may hold blocks above
    /// the gc round of `last`.
    pub fn new(
        committee: Arc<Committee>,
        chain_id: Hash,
        genesis_time_ms: u64,
        parameters: Parameters,
        last: Option<&Commit>,
        recent: &[Commit],
    ) -> Self {
        let probation = last.map_or_else(Probation::default, |commit| commit.probation.clone());
        let active = probation.active(&committee);
        let emitted = recent
            .iter()
            .flat_map(|commit| commit.blocks.iter().map(|block| (block.round, block.author)))
            .collect();
        let mut past = Past::default();
        recent.iter().for_each(|commit| past.add(commit));
        Self {
            past,
            active_digest: active_digest(committee.epoch(), &active),
            active,
            committee,
            parameters,
            probation,
            index: last.map_or(0, |commit| commit.index),
            round: last.map_or(0, |commit| commit.round),
            timestamp_ms: last.map_or(genesis_time_ms, |commit| commit.timestamp_ms),
            digest: last.map_or(chain_id, |commit| commit.digest),
            emitted,
        }
    }

    /// Index of the last commit; 0 before the first.
    pub fn index(&self) -> u64 {
        self.index
    }
    /// Round of the last commit; 0 before the first.
    pub fn round(&self) -> Round {
        self.round
    }
    /// Ledger time of the last commit, in milliseconds.
    pub fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }
    /// Digest of the last commit; the chain id before the first.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// Who has slots in the rounds after the last commit.
    pub fn active(&self) -> &AuthorSet {
        &self.active
    }
    /// Who is on probation after the last commit, and why.
    pub fn probation(&self) -> &Probation {
        &self.probation
    }

    /// Commits a decided round with at least one committed slot. The DAG still holds everything above the
    /// gc round of the commit *before*: that is how far down this one reaches (7.1).
    pub fn commit(&mut self, dag: &mut Dag, decided: &DecidedRound) -> CommittedSubDag {
        assert!(decided.round > self.round, "rounds are committed once, in order");
        let timestamp_ms = self.timestamp_ms.max(self.median(dag, &decided.slots));
        let seed = Domain::CommitSeed
            .hash(&decided.slots.iter().map(|slot| &slot.digest.0[..]).collect::<Vec<_>>());
        // 7.2 by round, then by a hash that nobody knows before the slots are signed
        let mut set: Vec<(Round, Hash, VerifiedBlock)> = Self::commit_set(dag, &decided.slots)
            .into_iter()
            .map(|block| {
                let reference = block.reference();
                let key = Domain::CommitSeed.hash(&[&seed.0, &reference.digest.0]);
                (reference.round, key, block)
            })
            .collect();
        set.sort_by_key(|(round, key, _)| (*round, *key));
        // 7.3 of an equivocator only the first block per round
        let (mut blocks, mut ignored) = (Vec::new(), Vec::new());
        for (round, _, block) in set {
            match self.emitted.insert((round, block.author())) {
                true => blocks.push(block),
                false => ignored.push(block.reference()),
            }
        }
        ignored.sort();
        let mut commit = Commit {
            index: self.index + 1,
            round: decided.round,
            timestamp_ms,
            previous: self.digest,
            digest: Hash::ZERO,
            active: self.active_digest,
            slots: decided.slots.clone(),
            blocks: blocks.iter().map(VerifiedBlock::reference).collect(),
            ignored,
            probation: self.next_probation(dag, decided.round),
            ordering_root: Hash::ZERO,
        };
        // 6.5 with the holders of this round's slots; those of later rounds may be others
        commit.digest = commit.compute_digest();
        self.past.add(&commit);
        let gc_round = commit.round.saturating_sub(self.parameters.gc_depth);
        commit.ordering_root = self.past.root(&commit, gc_round);
        if commit.probation != self.probation {
            self.probation = commit.probation.clone();
            self.active = self.probation.active(&self.committee);
            self.active_digest = active_digest(self.committee.epoch(), &self.active);
        }
        self.index = commit.index;
        self.round = commit.round;
        self.timestamp_ms = commit.timestamp_ms;
        self.digest = commit.digest;
        CommittedSubDag { commit, blocks }
    }

    fn next_probation(&self, dag: &Dag, round: Round) -> Probation {
        let mut next = self.probation.clone();
        next.committed(&self.parameters, &self.committee, dag, self.round, round);
        next
    }

    /// Forgets what can no longer come into a commit.
    pub fn collect(&mut self, gc_round: Round) {
        self.emitted = self.emitted.split_off(&(gc_round + 1, 0));
        self.past.collect(gc_round);
    }

    /// 7.1 every ancestor of the slots that is not committed, genesis excluded; marks them.
    fn commit_set(dag: &mut Dag, slots: &[BlockRef]) -> Vec<VerifiedBlock> {
        let mut set = Vec::new();
        let mut open = slots.to_vec();
        while let Some(reference) = open.pop() {
            if reference.round == 0 {
                continue;
            }
            let Some(node) = dag.node_mut(&reference) else {
                assert!(reference.round <= dag.gc_round(), "the history of a commit is accepted");
                continue;
            };
            if !std::mem::replace(&mut node.committed, true) {
                set.push(node.block.clone());
                open.extend(node.block.header().parents.iter().copied());
            }
        }
        set
    }

    /// 7.5 the median over the slot blocks when they have a quorum of stake, else over the union of their
    /// strong parents, one block per author.
    fn median(&self, dag: &Dag, slots: &[BlockRef]) -> u64 {
        let authors: AuthorSet = slots.iter().map(|slot| slot.author).collect();
        let mut voices: BTreeMap<AuthorIndex, BlockRef> = BTreeMap::new();
        if authors.stake(&self.committee) >= self.committee.quorum() {
            voices.extend(slots.iter().map(|slot| (slot.author, *slot)));
        } else {
            let parents: BTreeSet<BlockRef> = slots
                .iter()
                .filter_map(|slot| dag.node(slot))
                .flat_map(|node| node.block.header().parents.iter())
                .filter(|parent| parent.round + 1 == slots[0].round)
                .copied()
                .collect();
            for parent in parents {
                voices.entry(parent.author).or_insert(parent);
            }
        }
        let stamped = voices.values().map(|block| {
            let node = dag.node(block).expect("the parents of a committed slot are above gc");
            (node.block.header().timestamp_ms, self.committee.stake(block.author))
        });
        weighted_median(stamped.collect())
    }
}

/// The least value such that those at or below it have more than half of the stake; 0 of nothing.
pub(super) fn weighted_median(mut values: Vec<(u64, Stake)>) -> u64 {
    values.sort_unstable();
    let total: u128 = values.iter().map(|(_, stake)| u128::from(*stake)).sum();
    let mut below = 0u128;
    for (value, stake) in values {
        below += u128::from(stake);
        if below * 2 > total {
            return value;
        }
    }
    0
}
