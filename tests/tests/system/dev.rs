//! `pollen dev` as a process of its own: what a user starts and stops with Ctrl-C.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pollen_node::dev;
use pollen_node::home::NetworkFile;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::harness::{self, Machine, START_PATIENCE, eventually, interrupt};

fn start(home: &Path, words: &[&str], target: Option<&Path>) -> Child {
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
async fn ready(home: &Path) -> NetworkFile {
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
