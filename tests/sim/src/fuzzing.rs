//! Bodies of the fuzz targets (`fuzz/`): each takes any bytes and panics when something that must hold does
//! not. Plain functions, so that a test runs them over seeded inputs on stable.
//!
//! Bytes are read twice: as what a peer sent, which is nearly always refused at once; and as choices that
//! change or forge something that was valid, which goes further in.

mod blocks;
mod commit_ranges;
mod dag_operations;
mod history_answers;
mod transactions;
mod trees;

pub use blocks::block;
pub use commit_ranges::{Taken, commit_range, ranges_of};
pub use dag_operations::{commits_of, dag_operations};
pub use history_answers::history_answer;
pub use transactions::transaction;
pub use trees::{chunks_of, range_proof, snapshot_chunk, state_proof, tree_operations};

use crate::random::Random;

/// A body by the name of its target.
pub type Body = (&'static str, fn(&[u8]));

/// All of them.
pub const BODIES: [Body; 9] = [
    ("block", block),
    ("history_answer", history_answer),
    ("commit_range", commit_range),
    ("dag_operations", dag_operations),
    ("transaction", transaction),
    ("tree_operations", tree_operations),
    ("state_proof", state_proof),
    ("range_proof", range_proof),
    ("snapshot_chunk", snapshot_chunk),
];

/// The bytes of a seed: more or fewer of them, and of several kinds.
pub fn seeded_input(seed: u64) -> Vec<u8> {
    let mut random = Random::drawn(seed);
    let most = *random.pick(&[16, 64, 256, 1_024, 4_096]);
    let length = random.below(most) as usize;
    let few = random.percent(30);
    (0..length).map(|_| if few { random.below(20) as u8 } else { random.bits() as u8 }).collect()
}

/// Choices out of bytes; zeros when they are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) =
            self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Below a bound, which is more than 0: one byte for a small one.
    fn below(&mut self, bound: usize) -> usize {
        let drawn = if bound <= 256 { u64::from(self.byte()) } else { self.number() };
        (drawn % bound as u64) as usize
    }

    fn yes(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
