//! The network of a node: libp2p behind a handle and a stream of events.
//!
//! Validators talk on direct streams, one each way between any two, that carry blocks in order and
//! drop the oldest when a peer does not keep up (fetching repairs that). Everyone else hears blocks on
//! gossipsub, which forwards a block only after the node has reported it good, and anyone may ask
//! questions, within bounds. The identity of a peer is its ed25519 key: a validator's peer id is
//! derived from its key in the committee, so a stream's author is known without a further handshake.
//!
//! Invariants: every queue, buffer and number of peers is bounded (committee members always find room);
//! a length is checked before it is allocated; a peer that breaks a rule is disconnected and counted,
//! and nothing that a peer sends can panic. What is sent may be lost; nothing here retries but dialling.
//!
//! It deliberately does not verify blocks, keep history, or discover peers beyond those configured.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use libp2p::gossipsub;
use libp2p::multiaddr::Protocol;
pub use libp2p::{Multiaddr, PeerId};
use parking_lot::RwLock;
use pollen_ledger::limits::MESSAGE_BYTES_MAX;
use pollen_ledger::wire::{Message, Request, Response};
use pollen_ledger::{AuthorIndex, Hash, KeyPair, PublicKey};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use driver::{Command, Driver};
use link::Outbox;

mod behaviour;
mod dialing;
mod driver;
mod exchange;
mod frame;
mod link;
mod streams;
#[cfg(test)]
mod tests;

/// Orders to the network that wait for it.
const COMMANDS_MAX: usize = 1024;

/// What a network needs to start.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The node's key: its identity towards peers, and the validator's key when it is one.
    pub key: KeyPair,
    /// The chain; peers of another are turned away.
    pub chain_id: Hash,
    /// Where to listen, such as `/ip4/127.0.0.1/tcp/0` and `/ip4/127.0.0.1/udp/0/quic-v1`.
    pub listen: Vec<Multiaddr>,
    /// Peers to stay connected with, besides the committee; `/p2p/<peer id>` may end an address.
    pub bootstrap: Vec<Multiaddr>,
    /// The committee. Members with addresses are dialled by everyone.
    pub committee: Vec<CommitteePeer>,
    /// This node's own index, when it is a validator.
    pub own: Option<AuthorIndex>,
    /// Which addresses of a peer to try first. TCP costs less CPU on loopback and in one data centre.
    pub prefer: TransportKind,
    /// Bounds.
    pub limits: NetworkLimits,
}

/// A validator and where it can be reached.
#[derive(Debug, Clone)]
pub struct CommitteePeer {
    /// Its index.
    pub author: AuthorIndex,
    /// Its key.
    pub key: PublicKey,
    /// Its addresses; may be empty when it dials us.
    pub addresses: Vec<Multiaddr>,
}

/// The two transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// TCP with Noise and Yamux.
    Tcp,
    /// QUIC (RFC 9000).
    Quic,
}

impl TransportKind {
    /// The transport of an address.
    pub fn of(address: &Multiaddr) -> Self {
        let quic = |part| matches!(part, Protocol::Quic | Protocol::QuicV1);
        if address.iter().any(quic) { Self::Quic } else { Self::Tcp }
    }
}

/// A node's own bounds; any value is safe.
#[derive(Debug, Clone)]
pub struct NetworkLimits {
    /// Bytes of a block on gossip: the chain's `block_bytes_max`.
    pub block_bytes_max: usize,
    /// Connections to peers outside the committee.
    pub connections_max: u32,
    /// Connections to one peer outside the committee.
    pub connections_per_peer_max: u32,
    /// Messages that wait for one validator.
    pub queue_messages_max: usize,
    /// Bytes that wait for one validator; at least one message of the largest size always may.
    pub queue_bytes_max: usize,
    /// Events that wait for the node.
    pub events_max: usize,
    /// Requests a second that one peer may ask (twice that at once); committee members ten times as many.
    pub requests_per_second: u32,
    /// Requests of one peer that are being answered; committee members eight times as many.
    pub requests_concurrent_max: u32,
    /// From a question to its answer.
    pub request_timeout: Duration,
    /// The first wait before dialling again.
    pub backoff_min: Duration,
    /// The longest wait before dialling again.
    pub backoff_max: Duration,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self {
            block_bytes_max: 4 << 20,
            connections_max: 256,
            connections_per_peer_max: 2,
            queue_messages_max: 4096,
            queue_bytes_max: 16 << 20,
            events_max: 1024,
            requests_per_second: 50,
            requests_concurrent_max: 8,
            request_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
        }
    }
}

