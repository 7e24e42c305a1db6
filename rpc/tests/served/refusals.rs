//! What the server refuses before any method runs, and that it goes on answering.

use std::time::Duration;

use jsonrpsee::core::client::{ClientT as _, Error, SubscriptionClientT as _};
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClientBuilder;
use pollen_rpc::api::EventNotice;
use pollen_rpc::server::{Limits, ServerConfig};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{config, exchange, get, read_to_end, served, served_as, served_with};

/// Protects memory: neither a declared nor a streamed body may exceed the limit.
#[tokio::test]
async fn oversize_bodies_are_refused_unread() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let served = served_with(limits).await;
    let (status, body) = served.post(&"x".repeat(1001)).await;
    assert_eq!(status, 413, "{body}");
    let address = served.server.address();
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    let streamed = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    assert_eq!(exchange(address, &streamed).await.0, 413);
    assert_eq!(served.result("chain_head", json!({})).await["round"], 5);
}

/// Protects the processor: a batch is a way to ask for much with little.
#[tokio::test]
async fn a_batch_beyond_its_limit_is_refused_whole() {
    let served = served().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head"}"#;
    let (_, body) = served.post(&format!("[{}]", vec![call; 33].join(","))).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["error"]["code"], -32010, "{body}");
    let (_, body) = served.post(&format!("[{}]", vec![call; 32].join(","))).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&body).unwrap().len(), 32);
}

/// Protects connections: a socket that says nothing, or half a header or body, is closed.
#[tokio::test]
async fn slow_sockets_are_closed() {
    let limits = Limits { header_timeout_ms: 50, body_timeout_ms: 50, ..Limits::default() };
    let served = served_with(limits).await;
    let address = served.server.address();
    let half_body = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
    for (sent, expected) in [("", ""), ("POST / HT", ""), (half_body.as_str(), "HTTP/1.1 408")] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut socket).await;
        assert!(answer.starts_with(expected), "{sent:?}: {answer}");
    }
}

/// Protects the node's file handles: beyond the limit a connection is closed, until one ends.
#[tokio::test]
async fn there_are_so_many_connections() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let served = served_with(limits).await;
    let address = served.server.address();
    let url = format!("ws://{address}/ws");
    // Sessions over WebSocket count for as long as they last.
    let first = WsClientBuilder::default().build(&url).await.unwrap();
    let _second = WsClientBuilder::default().build(&url).await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(read_to_end(&mut third).await, "", "closed without a word");
    drop(first);
    let host = format!("Host: {address}\r\n");
    let answered = async {
        while !answers(address, &host).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered).await.expect("a place became free");
}

async fn answers(address: std::net::SocketAddr, host: &str) -> bool {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nConnection: close\r\n{host}\r\n");
    // It may be closed while we write: then there is no answer.
    let _ = socket.write_all(request.as_bytes()).await;
    read_to_end(&mut socket).await.starts_with("HTTP/1.1 200")
}

/// Protects whoever browses the web on the node's machine: a page of another site may not call the
/// node, neither under its own name pointed here (DNS rebinding) nor across origins.
#[tokio::test]
async fn web_pages_of_others_are_refused() {
    let served = served().await;
    let address = served.server.address();
    let port = address.port();
    for (headers, status) in [
        (format!("Host: localhost:{port}\r\n"), 200),
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        (format!("Host: evil.example:{port}\r\n"), 403),
        (String::new(), 403),
        (format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"), 200),
        (format!("Host: localhost:{port}\r\nOrigin: https://evil.example\r\n"), 403),
        (format!("Host: localhost:{port}\r\nOrigin: null\r\n"), 403),
    ] {
        assert_eq!(get(address, "/healthz", &headers).await.0, status, "{headers}");
    }
}

/// An explorer on a site of its own can be let in: the browser asks first, and may read the answer.
#[tokio::test]
async fn a_configured_origin_may_call() {
    let origin = "https://explorer.example";
    let config = ServerConfig { allowed_origins: vec![origin.into()], ..config() };
    let served = served_as(config).await;
    let address = served.server.address();
    let ask = |method: &str| {
        format!(
            "{method} / HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(ask("OPTIONS").as_bytes()).await.unwrap();
    let answer = read_to_end(&mut socket).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 204"), "{answer}");
    assert!(answer.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{answer}");
    assert!(answer.contains("access-control-allow-methods: post\r\n"), "{answer}");
    let other = ask("OPTIONS").replace(origin, "https://evil.example");
    assert_eq!(exchange(address, &other).await.0, 403);
}

/// Protects memory and disk: each subscription reads the store for itself.
#[tokio::test]
async fn a_connection_gets_eight_subscriptions() {
    let served = served().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", served.server.address()))
        .await
        .unwrap();
    let subscribe = || {
        client.subscribe::<EventNotice, _>(
            "events_subscribe",
            ObjectParams::new(),
            "events_unsubscribe",
        )
    };
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(subscribe().await.unwrap());
    }
    let refused = subscribe().await.unwrap_err();
    assert!(matches!(&refused, Error::Call(error) if error.code() == -32006), "{refused}");
    open.pop().unwrap().unsubscribe().await.unwrap();
    let answer: Value = client.request("chain_head", ObjectParams::new()).await.unwrap();
    assert_eq!(answer["round"], 5, "calls go on beside subscriptions");
}

/// A busy port is told plainly.
#[tokio::test]
async fn a_busy_port_is_told() {
    let served = served().await;
    let config = ServerConfig::new(served.server.address());
    let error = pollen_rpc::server::RpcServer::start(config, served.chain.clone()).await;
    let words = error.unwrap_err().to_string();
    assert!(words.contains(&served.server.address().to_string()), "{words}");
}
