//! `tx_trace`, `pollen trace`, `replay` and `rehearse` on a real network: what happened is told as it happened, and
//! other code is tried on what happened.

use std::time::Duration;

use pollen_ledger::{Action, Hash};
use pollen_node::dev;
use pollen_rpc::api::{ModuleParams, ReadAt, Stage, TxOutcome, TxTrace, TxTraceParams};
use pollen_rpc::client::Intent;
use pollen_rpc::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::Network;
use crate::world::contracts;

const PATIENCE: Duration = Duration::from_secs(30);
/// Calls that are sent at once, so that checkpoints have several.
const CALLS: u64 = 40;

async fn cli_json(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}

/// What a trace and a receipt both tell.
fn told(status: &pollen_rpc::api::TxStatus) -> Value {
    let outcome = serde_json::to_value(&status.outcome).unwrap();
    json!([outcome, status.fuel_used, status.fee, status.events.len()])
}

fn traced(trace: &TxTrace) -> Value {
    let effects = &trace.effects;
    let outcome = serde_json::to_value(&effects.outcome).unwrap();
    json!([outcome, effects.fuel_used, effects.fee, effects.events.len()])
}

/// Protects who looks for a fault: a transaction is run again on exactly what it met, also behind others in its
/// checkpoint, and what a rehearsal calls a difference is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_told_and_tried_again() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    let folder = |name: &str| contracts().join(name).display().to_string();
    let (rust, c) = (folder("counter"), folder("counter-c"));
    network.cli(&["deploy", &rust, "--name", "mine", "--from", "alice", "5"]).await;

    let client = network.client(0);
    let mine =
        ModuleParams { module: "@mine".into(), at: ReadAt::Latest, at_least: None, wait_ms: 0 };
    let address = client.module_get(&mine).await.unwrap().value.module;
    let module = pollen_ledger::Address::parse(&address, "pollend").unwrap().id;
    let call = |by: u64, max_fuel: u64| {
        let (function, arguments) = ("increment".to_owned(), by.to_le_bytes().to_vec());
        let action = Action::Invoke { module, function, arguments, deposit: 0, interface: None };
        Intent::new(vec![action], max_fuel)
    };
    let mut sent = Vec::new();
    for by in 1..=CALLS {
        // Some run out of fuel: a failure is traced, too.
        let max_fuel = if by % 8 == 7 { 150_000 } else { 1_000_000 };
        sent.push(client.sign(&dev::faucet_key(), call(by, max_fuel), by).await.unwrap());
    }
    for signed in &sent {
        client.submit_and_wait(signed, Stage::Accepted, PATIENCE).await.unwrap();
    }
    let mut executed = Vec::new();
    for signed in &sent {
        let status = client.submit_and_wait(signed, Stage::Executed, PATIENCE).await.unwrap();
        executed.push(status.value);
    }
    let node = network.client(2);
    let mut behind_others = 0;
    for status in &executed {
        let params = TxTraceParams {
            wait_ms: 10_000,
            at_least: status.height,
            ..TxTraceParams::of(status.hash)
        };
        let trace = node.tx_trace(&params).await.unwrap().value;
        assert_eq!(traced(&trace), told(status));
        assert_eq!((Some(trace.height), Some(trace.index)), (status.height, status.index));
        assert_eq!(trace.effects.calls[0].function, "increment");
        behind_others += u32::from(trace.index > 0);
        if let Some(TxOutcome::Success { results }) = &status.outcome {
            let value = trace.effects.changes.iter().find(|change| change.key.0 == b"v").unwrap();
            let after = value.after.as_ref().unwrap().bytes.clone().unwrap();
            assert_eq!(after, results[0].bytes, "what it left is what it answered");
        }
    }
    assert!(behind_others > 0, "no checkpoint had two: send more at once");
    let unknown = node.tx_trace(&TxTraceParams::of(Hash([7; 32]))).await.unwrap_err();
    assert!(unknown.is(ErrorCode::NotFound), "{unknown}");

    let hash = executed[0].hash.to_string();
    let svg = network.data(0).join("fuel.svg").display().to_string();
    let shown = network.cli(&["trace", &hash, "--svg", &svg]).await;
    assert!(shown.contains("mine.increment") && shown.contains("CHANGES"), "{shown}");
    assert!(std::fs::read_to_string(&svg).unwrap().contains("mine.increment"));

    // The same code ends the same; the counter in C does with other fuel; another module does not.
    let same = cli_json(&network, &["replay", &hash, "--with", &rust]).await;
    assert_eq!((&same["same"], &same["fuel"]["before"]), (&json!(true), &same["fuel"]["after"]));
    let rehearse =
        |source: &str| ["rehearse", source, "--module", "mine", "--last", "30"].map(str::to_owned);
    let words = rehearse(&c);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rehearsed = cli_json(&network, &words).await;
    let compared = rehearsed["compared"].as_array().unwrap();
    assert_eq!((compared.len(), &rehearsed["passedOver"]), (30, &json!([])));
    for one in compared
        .iter()
        .filter(|one| one["outcome"]["before"] != json!({ "failed": "OutOfFuel", "error": null }))
    {
        assert_eq!(one["same"], json!(true), "{one}");
        assert_ne!(one["fuel"]["before"], one["fuel"]["after"]);
    }
    let checked = network.run(&["replay", &hash, "--with", &folder("probe"), "--check"]).await;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("FunctionNotFound") && said.contains("incremented"), "{said}");

    // Before it is sent: nothing is signed, nothing changes.
    let before = network.cli(&["query", "mine", "get"]).await;
    let tried =
        network.cli(&["call", "mine", "increment", "2", "--from", "alice", "--simulate"]).await;
    assert!(tried.contains("would end in success") && tried.contains("mine.increment"), "{tried}");
    assert_eq!(network.cli(&["query", "mine", "get"]).await, before);
}
