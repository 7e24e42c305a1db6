//! A disk that fills up, on a small file system in memory: the node first takes no more transactions and
//! says so, then, when a write fails after all, ends with one clear line; and when there is room again it
//! goes on, with everything that it acknowledged.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pollen_node::config::NodeConfig;
use pollen_node::dev::{DevNode, NodeProcess, wait_ready};
use pollen_rpc::client::PollenClient;

use super::harness::{Machine, START_PATIENCE, eventually, lay_out_one, pollen};
use super::traffic::{Traffic, check_acknowledged, check_stores};

/// Size of the file system, in MiB.
const DISK_MIB: u64 = 192;
/// The node's reserve on it, in MiB.
const RESERVE_MIB: u64 = 64;
/// The variable by which whoever runs the tests goes without this one.
const OPT_OUT: &str = "POLLEN_NO_SMALL_DISK";
const PATIENCE: Duration = Duration::from_secs(60);

/// A file system of its own; gone with the value.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Fails where this process may not mount, since then nothing is tested; none where whoever runs the tests
    /// has said that this is to be so.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_MIB}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "pollen-small-disk"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            other if std::env::var_os(OPT_OUT).is_some() => {
                println!("SKIPPED, as {OPT_OUT} says: a full disk is NOT tested here: {other:?}");
                None
            }
            other => panic!(
                "a full disk cannot be tested, since this user may not mount a file system: run the tests as root, as \
                 CI does, or say {OPT_OUT}=1 to go without: {other:?}"
            ),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Takes all but so many MiB of what is free.
    fn fill(&self, free_mib: u64) {
        let free = pollen_node::disk::free_bytes(self.folder.path()).unwrap();
        let bytes = free.saturating_sub(free_mib << 20);
        let mut ballast =
            fs::File::options().create(true).append(true).open(self.ballast()).unwrap();
        match ballast.write_all(&vec![1; bytes as usize]) {
            // The node was quicker: full all the same.
            Err(error) if error.kind() == ErrorKind::StorageFull => (),
            written => written.unwrap(),
        }
    }

    fn make_room(&self) {
        let _ = fs::remove_file(self.ballast());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

fn configure(node: &DevNode, data: &Path, reserve_mib: u64) {
    let mut config = NodeConfig::load(Some(&node.config)).unwrap();
    config.data = data.to_owned();
    config.storage.reserve_mib = reserve_mib;
    fs::write(&node.config, config.to_toml()).unwrap();
}

async fn start(node: &DevNode) -> NodeProcess {
    let mut running = [NodeProcess::start(&super::harness::program(), node).unwrap()];
    wait_ready(&mut running, START_PATIENCE, |_| ()).await.unwrap();
    let [running] = running;
    running
}

async fn reasons(client: &PollenClient) -> Vec<String> {
    client.node_health().await.unwrap().value.reasons
}

/// Waits until the node's health names the disk, or no longer does.
async fn disk_is_low(client: &PollenClient, low: bool) {
    eventually("health follows the disk", PATIENCE, async || {
        let reasons = reasons(client).await;
        let named = reasons.iter().any(|reason| reason.contains("disk is nearly full"));
        if named == low { Ok(()) } else { Err(format!("{reasons:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_a_node_clearly_and_loses_nothing() {
    let _machine = Machine::alone();
    let Some(disk) = SmallDisk::mount() else { return };
    let (_folder, node) = lay_out_one();
    let data = disk.folder.path().join("data");
    configure(&node, &data, RESERVE_MIB);
    let mut running = start(&node).await;
    let client = PollenClient::new([&node.endpoint]).unwrap();
    let traffic = Traffic::start(&[&node.endpoint], 16).await;
    traffic.more(50).await;

    // Below the reserve: refused with the reason, while what runs goes on.
    disk.fill(RESERVE_MIB / 2);
    disk_is_low(&client, true).await;
    let refusal = Traffic::refusal(&client).await;
    assert!(refusal.contains("NotReady") && refusal.contains("disk is nearly full"), "{refusal}");
    disk.make_room();
    disk_is_low(&client, false).await;
    traffic.more(50).await;
    let mut acknowledged = traffic.stop().await;
    running.stop(PATIENCE).await.unwrap();

    // Without a reserve a write fails in the end: one line, and the process is gone.
    configure(&node, &data, 0);
    let mut running = start(&node).await;
    let traffic = Traffic::start(&[&node.endpoint], 16).await;
    traffic.more(20).await;
    let words = eventually("the node ends on a full disk", PATIENCE, async || {
        disk.fill(0);
        // The log has room that it took beforehand: it gives that back when what is in memory goes to disk.
        let asked =
            pollen().args(["db", "compact", "--config"]).arg(&node.config).output().unwrap();
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        running.ended().ok_or_else(|| format!("it runs, and says: {said}"))
    })
    .await;
    println!("{words}");
    assert!(words.starts_with("exit status: 1: error: "), "{words}");
    assert!(words.contains("No space left") && words.contains("make room"), "{words}");
    acknowledged.extend(traffic.stop().await);

    // Started on a disk that is still full it ends as clearly, or runs; with room, it has everything.
    let mut running = NodeProcess::start(&super::harness::program(), &node).unwrap();
    let full = eventually("it ends or answers", PATIENCE, async || match running.ended() {
        Some(words) => Ok(Some(words)),
        None => client.node_health().await.map(|_| None).map_err(|error| error.to_string()),
    })
    .await;
    println!("started on a full disk: {full:?}");
    if let Some(words) = full {
        assert!(words.contains("No space left") && words.contains("make room"), "{words}");
    }
    running.kill().await;
    disk.make_room();
    let mut running = start(&node).await;
    check_acknowledged(&client, &acknowledged).await;
    let traffic = Traffic::start(&[&node.endpoint], 4).await;
    traffic.more(20).await;
    traffic.stop().await;
    running.stop(PATIENCE).await.unwrap();
    check_stores([data.join("ledger")]);
    println!("{} acknowledged transfers, all there", acknowledged.len());
}
