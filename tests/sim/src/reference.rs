//! The reference decider: what a set of blocks decides and how it is ordered, by the definitions of
//! docs/protocol.md (whose numbers stand at the code) and by nothing else.
//!
//! It shares no predicate with production: stakes are summed in u128 over sets of authors, every decision
//! is taken again from all blocks whenever a round is output, nothing is forgotten, nothing depends on the
//! order of the blocks. Slow is fine, subtle is not. What it does share are formats (blocks, commits) and
//! the hash function.

mod probation;

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::block::Round;
use pollen_ledger::crypto::Domain;
use pollen_ledger::genesis::CommitOrder;
use pollen_ledger::ordering::SlotStatus;
use pollen_ledger::{AuthorIndex, BlockRef, Hash, VerifiedBlock};

use crate::drawing::{BEGIN_MS, Chain};

pub use probation::{Probation, ProbationRules, Record};

/// What the chain agreed on, as plain numbers.
#[derive(Debug, Clone)]
pub struct Rules {
    /// By author.
    pub stakes: Vec<u64>,
    /// The chain, and the epoch's seed.
    pub chain_id: Hash,
    /// The epoch.
    pub epoch: u64,
    /// Ledger time of genesis, in milliseconds.
    pub genesis_time_ms: u64,
    /// Rounds that a block may lag behind a commit and still come into the next.
    pub gc_depth: u32,
    /// Which slots of a round a commit takes.
    pub order: CommitOrder,
    /// None on a chain that knows no probation.
    pub probation: Option<ProbationRules>,
}

impl Rules {
    /// The rules of a drawn chain.
    pub fn of(chain: &Chain) -> Self {
        Self {
            stakes: chain.committee.members().iter().map(|member| member.stake).collect(),
            chain_id: chain.chain_id,
            epoch: chain.committee.epoch(),
            genesis_time_ms: BEGIN_MS,
            gc_depth: chain.parameters.gc_depth,
            order: chain.parameters.commit_order,
            probation: ProbationRules::of(chain),
        }
    }

    /// 1.1 the stake that decides: all but what may be Byzantine.
    pub fn quorum(&self) -> u128 {
        self.total() - (self.total() - 1) / 3
    }

    /// 1.1 S
    pub fn total(&self) -> u128 {
        self.stakes.iter().map(|stake| u128::from(*stake)).sum()
    }

    /// 1.2 nobody counts twice: this takes a set.
    pub fn stake(&self, authors: &BTreeSet<AuthorIndex>) -> u128 {
        authors.iter().map(|author| u128::from(self.stakes[usize::from(*author)])).sum()
    }

    /// 5.1 the order of all authors in a round. Drawing `t` below the stake that is left picks the author in
    /// whose interval it falls when the intervals of those who are left stand in index order. A draw is 8
    /// bytes, little-endian, of the stream; of the 2^64 values only the first floor(2^64 / left) * left are
    /// used.
    pub fn permutation(&self, round: Round) -> Vec<AuthorIndex> {
        let mut hasher = Domain::Permutation.hasher();
        hasher.update(&self.chain_id.0).update(&round.to_le_bytes());
        let mut stream = hasher.finalize_xof();
        let mut left: BTreeMap<AuthorIndex, u128> =
            (0..).zip(self.stakes.iter().map(|stake| u128::from(*stake))).collect();
        let mut order = Vec::new();
        while left.len() > 1 {
            let sum: u128 = left.values().sum();
            let usable = (1u128 << 64) / sum * sum;
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            let drawn = u128::from(u64::from_le_bytes(bytes));
            if drawn >= usable {
                continue;
            }
            let ticket = drawn % sum;
            let mut end = 0;
            let owner = left.iter().find_map(|(author, stake)| {
                end += stake;
                (ticket < end).then_some(*author)
            });
            let owner = owner.expect("the intervals cover all tickets");
            left.remove(&owner);
            order.push(owner);
        }
        order.extend(left.into_keys());
        order
    }
}

