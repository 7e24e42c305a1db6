//! Probation (protocol.md part 6): a validator whose blocks gather some votes and no quorum, time and
//! again, has no slots for a while. So who gives its blocks in time to a few only, and makes everybody
//! wait for an anchor, soon delays nobody.
//!
//! Invariants: a function of the committed history and the chain's parameters alone, equal on every
//! node; the stake on probation is at most f; a round is scored at most once. Knows nothing of how a
//! slot was decided, which is not the same everywhere, nor of time.

use borsh::{BorshDeserialize, BorshSerialize};

use super::author_set::AuthorSet;
use super::dag::Dag;
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee};
use crate::genesis::Parameters;

/// A round is scored by a commit at least so many rounds above it: the votes on it are in then.
const SCORED_BELOW: Round = 3;

/// What is remembered of one validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProbationRecord {
    /// Who.
    pub author: AuthorIndex,
    /// Split rounds among those scored since the last window was closed.
    pub split: u32,
    /// How often it was put on probation in this epoch.
    pub terms: u32,
    /// While it is on probation, the round whose commit may release it; else 0.
    pub until: Round,
}

/// The state after a commit; stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Probation {
    /// Rounds up to this one are scored, or never will be.
    pub scored: Round,
    /// Ascending by author; nothing of those of whom there is nothing to remember.
    pub records: Vec<ProbationRecord>,
}

impl Probation {
    /// Who is on probation, and until which round.
    pub fn terms(&self) -> impl Iterator<Item = (AuthorIndex, Round)> + '_ {
        self.records.iter().filter(|r| r.until > 0).map(|r| (r.author, r.until))
    }

    /// 6.5 the slot holders: the committee without those on probation.
    pub fn active(&self, committee: &Committee) -> AuthorSet {
        let out: AuthorSet = self.terms().map(|(author, _)| author).collect();
        committee.authors().filter(|author| !out.contains(*author)).collect()
    }

    /// Takes note of the commit of `round`, whose blocks the DAG has marked. `previous` is the round of
    /// the commit before; the DAG holds everything above that one's gc round.
    pub(super) fn committed(
        &mut self,
        parameters: &Parameters,
        committee: &Committee,
        dag: &Dag,
        previous: Round,
        round: Round,
    ) {
        // 6.2 each round once, unless it is below gc by now
        let active = self.active(committee);
        let gc_round = previous.saturating_sub(parameters.gc_depth);
        let last = round.saturating_sub(SCORED_BELOW);
        for scored in self.scored.max(gc_round) + 1..=last {
            for author in split_at(dag, committee, scored).and(&active).iter() {
                self.record(author).split += 1;
            }
        }
        self.scored = self.scored.max(last);
        // 6.4
        let window = parameters.probation_window_rounds;
        if round / window > previous / window {
            self.close_window(parameters, committee, round);
            self.scored = round;
        }
    }

    fn close_window(&mut self, parameters: &Parameters, committee: &Committee, round: Round) {
        let window = parameters.probation_window_rounds;
        for record in &mut self.records {
            if record.until <= round {
                record.until = 0;
            }
        }
        let limit = u64::from(parameters.probation_split_percent) * u64::from(window);
        let mut candidates: Vec<(u32, AuthorIndex)> = self
            .records
            .iter()
            .filter(|record| record.until == 0 && u64::from(record.split) * 100 > limit)
            .map(|record| (record.split, record.author))
            .collect();
        candidates.sort_by_key(|(split, author)| (std::cmp::Reverse(*split), *author));
        let mut stake: u64 = self.terms().map(|(author, _)| committee.stake(author)).sum();
        for (_, author) in candidates {
            if stake + committee.stake(author) > committee.faulty_stake() {
                continue;
            }
            stake += committee.stake(author);
            let record = self.record(author);
            let doublings = record.terms.min(parameters.probation_doublings_max);
            let windows = (round / window).saturating_add(1 << doublings);
            record.until = windows.saturating_mul(window);
            record.terms += 1;
        }
        self.records.iter_mut().for_each(|record| record.split = 0);
        self.records.retain(|record| record.terms > 0);
    }

    fn record(&mut self, author: AuthorIndex) -> &mut ProbationRecord {
        let place = self.records.binary_search_by_key(&author, |record| record.author);
        let place = place.unwrap_or_else(|place| {
            let record = ProbationRecord { author, split: 0, terms: 0, until: 0 };
            self.records.insert(place, record);
            place
        });
        &mut self.records[place]
    }
}

/// 6.3 for whom a round is split: two committed blocks, or one with committed votes short of a quorum.
fn split_at(dag: &Dag, committee: &Committee, round: Round) -> AuthorSet {
    let committed = |round| dag.round(round).filter(|(_, node)| node.committed);
    // Of an author with one block above, whether it voted is in the counted votes; of others, look.
    let forked = dag.authors(round + 1).equivocators;
    let (mut plain, mut forks) = (AuthorSet::default(), Vec::<BlockRef>::new());
    for (voter, _) in committed(round + 1) {
        match forked.contains(voter.author) {
            true => forks.push(*voter),
            false => {
                plain.insert(voter.author);
            }
        }
    }
    let (mut seen, mut split) = (AuthorSet::default(), AuthorSet::default());
    for (block, node) in committed(round) {
        let mut voters = plain.and(&node.voters);
        voters.extend(forks.iter().filter(|fork| dag.votes_for(fork, block)).map(|f| f.author));
        let support = voters.stake(committee);
        if !seen.insert(block.author) || (0 < support && support < committee.quorum()) {
            split.insert(block.author);
        }
    }
    split
}
