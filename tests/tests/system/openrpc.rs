//! The examples of the JSON-RPC reference, run against real nodes.

use pollen_rpc::client::PollenClient;
use serde_json::{Map, Value, json};

use std::time::Duration;

use super::dev;
use super::harness::{Network, eventually, repository};
use super::world::{component, contracts};

/// Where recorded examples stand: `{ method: { params, result } }`.
const RECORDED: &str = "rpc/src/openrpc/examples.json";

/// The parameters of every method's example, on a network where things have happened.
async fn examples(network: &Network) -> Vec<(&'static str, Value)> {
    let sent = told(network, &["transfer", "alice", "bob", "5"]).await;
    let opening =
        ["call", "coldchain", "open-box", "box-1", "--max-celsius", "8.0", "--from", "alice"];
    let opened = told(network, &opening).await;
    let record = ["tx", "build", "call", "coldchain", "record", "box-1", "9.5", "--from", "alice"];
    let draft = network.cli(&record).await;
    let unsigned = serde_json::from_str::<Value>(&draft).unwrap()["transaction"].clone();
    let raised = told(network, &["call", "counter", "increment", "2", "--from", "alice"]).await;
    let client = network.client(0);
    let brief = ["tx", "build", "--valid-for", "1ms", "transfer", "alice", "bob", "1"];
    let never = serde_json::from_str::<Value>(&network.cli(&brief).await).unwrap();
    let never = never["transaction"].clone();
    eventually("its time is over", Duration::from_secs(20), async || {
        let asked: Result<Value, _> =
            client.call("tx_absence", &json!({ "unsigned": never })).await;
        asked.map_err(|error| error.to_string())
    })
    .await;
    let got: Value = client.call("tx_get", &json!({ "hash": sent["hash"] })).await.unwrap();
    let alice = told(network, &["account", "alice"]).await["account"].clone();
    let key = got["transaction"].clone();
    let public_key =
        told(network, &["tx", sent["hash"].as_str().unwrap()]).await["transaction"]["key"].clone();
    let height = opened["height"].clone();
    let code = pollen_ledger::Hash::of_content(&component("coldchain"));
    // A transaction that is known already is answered with its status: so the example can be sent at any time.
    let submitted = json!({ "transaction": key, "wait": "certified", "timeoutMs": 5_000 });
    vec![
        ("node_info", json!({})),
        ("node_health", json!({})),
        ("node_peers", json!({})),
        ("chain_head", json!({ "atLeast": height, "waitMs": 2_000 })),
        ("chain_checkpoint", json!({ "at": height })),
        ("chain_checkpoints", json!({ "limit": 2 })),
        ("chain_certificate", json!({ "at": "certified" })),
        ("chain_writes", json!({ "height": height })),
        ("chain_params", json!({})),
        ("chain_committee", json!({})),
        ("dag_rounds", json!({ "last": 1 })),
        (
            "dag_block",
            json!({ "round": opened["block"]["round"], "author": opened["block"]["author"] }),
        ),
        ("tx_submit", submitted),
        ("tx_status", json!({ "hash": opened["hash"], "wait": "certified" })),
        ("tx_get", json!({ "hash": sent["hash"] })),
        ("tx_trace", json!({ "hash": raised["hash"] })),
        ("tx_list", json!({ "account": alice, "limit": 2 })),
        ("tx_absence", json!({ "unsigned": never })),
        ("tx_preview", json!({ "unsigned": unsigned })),
        ("tx_simulate", json!({ "unsigned": unsigned })),
        ("tx_feeEstimate", json!({ "unsigned": unsigned })),
        ("account_get", json!({ "account": alice, "publicKey": public_key })),
        ("account_keys", json!({ "account": alice })),
        ("state_get", json!({ "account": alice, "proof": true, "at": "certified" })),
        (
            "state_getMany",
            json!({ "entries": [{ "account": alice }, { "account": "@coldchain" }] }),
        ),
        ("state_scan", json!({ "module": "@coldchain", "limit": 2 })),
        ("module_get", json!({ "module": "@coldchain" })),
        ("module_interface", json!({ "module": "@counter" })),
        ("module_code", json!({ "code": code.to_string(), "factsOnly": true })),
        ("module_list", json!({ "limit": 2 })),
        (
            "module_call",
            json!({ "module": "@coldchain", "function": "status", "arguments": ["box-1"] }),
        ),
        (
            "events_query",
            json!({ "module": "@coldchain", "name": "opened", "limit": 1, "waitMs": 1_000 }),
        ),
    ]
}