/// A commit, as the reference makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// From 1.
    pub index: u64,
    /// Whose slots made it.
    pub round: Round,
    /// Ledger time, in milliseconds.
    pub timestamp_ms: u64,
    /// Digest of the one before.
    pub previous: Hash,
    /// 7.6
    pub digest: Hash,
    /// Digest of who had slots.
    pub active: Hash,
    /// In slot order.
    pub slots: Vec<BlockRef>,
    /// In order.
    pub blocks: Vec<BlockRef>,
    /// Ascending.
    pub ignored: Vec<BlockRef>,
    /// Part 6, on a chain that knows it.
    pub probation: Option<Probation>,
    /// 8.4
    pub ordering_root: Hash,
}

impl Ordered {
    /// The bytes of it that a node stores.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.index.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.round.to_le_bytes());
        bytes.extend_from_slice(&self.timestamp_ms.to_le_bytes());
        bytes.extend_from_slice(&self.previous.0);
        bytes.extend_from_slice(&self.digest.0);
        bytes.extend_from_slice(&self.active.0);
        for blocks in [&self.slots, &self.blocks, &self.ignored] {
            bytes.extend_from_slice(&encode_list(blocks));
        }
        bytes.extend(self.probation.iter().flat_map(Probation::encode));
        bytes.extend_from_slice(&self.ordering_root.0);
        bytes
    }

    /// 8.4 of all that is in a commit up to this one.
    fn root(&self, history: &BTreeSet<BlockRef>, gc_depth: u32) -> Hash {
        let gc_round = self.round.saturating_sub(gc_depth);
        let mut rounds: BTreeMap<Round, Vec<BlockRef>> = BTreeMap::new();
        for block in history.iter().filter(|block| block.round > gc_round) {
            rounds.entry(block.round).or_default().push(*block);
        }
        let mut bytes = self.index.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.round.to_le_bytes());
        bytes.extend_from_slice(&self.timestamp_ms.to_le_bytes());
        bytes.extend_from_slice(&self.digest.0);
        bytes.extend_from_slice(&gc_round.to_le_bytes());
        bytes.extend_from_slice(&(rounds.len() as u32).to_le_bytes());
        for (round, blocks) in &rounds {
            bytes.extend_from_slice(&round.to_le_bytes());
            bytes.extend_from_slice(&Domain::Ordering.hash(&[&encode_list(blocks)]).0);
        }
        bytes.extend(self.probation.iter().flat_map(Probation::encode));
        Domain::Ordering.hash(&[&bytes])
    }
}

fn encode_list(blocks: &[BlockRef]) -> Vec<u8> {
    let mut bytes = (blocks.len() as u32).to_le_bytes().to_vec();
    for block in blocks {
        bytes.extend_from_slice(&block.author.to_le_bytes());
        bytes.extend_from_slice(&block.round.to_le_bytes());
        bytes.extend_from_slice(&block.digest.0);
    }
    bytes
}

/// What the blocks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// All commits, from the first.
    pub commits: Vec<Ordered>,
    /// The lowest round that is not output.
    pub cursor: Round,
    /// Every slot's status when its round was output, and now for those that were not. Who has no slot is
    /// in here as skipped, and in `without_slot` too.
    pub statuses: BTreeMap<(Round, AuthorIndex), SlotStatus>,
    /// 6.5 places of those on probation.
    pub without_slot: BTreeSet<(Round, AuthorIndex)>,
    /// How the slots were decided: for tests that count what they reached.
    pub counts: Counts,
}

