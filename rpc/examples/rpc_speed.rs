//! What the interface costs: reads and submissions at one real node, beside a bare jsonrpsee server that gives
//! back what it is given, in turn in one run; and what a thousand idle subscriptions hold in memory.
//! `cargo build --bin pollen && cargo run -p pollen-rpc --example rpc_speed [rounds] [seconds]`
//!
//! Node and bare server are processes of their own; this one makes the load, on the same processors. Figures of
//! a shared machine move, so take the ratios, which are made round by round.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonrpsee::RpcModule;
use jsonrpsee::core::client::SubscriptionClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::server::Server;
use jsonrpsee::ws_client::WsClientBuilder;
use pollen_ledger::{AccountId, Action, Address, KeyPair};
use pollen_rpc::api::{
    Bytes, ChainHeadParams, EventNotice, Stage, TxOutcome, TxSubmitParams, WaitFor,
};
use pollen_rpc::client::{Intent, PollenClient, Sender, TransactionSocket};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections of a measurement, each with one call in flight: a node runs six queries of modules at a time, and
/// refuses more.
const CONNECTIONS: usize = 4;
/// WebSockets that submit, and transactions in flight on each.
const SOCKETS: usize = 4;
const IN_FLIGHT: usize = 48;
/// Connections that idle, and subscriptions of each.
const IDLE: usize = 125;
const SUBSCRIPTIONS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends with this one.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // SIGINT, so that `pollen dev` ends its nodes too.
        let ended = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        if ended.is_err() {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "bare") {
        return bare_server().await;
    }
    let number = |place: usize, otherwise: u64| {
        words.get(place).map_or(otherwise, |word| word.parse().expect("a number"))
    };
    let (rounds, time) = (number(0, 5), Duration::from_secs(number(1, 2)));
    let home = std::env::temp_dir().join(format!("pollen-rpc-speed-{}", std::process::id()));
    let (network, node) = start_network(&home).await;
    let bare = start_bare().await;
    println!("{}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let client = PollenClient::new([format!("http://{}", node.host)]).expect("a URL");
    reads(&node.host, &bare.1, rounds, time).await;
    submissions(&client, time * 3).await;
    subscriptions(&client, &node).await;
    println!("{}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    drop((network, bare.0));
    // Left behind when it cannot be removed: it lies in the folder for such things.
    let _ = std::fs::remove_dir_all(&home);
}

/// A jsonrpsee server with one method; prints where it listens, and ends when nobody reads that any more.
async fn bare_server() {
    let server = Server::builder().build("127.0.0.1:0").await.expect("a free port");
    let mut module = RpcModule::new(());
    module
        .register_method("echo", |params, (), _| params.parse::<Value>().unwrap_or_default())
        .expect("it is the only one");
    println!("{}", server.local_addr().expect("it listens"));
    let handle = server.start(module);
    handle.stopped().await;
}

fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    own.parent().and_then(Path::parent).expect("it lies in examples/").join(name)
}

