//! The DAG that one node holds: accepted blocks above the gc round, and the waiting room of blocks whose
//! parents are not in yet (protocol.md 3.3 to 3.6).
//!
//! Invariants: the history of an accepted block above the gc round is accepted; a suspended block waits
//! for at least one parent that is neither accepted nor at or below the gc round; the waiting room is
//! bounded per author in blocks and bytes. It decides nothing and keeps no time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Time;
use super::author_set::AuthorSet;
use crate::block::{BlockRef, Round, VerifiedBlock};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::Hash;

/// Suspended blocks of one author.
const SUSPENDED_BLOCKS_MAX: usize = 160;
/// Bytes of bodies of one author's suspended blocks; one block always fits.
const SUSPENDED_BYTES_MAX: usize = 8 << 20;

/// An accepted block and what is counted about it.
#[derive(Debug)]
pub(super) struct Node {
    pub block: VerifiedBlock,
    /// Authors of accepted blocks of the next round that vote for it.
    pub voters: AuthorSet,
    /// Authors of accepted blocks two rounds up that certify it.
    pub certifiers: AuthorSet,
    /// Those blocks.
    pub certificates: Vec<BlockRef>,
    /// It is in a commit, or was traversed and ignored by one.
    pub committed: bool,
    /// It is an ancestor of our last proposal, or that itself.
    pub in_own_history: bool,
    /// Arrival: of two variants the earlier one is preferred as a parent.
    sequence: u64,
}

impl Node {
    /// True when a commit of it would give execution something to do.
    pub fn has_content(&self) -> bool {
        has_content(&self.block)
    }
}

/// True when a commit of this block gives execution something to do.
pub(super) fn has_content(block: &VerifiedBlock) -> bool {
    block.header().transaction_count > 0 || !block.header().evidence.is_empty()
}

/// Who has accepted blocks in a round.
#[derive(Debug, Default, Clone)]
pub(super) struct RoundAuthors {
    pub authors: AuthorSet,
    /// Those with more than one.
    pub equivocators: AuthorSet,
    pub stake: Stake,
}

