//! What an operator tells a running node over its socket (`pollen admin`), and that it does it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pollen_node::dev;
use pollen_rpc::client::PollenClient;
use pollen_rpc::error::ErrorCode;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::harness::{Network, START_PATIENCE, eventually, free_port, height, pollen};

const PATIENCE: Duration = Duration::from_secs(30);

async fn told(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}

fn join(invite: &Path, folder: &Path, endpoint: &str) -> Child {
    std::fs::create_dir_all(folder).unwrap();
    Command::from(pollen())
        .args(["node", "--stop-with-stdin", "--rpc-listen"])
        .arg(endpoint.trim_start_matches("http://"))
        .arg("--invite")
        .arg(invite)
        .arg("--data")
        .arg(folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Whether node 1 is connected to a peer.
async fn has_peer(network: &Network, peer: &str) -> bool {
    let peers = network.client(0).node_peers().await.unwrap().value.peers;
    peers.iter().any(|known| known.peer_id == peer)
}

/// An invitation is all that a node needs to join: the chain and an address. A peer that is banned is gone and does not
/// come back, however it dials; one that is let in again does, by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_joins_by_invitation_and_a_banned_one_stays_out() {
    let mut network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    let invite = network.home.join("join.json");
    std::fs::write(&invite, network.cli(&["admin", "invite", "--node", "1"]).await).unwrap();
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let folder = network.home.join("peer");
    let mut peer = join(&invite, &folder, &endpoint);
    eventually("the peer is ready", START_PATIENCE, async || {
        assert_eq!(peer.try_wait().unwrap(), None, "the peer ended");
        if dev::is_ready(&endpoint).await { Ok(()) } else { Err(endpoint.clone()) }
    })
    .await;
    let client = PollenClient::new([&endpoint]).unwrap();
    let id = client.node_info().await.unwrap().value.node.peer_id.unwrap();
    assert!(has_peer(&network, &id).await);

    network.cli(&["admin", "ban", &id, "--node", "1"]).await;
    eventually("it is gone", PATIENCE, async || match has_peer(&network, &id).await {
        true => Err("it is still there".to_owned()),
        false => Ok(()),
    })
    .await;
    // It knows node 1 alone, so it hears of nothing: its head stands still while the others go on.
    let stands = height(&client).await;
    let alice = network.cli(&["transfer", "alice", "alice", "1"]).await;
    assert!(alice.contains("executed"), "{alice}");
    assert!(!has_peer(&network, &id).await);
    network.cli(&["admin", "unban", &id, "--node", "1"]).await;
    eventually("it is back, and follows", PATIENCE, async || {
        let head = height(&client).await;
        if has_peer(&network, &id).await && head > stands { Ok(()) } else { Err(head.to_string()) }
    })
    .await;

    let other = json!({ "pollenInvite": 1, "genesis": {}, "peers": [] }).to_string();
    std::fs::write(&invite, other).unwrap();
    let refused = join(&invite, &network.home.join("other"), &endpoint).wait().await.unwrap();
    assert!(!refused.success());
    drop(peer.stdin.take());
    assert!(peer.wait().await.unwrap().success());
    network.stop_all().await;
}

/// A drained node refuses what is new and says so to whoever watches it, and tells that it is drained only when the
/// last transaction that it took has ended: here one that cannot be ordered, since half of the validators stand still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_node_has_lost_nothing() {
    let mut network = Network::start(4).await;
    for name in ["alice", "bob"] {
        network.cli(&["keys", "new", name]).await;
    }
    let draft = ["--node", "1", "tx", "build", "transfer", "alice", "bob", "5"];
    let draft = network.cli(&draft).await;
    let path = network.home.join("draft.json");
    std::fs::write(&path, draft).unwrap();
    let path = path.to_str().unwrap();
    let signed = network.cli(&["tx", "sign", "alice", path]).await;
    std::fs::write(path, signed).unwrap();
    for index in [2, 3] {
        network.freeze(index).await;
    }
    let sent = told(&network, &["--node", "1", "tx", "send", path, "--wait", "accepted"]).await;
    let hash = sent["hash"].as_str().unwrap().to_owned();
    let mut draining = Command::from(pollen())
        .arg("--home")
        .arg(&network.home)
        .args(["admin", "drain", "--node", "1"])
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("it says that it is draining", PATIENCE, async || {
        let health = network.client(0).node_health().await.unwrap().value;
        let says = health.reasons.iter().any(|reason| reason.contains("drained"));
        if says && !health.ready { Ok(()) } else { Err(format!("{:?}", health.reasons)) }
    })
    .await;
    assert_eq!(draining.try_wait().unwrap(), None, "the transaction is still open");
    let stage = told(&network, &["--node", "1", "tx", &hash]).await["stage"].clone();
    assert!(stage != "executed" && stage != "certified", "{stage}");
    for index in [2, 3] {
        network.thaw(index).await;
    }
    let ended = tokio::time::timeout(PATIENCE, draining.wait()).await.expect("it drains").unwrap();
    assert!(ended.success());
    let stage = told(&network, &["--node", "1", "tx", &hash]).await["stage"].clone();
    assert!(stage == "executed" || stage == "certified", "{stage}");

    let refused = network.run(&["--node", "1", "transfer", "alice", "bob", "5"]).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && words.contains("drained"), "{words}");
    network.cli(&["--node", "2", "transfer", "alice", "bob", "5"]).await;
    network.cli(&["admin", "resume", "--node", "1"]).await;
    network.cli(&["--node", "1", "transfer", "alice", "bob", "5"]).await;
    network.stop_all().await;
}

