//! The parts that need no socket.

use super::*;
use crate::network::dialing::{Backoff, Schedule};
use crate::network::exchange::Allowance;
use crate::network::frame::{self, FrameError};
use libp2p::swarm::ConnectionId;

/// The peer id must be the one that Noise and TLS authenticate.
#[test]
fn peer_ids_are_those_of_libp2p() {
    let key = key("any");
    let keypair = libp2p::identity::Keypair::ed25519_from_bytes(key.seed()).unwrap();
    assert_eq!(peer_id_of(&key.public_key()), keypair.public().to_peer_id());
}

#[tokio::test]
async fn frames_of_all_sizes_come_back() {
    for size in [0, 1, 65_536, 65_537, 1_000_000] {
        let body: Vec<u8> = (0..size).map(|at| at as u8).collect();
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &body).await.unwrap();
        let mut reader = &bytes[..];
        assert_eq!(frame::read(&mut reader, 1_000_000).await.unwrap(), Some(body));
        assert_eq!(frame::read(&mut reader, 1_000_000).await.unwrap(), None, "the end is clean");
    }
}

#[tokio::test]
async fn a_frame_that_lies_is_an_error() {
    let long = 1001u32.to_be_bytes();
    let refused = frame::read(&mut &long[..], 1000).await;
    assert!(matches!(refused, Err(FrameError::TooLarge { bytes: 1001, max: 1000 })));
    let short = frame::read(&mut &[0, 0, 0, 9, 1, 2][..], 1000).await;
    assert!(matches!(short, Err(FrameError::Io(_))), "ends before the promised bytes");
    let cut = frame::read(&mut &[0, 0][..], 1000).await;
    assert!(matches!(cut, Err(FrameError::Io(_))), "ends inside the length");
}

#[test]
fn an_allowance_fills_with_time() {
    let start = Instant::now();
    let mut allowance = Allowance::new(10, start);
    let taken = (0..100).filter(|_| allowance.take(start)).count();
    assert_eq!(taken, 20, "twice the rate at once");
    let later = start + Duration::from_millis(550);
    let taken = (0..100).filter(|_| allowance.take(later)).count();
    assert_eq!(taken, 5);
}

fn schedule(own: PeerId, peer: PeerId, now: Instant) -> Schedule {
    let backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };
    let mut schedule = Schedule::new(backoff);
    schedule.add(own, Some(peer), &[listen_on(TransportKind::Tcp)], true, now);
    schedule
}

/// Waits grow and stay below the bound, for ever; success makes them small again.
#[test]
fn dialling_backs_off_and_never_gives_up() {
    let (own, peer) = ordered_peers();
    let mut now = Instant::now();
    let mut schedule = schedule(own, peer, now);
    let mut waits = Vec::new();
    for number in 0..40 {
        let due = schedule.due(now);
        assert_eq!(due.len(), 1);
        let connection = ConnectionId::new_unchecked(number);
        schedule.dialling(&due[0], Some(connection), now);
        assert!(schedule.due(now).is_empty(), "one dial at a time");
        schedule.failed(connection, now);
        let next = schedule.next_at().expect("never gives up");
        waits.push(next - now);
        now = next;
    }
    assert!(waits[0] <= Duration::from_millis(100));
    assert!(waits[39] >= Duration::from_millis(2500) && waits[39] <= Duration::from_secs(5));
    schedule.connected(peer, ConnectionId::new_unchecked(99));
    assert_eq!(schedule.next_at(), None, "connected peers are not dialled");
    schedule.proven(peer);
    schedule.disconnected(peer, now);
    assert!(schedule.next_at().expect("dialled again") - now <= Duration::from_millis(100));
}

/// Of two validators that start at the same moment, one dials first.
#[test]
fn the_lesser_peer_dials_first() {
    let (lesser, greater) = ordered_peers();
    let now = Instant::now();
    assert_eq!(schedule(lesser, greater, now).due(now).len(), 1);
    let patient = schedule(greater, lesser, now);
    assert!(patient.due(now).is_empty());
    assert_eq!(patient.due(now + Duration::from_millis(500)).len(), 1);
}

fn ordered_peers() -> (PeerId, PeerId) {
    let one = peer_id_of(&key("one").public_key());
    let two = peer_id_of(&key("two").public_key());
    (one.min(two), one.max(two))
}

#[test]
fn the_preferred_transport_comes_first() {
    let (own, peer) = ordered_peers();
    let (tcp, quic) = (listen_on(TransportKind::Tcp), listen_on(TransportKind::Quic));
    let now = Instant::now();
    let mut schedule = Schedule::new(Backoff { min: Duration::ZERO, max: Duration::ZERO });
    schedule.add(own, Some(peer), &[quic.clone(), tcp.clone()], false, now);
    schedule.prefer(TransportKind::Tcp);
    assert_eq!(schedule.due(now)[0].addresses, [tcp, quic]);
}
