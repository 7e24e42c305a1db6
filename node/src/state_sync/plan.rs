//! Whom to ask for what, while a snapshot is imported: decided without network or clock.
//!
//! Each piece of work is asked of one peer at a time, and of a second one when the first takes long. Peers
//! share the work evenly; one that fails is left alone for a while and has fewer questions open; one that lied
//! is no source any more. What is open is bounded per peer, and so in all.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::Hash;

/// Questions that one peer is asked at once. A node answers four.
const OPEN_PER_PEER: usize = 3;
/// Questions that are open in all: each answer has about a mebibyte.
const OPEN_MAX: usize = 16;
/// A second peer is asked after so many times what the fastest peer takes ..
const HEDGE_TIMES: u64 = 4;
/// .. but not sooner and not later than this, in milliseconds.
const HEDGE_MS: (u64, u64) = (500, 3_000);
/// How long a peer that failed is left alone, in milliseconds: doubled with each failure in a row.
const PAUSE_MS: (u64, u64) = (200, 10_000);

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Blocks: a group of them.
    Blocks(usize),
    /// The code of a module.
    Code(Hash),
    /// A chunk of the state, from this key hash on.
    Chunk(Hash),
}

#[derive(Debug, Clone)]
struct Source {
    /// False once it said that it has the snapshot no longer.
    holds: bool,
    open: usize,
    open_max: usize,
    failures: u32,
    paused_until_ms: u64,
    /// Smoothed time from question to answer; 0 before the first.
    answer_ms: u64,
}

impl Source {
    const NEW: Self = Self {
        holds: true,
        open: 0,
        open_max: OPEN_PER_PEER,
        failures: 0,
        paused_until_ms: 0,
        answer_ms: 0,
    };

    fn fail(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        self.open_max = (self.open_max / 2).max(1);
        let (least, most) = PAUSE_MS;
        let pause_ms = (least << self.failures.min(10)).min(most);
        self.paused_until_ms = now_ms + pause_ms;
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Plan<P> {
    sources: BTreeMap<P, Source>,
    /// Open questions: whom, and since when.
    asked: BTreeMap<Work, BTreeMap<P, u64>>,
    /// Who has not what.
    lacks: BTreeMap<Work, BTreeSet<P>>,
}

impl<P: Ord + Copy> Plan<P> {
    /// Nobody to ask yet.
    pub fn new() -> Self {
        Self { sources: BTreeMap::new(), asked: BTreeMap::new(), lacks: BTreeMap::new() }
    }

    /// A peer is there; whether it has the snapshot. Without, it may still have blocks and code.
    pub fn set(&mut self, peer: P, holds: bool) {
        self.sources.entry(peer).or_insert(Source::NEW).holds = holds;
    }

    /// Takes away every peer that is not among these.
    pub fn keep(&mut self, there: impl Fn(&P) -> bool) {
        let gone: Vec<P> = self.sources.keys().filter(|peer| !there(peer)).copied().collect();
        gone.iter().for_each(|peer| self.remove(peer));
    }

    /// A peer is gone, or lied.
    pub fn remove(&mut self, peer: &P) {
        self.sources.remove(peer);
        self.asked.retain(|_, asked| {
            asked.remove(peer);
            !asked.is_empty()
        });
    }

    /// Peers that have the snapshot.
    pub fn holders(&self) -> usize {
        self.sources.values().filter(|source| source.holds).count()
    }

    /// The next question, which counts as asked from now on: of the work that is open, what nobody is
    /// asked for goes first, in its order.
    pub fn next(&mut self, open: &[Work], now_ms: u64) -> Option<(Work, P)> {
        let questions: usize = self.sources.values().map(|source| source.open).sum();
        if questions >= OPEN_MAX {
            return None;
        }
        let hedge_ms = self.hedge_ms();
        let late = |asked: &BTreeMap<P, u64>| {
            asked.len() == 1 && asked.values().all(|since| now_ms >= since + hedge_ms)
        };
        let new = open.iter().filter(|work| !self.asked.contains_key(work));
        let second = open.iter().filter(|work| self.asked.get(work).is_some_and(late));
        let (work, peer) =
            new.chain(second).find_map(|work| Some((*work, self.pick(work, now_ms)?)))?;
        self.asked.entry(work).or_default().insert(peer, now_ms);
        if let Some(source) = self.sources.get_mut(&peer) {
            source.open += 1;
        }
        Some((work, peer))
    }

    /// The peer that is to be asked: the one with the fewest open questions, then failures, then the fastest.
    fn pick(&self, work: &Work, now_ms: u64) -> Option<P> {
        let asked = self.asked.get(work);
        let lacks = self.lacks.get(work);
        let usable = |(peer, source): &(&P, &Source)| {
            (source.holds || !matches!(work, Work::Chunk(_)))
                && source.open < source.open_max
                && source.paused_until_ms <= now_ms
                && !asked.is_some_and(|asked| asked.contains_key(peer))
                && !lacks.is_some_and(|lacks| lacks.contains(peer))
        };
        let best = self
            .sources
            .iter()
            .filter(usable)
            .min_by_key(|(_, source)| (source.open, source.failures, source.answer_ms));
        best.map(|(peer, _)| *peer)
    }

    fn hedge_ms(&self) -> u64 {
        let known = self.sources.values().map(|source| source.answer_ms).filter(|ms| *ms > 0);
        let (least, most) = HEDGE_MS;
        known.min().map_or(most, |ms| (HEDGE_TIMES * ms).clamp(least, most))
    }

    /// A question is no longer open; since when it was. None when the peer is no source any more.
    fn close(&mut self, work: &Work, peer: &P) -> Option<(u64, &mut Source)> {
        let asked = self.asked.get_mut(work)?;
        let since = asked.remove(peer)?;
        if asked.is_empty() {
            self.asked.remove(work);
        }
        let source = self.sources.get_mut(peer)?;
        source.open = source.open.saturating_sub(1);
        Some((since, source))
    }

    /// A good answer came.
    pub fn answered(&mut self, work: &Work, peer: &P, now_ms: u64) {
        if let Some((since, source)) = self.close(work, peer) {
            let took_ms = now_ms.saturating_sub(since).max(1);
            source.answer_ms = match source.answer_ms {
                0 => took_ms,
                before => (3 * before + took_ms).div_ceil(4),
            };
            source.failures = 0;
            source.open_max = (source.open_max + 1).min(OPEN_PER_PEER);
        }
    }

    /// No answer, or none in time.
    pub fn failed(&mut self, work: &Work, peer: &P, now_ms: u64) {
        if let Some((_, source)) = self.close(work, peer) {
            source.fail(now_ms);
        }
    }

    /// The peer has it not. When nobody has it, all are asked again: somebody had it.
    pub fn lacking(&mut self, work: &Work, peer: &P, now_ms: u64) {
        if let Some((_, source)) = self.close(work, peer) {
            source.fail(now_ms);
        }
        let lacks = self.lacks.entry(*work).or_default();
        lacks.insert(*peer);
        if self.sources.keys().all(|peer| lacks.contains(peer)) {
            self.lacks.remove(work);
        }
    }

    /// When something may change by itself, in milliseconds from now.
    pub fn look_again_ms(&self, now_ms: u64) -> u64 {
        let pauses = self.sources.values().map(|source| source.paused_until_ms);
        let pause = pauses.filter(|until| *until > now_ms).min().map_or(1_000, |at| at - now_ms);
        pause.min(self.hedge_ms()).clamp(20, 1_000)
    }
}
