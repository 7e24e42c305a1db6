//! A node without a ledger takes a snapshot of the state from its peers: one of them lies, the node itself is
//! killed on the way, and a validator comes back so that lost its disk.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pollen_ledger::store::{Database, RocksStore};
use pollen_ledger::{Action, Address};
use pollen_node::{cli, dev};
use pollen_rpc::api::{ModuleParams, ReadAt};
use pollen_rpc::client::{Intent, PollenClient};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::harness::{
    Network, START_PATIENCE, STOP_PATIENCE, eventually, free_port, height, number_from, pollen,
    root_at,
};
use super::traffic::{Traffic, check_acknowledged};

/// A snapshot every 40 checkpoints, a second under load; each is there until the test ends.
const SNAPSHOTS: [(&str, &str); 2] =
    [("POLLEN_NODE_SNAPSHOTS__INTERVAL", "40"), ("POLLEN_NODE_SNAPSHOTS__KEEP", "1000")];
/// Makes a node serve false chunks.
const LIES: (&str, &str) = ("POLLEN_LIES", "chunks");
/// Makes a node name heights of snapshots that it has not.
const BOASTS: (&str, &str) = ("POLLEN_LIES", "heights");
/// No snapshots but those that the operator makes.
const NO_SNAPSHOTS: [(&str, &str); 1] = [("POLLEN_NODE_SNAPSHOTS__INTERVAL", "0")];
/// The same with windows of a second or two.
const SHORT: [(&str, &str); 5] = [
    NO_SNAPSHOTS[0],
    NO_MINUTES,
    ("POLLEN_NODE_STORAGE__STATE_CHECKPOINTS", "16"),
    ("POLLEN_NODE_STORAGE__HISTORY_HOURS", "0"),
    ("POLLEN_NODE_STORAGE__HISTORY_COMMITS", "100"),
];
/// Lets the window of the state be its 256 checkpoints alone.
const NO_MINUTES: (&str, &str) = ("POLLEN_NODE_STORAGE__STATE_MINUTES", "0");
/// How long an idle network may take to 256 checkpoints.
const WINDOW_PATIENCE: Duration = Duration::from_secs(600);
/// How long the first snapshot may take.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(90);
/// How long a node may take to the head.
const PATIENCE: Duration = Duration::from_secs(90);
const CLIENTS: usize = 8;

/// Protects joining a chain without trust: a node that is offered false state beside true one, and is
/// killed half way, ends with what the others have, knows who lied, and executed nothing of the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_peer_takes_a_snapshot_though_a_source_lies() {
    let mut network = Network::lay_out(4);
    for index in 0..4 {
        let liar = (index == 2).then_some(LIES);
        network.spawn_with(index, &[&SNAPSHOTS[..], liar.as_slice()].concat());
    }
    for index in 0..4 {
        network.ready(index).await;
    }
    let endpoints: Vec<&str> = (0..4).map(|index| network.endpoint(index)).collect();
    // So many chunks that most of them are still to come when it dies.
    fill(&network, 2 * CALLS * KEYS_PER_CALL).await;
    let filled = network.level().await;
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    let oldest = snapshots_of_all(&network, filled).await;

    let mut peer = Peer::new(&network, "peer");
    peer.start(&network, &[("POLLEN_FAILPOINT", "any:9:after:abort")]);
    // Not with `wait`, which closes its standard input first: that would stop it.
    let died = eventually("it dies in the middle of its import", START_PATIENCE, async || {
        peer.child().try_wait().unwrap().ok_or_else(|| "it lives".to_owned())
    })
    .await;
    assert!(died.code().is_none(), "by a signal, not {died}: {}", peer.log());
    assert!(peer.folder.join("ledger.import").exists(), "{}", peer.log());
    assert!(!peer.folder.join("ledger").exists(), "nothing is in its place before it is whole");

    // The liar alone answers until it is found: the honest ones could be done before it is ever asked.
    let honest = [0, 1, 3];
    for index in honest {
        network.freeze(index).await;
    }
    peer.start(&network, &[]);
    eventually("the liar is found", PATIENCE, async || {
        let log = peer.log();
        // Of the second run alone: the first may have found it as well, and forgot it when it died.
        let again = log.rsplit_once("going on with the import");
        match again.is_some_and(|(_, again)| again.contains("peer banned")) {
            true => Ok(()),
            false => Err(log),
        }
    })
    .await;
    for index in honest {
        network.thaw(index).await;
    }
    peer.ready().await;
    let at = height(network.client(0)).await;
    let expected = root_at(network.client(0), at).await;
    assert_eq!(root_at(&peer.client, at).await, expected, "{}", peer.log());
    let log = peer.log();
    assert!(log.contains("going on with the import of a snapshot"), "{log}");
    assert!(!log.contains("taking another one"), "what was there was not thrown away: {log}");
    assert!(log.contains("the snapshot is imported"), "{log}");
    let connected = peer.client.node_peers().await.unwrap().value.peers;
    assert!(
        !connected.is_empty() && connected.iter().all(|one| one.author != Some(2)),
        "{connected:?}"
    );

    // It follows, without the liar.
    traffic.more(200).await;
    let acknowledged = traffic.stop().await;
    assert!(!acknowledged.is_empty());
    let at = network.level().await;
    assert_eq!(root_at(&peer.client, at).await, root_at(network.client(1), at).await);
    peer.stop().await;
    network.stop_all().await;
    let begin = peer.begin();
    assert!(begin >= oldest, "it began at {begin}, the snapshots at {oldest}");
    let verified = network.cli(&["db", "verify", "--data", peer.folder.to_str().unwrap()]).await;
    println!("{verified}");
}

