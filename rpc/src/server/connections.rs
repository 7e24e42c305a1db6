//! Who is connected: counts connections in all and per address, and the calls of each.
//!
//! Loopback is nobody's address in particular (a proxy in front of the node, every program of this
//! machine), so only the total bounds it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    open: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    per_address: usize,
    calls: usize,
}

/// The right of one connection to be open; given back when dropped. A WebSocket's session holds it
/// too.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    address: IpAddr,
    calls: Arc<Semaphore>,
    _open: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            open: Arc::new(Semaphore::new(limits.connections)),
            by_address: Mutex::new(HashMap::new()),
            per_address: limits.connections_per_address,
            calls: limits.calls_per_connection,
        }
    }

    /// A permit for a connection from `address`; none when there are too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        let address = counted_as(address);
        let most = if address.is_loopback() { usize::MAX } else { self.per_address };
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(by_address);
        let calls = Arc::new(Semaphore::new(self.calls));
        Some(ConnectionPermit { connections: Arc::clone(self), address, calls, _open: open })
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
    /// The right to one more call in flight; none when the connection has too many.
    pub(super) fn call(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.calls).try_acquire_owned().ok()
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut by_address =
            self.connections.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
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
