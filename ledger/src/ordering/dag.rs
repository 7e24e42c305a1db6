//! The DAG that one node holds: accepted blocks above the gc round, and the waiting room of blocks whose
//! parents are not in yet (protocol.md 3.3 to 3.6).
//!
//! Invariants: the history of an accepted block above the gc round is accepted; a suspended block waits
//! for at least one parent that is neither accepted nor at or below the gc round; the waiting room is
//! bounded per author in blocks and bytes. It decides nothing and keeps no time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    pub reference: BlockRef,
    /// Authors of its parents in the round before: whom it votes for.
    pub strong: AuthorSet,
    /// Its older parents.
    pub weak: Vec<BlockRef>,
    /// Authors of accepted blocks of the next round that vote for it, and their stake.
    pub voters: AuthorSet,
    pub voter_stake: Stake,
    /// Authors of accepted blocks two rounds up that certify it, and their stake.
    pub certifiers: AuthorSet,
    pub certifier_stake: Stake,
    /// It is in a commit, or was traversed and ignored by one.
    pub committed: bool,
    /// It is an ancestor of our last proposal, or that itself.
    pub in_own_history: bool,
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
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct RoundAuthors {
    pub authors: AuthorSet,
    /// Those with more than one.
    pub equivocators: AuthorSet,
    pub stake: Stake,
    /// How many blocks.
    pub blocks: usize,
}

/// The accepted blocks of a round: per author those of its slot, in the order of their arrival. Nearly
/// always that is one, so a block is found by two indices and one comparison.
#[derive(Debug)]
struct RoundNodes {
    authors: RoundAuthors,
    slots: Vec<Vec<Node>>,
}

/// The blocks of one round in the history of a block: per place among the variants of a slot, in the
/// order of their arrival, the authors.
#[derive(Debug, Default)]
pub(super) struct Ancestors(Vec<AuthorSet>);

impl Ancestors {
    fn insert(&mut self, author: AuthorIndex, variant: usize) {
        self.with(variant).insert(author);
    }
    fn with(&mut self, variant: usize) -> &mut AuthorSet {
        while self.0.len() <= variant {
            self.0.push(AuthorSet::default());
        }
        &mut self.0[variant]
    }
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
    /// Rounds one after the other, the first of them `lowest`.
    rounds: VecDeque<RoundNodes>,
    lowest: Round,
    /// Blocks in slots with more than one.
    variants: usize,
    highest: Vec<Round>,
    highest_round: Round,
    quorum_round: Round,
    suspended: BTreeMap<BlockRef, Suspended>,
    room: Vec<Room>,
    /// Not accepted parents -> their suspended children.
    waiting: BTreeMap<BlockRef, BTreeSet<BlockRef>>,
    /// Keys of `waiting` that are not suspended themselves, and since when.
    missing: BTreeMap<BlockRef, Time>,
}

/// The least reference of a round: where a range over it begins.
pub(super) fn round_start(round: Round) -> BlockRef {
    BlockRef { round, author: 0, digest: Hash::ZERO }
}

/// What a block says of the round before it.
struct Votes {
    /// Authors whom it names and who have one block there: what that one votes for is counted.
    plain: AuthorSet,
    plain_stake: Stake,
    /// Its parents there by others.
    forked: Vec<BlockRef>,
}

impl Votes {
    fn of(dag: &Dag, block: &VerifiedBlock, strong: &AuthorSet) -> Self {
        let below = block.round() - 1;
        let equivocators = dag.authors(below).equivocators;
        let plain = strong.without(&equivocators);
        let mut forked = Vec::new();
        if plain != *strong {
            let parents = block.header().parents.iter();
            let is_forked = |p: &&BlockRef| p.round == below && equivocators.contains(p.author);
            forked.extend(parents.filter(is_forked).copied());
        }
        Self { plain, plain_stake: plain.stake(&dag.committee), forked }
    }
}

