//! The task of the network: it owns the swarm, dials, and turns libp2p's events into the node's.
//!
//! Invariants: it never waits for the node. An event that finds no room is refused (requests), ignored
//! (gossip) or kept until there is room (connections: bounded by the limits on connections). Direct
//! streams have tasks of their own and make only their own peer wait.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub};
use parking_lot::RwLock;
use pollen_ledger::AuthorIndex;
use pollen_ledger::wire::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::behaviour::{self, Behaviour, BehaviourEvent};
use super::dialing::{Backoff, Schedule, peer_in};
use super::exchange::Allowance;
use super::link::{Outbox, ReadError};
use super::{
    Counters, NetworkConfig, NetworkError, NetworkEvent, NetworkHandle, NetworkLimits, PeerInfo,
    RequestError, Sender, Target, Verdict, peer_id_of,
};

mod peers;
mod requests;

/// How long listening may take.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long closing connections may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// The wait before a stream that ended is opened again.
const REOPEN_WAIT: Duration = Duration::from_millis(100);

/// Banned peers that are remembered. A peer can come back under another id at no cost, so more would
/// protect nobody.
const BANNED_MAX: usize = 1024;

/// What the handle asks for.
#[derive(Debug)]
pub(super) enum Command {
    Gossip(Arc<[u8]>),
    Verdict { id: gossipsub::MessageId, peer: PeerId, verdict: Verdict },
    Request { target: Target, request: Request, reply: Reply },
    Peers(oneshot::Sender<Vec<PeerInfo>>),
    Ban { peer: PeerId, reason: String },
    Unban { peer: PeerId },
    AddPeer { address: Multiaddr },
    Shutdown,
}

type Reply = oneshot::Sender<Result<Response, RequestError>>;

/// How a stream's task ended.
#[derive(Debug)]
enum Ended {
    Writer { peer: PeerId, generation: u64 },
    Reader { peer: PeerId, result: Result<(), ReadError> },
}

/// A connected peer.
#[derive(Debug)]
struct Peer {
    /// Oldest first; never empty.
    connections: Vec<Connection>,
    /// The stream that carries our messages, or the one being opened for them.
    writer: Writer,
    /// Readers of its streams, oldest first.
    readers: VecDeque<AbortHandle>,
    allowance: Allowance,
    /// Its requests that the node is answering.
    answering: u32,
    round_trip: Option<Duration>,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    address: Multiaddr,
    outbound: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    None,
    Opening(ConnectionId),
    Running { connection: ConnectionId, generation: u64 },
    ReopenAt(Instant),
}

/// See the module's documentation.
pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    listen: Vec<Multiaddr>,
    limits: NetworkLimits,
    topic: gossipsub::IdentTopic,
    protocol_version: String,
    authors: HashMap<PeerId, AuthorIndex>,
    members: BTreeMap<AuthorIndex, PeerId>,
    outboxes: Arc<BTreeMap<AuthorIndex, Arc<Outbox>>>,
    counters: Arc<Counters>,
    listening: Arc<RwLock<Vec<Multiaddr>>>,
    listeners: Arc<AtomicUsize>,
    commands: mpsc::WeakSender<Command>,
    orders: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetworkEvent>,
    /// Connections made and lost that the node has not heard of yet.
    untold: VecDeque<NetworkEvent>,
    peers: HashMap<PeerId, Peer>,
    /// Peers that are not let in.
    banned: HashSet<PeerId>,
    schedule: Schedule,
    links: JoinSet<Ended>,
    asked: HashMap<OutboundRequestId, Reply>,
    answers: FuturesUnordered<BoxFuture<'static, requests::Answer>>,
}

