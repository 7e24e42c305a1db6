//! A real server on a real port, asked by raw HTTP, by jsonrpsee and by our own client.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed, and says where

mod chain;
mod client;
mod conformance;
mod json;
mod openrpc;
mod protocol;
mod refusals;
mod slow;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chain::Chain;
use pollen_rpc::server::{Limits, RpcServer, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server and the chain behind it.
struct Served {
    chain: Arc<Chain>,
    server: RpcServer,
}

async fn served() -> Served {
    served_with(Limits::default()).await
}

async fn served_with(limits: Limits) -> Served {
    served_as(ServerConfig { limits, ..config() }).await
}

fn config() -> ServerConfig {
    ServerConfig::new("127.0.0.1:0".parse().unwrap())
}

async fn served_as(config: ServerConfig) -> Served {
    let chain = Arc::new(Chain::new());
    let server = RpcServer::start(config, chain.clone()).await.unwrap();
    Served { chain, server }
}

impl Served {
    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Sends a body as `curl -d` does; the status and the body of the answer.
    async fn post(&self, body: &str) -> (u16, String) {
        let address = self.server.address();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        exchange(address, &(head + body)).await
    }

    /// Calls a method; the whole answer.
    async fn call(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = self.post(&request.to_string()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Calls a method that must succeed; its result.
    async fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// Calls a method that must fail; its error.
    async fn error(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert!(answer.get("result").is_none(), "{answer}");
        answer["error"].clone()
    }
}

/// One HTTP exchange; the request asks for the connection to be closed.
async fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let text = read_to_end(&mut socket).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    exchange(address, &request).await
}

/// What comes until the server closes. A reset counts as the end: it may refuse without reading on.
async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("closed in time");
    String::from_utf8(bytes).unwrap()
}