/// Why a network could not start.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The port is taken.
    #[error(
        "{address}: the port is in use: stop the program that holds it, or listen on another port"
    )]
    PortInUse {
        /// Where the node was to listen.
        address: Multiaddr,
    },
    /// Listening failed otherwise.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where the node was to listen.
        address: Multiaddr,
        /// The system's words.
        reason: String,
    },
    /// The node's key is not the one of its index.
    #[error(
        "the node's key is not validator {author}'s key in the committee: start with that validator's key, or as a peer"
    )]
    NotOwnKey {
        /// The index that the configuration claims.
        author: AuthorIndex,
    },
    /// libp2p refused the configuration.
    #[error("cannot set up the network: {reason}")]
    Setup {
        /// Its words.
        reason: String,
    },
}

/// Who sent something; the transport has authenticated the peer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The peer.
    pub peer: PeerId,
    /// Its index, when its key is a validator's.
    pub author: Option<AuthorIndex>,
}

/// What happens on the network.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A message on a validator's direct stream; in the order in which it was sent.
    Message {
        /// The validator.
        from: Sender,
        /// What it says, decoded within its bounds and not verified.
        message: Message,
        /// Counts against what the peer may have waiting here, until dropped.
        held: Held,
    },
    /// A block from gossip, not decoded; forwarded only once it is reported good.
    Gossip {
        /// Who forwarded it; not its author.
        from: Sender,
        /// The encoded block.
        block: Vec<u8>,
        /// Where to report.
        validation: Validation,
    },
    /// A question.
    Request {
        /// Who asks.
        from: Sender,
        /// What.
        request: Request,
        /// Where to answer.
        respond: Responder,
    },
    /// The first connection to a peer stands.
    Connected {
        /// The peer.
        peer: Sender,
    },
    /// The last connection to a peer is gone.
    Disconnected {
        /// The peer.
        peer: Sender,
    },
}

/// Memory that a message occupies; see [`NetworkEvent::Message`].
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// What the node thinks of a block from gossip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Good: pass it on.
    Accept,
    /// Breaks the rules: costs its sender score.
    Reject,
    /// Neither: old, or not checkable now.
    Ignore,
}

/// Takes the verdict on a block from gossip. Dropping it is as good as [`Verdict::Ignore`].
#[derive(Debug)]
pub struct Validation {
    commands: mpsc::Sender<Command>,
    counters: Arc<Counters>,
    id: gossipsub::MessageId,
    peer: PeerId,
}

impl Validation {
    /// Reports. Never blocks; a verdict that finds no room is lost, and the block not forwarded.
    pub fn report(self, verdict: Verdict) {
        let command = Command::Verdict { id: self.id, peer: self.peer, verdict };
        if self.commands.try_send(command).is_err() {
            self.counters.orders_dropped.fetch_add(1, Relaxed);
        }
    }
}

/// Takes the answer to a question. Dropping it answers [`Response::Refused`].
#[derive(Debug)]
pub struct Responder(oneshot::Sender<Response>);

impl Responder {
    /// Answers. An answer that comes too late, or to nobody, is dropped.
    pub fn send(self, response: Response) {
        let _gone = self.0.send(response);
    }
}

/// Whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This validator.
    Author(AuthorIndex),
    /// This peer.
    Peer(PeerId),
    /// Any connected validator; any connected peer when there is none.
    AnyConnected,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No connection; none is opened for a question.
    #[error("not connected to {target:?}: ask another peer, or again later")]
    NotConnected {
        /// Who was to be asked.
        target: Target,
    },
    /// No answer in time.
    #[error("no answer in time: ask another peer")]
    Timeout,
    /// The connection broke; the peer may or may not have seen the question.
    #[error("the connection broke before the answer: ask another peer")]
    Disconnected,
    /// The peer is of another chain or another version.
    #[error("the peer does not speak this chain's protocol")]
    Unsupported,
    /// The answer breaks the rules, or the stream failed.
    #[error("no valid answer: {reason}")]
    Failed {
        /// The stream's words.
        reason: String,
    },
    /// Too many questions of ours are open.
    #[error("too many questions are open: ask again later")]
    Busy,
    /// The network has stopped.
    #[error("the network has stopped")]
    Stopped,
}

