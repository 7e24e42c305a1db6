//! A node that computes something else than the others, since its disk altered a value behind its back: it stops
//! executing, keeps the evidence, answers what is asked of it, and stays so when it is started again; the others go
//! on; and with its ledger moved away it comes back.

use std::sync::Arc;

use pollen_ledger::AccountId;
use pollen_ledger::execution::StateKey;
use pollen_ledger::store::{Batch, Durability, Family, RocksStore, Store};
use pollen_node::{dev, divergence};
use pollen_rpc::client::PollenClient;
use serde_json::Value;

use super::harness::{Network, START_PATIENCE, eventually, height, root_at};
use super::traffic::Traffic;

/// Whose value is altered.
const VICTIM: usize = 3;

/// Alters what the faucet has, in the state of a stopped node: the tree above it says what it was.
fn alter(network: &Network) {
    let store = RocksStore::open(&network.ledger(VICTIM)).unwrap();
    let faucet = AccountId::of_key(&dev::faucet_key().public_key());
    let key = StateKey::account(&faucet).hash();
    let mut entry = store.get(Family::State, &key.0).unwrap().unwrap();
    let balance = entry.len() - 16; // a record is balance u64, deposit u64
    entry[balance] ^= 1;
    let mut batch = Batch::default();
    batch.put(Family::State, key.0, entry);
    Arc::new(store).write(batch, Durability::Synced).unwrap();
}

/// Waits until its health says that it diverged; the whole reason.
async fn says_that_it_diverged(client: &PollenClient) -> String {
    eventually("the node says that it diverged", START_PATIENCE, async || {
        let health = client.node_health().await.map_err(|error| error.to_string())?;
        let reasons = health.value.reasons;
        let reason = reasons.iter().find(|reason| reason.contains("diverged at checkpoint"));
        reason.cloned().ok_or_else(|| format!("{reasons:?}"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_diverged_stops_executing_and_stays_so_until_it_is_synced_again() {
    let mut network = Network::start(4).await;
    let endpoints: Vec<String> =
        (0..VICTIM).map(|node| network.endpoint(node).to_owned()).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let traffic = Traffic::start(&endpoints, 8).await;
    traffic.more(50).await;
    network.kill(VICTIM).await;
    alter(&network);
    network.spawn_with(VICTIM, &[]);
    let reason = says_that_it_diverged(network.client(VICTIM)).await;
    let evidence = network.data(VICTIM).join(divergence::FILE);
    let document: Value = serde_json::from_slice(&std::fs::read(&evidence).unwrap()).unwrap();
    let at: u64 = document["height"].as_str().unwrap().parse().unwrap();
    assert!(reason.contains(&at.to_string()), "{reason}");
    assert_ne!(document["computedHere"], document["attestedByOthers"]);
    assert!(document["attestations"].as_array().unwrap().len() >= 2, "{document}");
    assert!(network.log(VICTIM).contains("this node diverged"), "{}", network.log(VICTIM));

    // The others go on, and it does not; what it has it tells. (What was executed when it found out, a group of
    // commits of one write, is written still.)
    traffic.more(100).await;
    let stopped_at = height(network.client(VICTIM)).await;
    traffic.more(100).await;
    assert!(stopped_at >= at && height(network.client(0)).await > stopped_at);
    assert_eq!(height(network.client(VICTIM)).await, stopped_at);
    let (ours, _) = root_at(network.client(VICTIM), at).await;
    let (theirs, _) = root_at(network.client(0), at).await;
    assert_eq!(
        (document["computedHere"].as_str(), document["attestedByOthers"].as_str()),
        (Some(&*ours.to_string()), Some(&*theirs.to_string()))
    );

    // Started again it does not go on as if nothing had been.
    network.kill(VICTIM).await;
    let logged = network.log(VICTIM).len();
    network.spawn_with(VICTIM, &[]);
    says_that_it_diverged(network.client(VICTIM)).await;
    traffic.more(100).await;
    assert_eq!(height(network.client(VICTIM)).await, stopped_at);
    let log = network.log(VICTIM)[logged..].to_owned();
    assert!(log.contains("doctor diverge") && log.contains("move `ledger` away"), "{log}");

    // Synced anew it is as any other, whatever lies beside its ledger.
    network.kill(VICTIM).await;
    std::fs::rename(network.ledger(VICTIM), network.home.join("diverged")).unwrap();
    network.start_node(VICTIM).await;
    traffic.stop().await;
    let level = network.level().await;
    assert!(level > stopped_at && evidence.exists());
    network.stop_all().await;
}
