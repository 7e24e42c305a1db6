//! Fuzzing of the JSON that anybody sends: calls that are good, changed in their values and in their bytes. The
//! body of a fuzz target (fuzz/README.md), on stable and seeded: `SEEDS=100000` runs longer, `SEED=7` one.

use std::time::Duration;

use pollen_rpc::server::Limits;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::chain::{account_address, module_address};
use super::{Served, read_to_end, served_with};

/// Seeds of every run of the tests.
const SEEDS: u64 = 1_500;
/// An answer later than this is a hang.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Codes of JSON-RPC itself that a client's input may have; internal errors (-32603) are none.
const PROTOCOL: [i64; 4] = [-32700, -32600, -32601, -32602];

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn calls() -> Vec<(&'static str, Value)> {
    let (account, module) = (account_address(), module_address());
    let hash = "00".repeat(32);
    vec![
        ("account_get", json!({ "account": account, "publicKey": "11".repeat(32), "at": 5 })),
        ("account_get", json!([account])),
        ("account_keys", json!({ "account": account })),
        ("chain_head", json!({ "atLeast": "7", "waitMs": 5 })),
        ("chain_checkpoint", json!({ "at": "7" })),
        ("chain_certificate", json!({ "at": "7" })),
        ("chain_writes", json!([3])),
        ("dag_rounds", json!({ "from": 1, "to": 9 })),
        ("dag_rounds", json!({ "last": 20 })),
        ("events_query", json!({ "module": module, "limit": 10 })),
        ("module_get", json!({ "module": "@echo-module" })),
        ("module_call", json!({ "module": module, "function": "echo", "arguments": [1, "a"] })),
        ("node_info", json!({})),
        ("node_peers", json!([])),
        ("state_get", json!({ "module": module, "key": "AQI=", "at": 7 })),
        ("state_scan", json!({ "module": module, "limit": 5 })),
        ("tx_get", json!({ "hash": hash, "proof": true })),
        ("tx_list", json!({ "account": account, "limit": 5 })),
        ("tx_status", json!({ "hash": hash })),
        ("tx_submit", json!({ "transaction": "AAEC", "wait": "accepted", "timeoutMs": 5 })),
        ("no_such_method", json!({ "x": [] })),
    ]
}

fn odd(random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1.5e300),
        5 => json!(""),
        6 => json!("18446744073709551616"),
        7 => json!("\u{0}\u{202e}é\u{10ffff}"),
        8 => json!("a".repeat(random.below(5_000))),
        9 => json!([]),
        10 => json!({ "": {} }),
        11 => json!(account_address()),
        12 => json!("ff".repeat(random.below(40))),
        _ => (0..random.below(100)).fold(json!(0), |inner, _| json!([inner])),
    }
}

/// Changes one value somewhere, its name, or how often it is there.
fn change(value: &mut Value, random: &mut Random) {
    let down = random.below(3) > 0;
    match value {
        Value::Object(fields) if down && !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = random.pick(&names).clone();
            match random.below(4) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let taken = fields.remove(&name).unwrap_or_default();
                    fields.insert(format!("{name}x"), taken);
                }
                _ => fields.get_mut(&name).into_iter().for_each(|inner| change(inner, random)),
            }
        }
        Value::Array(items) if down && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(3) {
                0 => items.push(odd(random)),
                _ => change(&mut items[at], random),
            }
        }
        other => *other = odd(random),
    }
}

/// A body: a call or a batch, changed in its values, its frame, or its bytes.
fn body(random: &mut Random) -> Vec<u8> {
    let calls = calls();
    let call = |random: &mut Random| {
        let (method, params) = random.pick(&calls);
        let mut call = Map::new();
        call.insert("jsonrpc".into(), json!("2.0"));
        call.insert("id".into(), json!(random.below(3)));
        call.insert("method".into(), json!(method));
        call.insert("params".into(), params.clone());
        let mut call = Value::Object(call);
        for _ in 0..random.below(3) {
            change(&mut call["params"], random);
        }
        if random.below(8) == 0 {
            change(&mut call, random);
        }
        call
    };
    let whole = match random.below(5) {
        0 => Value::Array((0..random.below(40)).map(|_| call(random)).collect()),
        _ => call(random),
    };
    let mut bytes = whole.to_string().into_bytes();
    if random.below(4) == 0 && !bytes.is_empty() {
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= random.next() as u8,
            _ => bytes.insert(at, *random.pick(b"{}[]\",:\\\xff\x00e9")),
        }
    }
    bytes
}

async fn post(served: &Served, body: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(served.server.address()).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        served.server.address(),
        body.len()
    );
    socket.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let text = read_to_end(&mut socket).await;
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A result or an error, and of what a client's input cannot cause none.
fn check(answer: &Value, input: &str) {
    let (result, error) = (answer.get("result"), answer.get("error"));
    assert!(result.is_some() != error.is_some(), "{input}: {answer}");
    let Some(error) = error else { return };
    let code = error["code"].as_i64().expect("an error has a code");
    let known = PROTOCOL.contains(&code) || (-32099..=-32000).contains(&code) || code > 0;
    assert!(known, "{input}: {answer}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
}

/// Protects every client of a node from one that sends rubbish: it has an answer in time, and so do the others.
#[tokio::test]
async fn any_json_has_an_answer() {
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"))
    };
    let served = served_with(Limits { wait_ms: 50, ..Limits::default() }).await;
    let last = number("SEEDS").unwrap_or(SEEDS);
    for seed in number("SEED").map_or(1..=last, |seed| seed..=seed) {
        let body = body(&mut Random(seed));
        let input = format!("SEED={seed}: {}", String::from_utf8_lossy(&body));
        let answer = tokio::time::timeout(ANSWER_MAX, post(&served, &body)).await;
        let (status, text) = answer.unwrap_or_else(|_| panic!("no answer to {input}"));
        match status {
            // Nothing but notifications, or what is no text.
            204 => assert_eq!(text, "", "{input}"),
            200 => match serde_json::from_str(&text).expect("an answer is JSON") {
                Value::Array(answers) => answers.iter().for_each(|answer| check(answer, &input)),
                answer => check(&answer, &input),
            },
            status => assert!((400..500).contains(&status), "{status} to {input}"),
        }
    }
    let info = served.result("node_info", json!({})).await;
    assert_eq!(info["limits"]["batch"], 32, "it answers as before");
}
