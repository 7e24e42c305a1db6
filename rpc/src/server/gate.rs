//! What happens to an HTTP request: who may ask, by which name, with how much, and what is not JSON-RPC: the page, the
//! interface's document, two words for those who watch.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jsonrpsee::core::server::Methods;
use jsonrpsee::server::StopHandle;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::caller::Caller;
use super::connections::ConnectionPermit;
use super::{Limits, ServerConfig, page, session};
use crate::backend::Backend;

/// How much longer than the longest wait a whole HTTP call, or batch, may take.
const CALL_MARGIN: Duration = Duration::from_secs(15);

/// What proxies write whom they ask for into, the nearest last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What is answered: all of it is there before its first byte is sent.
pub(super) type HttpResponse = Response<Full<Bytes>>;

/// See the module's documentation.
pub(super) struct Gate {
    hosts: Option<Vec<String>>,
    origins: Vec<String>,
    proxies: Vec<IpAddr>,
    limits: Limits,
    methods: Methods,
    /// The interface as an OpenRPC document.
    document: Arc<str>,
    backend: Arc<dyn Backend>,
    stop: StopHandle,
}

impl Gate {
    pub(super) fn new(
        config: ServerConfig,
        methods: Methods,
        document: Arc<str>,
        backend: Arc<dyn Backend>,
        stop: StopHandle,
    ) -> Self {
        let loopback = config.listen.ip().is_loopback();
        let mut hosts = config.allowed_hosts;
        if loopback {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        let hosts = (!hosts.is_empty()).then_some(hosts);
        let (origins, proxies, limits) = (config.allowed_origins, config.proxies, config.limits);
        Self { hosts, origins, proxies, limits, methods, document, backend, stop }
    }

    /// Those whose word is taken for whom they ask for.
    pub(super) fn proxies(&self) -> &[IpAddr] {
        &self.proxies
    }

    /// Answers one request. Never fails: what is wrong is told by the status.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        mut permit: Arc<ConnectionPermit>,
    ) -> HttpResponse {
        if let Some(wait) = permit.shut_out(Instant::now()) {
            return shut_out(wait, true);
        }
        if let Some(client) = self.client(peer, request.headers()) {
            let Some(own) = permit.of_client(client, Instant::now()) else {
                return shut_out(Duration::from_secs(1), false);
            };
            permit = Arc::new(own);
        }
        let response = self.let_in(request, &permit).await;
        if response.status().is_client_error() {
            permit.rubbish(Instant::now());
        }
        response
    }