/// How often each rule decided a slot of an output round, or a block of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// 5.4
    pub direct_commits: u64,
    /// 5.5, of slots with a block and without
    pub direct_skips: u64,
    /// 5.6
    pub indirect_commits: u64,
    /// 5.6
    pub indirect_skips: u64,
    /// 5.7 rounds without a committed slot
    pub skipped_rounds: u64,
    /// 7.3
    pub ignored: u64,
    /// 7.4 blocks of the slots' history that lay at or below the gc round
    pub below_gc: u64,
    /// 7.5 commits whose slots had no quorum
    pub medians_of_parents: u64,
    /// 6.4 validators put on probation
    pub probations: u64,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.direct_commits += other.direct_commits;
        self.direct_skips += other.direct_skips;
        self.indirect_commits += other.indirect_commits;
        self.indirect_skips += other.indirect_skips;
        self.skipped_rounds += other.skipped_rounds;
        self.ignored += other.ignored;
        self.below_gc += other.below_gc;
        self.medians_of_parents += other.medians_of_parents;
        self.probations += other.probations;
    }
}

#[derive(Debug, Clone)]
struct Known {
    parents: Vec<BlockRef>,
    timestamp_ms: u64,
}

/// A set of blocks under the rules.
#[derive(Debug, Clone)]
pub struct Reference {
    rules: Rules,
    blocks: BTreeMap<BlockRef, Known>,
    slots: BTreeMap<(Round, AuthorIndex), BTreeSet<BlockRef>>,
    top: Round,
    orders: BTreeMap<Round, Vec<AuthorIndex>>,
    voters: BTreeMap<BlockRef, BTreeSet<BlockRef>>,
    certificates: BTreeMap<BlockRef, BTreeSet<BlockRef>>,
}

type Statuses = BTreeMap<(Round, AuthorIndex), (SlotStatus, Why)>;

/// Where a status came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Direct,
    Indirect,
}

impl Reference {
    /// Takes the blocks of a DAG; genesis is added. Which blocks are accepted is the caller's to say: those
    /// whose history is not all there count as they are.
    pub fn new(chain: &Chain, blocks: &[VerifiedBlock]) -> Self {
        let rules = Rules::of(chain);
        let genesis = chain.committee.authors().map(|author| chain.genesis(author));
        let mut known = BTreeMap::new();
        let mut slots: BTreeMap<_, BTreeSet<BlockRef>> = BTreeMap::new();
        for block in genesis.chain(blocks.iter().cloned()) {
            let (reference, header) = (block.reference(), block.header());
            let (parents, timestamp_ms) = (header.parents.clone(), header.timestamp_ms);
            slots.entry((reference.round, reference.author)).or_default().insert(reference);
            known.insert(reference, Known { parents, timestamp_ms });
        }
        let top = known.keys().map(|reference| reference.round).max().unwrap_or(0);
        let mut reference = Self {
            orders: (1..=top).map(|round| (round, rules.permutation(round))).collect(),
            rules,
            blocks: known,
            slots,
            top,
            voters: BTreeMap::new(),
            certificates: BTreeMap::new(),
        };
        reference.vote();
        reference.certify();
        reference
    }

    /// 5.2 a block votes for those of the round before that it names.
    fn vote(&mut self) {
        for (voter, known) in &self.blocks {
            for parent in &known.parents {
                if parent.round + 1 == voter.round {
                    self.voters.entry(*parent).or_default().insert(*voter);
                }
            }
        }
    }

    /// 5.3 a block certifies one two rounds down for which a quorum of its parents between votes.
    fn certify(&mut self) {
        for (block, voters) in &self.voters {
            for certificate in self.round(block.round + 2) {
                let named = self.blocks[&certificate].parents.iter().copied().collect();
                let voting = authors(voters.intersection(&named));
                if self.rules.stake(&voting) >= self.rules.quorum() {
                    self.certificates.entry(*block).or_default().insert(certificate);
                }
            }
        }
    }

    /// The blocks of a slot that any block certifies: with at most f Byzantine stake never two.
    pub fn certified(&self, round: Round, author: AuthorIndex) -> Vec<BlockRef> {
        let blocks = self.slot(round, author).into_iter();
        blocks.filter(|block| self.certificates.contains_key(block)).collect()
    }

    fn round(&self, round: Round) -> Vec<BlockRef> {
        let range = (round, AuthorIndex::MIN)..=(round, AuthorIndex::MAX);
        self.slots.range(range).flat_map(|(_, blocks)| blocks.iter().copied()).collect()
    }

