//! Tables for the slot decider (PROTOCOL §12, 1 to 14, 18 to 21), and random DAGs against a decider that
//! restates the rules without any counting ahead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::network::{Random, chain_id, committee_of, parameters};
use crate::block::{BLOCK_VERSION, Block, BlockHeader, BlockRef, Round, VerifiedBlock};
use crate::codec;
use crate::committee::{AuthorIndex, Committee};
use crate::crypto::{Domain, Signature};
use crate::genesis::CommitOrder;
use crate::ordering::Time;
use crate::ordering::dag::Dag;
use crate::ordering::decider::{DecidedRound, Decider, SlotStatus};
use crate::ordering::permutation::slot_order;
use crate::transaction::SignedTransaction;

/// An unsigned block: the DAG takes what was verified before.
pub fn block(
    round: Round,
    author: AuthorIndex,
    stamp: u64,
    parents: Vec<BlockRef>,
) -> VerifiedBlock {
    let body = codec::encode(&Vec::<SignedTransaction>::new());
    let header = BlockHeader {
        version: BLOCK_VERSION,
        chain_id: chain_id(),
        epoch: 0,
        round,
        author,
        timestamp_ms: stamp,
        parents,
        body_digest: Domain::Body.hash(&[&body]),
        transaction_count: 0,
        body_bytes: body.len() as u32,
        attestations: Vec::new(),
        commit_votes: Vec::new(),
        evidence: Vec::new(),
    };
    let block = Block { header, signature: Signature([0; 64]), body };
    VerifiedBlock::trusted(block, &parameters()).unwrap()
}

/// One that begins with round 1, and everybody's slots.
fn decider(committee: &Arc<Committee>, order: CommitOrder) -> Decider {
    Decider::new(Arc::clone(committee), chain_id(), order, committee.authors().collect(), 1)
}

/// A DAG that is drawn block by block.
pub struct Drawing {
    pub dag: Dag,
    pub decider: Decider,
    pub committee: Arc<Committee>,
    /// (round, author, variant)
    pub blocks: BTreeMap<(Round, AuthorIndex, u8), VerifiedBlock>,
}

impl Drawing {
    pub fn new(stakes: &[u64]) -> Self {
        let committee = committee_of(stakes);
        let genesis = |author| ((0, author, 0), VerifiedBlock::genesis(chain_id(), 0, author));
        Self {
            dag: Dag::new(Arc::clone(&committee), chain_id(), 0),
            decider: decider(&committee, CommitOrder::AllSlots),
            blocks: committee.authors().map(genesis).collect(),
            committee,
        }
    }

    /// A block with these authors' blocks of the round before as parents.
    pub fn add(&mut self, round: Round, author: AuthorIndex, parents: &[AuthorIndex]) -> BlockRef {
        let parents: Vec<_> = parents.iter().map(|parent| (*parent, 0)).collect();
        self.add_variant(round, author, 0, &parents)
    }

    /// The same block of each of these authors.
    fn add_all(&mut self, round: Round, of: std::ops::Range<AuthorIndex>, parents: &[AuthorIndex]) {
        for author in of {
            self.add(round, author, parents);
        }
    }

    pub fn add_variant(
        &mut self,
        round: Round,
        author: AuthorIndex,
        variant: u8,
        parents: &[(AuthorIndex, u8)],
    ) -> BlockRef {
        let parents = parents
            .iter()
            .map(|(parent, variant)| self.blocks[&(round - 1, *parent, *variant)].reference());
        let block = block(round, author, u64::from(variant), parents.collect());
        self.blocks.insert((round, author, variant), block.clone());
        assert_eq!(self.dag.insert(block.clone(), None, Time(0)).len(), 1);
        block.reference()
    }

    /// Rounds in which everybody names everybody.
    pub fn full(&mut self, rounds: std::ops::RangeInclusive<Round>) {
        let all: Vec<AuthorIndex> = self.committee.authors().collect();
        for round in rounds {
            for author in &all {
                let there =
                    |parent: &&AuthorIndex| self.blocks.contains_key(&(round - 1, **parent, 0));
                let parents: Vec<AuthorIndex> = all.iter().filter(there).copied().collect();
                self.add(round, *author, &parents);
            }
        }
    }

    pub fn decided(&mut self) -> Vec<DecidedRound> {
        std::iter::from_fn(|| self.decider.next_round(&self.dag)).collect()
    }

