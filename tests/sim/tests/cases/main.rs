//! Cases of PROTOCOL §12 that one core shows. 1 to 29 are drawn DAGs with what they decide: each is told to
//! a real core in several orders and to the reference decider; both must say what the drawing expects. The
//! others are a core's pace (31, 37, 39) and what it makes of hostile input (47, 48, 50).
//!
//! docs/simulation.md says for every case where its tests are. Of 24 the evidence is here; removal and jail
//! come with epochs.

mod decider;
mod equivocation;
mod hostile;
mod order;
mod pace;

use pollen_ledger::BlockRef;
use pollen_ledger::block::Round;
use pollen_ledger::ordering::SlotStatus;
use pollen_sim::drawing::Drawing;
use pollen_sim::random::Random;
use pollen_sim::random_dag::delivery;
use pollen_sim::reference::{Answer, Reference};
use pollen_sim::watched_core::WatchedCore;

/// What core and reference both say about a drawing.
pub struct Told<'a> {
    drawing: &'a Drawing,
    /// The reference's words.
    pub answer: Answer,
    /// The core that heard the blocks as they were drawn.
    pub follower: WatchedCore,
}

/// Tells a drawing to a core block by block, all at once, last block first, and in some other orders; each
/// time what it says is what the reference says about the blocks that it accepted.
pub fn tell(drawing: &Drawing) -> Told<'_> {
    let blocks = drawing.blocks();
    let mut random = Random::drawn(blocks.len() as u64);
    for how in 0..8 {
        let mut follower = WatchedCore::following(&drawing.chain);
        match how {
            0 => follower.deliver_all(&blocks),
            how => {
                let order = delivery(&blocks, how, &mut random);
                order.iter().for_each(|block| follower.deliver(block));
            }
        }
        follower.settle(&blocks);
        agree(drawing, &follower);
    }
    let mut follower = WatchedCore::following(&drawing.chain);
    blocks.iter().for_each(|block| follower.deliver(block));
    let answer = agree(drawing, &follower);
    Told { drawing, answer, follower }
}

/// The reference's answer to what a core accepted, which is the core's.
pub fn agree(drawing: &Drawing, follower: &WatchedCore) -> Answer {
    let answer = Reference::new(&drawing.chain, &follower.accepted).answer();
    assert_eq!(follower.difference(&answer), None);
    answer
}

impl Told<'_> {
    /// The slots of a round by author: `A` or `A'` is committed, `-A` skipped, `?A` open.
    pub fn round(&self, round: Round) -> String {
        let slots = self.drawing.chain.committee.authors().map(|author| {
            let letter = char::from(b'A' + author as u8);
            match self.answer.statuses.get(&(round, author)) {
                Some(SlotStatus::Committed(block)) => self.drawing.name(block).short(),
                Some(SlotStatus::Skipped) => format!("-{letter}"),
                Some(SlotStatus::Undecided) | None => format!("?{letter}"),
            }
        });
        slots.collect::<Vec<_>>().join(" ")
    }

    /// The rounds that made commits.
    pub fn rounds(&self) -> Vec<Round> {
        self.answer.commits.iter().map(|commit| commit.round).collect()
    }

    /// The blocks of a round's commit, by name.
    pub fn commit(&self, round: Round) -> String {
        let commit = self.answer.commits.iter().find(|commit| commit.round == round);
        let mut blocks: Vec<&BlockRef> = commit.iter().flat_map(|commit| &commit.blocks).collect();
        blocks.sort();
        self.drawing.names(blocks)
    }
}

/// Validators with one stake each.
pub fn equal(size: usize) -> Drawing {
    Drawing::new(&vec![1; size])
}
