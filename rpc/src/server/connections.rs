//! Who is connected: counts connections in all and per address, and the calls of each.
//!
//! 127.0.0.1 and ::1 are nobody's addresses in particular (every program of this machine, a proxy that nobody told of),
//! so only the total bounds them. Who comes through a proxy that the operator named is counted by the address that the
//! proxy tells.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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
    /// Addresses that many clients have: nothing is counted by them, and none is in `by_address`.
    shared: Vec<IpAddr>,
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

/// What a message costs that is no call: who makes mistakes hardly notices.
const RUBBISH: u32 = 10;

/// The right of one connection to be open; given back when dropped. A WebSocket's session holds it
/// too.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    address: IpAddr,
    calls: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    open: Arc<OwnedSemaphorePermit>,
}

impl Connections {
    /// With nobody connected. `proxies` have the connections of many.
    pub(super) fn new(limits: &Limits, proxies: &[IpAddr]) -> Self {
        let mut shared = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        shared.extend(proxies.iter().map(|proxy| counted_as(*proxy)));
        Self {
            shared,
            open: Arc::new(Semaphore::new(limits.connections)),
            by_address: Mutex::new(HashMap::new()),
            per_address: limits.connections_per_address,
            calls: limits.calls_per_connection,
            cost_per_second: limits.cost_per_second,
            cost_burst: limits.cost_burst,
        }
    }

