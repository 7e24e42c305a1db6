//! A peer that does not vote: it joins by an address alone, executes everything from the beginning
//! itself, and is as good to ask as a validator.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use pollen_node::dev;
use pollen_rpc::client::PollenClient;
use serde_json::json;
use tokio::process::{Child, Command};

use super::harness::{
    Network, START_PATIENCE, ask_module, eventually, free_port, height, level, pollen, root_at,
};
use super::load::Load;

const ACCOUNTS: usize = 10;
const TRANSFERS: u64 = 400;
const SUPPLY: &str = "100000000";
/// How long the peer may take for the whole history, and later to follow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Protects fetching from the beginning, gossip, independent execution, queries, and forwarding:
/// all that a node without a vote is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_joins_by_address_catches_up_follows_and_forwards() {
    let mut network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    let token = ["deploy", "contracts/token", "--name", "token", "--from", "alice"];
    network.cli(&[&token[..], &["Gold", "GLD", "2", SUPPLY]].concat()).await;
    let load = Arc::new(Load::prepare(&network, ACCOUNTS, "alice").await);
    load.connect(&network, &[0, 1, 2, 3]).await;
    let mut sent = load.run(|count| count < TRANSFERS).await;

    let at = height(network.client(0)).await;
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let folder = network.home.join("peer");
    let mut peer = start_peer(&network, &folder, &endpoint);
    let client = PollenClient::new([&endpoint]).unwrap();
    eventually("the peer is ready", START_PATIENCE, async || {
        assert_eq!(peer.try_wait().unwrap(), None, "the peer ended");
        if dev::is_ready(&endpoint).await { Ok(()) } else { Err(log_of(&folder)) }
    })
    .await;
    let info = client.node_info().await.unwrap().value.node;
    assert_eq!((info.role.as_str(), info.author), ("full", None));
    // It executed the history itself: the same digest needs every checkpoint before it.
    assert_eq!(root_at(&client, at).await, root_at(network.client(0), at).await);

    // Whatever comes now reaches it by gossip, while validators order on without it.
    sent.extend(load.run(|count| count < TRANSFERS).await);
    let at = network.level().await;
    assert_eq!(root_at(&client, at).await, root_at(network.client(1), at).await);
    let expected = load.tokens_after(sent.iter());
    for (account, expected) in load.accounts().iter().zip(expected) {
        let arguments = json!([account]);
        let here = ask_module(&client, "@token", "balance-of", arguments.clone(), at).await;
        let there = ask_module(network.client(2), "@token", "balance-of", arguments, at).await;
        assert_eq!((&here, &here), (&there, &json!(expected.to_string())), "{account}");
    }

    forwards(&network, &endpoint, &client).await;

    drop(peer.stdin.take());
    let status =
        tokio::time::timeout(PATIENCE, peer.wait()).await.expect("the peer stops").unwrap();
    assert!(status.success(), "{status}: {}", log_of(&folder));
    network.stop_all().await;
}

/// A transaction given to the peer alone is executed, and the peer says so; a validator has it too.
async fn forwards(network: &Network, endpoint: &str, peer: &PollenClient) {
    network.cli(&["keys", "new", "bob"]).await;
    let words = ["--json", "--rpc", endpoint, "transfer", "alice", "bob", "5"];
    let answer: serde_json::Value = serde_json::from_str(&network.cli(&words).await).unwrap();
    assert_eq!(answer["outcome"]["kind"], "success", "{answer}");
    let hash = answer["hash"].as_str().unwrap();
    level(&[peer, network.client(1)]).await;
    let told: serde_json::Value =
        serde_json::from_str(&network.cli(&["--json", "--node", "2", "tx", hash]).await).unwrap();
    for field in ["height", "index", "fee", "outcome"] {
        assert_eq!(told[field], answer[field], "{field}");
    }
    // Certificates too: of what it was there for, and of what it fetched long after.
    network.cli(&["--rpc", endpoint, "tx", hash, "--wait", "certified"]).await;
    let height = answer["height"].as_str().unwrap();
    for words in [&["receipt", hash][..], &["checkpoint", height], &["checkpoint", "1"]] {
        network.cli(&[&["--rpc", endpoint, "verify"], words].concat()).await;
    }
}

fn start_peer(network: &Network, folder: &Path, endpoint: &str) -> Child {
    std::fs::create_dir_all(folder).unwrap();
    let log = std::fs::File::create(folder.join("node.log")).unwrap();
    Command::from(pollen())
        .args(["node", "--stop-with-stdin", "--peer", &network.address(0), "--rpc-listen"])
        .arg(endpoint.trim_start_matches("http://"))
        .arg("--data")
        .arg(folder)
        .arg("--genesis")
        .arg(network.genesis())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn log_of(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("node.log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
