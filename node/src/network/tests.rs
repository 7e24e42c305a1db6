//! Real sockets on loopback. Every wait is for an event, with a bound.

use std::time::Instant;

use futures::{AsyncWriteExt as _, StreamExt as _};
use libp2p::Swarm;
use libp2p::swarm::{Stream, SwarmEvent};
use pollen_ledger::codec;
use pollen_ledger::wire::HistoryRequest;

use super::behaviour::{self, Behaviour, BehaviourEvent};
use super::*;

mod gossip;
mod measure;
mod misbehaviour;
mod requests;
mod units;

/// Nothing here takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

fn key(name: &str) -> KeyPair {
    KeyPair::development(name)
}

fn validator_key(author: AuthorIndex) -> KeyPair {
    key(&format!("network test validator {author}"))
}

fn chain() -> Hash {
    Hash::of_content(b"network test chain")
}

fn listen_on(kind: TransportKind) -> Multiaddr {
    match kind {
        TransportKind::Tcp => "/ip4/127.0.0.1/tcp/0".parse().unwrap(),
        TransportKind::Quic => "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap(),
    }
}

/// A committee of `size`, of which those in `known` have addresses.
fn config(
    key: KeyPair,
    own: Option<AuthorIndex>,
    size: u16,
    known: &[Vec<Multiaddr>],
    kind: TransportKind,
) -> NetworkConfig {
    let member = |author: AuthorIndex| CommitteePeer {
        author,
        key: validator_key(author).public_key(),
        addresses: known.get(usize::from(author)).cloned().unwrap_or_default(),
    };
    NetworkConfig {
        key,
        chain_id: chain(),
        listen: vec![listen_on(kind)],
        bootstrap: Vec::new(),
        committee: (0..size).map(member).collect(),
        own,
        prefer: kind,
        limits: NetworkLimits::default(),
    }
}

fn validator(author: AuthorIndex, size: u16, known: &[Vec<Multiaddr>]) -> NetworkConfig {
    config(validator_key(author), Some(author), size, known, TransportKind::Tcp)
}

fn follower(name: &str, size: u16, known: &[Vec<Multiaddr>]) -> NetworkConfig {
    config(key(name), None, size, known, TransportKind::Tcp)
}

struct Node {
    handle: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    task: JoinHandle<()>,
}

impl Node {
    async fn start(config: NetworkConfig) -> Self {
        let (handle, events, task) = start(config).await.unwrap();
        Self { handle, events, task }
    }

    async fn stop(self) {
        self.handle.shutdown().await;
        tokio::time::timeout(PATIENCE, self.task).await.expect("stops in time").unwrap();
    }

    fn addresses(&self) -> Vec<Multiaddr> {
        self.handle.listen_addresses()
    }

    /// Waits for the first event of which `pick` makes something; drops those before it.
    async fn wait<T>(&mut self, mut pick: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the event comes in time")
    }

    async fn connected(&mut self) -> Sender {
        self.wait(|event| match event {
            NetworkEvent::Connected { peer } => Some(peer),
            _ => None,
        })
        .await
    }

    async fn disconnected(&mut self) -> Sender {
        self.wait(|event| match event {
            NetworkEvent::Disconnected { peer } => Some(peer),
            _ => None,
        })
        .await
    }

    /// The next block on a direct stream, and who sent it.
    async fn block(&mut self) -> (AuthorIndex, Vec<u8>) {
        self.wait(|event| match event {
            NetworkEvent::Message { from, message: Message::Block(block), .. } => {
                Some((from.author.expect("only validators have streams"), block))
            }
            _ => None,
        })
        .await
    }
}

fn block_message(block: &[u8]) -> Arc<[u8]> {
    codec::encode(&Message::Block(block.to_vec())).into()
}

/// Starts a committee, each member knowing the addresses of those before it.
async fn committee(size: u16, kind: TransportKind) -> Vec<Node> {
    let (mut nodes, mut known): (Vec<Node>, Vec<Vec<Multiaddr>>) = (Vec::new(), Vec::new());
    for author in 0..size {
        let own = config(validator_key(author), Some(author), size, &known, kind);
        let node = Node::start(own).await;
        known.push(node.addresses());
        nodes.push(node);
    }
    nodes
}

