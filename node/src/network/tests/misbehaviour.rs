//! Peers that break the rules, played by a bare swarm that does as it is told.

use super::*;

/// A swarm with our protocols and none of the driver's manners.
struct Rogue {
    swarm: Swarm<Behaviour>,
    peer: PeerId,
    connection: libp2p::swarm::ConnectionId,
}

impl Rogue {
    /// Dials a node and waits for the connection.
    async fn dial(config: NetworkConfig, address: &Multiaddr, node: &KeyPair) -> Self {
        let mut swarm = behaviour::swarm(&config).unwrap();
        swarm.dial(address.clone()).unwrap();
        let connected = async {
            loop {
                if let SwarmEvent::ConnectionEstablished { connection_id, .. } =
                    swarm.select_next_some().await
                {
                    return connection_id;
                }
            }
        };
        let connection = tokio::time::timeout(PATIENCE, connected).await.expect("connects");
        Self { swarm, peer: peer_id_of(&node.public_key()), connection }
    }

    /// Opens a stream; none when the node refuses the protocol, or the connection.
    async fn open(&mut self) -> Option<Stream> {
        self.swarm.behaviour_mut().streams.open(self.peer, self.connection);
        let opened = async {
            loop {
                match self.swarm.select_next_some().await {
                    SwarmEvent::Behaviour(BehaviourEvent::Streams(event)) => match event {
                        streams::Event::Outbound { stream, .. } => return Some(stream),
                        streams::Event::Failed { .. } => return None,
                        streams::Event::Inbound { .. } => {}
                    },
                    SwarmEvent::ConnectionClosed { .. } => return None,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, opened).await.expect("an answer in time")
    }

    /// Runs until the node closes the connection.
    async fn closed(&mut self) {
        let closed = async {
            while !matches!(
                self.swarm.select_next_some().await,
                SwarmEvent::ConnectionClosed { .. }
            ) {}
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the node disconnects");
    }

    /// Sends bytes on a stream while the swarm runs.
    async fn write(&mut self, stream: &mut Stream, bytes: &[u8]) {
        let writing = async {
            stream.write_all(bytes).await.unwrap();
            stream.flush().await.unwrap();
        };
        tokio::pin!(writing);
        loop {
            tokio::select! {
                () = &mut writing => return,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }
}

/// A Byzantine validator promises 4 GiB: it is refused before a byte of them is allocated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversize_frame_costs_the_connection() {
    let mut node = Node::start(validator(0, 2, &[])).await;
    let address = node.addresses().remove(0);
    let mut rogue = Rogue::dial(validator(1, 2, &[]), &address, &validator_key(0)).await;
    let mut stream = rogue.open().await.expect("a committee key may open a stream");
    rogue.write(&mut stream, &u32::MAX.to_be_bytes()).await;
    rogue.closed().await;
    assert_eq!(node.disconnected().await.author, Some(1));
    assert_eq!(node.handle.counters().frames_too_large.load(Relaxed), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_no_message_costs_the_connection() {
    let mut node = Node::start(validator(0, 2, &[])).await;
    let address = node.addresses().remove(0);
    let mut rogue = Rogue::dial(validator(1, 2, &[]), &address, &validator_key(0)).await;
    let mut stream = rogue.open().await.expect("a committee key may open a stream");
    let mut bytes = frame_of(&block_message(b"good"));
    bytes.extend(frame_of(&[0xff; 9]));
    rogue.write(&mut stream, &bytes).await;
    assert_eq!(node.block().await, (1, b"good".to_vec()));
    rogue.closed().await;
    node.disconnected().await;
    assert_eq!(node.handle.counters().undecodable.load(Relaxed), 1);
    node.stop().await;
}

fn frame_of(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// Direct streams are the committee's: a stranger's key does not even negotiate one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_open_a_block_stream() {
    let node = Node::start(validator(0, 2, &[])).await;
    let address = node.addresses().remove(0);
    let mut rogue = Rogue::dial(follower("stranger", 2, &[]), &address, &validator_key(0)).await;
    assert!(rogue.open().await.is_none());
    node.stop().await;
}

/// Same keys, another chain: no stream, and the peer is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_chain_does_not_connect() {
    let node = Node::start(validator(0, 2, &[])).await;
    let address = node.addresses().remove(0);
    let foreign =
        || NetworkConfig { chain_id: Hash::of_content(b"another chain"), ..validator(1, 2, &[]) };
    let mut rogue = Rogue::dial(foreign(), &address, &validator_key(0)).await;
    assert!(rogue.open().await.is_none());

    let mut config = foreign();
    config.committee[0].addresses = node.addresses();
    let mut other = Node::start(config).await;
    other.handle.broadcast(block_message(b"lost"));
    other.disconnected().await;
    assert_eq!(other.handle.counters().messages_sent.load(Relaxed), 0);
    assert_eq!(node.handle.counters().messages_received.load(Relaxed), 0);
    node.stop().await;
    other.stop().await;
}

/// What strangers may take is bounded, and the committee finds room beyond it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_limited_and_the_committee_is_not() {
    let mut small = validator(0, 2, &[]);
    small.limits.connections_max = 1;
    let mut node = Node::start(small).await;
    let mut one = Node::start(follower("one", 2, &[node.addresses()])).await;
    one.connected().await;
    assert_eq!(node.connected().await.author, None);
    // TCP and Noise succeed before the limit denies it, so the second one sees a connection that ends.
    let mut two = Node::start(follower("two", 2, &[node.addresses()])).await;
    two.disconnected().await;
    let mut member = Node::start(validator(1, 2, &[node.addresses()])).await;
    member.connected().await;
    assert_eq!(node.connected().await.author, Some(1));
    for node in [node, one, two, member] {
        node.stop().await;
    }
}

/// Who lied is gone for good: it is not dialled, not let in and not answered; others are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_peer_does_not_come_back() {
    let mut liar = Node::start(validator(0, 2, &[])).await;
    let mut honest = Node::start(validator(1, 2, &[])).await;
    let known = [liar.addresses(), honest.addresses()];
    let mut node = Node::start(follower("believer", 2, &known)).await;
    for _ in 0..2 {
        node.connected().await;
    }
    let (peer, id) = (peer_id_of(&validator_key(0).public_key()), liar.connected().await.peer);
    honest.connected().await;
    node.handle.ban(peer, "it sent another state".to_owned()).await;
    assert_eq!(node.disconnected().await.peer, peer);
    assert_eq!(liar.disconnected().await.peer, id);
    assert_eq!(node.handle.counters().peers_banned.load(Relaxed), 1);
    liar.stop().await;
    // The same key comes by itself, as one that knows the address.
    let mut back = validator(0, 2, &[]);
    back.bootstrap = node.addresses();
    let mut liar = Node::start(back).await;
    // It gets as far as a connection, which is closed.
    liar.connected().await;
    liar.disconnected().await;
    let target = Target::Peer(peer);
    let request = Request::Hello { chain_id: chain() };
    let answer = node.handle.request(target, request).await;
    assert_eq!(answer, Err(RequestError::NotConnected { target }));
    let connected = node.handle.peers().await;
    assert_eq!(connected.iter().map(|peer| peer.author).collect::<Vec<_>>(), [Some(1)]);
    for node in [liar, honest, node] {
        node.stop().await;
    }
}
