//! Nodes that are killed, and nodes whose store or files fail at a step that they are told: nothing that was
//! acknowledged is lost or different, nothing is signed twice, nobody has to repair anything.
//!
//! All keep a short window of the state and make snapshots often, and one a short window of the ledger's history,
//! so that kills and failures meet pruning and snapshots too.
//!
//! `POLLEN_CRASH_CYCLES=1000 cargo nextest run ... crash::` is the long form; `POLLEN_CRASH_SEED` repeats
//! the choices of a run.

use std::time::{Duration, Instant};

use pollen_node::dev::{NodeProcess, wait_ready};
use pollen_node::failpoints::VARIABLE;

use super::cluster::same_at;
use super::harness::{
    Network, Random, START_PATIENCE, eventually, height, lay_out_one, number_from, program,
};
use super::traffic::{Acknowledged, Traffic, check_acknowledged, check_stores, untold};

/// Kills in every run of the tests; the long form has 1 000.
const CYCLES: u64 = 20;
/// A killed node must answer by then. Two seconds are the aim (docs/benchmarks.md); this is for a busy
/// machine.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Clients of the load, each with one transfer in flight.
const CLIENTS: usize = 24;

/// What each node is started with: checkpoints and commits of a second or two.
static SMALL: [(&str, &str); 5] = [
    ("POLLEN_NODE_STORAGE__STATE_MINUTES", "0"),
    ("POLLEN_NODE_STORAGE__STATE_CHECKPOINTS", "16"),
    ("POLLEN_NODE_SNAPSHOTS__INTERVAL", "20"),
    ("POLLEN_NODE_STORAGE__HISTORY_HOURS", "0"),
    ("POLLEN_NODE_STORAGE__HISTORY_COMMITS", "300"),
];
/// The node that lets go of the ledger's history: what is asked of it is what it still has.
const SHORT: usize = 3;

fn windows(index: usize) -> &'static [(&'static str, &'static str)] {
    if index == SHORT { &SMALL } else { &SMALL[..3] }
}

/// A network whose nodes are started so.
async fn network() -> Network {
    let mut network = Network::lay_out(4);
    network.start_each(windows).await;
    network
}

/// A node tells of all that was acknowledged, or of all that its window has.
async fn check(network: &Network, index: usize, acknowledged: &Acknowledged) {
    if index != SHORT {
        return check_acknowledged(network.client(index), acknowledged).await;
    }
    let untold = untold(network.client(index), acknowledged).await;
    // Afterwards: what has gone meanwhile was there before.
    let held = network.transactions_held(index).await;
    let lost = untold.iter().find(|(height, _)| *height >= held);
    assert!(lost.is_none(), "from {held} on it has all: {lost:?}");
}

/// Protects what a crash must not touch: acknowledgements, agreement, one signature a round, and a start that
/// needs nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_nodes_come_back_with_everything_they_said() {
    let cycles = number_from("POLLEN_CRASH_CYCLES").unwrap_or(CYCLES);
    let mut random = Random::seeded("POLLEN_CRASH_SEED");
    let mut network = network().await;
    let endpoints: Vec<String> = (0..4).map(|node| network.endpoint(node).to_owned()).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    let mut checked = Acknowledged::new();
    let (mut slowest, mut total) = (Duration::ZERO, Duration::ZERO);
    let mut kills = 0;
    for cycle in 0..cycles {
        traffic.more(5 + random.below(60) as usize).await;
        let victims = victims(&mut random);
        for &victim in &victims {
            network.kill(victim).await;
        }
        if victims.len() == 1 {
            traffic.more(random.below(40) as usize).await;
        }
        for &victim in &victims {
            let began = Instant::now();
            network.spawn_with(victim, windows(victim));
            answers(&network, victim).await;
            slowest = slowest.max(began.elapsed());
            total += began.elapsed();
            kills += 1;
        }
        for &victim in &victims {
            network.ready(victim).await;
        }
        // The newest are those that a crash could take.
        let told = traffic.acknowledged();
        let new = told.iter().filter(|(hash, _)| !checked.contains_key(*hash));
        let new: Acknowledged = new.map(|(hash, told)| (*hash, told.clone())).collect();
        network.level().await;
        for &victim in &victims {
            check(&network, victim, &new).await;
        }
        println!("cycle {cycle}: killed {victims:?}, {} acknowledged so far", told.len());
        checked = told;
    }
    let acknowledged = traffic.stop().await;
    let mean = total / kills.max(1);
    println!("{kills} kills, answering again after {mean:?}, {slowest:?} at most");
    finish(&mut network, &acknowledged).await;
}

