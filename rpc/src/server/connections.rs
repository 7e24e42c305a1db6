//! Who is connected: counts connections in all and per address, and the calls of each.
//!
//! Loopback is nobody's address in particular (a proxy in front of the node, every program of this
//! machine), so only the total bounds it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::allowance::Allowance;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    open: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, Guest>>,
    per_address: usize,
    calls: usize,
    cost_per_second: u32,
    cost_burst: u32,
}

/// What is known of an address.
#[derive(Debug)]
struct Guest {
    open: usize,
    allowance: Allowance,
}

/// Addresses without a connection that are remembered, for what they have used of their allowance.
const REMEMBERED: usize = 16_384;

/// The right of one connection to be open; given back when dropped. A WebSocket's session holds it
/// too.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    address: IpAddr,
    calls: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    _open: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            open: Arc::new(Semaphore::new(limits.connections)),
            by_address: Mutex::new(HashMap::new()),
            per_address: limits.connections_per_address,
            calls: limits.calls_per_connection,
            cost_per_second: limits.cost_per_second,
            cost_burst: limits.cost_burst,
        }
    }

    /// A permit for a connection from `address`; none when there are too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        let address = counted_as(address);
        let most = if address.is_loopback() { usize::MAX } else { self.per_address };
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let guest = by_address.entry(address).or_insert_with(|| {
            let allowance = Allowance::new(self.cost_per_second, self.cost_burst, now);
            Guest { open: 0, allowance }
        });
        if guest.open >= most {
            return None;
        }
        guest.open += 1;
        if by_address.len() > REMEMBERED {
            by_address.retain(|_, guest| guest.open > 0 || !guest.allowance.is_full(now));
        }
        drop(by_address);
        let calls = Arc::new(Semaphore::new(self.calls));
        let answers = Arc::new(Semaphore::new(2 * self.calls));
        Some(ConnectionPermit {
            connections: Arc::clone(self),
            address,
            calls,
            answers,
            _open: open,
        })
    }
}

/// Whoever has one IPv6 address has its whole /64, so that is what counts.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        other => other,
    }
}

impl ConnectionPermit {
    /// The right to one more call in flight, and to an answer that waits to be sent; none when the connection has too
    /// many. Twice as many may wait: who reads at once may ask again before the answer is known to be gone.
    pub(super) fn call(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let call = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        let answer = Arc::clone(&self.answers).try_acquire_owned().ok()?;
        Some((call, answer))
    }

    /// Pays for a call from the allowance of its address, or says when it could.
    pub(super) fn pay(&self, cost: u32, now: Instant) -> Result<(), Duration> {
        if self.address.is_loopback() {
            return Ok(());
        }
        let mut by_address =
            self.connections.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = by_address.get_mut(&self.address);
        guest.map_or(Ok(()), |guest| guest.allowance.take(cost, now))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut by_address =
            self.connections.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = by_address.get_mut(&self.address) {
            guest.open -= 1;
            // One that has used of its allowance is remembered: else it would come back to a full one.
            if guest.open == 0 && guest.allowance.is_full(Instant::now()) {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the port from one host that opens every connection, and from one with a whole /64.
    #[test]
    fn connections_are_counted_per_address_and_given_back() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let connections = Arc::new(Connections::new(&limits));
        let first: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let a = connections.admit(first).unwrap();
        let _b = connections.admit(neighbour).unwrap();
        assert!(connections.admit(first).is_none(), "two of one /64 are open");
        let _c = connections.admit(other).unwrap();
        assert!(connections.admit("192.0.2.2".parse().unwrap()).is_none(), "three are open");
        drop(a);
        let _d = connections.admit(first).expect("one was given back");
    }

    /// Protects the node from one that asks without end, and that reconnects to be forgotten.
    #[test]
    fn an_address_has_one_allowance_over_all_its_connections() {
        let limits = Limits { cost_per_second: 1, cost_burst: 10, ..Limits::default() };
        let connections = Arc::new(Connections::new(&limits));
        let (address, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        let first = connections.admit(address).unwrap();
        first.pay(6, now).unwrap();
        let second = connections.admit(address).unwrap();
        assert!(second.pay(6, now).is_err(), "4 are left");
        drop((first, second));
        let again = connections.admit(address).unwrap();
        assert!(again.pay(6, now).is_err(), "it is remembered");
        connections.admit(other).unwrap().pay(6, now).unwrap();
        let here = connections.admit("127.0.0.1".parse().unwrap()).unwrap();
        assert!((0..100).all(|_| here.pay(6, now).is_ok()), "loopback is nobody in particular");
    }

    /// Protects nodes behind a proxy on the same machine, where every client has its address.
    #[test]
    fn loopback_is_bounded_by_the_total_only() {
        let limits = Limits { connections: 3, connections_per_address: 1, ..Limits::default() };
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let connections = Arc::new(Connections::new(&limits));
            let address = loopback.parse().unwrap();
            let open: Vec<_> = (0..4).filter_map(|_| connections.admit(address)).collect();
            assert_eq!(open.len(), 3, "{loopback}");
        }
    }
}
