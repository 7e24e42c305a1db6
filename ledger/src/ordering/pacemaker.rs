//! When to make the next block (protocol.md part 4): soon enough to be quick, late enough that the blocks
//! of everybody who is usually in time are in. Concerns liveness alone: whatever it says is safe.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::author_set::AuthorSet;
use super::dag::Dag;
use super::{Settings, Time};
use crate::block::Round;
use crate::committee::{AuthorIndex, Committee};

/// Rounds that the wait set looks back on.
const LOOK_BACK: Round = 10;
/// In how many of them an author must have been in time.
const IN_TIME_LEAST: u32 = 3;
/// In how many of them an author must have been too dear to wait for.
const DEAR_LEAST: u32 = 6;
/// Too dear is who makes a round longer by this part of it, in percent ...
const DEAR_PERCENT: u64 = 100;
/// ... or by this part, when its block has not got a quorum of votes for all that.
const DEAR_UNVOTED_PERCENT: u64 = 10;
/// How far above the highest quorum it takes note of blocks that are not accepted.
const HEARD_AHEAD: Round = 2;
/// Rounds without a commit after which recovery begins.
const RECOVERY_AFTER_ROUNDS: Round = 8;
/// Commits after which recovery ends.
const RECOVERY_COMMITS: u32 = 4;

/// What to do about the next round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Make the block now.
    Now,
    /// Not before this time, unless something comes in.
    At(Time),
    /// Something must come in first.
    Blocked,
}

/// When a round's blocks came.
#[derive(Debug, Default)]
struct Timing {
    /// When we proposed in it.
    begun_at: Option<Time>,
    quorum_at: Option<Time>,
    accepted: AuthorSet,
    /// Whose block came from its author's own hand.
    heard: AuthorSet,
    /// Blocks that were both, and since when, in order of time.
    arrivals: Vec<(AuthorIndex, Time)>,
}

impl Timing {
    /// How long after the round's quorum blocks came; nothing when that was not watched.
    fn lateness_ms(&self) -> impl Iterator<Item = (AuthorIndex, u64)> + '_ {
        let quorum_at = self.quorum_at;
        let late =
            move |(author, at): &(AuthorIndex, Time)| Some((*author, at.since_ms(quorum_at?)));
        self.arrivals.iter().filter_map(late)
    }
}

/// Whom to wait for in a round and how long: worked out once when the round begins.
#[derive(Debug, Clone, Copy)]
struct Plan {
    round: Round,
    recovering: bool,
    awaited: AuthorSet,
    wait_ms: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pacemaker {
    own: AuthorIndex,
    committee: Arc<Committee>,
    settings: Settings,
    /// Who has slots: nobody else is waited for.
    active: AuthorSet,
    timings: BTreeMap<Round, Timing>,
    plan: Option<Plan>,
    proposed_at: Time,
    progress_at: Time,
    progress_round: Round,
    /// In recovery: commits that are still to come before it ends.
    recovery: Option<u32>,
    /// When our last block was sent again.
    pushed_at: Time,
    pushes: u32,
}

impl Pacemaker {
    /// For a validator whose last commit is of `committed`.
    pub fn new(
        own: AuthorIndex,
        committee: Arc<Committee>,
        settings: Settings,
        active: AuthorSet,
        committed: Round,
        now: Time,
    ) -> Self {
        Self {
            own,
            active,
            committee,
            settings,
            timings: BTreeMap::new(),
            plan: None,
            proposed_at: now,
            progress_at: now,
            progress_round: committed,
            recovery: None,
            pushed_at: now,
            pushes: 0,
        }
    }

    /// 6.5 the slots of the rounds to come are these authors'.
    pub fn set_active(&mut self, active: &AuthorSet) {
        if self.active != *active {
            self.active = *active;
            self.plan = None;
        }
    }

    /// True while it waits for everybody who has slots.
    pub fn recovering(&self) -> bool {
        self.recovery.is_some()
    }

    /// A block was accepted.
    pub fn accepted(&mut self, dag: &Dag, round: Round, author: AuthorIndex, now: Time) {
        let timing = self.timings.entry(round).or_default();
        if timing.accepted.insert(author) && timing.heard.contains(author) {
            timing.arrivals.push((author, now));
        }
        if timing.quorum_at.is_none() && dag.stake(round) >= self.committee.quorum() {
            timing.quorum_at = Some(now);
        }
    }

    /// A block came from its author itself, accepted already or not yet. Who gives its blocks to a few
    /// only, and leaves it to them to pass them on, is not waited for.
    pub fn heard(&mut self, dag: &Dag, round: Round, author: AuthorIndex, now: Time) {
        let watched = dag.gc_round()..=dag.quorum_round().saturating_add(HEARD_AHEAD);
        if watched.contains(&round) {
            let timing = self.timings.entry(round).or_default();
            if timing.heard.insert(author) && timing.accepted.contains(author) {
                timing.arrivals.push((author, now));
            }
        }
    }