async fn start_bare() -> (Process, String) {
    let own = std::env::current_exe().expect("this program has a path");
    let mut child =
        Command::new(own).arg("bare").stdout(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    let stdout = tokio::process::ChildStdout::from_std(stdout).expect("a pipe");
    let host = BufReader::new(stdout).lines().next_line().await.expect("it says where");
    (Process(child), host.expect("it says where"))
}

/// A running validator.
struct Node {
    host: String,
    process: u32,
}

/// `pollen dev` with one validator and the example modules.
async fn start_network(home: &Path) -> (Process, Node) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let mut child = Command::new(program("pollen"))
        .arg("--home")
        .arg(home)
        .args(["dev", "--validators", "1", "--rpc-port", "0", "--network-port", "0", "--examples"])
        .arg(examples)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo build --bin pollen` comes first");
    let stdout = child.stdout.take().expect("it is piped");
    let network = Process(child);
    let stdout = tokio::process::ChildStdout::from_std(stdout).expect("a pipe");
    let mut lines = BufReader::new(stdout).lines();
    let starting = async {
        while let Some(line) = lines.next_line().await.expect("a text") {
            if line.starts_with("ready") {
                return;
            }
        }
        panic!("pollen dev ended");
    };
    tokio::time::timeout(PATIENCE, starting).await.expect("the network starts");
    // Its last words, at the end, find the pipe still open.
    std::mem::forget(lines);
    let file = std::fs::read(home.join("network.json")).expect("it leaves this to its commands");
    let file: Value = serde_json::from_slice(&file).expect("it is JSON");
    let url = file["endpoints"][0].as_str().expect("it has one node");
    let process = file["processes"][0].as_u64().expect("it has one node") as u32;
    (network, Node { host: url.trim_start_matches("http://").to_owned(), process })
}

fn address(key: &KeyPair) -> String {
    Address::account(AccountId::of_key(&key.public_key())).display("pollend")
}

/// Calls of one method for some time.
struct Measured {
    per_second: f64,
    took: Vec<Duration>,
}

impl Measured {
    fn percentile(&self, percent: usize) -> u128 {
        self.took[(self.took.len() - 1) * percent / 100].as_micros()
    }
}

/// Each method beside the bare server, round by round.
async fn reads(node: &str, bare: &str, rounds: u64, time: Duration) {
    let account = address(&KeyPair::development("faucet"));
    let named = json!({ "account": account });
    let holder = json!({ "module": "@token", "function": "balance-of", "arguments": [account] });
    let proved = json!({ "account": account, "proof": true, "at": "certified" });
    let methods =
        [("account_get", named.clone()), ("module_call", holder), ("state_get, proof", proved)];
    println!("| call | reads/s | p50, us | p99, us | of the bare server's reads/s |");
    println!("|---|---|---|---|---|");
    let mut every: Vec<Vec<(Measured, f64)>> = methods.iter().map(|_| Vec::new()).collect();
    let mut bares = Vec::new();
    for round in 0..=rounds {
        for (place, (name, params)) in methods.iter().enumerate() {
            let method = name.split(',').next().unwrap_or_default();
            let beside = calls(bare, "echo", &named, time).await;
            let measured = calls(node, method, params, time).await;
            if round > 0 {
                let ratio = measured.per_second / beside.per_second;
                every[place].push((measured, ratio));
                bares.push((beside, 1.0));
            }
        }
    }
    tell("echo, bare jsonrpsee", &bares);
    for ((name, _), measured) in methods.iter().zip(&every) {
        tell(name, measured);
    }
}

/// The median over rounds, with the lowest and the highest.
fn tell(name: &str, rounds: &[(Measured, f64)]) {
    let spread = |mut values: Vec<f64>, digits: usize| {
        values.sort_by(f64::total_cmp);
        let (least, most) = (values[0], values[values.len() - 1]);
        format!("{:.digits$} ({least:.digits$}-{most:.digits$})", values[values.len() / 2])
    };
    let of = |get: fn(&(Measured, f64)) -> f64| rounds.iter().map(get).collect();
    println!(
        "| {name} | {} | {} | {} | {} |",
        spread(of(|(measured, _)| measured.per_second), 0),
        spread(of(|(measured, _)| measured.percentile(50) as f64), 0),
        spread(of(|(measured, _)| measured.percentile(99) as f64), 0),
        spread(of(|(_, ratio)| *ratio), 2),
    );
}

/// One method on [`CONNECTIONS`] connections, over HTTP, each call after the answer to the one before.
async fn calls(host: &str, method: &str, params: &Value, time: Duration) -> Measured {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\
         \r\n\r\n{body}",
        body.len()
    );
    let began = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (host, request) = (host.to_owned(), request.clone());
        connections.spawn(async move {
            let stream = TcpStream::connect(host).await.expect("it listens");
            stream.set_nodelay(true).expect("a socket");
            let mut stream = BufReader::new(stream);
            let mut took = Vec::new();
            let mut answer = Vec::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                stream.write_all(request.as_bytes()).await.expect("it listens");
                read_answer(&mut stream, &mut answer).await;
                took.push(asked.elapsed());
            }
            let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
            assert!(answer.get("result").is_some(), "{answer}");
            took
        });
    }
    let mut took: Vec<Duration> = connections.join_all().await.into_iter().flatten().collect();
    let per_second = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    Measured { per_second, took }
}

async fn read_answer(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.expect("an answer");
        let line = line.trim_end().to_ascii_lowercase();
        assert!(!line.starts_with("http/") || line.ends_with("200 ok"), "{line}");
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    body.resize(length, 0);
    stream.read_exact(body).await.expect("a whole answer");
}

/// Transfers on a few WebSockets, each waiting until it is executed.
async fn submissions(client: &PollenClient, time: Duration) {
    let network = Arc::new(client.network().await.expect("the node answers").clone());
    let sender = Arc::new(Sender::new(KeyPair::development("faucet"), 1_000));
    let (began, executed) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut lanes = JoinSet::new();
    for _ in 0..SOCKETS {
        let socket = TransactionSocket::connect(client.url(), IN_FLIGHT).await;
        let socket = Arc::new(socket.expect("the node answers"));
        for _ in 0..IN_FLIGHT {
            let (network, sender) = (network.clone(), sender.clone());
            let (socket, executed) = (socket.clone(), executed.clone());
            lanes.spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < time {
                    let to = AccountId([7; 32]);
                    let intent =
                        Intent::new(vec![Action::Transfer { to, amount: 10_000_000 }], 1_000_000);
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
                    let signed = sender.sign(intent, &network, now.as_millis() as u64);
                    let params = TxSubmitParams {
                        transaction: Bytes(signed.bytes),
                        wait: WaitFor::from(Stage::Executed),
                        timeout_ms: None,
                        chain_id: None,
                    };
                    let sent = Instant::now();
                    let status = socket.submit(&params).await.expect("it is taken").value;
                    assert!(matches!(status.outcome, Some(TxOutcome::Success { .. })));
                    took.push(sent.elapsed());
                    executed.fetch_add(1, Ordering::Relaxed);
                }
                took
            });
        }
    }
    let mut took: Vec<Duration> = lanes.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    let per_second = executed.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let measured = Measured { per_second, took };
    println!(
        "tx_submit until executed, {} in flight: {per_second:.0}/s, p50 {} us, p99 {} us",
        SOCKETS * IN_FLIGHT,
        measured.percentile(50),
        measured.percentile(99)
    );
}

/// Resident memory of a process, in KiB.
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).expect("a number of KiB")
}

/// Waits until the node has gone on a little, so that what was begun is done.
async fn some_checkpoints(client: &PollenClient) {
    let head = ChainHeadParams::default();
    let head = client.chain_head(&head).await.expect("the node answers");
    let at_least = Some(head.at.height + 5);
    let later = ChainHeadParams { at_least, wait_ms: 60_000, ..ChainHeadParams::default() };
    client.chain_head(&later).await.expect("the node goes on");
}

/// What connections hold that only wait for events.
async fn subscriptions(client: &PollenClient, node: &Node) {
    some_checkpoints(client).await;
    let before = resident_kib(node.process);
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let socket = WsClientBuilder::default().build(format!("ws://{}/ws", node.host)).await;
        let socket = socket.expect("the node answers");
        for _ in 0..SUBSCRIPTIONS {
            let mut params = ObjectParams::new();
            params.insert("name", "never").expect("a text");
            let subscribed = socket
                .subscribe::<EventNotice, _>("events_subscribe", params, "events_unsubscribe")
                .await;
            idle.push(subscribed.expect("it is subscribed"));
        }
        std::mem::forget(socket); // the connection stays until this process ends
    }
    some_checkpoints(client).await;
    let after = resident_kib(node.process);
    println!(
        "{} idle subscriptions on {IDLE} connections: {} KiB before, {} more",
        idle.len(),
        before,
        after.saturating_sub(before)
    );
}
