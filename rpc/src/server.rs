//! The server: JSON-RPC by HTTP POST and WebSocket, the page, and two plain words for those who watch, on one
//! port.
//!
//! jsonrpsee has the methods and subscriptions; hyper and tungstenite speak HTTP and WebSocket. The loops between them
//! are ours, since jsonrpsee's server sets no timer, leaves calls with odd ids without an answer, and reads whatever
//! comes. Everything is bounded ([`Limits`]): connections in all and per address, the time for a header and a body,
//! sizes, batches, calls in flight, waits, pages, and what an address may cost, rubbish included. What is refused is told
//! with a status or an error; only a connection too many, of one who is shut out, or one that sends no header in time, is
//! closed without a word.
//!
//! Deliberately not here: TLS (a proxy's work), anything that changes the node itself.

mod allowance;
mod caller;
mod connections;
mod gate;
mod meter;
mod methods;
mod page;
mod session;
mod subscription;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::server::{ServerHandle, StopHandle, stop_channel};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

pub use page::client_package;

use crate::api::ServedLimits;
use crate::backend::Backend;
use connections::{ConnectionPermit, Connections};
use gate::Gate;
use meter::Meter;

/// Bounds of a server. Every value is safe; the defaults fit a small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open connections of one IP address (IPv6: of one /64); 127.0.0.1 and ::1 are bounded by the total only.
    pub connections_per_address: usize,
    /// Time for a request's header, and for the next request of an idle connection, in
    /// milliseconds.
    pub header_timeout_ms: u64,
    /// Time for a request's body, in milliseconds.
    pub body_timeout_ms: u64,
    /// Bytes of a request, by HTTP or in a WebSocket message.
    pub body_bytes: u32,
    /// Bytes of an answer.
    pub response_bytes: u32,
    /// Calls in a batch.
    pub batch: u32,
    /// What one address (IPv6: one /64) may cost in a second, over time; a cheap call costs 1, one that runs a module 20
    /// and 1 each 100 000 fuel, each 8 KiB of a message and of an answer 1, what is no call 10. 127.0.0.1 and ::1 are not bounded so: a proxy has them, or anybody
    /// on this machine.
    pub cost_per_second: u32,
    /// What an address may use at once after it was quiet. One that owes as much, since it goes on though it is refused,
    /// is shut out until it owes nothing.
    pub cost_burst: u32,
    /// Subscriptions of a connection.
    pub subscriptions_per_connection: u32,
    /// Calls of a connection that are being answered.
    pub calls_per_connection: usize,
    /// Messages to a WebSocket that wait for it to read.
    pub messages_buffered: u32,
    /// Calls that cost much (of modules, for proofs, lists) and are answered or wait, over all connections.
    pub costly_calls: usize,
    /// Those of them that run at once, reads of many events and of subscriptions among them: more wait their turn, so
    /// that ordering and execution have processors left.
    pub costly_at_once: usize,
    /// The longest wait that a client may ask for, in milliseconds.
    pub wait_ms: u64,
    /// Items of a page.
    pub page: u32,
    /// Items of a page of `tx_list` and `state_scan`.
    pub list: u32,
    /// Rounds of a `dag_rounds`.
    pub dag_rounds: u32,
    /// Heights that a subscription that had caught up may fall behind before it gets a gap notice.
    pub subscription_lag_heights: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 64,
            header_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
            body_bytes: 2 << 20,
            response_bytes: 8 << 20,
            batch: 32,
            cost_per_second: 1_000,
            cost_burst: 5_000,
            subscriptions_per_connection: 8,
            calls_per_connection: 64,
            messages_buffered: 64,
            costly_calls: 64,
            costly_at_once: std::thread::available_parallelism().map_or(2, usize::from).max(2),
            wait_ms: 60_000,
            page: 1_000,
            list: 256,
            dag_rounds: 200,
            subscription_lag_heights: 1_000,
        }
    }
}

impl Limits {
    fn served(&self) -> ServedLimits {
        ServedLimits {
            body_bytes: self.body_bytes,
            response_bytes: self.response_bytes,
            batch: self.batch,
            subscriptions_per_connection: self.subscriptions_per_connection,
            wait_ms: self.wait_ms,
            page: self.page,
            list: self.list,
            dag_rounds: self.dag_rounds,
        }
    }
}

/// Where and for whom a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names by which browsers and clients may call it, without port. On a loopback address
    /// `localhost`, `127.0.0.1` and `[::1]` are always good and others are refused (DNS rebinding);
    /// elsewhere an empty list allows every name.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call it from a browser, such as `https://explorer.example`; `*` for all.
    /// A page served under the same host and port always may.
    pub allowed_origins: Vec<String>,
    /// Proxies in front of it, whose word is taken for whom they ask for (`X-Forwarded-For`): clients are then counted by
    /// their own addresses.
    pub proxies: Vec<IpAddr>,
    /// Where monitoring reads `GET /metrics` (OpenMetrics text); nowhere unless told.
    pub metrics: Option<SocketAddr>,
    /// Bounds.
    pub limits: Limits,
}

