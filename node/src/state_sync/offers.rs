//! Which snapshot to take, if any: decided from what the connected peers say, without network or clock.
//!
//! What peers say decides only how long a start takes: everything that is imported is checked, and a node
//! that goes from genesis computes all of it. So one honest peer's snapshot is worth more than many
//! answers of none, and an answer of none is believed when nobody says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::committee::Stake;

/// How long to wait for a first connection, in milliseconds.
const CONNECT_WAIT_MS: u64 = 5_000;
/// How long to wait for further offers after the first answer of any peer, in milliseconds.
const OFFERS_WAIT_MS: u64 = 1_000;
/// How long to wait for somebody with a snapshot when not all who could be asked have answered, in
/// milliseconds from the first answer.
const NONE_WAIT_MS: u64 = 3_000;
/// A height that nobody would prove is not tried again for so long, in milliseconds.
const REFUSED_MS: u64 = 5_000;

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
    refused: BTreeMap<u64, u64>,
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
            refused: BTreeMap::new(),
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

    /// Nobody proved a height, or all who had it lost it.
    pub fn refused(&mut self, height: u64, now_ms: u64) {
        self.refused.insert(height, now_ms);
        self.refused.retain(|_, since| now_ms < since.saturating_add(REFUSED_MS));
    }

    /// Connected peers.
    pub fn peers(&self) -> impl Iterator<Item = &P> {
        self.peers.keys()
    }

    /// Who has a height.
    pub fn holders(&self, height: u64) -> Vec<P> {
        let has = |said: &Said| said.heights.as_ref().is_some_and(|all| all.contains(&height));
        self.peers.iter().filter(|(_, said)| has(said)).map(|(peer, _)| *peer).collect()
    }

    /// The highest height that two peers have, else the highest that one has; none when nobody has any.
    pub fn best(&self, now_ms: u64) -> Option<u64> {
        let fresh = |height: &u64| {
            let refused = self.refused.get(height);
            refused.is_none_or(|since| now_ms >= since.saturating_add(REFUSED_MS))
        };
        let heights: BTreeSet<u64> = self
            .peers
            .values()
            .flat_map(|said| said.heights.iter().flatten().copied())
            .filter(fresh)
            .collect();
        let several = heights.iter().rev().find(|height| self.holders(**height).len() > 1);
        several.or(heights.last()).copied()
    }

    /// What to do now.
    pub fn choose(&self, now_ms: u64) -> Choice<P> {
        let all = |said: &BTreeMap<P, Said>| said.values().all(|said| said.heights.is_some());
        let complete = self.peers.len() >= self.expected && all(&self.peers);
        let since_answer = self.answered_ms.map(|since| now_ms.saturating_sub(since));
        let waited = |wait_ms| since_answer.is_some_and(|since| since >= wait_ms);
        if let Some(height) = self.best(now_ms) {
            return match complete || waited(OFFERS_WAIT_MS) {
                true => Choice::Take { height, holders: self.holders(height) },
                false => Choice::Wait,
            };
        }
        let told_of =
            self.peers.values().any(|said| said.heights.iter().flatten().next().is_some());
        if told_of {
            // Tried in vain a moment ago.
            return Choice::Wait;
        }
        let none = self.peers.values().filter(|said| said.heights.is_some());
        let stake: Stake = none.map(|said| said.stake).sum();
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