/// Mostly one; sometimes two, so that no quorum is left; sometimes all.
fn victims(random: &mut Random) -> Vec<usize> {
    let first = random.below(4) as usize;
    match random.below(10) {
        0 => (0..4).collect(),
        1 | 2 => vec![first, (first + 1 + random.below(3) as usize) % 4],
        _ => vec![first],
    }
}

async fn answers(network: &Network, index: usize) {
    eventually("the killed node answers", ANSWER_MAX, async || {
        let health = network.client(index).node_health().await;
        health.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

/// Everywhere the same, everything that was acknowledged, and whole stores.
async fn finish(network: &mut Network, acknowledged: &Acknowledged) {
    let at = network.level().await;
    same_at(network, at).await;
    for index in 0..network.len() {
        check(network, index, acknowledged).await;
    }
    let pruned_to = network.transactions_held(SHORT).await;
    network.stop_all().await;
    assert!(pruned_to > 1, "the short window was reached");
    check_stores((0..network.len()).map(|index| network.ledger(index)));
    for index in 0..network.len() {
        let snapshots = pollen_node::snapshots::list(&network.data(index)).unwrap();
        assert!(!snapshots.is_empty(), "snapshots were made");
        check_stores(snapshots.into_iter().map(|(_, folder)| folder));
    }
    println!("{} acknowledged transfers, all there on {} nodes", acknowledged.len(), network.len());
}

/// Every step that writes, before it and after it, with every way to fail. After each the node starts by
/// itself and lacks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_at_any_step_loses_nothing() {
    let steps = ["own", "blocks", "commit", "certificate", "checkpoint", "prune", "prune-ledger"];
    fail_at(&steps, 12).await;
}

/// The same with what is done to files beside the store while a node runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_fails_at_any_step_costs_nothing_else() {
    fail_at(&["file:snapshot", "file:let-go"], 2).await;
}

/// Fails at each of these steps, at one of the first `number_max` times, in each way.
async fn fail_at(steps: &[&str], number_max: u64) {
    let mut random = Random::seeded("POLLEN_CRASH_SEED");
    let mut network = network().await;
    let endpoints: Vec<String> = (0..4).map(|node| network.endpoint(node).to_owned()).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    for step in steps {
        for moment in ["before", "after"] {
            for action in ["error", "panic", "abort", "delay=300"] {
                let number = 1 + random.below(number_max);
                let failpoint = format!("{step}:{number}:{moment}:{action}");
                fail_once(&mut network, &traffic, &failpoint).await;
            }
        }
    }
    let acknowledged = traffic.stop().await;
    finish(&mut network, &acknowledged).await;
}

/// What a node does about a failure.
enum Reaction {
    /// It ends, with these last words.
    Ends(&'static [&'static str]),
    /// It goes on, and logs this.
    GoesOn(&'static str),
}

fn reaction(failpoint: &str) -> Reaction {
    let action = failpoint.rsplit(':').next();
    match (action, failpoint) {
        (Some("abort"), _) => Reaction::Ends(&["SIGABRT"]),
        // A slow disk is no failure: the network goes on, the node as well.
        (Some("delay=300"), _) => Reaction::GoesOn("the failpoint is met"),
        // No node ends for want of a snapshot, or of the room that an old one takes.
        (Some("error"), file) if file.starts_with("file:snapshot") => {
            Reaction::GoesOn("cannot make a snapshot")
        }
        (Some("error"), file) if file.starts_with("file:let-go") => {
            Reaction::GoesOn("cannot remove an old snapshot")
        }
        (Some("panic"), file) if file.starts_with("file:let-go") => {
            Reaction::GoesOn("the failpoint is met")
        }
        (Some("error"), _) => {
            Reaction::Ends(&["exit status: 1: error: ", "cannot write", VARIABLE])
        }
        _ => Reaction::Ends(&["exit status: 1: error: ", "panicked: a bug"]),
    }
}

/// Starts the last node so that it fails, waits for that, and starts it well again.
async fn fail_once(network: &mut Network, traffic: &Traffic, failpoint: &str) {
    let began = Instant::now();
    let victim = SHORT;
    network.kill(victim).await;
    let logged = network.log(victim).len();
    network.spawn_with(victim, &[windows(victim), &[(VARIABLE, failpoint)]].concat());
    let words = match reaction(failpoint) {
        Reaction::Ends(parts) => {
            let words = network.ended(victim).await;
            for part in parts {
                assert!(words.contains(part), "{failpoint}: {words} does not say {part}");
            }
            words
        }
        Reaction::GoesOn(line) => {
            eventually("the step is met", START_PATIENCE, async || {
                let log = network.log(victim)[logged..].to_owned();
                if log.contains(line) { Ok(()) } else { Err(format!("{failpoint}: {log}")) }
            })
            .await;
            traffic.more(30).await;
            network.kill(victim).await;
            format!("it went on: {line}")
        }
    };
    let log = network.log(victim)[logged..].to_owned();
    assert!(log.contains("the failpoint is met"), "{failpoint}: {log}");
    network.spawn_with(victim, windows(victim));
    network.ready(victim).await;
    let told = traffic.acknowledged();
    network.level().await;
    let some = told.iter().take(200).map(|(hash, told)| (*hash, told.clone())).collect();
    check(network, victim, &some).await;
    let snapshots = network.data(victim).join(pollen_node::snapshots::FOLDER);
    eventually("what a failure left of snapshots goes", START_PATIENCE, async || {
        let names = std::fs::read_dir(&snapshots).into_iter().flatten();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| name.ends_with(".going")).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{failpoint}: {left:?}")) }
    })
    .await;
    println!("{failpoint}: {:.1} s: {words}", began.elapsed().as_secs_f64());
}