    /// True when the author's block of this round came from itself.
    pub fn came_by_hand(&self, round: Round, author: AuthorIndex) -> bool {
        self.timings.get(&round).is_some_and(|timing| timing.heard.contains(author))
    }

    /// In how many of the ten rounds before the author's block came from others alone.
    pub fn brought_by_others(&self, round: Round, author: AuthorIndex) -> usize {
        let timings = self.timings.range(round.saturating_sub(LOOK_BACK)..round);
        let others =
            |timing: &Timing| timing.accepted.contains(author) && !timing.heard.contains(author);
        timings.filter(|(_, timing)| others(timing)).count()
    }

    /// We proposed.
    pub fn proposed(&mut self, round: Round, now: Time) {
        self.proposed_at = now;
        (self.pushed_at, self.pushes) = (now, 0);
        self.timings = self.timings.split_off(&round.saturating_sub(LOOK_BACK));
        self.timings.entry(round).or_default().begun_at = Some(now);
    }

    /// Rounds at or below gc no longer count for any measure: without proposals, as while catching up,
    /// nothing else forgets them.
    pub fn collect(&mut self, gc_round: Round) {
        self.timings = self.timings.split_off(&(gc_round + 1));
    }

    /// A round was committed.
    pub fn committed(&mut self, round: Round, now: Time) {
        (self.progress_at, self.progress_round) = (now, round);
        self.recovery = match self.recovery {
            Some(left) if left > 1 => Some(left - 1),
            _ => None,
        };
    }

    /// 4.1 to 4.4. `own_round` is that of our last proposal.
    pub fn next(&mut self, dag: &Dag, own_round: Round, idle: bool, now: Time) -> Pace {
        // A1 a quorum of our round; A2 holds, since own_round is what we proposed
        if dag.stake(own_round) < self.committee.quorum() {
            return Pace::Blocked;
        }
        // C3 a quorum is a round ahead already
        if dag.stake(own_round + 1) >= self.committee.quorum() {
            return Pace::Now;
        }
        self.enter_recovery(own_round, now);
        let delay_ms = match idle {
            true => self.settings.idle_round_delay_ms,
            false => self.settings.min_round_delay_ms,
        };
        let mut at = self.proposed_at.plus_ms(delay_ms);
        // C1 everybody in the wait set is in; C2 or the wait is over
        let plan = self.plan(dag, own_round);
        if !plan.awaited.without(&dag.authors(own_round).authors).is_empty() {
            let (since, wait_ms) = self.wait_from(own_round, &plan);
            let since = since.max(self.proposed_at);
            at = at.max(since.plus_ms(self.grown_ms(own_round, wait_ms)));
        }
        if at <= now { Pace::Now } else { Pace::At(at) }
    }

    /// 4.5 since when to wait, and how long: since a quorum of those who are waited for, with ourselves.
    /// While it is other blocks that make the quorum, as those do that are given to few, the lateness that
    /// was measured says nothing of who is missing: then twice as long, since that quorum.
    fn wait_from(&self, round: Round, plan: &Plan) -> (Time, u64) {
        let (quorum, own_stake) = (self.committee.quorum(), self.committee.stake(self.own));
        let timing = self.timings.get(&round);
        let quorum_at = timing.and_then(|timing| timing.quorum_at).unwrap_or(self.proposed_at);
        if plan.recovering || plan.awaited.stake(&self.committee) + own_stake < quorum {
            return (quorum_at, plan.wait_ms);
        }
        let mut stake = own_stake;
        for (author, at) in timing.iter().flat_map(|timing| &timing.arrivals) {
            if *author != self.own && plan.awaited.contains(*author) {
                stake += self.committee.stake(*author);
            }
            if stake >= quorum {
                return (*at.max(&quorum_at), plan.wait_ms);
            }
        }
        (quorum_at, (plan.wait_ms * 2).min(self.settings.wait_max_ms))
    }

    /// 4.6 recovery begins after 8 rounds or 2 s without a commit.
    fn enter_recovery(&mut self, own_round: Round, now: Time) {
        let rounds = own_round.saturating_sub(self.progress_round);
        if rounds >= RECOVERY_AFTER_ROUNDS
            || now.since_ms(self.progress_at) >= self.settings.recovery_after_ms
        {
            self.recovery = Some(RECOVERY_COMMITS);
        }
    }

    fn plan(&mut self, dag: &Dag, round: Round) -> Plan {
        let recovering = self.recovering();
        let fits = |plan: &Plan| plan.round == round && plan.recovering == recovering;
        if let Some(plan) = self.plan.filter(fits) {
            return plan;
        }
        let awaited = self.wait_set(dag, round);
        let plan = Plan { round, recovering, awaited, wait_ms: self.wait_ms(round, &awaited) };
        self.plan = Some(plan);
        plan
    }

    /// The rounds before that look-back covers, as far as we know when their quorum was there.
    fn watched(&self, round: Round) -> impl Iterator<Item = (Round, &Timing)> {
        let back = round.saturating_sub(LOOK_BACK)..round;
        let timings = self.timings.range(back).map(|(round, timing)| (*round, timing));
        timings.filter(|(_, timing)| timing.quorum_at.is_some())
    }