    fn slot(&self, round: Round, author: AuthorIndex) -> Vec<BlockRef> {
        self.slots.get(&(round, author)).into_iter().flatten().copied().collect()
    }

    /// Everything below a block that is in the set, itself included, above a round.
    fn history(&self, from: &[BlockRef], above: Round) -> BTreeSet<BlockRef> {
        let mut seen = BTreeSet::new();
        let mut open = from.to_vec();
        while let Some(block) = open.pop() {
            if block.round > above && seen.insert(block) {
                let known = self.blocks.get(&block);
                open.extend(known.iter().flat_map(|known| known.parents.iter().copied()));
            }
        }
        seen
    }

    /// 5.4 and 5.5
    fn direct(&self, round: Round, author: AuthorIndex) -> Option<SlotStatus> {
        let quorum = self.rules.quorum();
        let blocks = self.slot(round, author);
        for block in &blocks {
            let certificates = self.certificates.get(block).into_iter().flatten();
            if self.rules.stake(&authors(certificates)) >= quorum {
                return Some(SlotStatus::Committed(*block));
            }
        }
        let next = self.round(round + 1);
        if self.rules.stake(&authors(&next)) < quorum {
            return None;
        }
        let none = BTreeSet::new();
        let skipped = blocks.iter().all(|block| {
            let voters = self.voters.get(block).unwrap_or(&none);
            let against = authors(next.iter().filter(|other| !voters.contains(other)));
            self.rules.stake(&against) >= quorum
        });
        skipped.then_some(SlotStatus::Skipped)
    }

    /// 5.6 with the statuses of all rounds from `round + 3` on.
    fn indirect(
        &self,
        round: Round,
        author: AuthorIndex,
        above: &Statuses,
        without: &BTreeSet<AuthorIndex>,
    ) -> SlotStatus {
        for anchor_round in round + 3..=self.top {
            for anchor_author in self.slot_order(anchor_round, without) {
                match above.get(&(anchor_round, anchor_author)).map(|(status, _)| *status) {
                    Some(SlotStatus::Skipped) => {}
                    Some(SlotStatus::Committed(anchor)) => {
                        let history = self.history(&[anchor], round + 1);
                        let certified = self.slot(round, author).into_iter().find(|block| {
                            let certificates = self.certificates.get(block);
                            certificates.is_some_and(|all| !all.is_disjoint(&history))
                        });
                        return certified.map_or(SlotStatus::Skipped, SlotStatus::Committed);
                    }
                    Some(SlotStatus::Undecided) | None => return SlotStatus::Undecided,
                }
            }
        }
        SlotStatus::Undecided
    }

    /// The slots of a round: 5.1 less who is on probation (6.5).
    fn slot_order(&self, round: Round, without: &BTreeSet<AuthorIndex>) -> Vec<AuthorIndex> {
        let order = self.orders.get(&round).cloned();
        let mut order = order.unwrap_or_else(|| self.rules.permutation(round));
        order.retain(|author| !without.contains(author));
        order
    }

    /// The slots of all rounds from `first` on, each by its own votes or by those above it.
    fn statuses(&self, first: Round, without: &BTreeSet<AuthorIndex>) -> Statuses {
        let mut statuses = BTreeMap::new();
        for round in (first..=self.top).rev() {
            for author in self.slot_order(round, without) {
                let status = match self.direct(round, author) {
                    Some(status) => (status, Why::Direct),
                    None => (self.indirect(round, author, &statuses, without), Why::Indirect),
                };
                statuses.insert((round, author), status);
            }
        }
        statuses
    }

