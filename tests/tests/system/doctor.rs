//! `pollen doctor diverge` between real nodes whose stores differ: which checkpoint, which transaction,
//! which key.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

use pollen_ledger::Action;
use pollen_ledger::execution::StateKey;
use pollen_ledger::store::{Batch, Durability, Family, RocksStore, Store};
use pollen_rpc::api::ChainHeadParams;
use pollen_rpc::client::PollenClient;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::harness::{Network, START_PATIENCE, eventually, free_port, outside, pollen};
use super::world::{CALL_FUEL, World, genesis, id_of, vm};

/// Checkpoints above genesis, each with one transfer.
const HEIGHTS: u64 = 20;
/// Where another transaction was executed in one of the stores.
const OTHER_TRANSACTION: u64 = 9;
/// Before which a value was altered in one of the stores, as by a bad disk.
const ALTERED_BEFORE: u64 = 13;

/// A node that follows nobody and serves what it has.
struct Serving {
    endpoint: String,
    _process: Child,
}

impl Serving {
    async fn start(folder: &Path, genesis: &Path) -> Self {
        let endpoint = format!("http://127.0.0.1:{}", free_port());
        let log = std::fs::File::create(folder.join("node.log")).unwrap();
        let mut command = Command::from(pollen());
        command
            .args(["node", "--rpc-listen", endpoint.trim_start_matches("http://")])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0", "--data"])
            .arg(folder)
            .arg("--genesis")
            .arg(genesis)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        let process = command.spawn().unwrap();
        let client = PollenClient::new([&endpoint]).unwrap();
        eventually("the node answers", START_PATIENCE, async || {
            let head = client.chain_head(&ChainHeadParams::default()).await;
            head.map_err(|_| std::fs::read_to_string(folder.join("node.log")).unwrap())
        })
        .await;
        Self { endpoint, _process: process }
    }
}

/// Executes the same transfers into a store, but for what `height` is told to do otherwise.
fn fill(folder: &Path, other_transaction: Option<u64>, altered_before: Option<u64>) {
    std::fs::create_dir_all(folder).unwrap();
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(&folder.join("ledger")).unwrap());
    let mut world = World::of(vm(None), store.clone());
    for height in 1..=HEIGHTS {
        if altered_before == Some(height) {
            let key = StateKey::account(&id_of("bob")).hash();
            let mut entry = store.get(Family::State, &key.0).unwrap().unwrap();
            let balance = entry.len() - 16; // a record is balance u64, deposit u64
            entry[balance] ^= 1;
            let mut batch = Batch::default();
            batch.put(Family::State, key.0, entry);
            store.write(batch, Durability::Synced).unwrap();
            let vm = world.vm.clone();
            world.restart(vm);
        }
        let amount = if other_transaction == Some(height) { 2 } else { 1 };
        let transfer = Action::Transfer { to: id_of("bob"), amount };
        let signed = world.sign("alice", CALL_FUEL, vec![transfer], Vec::new());
        world.commit(&[signed]);
    }
}

async fn diverge(url: &str, peer: &str) -> (Output, Value) {
    let mut command = pollen();
    outside(&mut command);
    command.args(["--json", "doctor", "diverge", "--url", url, "--peer", peer]);
    let output = Command::from(command).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    (output, document)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_difference_of_two_nodes_is_found() {
    let home = TempDir::new().unwrap();
    let document = home.path().join("genesis.json");
    std::fs::write(&document, genesis().to_json()).unwrap();
    let mut nodes = Vec::new();
    for (name, other, altered) in [
        ("one", None, None),
        ("same", None, None),
        ("other", Some(OTHER_TRANSACTION), None),
        ("altered", None, Some(ALTERED_BEFORE)),
    ] {
        let folder = home.path().join(name);
        fill(&folder, other, altered);
        nodes.push(Serving::start(&folder, &document).await);
    }
    let url = |index: usize| nodes[index].endpoint.as_str();

    let (output, found) = diverge(url(0), url(1)).await;
    assert_eq!(output.status.code(), Some(0), "{found}");
    assert_eq!((&found["diverged"], found["height"].as_str()), (&Value::Bool(false), Some("20")));

    let (output, found) = diverge(url(0), url(2)).await;
    assert_eq!(output.status.code(), Some(1), "{found}");
    assert_eq!(found["height"].as_str(), Some(OTHER_TRANSACTION.to_string().as_str()), "{found}");
    assert_eq!(found["transaction"]["index"], 0);
    assert_ne!(found["transaction"]["hashes"][0], found["transaction"]["hashes"][1]);

    let (output, found) = diverge(url(3), url(0)).await;
    assert_eq!(output.status.code(), Some(1), "{found}");
    assert_eq!(found["height"].as_str(), Some(ALTERED_BEFORE.to_string().as_str()), "{found}");
    assert_eq!(found["transaction"], Value::Null, "{found}");
    assert_eq!(found["fields"], serde_json::json!(["stateRoot"]));
    let key = StateKey::account(&id_of("bob")).hash().to_string();
    assert_eq!(found["key"]["keyHash"].as_str(), Some(key.as_str()), "{found}");
    assert_ne!(found["key"]["writes"][0]["after"], found["key"]["writes"][1]["after"]);
}

/// Protects who is new, or has a fault: one command says what is wrong, and what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_what_is_wrong() {
    let mut network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    let told = network.cli(&["doctor"]).await;
    assert!(told.contains(" keys") && told.contains("4 of 4 agree"), "{told}");

    network.kill(3).await;
    let ill = network.run(&["--json", "doctor"]).await;
    assert_eq!(ill.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&ill.stdout).unwrap();
    let wrong: Vec<&Value> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["verdict"] == "wrong")
        .collect();
    let [node] = wrong.as_slice() else { panic!("{told}") };
    assert!(node["what"].as_str().unwrap().starts_with("node 4 "), "{node}");
    assert!(node["hint"].as_str().unwrap().contains("is it running?"), "{node}");
}