    /// 4.4 who has slots, was in time in at least 3 of the 10 rounds before, and too dear in fewer than 6;
    /// rounds that we did not watch count for everybody. Whoever has slots in recovery.
    pub fn wait_set(&self, dag: &Dag, round: Round) -> AuthorSet {
        let others = self.active.iter().filter(|author| *author != self.own);
        if self.recovering() {
            return others.collect();
        }
        let mut in_time = vec![LOOK_BACK; self.committee.size()];
        let mut dear = vec![0; self.committee.size()];
        for (round, timing) in self.watched(round) {
            in_time.iter_mut().for_each(|times| *times -= 1);
            for (author, late_ms) in timing.lateness_ms() {
                in_time[usize::from(author)] += u32::from(late_ms <= self.settings.wait_max_ms);
            }
            for author in self.too_dear(dag, round, timing).iter() {
                dear[usize::from(author)] += 1;
            }
        }
        let timely = |author: &AuthorIndex| in_time[usize::from(*author)] >= IN_TIME_LEAST;
        let timely: AuthorSet = others.filter(timely).collect();
        let cheap = |author: &AuthorIndex| dear[usize::from(*author)] < DEAR_LEAST;
        let cheap: AuthorSet = timely.iter().filter(cheap).collect();
        let with_us = cheap.stake(&self.committee) + self.committee.stake(self.own);
        if with_us >= self.committee.quorum() { cheap } else { timely }
    }

    /// 4.4 whose blocks came so much later than all before them that waiting for them doubles the round, or
    /// made it a tenth longer in vain: others did not wait, and the block has no quorum of votes. All that
    /// come after a quorum have at most f stake together, so nobody leaves out more.
    fn too_dear(&self, dag: &Dag, round: Round, timing: &Timing) -> AuthorSet {
        let (mut late, mut dear) = (AuthorSet::default(), AuthorSet::default());
        let (Some(begun_at), Some(quorum_at)) = (timing.begun_at, timing.quorum_at) else {
            return dear;
        };
        let quorum = self.committee.quorum();
        let votes_are_in = dag.stake(round + 1) >= quorum;
        let unvoted = |author: &AuthorIndex| {
            votes_are_in && dag.slot(round, *author).all(|(_, node)| node.voter_stake < quorum)
        };
        for (place, (author, at)) in timing.arrivals.iter().enumerate().rev() {
            if *at <= quorum_at {
                break;
            }
            late.insert(*author);
            let before = place.checked_sub(1).map_or(quorum_at, |before| timing.arrivals[before].1);
            let before = before.max(quorum_at).max(begun_at);
            let (without_ms, more_ms) = (before.since_ms(begun_at).max(1), at.since_ms(before));
            if more_ms < self.settings.wait_min_ms {
                continue;
            }
            if more_ms * 100 >= without_ms * DEAR_PERCENT {
                dear.extend(late.iter());
            } else if more_ms * 100 >= without_ms * DEAR_UNVOTED_PERCENT {
                dear.extend(late.iter().filter(unvoted));
            }
        }
        dear
    }

    /// 4.5 twice the greatest lateness. A percentile would not do: where f withhold, quorums are mostly the
    /// honest ones all together, and nobody is late; until a withheld block completes one sooner.
    fn wait_ms(&self, round: Round, awaited: &AuthorSet) -> u64 {
        let settings = &self.settings;
        let lateness = self.watched(round).flat_map(|(_, timing)| timing.lateness_ms());
        let greatest = lateness
            .filter(|(author, late_ms)| {
                *late_ms <= settings.wait_max_ms && awaited.contains(*author)
            })
            .map(|(_, late_ms)| late_ms)
            .max();
        // With nothing measured yet, a wait in the middle: one that is too short is the trap.
        let late_ms = greatest.unwrap_or(settings.wait_max_ms / 8);
        (late_ms * 2).max(settings.wait_min_ms).min(settings.wait_max_ms)
    }

    /// 4.6 in recovery the wait grows with the square of the rounds beyond those after which it begins:
    /// from little, since many a round without a commit comes of withheld votes, which no wait brings in.
    fn grown_ms(&self, round: Round, wait_ms: u64) -> u64 {
        if !self.recovering() {
            return wait_ms;
        }
        let rounds = (round + 1).saturating_sub(self.progress_round);
        let beyond = u64::from(rounds.saturating_sub(RECOVERY_AFTER_ROUNDS));
        let grown = self.settings.wait_min_ms.saturating_mul(beyond.saturating_mul(beyond));
        grown.min(self.settings.recovery_wait_max_ms).max(wait_ms)
    }

    /// 4.8 when to send our last block again, should nothing move.
    pub fn push_at(&self) -> Time {
        let wait_ms = self.settings.recovery_after_ms << self.pushes.min(3);
        self.pushed_at.plus_ms(wait_ms.min(self.settings.recovery_wait_max_ms))
    }

    /// Our last block was sent again.
    pub fn pushed(&mut self, now: Time) {
        self.pushed_at = now;
        self.pushes += 1;
    }
}