    async fn let_in(
        &self,
        request: Request<Incoming>,
        permit: &Arc<ConnectionPermit>,
    ) -> HttpResponse {
        if !self.host_allowed(request.headers()) {
            return text(StatusCode::FORBIDDEN, "this host name is not allowed here\n");
        }
        let origin = request.headers().get(header::ORIGIN).cloned();
        if let Some(origin) = &origin
            && !self.origin_allowed(origin, request.headers())
        {
            return text(StatusCode::FORBIDDEN, "this web page's origin is not allowed here\n");
        }
        let mut response = self.route(request, permit).await;
        if let Some(origin) = origin {
            allow_origin(response.headers_mut(), origin);
        }
        response
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        permit: &Arc<ConnectionPermit>,
    ) -> HttpResponse {
        let upgrade = session::is_asked_for(request.headers());
        // The head of an answer is made as the whole is; its body is left away where it is sent.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        match (method, request.uri().path()) {
            (&Method::GET, "/" | "/ws") if upgrade => self.upgrade(request, permit),
            (&Method::POST, "/") => self.call(request, permit).await,
            // A browser asks first whether a page of another origin may call.
            (&Method::OPTIONS, "/") => text(StatusCode::NO_CONTENT, ""),
            (&Method::GET, "/healthz") => text(StatusCode::OK, "alive\n"),
            (&Method::GET, "/readyz") => self.ready().await,
            (&Method::GET, "/openrpc.json") => json(&*self.document),
            (&Method::GET, "/genesis.json") => json(self.backend.genesis()),
            (&Method::GET, path) if path != "/ws" => page::file(path, request.headers())
                .unwrap_or_else(|| {
                    text(StatusCode::NOT_FOUND, "JSON-RPC is at /, and so is the page\n")
                }),
            (_, "/" | "/ws" | "/healthz" | "/readyz" | "/openrpc.json" | "/genesis.json") => text(
                StatusCode::METHOD_NOT_ALLOWED,
                "JSON-RPC: POST to / or open a WebSocket at /ws\n",
            ),
            _ => text(StatusCode::NOT_FOUND, "JSON-RPC is at /, and so is the page\n"),
        }
    }

    async fn call(
        &self,
        request: Request<Incoming>,
        permit: &Arc<ConnectionPermit>,
    ) -> HttpResponse {
        let (body, max) = (request.into_body(), self.limits.body_bytes);
        if body.size_hint().lower() > u64::from(max) {
            return too_large(max);
        }
        let reading = Limited::new(body, max as usize).collect();
        let timeout = Duration::from_millis(self.limits.body_timeout_ms);
        let body = match tokio::time::timeout(timeout, reading).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return too_large(max),
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body was cut off\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
        };
        // There is one format, whatever a client calls it: `curl -d` says it sends a form.
        let caller = Caller::new(&self.methods, &self.limits, Arc::clone(permit), None);
        let time = Duration::from_millis(self.limits.wait_ms) + CALL_MARGIN;
        match tokio::time::timeout(time, caller.answer(&body)).await {
            // The connection answers one call after the other, so this one is as good as sent.
            Ok(Some(answer)) => json(answer.sent()),
            Ok(None) => text(StatusCode::NO_CONTENT, ""),
            Err(_) => text(StatusCode::GATEWAY_TIMEOUT, "the call took too long: ask for less\n"),
        }
    }

    fn upgrade(&self, request: Request<Incoming>, permit: &Arc<ConnectionPermit>) -> HttpResponse {
        match create_response_with_body(&request, Full::default) {
            Ok(response) => {
                let (methods, limits) = (self.methods.clone(), self.limits.clone());
                let (permit, stop) = (Arc::clone(permit), self.stop.clone());
                tokio::spawn(session::run(request, methods, limits, permit, stop));
                response
            }
            Err(error) => {
                text(StatusCode::BAD_REQUEST, format!("the WebSocket handshake failed: {error}\n"))
            }
        }
    }

    async fn ready(&self) -> HttpResponse {
        match self.backend.node_health().await {
            Ok(health) if health.value.ready => text(StatusCode::OK, "ready\n"),
            Ok(health) => {
                let reasons = health.value.reasons.join("\n") + "\n";
                text(StatusCode::SERVICE_UNAVAILABLE, reasons)
            }
            Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        }
    }

    /// Who asks through a proxy of ours: the last address that none of them has, of those that they tell.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.proxies.contains(&peer.to_canonical()) {
            return None; // anybody may write what he likes
        }
        let told = headers.get_all(FORWARDED_FOR).iter().rev();
        let told = told.filter_map(|told| told.to_str().ok()).flat_map(|told| told.rsplit(','));
        let addresses = told.map_while(|one| one.trim().parse::<IpAddr>().ok());
        addresses.map(|address| address.to_canonical()).find(|one| !self.proxies.contains(one))
    }

    /// A web page whose name was made to point at this machine still says its own name here.
    fn host_allowed(&self, headers: &HeaderMap) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        host(headers).is_some_and(|host| {
            let name = match host.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
                _ => host,
            };
            hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
        })
    }

    /// Only browsers send an origin, and they do for WebSockets too, which CORS does not cover.
    fn origin_allowed(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let same =
            origin.split_once("://").is_some_and(|(_, authority)| host(headers) == Some(authority));
        same || self.origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// The answer may be read by the page of this origin, which was found to be allowed.
fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
}

fn too_large(max: u32) -> HttpResponse {
    let words = format!("a body has at most {max} bytes: send less at once\n");
    text(StatusCode::PAYLOAD_TOO_LARGE, words)
}

fn shut_out(wait: Duration, close: bool) -> HttpResponse {
    let seconds = wait.as_secs() + 1;
    let words = format!("this address asks for too much: nothing is answered for {seconds} s\n");
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, words);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    // A proxy's connection is for others, too.
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn json(document: impl Into<String>) -> HttpResponse {
    let mut response = text(StatusCode::OK, document);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn text(status: StatusCode, words: impl Into<String>) -> HttpResponse {
    let mut response = HttpResponse::new(Full::from(words.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