/// The first start: a directory half begun begins again, and a key that never signed still never did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_was_half_begun_begins_again() {
    for failpoint in [
        "opening:1:before:error",
        "opening:1:after:abort",
        "opening:2:before:error",
        "opening:2:after:abort",
        "any:3:before:abort",
        "any:3:after:error",
        "file:mark:1:before:abort",
        "file:mark:1:after:error",
    ] {
        let (_folder, node) = lay_out_one();
        let start = |variables: &[(&str, &str)]| {
            NodeProcess::start_with(&program(), &node, variables).unwrap()
        };
        let mut failing = start(&[(VARIABLE, failpoint)]);
        let words = eventually("the node ends", START_PATIENCE, async || {
            failing.ended().ok_or_else(|| "it runs".to_owned())
        })
        .await;
        assert!(words.contains("exit status: 1: error: ") || words.contains("SIGABRT"), "{words}");
        let mut well = [start(&[])];
        wait_ready(&mut well, START_PATIENCE, |_| ()).await.unwrap_or_else(|error| {
            panic!("{failpoint}: {error}");
        });
        let client = pollen_rpc::client::PollenClient::new([&node.endpoint]).unwrap();
        eventually("it makes checkpoints", START_PATIENCE, async || {
            let reached = height(&client).await;
            if reached > 0 { Ok(()) } else { Err(format!("at height {reached}")) }
        })
        .await;
        let [well] = &mut well;
        well.stop(START_PATIENCE).await.unwrap();
        check_stores([node.folder.join("data/ledger")]);
    }
}
