//! What the server refuses before any method runs, and that it goes on answering.

use std::time::Duration;

use jsonrpsee::core::client::{ClientT as _, Error, SubscriptionClientT as _};
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClientBuilder;
use pollen_ledger::Hash;
use pollen_rpc::api::EventNotice;
use pollen_rpc::server::{Limits, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::chain::module_address;
use super::wire::{self, Frame, Socket};
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

async fn connect_from(own: &str, to: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{own}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Protects the node from who sends what is no call, over and over: being refused costs too, and who goes on all the same
/// is not listened to for a while. Others, and the same one later, are served.
#[tokio::test]
async fn who_sends_rubbish_without_end_is_shut_out() {
    let limits = Limits { cost_per_second: 200, cost_burst: 200, ..Limits::default() };
    let served = served_with(limits).await;
    let address = served.server.address();
    let host = address.to_string();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head"}"#;
    let get = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");

    let mut kept = connect_from("127.0.0.2", address).await;
    let mut socket = Socket::open(connect_from("127.0.0.2", address).await, &host).await.unwrap();
    let mut refused = 0;
    while refused < 1_000 {
        // It is cut off while we write, or instead of an answer.
        let Ok(()) = socket.send(Frame::Text, b"rubbish").await else { break };
        let Some(answer) = socket.receive().await else { break };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["error"]["code"], -32700);
        refused += 1;
    }
    assert!((20..1_000).contains(&refused), "{refused} times: some are forgiven");
    // A connection that is open is told, once.
    kept.write_all(get.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut kept).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 429"), "{answer}");
    assert!(
        answer.contains("retry-after: 2\r\n") || answer.contains("retry-after: 1\r\n"),
        "{answer}"
    );
    let mut again = connect_from("127.0.0.2", address).await;
    assert_eq!(read_to_end(&mut again).await, "", "it is not let in");

    let ask = async |own: &str| {
        let mut stream = connect_from(own, address).await;
        stream.write_all(&wire::post(&host, call.as_bytes())).await.ok()?;
        wire::answer(&mut stream).await
    };
    assert_eq!(ask("127.0.0.3").await.expect("another one is served").0, 200);
    assert_eq!(ask("127.0.0.1").await.expect("and this machine").0, 200);
    let answered = async {
        while ask("127.0.0.2").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered).await.expect("it is let in again");
}

/// Protects clients behind a proxy from each other: each is counted by the address that the proxy tells, and by the nearest
/// that none of ours has. Who is no proxy may write what he likes there.
#[tokio::test]
async fn a_proxy_tells_whom_it_asks_for() {
    let limits = Limits { cost_per_second: 1, cost_burst: 100, ..Limits::default() };
    let proxies = vec!["127.0.0.1".parse().unwrap(), "192.0.2.9".parse().unwrap()];
    let served = served_as(ServerConfig { limits, proxies, ..config() }).await;
    let address = served.server.address();
    // Its status, of one connection that goes on.
    let ask = async |proxy: &mut TcpStream, forwarded: &str, body: &str| {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\n{forwarded}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        proxy.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(proxy.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        proxy.read_exact(&mut body).await.unwrap();
        head.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head"}"#;
    let mut proxy = TcpStream::connect(address).await.unwrap();
    let bad = "X-Forwarded-For: 198.51.100.1, 203.0.113.7, 192.0.2.9\r\n";
    let mut refused = 0;
    while ask(&mut proxy, bad, "rubbish").await == 200 {
        refused += 1;
    }
    assert!((15..25).contains(&refused), "200 are used up by 10 and the like: {refused}");
    let bad = "X-Forwarded-For: 203.0.113.7\r\n";
    assert_eq!(
        ask(&mut proxy, bad, call).await,
        429,
        "shut out, and the proxy's connection is not"
    );
    let other = "X-Forwarded-For: 203.0.113.7, 198.51.100.1\r\n";
    assert_eq!(ask(&mut proxy, other, call).await, 200, "only the nearest counts");
    assert_eq!(ask(&mut proxy, "", call).await, 200, "the proxy itself");
    let mut nobody = connect_from("127.0.0.2", address).await;
    assert_eq!(ask(&mut nobody, bad, call).await, 200, "no proxy: not believed");
}

/// Protects the node from who asks with much: bytes cost, whatever they say.
#[tokio::test]
async fn what_is_sent_costs_by_its_length() {
    let limits = Limits { cost_per_second: 1, cost_burst: 100, ..Limits::default() };
    let served = served_with(limits).await;
    let address = served.server.address();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head"}"#;
    let ask = async |body: &str| {
        let mut stream = connect_from("127.0.0.2", address).await;
        stream.write_all(&wire::post(&address.to_string(), body.as_bytes())).await.unwrap();
        let (status, answer) = wire::answer(&mut stream).await.unwrap();
        assert_eq!(status, 200);
        serde_json::from_slice::<Value>(&answer).unwrap()
    };
    assert_eq!(ask(call).await["result"]["round"], 5);
    // 98 of 100 are left. 25 times 8 KiB cost 25, and 25 as the answer, which came; a query costs 20.
    let params = json!({ "module": module_address(), "function": "echo",
                         "arguments": ["x".repeat(25 * 8192)] });
    let echo = json!({ "jsonrpc": "2.0", "id": 1, "method": "module_call", "params": params });
    assert!(ask(&echo.to_string()).await["result"].is_object());
    // 26 are left.
    let long = format!("{}{call}", " ".repeat(50 * 8192));
    let refused = ask(&long).await;
    assert_eq!(refused["error"]["code"], -32042, "{refused}");
    assert!(refused["error"]["data"]["retryAfterMs"].as_u64().unwrap() > 20_000, "{refused}");
}

/// Protects the places for connections: however one ends, its place is free again.
#[tokio::test]
async fn connections_that_end_badly_give_their_places_back() {
    const PLACES: usize = 16;
    let served = served_with(Limits { connections: PLACES, ..Limits::default() }).await;
    let address = served.server.address();
    let host = address.to_string();
    let open = async || Socket::open(TcpStream::connect(address).await?, &host).await;
    let subscribe = br#"{"jsonrpc":"2.0","id":1,"method":"chain_subscribe"}"#;
    for turn in 0..1_200_u64 {
        let bytes = Hash::of_content(&turn.to_le_bytes()).0.repeat(1 + turn as usize % 60);
        let end = async {
            match turn % 6 {
                0 => TcpStream::connect(address).await?.write_all(&bytes).await,
                1 => TcpStream::connect(address).await?.write_all(b"POST / HTTP/1.1\r\n").await,
                2 => {
                    let mut stream = TcpStream::connect(address).await?;
                    stream.write_all(&wire::post(&host, &bytes)).await
                }
                3 => open().await?.send_bytes(&bytes).await,
                4 => open().await?.send(Frame::Binary, &bytes).await,
                _ => {
                    let mut socket = open().await?;
                    socket.send(Frame::Text, subscribe).await?;
                    socket.receive().await;
                    Ok(())
                }
            }
        };
        // It may be refused: those before are still ending.
        let _ = end.await;
    }
    let all_free = async {
        loop {
            let mut sockets = Vec::new();
            while let Ok(socket) = open().await {
                sockets.push(socket);
                if sockets.len() == PLACES {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_free).await.expect("all are free again");
}

/// Protects memory from messages that take long to answer: as much as one may be long is held, and what comes behind it is
/// read when something of that has its answer.
#[tokio::test]
async fn a_session_holds_no_more_than_one_long_message() {
    let served = served_with(Limits { body_bytes: 100_000, ..Limits::default() }).await;
    let address = served.server.address();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut socket = Socket::open(stream, &address.to_string()).await.unwrap();
    let poll = json!({ "jsonrpc": "2.0", "id": "poll", "method": "events_query",
                       "params": { "after": "7", "waitMs": 20_000 } });
    let poll = format!("{}{poll}", " ".repeat(60_000));
    let head = br#"{"jsonrpc":"2.0","id":"head","method":"chain_head"}"#;
    for message in [poll.as_bytes(), poll.as_bytes(), head] {
        socket.send(Frame::Text, message).await.unwrap();
    }
    // Long enough for a server that reads on to have answered.
    for _ in 0..200 {
        served.result("chain_head", json!({})).await;
    }
    served.chain.advance(1, &["recorded"]);
    let mut order = Vec::new();
    for _ in 0..3 {
        let answer: Value = serde_json::from_slice(&socket.receive().await.unwrap()).unwrap();
        order.push(answer["id"].as_str().unwrap().to_owned());
    }
    assert_ne!(order[0], "head", "{order:?}");
}

/// A message that is too long is not read, and says so by the way its connection ends.
#[tokio::test]
async fn an_oversize_message_ends_its_connection_alone() {
    let served = served_with(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let address = served.server.address();
    let open = async || {
        let stream = TcpStream::connect(address).await.unwrap();
        Socket::open(stream, &address.to_string()).await.unwrap()
    };
    let (mut first, mut second) = (open().await, open().await);
    first.send_bytes(&wire::head(Frame::Text, 1 << 40)).await.unwrap();
    assert_eq!(first.closed().await, 1009, "message too big (RFC 6455, 7.4.1)");
    second.send(Frame::Text, &[b' '; 1000]).await.unwrap();
    let answer: Value = serde_json::from_slice(&second.receive().await.unwrap()).unwrap();
    assert_eq!(answer["error"]["code"], -32700, "a message as long as may be is read");
    second.send(Frame::Text, b"\xff").await.unwrap();
    assert_eq!(second.closed().await, 1007, "a text that is none (RFC 6455, 8.1)");
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