impl Dag {
    /// A DAG that holds genesis, or nothing at or below `gc_round` when that is above 0.
    pub fn new(committee: Arc<Committee>, chain_id: Hash, gc_round: Round) -> Self {
        let size = committee.size();
        let mut dag = Self {
            gc_round,
            rounds: VecDeque::new(),
            variants: 0,
            lowest: if gc_round == 0 { 0 } else { gc_round + 1 },
            highest: vec![gc_round; size],
            highest_round: gc_round,
            quorum_round: gc_round,
            suspended: BTreeMap::new(),
            room: vec![Room::default(); size],
            waiting: BTreeMap::new(),
            missing: BTreeMap::new(),
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
    fn nodes_at(&self, round: Round) -> Option<&RoundNodes> {
        self.rounds.get(round.checked_sub(self.lowest)? as usize)
    }
    fn slot_nodes(&self, round: Round, author: AuthorIndex) -> &[Node] {
        let slot = self.nodes_at(round).and_then(|nodes| nodes.slots.get(usize::from(author)));
        slot.map_or(&[], Vec::as_slice)
    }
    /// An accepted block.
    pub fn node(&self, reference: &BlockRef) -> Option<&Node> {
        let slot = self.slot_nodes(reference.round, reference.author);
        slot.iter().find(|node| node.reference.digest == reference.digest)
    }
    /// An accepted block.
    pub fn node_mut(&mut self, reference: &BlockRef) -> Option<&mut Node> {
        let nodes = self.rounds.get_mut(reference.round.checked_sub(self.lowest)? as usize)?;
        let slot = nodes.slots.get_mut(usize::from(reference.author))?;
        slot.iter_mut().find(|node| node.reference.digest == reference.digest)
    }
    /// Accepted blocks of a round, by author, then arrival.
    pub fn round(&self, round: Round) -> impl Iterator<Item = (&BlockRef, &Node)> {
        let slots = self.nodes_at(round).map_or(&[][..], |nodes| &nodes.slots);
        slots.iter().flatten().map(|node| (&node.reference, node))
    }
    /// Accepted blocks of a slot, by arrival.
    pub fn slot(
        &self,
        round: Round,
        author: AuthorIndex,
    ) -> impl Iterator<Item = (&BlockRef, &Node)> {
        self.slot_nodes(round, author).iter().map(|node| (&node.reference, node))
    }
    /// Who has accepted blocks in a round.
    pub fn authors(&self, round: Round) -> RoundAuthors {
        self.nodes_at(round).map(|nodes| nodes.authors).unwrap_or_default()
    }
    /// The stake of a round's accepted blocks.
    pub fn stake(&self, round: Round) -> Stake {
        self.nodes_at(round).map_or(0, |nodes| nodes.authors.stake)
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
        self.node(reference).is_some() || self.suspended.contains_key(reference)
    }
    /// Accepted blocks in slots with more than one.
    pub fn variants(&self) -> usize {
        self.variants
    }
    /// How many blocks of this one's author and round are accepted or suspended.
    pub fn variants_of(&self, reference: &BlockRef) -> usize {
        let (round, author) = (reference.round, reference.author);
        let start = BlockRef { round, author, digest: Hash::ZERO };
        let suspended = self.suspended.range(start..);
        let suspended = suspended.take_while(|(r, _)| r.round == round && r.author == author);
        self.slot_nodes(round, author).len() + suspended.count()
    }
    /// The authors of suspended blocks that have this one in their history, as far as it is known.
    pub fn needed_by(&self, reference: &BlockRef) -> AuthorSet {
        let (mut open, mut seen) = (vec![*reference], BTreeSet::new());
        while let Some(reference) = open.pop() {
            let children = self.waiting.get(&reference).into_iter().flatten();
            open.extend(children.filter(|child| seen.insert(**child)));
        }
        seen.iter().map(|child| child.author).collect()
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
        (self.gc_round..=highest).rev().find_map(|round| self.slot(round, author).next())
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

    /// 4.13 per author, the highest accepted round: what a peer need not send. A missing block at or below it
    /// is another variant, and asked for by its name. (The frontier was lowered below every missing block
    /// once: a Byzantine validator's made-up parents, in low rounds and anybody's name, then made everybody
    /// fetch the whole DAG from everybody again and again, and a narrow link carried nothing else.)
    pub fn frontier(&self) -> Vec<Round> {
        self.highest.iter().map(|round| (*round).max(self.gc_round)).collect()
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
            .filter(|parent| parent.round > self.gc_round && self.node(parent).is_none())
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
        let strong = self.count_votes(&block);
        let weak = block.header().parents.iter().filter(|parent| parent.round + 1 < round);
        let node = Node {
            reference,
            strong,
            weak: weak.copied().collect(),
            voters: AuthorSet::default(),
            voter_stake: 0,
            certifiers: AuthorSet::default(),
            certifier_stake: 0,
            committed: false,
            in_own_history: false,
            block,
        };
        let place = (round - self.lowest) as usize;
        while self.rounds.len() <= place {
            let slots = std::iter::repeat_with(Vec::new).take(self.committee.size()).collect();
            self.rounds.push_back(RoundNodes { authors: RoundAuthors::default(), slots });
        }
        let nodes = &mut self.rounds[place];
        let slot = &mut nodes.slots[usize::from(author)];
        slot.push(node);
        self.variants += match slot.len() {
            1 => 0,
            2 => 2,
            _ => 1,
        };
        let authors = &mut nodes.authors;
        authors.blocks += 1;
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
    }

    /// protocol.md 5.2 and 5.3: whom a new block votes for, and what it certifies. All that it says is
    /// about its own history, which is accepted: it never changes later. Returns whom it votes for.
    fn count_votes(&mut self, block: &VerifiedBlock) -> AuthorSet {
        let (author, round) = (block.author(), block.round());
        let stake = self.committee.stake(author);
        let mut strong = AuthorSet::default();
        for parent in block.header().parents.iter().filter(|parent| parent.round + 1 == round) {
            strong.insert(parent.author);
            if let Some(node) = self.node_mut(parent)
                && node.voters.insert(author)
            {
                node.voter_stake += stake;
            }
        }
        if round < 2 {
            return strong;
        }
        let voted = Votes::of(self, block, &strong);
        let quorum = self.committee.quorum();
        let mut certified = Vec::new();
        for (candidate, node) in self.round(round - 2) {
            if node.voter_stake >= quorum && self.certified_by(&voted, node) {
                certified.push(*candidate);
            }
        }
        for candidate in certified {
            let node = self.node_mut(&candidate).expect("just seen");
            if node.certifiers.insert(author) {
                node.certifier_stake += stake;
            }
        }
        strong
    }

    /// 5.3 the parents that vote for a block have a quorum of stake.
    fn certified_by(&self, votes: &Votes, candidate: &Node) -> bool {
        let forked =
            votes.forked.iter().filter(|voter| self.votes_for(voter, &candidate.reference));
        let forked: Stake = forked.map(|voter| self.committee.stake(voter.author)).sum();
        // Those who do not vote are fewer, as a rule.
        let against = votes.plain.without(&candidate.voters).stake(&self.committee);
        votes.plain_stake - against + forked >= self.committee.quorum()
    }

    /// True when an accepted block names the other as a strong parent.
    pub fn votes_for(&self, voter: &BlockRef, candidate: &BlockRef) -> bool {
        voter.round == candidate.round + 1
            && self.node(voter).is_some_and(|node| {
                node.strong.contains(candidate.author)
                    && node.block.header().parents.contains(candidate)
            })
    }

    /// The blocks of a round that are in the history of an accepted block, or are that block.
    pub fn ancestors(&self, of: &BlockRef, round: Round) -> Ancestors {
        let depth = of.round.saturating_sub(round) as usize;
        let mut found: Vec<Ancestors> =
            std::iter::repeat_with(Ancestors::default).take(depth + 1).collect();
        self.mark(&mut found, round, of);
        for above in (1..=depth).rev() {
            let here = round + above as Round;
            let below = self.authors(here - 1);
            for (variant, authors) in std::mem::take(&mut found[above]).0.iter().enumerate() {
                for node in authors.iter().filter_map(|a| self.slot_nodes(here, a).get(variant)) {
                    let plain = node.strong.without(&below.equivocators);
                    let plain_below = found[above - 1].with(0);
                    *plain_below = plain_below.or(&plain);
                    if !node.strong.and(&below.equivocators).is_empty() {
                        let parents = node.block.header().parents.iter();
                        for parent in parents.filter(|p| below.equivocators.contains(p.author)) {
                            self.mark(&mut found, round, parent);
                        }
                    }
                    node.weak.iter().for_each(|parent| self.mark(&mut found, round, parent));
                }
            }
        }
        found.swap_remove(0)
    }

    fn mark(&self, found: &mut [Ancestors], lowest: Round, block: &BlockRef) {
        let Some(depth) = block.round.checked_sub(lowest) else { return };
        let slot = self.slot_nodes(block.round, block.author);
        let variant = slot.iter().position(|node| node.reference.digest == block.digest);
        if let (Some(found), Some(variant)) = (found.get_mut(depth as usize), variant) {
            found.insert(block.author, variant);
        }
    }

    /// True when one of these blocks, two rounds above it, certifies an accepted block.
    pub fn is_certified_among(&self, ancestors: &Ancestors, candidate: &Node) -> bool {
        let round = candidate.reference.round + 2;
        let forked = self.authors(round).equivocators;
        ancestors.0.iter().enumerate().any(|(variant, authors)| {
            let certifiers = authors.and(&candidate.certifiers);
            // Of an author with one block it is that block; of others, look.
            !certifiers.without(&forked).is_empty()
                || certifiers.and(&forked).iter().any(|author| {
                    let node = &self.slot_nodes(round, author)[variant];
                    self.certified_by(&Votes::of(self, &node.block, &node.strong), candidate)
                })
        })
    }

    /// Marks these and their history as that of our own proposals, so that later ones do not name it
    /// again. Returns what was not marked before, ascending.
    pub fn mark_own_history(&mut self, from: &[BlockRef]) -> Vec<BlockRef> {
        let (mut open, mut fresh) = (from.to_vec(), Vec::new());
        while let Some(reference) = open.pop() {
            let Some(node) = self.node_mut(&reference) else { continue };
            if !std::mem::replace(&mut node.in_own_history, true) {
                fresh.push(reference);
                open.extend(node.block.header().parents.iter().copied());
            }
        }
        fresh.sort_unstable();
        fresh
    }

    /// Raises the gc round. Returns the accepted blocks that are no longer held, and the suspended ones
    /// that are accepted now since all their parents are in or below.
    pub fn collect(&mut self, gc_round: Round) -> (Vec<Node>, Vec<VerifiedBlock>) {
        if gc_round <= self.gc_round {
            return (Vec::new(), Vec::new());
        }
        self.gc_round = gc_round;
        let first = round_start(gc_round + 1);
        let below = (gc_round + 1 - self.lowest) as usize;
        let dropped = self.rounds.drain(..below.min(self.rounds.len()));
        let slots: Vec<Vec<Node>> = dropped.flat_map(|nodes| nodes.slots).collect();
        let forked = slots.iter().filter(|slot| slot.len() > 1);
        self.variants -= forked.map(Vec::len).sum::<usize>();
        let dropped = slots.into_iter().flatten().collect();
        self.lowest = gc_round + 1;
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
        self.rounds.iter().flat_map(|nodes| nodes.slots.iter().flatten())
    }

    /// Asserts what the module promises; for tests.
    #[cfg(test)]
    pub fn check(&self) {
        for (reference, suspended) in &self.suspended {
            assert!(!suspended.missing.is_empty(), "{reference:?} waits for nothing");
            for parent in &suspended.missing {
                assert!(parent.round > self.gc_round && self.node(parent).is_none());
                assert!(self.waiting[parent].contains(reference));
                assert!(self.suspended.contains_key(parent) || self.missing.contains_key(parent));
            }
        }
        for missing in self.missing.keys() {
            assert!(self.waiting.contains_key(missing) && !self.suspended.contains_key(missing));
        }
    }
}