    fn status(&mut self, round: Round, author: AuthorIndex) -> SlotStatus {
        self.decided();
        self.decider.slots(round).map_or(SlotStatus::Undecided, |slots| {
            slots.status[slots.order.iter().position(|other| *other == author).unwrap()]
        })
    }
}

#[test]
fn a_full_dag_commits_every_block_three_rounds_up_and_never_genesis() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.full(1..=2);
    assert!(drawing.decided().is_empty());
    drawing.full(3..=5);
    let decided = drawing.decided();
    assert_eq!(
        decided.iter().map(|d| (d.round, d.slots.len())).collect::<Vec<_>>(),
        [(1, 4), (2, 4), (3, 4)]
    );
    let order = slot_order(&committee_of(&[1, 1, 1, 1]), &chain_id(), 2);
    assert_eq!(decided[1].slots.iter().map(|slot| slot.author).collect::<Vec<_>>(), order);
}

#[test]
fn a_direct_commit_takes_exactly_a_quorum_of_certificates() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.full(1..=2);
    drawing.add(3, 0, &[0, 1, 2]);
    drawing.add(3, 1, &[0, 1, 2]);
    // This one names two voters only: no certificate, so two are Q - 1.
    drawing.add(3, 2, &[0, 1]);
    assert_eq!(drawing.status(1, 0), SlotStatus::Undecided);
    drawing.add(3, 3, &[1, 2, 3]);
    let committed = drawing.blocks[&(1, 0, 0)].reference();
    assert_eq!(drawing.status(1, 0), SlotStatus::Committed(committed));
}

#[test]
fn a_direct_skip_takes_exactly_a_quorum_of_blocks_without_a_vote() {
    for present in [false, true] {
        let mut drawing = Drawing::new(&[1, 1, 1, 1]);
        drawing.add_all(1, 0..3, &[0, 1, 2, 3]);
        if present {
            drawing.add(1, 3, &[0, 1, 2, 3]);
        }
        drawing.add(2, 0, &[0, 1, 2]);
        drawing.add(2, 1, &[0, 1, 2]);
        if present {
            // The third block votes for it: two against are Q - 1.
            drawing.add(2, 3, &[0, 1, 2, 3]);
        }
        assert_eq!(drawing.status(1, 3), SlotStatus::Undecided);
        drawing.add(2, 2, &[0, 1, 2]);
        assert_eq!(drawing.status(1, 3), SlotStatus::Skipped);
    }
}

/// 5, 6 and 7: what votes leave open is decided by the first slot three rounds up that is not skipped.
#[test]
fn split_votes_are_decided_by_the_anchor() {
    for seen in [true, false] {
        let mut drawing = Drawing::new(&[1, 1, 1, 1]);
        drawing.full(1..=1);
        drawing.add_all(2, 0..3, &[0, 1, 2, 3]);
        drawing.add(2, 3, &[0, 1, 2]);
        // One certificate for (1, 3): too few to commit, no quorum against it.
        drawing.add(3, 0, &[0, 1, 2]);
        drawing.add_all(3, 1..4, &[1, 2, 3]);
        let named: &[AuthorIndex] = if seen { &[0, 1, 2] } else { &[1, 2, 3] };
        drawing.add_all(4, 0..4, named);
        drawing.full(5..=5);
        assert_eq!(drawing.status(1, 3), SlotStatus::Undecided, "no anchor below round 4");
        assert_eq!(drawing.decider.cursor(), 1, "10: a partly decided round is not output");
        drawing.full(6..=6);
        let expected = match seen {
            true => SlotStatus::Committed(drawing.blocks[&(1, 3, 0)].reference()),
            false => SlotStatus::Skipped,
        };
        assert_eq!(drawing.status(1, 3), expected);
        assert!(drawing.decider.cursor() > 1);
    }
}

/// 9 and 12: a round of which nobody takes note is passed over, and the next one is output.
#[test]
fn a_round_of_skips_is_passed_over() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.add_all(1, 0..3, &[0, 1, 2, 3]);
    // Not valid blocks, but a legal drawing: nobody votes.
    drawing.add_all(2, 0..4, &[]);
    drawing.full(3..=4);
    let decided = drawing.decided();
    assert_eq!(decided[0], DecidedRound { round: 1, slots: Vec::new() });
    assert_eq!((decided[1].round, decided[1].slots.len()), (2, 4));
}