    /// 5.7 and 5.8: outputs rounds from the first on until one is open, and orders what they commit.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer {
            commits: Vec::new(),
            cursor: 1,
            statuses: BTreeMap::new(),
            without_slot: BTreeSet::new(),
            counts: Counts::default(),
        };
        let mut history = BTreeSet::new();
        loop {
            let last = answer.commits.last().and_then(|commit| commit.probation.as_ref());
            let without = last.map(Probation::without_slots).unwrap_or_default();
            let statuses = self.statuses(answer.cursor, &without);
            answer.show(&statuses, &without, self.top);
            let mut counts = Counts::default();
            let Some(slots) = self.output(answer.cursor, &statuses, &without, &mut counts) else {
                return answer;
            };
            if slots.is_empty() {
                counts.skipped_rounds += 1;
            } else {
                let commit =
                    self.commit(&answer.commits, answer.cursor, slots, &mut history, &mut counts);
                answer.commits.push(commit);
            }
            answer.cursor += 1;
            answer.counts.add(&counts);
        }
    }

    /// The committed slots of a round, in slot order; none while it is open.
    fn output(
        &self,
        round: Round,
        statuses: &Statuses,
        without: &BTreeSet<AuthorIndex>,
        counts: &mut Counts,
    ) -> Option<Vec<BlockRef>> {
        let mut committed = Vec::new();
        for author in self.slot_order(round, without) {
            let status = statuses.get(&(round, author));
            counts.count(status);
            match status {
                Some((SlotStatus::Committed(block), _)) => committed.push(*block),
                Some((SlotStatus::Skipped, _)) => {}
                Some((SlotStatus::Undecided, _)) | None => return None,
            }
            if self.rules.order == CommitOrder::FirstCommit && !committed.is_empty() {
                break;
            }
        }
        Some(committed)
    }

    /// Part 7: the commit of a round. `history` is everything that is in a commit before, and then in this.
    fn commit(
        &self,
        before: &[Ordered],
        round: Round,
        slots: Vec<BlockRef>,
        history: &mut BTreeSet<BlockRef>,
        counts: &mut Counts,
    ) -> Ordered {
        let last = before.last();
        // 7.1 and 7.4 above the gc round of the commit before; genesis is never committed
        let gc_round = last.map_or(0, |last| last.round.saturating_sub(self.rules.gc_depth));
        let all = self.history(&slots, 0);
        let (above, below): (Vec<BlockRef>, Vec<BlockRef>) = all
            .into_iter()
            .filter(|block| !history.contains(block))
            .partition(|block| block.round > gc_round);
        counts.below_gc += below.len() as u64;
        let missing = above.iter().find(|block| !self.blocks.contains_key(block));
        assert!(missing.is_none(), "the history of a commit is all there, but not {missing:?}");
        // 7.2
        let digests: Vec<u8> = slots.iter().flat_map(|slot| slot.digest.0).collect();
        let seed = Domain::CommitSeed.hash(&[&digests]);
        let mut ordered = above;
        ordered.sort_by_cached_key(|block| {
            let key = [seed.0, block.digest.0].concat();
            (block.round, Domain::CommitSeed.hash(&[&key]))
        });
        // 7.3
        let mut taken: BTreeSet<(Round, AuthorIndex)> =
            before.iter().flat_map(|commit| &commit.blocks).map(|b| (b.round, b.author)).collect();
        let (mut blocks, mut ignored) = (Vec::new(), Vec::new());
        for block in ordered {
            match taken.insert((block.round, block.author)) {
                true => blocks.push(block),
                false => ignored.push(block),
            }
        }
        ignored.sort();
        counts.ignored += ignored.len() as u64;
        let previous_time = last.map_or(self.rules.genesis_time_ms, |last| last.timestamp_ms);
        let timestamp_ms = previous_time.max(self.time(round, &slots, counts));
        let previous = last.map_or(self.rules.chain_id, |last| last.digest);
        let index = before.len() as u64 + 1;
        let state = last.and_then(|last| last.probation.as_ref());
        let without = state.map(Probation::without_slots).unwrap_or_default();
        let active = self.active(&without);
        let digest = digest(&previous, index, round, timestamp_ms, &active, &blocks);
        history.extend(blocks.iter().chain(&ignored).copied());
        let probation = self.rules.probation.as_ref().map(|rules| {
            let state = state.cloned().unwrap_or_default();
            let before = last.map_or(0, |last| last.round);
            self.probation(rules, state, history, (before, round), gc_round, counts)
        });
        let mut ordered = Ordered {
            index,
            round,
            timestamp_ms,
            previous,
            digest,
            active,
            slots,
            blocks,
            ignored,
            probation,
            ordering_root: Hash::ZERO,
        };
        ordered.ordering_root = ordered.root(history, self.rules.gc_depth);
        ordered
    }

    /// 7.5
    fn time(&self, round: Round, slots: &[BlockRef], counts: &mut Counts) -> u64 {
        let mut voices: BTreeSet<BlockRef> = slots.iter().copied().collect();
        if self.rules.stake(&authors(slots)) < self.rules.quorum() {
            counts.medians_of_parents += 1;
            voices = slots
                .iter()
                .flat_map(|slot| &self.blocks[slot].parents)
                .filter(|parent| parent.round + 1 == round)
                .copied()
                .collect();
        }
        // One block per author: of two the one with the lesser digest.
        let mut seen = BTreeSet::new();
        voices.retain(|voice| seen.insert(voice.author));
        let total = self.rules.stake(&seen);
        let stamps = voices.iter().map(|voice| self.blocks[voice].timestamp_ms);
        let stamps: BTreeSet<u64> = stamps.collect();
        let enough = |stamp: &u64| {
            let at_or_below = voices.iter().filter(|v| self.blocks[*v].timestamp_ms <= *stamp);
            2 * self.rules.stake(&authors(at_or_below)) > total
        };
        stamps.into_iter().find(enough).expect("a slot's parents have stake")
    }

    /// Of who has slots.
    fn active(&self, without: &BTreeSet<AuthorIndex>) -> Hash {
        let all = 0..self.rules.stakes.len() as AuthorIndex;
        let active: Vec<AuthorIndex> = all.filter(|author| !without.contains(author)).collect();
        let mut holders = self.rules.epoch.to_le_bytes().to_vec();
        holders.extend_from_slice(&(active.len() as u32).to_le_bytes());
        active.iter().for_each(|author| holders.extend_from_slice(&author.to_le_bytes()));
        Domain::List.hash(&[&holders])
    }
}