/// Protects a validator's name: without its disk it comes back by a snapshot, asks the others what it signed, and
/// signs above that; nobody sees two blocks of it for one round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_that_lost_its_disk_comes_back_by_a_snapshot() {
    let mut network = Network::lay_out(4);
    for index in 0..4 {
        network.spawn_with(index, &SNAPSHOTS);
    }
    for index in 0..4 {
        network.ready(index).await;
    }
    let endpoints: Vec<&str> = (0..4).map(|index| network.endpoint(index)).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    snapshots_of_all(&network, 0).await;
    network.kill(3).await;
    std::fs::remove_dir_all(network.data(3)).unwrap();
    traffic.more(100).await;
    let logged = network.log(3).len();
    network.spawn_with(3, &SNAPSHOTS);
    network.ready(3).await;
    let log = network.log(3)[logged..].to_owned();
    assert!(log.contains("the snapshot is imported"), "{log}");
    assert!(log.contains("does not know what was signed"), "{log}");

    // It is one of three that are left now: nothing goes on without its blocks.
    network.level().await;
    network.kill(1).await;
    traffic.more(300).await;
    network.spawn_with(1, &SNAPSHOTS);
    network.ready(1).await;
    let acknowledged = traffic.stop().await;
    let at = network.level().await;
    for index in 1..4 {
        let expected = root_at(network.client(0), at).await;
        assert_eq!(root_at(network.client(index), at).await, expected, "node {}", index + 1);
    }
    check_acknowledged(network.client(0), &acknowledged).await;
    network.stop_all().await;
    for index in 0..4 {
        let log = network.log(index);
        assert!(!log.contains("equivocates") && !log.contains("signed twice"), "{log}");
        let data = network.data(index);
        network.cli(&["db", "verify", "--data", data.to_str().unwrap()]).await;
    }
    assert!(begin_of(&network.ledger(3)) > 0);
}