    /// A permit for a connection from `address`; none when there are too many, or it is shut out.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Option<ConnectionPermit> {
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        self.enter(address, Arc::new(open), now)
    }

    fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        open: Arc<OwnedSemaphorePermit>,
        now: Instant,
    ) -> Option<ConnectionPermit> {
        let address = counted_as(address);
        if !self.shared.contains(&address) {
            self.count(address, now)?;
        }
        let calls = Arc::new(Semaphore::new(self.calls));
        let answers = Arc::new(Semaphore::new(2 * self.calls));
        Some(ConnectionPermit { connections: Arc::clone(self), address, calls, answers, open })
    }

    /// One more connection of an address, which pays for it; none when it has too many, or is shut out.
    fn count(&self, address: IpAddr, now: Instant) -> Option<()> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = by_address.entry(address).or_insert_with(|| {
            let allowance = Allowance::new(self.cost_per_second, self.cost_burst, now);
            Guest { open: 0, allowance }
        });
        if guest.open >= self.per_address || guest.allowance.shut(now).is_some() {
            return None;
        }
        guest.allowance.owe(1, now);
        guest.open += 1;
        if by_address.len() > REMEMBERED {
            by_address.retain(|_, guest| guest.open > 0 || !guest.allowance.is_full(now));
        }
        Some(())
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
    /// The permit of one who asks through a proxy, whose connection this is; none when he has too many, or is shut out.
    pub(super) fn of_client(&self, address: IpAddr, now: Instant) -> Option<Self> {
        self.connections.enter(address, Arc::clone(&self.open), now)
    }

    /// The right to one more call in flight, and to an answer that waits to be sent; none when the connection has too
    /// many. Twice as many may wait: who reads at once may ask again before the answer is known to be gone.
    pub(super) fn call(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let call = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        let answer = Arc::clone(&self.answers).try_acquire_owned().ok()?;
        Some((call, answer))
    }

    /// Pays for a call from the allowance of its address, or says when it could.
    pub(super) fn pay(&self, cost: u32, now: Instant) -> Result<(), Duration> {
        self.with_allowance(|allowance| allowance.take(cost, now)).unwrap_or(Ok(()))
    }

    /// Pays for what is done already: it is owed where it is not there.
    pub(super) fn owe(&self, cost: u32, now: Instant) {
        if cost == 0 {
            return; // the most of all messages
        }
        self.with_allowance(|allowance| allowance.owe(cost, now));
    }

    /// Pays for a message, or whatever came, that is no call.
    pub(super) fn rubbish(&self, now: Instant) {
        self.owe(RUBBISH, now);
    }

    /// How long nothing is taken from its address, which owes too much.
    pub(super) fn shut_out(&self, now: Instant) -> Option<Duration> {
        self.with_allowance(|allowance| allowance.shut(now)).flatten()
    }

    /// None of an address that many share: nothing is counted by it.
    fn with_allowance<T>(&self, act: impl FnOnce(&mut Allowance) -> T) -> Option<T> {
        let by_address = self.connections.by_address.lock();
        let mut by_address = by_address.unwrap_or_else(PoisonError::into_inner);
        by_address.get_mut(&self.address).map(|guest| act(&mut guest.allowance))
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
        let (connections, now) = (Arc::new(Connections::new(&limits, &[])), Instant::now());
        let first: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let a = connections.admit(first, now).unwrap();
        let _b = connections.admit(neighbour, now).unwrap();
        assert!(connections.admit(first, now).is_none(), "two of one /64 are open");
        let _c = connections.admit(other, now).unwrap();
        assert!(connections.admit("192.0.2.2".parse().unwrap(), now).is_none(), "three are open");
        drop(a);
        let _d = connections.admit(first, now).expect("one was given back");
    }

    /// Protects the node from one that asks without end, and that reconnects to be forgotten.
    #[test]
    fn an_address_has_one_allowance_over_all_its_connections() {
        let limits = Limits { cost_per_second: 1, cost_burst: 10, ..Limits::default() };
        let connections = Arc::new(Connections::new(&limits, &[]));
        let (address, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        let first = connections.admit(address, now).unwrap();
        first.pay(6, now).unwrap();
        let second = connections.admit(address, now).unwrap();
        assert!(second.pay(6, now).is_err(), "4 are left");
        drop((first, second));
        let again = connections.admit(address, now).unwrap();
        assert!(again.pay(6, now).is_err(), "it is remembered");
        connections.admit(other, now).unwrap().pay(6, now).unwrap();
        let here = connections.admit("127.0.0.1".parse().unwrap(), now).unwrap();
        here.owe(1_000, now);
        assert!((0..100).all(|_| here.pay(6, now).is_ok()), "loopback is nobody in particular");
        let beside = connections.admit("127.0.0.2".parse().unwrap(), now).unwrap();
        beside.owe(1_000, now);
        assert!(beside.pay(6, now).is_err(), "another address of loopback is one like any other");
    }

    /// Protects the node from one that is refused and goes on: it is not even let in, until it owes nothing.
    #[test]
    fn an_address_that_owes_too_much_is_not_let_in() {
        let limits = Limits { cost_per_second: 10, cost_burst: 10, ..Limits::default() };
        let (connections, now) = (Arc::new(Connections::new(&limits, &[])), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        let first = connections.admit(address, now).unwrap();
        assert_eq!(first.shut_out(now), None);
        first.owe(24, now);
        // A connection costs 1: 10 were there, and 15 are missing.
        assert_eq!(first.shut_out(now), Some(Duration::from_millis(1_500)));
        assert!(connections.admit(address, now).is_none());
        connections.admit("192.0.2.2".parse().unwrap(), now).expect("another one is let in");
        let later = now + Duration::from_millis(1_500);
        connections.admit(address, later).expect("nothing is owed any more");
    }

    /// Protects the clients of a proxy on another machine: all come over its connections, and what one of them does wrong
    /// is not the others' fault.
    #[test]
    fn a_named_proxy_is_not_bounded_by_its_address() {
        let limits = Limits {
            connections_per_address: 1,
            cost_per_second: 1,
            cost_burst: 10,
            ..Limits::default()
        };
        let proxy = "2001:db8::9".parse().unwrap();
        let (connections, now) = (Arc::new(Connections::new(&limits, &[proxy])), Instant::now());
        let first = connections.admit(proxy, now).unwrap();
        first.owe(1_000, now);
        let second = connections.admit(proxy, now).expect("as many as it needs");
        let client = "192.0.2.1".parse().unwrap();
        let asking = second.of_client(client, now).unwrap();
        asking.owe(1_000, now);
        assert!(second.of_client(client, now).is_none(), "this one is counted, and owes too much");
        assert!(second.of_client("192.0.2.2".parse().unwrap(), now).is_some());
        assert_eq!(second.shut_out(now), None);
    }

    /// A proxy with a connection for each request, and whoever measures a node on its own machine, were shut out for what
    /// connections cost: 12 000 of random bytes in 3 s did it, and nobody behind the proxy was answered any more.
    #[test]
    fn nobody_pays_for_connections_that_many_share() {
        let proxy = "192.0.2.9".parse().unwrap();
        let limits = Limits { cost_per_second: 1, cost_burst: 10, ..Limits::default() };
        let (connections, now) = (Arc::new(Connections::new(&limits, &[proxy])), Instant::now());
        for address in [proxy, "127.0.0.1".parse().unwrap(), "::1".parse().unwrap()] {
            let let_in = |_| connections.admit(address, now).is_some();
            assert!((0..1_000).all(let_in), "{address}");
        }
        let one = "192.0.2.1".parse().unwrap();
        assert!(!(0..1_000).all(|_| connections.admit(one, now).is_some()));
    }

    /// Protects nodes behind a proxy on the same machine, where every client has its address.
    #[test]
    fn loopback_is_bounded_by_the_total_only() {
        let limits = Limits { connections: 3, connections_per_address: 1, ..Limits::default() };
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let (connections, now) = (Arc::new(Connections::new(&limits, &[])), Instant::now());
            let address = loopback.parse().unwrap();
            let open: Vec<_> = (0..4).filter_map(|_| connections.admit(address, now)).collect();
            assert_eq!(open.len(), 3, "{loopback}");
        }
    }
}
