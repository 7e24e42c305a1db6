//! What the server measures of itself, and the page that monitoring reads (OpenMetrics text).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::server::StopHandle;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::backend::Backend;
use crate::error::RpcError;

/// Scrapes that are answered at once.
const SCRAPES: usize = 8;
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A call's method, and how it ended: `ok`, or the name of the error.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    method: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    calls: Family<Called, Counter>,
    seconds: Family<Method, Histogram, fn() -> Histogram>,
    open: Gauge<i64, AtomicI64>,
    turned_away: Counter,
    subscriptions: Gauge<i64, AtomicI64>,
}

/// From 0.1 ms to 52 s, by factors of 3.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 3.0, 13))
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            open: Gauge::default(),
            turned_away: Counter::default(),
            subscriptions: Gauge::default(),
        }
    }

    /// A call has ended.
    pub(super) fn called<T>(
        &self,
        method: &'static str,
        begun: Instant,
        ended: &Result<T, RpcError>,
    ) {
        let outcome = ended.as_ref().map_or_else(|error| error.code.name(), |_| "ok");
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(method, outcome, took_us, "JSON-RPC call");
        self.calls.get_or_create(&Called { method, outcome }).inc();
        self.seconds.get_or_create(&Method { method }).observe(begun.elapsed().as_secs_f64());
    }

    /// A connection was refused: there are too many.
    pub(super) fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// A connection is open as long as what this gives lives.
    pub(super) fn connection(&self) -> Counted {
        Counted::new(&self.open)
    }

    /// A subscription is open as long as what this gives lives.
    pub(super) fn subscription(&self) -> Counted {
        Counted::new(&self.subscriptions)
    }

    /// All of it as OpenMetrics text, with what the node says of its health.
    async fn page(&self, backend: &dyn Backend) -> String {
        let mut registry = Registry::with_prefix("pollen");
        registry.register("rpc_calls", "Calls by method and how they ended", self.calls.clone());
        registry.register(
            "rpc_call_seconds",
            "How long calls took, waits that were asked for included",
            self.seconds.clone(),
        );
        registry.register("rpc_connections", "Open connections", self.open.clone());
        registry.register(
            "rpc_connections_refused",
            "Connections that were refused: too many",
            self.turned_away.clone(),
        );
        registry.register("rpc_subscriptions", "Open subscriptions", self.subscriptions.clone());
        let mut tell = |name: &str, help: &str, value: u64| {
            let gauge = Gauge::<i64, AtomicI64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        };
        let head = backend.head();
        tell("height", "Height of the last executed checkpoint", head.height);
        if let Ok(health) = backend.node_health().await {
            let health = health.value;
            tell("ready", "Whether the node does its work: 1 or 0", health.ready.into());
            tell(
                "ledger_lag_milliseconds",
                "How far ledger time lies behind the node's clock",
                health.lag_ms,
            );
            tell("dag_round", "Highest round of the DAG that the node holds", health.round.into());
            tell("peers", "Connected peers", health.peers.into());
            tell("pool_transactions", "Transactions that wait in the pool", health.pool.into());
        }
        if let Ok(head) = backend.chain_head(crate::api::ReadAt::Latest).await {
            tell(
                "certified_height",
                "Height of the last checkpoint that a quorum attested to",
                head.value.certified_height,
            );
            tell("committed_round", "Round of the last commit", head.value.committed_round.into());
        }
        let mut page = String::new();
        match text::encode(&mut page, &registry) {
            Ok(()) => page,
            Err(error) => {
                tracing::error!(%error, "metrics could not be written");
                String::new()
            }
        }
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Gauge<i64, AtomicI64>);

impl Counted {
    fn new(gauge: &Gauge<i64, AtomicI64>) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Serves `GET /metrics` until it is told to stop. A port of its own, since it is for those who run the node.
pub(super) async fn serve(
    listener: TcpListener,
    meter: Meter,
    backend: Arc<dyn Backend>,
    stop: StopHandle,
) {
    let places = Arc::new(Semaphore::new(SCRAPES));
    let stopped = stop.shutdown();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (meter, backend) = (meter.clone(), Arc::clone(&backend));
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request: Request<Incoming>| {
                let (meter, backend) = (meter.clone(), Arc::clone(&backend));
                async move {
                    Ok::<_, std::convert::Infallible>(answer(&request, &meter, &*backend).await)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(SCRAPE_TIMEOUT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(socket), service);
            // Whoever goes away or is too slow is not answered: that is all.
            let _ = tokio::time::timeout(2 * SCRAPE_TIMEOUT, connection).await;
        });
    }
}

async fn answer(
    request: &Request<Incoming>,
    meter: &Meter,
    backend: &dyn Backend,
) -> Response<Full<Bytes>> {
    let (status, kind, body) = match request.uri().path() {
        "/metrics" => (StatusCode::OK, OPEN_METRICS, meter.page(backend).await),
        _ => (StatusCode::NOT_FOUND, "text/plain", "metrics are at /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Where metrics are served, when they are.
pub(super) async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