/// Story: a node had one old snapshot, made by hand, and a short window. When pruning passed it the node went on
/// offering it: with a head that lacked commits, for which importers banned it, or with no blocks, for which they
/// asked for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_taken_from_a_node_that_has_pruned_past_it() {
    let mut network = Network::lay_out(4);
    network.start_each(|index| if index == 1 { &SHORT } else { &NO_SNAPSHOTS }).await;
    let endpoints: Vec<&str> = (0..4).map(|index| network.endpoint(index)).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    traffic.more(50).await;
    let made = network.cli(&["--json", "--node", "2", "snapshot", "create"]).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let at = made["height"].as_u64().unwrap();
    eventually("the window is past the snapshot", WINDOW_PATIENCE, async || {
        let held = network.transactions_held(1).await;
        if held > at { Ok(()) } else { Err(format!("from {held}, not above {at}")) }
    })
    .await;
    // The others have none: two of them that say so first are enough to begin with genesis instead.
    let others = [0, 2, 3];
    for index in others {
        network.freeze(index).await;
    }
    let mut peer = Peer::new(&network, "peer");
    peer.start(&network, &[]);
    eventually("the old snapshot is imported", PATIENCE, async || {
        let log = peer.log();
        assert!(!log.contains("banned"), "{log}");
        if log.contains("the snapshot is imported") { Ok(()) } else { Err(log) }
    })
    .await;
    for index in others {
        network.thaw(index).await;
    }
    peer.ready().await;
    traffic.stop().await;
    let at_head = network.level().await;
    let expected = root_at(network.client(0), at_head).await;
    assert_eq!(root_at(&peer.client, at_head).await, expected);
    peer.stop().await;
    assert_eq!(peer.begin(), at);
    // A file of it can be written as well.
    let file = network.home.join("old.pollen");
    let words = ["--node", "2", "snapshot", "export", &at.to_string(), file.to_str().unwrap()];
    network.cli(&words).await;
    network.stop_all().await;
}

/// Story: two peers named a height above all others and showed nothing; whoever joined waited for them for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_boast_of_snapshots_do_not_keep_a_node_from_joining() {
    let mut network = Network::lay_out(4);
    let boast = [&SNAPSHOTS[..], &[BOASTS]].concat();
    network.start_each(|index| if index < 2 { &boast } else { &SNAPSHOTS }).await;
    let endpoints: Vec<&str> = (0..4).map(|index| network.endpoint(index)).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    snapshots_of_all(&network, 0).await;
    let mut peer = Peer::new(&network, "peer");
    peer.start(&network, &[]);
    peer.ready().await;
    let log = peer.log();
    assert!(log.contains("has no head of the snapshot"), "they were asked: {log}");
    assert!(log.contains("the snapshot is imported"), "{log}");
    traffic.stop().await;
    peer.stop().await;
    network.stop_all().await;
}

/// Every step of an import that writes, and its move into place, before and after, with every way to fail: the next
/// start goes on, and ends with what the others have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_fails_at_any_step_goes_on() {
    let mut network = Network::lay_out(4);
    network.start_each(|_| &SNAPSHOTS).await;
    let endpoints: Vec<&str> = (0..4).map(|index| network.endpoint(index)).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    snapshots_of_all(&network, 0).await;
    traffic.stop().await;
    let steps = ["import:1", "import:9", "finish:1", "file:swap:1", "index:1"];
    for (number, step) in steps.iter().enumerate() {
        for moment in ["before", "after"] {
            for action in ["error", "panic", "abort", "delay=100"] {
                let failpoint = format!("{step}:{moment}:{action}");
                let name = format!("peer-{number}-{moment}-{}", &action[..5]);
                fail_import(&network, &name, &failpoint).await;
            }
        }
    }
    network.stop_all().await;
}

async fn fail_import(network: &Network, name: &str, failpoint: &str) {
    let began = Instant::now();
    let mut peer = Peer::new(network, name);
    // An index that is not there otherwise: it is made after the import.
    let index = ("POLLEN_NODE_INDEX__KEYS", "true");
    peer.start(network, &[index, ("POLLEN_FAILPOINT", failpoint)]);
    if failpoint.contains("delay") {
        peer.ready().await;
        peer.kill().await;
    } else {
        let ended = eventually("it ends", PATIENCE, async || {
            peer.child().try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
        })
        .await;
        assert!(!ended.success(), "{failpoint}: {}", peer.log());
    }
    let log = peer.log();
    assert!(log.contains("the failpoint is met"), "{failpoint}: {log}");
    if failpoint.contains("error") {
        assert!(log.contains("POLLEN_FAILPOINT asked for it"), "{failpoint}: {log}");
    }
    peer.start(network, &[index]);
    peer.ready().await;
    let at = height(network.client(0)).await;
    let expected = root_at(network.client(0), at).await;
    assert_eq!(root_at(&peer.client, at).await, expected, "{failpoint}");
    peer.stop().await;
    network.cli(&["db", "verify", "--data", peer.folder.to_str().unwrap()]).await;
    println!("{failpoint}: {:.1} s", began.elapsed().as_secs_f64());
}