/// Everyone broadcasts; every block reaches every other validator, each author's in its order.
async fn full_mesh(size: u16, kind: TransportKind) {
    const BLOCKS: u32 = 50;
    let mut nodes = committee(size, kind).await;
    for node in &mut nodes {
        for _ in 1..size {
            node.connected().await;
        }
    }
    for round in 0..BLOCKS {
        for (author, node) in nodes.iter().enumerate() {
            // Sizes from a few bytes to several pieces of a frame.
            let mut block = vec![author as u8; (round as usize * 4000) + 4];
            block[..4].copy_from_slice(&round.to_be_bytes());
            node.handle.broadcast(block_message(&block));
        }
    }
    for (own, node) in nodes.iter_mut().enumerate() {
        let mut next = vec![0; usize::from(size)];
        for _ in 0..BLOCKS * u32::from(size - 1) {
            let (author, block) = node.block().await;
            assert_ne!(usize::from(author), own);
            let round = u32::from_be_bytes(block[..4].try_into().unwrap());
            assert_eq!(round, next[usize::from(author)], "in the order of sending");
            assert_eq!(block.len(), round as usize * 4000 + 4);
            assert!(block[4..].iter().all(|byte| u16::from(*byte) == author));
            next[usize::from(author)] += 1;
        }
        let dropped = node.handle.counters().messages_dropped.load(Relaxed);
        assert_eq!(dropped, 0, "a queue of thousands holds {BLOCKS} blocks");
    }
    let peers = nodes[0].handle.peers().await;
    assert_eq!(peers.len(), usize::from(size) - 1);
    assert!(peers.iter().all(|peer| TransportKind::of(&peer.address) == kind));
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_validators_exchange_blocks_over_tcp() {
    full_mesh(2, TransportKind::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_exchange_blocks_over_tcp() {
    full_mesh(4, TransportKind::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_validators_exchange_blocks_over_quic() {
    full_mesh(2, TransportKind::Quic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_exchange_blocks_over_quic() {
    full_mesh(4, TransportKind::Quic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_that_restarts_on_its_port_is_found_again() {
    let mut first = Node::start(validator(0, 2, &[])).await;
    let address = first.addresses();
    let mut second = Node::start(validator(1, 2, std::slice::from_ref(&address))).await;
    first.connected().await;
    second.handle.broadcast(block_message(b"before"));
    assert_eq!(first.block().await, (1, b"before".to_vec()));
    first.stop().await;
    assert_eq!(second.disconnected().await.author, Some(0));

    let again = NetworkConfig { listen: address, ..validator(0, 2, &[]) };
    let mut first = Node::start(again).await;
    assert_eq!(second.connected().await.author, Some(0));
    second.handle.broadcast(block_message(b"after"));
    assert_eq!(first.block().await, (1, b"after".to_vec()));
    first.handle.send(1, block_message(b"answer"));
    assert_eq!(second.block().await, (0, b"answer".to_vec()));
    first.stop().await;
    second.stop().await;
}

/// Both know the other's address and start at once: whatever connections they end up with, blocks pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validators_that_dial_each_other_agree_on_connections() {
    let port = || {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        vec![format!("/ip4/127.0.0.1/tcp/{port}").parse::<Multiaddr>().unwrap()]
    };
    let known = [port(), port()];
    let node = |author: AuthorIndex| {
        let listen = known[usize::from(author)].clone();
        Node::start(NetworkConfig { listen, ..validator(author, 2, &known) })
    };
    let (mut first, mut second) = tokio::join!(node(0), node(1));
    first.connected().await;
    second.connected().await;
    first.handle.broadcast(block_message(b"one"));
    second.handle.broadcast(block_message(b"two"));
    assert_eq!(first.block().await, (1, b"two".to_vec()));
    assert_eq!(second.block().await, (0, b"one".to_vec()));
    first.stop().await;
    second.stop().await;
}

/// A validator that is away must not cost memory: its queue keeps the newest messages only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_the_oldest_and_counts() {
    let mut small = validator(0, 2, &[]);
    small.limits.queue_messages_max = 4;
    let first = Node::start(small).await;
    for number in 0..10u8 {
        first.handle.send(1, block_message(&[number]));
    }
    assert_eq!(first.handle.counters().messages_dropped.load(Relaxed), 6);
    assert_eq!(first.handle.waiting(1), 4);
    let mut second = Node::start(validator(1, 2, &[first.addresses()])).await;
    for number in 6..10u8 {
        assert_eq!(second.block().await, (0, vec![number]));
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_told_in_one_line() {
    for kind in [TransportKind::Tcp, TransportKind::Quic] {
        let first = Node::start(config(validator_key(0), Some(0), 2, &[], kind)).await;
        let listen = first.addresses();
        let second = NetworkConfig { listen, ..validator(1, 2, &[]) };
        let error = start(second).await.expect_err("the port is taken");
        assert!(matches!(error, NetworkError::PortInUse { .. }), "{error}");
        assert!(error.to_string().contains("the port is in use"));
        first.stop().await;
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_validators_is_refused() {
    let wrong = NetworkConfig { key: key("someone else"), ..validator(0, 2, &[]) };
    let error = start(wrong).await.expect_err("the key is another");
    assert!(matches!(error, NetworkError::NotOwnKey { author: 0 }));
}

/// The node stops when nobody takes its events, so that no task outlives a crash of the node.
#[tokio::test]
async fn it_stops_with_its_receiver() {
    let node = Node::start(validator(0, 2, &[])).await;
    drop(node.events);
    tokio::time::timeout(PATIENCE, node.task).await.expect("stops").unwrap();
    let asked = node.handle.request(Target::AnyConnected, Request::Hello { chain_id: chain() });
    assert_eq!(asked.await, Err(RequestError::Stopped));
}
