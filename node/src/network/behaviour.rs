//! The protocols of a node, put together, on TCP (Noise, Yamux) and QUIC.
//!
//! Block gossip is anonymous and unsigned on libp2p's level: blocks carry their author's signature,
//! which the core verifies before it reports a verdict, and a message is named by the blake3 digest of
//! its content. A second signature by whoever published would say nothing and cost one verification a
//! hop. Validators publish and do not subscribe: among themselves blocks travel on direct streams only.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use libp2p::multiaddr::Protocol;
use libp2p::swarm::{NetworkBehaviour, StreamProtocol};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, connection_limits, gossipsub, identify, identity,
    noise, ping, request_response, tcp, yamux,
};
use pollen_ledger::limits::MESSAGE_BYTES_MAX;

use super::{NetworkConfig, NetworkError, exchange, peer_id_of, streams};

/// Connections that are being established towards us.
const PENDING_INBOUND_MAX: u32 = 64;
/// One address after the other, so that the preferred transport wins when it works.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections without any stream are closed after this long.
const IDLE_MAX: Duration = Duration::from_secs(600);
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// Request streams on one connection, both ways together; libp2p drops what comes beyond.
const REQUEST_STREAMS_MAX: usize = 128;
/// Room for gossipsub's own fields around a block.
const GOSSIP_ENVELOPE_BYTES: usize = 4096;

/// All protocols of a node. Limits come first: what they deny never reaches the others.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) streams: streams::Behaviour,
    pub(super) exchange: request_response::Behaviour<exchange::Codec>,
    pub(super) gossip: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// What identify tells of a node's chain.
pub(super) fn protocol_version(config: &NetworkConfig) -> String {
    format!("/pollen/{}", config.chain_id)
}

/// The topic that carries blocks to everyone but validators.
pub(super) fn block_topic(config: &NetworkConfig) -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(format!("pollen/{}/blocks", config.chain_id))
}

fn protocol(config: &NetworkConfig, name: &str) -> StreamProtocol {
    let chain = &config.chain_id.to_string()[..8];
    StreamProtocol::try_from_owned(format!("/pollen/{chain}/{name}/2"))
        .expect("the name starts with a slash")
}

/// Builds the swarm; nothing listens or dials yet.
pub(super) fn swarm(config: &NetworkConfig) -> Result<Swarm<Behaviour>, NetworkError> {
    let mut seed = config.key.seed();
    let keypair = identity::Keypair::ed25519_from_bytes(&mut seed)
        .expect("32 bytes are always an ed25519 seed");
    let behaviour = Behaviour::new(config, &keypair)?;
    let builder = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| NetworkError::Setup { reason: error.to_string() })?
        .with_quic();
    let swarm_config = |swarm: libp2p::swarm::Config| swarm.with_idle_connection_timeout(IDLE_MAX);
    // The resolver reads the system's configuration, which a node of numeric addresses can live without.
    if names_hosts(config) {
        let builder = builder.with_dns().map_err(|error: io::Error| NetworkError::Setup {
            reason: format!("the system's resolver configuration cannot be read: {error}"),
        })?;
        let Ok(builder) = builder.with_behaviour(|_| behaviour);
        Ok(builder.with_swarm_config(swarm_config).with_connection_timeout(CONNECT_TIMEOUT).build())
    } else {
        let Ok(builder) = builder.with_behaviour(|_| behaviour);
        Ok(builder.with_swarm_config(swarm_config).with_connection_timeout(CONNECT_TIMEOUT).build())
    }
}

fn names_hosts(config: &NetworkConfig) -> bool {
    let named = |address: &Multiaddr| {
        address.iter().any(|part| {
            matches!(
                part,
                Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)
            )
        })
    };
    config.bootstrap.iter().any(named)
        || config.committee.iter().any(|member| member.addresses.iter().any(named))
}

impl Behaviour {
    fn new(config: &NetworkConfig, keypair: &identity::Keypair) -> Result<Self, NetworkError> {
        let members: HashSet<PeerId> =
            config.committee.iter().map(|member| peer_id_of(&member.key)).collect();
        let exchange = request_response::Behaviour::with_codec(
            exchange::Codec::new(),
            [(protocol(config, "requests"), request_response::ProtocolSupport::Full)],
            request_response::Config::default()
                .with_request_timeout(config.limits.request_timeout)
                .with_max_concurrent_streams(REQUEST_STREAMS_MAX),
        );
        let identify = identify::Behaviour::new(
            identify::Config::new(protocol_version(config), keypair.public())
                .with_agent_version(concat!("pollen/", env!("CARGO_PKG_VERSION")).to_owned())
                .with_cache_size(0),
        );
        let ping = ping::Behaviour::new(
            ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
        );
        let limits = limits(config, &members);
        let streaming = if config.own.is_some() { members } else { HashSet::new() };
        let streams = streams::Behaviour::new(protocol(config, "blocks"), Arc::new(streaming));
        Ok(Self { limits, streams, exchange, gossip: gossip(config)?, identify, ping })
    }
}

/// Everyone shares what the limits allow, but committee members, who always find room.
fn limits(config: &NetworkConfig, members: &HashSet<PeerId>) -> connection_limits::Behaviour {
    let limits = &config.limits;
    let mut behaviour = connection_limits::Behaviour::new(
        connection_limits::ConnectionLimits::default()
            .with_max_pending_incoming(Some(PENDING_INBOUND_MAX))
            .with_max_established(Some(limits.connections_max))
            .with_max_established_per_peer(Some(limits.connections_per_peer_max)),
    );
    for member in members {
        behaviour.bypass_peer_id(member);
    }
    behaviour
}

fn gossip(config: &NetworkConfig) -> Result<gossipsub::Behaviour, NetworkError> {
    let setup = |reason: String| NetworkError::Setup { reason: format!("gossip: {reason}") };
    let block_bytes_max = config.limits.block_bytes_max.min(MESSAGE_BYTES_MAX);
    let gossip_config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| gossipsub::MessageId::new(blake3::hash(&message.data).as_bytes()))
        .max_transmit_size(block_bytes_max + GOSSIP_ENVELOPE_BYTES)
        .flood_publish(true)
        .build()
        .map_err(|error| setup(error.to_string()))?;
    let mut behaviour =
        gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, gossip_config)
            .map_err(|error| setup(error.to_owned()))?;
    let topic = block_topic(config);
    // Verdicts of the core are the only thing that costs score: silence is normal on an idle chain, and
    // many honest peers may share an address.
    let blocks = gossipsub::TopicScoreParams {
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        ..Default::default()
    };
    let scores = gossipsub::PeerScoreParams {
        topics: [(topic.hash(), blocks)].into(),
        ip_colocation_factor_weight: 0.0,
        ..Default::default()
    };
    behaviour
        .with_peer_score(scores, gossipsub::PeerScoreThresholds::default())
        .map_err(|error| setup(error.clone()))?;
    if config.own.is_none() {
        behaviour.subscribe(&topic).map_err(|error| setup(error.to_string()))?;
    }
    Ok(behaviour)
}