/// What only a network of `pollen dev` does; the last takes its nodes away.
fn examples_of_dev(account: &Value) -> [(&'static str, Value); 4] {
    [
        ("dev_fund", json!({ "account": account, "amount": "1000000000" })),
        ("dev_advanceTime", json!({ "ms": "60000" })),
        ("dev_snapshot", json!({})),
        ("dev_revert", json!({ "snapshot": 1 })),
    ]
}

/// Story: of a transaction whose payer has nothing the estimate was "no fuel", which a wallet then offered: a transaction
/// without fuel is malformed. What is not known is not told.
async fn an_estimate_for_a_poor_account_is_none(network: &Network) {
    network.cli(&["keys", "new", "poor", "--no-fund"]).await;
    let draft = network.cli(&["tx", "build", "transfer", "poor", "alice", "1"]).await;
    let unsigned = serde_json::from_str::<Value>(&draft).unwrap()["transaction"].clone();
    let asked = json!({ "unsigned": unsigned });
    let estimate: Value = network.client(0).call("tx_feeEstimate", &asked).await.unwrap();
    for field in ["fuelUsed", "maxFuel", "fee", "maxFee"] {
        assert_eq!(estimate[field], Value::Null, "{field}");
    }
}

async fn told(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}

/// Where two answers differ in shape: in the names of fields, or in the kinds of their values. What may be absent is
/// null, and lists are told apart by their first items alone.
fn difference(path: &str, recorded: &Value, found: &Value) -> Option<String> {
    match (recorded, found) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Object(recorded), Value::Object(found)) => {
            let mut names = recorded.keys().chain(found.keys());
            let missing =
                names.find(|name| !recorded.contains_key(*name) || !found.contains_key(*name));
            if let Some(name) = missing {
                return Some(format!("{path}.{name} stands on one side only"));
            }
            let mut fields = recorded.iter();
            fields.find_map(|(name, value)| {
                difference(&format!("{path}.{name}"), value, &found[name])
            })
        }
        (Value::Array(recorded), Value::Array(found)) => {
            difference(&format!("{path}[0]"), recorded.first()?, found.first()?)
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => None,
        _ => Some(format!("{path} was {recorded}, and is {found}")),
    }
}

/// Every example of the reference is run as it stands, and answers with what the reference shows: the same fields of
/// the same kinds. A new method has an example. POLLEN_UPDATE=1 records them anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_the_reference_run() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "bob", "--no-fund"]).await;
    for name in ["coldchain", "counter"] {
        let source = contracts().join(name).display().to_string();
        let mut words = vec!["deploy", &source, "--name", name, "--from", "alice"];
        words.extend((name == "counter").then_some("5"));
        network.cli(&words).await;
    }
    an_estimate_for_a_poor_account_is_none(&network).await;
    let client = network.client(0);
    let mut run = Map::new();
    for (method, params) in examples(&network).await {
        let result: Value = answer(client, method, &params).await;
        run.insert(method.to_owned(), json!({ "params": params, "result": result }));
    }
    let home = tempfile::TempDir::new().unwrap();
    let mut playing = dev::start(home.path(), &["--validators", "1"], None);
    let endpoints = dev::ready(home.path()).await.endpoints;
    let of_dev = PollenClient::new(&endpoints).unwrap();
    let account = told(&network, &["account", "bob"]).await["account"].clone();
    for (method, params) in examples_of_dev(&account) {
        let result: Value = answer(&of_dev, method, &params).await;
        run.insert(method.to_owned(), json!({ "params": params, "result": result }));
    }
    super::harness::interrupt(&mut playing).await;
    let path = repository().join(RECORDED);
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&run).unwrap() + "\n").unwrap();
    }
    let recorded: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (method, example) in &run {
        let held = recorded.get(method).unwrap_or_else(|| panic!("{method} has no example"));
        for part in ["params", "result"] {
            assert_eq!(difference(&format!("{method} {part}"), &held[part], &example[part]), None);
        }
    }
    let document: Value = client.call("rpc.discover", &json!({})).await.unwrap();
    for method in document["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        let is_subscription = method.get("x-subscription").is_some();
        assert!(
            is_subscription || name == "rpc.discover" || run.contains_key(name),
            "{name} has no example"
        );
    }
}

async fn answer(client: &PollenClient, method: &str, params: &Value) -> Value {
    client.call(method, params).await.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
}