impl Driver {
    pub(super) fn new(
        config: NetworkConfig,
        handle: &NetworkHandle,
        orders: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetworkEvent>,
    ) -> Result<Self, NetworkError> {
        let swarm = behaviour::swarm(&config)?;
        let limits = config.limits.clone();
        let backoff = Backoff { min: limits.backoff_min, max: limits.backoff_max };
        let members: BTreeMap<AuthorIndex, PeerId> = config
            .committee
            .iter()
            .map(|member| (member.author, peer_id_of(&member.key)))
            .collect();
        let mut schedule = Schedule::new(backoff);
        let (own, now) = (*swarm.local_peer_id(), Instant::now());
        for member in &config.committee {
            let peer = Some(peer_id_of(&member.key));
            schedule.add(own, peer, &member.addresses, config.own.is_some(), now);
        }
        for address in &config.bootstrap {
            schedule.add(own, peer_in(address), std::slice::from_ref(address), false, now);
        }
        schedule.prefer(config.prefer);
        Ok(Self {
            topic: behaviour::block_topic(&config),
            protocol_version: behaviour::protocol_version(&config),
            listen: config.listen,
            limits,
            authors: members.iter().map(|(author, peer)| (*peer, *author)).collect(),
            members,
            outboxes: Arc::clone(&handle.outboxes),
            counters: Arc::clone(&handle.counters),
            listening: Arc::clone(&handle.listening),
            listeners: Arc::clone(&handle.listeners),
            commands: handle.commands.downgrade(),
            orders,
            events,
            untold: VecDeque::new(),
            peers: HashMap::new(),
            banned: HashSet::new(),
            schedule,
            links: JoinSet::new(),
            asked: HashMap::new(),
            answers: FuturesUnordered::new(),
            swarm,
        })
    }

    /// Listens everywhere; an error when one place fails.
    pub(super) async fn listen(&mut self) -> Result<(), NetworkError> {
        let fail = |address: &Multiaddr, reason: String| NetworkError::Listen {
            address: address.clone(),
            reason,
        };
        let deadline = tokio::time::Instant::now() + LISTEN_TIMEOUT;
        for address in std::mem::take(&mut self.listen) {
            let listener = self
                .swarm
                .listen_on(address.clone())
                .map_err(|error| fail(&address, error.to_string()))?;
            loop {
                let event = tokio::time::timeout_at(deadline, self.swarm.select_next_some())
                    .await
                    .map_err(|_| fail(&address, "no answer from the system".to_owned()))?;
                let new = matches!(&event, SwarmEvent::NewListenAddr { listener_id, .. }
                    if *listener_id == listener);
                if let SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. } = &event
                    && *listener_id == listener
                {
                    return Err(fail(&address, error.to_string()));
                }
                self.on_swarm_event(event);
                if new {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Runs until told to stop, or until nobody takes the events.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.next_wake();
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let (links, answers) = (!self.links.is_empty(), !self.answers.is_empty());
            let events = self.events.clone();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                order = self.orders.recv() => match order {
                    None | Some(Command::Shutdown) => break,
                    Some(order) => self.on_order(order),
                },
                Some(ended) = self.links.join_next(), if links => {
                    // An aborted reader tells nothing.
                    if let Ok(ended) = ended {
                        self.on_link_ended(ended);
                    }
                }
                Some(answer) = self.answers.next(), if answers => self.on_answer(answer),
                () = timer => self.on_timer(Instant::now()),
                permit = events.reserve(), if !self.untold.is_empty() => match permit {
                    Ok(permit) => if let Some(event) = self.untold.pop_front() {
                        permit.send(event);
                    },
                    Err(_) => break,
                },
                () = events.closed() => break,
            }
        }
        self.close().await;
    }

    /// Tells every peer good-bye, for a bounded time.
    async fn close(mut self) {
        self.links.abort_all();
        for peer in self.peers.keys() {
            let _unknown = self.swarm.disconnect_peer_id(*peer);
        }
        let swarm = &mut self.swarm;
        let closed = async {
            while swarm.connected_peers().next().is_some() {
                swarm.select_next_some().await;
            }
        };
        let _late = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }

    fn next_wake(&self) -> Option<Instant> {
        let reopen = self.peers.values().filter_map(|peer| match peer.writer {
            Writer::ReopenAt(at) => Some(at),
            _ => None,
        });
        reopen.chain(self.schedule.next_at()).min()
    }