/// A peer that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// The peer.
    pub peer: PeerId,
    /// Its index, when it is a validator.
    pub author: Option<AuthorIndex>,
    /// Its address on the newest connection.
    pub address: Multiaddr,
    /// True when we dialled that one.
    pub outbound: bool,
    /// Its connections.
    pub connections: usize,
    /// Messages that wait for it; 0 unless both are validators.
    pub waiting: usize,
    /// The last round trip of a ping.
    pub round_trip: Option<Duration>,
}

/// What the network counted since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages written to direct streams.
    pub messages_sent: AtomicU64,
    /// Messages read from direct streams.
    pub messages_received: AtomicU64,
    /// Messages that left a full queue or were on a stream that broke.
    pub messages_dropped: AtomicU64,
    /// Blocks and verdicts for gossip, and events of gossip, that found no room.
    pub orders_dropped: AtomicU64,
    /// Blocks published on gossip.
    pub gossip_published: AtomicU64,
    /// Requests answered.
    pub requests_answered: AtomicU64,
    /// Requests refused: too many, or the node is busy.
    pub requests_refused: AtomicU64,
    /// Frames beyond the bound.
    pub frames_too_large: AtomicU64,
    /// Messages, requests and responses that do not decode.
    pub undecodable: AtomicU64,
    /// Blocks from gossip that the node rejected.
    pub gossip_rejected: AtomicU64,
    /// Peers of another chain that were turned away.
    pub foreign_peers: AtomicU64,
    /// Peers that were banned for what they sent.
    pub peers_banned: AtomicU64,
    /// Connections made.
    pub connections_opened: AtomicU64,
    /// Dials that failed.
    pub dials_failed: AtomicU64,
}

/// The peer id of a key: the identity multihash of libp2p's encoding of an ed25519 key (protobuf: type 1,
/// 32 bytes), by the libp2p peer id specification.
pub fn peer_id_of(key: &PublicKey) -> PeerId {
    let mut bytes = [0; 38];
    bytes[..6].copy_from_slice(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
    bytes[6..].copy_from_slice(key.as_bytes());
    PeerId::from_bytes(&bytes).expect("an identity multihash of 36 bytes is a peer id")
}

/// Orders to a running network. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NetworkHandle {
    commands: mpsc::Sender<Command>,
    outboxes: Arc<BTreeMap<AuthorIndex, Arc<Outbox>>>,
    counters: Arc<Counters>,
    listening: Arc<RwLock<Vec<Multiaddr>>>,
    /// Connected peers outside the committee: without any, gossip costs nothing.
    listeners: Arc<AtomicUsize>,
}

impl NetworkHandle {
    /// Queues an encoded [`Message`] for a validator, connected or not. Never blocks; the oldest message
    /// leaves a full queue. Nothing happens when `to` is this node, or this node is no validator.
    pub fn send(&self, to: AuthorIndex, message: Arc<[u8]>) {
        if let Some(outbox) = self.outboxes.get(&to) {
            self.push(outbox, message);
        }
    }

    /// Queues an encoded [`Message`] for every other validator, as [`Self::send`] does.
    pub fn broadcast(&self, message: Arc<[u8]>) {
        for outbox in self.outboxes.values() {
            self.push(outbox, Arc::clone(&message));
        }
    }

    fn push(&self, outbox: &Outbox, message: Arc<[u8]>) {
        if message.len() > MESSAGE_BYTES_MAX {
            tracing::error!(bytes = message.len(), "not sent: larger than any peer accepts");
            self.counters.messages_dropped.fetch_add(1, Relaxed);
            return;
        }
        let dropped = outbox.push(message);
        if dropped > 0 {
            self.counters.messages_dropped.fetch_add(dropped, Relaxed);
        }
    }

    /// Whether anybody outside the committee is connected: without, gossip costs nothing.
    pub fn has_listeners(&self) -> bool {
        self.listeners.load(Relaxed) > 0
    }

