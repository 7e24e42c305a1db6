//! Which slots are committed and which are skipped (protocol.md part 5), from the votes that the DAG
//! counted. Every slot of every author is decided by the blocks that follow it; nobody is special.
//!
//! Invariants: a decided slot never changes; rounds are output in order, each once; what is output does
//! not depend on the order in which blocks arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::author_set::AuthorSet;
use super::dag::{Ancestors, Dag};
use super::linearize::Commit;
use super::permutation::slot_order;
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::Hash;
use crate::genesis::CommitOrder;

/// What is known of a slot: the place of one author in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotStatus {
    /// Not decided yet.
    Undecided,
    /// This block of the slot is committed.
    Committed(BlockRef),
    /// No block of the slot leads a commit; it may still be ordered as an ancestor.
    Skipped,
}

/// The slots of a round, in their order.
#[derive(Debug, Clone)]
pub(super) struct RoundSlots {
    pub order: Vec<AuthorIndex>,
    pub status: Vec<SlotStatus>,
    undecided: usize,
    /// Blocks of the next two rounds when it was last looked at: without new ones no vote is new.
    seen: (usize, usize),
}

impl RoundSlots {
    fn new(order: Vec<AuthorIndex>) -> Self {
        let status = vec![SlotStatus::Undecided; order.len()];
        Self { undecided: order.len(), status, order, seen: (0, 0) }
    }

    /// The first slot that is not skipped; skipped when all are.
    fn first(&self) -> SlotStatus {
        let first = self.status.iter().find(|status| **status != SlotStatus::Skipped);
        first.copied().unwrap_or(SlotStatus::Skipped)
    }
}

/// A round that is decided: the committed blocks of its slots, in slot order; none when all are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DecidedRound {
    pub round: Round,
    pub slots: Vec<BlockRef>,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Decider {
    committee: Arc<Committee>,
    epoch_seed: Hash,
    commit_order: CommitOrder,
    /// Who has slots in the rounds from the cursor on.
    active: AuthorSet,
    /// The lowest round not yet output.
    cursor: Round,
    rounds: BTreeMap<Round, RoundSlots>,
}

impl Decider {
    /// A decider that outputs `cursor` next.
    pub fn new(
        committee: Arc<Committee>,
        epoch_seed: Hash,
        commit_order: CommitOrder,
        active: AuthorSet,
        cursor: Round,
    ) -> Self {
        Self { committee, epoch_seed, commit_order, active, cursor, rounds: BTreeMap::new() }
    }

    /// 6.6 other slot holders from the cursor on: what was decided with the old ones and not output is
    /// forgotten.
    pub fn set_active(&mut self, active: &AuthorSet) {
        if self.active != *active {
            self.active = *active;
            self.rounds.split_off(&self.cursor);
        }
    }

    /// The lowest round not yet output.
    pub fn cursor(&self) -> Round {
        self.cursor
    }

    /// The slots of a round that was looked at and is above gc.
    pub fn slots(&self, round: Round) -> Option<&RoundSlots> {
        self.rounds.get(&round)
    }

    /// Forgets rounds at or below the gc round.
    pub fn collect(&mut self, gc_round: Round) {
        self.rounds = self.rounds.split_off(&(gc_round + 1));
    }

    /// The slots of a round from the cursor on, in their order.
    fn order(&self, round: Round) -> Vec<AuthorIndex> {
        let mut order = slot_order(&self.committee, &self.epoch_seed, round);
        order.retain(|author| self.active.contains(*author));
        order
    }

    /// True when these blocks hold slots of the round, in slot order: what a commit of it can name.
    pub fn are_slots(&self, round: Round, slots: &[BlockRef]) -> bool {
        let mut order = self.order(round).into_iter();
        let mut in_order = |slot: &BlockRef| order.any(|author| author == slot.author);
        !slots.is_empty()
            && (self.commit_order == CommitOrder::AllSlots || slots.len() == 1)
            && slots.iter().all(|slot| slot.round == round)
            && slots.iter().all(&mut in_order)
    }

    /// A quorum has decided every round up to this one, which is committed with these slots: output goes
    /// on behind it.
    pub fn installed(&mut self, round: Round, slots: &[BlockRef]) {
        assert!(round >= self.cursor, "rounds are output once, in order");
        for passed in self.cursor..=round {
            let slots = if passed == round { slots } else { &[] };
            let decided = self.as_committed(self.order(passed), slots);
            self.rounds.insert(passed, decided);
        }
        self.cursor = round + 1;
    }

    /// After a restart: what the stored commits say of the rounds above gc, for whoever looks at them. Nothing
    /// is decided by it. Rounds that follow the oldest commit that is left out are not shown: whose slots
    /// they had stands in the commit before them (6.5).
    pub fn recall(&mut self, commits: &[Commit], gc_round: Round) {
        for (before, commit) in std::iter::once(None).chain(commits.iter().map(Some)).zip(commits) {
            let active = match before {
                Some(before) => before.probation.active(&self.committee),
                None if commit.index == 1 => self.committee.authors().collect(),
                None => continue,
            };
            let passed = before.map_or(0, |before| before.round) + 1;
            for round in passed.max(gc_round + 1)..=commit.round {
                let slots = if round == commit.round { &commit.slots[..] } else { &[] };
                let mut order = slot_order(&self.committee, &self.epoch_seed, round);
                order.retain(|author| active.contains(*author));
                let decided = self.as_committed(order, slots);
                self.rounds.insert(round, decided);
            }
        }
    }