#[derive(Debug)]
struct Suspended {
    block: VerifiedBlock,
    from: Option<AuthorIndex>,
    missing: BTreeSet<BlockRef>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Room {
    blocks: usize,
    bytes: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Dag {
    committee: Arc<Committee>,
    gc_round: Round,
    nodes: BTreeMap<BlockRef, Node>,
    rounds: BTreeMap<Round, RoundAuthors>,
    highest: Vec<Round>,
    highest_round: Round,
    quorum_round: Round,
    suspended: BTreeMap<BlockRef, Suspended>,
    room: Vec<Room>,
    /// Not accepted parents -> their suspended children.
    waiting: BTreeMap<BlockRef, BTreeSet<BlockRef>>,
    /// Keys of `waiting` that are not suspended themselves, and since when.
    missing: BTreeMap<BlockRef, Time>,
    accepted_count: u64,
}

/// The least reference of a round: where a range over it begins.
pub(super) fn round_start(round: Round) -> BlockRef {
    BlockRef { round, author: 0, digest: Hash::ZERO }
}

impl Dag {
    /// A DAG that holds genesis, or nothing at or below `gc_round` when that is above 0.
    pub fn new(committee: Arc<Committee>, chain_id: Hash, gc_round: Round) -> Self {
        let size = committee.size();
        let mut dag = Self {
            gc_round,
            nodes: BTreeMap::new(),
            rounds: BTreeMap::new(),
            highest: vec![gc_round; size],
            highest_round: gc_round,
            quorum_round: gc_round,
            suspended: BTreeMap::new(),
            room: vec![Room::default(); size],
            waiting: BTreeMap::new(),
            missing: BTreeMap::new(),
            accepted_count: 0,
            committee,
        };
        if gc_round == 0 {
            for author in dag.committee.authors() {
                let genesis = VerifiedBlock::genesis(chain_id, dag.committee.epoch(), author);
                dag.add_node(genesis);
            }
        }
        dag
    }

    /// Blocks at or below this round are neither held nor asked for.
    pub fn gc_round(&self) -> Round {
        self.gc_round
    }
    /// The highest round with an accepted block.
    pub fn highest_round(&self) -> Round {
        self.highest_round
    }
    /// The highest round whose accepted blocks have a quorum of stake.
    pub fn quorum_round(&self) -> Round {
        self.quorum_round
    }
    /// An accepted block.
    pub fn node(&self, reference: &BlockRef) -> Option<&Node> {
        self.nodes.get(reference)
    }
    /// An accepted block.
    pub fn node_mut(&mut self, reference: &BlockRef) -> Option<&mut Node> {
        self.nodes.get_mut(reference)
    }
    /// Accepted blocks of a round, by author, then digest.
    pub fn round(&self, round: Round) -> impl Iterator<Item = (&BlockRef, &Node)> {
        self.nodes.range(round_start(round)..round_start(round + 1))
    }
    /// Accepted blocks of a slot.
    pub fn slot(
        &self,
        round: Round,
        author: AuthorIndex,
    ) -> impl Iterator<Item = (&BlockRef, &Node)> {
        let start = BlockRef { round, author, digest: Hash::ZERO };
        self.nodes.range(start..).take_while(move |(r, _)| r.round == round && r.author == author)
    }
    /// Who has accepted blocks in a round.
    pub fn authors(&self, round: Round) -> RoundAuthors {
        self.rounds.get(&round).cloned().unwrap_or_default()
    }
    /// The stake of a round's accepted blocks.
    pub fn stake(&self, round: Round) -> Stake {
        self.rounds.get(&round).map_or(0, |round| round.stake)
    }
    /// How many blocks wait for parents.
    pub fn suspended_count(&self) -> usize {
        self.suspended.len()
    }
    /// Parents that nobody has sent yet, and since when, lowest rounds first.
    pub fn missing(&self) -> &BTreeMap<BlockRef, Time> {
        &self.missing
    }
    /// True when the block is accepted or suspended.
    pub fn knows(&self, reference: &BlockRef) -> bool {
        self.nodes.contains_key(reference) || self.suspended.contains_key(reference)
    }
    /// True when some suspended block waits for this one.
    pub fn is_awaited(&self, reference: &BlockRef) -> bool {
        self.waiting.contains_key(reference)
    }

    /// Another block of the same author and round, accepted or suspended.
    pub fn other_variant(&self, reference: &BlockRef) -> Option<&VerifiedBlock> {
        let (round, author) = (reference.round, reference.author);
        let start = BlockRef { round, author, digest: Hash::ZERO };
        let accepted = self.slot(round, author).map(|(r, node)| (r, &node.block));
        let suspended = self
            .suspended
            .range(start..)
            .take_while(|(r, _)| r.round == round && r.author == author)
            .map(|(r, suspended)| (r, &suspended.block));
        accepted.chain(suspended).find(|(r, _)| *r != reference).map(|(_, block)| block)
    }

    /// Of an author, the accepted block with the highest round at or below `round`; of variants the one
    /// that came first.
    pub fn best(&self, author: AuthorIndex, round: Round) -> Option<(&BlockRef, &Node)> {
        let highest = self.highest[usize::from(author)].min(round);
        (self.gc_round..=highest)
            .rev()
            .find_map(|round| self.slot(round, author).min_by_key(|(_, node)| node.sequence))
    }

    /// An author's block of the highest round, accepted or suspended.
    pub fn newest(&self, author: AuthorIndex) -> Option<&VerifiedBlock> {
        let accepted = self.best(author, Round::MAX).map(|(_, node)| &node.block);
        let suspended = self.suspended.iter().rev().find(|(r, _)| r.author == author);
        let suspended = suspended.map(|(_, suspended)| &suspended.block);
        accepted.into_iter().chain(suspended).max_by_key(|block| block.round())
    }

    /// Who to ask for a missing block: who sent its suspended children, then their authors.
    pub fn referrers(&self, missing: &BlockRef) -> Vec<AuthorIndex> {
        let children = || {
            self.waiting
                .get(missing)
                .into_iter()
                .flatten()
                .filter_map(|child| self.suspended.get(child))
        };
        let mut seen = AuthorSet::default();
        let senders = children().filter_map(|child| child.from);
        let authors = children().map(|child| child.block.author());
        senders.chain(authors).filter(|author| seen.insert(*author)).collect()
    }

    /// Per author, the round up to which everything that we know of is accepted.
    pub fn frontier(&self) -> Vec<Round> {
        let mut frontier = self.highest.clone();
        for reference in self.missing.keys().chain(self.suspended.keys()) {
            let round = &mut frontier[usize::from(reference.author)];
            *round = (*round).min(reference.round - 1);
        }
        frontier.iter().map(|round| (*round).max(self.gc_round)).collect()
    }

    /// The stake of the authors who have suspended blocks above a round.
    pub fn suspended_stake_above(&self, round: Round) -> Stake {
        let authors: AuthorSet =
            self.suspended.range(round_start(round + 1)..).map(|(r, _)| r.author).collect();
        authors.stake(&self.committee)
    }

    /// Takes a verified block. Returns what became accepted by it, parents before children; nothing when
    /// it is known, at or below the gc round, or has to wait.
    pub fn insert(
        &mut self,
        block: VerifiedBlock,
        from: Option<AuthorIndex>,
        now: Time,
    ) -> Vec<VerifiedBlock> {
        let reference = block.reference();
        if reference.round <= self.gc_round || self.knows(&reference) {
            return Vec::new();
        }
        let missing: BTreeSet<BlockRef> = block
            .header()
            .parents
            .iter()
            .filter(|parent| parent.round > self.gc_round && !self.nodes.contains_key(parent))
            .copied()
            .collect();
        if missing.is_empty() {
            return self.accept(block);
        }
        if self.make_room(&block) {
            self.suspend(Suspended { block, from, missing }, now);
        }
        Vec::new()
    }

    fn suspend(&mut self, suspended: Suspended, now: Time) {
        let reference = suspended.block.reference();
        for parent in &suspended.missing {
            self.waiting.entry(*parent).or_default().insert(reference);
            if !self.suspended.contains_key(parent) {
                self.missing.entry(*parent).or_insert(now);
            }
        }
        self.missing.remove(&reference);
        let room = &mut self.room[usize::from(reference.author)];
        room.blocks += 1;
        room.bytes += suspended.block.block().body.len();
        self.suspended.insert(reference, suspended);
    }

    /// Makes the waiting room of the block's author fit it by turning out what lies furthest ahead; false
    /// when that is the block itself.
    fn make_room(&mut self, block: &VerifiedBlock) -> bool {
        let author = block.author();
        let bytes = block.block().body.len();
        loop {
            let room = self.room[usize::from(author)];
            let fits = room.blocks == 0
                || (room.blocks < SUSPENDED_BLOCKS_MAX
                    && room.bytes + bytes <= SUSPENDED_BYTES_MAX);
            if fits {
                return true;
            }
            let furthest = self
                .suspended
                .keys()
                .rev()
                .find(|reference| reference.author == author)
                .copied()
                .expect("a room that is not empty has a block");
            if furthest.round <= block.round() {
                return false;
            }
            self.unsuspend(&furthest);
            if self.waiting.contains_key(&furthest) {
                self.missing.insert(furthest, Time(0));
            }
        }
    }

    /// Takes a block out of the waiting room, and forgets parents that only it waited for.
    fn unsuspend(&mut self, reference: &BlockRef) -> Option<VerifiedBlock> {
        let suspended = self.suspended.remove(reference)?;
        let room = &mut self.room[usize::from(reference.author)];
        room.blocks -= 1;
        room.bytes -= suspended.block.block().body.len();
        for parent in &suspended.missing {
            let children = self.waiting.get_mut(parent);
            let alone = children.is_some_and(|children| {
                children.remove(reference);
                children.is_empty()
            });
            if alone {
                self.waiting.remove(parent);
                self.missing.remove(parent);
            }
        }
        Some(suspended.block)
    }

    fn accept(&mut self, block: VerifiedBlock) -> Vec<VerifiedBlock> {
        let mut accepted = Vec::new();
        let mut ready = vec![block];
        while let Some(block) = ready.pop() {
            let reference = block.reference();
            self.add_node(block.clone());
            accepted.push(block);
            ready.extend(self.satisfied(&reference));
        }
        accepted
    }

    /// The suspended blocks that waited for nothing but this parent, taken out of the waiting room.
    fn satisfied(&mut self, parent: &BlockRef) -> Vec<VerifiedBlock> {
        self.missing.remove(parent);
        let children = self.waiting.remove(parent).unwrap_or_default();
        let mut ready = Vec::new();
        for child in children {
            let Some(suspended) = self.suspended.get_mut(&child) else { continue };
            suspended.missing.remove(parent);
            if suspended.missing.is_empty() {
                ready.extend(self.unsuspend(&child));
            }
        }
        ready
    }

    fn add_node(&mut self, block: VerifiedBlock) {
        let reference = block.reference();
        let (round, author) = (reference.round, reference.author);
        self.count_votes(&block);
        let authors = self.rounds.entry(round).or_default();
        if authors.authors.insert(author) {
            authors.stake += self.committee.stake(author);
        } else {
            authors.equivocators.insert(author);
        }
        if authors.stake >= self.committee.quorum() {
            self.quorum_round = self.quorum_round.max(round);
        }
        let highest = &mut self.highest[usize::from(author)];
        *highest = (*highest).max(round);
        self.highest_round = self.highest_round.max(round);
        self.accepted_count += 1;
        let node = Node {
            block,
            voters: AuthorSet::default(),
            certifiers: AuthorSet::default(),
            certificates: Vec::new(),
            committed: false,
            in_own_history: false,
            sequence: self.accepted_count,
        };
        self.nodes.insert(reference, node);
    }

    /// protocol.md 5.2 and 5.3: whom a new block votes for, and what it certifies. All that it says is
    /// about its own history, which is accepted: it never changes later.
    fn count_votes(&mut self, block: &VerifiedBlock) {
        let (author, round) = (block.author(), block.round());
        if round == 0 {
            return;
        }
        let strong: Vec<BlockRef> = block
            .header()
            .parents
            .iter()
            .filter(|parent| parent.round + 1 == round)
            .copied()
            .collect();
        for parent in &strong {
            if let Some(node) = self.nodes.get_mut(parent) {
                node.voters.insert(author);
            }
        }
        if round < 2 {
            return;
        }
        let equivocators = self.authors(round - 1).equivocators;
        let (forked, plain): (Vec<BlockRef>, Vec<BlockRef>) =
            strong.iter().partition(|parent| equivocators.contains(parent.author));
        let plain: AuthorSet = plain.iter().map(|parent| parent.author).collect();
        let mut certified = Vec::new();
        for (candidate, node) in self.round(round - 2) {
            let mut votes = plain.and(&node.voters);
            for parent in &forked {
                if self.votes_for(parent, candidate) {
                    votes.insert(parent.author);
                }
            }
            if votes.stake(&self.committee) >= self.committee.quorum() {
                certified.push(*candidate);
            }
        }
        for candidate in certified {
            let node = self.nodes.get_mut(&candidate).expect("just seen");
            node.certifiers.insert(author);
            node.certificates.push(block.reference());
        }
    }

    /// True when an accepted block names the other as a strong parent.
    pub fn votes_for(&self, voter: &BlockRef, candidate: &BlockRef) -> bool {
        voter.round == candidate.round + 1
            && self
                .nodes
                .get(voter)
                .is_some_and(|node| node.block.header().parents.contains(candidate))
    }

    /// True when `ancestor` is in the history of `from` (or the same).
    pub fn reaches(&self, from: &BlockRef, ancestor: &BlockRef) -> bool {
        let mut seen = BTreeSet::from([*from]);
        let mut open = vec![*from];
        while let Some(reference) = open.pop() {
            if reference == *ancestor {
                return true;
            }
            let Some(node) = self.nodes.get(&reference) else { continue };
            for parent in &node.block.header().parents {
                if parent.round >= ancestor.round && seen.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        false
    }

    /// Marks the history of our own proposal, so that later ones do not name it again.
    pub fn mark_own_history(&mut self, own: BlockRef) {
        let mut open = vec![own];
        while let Some(reference) = open.pop() {
            let Some(node) = self.nodes.get_mut(&reference) else { continue };
            if !std::mem::replace(&mut node.in_own_history, true) {
                open.extend(node.block.header().parents.iter().copied());
            }
        }
    }

    /// Raises the gc round. Returns the accepted blocks that are no longer held, and the suspended ones
    /// that are accepted now since all their parents are in or below.
    pub fn collect(&mut self, gc_round: Round) -> (Vec<Node>, Vec<VerifiedBlock>) {
        if gc_round <= self.gc_round {
            return (Vec::new(), Vec::new());
        }
        self.gc_round = gc_round;
        let first = round_start(gc_round + 1);
        let kept = self.nodes.split_off(&first);
        let dropped = std::mem::replace(&mut self.nodes, kept).into_values().collect();
        self.rounds = self.rounds.split_off(&(gc_round + 1));
        let below: Vec<BlockRef> = self.suspended.range(..first).map(|(r, _)| *r).collect();
        for reference in below {
            self.unsuspend(&reference);
        }
        let satisfied: Vec<BlockRef> = self.waiting.range(..first).map(|(r, _)| *r).collect();
        let mut accepted = Vec::new();
        for parent in satisfied {
            for block in self.satisfied(&parent) {
                accepted.extend(self.accept(block));
            }
        }
        (dropped, accepted)
    }

    /// All accepted blocks; for tests.
    #[cfg(test)]
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Asserts what the module promises; for tests.
    #[cfg(test)]
    pub fn check(&self) {
        for (reference, suspended) in &self.suspended {
            assert!(!suspended.missing.is_empty(), "{reference:?} waits for nothing");
            for parent in &suspended.missing {
                assert!(parent.round > self.gc_round && !self.nodes.contains_key(parent));
                assert!(self.waiting[parent].contains(reference));
                assert!(self.suspended.contains_key(parent) || self.missing.contains_key(parent));
            }
        }
        for missing in self.missing.keys() {
            assert!(self.waiting.contains_key(missing) && !self.suspended.contains_key(missing));
        }
    }
}
