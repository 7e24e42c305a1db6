//! A real core and what it answered: black box, by its inputs, its effects and what it shows of its rounds.
//! What it promises about effects is asserted as they come.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::block::Round;
use pollen_ledger::ordering::{
    Commit, CommittedSubDag, Core, CoreConfig, CoreStatus, Effect, Input, Recovered, SlotStatus,
    Time,
};
use pollen_ledger::wire::{CommitsRequest, HistoryRequest};
use pollen_ledger::{AuthorIndex, BlockRef, VerifiedBlock, codec};

use crate::drawing::{BEGIN_MS, Chain};
use crate::reference::Answer;

/// Milliseconds after which a fetch is due, whatever the settings.
const FETCH_STEP_MS: u64 = 20_000;
/// Fetches that are answered before we say that the core will never have enough.
const FETCHES_MAX: usize = 1_000;

/// See the module's documentation.
pub struct WatchedCore {
    core: Core,
    own: Option<AuthorIndex>,
    /// Its clock.
    pub now: Time,
    /// What it asked for and nobody answered.
    pub fetches: Vec<(u64, HistoryRequest)>,
    /// The same about commits.
    pub ranges: Vec<(u64, CommitsRequest)>,
    /// Every block that it accepted, its own included, in order.
    pub accepted: Vec<VerifiedBlock>,
    /// The same, genesis included.
    known: BTreeSet<BlockRef>,
    /// Its own blocks.
    pub proposed: Vec<VerifiedBlock>,
    /// When it made them, by its clock.
    pub proposed_at: Vec<Time>,
    /// When it wants to be woken.
    wake_at: Option<Time>,
    /// Every commit.
    pub commits: Vec<Commit>,
    /// The same with their blocks.
    pub executed: Vec<CommittedSubDag>,
    /// Authors of whom it has evidence.
    pub evidence: Vec<AuthorIndex>,
}

impl WatchedCore {
    /// A core that follows, from genesis. Its clock is far ahead of every drawn block, but for those that
    /// are stamped absurdly.
    pub fn following(chain: &Chain) -> Self {
        Self::start(chain, None, Time(1 << 50), Recovered::default())
    }

    /// A core that goes on from what a store holds; it proposes when it is told who it is.
    pub fn start(chain: &Chain, own: Option<AuthorIndex>, now: Time, recovered: Recovered) -> Self {
        let config = CoreConfig {
            own,
            key: own.map(|own| chain.keys[usize::from(own)].clone()),
            committee: chain.committee.clone(),
            chain_id: chain.chain_id,
            genesis_time_ms: BEGIN_MS,
            parameters: chain.parameters.clone(),
            settings: pollen_ledger::ordering::Settings::default(),
        };
        let genesis = chain.committee.authors().map(|author| chain.genesis(author).reference());
        let known = genesis.chain(recovered.blocks.iter().map(VerifiedBlock::reference)).collect();
        let (core, effects) = Core::new(config, recovered, now);
        let mut watched = Self {
            core,
            own,
            now,
            fetches: Vec::new(),
            ranges: Vec::new(),
            accepted: Vec::new(),
            known,
            proposed: Vec::new(),
            proposed_at: Vec::new(),
            wake_at: None,
            commits: Vec::new(),
            executed: Vec::new(),
            evidence: Vec::new(),
        };
        watched.take(effects);
        watched
    }

    /// Gives it any input.
    ///
    /// # Panics
    ///
    /// When an effect breaks a promise of the core.
    pub fn input(&mut self, input: Input) {
        let effects = self.core.handle(self.now, input);
        self.take(effects);
    }

