//! Which slots are committed and which are skipped (protocol.md part 5), from the votes that the DAG
//! counted. Every slot of every author is decided by the blocks that follow it; nobody is special.
//!
//! Invariants: a decided slot never changes; rounds are output in order, each once; what is output does
//! not depend on the order in which blocks arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dag::Dag;
use super::permutation::slot_order;
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee};
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
        cursor: Round,
    ) -> Self {
        Self { committee, epoch_seed, commit_order, cursor, rounds: BTreeMap::new() }
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

    /// True when these blocks hold slots of the round, in slot order: what a commit of it can name.
    pub fn are_slots(&self, round: Round, slots: &[BlockRef]) -> bool {
        let mut order = slot_order(&self.committee, &self.epoch_seed, round).into_iter();
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
            let order = slot_order(&self.committee, &self.epoch_seed, passed);
            let held = |author: &AuthorIndex| slots.iter().find(|slot| slot.author == *author);
            let status = order.iter().map(|author| match held(author) {
                Some(slot) if passed == round => SlotStatus::Committed(*slot),
                _ => SlotStatus::Skipped,
            });
            let status = status.collect();
            self.rounds.insert(passed, RoundSlots { order, status });
        }
        self.cursor = round + 1;
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
                let order = slot_order(&self.committee, &self.epoch_seed, round);
                let status = vec![SlotStatus::Undecided; order.len()];
                self.rounds.insert(round, RoundSlots { order, status });
            }
        }
        // The first slot that is not skipped, of all rounds from the key on: the anchor of slots three
        // rounds below.
        let mut first: BTreeMap<Round, SlotStatus> = BTreeMap::new();
        for round in (self.cursor..=top).rev() {
            let anchor = first.get(&(round + 3)).copied().unwrap_or(SlotStatus::Undecided);
            let slots = &self.rounds[&round];
            let mut status = slots.status.clone();
            for (place, author) in slots.order.iter().enumerate() {
                if status[place] == SlotStatus::Undecided {
                    status[place] = self.decide_slot(dag, round, *author, anchor);
                }
            }
            let after = first.get(&(round + 1)).copied().unwrap_or(SlotStatus::Undecided);
            let own = status.iter().find(|status| **status != SlotStatus::Skipped);
            first.insert(round, own.copied().unwrap_or(after));
            self.rounds.get_mut(&round).expect("inserted above").status = status;
        }
    }

    fn decide_slot(
        &self,
        dag: &Dag,
        round: Round,
        author: AuthorIndex,
        anchor: SlotStatus,
    ) -> SlotStatus {
        // 5.4 direct commit
        if let Some(block) = self.direct_commit(dag, round, author) {
            return SlotStatus::Committed(block);
        }
        // 5.5 direct skip
        if self.direct_skip(dag, round, author) {
            return SlotStatus::Skipped;
        }
        // 5.6 indirect, by the first slot from round + 3 on that is not skipped
        match anchor {
            SlotStatus::Committed(anchor) => self.indirect(dag, round, author, &anchor),
            SlotStatus::Undecided | SlotStatus::Skipped => SlotStatus::Undecided,
        }
    }

    fn direct_commit(&self, dag: &Dag, round: Round, author: AuthorIndex) -> Option<BlockRef> {
        // At most one variant of a slot can be certified while at most f stake is Byzantine.
        let quorum = self.committee.quorum();
        dag.slot(round, author)
            .find(|(_, node)| node.certifiers.stake(&self.committee) >= quorum)
            .map(|(reference, _)| *reference)
    }

    fn direct_skip(&self, dag: &Dag, round: Round, author: AuthorIndex) -> bool {
        let quorum = self.committee.quorum();
        let next = dag.authors(round + 1);
        next.stake >= quorum
            && dag.slot(round, author).all(|(candidate, node)| {
                // An author with two blocks counts once per side.
                let mut against = next.authors.without(&node.voters);
                for forked in next.equivocators.iter() {
                    if dag
                        .slot(round + 1, forked)
                        .any(|(voter, _)| !dag.votes_for(voter, candidate))
                    {
                        against.insert(forked);
                    }
                }
                against.stake(&self.committee) >= quorum
            })
    }

    fn indirect(
        &self,
        dag: &Dag,
        round: Round,
        author: AuthorIndex,
        anchor: &BlockRef,
    ) -> SlotStatus {
        let certified = dag.slot(round, author).find(|(_, node)| {
            node.certificates.iter().any(|certificate| dag.reaches(anchor, certificate))
        });
        certified.map_or(SlotStatus::Skipped, |(reference, _)| SlotStatus::Committed(*reference))
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