    /// Publishes an encoded block to peers outside the committee. Never blocks. A validator publishes its
    /// own blocks; those that peers miss they fetch.
    pub fn gossip(&self, block: Arc<[u8]>) {
        let unheard = self.listeners.load(Relaxed) == 0;
        if !unheard && self.commands.try_send(Command::Gossip(block)).is_err() {
            self.counters.orders_dropped.fetch_add(1, Relaxed);
        }
    }

    /// Asks a connected peer, within [`NetworkLimits::request_timeout`].
    pub async fn request(
        &self,
        target: Target,
        request: Request,
    ) -> Result<Response, RequestError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Request { target, request, reply };
        self.commands.send(command).await.map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)?
    }

    /// Disconnects a peer that lied; until this process ends it is neither dialled nor let in.
    pub async fn ban(&self, peer: PeerId, reason: String) {
        let _stopped = self.commands.send(Command::Ban { peer, reason }).await;
    }

    /// Lets a banned peer in again, and dials it again where it was dialled before.
    pub async fn unban(&self, peer: PeerId) {
        let _stopped = self.commands.send(Command::Unban { peer }).await;
    }

    /// Stays connected with one more peer until this process ends.
    pub async fn add_peer(&self, address: Multiaddr) {
        let _stopped = self.commands.send(Command::AddPeer { address }).await;
    }

    /// The connected peers, ordered by validator index, then by peer id; none once stopped.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Peers(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Where the node listens, with the ports that the system chose.
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.listening.read().clone()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Messages that wait for a validator.
    pub fn waiting(&self, author: AuthorIndex) -> usize {
        self.outboxes.get(&author).map_or(0, |outbox| outbox.waiting())
    }

    /// Closes all connections and ends the task; returns at once, the task's end is its join handle's.
    /// The task also ends when the receiver of events is dropped.
    pub async fn shutdown(&self) {
        let _stopped = self.commands.send(Command::Shutdown).await;
    }
}

/// A running network: the handle, its events, and its task.
pub type Running = (NetworkHandle, mpsc::Receiver<NetworkEvent>, JoinHandle<()>);

/// Starts the network; when it returns, the node listens.
pub async fn start(config: NetworkConfig) -> Result<Running, NetworkError> {
    if let Some(author) = config.own {
        let own = config.committee.iter().find(|member| member.author == author);
        if own.is_none_or(|member| member.key != config.key.public_key()) {
            return Err(NetworkError::NotOwnKey { author });
        }
    }
    for address in &config.listen {
        check_port(address)?;
    }
    let (commands, orders) = mpsc::channel(COMMANDS_MAX);
    let (events_out, events) = mpsc::channel(config.limits.events_max.max(1));
    let others = config.committee.iter().filter(|member| Some(member.author) != config.own);
    let outbox = || Outbox::new(config.limits.queue_messages_max, config.limits.queue_bytes_max);
    let outboxes = if config.own.is_some() {
        others.map(|member| (member.author, Arc::new(outbox()))).collect()
    } else {
        BTreeMap::new()
    };
    let handle = NetworkHandle {
        commands,
        outboxes: Arc::new(outboxes),
        counters: Arc::default(),
        listening: Arc::default(),
        listeners: Arc::default(),
    };
    let mut driver = Driver::new(config, &handle, orders, events_out)?;
    driver.listen().await?;
    let task = tokio::spawn(driver.run());
    Ok((handle, events, task))
}

/// Refuses a port that someone holds. libp2p would share it: its listeners set `SO_REUSEPORT`.
fn check_port(address: &Multiaddr) -> Result<(), NetworkError> {
    let (mut ip, mut tcp, mut udp) = (None, None, None);
    for part in address.iter() {
        match part {
            Protocol::Ip4(v4) => ip = Some(v4.into()),
            Protocol::Ip6(v6) => ip = Some(v6.into()),
            Protocol::Tcp(port) => tcp = Some(port),
            Protocol::Udp(port) => udp = Some(port),
            _ => {}
        }
    }
    let Some(ip): Option<std::net::IpAddr> = ip else { return Ok(()) };
    let free = match (tcp, udp) {
        (Some(port), _) => std::net::TcpListener::bind((ip, port)).map(drop),
        (None, Some(port)) => std::net::UdpSocket::bind((ip, port)).map(drop),
        (None, None) => Ok(()),
    };
    free.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => NetworkError::PortInUse { address: address.clone() },
        _ => NetworkError::Listen { address: address.clone(), reason: error.to_string() },
    })
}
