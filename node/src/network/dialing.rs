//! Whom to dial and when: a schedule without sockets or clock of its own.
//!
//! Every target is dialled for ever: at once, then after waits that double up to a bound, with jitter,
//! and again when its connection is lost. Two validators would dial each other at the same moment; so
//! the one with the greater peer id waits [`PATIENCE`] first, and dials only if it still has no
//! connection (it must, since the other may be unable to reach it).

use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::TransportKind;

/// How long the greater of two validators leaves dialling to the lesser.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bounds of the waits between attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Backoff {
    /// The wait after so many failures in a row; jitter takes up to half of it.
    fn wait(self, failures: u32) -> Duration {
        let whole = self.min.saturating_mul(1 << failures.min(16)).min(self.max);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    WaitingUntil(Instant),
    Dialling(ConnectionId),
    Connected,
}

#[derive(Debug)]
struct Target {
    /// Unknown for a bootstrap address without `/p2p`, until it first answers.
    peer: Option<PeerId>,
    addresses: Vec<Multiaddr>,
    patience: Duration,
    failures: u32,
    state: State,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Schedule {
    targets: Vec<Target>,
    /// Targets that are not dialled while their peer is banned.
    banned: Vec<Target>,
    backoff: Backoff,
}

/// A dial that is due.
pub(super) struct Due {
    target: usize,
    pub(super) peer: Option<PeerId>,
    pub(super) addresses: Vec<Multiaddr>,
}

impl Schedule {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { targets: Vec::new(), banned: Vec::new(), backoff }
    }

    /// Adds a target; `mutual` when it dials us as well. A peer that is known gets more addresses.
    pub(super) fn add(
        &mut self,
        own: PeerId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        mutual: bool,
        now: Instant,
    ) {
        if addresses.is_empty() || peer == Some(own) {
            return;
        }
        let known = self.targets.iter_mut().find(|target| peer.is_some() && target.peer == peer);
        if let Some(target) = known {
            target.addresses.extend_from_slice(addresses);
            return;
        }
        let patience =
            if mutual && peer.is_some_and(|peer| own > peer) { PATIENCE } else { Duration::ZERO };
        self.targets.push(Target {
            peer,
            addresses: addresses.to_vec(),
            patience,
            failures: 0,
            state: State::WaitingUntil(now + patience),
        });
    }

    /// Puts the addresses of one transport before the others.
    pub(super) fn prefer(&mut self, transport: TransportKind) {
        for target in &mut self.targets {
            target.addresses.sort_by_key(|address| TransportKind::of(address) != transport);
        }
    }

    /// When the next dial is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.targets
            .iter()
            .filter_map(|target| match target.state {
                State::WaitingUntil(at) => Some(at),
                State::Dialling(_) | State::Connected => None,
            })
            .min()
    }

    /// The dials that are due.
    pub(super) fn due(&self, now: Instant) -> Vec<Due> {
        let due = |target: &Target| matches!(target.state, State::WaitingUntil(at) if at <= now);
        self.targets
            .iter()
            .enumerate()
            .filter(|(_, target)| due(target))
            .map(|(index, target)| Due {
                target: index,
                peer: target.peer,
                addresses: target.addresses.clone(),
            })
            .collect()
    }

    /// A dial has begun; or could not, when there is no connection id.
    pub(super) fn dialling(&mut self, due: &Due, begun: Option<ConnectionId>, now: Instant) {
        let target = &mut self.targets[due.target];
        match begun {
            Some(connection) => target.state = State::Dialling(connection),
            None => target.fail(self.backoff, now),
        }
    }

    /// A dial has failed.
    pub(super) fn failed(&mut self, connection: ConnectionId, now: Instant) {
        for target in &mut self.targets {
            if target.state == State::Dialling(connection) {
                target.fail(self.backoff, now);
            }
        }
    }

    /// A connection stands, whoever dialled.
    pub(super) fn connected(&mut self, peer: PeerId, connection: ConnectionId) {
        for target in &mut self.targets {
            if target.state == State::Dialling(connection) {
                target.peer = Some(peer);
            }
            if target.peer == Some(peer) {
                target.state = State::Connected;
            }
        }
    }

    /// The peer has shown that it speaks for our chain: waits start small again.
    pub(super) fn proven(&mut self, peer: PeerId) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(peer)) {
            target.failures = 0;
        }
    }

    /// The last connection to a peer is gone.
    pub(super) fn disconnected(&mut self, peer: PeerId, now: Instant) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(peer)) {
            target.fail(self.backoff, now);
        }
    }

    /// The peer is not dialled any more.
    pub(super) fn banned(&mut self, peer: PeerId) {
        let banned = self.targets.extract_if(.., |target| target.peer == Some(peer));
        self.banned.extend(banned);
    }

    /// The peer is dialled again, at once.
    pub(super) fn unbanned(&mut self, peer: PeerId, now: Instant) {
        for mut target in self.banned.extract_if(.., |target| target.peer == Some(peer)) {
            (target.failures, target.state) = (0, State::WaitingUntil(now));
            self.targets.push(target);
        }
    }

    /// The peer broke the rules: it waits as long as one that never answered.
    pub(super) fn misbehaved(&mut self, peer: PeerId) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(peer)) {
            target.failures = 16;
        }
    }
}

impl Target {
    fn fail(&mut self, backoff: Backoff, now: Instant) {
        self.state = State::WaitingUntil(now + self.patience + backoff.wait(self.failures));
        self.failures = self.failures.saturating_add(1);
    }
}

/// The peer that an address names in its `/p2p` part.
pub(super) fn peer_in(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}