/// 7.6
fn digest(
    previous: &Hash,
    index: u64,
    round: Round,
    timestamp_ms: u64,
    active: &Hash,
    blocks: &[BlockRef],
) -> Hash {
    let mut bytes = previous.0.to_vec();
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(&round.to_le_bytes());
    bytes.extend_from_slice(&timestamp_ms.to_le_bytes());
    bytes.extend_from_slice(&active.0);
    bytes.extend_from_slice(&encode_list(blocks));
    Domain::Commit.hash(&[&bytes])
}

impl Answer {
    fn show(&mut self, statuses: &Statuses, without: &BTreeSet<AuthorIndex>, top: Round) {
        self.without_slot.retain(|(round, _)| *round < self.cursor);
        for (slot, (status, _)) in statuses {
            self.statuses.insert(*slot, *status);
        }
        for round in self.cursor..=top {
            for author in without {
                self.statuses.insert((round, *author), SlotStatus::Skipped);
                self.without_slot.insert((round, *author));
            }
        }
    }
}

impl Counts {
    fn count(&mut self, status: Option<&(SlotStatus, Why)>) {
        match status {
            Some((SlotStatus::Committed(_), Why::Direct)) => self.direct_commits += 1,
            Some((SlotStatus::Committed(_), Why::Indirect)) => self.indirect_commits += 1,
            Some((SlotStatus::Skipped, Why::Direct)) => self.direct_skips += 1,
            Some((SlotStatus::Skipped, Why::Indirect)) => self.indirect_skips += 1,
            Some((SlotStatus::Undecided, _)) | None => {}
        }
    }
}

fn authors<'a>(blocks: impl IntoIterator<Item = &'a BlockRef>) -> BTreeSet<AuthorIndex> {
    blocks.into_iter().map(|block| block.author).collect()
}