/// How long a new node takes to the head of a chain with a large state, one of four sources lying, and how much
/// memory. `POLLEN_SYNC_KEYS` has another number of keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn figures_of_a_snapshot_of_a_million_keys() {
    let keys = number_from("POLLEN_SYNC_KEYS").unwrap_or(1_000_000);
    let mut network = Network::lay_out(4);
    for index in 0..4 {
        let special = match index {
            1 => Some(NO_MINUTES),
            2 => Some(LIES),
            _ => None,
        };
        network.spawn_with(index, &[&SNAPSHOTS[..], special.as_slice()].concat());
    }
    for index in 0..4 {
        network.ready(index).await;
    }
    let began = Instant::now();
    fill(&network, keys).await;
    let filled = network.level().await;
    println!(
        "{keys} keys of {VALUE_BYTES} bytes in {:.0} s, by {filled}",
        began.elapsed().as_secs_f64()
    );
    snapshots_of_all(&network, filled).await;
    let mut peer = Peer::new(&network, "peer");
    let at = height(network.client(0)).await;
    let began = Instant::now();
    peer.start(&network, &[]);
    let pid = peer.child().id().unwrap();
    peer.ready().await;
    let ready = began.elapsed();
    assert_eq!(root_at(&peer.client, at).await, root_at(network.client(0), at).await);
    let level = began.elapsed();
    let peak_kib = peak_memory_kib(pid);
    let bans = peer.log().matches("peer banned").count();
    for line in peer.log().lines().filter(|line| line.contains("snapshot")) {
        println!("{line}");
    }
    println!(
        "answering after {:.1} s, at the head of its start after {:.1} s; peak of resident memory {} MiB; {bans} banned",
        ready.as_secs_f64(),
        level.as_secs_f64(),
        peak_kib >> 10,
    );
    peer.stop().await;
    network.kill(3).await;
    let began = Instant::now();
    network.spawn_with(3, &SNAPSHOTS);
    eventually("the killed node answers", START_PATIENCE, async || {
        let health = network.client(3).node_health().await;
        health.map(drop).map_err(|error| error.to_string())
    })
    .await;
    println!("killed with kill -9, a validator answers again after {:?}", began.elapsed());
    network.ready(3).await;
    eventually("the window is past the writes", WINDOW_PATIENCE, async || {
        let stats = network.cli(&["--json", "--node", "2", "db", "stats"]).await;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        let oldest = stats["held"]["state"].as_u64().unwrap();
        if oldest > filled { Ok(()) } else { Err(format!("from {oldest}, not above {filled}")) }
    })
    .await;
    network.cli(&["--node", "2", "db", "compact"]).await;
    network.stop_all().await;
    assert!(peer.begin() >= filled);
    for (whose, ledger) in [
        ("a validator with all the writes in its window", network.ledger(0)),
        ("a validator whose window is past them, compacted", network.ledger(1)),
        ("the peer that imported it", peer.folder.join("ledger")),
    ] {
        let beyond = bytes_in(&ledger) as i64 / keys as i64 - (KEY_BYTES + VALUE_BYTES) as i64;
        println!("disk of {whose}: {beyond} bytes a key beyond its data");
    }
}

/// Bytes of a folder's files.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Bytes of a key that the state is filled with.
const KEY_BYTES: u64 = 8;
/// Bytes of a value that the state is filled with.
const VALUE_BYTES: u64 = 200;
/// Keys that one call writes, and calls of a transaction: what fuel and the bound on bytes let pass.
const KEYS_PER_CALL: u64 = 2_600;
const CALLS: u64 = 6;

