//! DAGs made out of a seed, by validators that each see only a part: crashes, late blocks, weak links,
//! victims whom others leave out, equivocators with up to three variants a round, clocks that are wrong.
//! Every block is valid, and at most f of the stake equivocates: what is random is what a network and an
//! adversary may do.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::block::Round;
use pollen_ledger::genesis::CommitOrder;
use pollen_ledger::{AuthorIndex, BlockRef, VerifiedBlock};

use crate::drawing::{BEGIN_MS, Chain, ROUND_MS};
use crate::random::Random;

/// What kind of DAG: all of it follows from the seed, and may be changed.
#[derive(Debug, Clone)]
pub struct Shape {
    /// By author.
    pub stakes: Vec<u64>,
    /// Rounds.
    pub rounds: Round,
    /// Of the chain.
    pub gc_depth: u32,
    /// Of the chain.
    pub order: CommitOrder,
    /// Rounds of a window, split percentage and doublings of probation, where the chain knows it.
    pub probation: [u64; 3],
    /// Who signs more than one block a round; at most f of the stake.
    pub equivocators: BTreeSet<AuthorIndex>,
    /// How likely a parent beyond the quorum is named, in percent.
    pub extra_percent: u64,
    /// How likely an old block is named by a weak link, in percent.
    pub weak_percent: u64,
    /// How likely somebody's block is missing, late or left out in a round, in percent.
    pub trouble_percent: u64,
}

impl Shape {
    /// The shape of a seed.
    pub fn of(random: &mut Random) -> Self {
        let size = *random.pick(&[1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 10]);
        let stakes: Vec<u64> = match random.below(4) {
            0 | 1 => vec![1; size],
            2 => (0..size).map(|_| 1 + random.below(5)).collect(),
            _ => (0..size).map(|_| 1 + random.below(1 << 50)).collect(),
        };
        let mut shape = Self {
            rounds: 12 + random.below(36) as Round,
            gc_depth: *random.pick(&[4, 5, 6, 10, 60]),
            order: *random.pick(&[
                CommitOrder::AllSlots,
                CommitOrder::AllSlots,
                CommitOrder::AllSlots,
                CommitOrder::FirstCommit,
            ]),
            probation: [
                *random.pick(&[1, 4, 7, 10, 15]),
                *random.pick(&[0, 10, 30, 50]),
                *random.pick(&[0, 1, 2]),
            ],
            equivocators: BTreeSet::new(),
            extra_percent: *random.pick(&[0, 10, 30, 60, 90, 100]),
            weak_percent: *random.pick(&[0, 5, 30, 80]),
            trouble_percent: *random.pick(&[0, 20, 50, 90]),
            stakes,
        };
        if random.percent(60) {
            shape.equivocators = shape.at_most_faulty(random, 80);
        }
        shape
    }

    /// The chain of this shape, without signatures.
    pub fn chain(&self) -> Chain {
        let mut chain = Chain::new(&self.stakes);
        chain.signed = false;
        chain.parameters.gc_depth = self.gc_depth;
        chain.parameters.commit_order = self.order;
        let names = ["probationWindowRounds", "probationSplitPercent", "probationDoublingsMax"];
        for (name, value) in names.into_iter().zip(self.probation) {
            chain.set_number(name, value);
        }
        chain
    }

    fn total(&self) -> u64 {
        self.stakes.iter().sum()
    }

    fn quorum(&self) -> u64 {
        self.total() - (self.total() - 1) / 3
    }

    /// A random set of authors with at most f of the stake; each is in with this chance.
    fn at_most_faulty(&self, random: &mut Random, percent: u64) -> BTreeSet<AuthorIndex> {
        let mut all: Vec<AuthorIndex> = (0..self.stakes.len() as AuthorIndex).collect();
        random.shuffle(&mut all);
        let mut room = (self.total() - 1) / 3;
        all.retain(|author| {
            let stake = self.stakes[usize::from(*author)];
            let fits = stake <= room && random.percent(percent);
            room -= if fits { stake } else { 0 };
            fits
        });
        all.into_iter().collect()
    }

    /// A DAG of this shape: blocks in the order of their rounds.
    pub fn blocks(&self, random: &mut Random) -> Vec<VerifiedBlock> {
        let mut grower = Grower {
            shape: self,
            chain: self.chain(),
            slots: BTreeMap::new(),
            histories: BTreeMap::new(),
            late: BTreeMap::new(),
            blocks: Vec::new(),
        };
        for author in 0..self.stakes.len() as AuthorIndex {
            let genesis = grower.chain.genesis(author).reference();
            grower.slots.insert((0, author), vec![genesis]);
        }
        (1..=self.rounds).for_each(|round| grower.grow(round, random));
        grower.blocks
    }
}

struct Grower<'a> {
    shape: &'a Shape,
    chain: Chain,
    slots: BTreeMap<(Round, AuthorIndex), Vec<BlockRef>>,
    histories: BTreeMap<BlockRef, BTreeSet<BlockRef>>,
    /// Authors whose blocks of the round nobody else can name before the given one.
    late: BTreeMap<(Round, AuthorIndex), Round>,
    blocks: Vec<VerifiedBlock>,
}

