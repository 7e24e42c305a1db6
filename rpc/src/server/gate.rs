//! What happens to an HTTP request before jsonrpsee sees it: who may ask, by which name, with how
//! much, and what is not JSON-RPC: the page, the interface's document, two words for those who watch.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use jsonrpsee::server::http::response::too_large;
use jsonrpsee::server::{
    HttpBody, HttpRequest, HttpResponse, Methods, StopHandle, TowerServiceBuilder, ws,
};
use tower::Service as _;
use tower::layer::util::Identity;

use super::connections::ConnectionPermit;
use super::{Limits, ServerConfig, page, request};
use crate::backend::Backend;

/// How much longer than the longest wait a whole HTTP call, or batch, may take.
const CALL_MARGIN: Duration = Duration::from_secs(15);

/// See the module's documentation.
pub(super) struct Gate {
    hosts: Option<Vec<String>>,
    origins: Vec<String>,
    limits: Limits,
    service: TowerServiceBuilder<Identity, Identity>,
    methods: Methods,
    /// The interface as an OpenRPC document.
    document: Arc<str>,
    backend: Arc<dyn Backend>,
    stop: StopHandle,
}

impl Gate {
    pub(super) fn new(
        config: ServerConfig,
        service: TowerServiceBuilder<Identity, Identity>,
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
        let (origins, limits) = (config.allowed_origins, config.limits);
        Self { hosts, origins, limits, service, methods, document, backend, stop }
    }

    /// Answers one request. Never fails: what is wrong is told by the status.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        permit: Arc<ConnectionPermit>,
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
        permit: Arc<ConnectionPermit>,
    ) -> HttpResponse {
        let upgrade = ws::is_upgrade_request(&request);
        // The head of an answer is made as the whole is; its body is left away where it is sent.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        match (method, request.uri().path()) {
            (&Method::GET, "/" | "/ws") if upgrade => self.upgrade(request, permit).await,
            (&Method::POST, "/") => self.call(request, permit).await,
            // A browser asks first whether a page of another origin may call.
            (&Method::OPTIONS, "/") => text(StatusCode::NO_CONTENT, ""),
            (&Method::GET, "/healthz") => text(StatusCode::OK, "alive\n"),
            (&Method::GET, "/readyz") => self.ready().await,
            (&Method::GET, "/openrpc.json") => json(&self.document),
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
        permit: Arc<ConnectionPermit>,
    ) -> HttpResponse {
        let (mut parts, body) = request.into_parts();
        let max = self.limits.body_bytes;
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
        let checked = request::check(&body, self.limits.batch as usize);
        let Some(sent) = checked.body.as_deref() else {
            return answered(checked.complete(None));
        };
        let sent = match checked.is_good() {
            true => body.slice_ref(sent),
            false => Bytes::copy_from_slice(sent),
        };
        // There is one format, whatever a client calls it: `curl -d` says it sends a form.
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        parts.extensions.insert(permit);
        let request = HttpRequest::from_parts(parts, HttpBody::new(Full::new(sent)));
        let time = Duration::from_millis(self.limits.wait_ms) + CALL_MARGIN;
        let mut service = self.service.clone().build(self.methods.clone(), self.stop.clone());
        match tokio::time::timeout(time, service.call(request)).await {
            Ok(Ok(response)) if !checked.is_good() => match response.into_body().collect().await {
                Ok(answer) => answered(checked.complete(Some(&answer.to_bytes()))),
                Err(error) => failed(&error),
            },
            // jsonrpsee answers a notification with "null"; no answer to a call is that short.
            Ok(Ok(response))
                if response.body().size_hint().exact().is_some_and(|size| size <= 4) =>
            {
                text(StatusCode::NO_CONTENT, "")
            }
            Ok(Ok(response)) => response,
            Ok(Err(error)) => failed(&error),
            Err(_) => text(StatusCode::GATEWAY_TIMEOUT, "the call took too long: ask for less\n"),
        }
    }

    async fn upgrade(
        &self,
        mut request: Request<Incoming>,
        permit: Arc<ConnectionPermit>,
    ) -> HttpResponse {
        // The session keeps the request's extensions, and so the permit, until it ends.
        request.extensions_mut().insert(permit);
        let mut service = self.service.clone().build(self.methods.clone(), self.stop.clone());
        service.call(request.map(HttpBody::new)).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "WebSocket upgrade failed");
            text(StatusCode::BAD_REQUEST, "the WebSocket handshake failed\n")
        })
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

/// The answer to a call or a batch; none is told by the status.
fn answered(answer: Option<String>) -> HttpResponse {
    match answer {
        Some(answer) => json(&answer),
        None => text(StatusCode::NO_CONTENT, ""),
    }
}

fn failed(error: &impl std::fmt::Display) -> HttpResponse {
    tracing::warn!(%error, "JSON-RPC call failed");
    text(StatusCode::INTERNAL_SERVER_ERROR, "the call failed: see the node's log\n")
}

fn json(document: &str) -> HttpResponse {
    let mut response = text(StatusCode::OK, document);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn text(status: StatusCode, words: impl Into<String>) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(words.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