/// Fills the state with so many keys, by transactions as anybody sends them.
async fn fill(network: &Network, keys: u64) {
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["deploy", "contracts/probe", "--name", "probe", "--from", "alice"]).await;
    let client = network.client(0);
    let params = ModuleParams {
        module: "@probe".to_owned(),
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    let module = client.module_get(&params).await.unwrap().value.module;
    let module = Address::parse(&module, &dev::genesis(1).address_prefix).unwrap().id;
    let mut first = 0;
    while first < keys {
        let mut actions = Vec::new();
        for _ in 0..CALLS {
            let count = KEYS_PER_CALL.min(keys - first) as u32;
            if count == 0 {
                break;
            }
            let arguments = borsh::to_vec(&(first, count, VALUE_BYTES as u32)).unwrap();
            actions.push(Action::Invoke {
                module,
                function: "put-many".into(),
                arguments,
                deposit: 0,
                interface: None,
            });
            first += u64::from(count);
        }
        let intent = Intent::new(actions, 4_000_000_000);
        if let Err(failure) = cli::submit(client, &dev::faucet_key(), intent).await {
            panic!("{}", failure.text);
        }
        println!("{first} keys");
    }
}

/// The most memory that a process ever had resident.
fn peak_memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Waits until every node has a snapshot of this height or later that has a certificate; the lowest newest height.
async fn snapshots_of_all(network: &Network, from: u64) -> u64 {
    let mut lowest = u64::MAX;
    for index in 0..network.len() {
        let folder = network.data(index).join("snapshots");
        let newest = eventually("a snapshot", SNAPSHOT_PATIENCE, async || {
            let newest = heights_in(&folder).into_iter().max();
            newest.filter(|newest| *newest >= from).ok_or_else(|| {
                format!("{newest:?}, not {from}, is the newest in {}", folder.display())
            })
        })
        .await;
        lowest = lowest.min(newest);
    }
    lowest
}

fn heights_in(folder: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Where the ledger of a stopped node begins.
fn begin_of(ledger: &Path) -> u64 {
    let store = Arc::new(RocksStore::open_read_only(ledger).unwrap());
    Database::open_as_it_is(store).unwrap().0.begin_at().unwrap().height
}

/// A node that does not vote, in a folder of its own.
pub struct Peer {
    /// Its data folder.
    pub folder: PathBuf,
    /// Asks it.
    pub client: PollenClient,
    endpoint: String,
    child: Option<Child>,
}

impl Peer {
    /// Not started yet.
    pub fn new(network: &Network, name: &str) -> Self {
        let folder = network.home.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let endpoint = format!("http://127.0.0.1:{}", free_port());
        let client = PollenClient::new([&endpoint]).unwrap();
        Self { folder, client, endpoint, child: None }
    }

    /// Starts it beside all nodes of the network, with these variables in its environment.
    pub fn start(&mut self, network: &Network, variables: &[(&str, &str)]) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("node.log"))
            .unwrap();
        let mut command = Command::from(pollen());
        command.args(["node", "--stop-with-stdin", "--rpc-listen"]);
        command.arg(self.endpoint.trim_start_matches("http://"));
        for index in 0..network.len() {
            command.args(["--peer", &network.address(index)]);
        }
        command.arg("--data").arg(&self.folder).arg("--genesis").arg(network.genesis());
        command.envs(variables.iter().copied()).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.process_group(0).kill_on_drop(true).spawn().unwrap());
    }

    /// Its process.
    pub fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was started")
    }

    /// Waits until it answers and does its work.
    pub async fn ready(&mut self) {
        let (endpoint, folder) = (self.endpoint.clone(), self.folder.clone());
        let child = self.child();
        eventually("the peer is ready", PATIENCE, async || {
            let log = || std::fs::read_to_string(folder.join("node.log")).unwrap_or_default();
            assert_eq!(child.try_wait().unwrap(), None, "the peer ended: {}", log());
            if dev::is_ready(&endpoint).await { Ok(()) } else { Err(log()) }
        })
        .await;
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("node.log")).unwrap_or_default()
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.child.take().expect("it was started").kill().await.unwrap();
    }

    /// Stops it in order.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("it was started");
        drop(child.stdin.take());
        let status = tokio::time::timeout(STOP_PATIENCE, child.wait()).await.expect("it stops");
        assert!(status.unwrap().success(), "{}", self.log());
    }

    /// Where its ledger begins; of a stopped one.
    pub fn begin(&self) -> u64 {
        begin_of(&self.folder.join("ledger"))
    }
}
