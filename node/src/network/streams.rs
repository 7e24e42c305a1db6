//! The libp2p behaviour behind the direct streams between validators: it negotiates them and hands
//! them over, raw, to the driver.
//!
//! Invariants: the protocol is offered to committee keys only, so that anyone else's attempt fails in
//! negotiation, and its name holds the chain, so that a stream to another chain fails as well. Streams
//! are opened on a connection that the caller names. Written here instead of taken from
//! `libp2p-stream`, which negotiates with everybody, opens on a random connection of a peer, and keeps
//! an entry for every connection that ever was.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, NotifyHandler, Stream, StreamProtocol, SubstreamProtocol, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{InboundUpgrade, Multiaddr, OutboundUpgrade, PeerId};

/// What became of a stream.
#[derive(Debug)]
pub(super) enum Event {
    /// A committee member opened one to us.
    Inbound { peer: PeerId, stream: Stream },
    /// One that we asked for is open.
    Outbound { peer: PeerId, connection: ConnectionId, stream: Stream },
    /// One that we asked for could not be opened.
    Failed { peer: PeerId, connection: ConnectionId, reason: String },
}

/// See the module's documentation.
pub(super) struct Behaviour {
    protocol: StreamProtocol,
    members: Arc<HashSet<PeerId>>,
    actions: VecDeque<ToSwarm<Event, OpenStream>>,
}

impl Behaviour {
    /// Offers `protocol` to `members` only; to nobody when there are none.
    pub(super) fn new(protocol: StreamProtocol, members: Arc<HashSet<PeerId>>) -> Self {
        Self { protocol, members, actions: VecDeque::new() }
    }

    /// Opens a stream on this connection; an [`Event`] tells the end.
    pub(super) fn open(&mut self, peer: PeerId, connection: ConnectionId) {
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(connection),
            event: OpenStream,
        });
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        Handler {
            protocol: self.protocol.clone(),
            accept: self.members.contains(peer),
            opening: 0,
            done: VecDeque::new(),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        done: THandlerOutEvent<Self>,
    ) {
        let event = match done {
            Done::Inbound(stream) => Event::Inbound { peer, stream },
            Done::Outbound(Ok(stream)) => Event::Outbound { peer, connection, stream },
            Done::Outbound(Err(reason)) => Event::Failed { peer, connection, reason },
        };
        self.actions.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The behaviour's only order to a handler.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenStream;

/// What a handler tells its behaviour.
#[derive(Debug)]
pub(super) enum Done {
    Inbound(Stream),
    Outbound(Result<Stream, String>),
}

/// One connection's part of the behaviour.
pub(super) struct Handler {
    protocol: StreamProtocol,
    accept: bool,
    opening: usize,
    done: VecDeque<Done>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = OpenStream;
    type ToBehaviour = Done;
    type InboundProtocol = Raw;
    type OutboundProtocol = Raw;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Raw> {
        SubstreamProtocol::new(Raw(self.accept.then(|| self.protocol.clone())), ())
    }

    fn on_behaviour_event(&mut self, OpenStream: OpenStream) {
        self.opening += 1;
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Raw, (), Done>> {
        if let Some(done) = self.done.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(done));
        }
        if self.opening > 0 {
            self.opening -= 1;
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Raw(Some(self.protocol.clone())), ()),
            });
        }
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Raw, Raw>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => self.done.push_back(Done::Inbound(protocol)),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => self.done.push_back(Done::Outbound(Ok(protocol))),
            ConnectionEvent::DialUpgradeError(failed) => {
                self.done.push_back(Done::Outbound(Err(failed.error.to_string())));
            }
            _ => {}
        }
    }
}

/// An upgrade that changes nothing; offers no protocol at all when it is empty.
pub(super) struct Raw(Option<StreamProtocol>);

impl UpgradeInfo for Raw {
    type Info = StreamProtocol;
    type InfoIter = std::option::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Raw {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

impl OutboundUpgrade<Stream> for Raw {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}