/// 14: stake is what counts, not heads.
#[test]
fn stake_decides() {
    // S = 10, f = 3, Q = 7.
    let mut drawing = Drawing::new(&[4, 2, 2, 2]);
    drawing.full(1..=2);
    drawing.add(3, 1, &[0, 1, 2, 3]);
    drawing.add(3, 2, &[0, 1, 2, 3]);
    drawing.add(3, 3, &[0, 1, 2, 3]);
    assert!(drawing.decided().is_empty(), "three of four, but 6 of 10");
    drawing.add(3, 0, &[0, 1, 2]);
    assert_eq!(drawing.decided().len(), 1);
}

/// 18, 20: a voter on both sides counts once per side, and two variants are never both committed.
#[test]
fn one_of_two_variants_is_committed() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.add_all(1, 0..4, &[0, 1, 2, 3]);
    drawing.add_variant(1, 3, 1, &[(0, 0), (1, 0), (2, 0)]);
    drawing.add_all(2, 0..3, &[0, 1, 2, 3]);
    // The equivocator votes for either of its blocks.
    drawing.add(2, 3, &[0, 1, 2, 3]);
    drawing.add_variant(2, 3, 1, &[(0, 0), (1, 0), (3, 1)]);
    for author in 0..3 {
        drawing.add(3, author, &[0, 1, 2]);
    }
    let committed = drawing.blocks[&(1, 3, 0)].reference();
    assert_eq!(drawing.status(1, 3), SlotStatus::Committed(committed));
}

/// A decider by definition: looks at all blocks for every question.
struct Oracle<'a> {
    committee: &'a Committee,
    blocks: BTreeMap<BlockRef, VerifiedBlock>,
}

impl Oracle<'_> {
    fn at(&self, round: Round, author: AuthorIndex) -> Vec<BlockRef> {
        let slot = |r: &&BlockRef| r.round == round && r.author == author;
        self.blocks.keys().filter(slot).copied().collect()
    }
    fn stake(&self, blocks: impl Iterator<Item = BlockRef>) -> u64 {
        let authors: BTreeSet<AuthorIndex> = blocks.map(|block| block.author).collect();
        authors.into_iter().map(|author| self.committee.stake(author)).sum()
    }
    fn round(&self, round: Round) -> impl Iterator<Item = BlockRef> {
        self.blocks.keys().filter(move |r| r.round == round).copied()
    }
    fn votes(&self, voter: &BlockRef, block: &BlockRef) -> bool {
        self.blocks[voter].header().parents.contains(block)
    }
    fn certifies(&self, certificate: &BlockRef, block: &BlockRef) -> bool {
        let parents = self.blocks[certificate].header().parents.iter().copied();
        let strong = parents.filter(|parent| parent.round == block.round + 1);
        self.stake(strong.filter(|parent| self.votes(parent, block))) >= self.committee.quorum()
    }
    fn history(&self, block: &BlockRef, seen: &mut BTreeSet<BlockRef>) {
        if let Some(found) = self.blocks.get(block)
            && seen.insert(*block)
        {
            found.header().parents.iter().for_each(|parent| self.history(parent, seen));
        }
    }
    fn status(&self, round: Round, author: AuthorIndex, top: Round) -> SlotStatus {
        if round > top {
            return SlotStatus::Undecided;
        }
        let quorum = self.committee.quorum();
        let blocks = self.at(round, author);
        for block in &blocks {
            let certificates = self.round(round + 2).filter(|z| self.certifies(z, block));
            if self.stake(certificates) >= quorum {
                return SlotStatus::Committed(*block);
            }
        }
        let against =
            |b: &BlockRef| self.stake(self.round(round + 1).filter(|y| !self.votes(y, b)));
        if self.stake(self.round(round + 1)) >= quorum
            && blocks.iter().all(|block| against(block) >= quorum)
        {
            return SlotStatus::Skipped;
        }
        for anchor_round in round + 3..=top {
            for anchor in slot_order(self.committee, &chain_id(), anchor_round) {
                match self.status(anchor_round, anchor, top) {
                    SlotStatus::Skipped => {}
                    SlotStatus::Undecided => return SlotStatus::Undecided,
                    SlotStatus::Committed(anchor) => {
                        let mut history = BTreeSet::new();
                        self.history(&anchor, &mut history);
                        let certified = |block: &&BlockRef| {
                            let z = history.iter().filter(|z| z.round == round + 2);
                            z.into_iter().any(|z| self.certifies(z, block))
                        };
                        return blocks
                            .iter()
                            .find(certified)
                            .map_or(SlotStatus::Skipped, |b| SlotStatus::Committed(*b));
                    }
                }
            }
        }
        SlotStatus::Undecided
    }
}