impl ServerConfig {
    /// A server on `listen`, with every default.
    pub fn new(listen: SocketAddr) -> Self {
        let (allowed_hosts, allowed_origins, proxies) = (Vec::new(), Vec::new(), Vec::new());
        let (metrics, limits) = (None, Limits::default());
        Self { listen, allowed_hosts, allowed_origins, proxies, metrics, limits }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken, or the address is not this machine's.
    #[error("{what} cannot listen on {address}: {source}: free the port, or choose another")]
    Listen {
        /// Who.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
}

/// A running server. Dropping it stops it without waiting; [`RpcServer::stop`] waits.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    handle: ServerHandle,
    accepting: tokio::task::JoinHandle<()>,
}

/// How long open calls may take to end when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

impl RpcServer {
    /// Listens, and answers from `backend` until it is stopped.
    pub async fn start(
        config: ServerConfig,
        backend: Arc<dyn Backend>,
    ) -> Result<Self, ServerError> {
        let failed = |source| {
            let (what, address) = ("JSON-RPC", config.listen);
            ServerError::Listen { what, address, source }
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let meter = Meter::new();
        let scraped = match config.metrics {
            None => None,
            Some(address) => Some(meter::listen(address).await.map_err(|source| {
                ServerError::Listen { what: "the metrics page", address, source }
            })?),
        };
        let (stop, handle) = stop_channel();
        let metrics = scraped.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = scraped {
            let serving = meter::serve(listener, meter.clone(), Arc::clone(&backend), stop.clone());
            tokio::spawn(serving);
        }
        let limits = config.limits.clone();
        let (methods, document) =
            methods::methods(Arc::clone(&backend), limits.clone(), meter.clone());
        let gate = Gate::new(config, methods, document, backend, stop.clone());
        let gate = Arc::new(gate);
        let accepting = tokio::spawn(accept(listener, gate, limits, meter, stop));
        Ok(Self { address, metrics, handle, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where monitoring reads, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Takes no more connections, lets open calls end for two seconds, then cuts them off.
    pub async fn stop(self) {
        // It may have stopped by itself: then there is nothing to tell it.
        let _ = self.handle.stop();
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the JSON-RPC server ended badly");
        }
    }
}

/// How long a connection whose other side does not read is kept: a client that stops for a minute goes on where it was.
const WRITE_PATIENCE: Duration = Duration::from_secs(120);

/// How often a WebSocket is asked whether somebody is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

async fn accept(
    listener: TcpListener,
    gate: Arc<Gate>,
    limits: Limits,
    meter: Meter,
    stop: StopHandle,
) {
    let connections = Arc::new(Connections::new(&limits, gate.proxies()));
    let mut serving = JoinSet::new();
    let stopped = stop.clone().shutdown();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => accepted,
            Some(_) = serving.join_next(), if !serving.is_empty() => continue,
        };
        match accepted {
            Ok((socket, peer)) => match connections.admit(peer.ip(), Instant::now()) {
                Some(permit) => {
                    let gate = Arc::clone(&gate);
                    let open = meter.connection();
                    let serve =
                        serve(socket, peer.ip(), permit, gate, limits.clone(), stop.clone());
                    serving.spawn(async move {
                        serve.await;
                        drop(open);
                    });
                }
                // Closed at once: a client that is told nothing tries elsewhere, and words would cost.
                None => {
                    meter.turned_away();
                    tracing::debug!(%peer, "JSON-RPC connection refused: too many");
                }
            },
            Err(error) => {
                // Out of file handles or the like: others must end first, so do not spin.
                tracing::warn!(%error, "JSON-RPC cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let ended = async { while serving.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
        tracing::debug!("JSON-RPC calls were cut off");
    }
}

async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    permit: ConnectionPermit,
    gate: Arc<Gate>,
    limits: Limits,
    stop: StopHandle,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "JSON-RPC connection lost before its first byte");
        return;
    }
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(WRITE_PATIENCE));
    let permit = Arc::new(permit);
    let held = Arc::clone(&permit);
    let service = hyper::service::service_fn(move |request| {
        let (gate, permit) = (Arc::clone(&gate), Arc::clone(&held));
        async move { Ok::<_, std::convert::Infallible>(gate.answer(request, peer, permit).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(Box::pin(socket)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.shutdown() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        permit.rubbish(Instant::now());
        tracing::debug!(%error, "JSON-RPC connection ended");
    }
}