impl Grower<'_> {
    fn authors(&self) -> std::ops::Range<AuthorIndex> {
        0..self.shape.stakes.len() as AuthorIndex
    }

    fn grow(&mut self, round: Round, random: &mut Random) {
        let percent = self.shape.trouble_percent;
        // In every round other validators are in trouble, together at most f of the stake: the rest is a
        // quorum that can be named.
        let troubled = self.shape.at_most_faulty(random, percent);
        let victims = self.shape.at_most_faulty(random, percent);
        let leaving_out = *random.pick(&[0, 30, 50, 100]);
        for author in self.authors() {
            if troubled.contains(&author) {
                if random.percent(50) {
                    continue;
                }
                self.late.insert((round, author), round + 1 + random.below(12) as Round);
            }
            let forks = self.shape.equivocators.contains(&author);
            let variants = if forks { 1 + random.below(3) } else { 1 };
            for variant in 0..variants {
                let left_out = random.percent(leaving_out).then_some(&victims);
                let parents = self.parents(round, author, left_out, random);
                let mut stamp = BEGIN_MS + u64::from(round) * ROUND_MS + variant;
                match random.below(20) {
                    0 if forks => stamp = 0,
                    1 if forks => stamp *= 1_000,
                    _ => stamp += random.below(3 * ROUND_MS),
                }
                let block = self.chain.block(round, author, stamp, parents, &[]);
                self.add(block);
            }
        }
    }

    fn add(&mut self, block: VerifiedBlock) {
        let reference = block.reference();
        let slot = self.slots.entry((reference.round, reference.author)).or_default();
        if slot.contains(&reference) {
            return;
        }
        slot.push(reference);
        let mut history = BTreeSet::from([reference]);
        for parent in &block.header().parents {
            history.extend(self.histories.get(parent).into_iter().flatten());
        }
        self.histories.insert(reference, history);
        self.blocks.push(block);
    }

    /// What an author can name of another's: a block of any variant, in a round at or below `round`.
    fn available(
        &self,
        by: AuthorIndex,
        of: AuthorIndex,
        at: Round,
        round: Round,
        random: &mut Random,
    ) -> Option<BlockRef> {
        let late = self.late.get(&(at, of)).copied().unwrap_or(0);
        let slot = self.slots.get(&(at, of)).filter(|_| by == of || late <= round)?;
        Some(*random.pick(slot))
    }

    fn parents(
        &self,
        round: Round,
        author: AuthorIndex,
        left_out: Option<&BTreeSet<AuthorIndex>>,
        random: &mut Random,
    ) -> Vec<BlockRef> {
        let own = (0..round).rev().find_map(|at| self.available(author, author, at, round, random));
        let own = own.expect("everybody has a genesis block");
        let stake_of = |author: AuthorIndex| self.shape.stakes[usize::from(author)];
        let mut stake = if own.round + 1 == round { stake_of(author) } else { 0 };
        let mut parents = BTreeMap::new();
        let mut others: Vec<AuthorIndex> = self.authors().filter(|a| *a != author).collect();
        random.shuffle(&mut others);
        others.sort_by_key(|other| left_out.is_some_and(|out| out.contains(other)));
        for other in &others {
            let unwanted = left_out.is_some_and(|out| out.contains(other));
            let wanted = !unwanted && random.percent(self.shape.extra_percent);
            if stake < self.shape.quorum() || wanted {
                let found = self.available(author, *other, round - 1, round, random);
                if let Some(parent) = found {
                    stake += stake_of(*other);
                    parents.insert(*other, parent);
                }
            }
        }
        // Everybody who could be named was late: the network delivers what the quorum needs.
        for other in &others {
            if stake < self.shape.quorum() && !parents.contains_key(other) {
                let slot = self.slots.get(&(round - 1, *other));
                if let Some(slot) = slot {
                    stake += stake_of(*other);
                    parents.insert(*other, *random.pick(slot));
                }
            }
        }
        let mut history: BTreeSet<BlockRef> = BTreeSet::new();
        for parent in parents.values().chain([&own]) {
            history.extend(self.histories.get(parent).into_iter().flatten());
        }
        for other in others {
            if round > 1 && !parents.contains_key(&other) && random.percent(self.shape.weak_percent)
            {
                let at = round - 2 - random.below(u64::from(round - 1).min(16)) as Round;
                let found = self.available(author, other, at, round, random);
                if let Some(weak) = found.filter(|weak| !history.contains(weak)) {
                    parents.insert(other, weak);
                }
            }
        }
        let mut all = vec![own];
        all.extend(parents.into_values());
        all
    }
}

/// Blocks in some order in which a network may deliver them. `how` chooses: as they were made, the last
/// first, any order, or nearly as made, with some far too late.
pub fn delivery(blocks: &[VerifiedBlock], how: u64, random: &mut Random) -> Vec<VerifiedBlock> {
    let mut order: Vec<VerifiedBlock> = blocks.to_vec();
    match how % 4 {
        0 => {}
        1 => order.reverse(),
        2 => random.shuffle(&mut order),
        _ => {
            let window = 1 + random.below(60);
            let mut keyed: Vec<(u64, VerifiedBlock)> = order
                .into_iter()
                .zip(0u64..)
                .map(|(block, place)| {
                    let late = if random.percent(3) { 40 * window } else { 0 };
                    (place + random.below(window) + late, block)
                })
                .collect();
            keyed.sort_by_key(|(key, _)| *key);
            order = keyed.into_iter().map(|(_, block)| block).collect();
        }
    }
    order
}