/// The log changes while the node runs, and back by itself; the past is let go of at once when disk is short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_changes_for_a_time_and_the_past_goes_when_told() {
    let mut network = Network::start(1).await;
    network.cli(&["keys", "new", "alice"]).await;
    assert!(!network.log(0).contains("DEBUG"));
    network.cli(&["admin", "log", "debug", "--for", "1h"]).await;
    eventually("it logs more", PATIENCE, async || {
        // Something to log.
        network.client(0).node_health().await.unwrap();
        match network.log(0).contains("DEBUG") {
            true => Ok(()),
            false => Err("no DEBUG line".to_owned()),
        }
    })
    .await;
    network.cli(&["admin", "log", "error", "--for", "300ms"]).await;
    let before = network.log(0).matches("asks question=Resume").count();
    eventually("it logs as before", PATIENCE, async || {
        network.cli(&["admin", "resume"]).await;
        match network.log(0).matches("asks question=Resume").count() > before {
            true => Ok(()),
            false => Err("no line of INFO".to_owned()),
        }
    })
    .await;
    let odd = network.run(&["admin", "log", "pollen=loud", "--for", "1s"]).await;
    let words = String::from_utf8_lossy(&odd.stderr);
    assert!(!odd.status.success() && words.contains("log filter 'pollen=loud'"), "{words}");

    let client = network.client(0);
    eventually("there is a past", PATIENCE, async || {
        network.cli(&["transfer", "alice", "alice", "1"]).await;
        let head = height(client).await;
        if head > 20 { Ok(()) } else { Err(head.to_string()) }
    })
    .await;
    let held = told(&network, &["admin", "prune", "--state-checkpoints", "5"]).await;
    let number = |field: &str| held[field].as_u64().unwrap();
    assert!(number("state") + 8 > number("newest"), "{held}");
    let old = json!({ "account": super::harness::address_of(pollen_ledger::AccountId::of_key(&dev::faucet_key().public_key())), "at": "2" });
    let gone = client.call::<_, Value>("account_get", &old).await.unwrap_err();
    assert!(gone.is(ErrorCode::NotFound), "{gone}");
    network.stop_all().await;
}
