//! Which snapshot to take, if any: decided from what the connected peers say, without network or clock.
//!
//! What peers say decides only how long a start takes: everything that is imported is checked, and a node
//! that goes from genesis computes all of it. So one honest peer's snapshot is worth more than many
//! answers of none, and an answer of none is believed when nobody says otherwise.
//!
//! A peer that does not show what it says it has is not heard for a while, twice as long each time, also when
//! it comes again meanwhile; so any number of liars cost a start a bounded time. Its validators are known by
//! their keys and go before others, of whom anybody can make as many as he likes.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::committee::Stake;

/// How long to wait for a first connection, in milliseconds.
const CONNECT_WAIT_MS: u64 = 5_000;
/// How long to wait for further offers after the first answer of any peer, in milliseconds.
const OFFERS_WAIT_MS: u64 = 1_000;
/// How long to wait for somebody with a snapshot when not all who could be asked have answered, in
/// milliseconds from the first answer.
const NONE_WAIT_MS: u64 = 3_000;
/// How long a peer is not heard that did not show what it said, in milliseconds: twice as long each time.
const UNHEARD_MS: (u64, u64) = (2_000, 600_000);
/// Times that a peer may fail to show what it says it has before that counts as having nothing: a busy node
/// may miss once.
const PATIENCE: u32 = 3;
/// Peers whose failures are remembered.
const REMEMBERED_MAX: usize = 1_024;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<P> {
    /// Nothing yet.
    Wait,
    /// No snapshot can be had.
    Genesis(&'static str),
    /// Take this one, of these.
    Take {
        /// Its height.
        height: u64,
        /// Who has it.
        holders: Vec<P>,
    },
}

/// What a connected peer said.
#[derive(Debug, Clone)]
struct Said {
    stake: Stake,
    /// None before it has answered.
    heights: Option<Vec<u64>>,
}

/// A peer that did not show what it said it had.
#[derive(Debug, Clone, Copy)]
struct Failed {
    /// Times in a row.
    times: u32,
    /// Until when it is not heard.
    until_ms: u64,
}

/// What all connected peers said.
#[derive(Debug)]
pub struct Offers<P> {
    began_ms: u64,
    /// Peers that can be expected to connect.
    expected: usize,
    /// Stake that has an honest validator among it.
    validity: Stake,
    peers: BTreeMap<P, Said>,
    answered_ms: Option<u64>,
    failed: BTreeMap<P, Failed>,
}

impl<P: Ord + Copy> Offers<P> {
    /// Nobody has said anything.
    pub fn new(expected: usize, validity: Stake, now_ms: u64) -> Self {
        Self {
            began_ms: now_ms,
            expected,
            validity,
            peers: BTreeMap::new(),
            answered_ms: None,
            failed: BTreeMap::new(),
        }
    }

    /// A peer is there; 0 stake of one that is no validator.
    pub fn connected(&mut self, peer: P, stake: Stake) {
        self.peers.insert(peer, Said { stake, heights: None });
    }

    /// A peer is gone.
    pub fn gone(&mut self, peer: &P) {
        self.peers.remove(peer);
    }

    /// A peer has answered.
    pub fn answered(&mut self, peer: &P, heights: Vec<u64>, now_ms: u64) {
        if let Some(said) = self.peers.get_mut(peer) {
            said.heights = Some(heights);
            self.answered_ms.get_or_insert(now_ms);
        }
    }

    /// A peer did not show what it said it had.
    pub fn failed(&mut self, peer: &P, now_ms: u64) {
        let times = self.failed.get(peer).map_or(1, |failed| failed.times.saturating_add(1));
        let (least, most) = UNHEARD_MS;
        let until_ms = now_ms + (least << (times - 1).min(20)).min(most);
        self.failed.insert(*peer, Failed { times, until_ms });
        if self.failed.len() > REMEMBERED_MAX {
            let first = self.failed.iter().min_by_key(|(_, failed)| failed.until_ms);
            let first = first.map(|(peer, _)| *peer).expect("there are many");
            self.failed.remove(&first);
        }
    }

    /// A peer showed what it said it had.
    pub fn shown(&mut self, peer: &P) {
        self.failed.remove(peer);
    }

    /// Connected peers.
    pub fn peers(&self) -> impl Iterator<Item = &P> {
        self.peers.keys()
    }

    /// What a peer has, as far as it is heard.
    fn heights(&self, peer: &P, said: &Said, now_ms: u64) -> impl Iterator<Item = u64> {
        let heard = self.failed.get(peer).is_none_or(|failed| now_ms >= failed.until_ms);
        said.heights.clone().filter(|_| heard).into_iter().flatten()
    }

    /// Who has a height: validators first.
    pub fn holders(&self, height: u64, now_ms: u64) -> Vec<P> {
        let has = |(peer, said): &(&P, &Said)| {
            self.heights(peer, said, now_ms).any(|held| held == height)
        };
        let mut holders: Vec<_> = self.peers.iter().filter(has).collect();
        holders.sort_by_key(|(_, said)| said.stake == 0);
        holders.into_iter().map(|(peer, _)| *peer).collect()
    }

    /// The highest height that two validators have, else one, else two peers, else one; none when nobody has
    /// any.
    pub fn best(&self, now_ms: u64) -> Option<u64> {
        let all = self.peers.iter().flat_map(|(peer, said)| self.heights(peer, said, now_ms));
        let all: BTreeSet<u64> = all.collect();
        all.into_iter().max_by_key(|height| {
            let holders = self.holders(*height, now_ms);
            let validators = holders.iter().filter(|peer| self.peers[peer].stake > 0).count();
            (validators.min(2), holders.len().min(2), *height)
        })
    }

    /// What to do now.
    pub fn choose(&self, now_ms: u64) -> Choice<P> {
        let all = |said: &BTreeMap<P, Said>| said.values().all(|said| said.heights.is_some());
        let complete = self.peers.len() >= self.expected && all(&self.peers);
        let since_answer = self.answered_ms.map(|since| now_ms.saturating_sub(since));
        let waited = |wait_ms| since_answer.is_some_and(|since| since >= wait_ms);
        if let Some(height) = self.best(now_ms) {
            return match complete || waited(OFFERS_WAIT_MS) {
                true => Choice::Take { height, holders: self.holders(height, now_ms) },
                false => Choice::Wait,
            };
        }
        // Tried in vain a moment ago; it may have it yet.
        let may_have = |(peer, said): (&P, &Said)| {
            let failed = self.failed.get(peer).is_some_and(|failed| failed.times >= PATIENCE);
            !failed && said.heights.iter().flatten().next().is_some()
        };
        if self.peers.iter().any(may_have) {
            return Choice::Wait;
        }
        let answered = self.peers.values().filter(|said| said.heights.is_some());
        let stake: Stake = answered.map(|said| said.stake).sum();
        if stake >= self.validity || (complete && !self.peers.is_empty()) || waited(NONE_WAIT_MS) {
            return Choice::Genesis("no peer has a snapshot yet");
        }
        match self.answered_ms {
            None if now_ms >= self.began_ms + CONNECT_WAIT_MS => {
                Choice::Genesis("no peer answers; a snapshot is taken by a node without a ledger")
            }
            _ => Choice::Wait,
        }
    }
}
