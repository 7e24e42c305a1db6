//! Questions of the driver: ours to peers, and theirs to the node.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{self, InboundFailure, OutboundFailure, ResponseChannel};
use pollen_ledger::wire::{Request, Response};
use tokio::sync::oneshot;

use super::{Driver, Reply};
use crate::network::{NetworkEvent, RequestError, Responder, Target};

/// Questions of ours that are open at once.
const ASKED_MAX: usize = 1024;

/// An answer of the node, on its way to who asked.
pub(super) struct Answer {
    peer: PeerId,
    channel: ResponseChannel<Response>,
    response: Response,
}

impl Driver {
    pub(super) fn ask(&mut self, target: Target, request: Request, reply: Reply) {
        let peer = match target {
            Target::Peer(peer) => Some(peer),
            Target::Author(author) => self.members.get(&author).copied(),
            Target::AnyConnected => self.any_connected(),
        };
        let refused = match peer.filter(|peer| self.peers.contains_key(peer)) {
            None => RequestError::NotConnected { target },
            Some(_) if self.asked.len() >= ASKED_MAX => RequestError::Busy,
            Some(peer) => {
                let id = self.swarm.behaviour_mut().exchange.send_request(&peer, request);
                self.asked.insert(id, reply);
                return;
            }
        };
        let _gone = reply.send(Err(refused));
    }

    /// A random validator; a random peer when none is connected.
    fn any_connected(&self) -> Option<PeerId> {
        let (members, others): (Vec<PeerId>, Vec<PeerId>) =
            self.peers.keys().copied().partition(|peer| self.authors.contains_key(peer));
        let candidates = if members.is_empty() { others } else { members };
        if candidates.is_empty() {
            return None;
        }
        Some(candidates[rand::random_range(0..candidates.len())])
    }

    pub(super) fn on_exchange_event(
        &mut self,
        event: request_response::Event<Request, Response>,
        now: Instant,
    ) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.on_request(peer, request, channel, now);
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                if let Some(reply) = self.asked.remove(&request_id) {
                    let _gone = reply.send(Ok(response));
                }
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                let error = match error {
                    OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => {
                        RequestError::Disconnected
                    }
                    OutboundFailure::Timeout => RequestError::Timeout,
                    OutboundFailure::UnsupportedProtocols => RequestError::Unsupported,
                    OutboundFailure::Io(error) => {
                        self.check_fault(peer, &error);
                        RequestError::Failed { reason: error.to_string() }
                    }
                };
                if let Some(reply) = self.asked.remove(&request_id) {
                    let _gone = reply.send(Err(error));
                }
            }
            Event::InboundFailure { peer, error: InboundFailure::Io(error), .. } => {
                self.check_fault(peer, &error);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    /// Turns a peer away whose bytes broke the rules; a stream that merely broke is nobody's fault.
    fn check_fault(&mut self, peer: PeerId, error: &io::Error) {
        if error.kind() == io::ErrorKind::InvalidData {
            tracing::warn!(%peer, %error, "peer disconnected: it broke the protocol");
            self.counters.undecodable.fetch_add(1, Relaxed);
            self.turn_away(peer);
        }
    }

    fn on_request(
        &mut self,
        id: PeerId,
        request: Request,
        channel: ResponseChannel<Response>,
        now: Instant,
    ) {
        let concurrent_max = self.limits.requests_concurrent_max.saturating_mul(self.favour(id, 8));
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.allowance.take(now) {
            return self.refuse(channel, "too many requests: ask again later");
        }
        if peer.answering >= concurrent_max {
            return self.refuse(channel, "too many requests at once: wait for their answers");
        }
        let (answer, answered) = oneshot::channel();
        let from = self.sender(id);
        let event = NetworkEvent::Request { from, request, respond: Responder(answer) };
        if self.events.try_send(event).is_err() {
            return self.refuse(channel, "busy: ask another peer");
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.answering += 1;
        }
        self.answers.push(Box::pin(async move {
            let response = answered.await.unwrap_or_else(|_| refused("not answered"));
            Answer { peer: id, channel, response }
        }));
    }

    fn refuse(&mut self, channel: ResponseChannel<Response>, reason: &str) {
        self.counters.requests_refused.fetch_add(1, Relaxed);
        let _gone = self.swarm.behaviour_mut().exchange.send_response(channel, refused(reason));
    }

    pub(super) fn on_answer(&mut self, answer: Answer) {
        if let Some(peer) = self.peers.get_mut(&answer.peer) {
            peer.answering = peer.answering.saturating_sub(1);
        }
        self.counters.requests_answered.fetch_add(1, Relaxed);
        let exchange = &mut self.swarm.behaviour_mut().exchange;
        let _gone = exchange.send_response(answer.channel, answer.response);
    }
}

fn refused(reason: &str) -> Response {
    Response::Refused(reason.to_owned())
}