    /// Lets time pass until `until`: the core is woken when it wished so, and at no other time.
    pub fn sleep(&mut self, until: Time) {
        while let Some(at) = self.wake_at.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.wake_at = None;
            self.input(Input::Timer);
        }
        self.now = self.now.max(until);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Accepted(block) => self.accept(block),
                Effect::Propose(block) => {
                    assert_eq!(Some(block.author()), self.own, "it signs for itself");
                    let last = self.proposed.last().map_or(0, VerifiedBlock::round);
                    assert!(block.round() > last, "one block a round, rounds rising");
                    self.proposed.push(block.clone());
                    self.proposed_at.push(self.now);
                    self.accept(block);
                }
                Effect::Commit(committed) => {
                    if let Some(last) = self.commits.last() {
                        assert_eq!(committed.commit.index, last.index + 1);
                        assert_eq!(committed.commit.previous, last.digest);
                        assert!(committed.commit.round > last.round);
                    }
                    self.commits.push(committed.commit.clone());
                    self.executed.push(committed);
                }
                Effect::Fetch { id, from, request } => {
                    assert!(Some(from) != self.own && !request.targets.is_empty());
                    self.fetches.push((id, request));
                }
                Effect::FetchCommits { id, from, request } => {
                    assert!(Some(from) != self.own);
                    self.ranges.push((id, request));
                }
                Effect::Evidence(proof) => self.evidence.push(proof.author),
                Effect::WakeAt(at) => {
                    assert!(at > self.now, "a timer in the past never ends");
                    self.wake_at = Some(at);
                }
                _ => {}
            }
        }
    }

    fn accept(&mut self, block: VerifiedBlock) {
        let gc_round = self.status().gc_round;
        let parents = &block.header().parents;
        let open = parents.iter().find(|p| p.round > gc_round && !self.known.contains(p));
        assert_eq!(open, None, "accepted before its parents");
        assert!(self.known.insert(block.reference()), "accepted twice");
        self.accepted.push(block);
    }

    /// Gives it a block.
    pub fn deliver(&mut self, block: &VerifiedBlock) {
        self.input(Input::Block { block: block.clone(), from: Some(block.author()) });
    }

    /// Gives it blocks in one input.
    pub fn deliver_all(&mut self, blocks: &[VerifiedBlock]) {
        self.input(Input::Blocks { blocks: blocks.to_vec(), from: None });
    }

    /// Answers a fetch.
    pub fn fetched(&mut self, id: u64, from: Option<AuthorIndex>, blocks: Vec<VerifiedBlock>) {
        self.input(Input::Fetched { id, from, blocks });
    }

    /// Answers every fetch out of these blocks until it asks no more.
    ///
    /// # Panics
    ///
    /// When it never stops asking.
    pub fn settle(&mut self, blocks: &[VerifiedBlock]) {
        let by_name: BTreeMap<BlockRef, &VerifiedBlock> =
            blocks.iter().map(|block| (block.reference(), block)).collect();
        for _ in 0..FETCHES_MAX {
            self.now = self.now.plus_ms(FETCH_STEP_MS);
            self.input(Input::Timer);
            let fetches = std::mem::take(&mut self.fetches);
            if fetches.is_empty() && self.status().missing == 0 {
                return;
            }
            for (id, request) in fetches {
                self.fetched(id, None, history(&by_name, &request));
            }
        }
        panic!("a core that asks for ever: {:?}", self.status());
    }

    /// What a store that kept all would give back after a crash: a core that goes on from there.
    pub fn restarted(&self, chain: &Chain) -> Self {
        let gc_round = self.status().gc_round;
        let last_own = self.proposed.last().map(VerifiedBlock::reference);
        let kept = |block: &&VerifiedBlock| {
            block.round() > gc_round || Some(block.reference()) == last_own
        };
        let mut recovered = Recovered {
            last_commit: self.commits.last().cloned(),
            recent_commits: self.commits.clone(),
            blocks: self.accepted.iter().filter(kept).cloned().collect(),
            ..Recovered::default()
        };
        recovered.own_round_floor = last_own.map_or(0, |own| own.round);
        let mut restarted = Self::start(chain, self.own, self.now, recovered);
        restarted.known.extend(&self.known);
        restarted.accepted.splice(0..0, self.accepted.iter().cloned());
        restarted.proposed.splice(0..0, self.proposed.iter().cloned());
        restarted.proposed_at.splice(0..0, self.proposed_at.iter().copied());
        restarted.commits.splice(0..0, self.commits.iter().cloned());
        restarted.executed.splice(0..0, self.executed.iter().cloned());
        restarted
    }

    /// Its state in numbers.
    pub fn status(&self) -> CoreStatus {
        self.core.status()
    }

    /// The slots above gc that it shows.
    pub fn statuses(&self) -> BTreeMap<(Round, AuthorIndex), SlotStatus> {
        let rounds = self.core.rounds(0, Round::MAX);
        let slots = rounds.iter().flat_map(|view| {
            view.slots.iter().map(|slot| ((view.round, slot.author), slot.status))
        });
        slots.collect()
    }

    /// The first thing that it says otherwise than the reference, in words; none when there is none.
    pub fn difference(&self, answer: &Answer) -> Option<String> {
        let pairs = self.commits.iter().zip(&answer.commits);
        for (ours, theirs) in pairs {
            if codec::encode(ours) != theirs.encode() {
                return Some(format!("commit\ncore      {ours:?}\nreference {theirs:?}"));
            }
        }
        let (ours, theirs) = (self.commits.len(), answer.commits.len());
        let cursor = self.status().undecided_round;
        if (ours, cursor) != (theirs, answer.cursor) {
            return Some(format!(
                "core has {ours} commits and waits for round {cursor}, reference {theirs} and {}",
                answer.cursor
            ));
        }
        let gc_round = self.status().gc_round;
        for ((round, author), status) in self.statuses() {
            let expected = answer.statuses.get(&(round, author));
            let expected = expected.copied().unwrap_or(SlotStatus::Undecided);
            // With the first-commit order nobody looks at the rest of a round that is output.
            let left = round < cursor && status == SlotStatus::Undecided;
            if round > gc_round && status != expected && !left {
                return Some(format!(
                    "slot of {author} in round {round}: core {status:?}, reference {expected:?}"
                ));
            }
        }
        None
    }
}

/// The answer to a request out of these blocks: everything below the targets that the frontier does not
/// cover, parents first.
pub fn history(
    blocks: &BTreeMap<BlockRef, &VerifiedBlock>,
    request: &HistoryRequest,
) -> Vec<VerifiedBlock> {
    let mut found: BTreeMap<BlockRef, VerifiedBlock> = BTreeMap::new();
    let mut open = request.targets.clone();
    while let Some(reference) = open.pop() {
        let Some(block) = blocks.get(&reference) else { continue };
        let covered = request.frontier.get(usize::from(reference.author));
        let named = request.targets.contains(&reference);
        if named || covered.is_none_or(|round| reference.round > *round) {
            let new = found.insert(reference, (*block).clone()).is_none();
            if new {
                open.extend(block.header().parents.iter().copied());
            }
        }
    }
    found.into_values().collect()
}
