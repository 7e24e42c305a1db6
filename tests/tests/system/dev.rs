//! `pollen dev` as a process of its own: what a user starts and stops with Ctrl-C.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pollen_node::dev;
use pollen_node::home::NetworkFile;
use pollen_rpc::api::ChainHeadParams;
use pollen_rpc::client::PollenClient;
use pollen_rpc::error::ErrorCode;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::harness::{self, Machine, START_PATIENCE, eventually, interrupt};

/// `pollen dev` with these words, on any free ports.
pub fn start(home: &Path, words: &[&str], target: Option<&Path>) -> Child {
    let mut command = Command::from(harness::pollen());
    command.arg("--home").arg(home).args(["dev", "--rpc-port", "0", "--network-port", "0"]);
    command.args(words);
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).kill_on_drop(true).spawn().unwrap()
}

/// What `pollen dev` left in the home folder once all its nodes were ready.
pub async fn ready(home: &Path) -> NetworkFile {
    eventually("the development network starts", START_PATIENCE, async || {
        let network = NetworkFile::read(home).ok_or("no network.json yet")?;
        for endpoint in &network.endpoints {
            if !dev::is_ready(endpoint).await {
                return Err(format!("{endpoint} is not ready"));
            }
        }
        Ok(network)
    })
    .await
}

async fn pollen(home: &Path, words: &[&str]) -> String {
    let mut command = Command::from(harness::pollen());
    command.arg("--home").arg(home).args(words).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pollen {words:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Protects the one-process form of a development network: the same sockets and databases, so what
/// was executed is there after Ctrl-C and another start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_in_one_process_keep_what_they_executed() {
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let mut running = start(home, &["--in-process"], None);
    let network = ready(home).await;
    assert_eq!((network.endpoints.len(), network.processes.len()), (4, 1));
    pollen(home, &["keys", "new", "alice"]).await;
    pollen(home, &["keys", "new", "bob", "--no-fund"]).await;
    pollen(home, &["transfer", "alice", "bob", "5"]).await;
    assert!(interrupt(&mut running).await.success());

    std::fs::remove_file(home.join("network.json")).unwrap();
    let mut running = start(home, &["--in-process"], None);
    ready(home).await;
    let account = pollen(home, &["account", "bob", "--node", "4"]).await;
    assert!(account.contains("5 pollen"), "{account}");
    assert!(interrupt(&mut running).await.success());
}

/// Ctrl-C was not heard while example modules were compiled, or waited for another build: minutes
/// in which the only way out was SIGKILL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_is_heard_while_modules_are_built() {
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    let (home, target) = (folder.path().join("home"), folder.path().join("target"));
    std::fs::create_dir_all(target.join("modules")).unwrap();
    // Another build, which never ends.
    let build = std::fs::File::create(target.join("modules/.pollen-lock")).unwrap();
    build.lock().unwrap();
    let inode = format!(":{} ", build.metadata().unwrap().ino());
    let mut running =
        start(&home, &["--validators", "1", "--examples", "contracts"], Some(&target));
    let nodes = ready(&home).await.processes;
    eventually("it waits for the build", Duration::from_secs(30), async || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let waits = locks.lines().any(|line| line.contains("->") && line.contains(&inode));
        if waits { Ok(()) } else { Err(locks) }
    })
    .await;
    interrupt(&mut running).await;
    for node in nodes {
        let running = Path::new("/proc").join(node.to_string()).exists();
        assert!(!running, "process {node} was left behind");
    }
}

async fn balance_of_bob(home: &Path, node: usize) -> String {
    let node = node.to_string();
    let told = pollen(home, &["--json", "account", "bob", "--node", &node]).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told["balance"].as_str().unwrap().to_owned()
}

async fn ledger_time(client: &PollenClient) -> u64 {
    client.chain_head(&ChainHeadParams::default()).await.unwrap().value.time_ms
}

/// What tests of modules do between two cases: money from the faucet, a deadline that passes at once, and the whole
/// network back to what it was, on every node and as often as wanted. The clock stays ahead, over a restart too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_development_network_gives_money_moves_in_time_and_goes_back() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let mut running = start(home, &[], None);
    let client = PollenClient::new(ready(home).await.endpoints).unwrap();
    pollen(home, &["keys", "new", "alice"]).await;
    pollen(home, &["keys", "new", "bob", "--no-fund"]).await;
    pollen(home, &["devnet", "fund", "bob", "2"]).await;
    assert_eq!(balance_of_bob(home, 1).await, "2000000000");

    let snapshot = client.dev_snapshot().await.unwrap().value.snapshot;
    for round in 0..2 {
        pollen(home, &["transfer", "alice", "bob", "5"]).await;
        assert_eq!(balance_of_bob(home, 3).await, "7000000000", "round {round}");
        let before = ledger_time(&client).await;
        let jumped = client.dev_advance_time(DAY_MS).await.unwrap().value;
        assert!(jumped.time_ms >= before + DAY_MS && jumped.time_ms < before + DAY_MS + 60_000);
        client.dev_revert(snapshot).await.unwrap();
        for node in 1..=4 {
            assert_eq!(balance_of_bob(home, node).await, "2000000000", "round {round}");
        }
    }
    let unknown = client.dev_revert(snapshot + 1).await.unwrap_err();
    assert!(unknown.is(ErrorCode::NotFound), "{unknown}");
    pollen(home, &["transfer", "alice", "bob", "1"]).await;
    let before = ledger_time(&client).await;
    assert!(interrupt(&mut running).await.success());

    std::fs::remove_file(home.join("network.json")).unwrap();
    let mut running = start(home, &[], None);
    let client = PollenClient::new(ready(home).await.endpoints).unwrap();
    pollen(home, &["transfer", "alice", "bob", "1"]).await;
    let after = ledger_time(&client).await;
    assert!(before < after && after < before + 60_000, "{before} {after}");
    assert_eq!(balance_of_bob(home, 2).await, "4000000000");
    assert!(interrupt(&mut running).await.success());
}
