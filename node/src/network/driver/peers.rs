//! Connections and direct streams of the driver.
//!
//! Our messages to a validator go over one stream on its newest connection: a peer that connects anew
//! knows something about the old connection that we do not. A writer that is replaced finishes what it
//! holds; two readers of one peer may run at once for that while.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::swarm::{ConnectionId, Stream};

use super::{BANNED_MAX, Connection, Driver, Ended, Peer, REOPEN_WAIT, Writer};
use crate::network::exchange::Allowance;
use crate::network::frame::FrameError;
use crate::network::link::{self, ReadError};
use crate::network::{NetworkEvent, PeerInfo, streams};

/// Connections of one committee member; the oldest goes first. (Others have limits of their own.)
const MEMBER_CONNECTIONS_MAX: usize = 4;
/// Streams of one validator that are read at once.
const READERS_MAX: usize = 2;

impl Driver {
    pub(super) fn on_connected(&mut self, id: PeerId, connection: Connection) {
        if self.banned.contains(&id) {
            self.swarm.close_connection(connection.id);
            return;
        }
        self.counters.connections_opened.fetch_add(1, Relaxed);
        self.schedule.connected(id, connection.id);
        let per_second = self.limits.requests_per_second.saturating_mul(self.favour(id, 10));
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            connections: Vec::new(),
            writer: Writer::None,
            readers: Default::default(),
            allowance: Allowance::new(per_second, Instant::now()),
            answering: 0,
            round_trip: None,
        });
        peer.connections.push(connection);
        let first = peer.connections.len() == 1;
        let excess = peer.connections.len() > MEMBER_CONNECTIONS_MAX;
        if excess {
            let oldest = peer.connections[0].id;
            self.swarm.close_connection(oldest);
        }
        if first {
            self.untold.push_back(NetworkEvent::Connected { peer: self.sender(id) });
            self.count_listeners();
        }
        self.open_stream(id);
    }

    /// `times` for committee members, 1 for others.
    pub(super) fn favour(&self, peer: PeerId, times: u32) -> u32 {
        if self.authors.contains_key(&peer) { times } else { 1 }
    }

    fn count_listeners(&self) {
        let listeners = self.peers.keys().filter(|id| !self.authors.contains_key(id)).count();
        self.listeners.store(listeners, Relaxed);
    }

    pub(super) fn on_closed(&mut self, id: PeerId, connection: ConnectionId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.connections.retain(|known| known.id != connection);
        let writer_lost = match peer.writer {
            Writer::Opening(on) | Writer::Running { connection: on, .. } => on == connection,
            Writer::None | Writer::ReopenAt(_) => false,
        };
        let last = peer.connections.is_empty();
        if writer_lost {
            // A writer without messages does not notice, and would take the next one with it.
            if let Some(outbox) = self.authors.get(&id).and_then(|author| self.outboxes.get(author))
            {
                outbox.next_generation();
            }
            self.open_stream(id);
        }
        if !last {
            return;
        }
        self.peers.remove(&id);
        self.schedule.disconnected(id, now);
        self.tell_disconnected(id);
        self.count_listeners();
    }

    /// A peer whose arrival the node has not heard of need not be told to be gone: so what waits to be
    /// told stays as short as the list of peers.
    fn tell_disconnected(&mut self, id: PeerId) {
        let arrival = |event: &NetworkEvent| matches!(event, NetworkEvent::Connected { peer } if peer.peer == id);
        match self.untold.iter().position(arrival) {
            Some(untold) => {
                self.untold.remove(untold);
            }
            None => self.untold.push_back(NetworkEvent::Disconnected { peer: self.sender(id) }),
        }
    }

    /// Closes all connections of a peer, and lets it wait before we dial again.
    pub(super) fn turn_away(&mut self, id: PeerId) {
        self.schedule.misbehaved(id);
        let _unknown = self.swarm.disconnect_peer_id(id);
    }

    /// Closes all connections of a peer, for good.
    pub(super) fn ban(&mut self, id: PeerId, reason: &str) {
        if self.banned.len() >= BANNED_MAX || !self.banned.insert(id) {
            return self.turn_away(id);
        }
        let validator = self.authors.get(&id);
        tracing::warn!(peer = %id, validator, reason, "peer banned");
        self.counters.peers_banned.fetch_add(1, Relaxed);
        self.schedule.banned(id);
        let _unknown = self.swarm.disconnect_peer_id(id);
    }

    /// Asks for a stream for our messages on the newest connection, when both sides are validators.
    pub(super) fn open_stream(&mut self, id: PeerId) {
        let both = self.authors.get(&id).is_some_and(|author| self.outboxes.contains_key(author));
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(newest) = peer.connections.last().filter(|_| both) else { return };
        peer.writer = Writer::Opening(newest.id);
        self.swarm.behaviour_mut().streams.open(id, newest.id);
    }

    pub(super) fn on_stream_event(&mut self, event: streams::Event, now: Instant) {
        match event {
            streams::Event::Inbound { peer, stream } => self.start_reader(peer, stream),
            streams::Event::Outbound { peer, connection, stream } => {
                self.start_writer(peer, connection, stream);
            }
            streams::Event::Failed { peer, connection, reason } => {
                tracing::debug!(%peer, reason, "no stream");
                if let Some(peer) = self.peers.get_mut(&peer)
                    && peer.writer == Writer::Opening(connection)
                {
                    peer.writer = Writer::ReopenAt(now + self.limits.backoff_max);
                }
            }
        }
    }

    fn start_writer(&mut self, id: PeerId, connection: ConnectionId, stream: Stream) {
        let outbox = self.authors.get(&id).and_then(|author| self.outboxes.get(author));
        let (Some(outbox), Some(peer)) = (outbox, self.peers.get_mut(&id)) else { return };
        if peer.writer != Writer::Opening(connection) {
            // A newer connection came while this one negotiated.
            return;
        }
        let (outbox, counters) = (Arc::clone(outbox), Arc::clone(&self.counters));
        let generation = outbox.next_generation();
        peer.writer = Writer::Running { connection, generation };
        self.links.spawn(async move {
            if let Err(error) = link::write(stream, outbox, generation, counters).await {
                tracing::debug!(peer = %id, %error, "stream broke");
            }
            Ended::Writer { peer: id, generation }
        });
    }

    fn start_reader(&mut self, id: PeerId, stream: Stream) {
        let from = self.sender(id);
        // Only committee keys can negotiate the protocol; without an author there is nothing to read.
        let (Some(_), Some(peer)) = (from.author, self.peers.get_mut(&id)) else { return };
        let (events, counters) = (self.events.clone(), Arc::clone(&self.counters));
        let reader = self.links.spawn(async move {
            let result = link::read(stream, from, events, counters).await;
            Ended::Reader { peer: id, result }
        });
        peer.readers.retain(|reader| !reader.is_finished());
        peer.readers.push_back(reader);
        while peer.readers.len() > READERS_MAX {
            if let Some(oldest) = peer.readers.pop_front() {
                oldest.abort();
            }
        }
    }

    pub(super) fn on_link_ended(&mut self, ended: Ended) {
        match ended {
            Ended::Writer { peer, generation } => {
                let Some(peer) = self.peers.get_mut(&peer) else { return };
                if matches!(peer.writer, Writer::Running { generation: last, .. } if last == generation)
                {
                    peer.writer = Writer::ReopenAt(Instant::now() + REOPEN_WAIT);
                }
            }
            Ended::Reader { peer, result } => match result {
                Ok(()) | Err(ReadError::Frame(FrameError::Io(_))) => {}
                Err(error) => {
                    let counter = match &error {
                        ReadError::Frame(_) => &self.counters.frames_too_large,
                        ReadError::Undecodable(_) => &self.counters.undecodable,
                    };
                    counter.fetch_add(1, Relaxed);
                    tracing::warn!(%peer, %error, "validator disconnected: it broke the protocol");
                    self.turn_away(peer);
                }
            },
        }
    }

    pub(super) fn peer_list(&self) -> Vec<PeerInfo> {
        let mut list: Vec<PeerInfo> = self
            .peers
            .iter()
            .filter_map(|(id, peer)| {
                let newest = peer.connections.last()?;
                let author = self.authors.get(id).copied();
                let outbox = author.and_then(|author| self.outboxes.get(&author));
                Some(PeerInfo {
                    peer: *id,
                    author,
                    address: newest.address.clone(),
                    outbound: newest.outbound,
                    connections: peer.connections.len(),
                    waiting: outbox.map_or(0, |outbox| outbox.waiting()),
                    round_trip: peer.round_trip,
                })
            })
            .collect();
        list.sort_by_key(|info| (info.author.is_none(), info.author, info.peer));
        list
    }
}