/// A random DAG: every block names a random quorum, and one author is silent at times or signs twice.
fn random_blocks(committee: &Committee, random: &mut Random, rounds: Round) -> Vec<VerifiedBlock> {
    let mut all = Vec::new();
    let mut before: Vec<Vec<BlockRef>> = committee
        .authors()
        .map(|author| vec![VerifiedBlock::genesis(chain_id(), 0, author).reference()])
        .collect();
    let forks = random.below(2) == 0;
    for round in 1..=rounds {
        let mut now: Vec<Vec<BlockRef>> = vec![Vec::new(); committee.size()];
        for author in committee.authors() {
            if author == 1 && !forks && random.below(4) == 0 {
                continue;
            }
            let variants = if author == 0 && forks { 1 + random.below(2) } else { 1 };
            for variant in 0..variants {
                let mut parents = Vec::new();
                let mut stake = 0;
                let first = random.below(committee.size() as u64) as usize;
                for step in 0..committee.size() {
                    let parent = (first + step) % committee.size();
                    let Some(count) = Some(before[parent].len() as u64).filter(|len| *len > 0)
                    else {
                        continue;
                    };
                    if stake < committee.quorum() || random.below(3) == 0 {
                        stake += committee.stake(parent as AuthorIndex);
                        parents.push(before[parent][random.below(count) as usize]);
                    }
                }
                let block = block(round, author, variant, parents);
                now[usize::from(author)].push(block.reference());
                all.push(block);
            }
        }
        before = now;
    }
    all
}

/// 11, 19, 21, 26: any order of delivery, all at once or one by one, decides what the rules say.
#[test]
fn random_dags_are_decided_as_the_rules_say_in_any_order() {
    let mut committed = 0;
    for seed in 1..=40 {
        let mut random = Random::new(seed);
        let stakes: &[u64] = if seed % 2 == 0 { &[1, 1, 1, 1] } else { &[2, 3, 1, 2, 2] };
        let committee = committee_of(stakes);
        let mut blocks = random_blocks(&committee, &mut random, 12);
        let oracle = Oracle {
            committee: &committee,
            blocks: blocks.iter().map(|block| (block.reference(), block.clone())).collect(),
        };
        let mut outputs: Vec<Vec<DecidedRound>> = Vec::new();
        for turn in 0..4 {
            for place in (1..blocks.len()).rev() {
                blocks.swap(place, random.below(place as u64 + 1) as usize);
            }
            let mut drawing = Drawing::new(stakes);
            let mut output = Vec::new();
            for block in &blocks {
                drawing.dag.insert(block.clone(), None, Time(0));
                if turn > 0 {
                    output.extend(drawing.decided());
                }
            }
            output.extend(drawing.decided());
            drawing.dag.check();
            assert_eq!(drawing.dag.suspended_count(), 0, "seed {seed}");
            let top = drawing.dag.quorum_round() - 1;
            for round in 1..=top {
                let slots = drawing.decider.slots(round).unwrap();
                for (author, status) in slots.order.iter().zip(&slots.status) {
                    assert_eq!(*status, oracle.status(round, *author, top), "seed {seed}");
                }
            }
            outputs.push(output);
        }
        assert!(outputs.iter().all(|output| *output == outputs[0]), "seed {seed}");
        committed += outputs[0].iter().map(|decided| decided.slots.len()).sum::<usize>();
    }
    assert!(committed > 500, "{committed}: the DAGs are no test");
}

#[test]
fn the_first_commit_order_ends_a_round_at_its_first_commit() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.decider = decider(&drawing.committee, CommitOrder::FirstCommit);
    drawing.full(1..=4);
    let decided = drawing.decided();
    assert_eq!(decided.iter().map(|d| d.slots.len()).collect::<Vec<_>>(), [1, 1]);
}