    fn on_timer(&mut self, now: Instant) {
        let reopen: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| matches!(peer.writer, Writer::ReopenAt(at) if at <= now))
            .map(|(id, _)| *id)
            .collect();
        for peer in reopen {
            self.open_stream(peer);
        }
        for due in self.schedule.due(now) {
            let options = match due.peer {
                Some(peer) => DialOpts::peer_id(peer)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .override_dial_concurrency_factor(std::num::NonZeroU8::MIN)
                    .addresses(due.addresses.clone())
                    .allocate_new_port()
                    .build(),
                None => DialOpts::unknown_peer_id()
                    .address(due.addresses[0].clone())
                    .allocate_new_port()
                    .build(),
            };
            let connection = options.connection_id();
            let begun = self.swarm.dial(options).is_ok().then_some(connection);
            self.schedule.dialling(&due, begun, now);
        }
    }

    fn on_order(&mut self, order: Command) {
        match order {
            Command::Gossip(block) => self.publish(&block),
            Command::Verdict { id, peer, verdict } => self.on_verdict(&id, &peer, verdict),
            Command::Request { target, request, reply } => self.ask(target, request, reply),
            Command::Peers(reply) => {
                let _gone = reply.send(self.peer_list());
            }
            Command::Ban { peer, reason } => self.ban(peer, &reason),
            Command::Unban { peer } => {
                if self.banned.remove(&peer) {
                    self.schedule.unbanned(peer, Instant::now());
                }
            }
            Command::AddPeer { address } => {
                let own = *self.swarm.local_peer_id();
                let addresses = std::slice::from_ref(&address);
                self.schedule.add(own, peer_in(&address), addresses, false, Instant::now());
            }
            Command::Shutdown => {}
        }
    }

    fn publish(&mut self, block: &[u8]) {
        match self.swarm.behaviour_mut().gossip.publish(self.topic.hash(), block) {
            Ok(_) => self.counters.gossip_published.fetch_add(1, Relaxed),
            // Nobody subscribes, or the block went out before: nothing is lost.
            Err(
                gossipsub::PublishError::NoPeersSubscribedToTopic
                | gossipsub::PublishError::Duplicate,
            ) => return,
            Err(error) => {
                tracing::debug!(%error, "block not published");
                self.counters.orders_dropped.fetch_add(1, Relaxed)
            }
        };
    }

    fn on_verdict(&mut self, id: &gossipsub::MessageId, peer: &PeerId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => gossipsub::MessageAcceptance::Accept,
            Verdict::Ignore => gossipsub::MessageAcceptance::Ignore,
            Verdict::Reject => {
                self.counters.gossip_rejected.fetch_add(1, Relaxed);
                gossipsub::MessageAcceptance::Reject
            }
        };
        self.swarm.behaviour_mut().gossip.report_message_validation_result(id, peer, acceptance);
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event, now),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let address = endpoint.get_remote_address().clone();
                let outbound = endpoint.is_dialer();
                self.on_connected(peer_id, Connection { id: connection_id, address, outbound });
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.on_closed(peer_id, connection_id, now);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                tracing::debug!(%error, "dial failed");
                self.counters.dials_failed.fetch_add(1, Relaxed);
                self.schedule.failed(connection_id, now);
            }
            SwarmEvent::NewListenAddr { address, .. } => self.listening.write().push(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listening.write().retain(|known| *known != address);
            }
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                if let Err(error) = reason {
                    tracing::error!(%error, ?addresses, "no longer listening");
                }
                self.listening.write().retain(|known| !addresses.contains(known));
            }
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent, now: Instant) {
        match event {
            BehaviourEvent::Streams(event) => self.on_stream_event(event, now),
            BehaviourEvent::Exchange(event) => self.on_exchange_event(event, now),
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.on_gossip(propagation_source, message_id, message.data),
            BehaviourEvent::Identify(libp2p::identify::Event::Received {
                peer_id, info, ..
            }) => {
                if info.protocol_version == self.protocol_version {
                    self.schedule.proven(peer_id);
                } else {
                    tracing::debug!(peer = %peer_id, version = info.protocol_version, "foreign");
                    self.counters.foreign_peers.fetch_add(1, Relaxed);
                    self.turn_away(peer_id);
                }
            }
            BehaviourEvent::Ping(ping) => match ping.result {
                Ok(round_trip) => {
                    if let Some(peer) = self.peers.get_mut(&ping.peer) {
                        peer.round_trip = Some(round_trip);
                    }
                }
                Err(libp2p::ping::Failure::Unsupported) => {}
                Err(error) => {
                    tracing::debug!(peer = %ping.peer, %error, "does not answer pings");
                    self.swarm.close_connection(ping.connection);
                }
            },
            _ => {}
        }
    }

    fn on_gossip(&mut self, source: PeerId, id: gossipsub::MessageId, block: Vec<u8>) {
        let Some(commands) = self.commands.upgrade() else { return };
        let validation = super::Validation {
            commands,
            counters: Arc::clone(&self.counters),
            id: id.clone(),
            peer: source,
        };
        let event = NetworkEvent::Gossip { from: self.sender(source), block, validation };
        if self.events.try_send(event).is_err() {
            self.counters.orders_dropped.fetch_add(1, Relaxed);
            self.on_verdict(&id, &source, Verdict::Ignore);
        }
    }

    fn sender(&self, peer: PeerId) -> Sender {
        Sender { peer, author: self.authors.get(&peer).copied() }
    }
}