    /// What a commit with these slots, none when its round was passed over, says of the round's others.
    fn as_committed(&self, order: Vec<AuthorIndex>, slots: &[BlockRef]) -> RoundSlots {
        let last = order.iter().position(|author| slots.iter().any(|slot| slot.author == *author));
        let cut_off = match (self.commit_order, last) {
            // 5.8 nobody asked about the slots behind
            (CommitOrder::FirstCommit, Some(last)) => last + 1,
            _ => order.len(),
        };
        let status = |(place, author): (usize, &AuthorIndex)| match slots
            .iter()
            .find(|slot| slot.author == *author)
        {
            Some(slot) => SlotStatus::Committed(*slot),
            None if place < cut_off => SlotStatus::Skipped,
            None => SlotStatus::Undecided,
        };
        let status = order.iter().enumerate().map(status).collect();
        RoundSlots { undecided: 0, status, order, seen: (0, 0) }
    }

    /// Decides what can be decided now, and outputs the next round when it is whole.
    pub fn next_round(&mut self, dag: &Dag) -> Option<DecidedRound> {
        let output = self.output();
        if output.is_some() {
            return output;
        }
        self.decide(dag);
        self.output()
    }

    /// Highest rounds first, so that an indirect decision finds its anchor decided where it can be.
    fn decide(&mut self, dag: &Dag) {
        // A slot needs a quorum one round up to be skipped, two rounds up to be committed.
        let Some(top) = dag.quorum_round().checked_sub(1) else { return };
        for round in self.cursor..=top {
            if !self.rounds.contains_key(&round) {
                let slots = RoundSlots::new(self.order(round));
                self.rounds.insert(round, slots);
            }
        }
        if self.cursor > top {
            return;
        }
        // The first slot that is not skipped, of all rounds from one, two and three above on: the last is
        // the anchor.
        let mut first = [SlotStatus::Undecided; 3];
        for (round, slots) in self.rounds.range_mut(self.cursor..=top).rev() {
            if slots.undecided > 0 {
                decide_round(&self.committee, dag, *round, slots, first[2]);
            }
            let own = match slots.first() {
                SlotStatus::Skipped => first[0],
                other => other,
            };
            first = [own, first[0], first[1]];
        }
    }

    /// 5.7 the next round, when it is decided.
    fn output(&mut self) -> Option<DecidedRound> {
        let slots = self.rounds.get(&self.cursor)?;
        let mut committed = Vec::new();
        for status in &slots.status {
            match (status, self.commit_order) {
                (SlotStatus::Undecided, _) => return None,
                (SlotStatus::Skipped, _) => {}
                (SlotStatus::Committed(block), CommitOrder::AllSlots) => committed.push(*block),
                // 5.8 the round ends at its first committed slot
                (SlotStatus::Committed(block), CommitOrder::FirstCommit) => {
                    committed.push(*block);
                    break;
                }
            }
        }
        let round = self.cursor;
        self.cursor += 1;
        Some(DecidedRound { round, slots: committed })
    }
}

/// Decides what can be decided of a round.
fn decide_round(
    committee: &Committee,
    dag: &Dag,
    round: Round,
    slots: &mut RoundSlots,
    anchor: SlotStatus,
) {
    let seen = (dag.authors(round + 1).blocks, dag.authors(round + 2).blocks);
    // 5.6 the anchor is the first slot from round + 3 on that is not skipped
    let anchor = match anchor {
        SlotStatus::Committed(anchor) => Some(dag.ancestors(&anchor, round + 2)),
        SlotStatus::Undecided | SlotStatus::Skipped => None,
    };
    if anchor.is_none() && std::mem::replace(&mut slots.seen, seen) == seen {
        return;
    }
    for (author, status) in slots.order.iter().zip(&mut slots.status) {
        if *status == SlotStatus::Undecided {
            // 5.4, 5.5, else 5.6
            *status = direct(committee, dag, round, *author)
                .or_else(|| Some(indirect(dag, round, *author, anchor.as_ref()?)))
                .unwrap_or(SlotStatus::Undecided);
            slots.undecided -= usize::from(*status != SlotStatus::Undecided);
        }
    }
}

fn direct(
    committee: &Committee,
    dag: &Dag,
    round: Round,
    author: AuthorIndex,
) -> Option<SlotStatus> {
    let quorum = committee.quorum();
    // 5.4 At most one variant of a slot can be certified while at most f stake is Byzantine.
    let certified = dag.slot(round, author).find(|(_, node)| node.certifier_stake >= quorum);
    if let Some((reference, _)) = certified {
        return Some(SlotStatus::Committed(*reference));
    }
    // 5.5
    let next = dag.authors(round + 1);
    let skipped = next.stake >= quorum
        && dag.slot(round, author).all(|(candidate, node)| {
            // An author with two blocks counts once per side.
            let both = node.voters.and(&next.equivocators);
            let against = both.iter().filter(|forked| {
                dag.slot(round + 1, *forked).any(|(voter, _)| !dag.votes_for(voter, candidate))
            });
            let against: Stake = against.map(|forked| committee.stake(forked)).sum();
            next.stake - node.voter_stake + against >= quorum
        });
    skipped.then_some(SlotStatus::Skipped)
}

/// 5.6 by the blocks of round + 2 in the anchor's history.
fn indirect(dag: &Dag, round: Round, author: AuthorIndex, anchor: &Ancestors) -> SlotStatus {
    let certified = dag.slot(round, author).find(|(_, node)| dag.is_certified_among(anchor, node));
    certified.map_or(SlotStatus::Skipped, |(reference, _)| SlotStatus::Committed(*reference))
}
