//! Probation by its definition (docs/protocol.md part 6): who loses its slots follows from the set of all
//! committed blocks, at a commit.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::block::Round;
use pollen_ledger::{AuthorIndex, BlockRef};

use super::{Counts, Reference, authors};
use crate::drawing::Chain;

/// The chain's numbers.
#[derive(Debug, Clone, Copy)]
pub struct ProbationRules {
    /// W: rounds of a window.
    pub window: u64,
    /// P: more split rounds than this part of a window are too many, in percent.
    pub split_percent: u64,
    /// K: how often a term doubles at most.
    pub doublings_max: u64,
}

impl ProbationRules {
    /// Those of a chain; none when its genesis has no such numbers.
    pub fn of(chain: &Chain) -> Option<Self> {
        Some(Self {
            window: chain.number("probationWindowRounds")?,
            split_percent: chain.number("probationSplitPercent")?,
            doublings_max: chain.number("probationDoublingsMax")?,
        })
    }
}

/// What is remembered of a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Split rounds since the last window closed.
    pub split: u32,
    /// How often it was put on probation.
    pub terms: u32,
    /// Until which round it is; 0 when it is not.
    pub until: Round,
}

/// The state after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probation {
    /// Rounds up to it are scored, or never will be.
    pub scored: Round,
    /// The round of the commit that closed the last window; 0 before the first.
    pub closed: Round,
    /// Of validators of whom there is something to remember.
    pub records: BTreeMap<AuthorIndex, Record>,
}

impl Probation {
    /// 6.5 who has no slots in the rounds after the commit.
    pub fn without_slots(&self) -> BTreeSet<AuthorIndex> {
        let records = self.records.iter();
        records.filter(|(_, record)| record.until > 0).map(|(author, _)| *author).collect()
    }

    /// 6.8 the bytes of it that are stored with a commit.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.scored.to_le_bytes().to_vec();
        bytes.extend_from_slice(&(self.records.len() as u32).to_le_bytes());
        for (author, record) in &self.records {
            bytes.extend_from_slice(&author.to_le_bytes());
            for number in [record.split, record.terms, record.until] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }
}

impl Reference {
    /// The state after the commit of the second of two rounds, whose blocks are in `history`; the first is
    /// the round of the commit before, whose gc round is given.
    pub(super) fn probation(
        &self,
        rules: &ProbationRules,
        mut state: Probation,
        history: &BTreeSet<BlockRef>,
        (before, round): (Round, Round),
        gc_round: Round,
        counts: &mut Counts,
    ) -> Probation {
        // 6.2 and 6.3: who has slots in the rounds above the last window's end
        let without = state.without_slots();
        let all = 0..self.rules.stakes.len() as AuthorIndex;
        let holders: Vec<AuthorIndex> = all.filter(|author| !without.contains(author)).collect();
        for scored in 1..=round.saturating_sub(3) {
            if scored > state.closed && scored > state.scored && scored > gc_round {
                for author in &holders {
                    if self.is_split(scored, *author, history) {
                        state.records.entry(*author).or_default().split += 1;
                    }
                }
            }
        }
        state.scored = state.scored.max(round.saturating_sub(3));
        // 6.4
        let window = |round: Round| u64::from(round) / rules.window;
        if window(round) > window(before) {
            state.closed = round;
            state.scored = round;
            for record in state.records.values_mut() {
                record.until = if record.until <= round { 0 } else { record.until };
            }
            for author in Self::worst_first(rules, &state) {
                let mut together = state.without_slots();
                together.insert(author);
                let faulty = self.rules.total() - self.rules.quorum();
                let record = state.records.entry(author).or_default();
                if self.rules.stake(&together) <= faulty {
                    let term = 1u64 << u64::from(record.terms).min(rules.doublings_max);
                    let until = (window(round) + term).saturating_mul(rules.window);
                    record.until = Round::try_from(until).unwrap_or(Round::MAX);
                    record.terms += 1;
                    counts.probations += 1;
                }
            }
            state.records.values_mut().for_each(|record| record.split = 0);
            state.records.retain(|_, record| *record != Record::default());
        }
        state
    }

    /// 6.4 who was split too often and is not on probation, most split first.
    fn worst_first(rules: &ProbationRules, state: &Probation) -> Vec<AuthorIndex> {
        let mut candidates: Vec<(AuthorIndex, u32)> = state
            .records
            .iter()
            .filter(|(_, record)| record.until == 0)
            .filter(|(_, r)| 100 * u64::from(r.split) > rules.split_percent * rules.window)
            .map(|(author, record)| (*author, record.split))
            .collect();
        // Stable, so that equals stay in the order of their indices.
        candidates.sort_by_key(|(_, split)| std::cmp::Reverse(*split));
        candidates.into_iter().map(|(author, _)| author).collect()
    }

    /// 6.3
    fn is_split(&self, round: Round, author: AuthorIndex, history: &BTreeSet<BlockRef>) -> bool {
        let committed = |block: &BlockRef| history.contains(block);
        let blocks: Vec<BlockRef> =
            self.slot(round, author).into_iter().filter(committed).collect();
        match blocks.as_slice() {
            [] => false,
            [block] => {
                let voters = self.voters.get(block).into_iter().flatten();
                let support = self.rules.stake(&authors(voters.filter(|voter| committed(voter))));
                support > 0 && support < self.rules.quorum()
            }
            _ => true,
        }
    }
}
