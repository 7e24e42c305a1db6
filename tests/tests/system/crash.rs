//! Nodes that are killed, and nodes whose store fails at a step that it is told: nothing that was
//! acknowledged is lost or different, nothing is signed twice, nobody has to repair anything.
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
use super::traffic::{Acknowledged, Traffic, check_acknowledged, check_stores};

/// Kills in every run of the tests; the long form has 1 000.
const CYCLES: u64 = 20;
/// A killed node must answer by then. Two seconds are the aim (docs/benchmarks.md); this is for a busy
/// machine.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Clients of the load, each with one transfer in flight.
const CLIENTS: usize = 24;

/// Protects what a crash must not touch: acknowledgements, agreement, one signature a round, and a start that
/// needs nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_nodes_come_back_with_everything_they_said() {
    let cycles = number_from("POLLEN_CRASH_CYCLES").unwrap_or(CYCLES);
    let mut random = Random::seeded("POLLEN_CRASH_SEED");
    let mut network = Network::start(4).await;
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
            network.spawn_with(victim, &[]);
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
            check_acknowledged(network.client(victim), &new).await;
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
        check_acknowledged(network.client(index), acknowledged).await;
    }
    network.stop_all().await;
    check_stores((0..network.len()).map(|index| network.ledger(index)));
    println!("{} acknowledged transfers, all there on {} nodes", acknowledged.len(), network.len());
}

/// Every step that writes, before it and after it, with every way to fail. After each the node starts by
/// itself and lacks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_at_any_step_loses_nothing() {
    let mut random = Random::seeded("POLLEN_CRASH_SEED");
    let mut network = Network::start(4).await;
    let endpoints: Vec<String> = (0..4).map(|node| network.endpoint(node).to_owned()).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let traffic = Traffic::start(&endpoints, CLIENTS).await;
    for step in ["own", "blocks", "commit", "checkpoint"] {
        for moment in ["before", "after"] {
            for action in ["error", "panic", "abort", "delay=300"] {
                let number = 1 + random.below(12);
                let failpoint = format!("{step}:{number}:{moment}:{action}");
                fail_once(&mut network, &traffic, &failpoint).await;
            }
        }
    }
    let acknowledged = traffic.stop().await;
    finish(&mut network, &acknowledged).await;
}

/// Starts the last node so that its store fails, waits for that, and starts it well again.
async fn fail_once(network: &mut Network, traffic: &Traffic, failpoint: &str) {
    let began = Instant::now();
    let victim = network.len() - 1;
    network.kill(victim).await;
    network.spawn_with(victim, &[(VARIABLE, failpoint)]);
    let words = if failpoint.contains("delay") {
        // A slow disk is no failure: the network goes on, the node as well.
        traffic.more(30).await;
        network.kill(victim).await;
        "it was slow".to_owned()
    } else {
        network.ended(victim).await
    };
    match failpoint.rsplit(':').next() {
        Some("error") => {
            assert!(words.starts_with("exit status: 1: error: "), "{failpoint}: {words}");
            assert!(
                words.contains("cannot write") && words.contains(VARIABLE),
                "{failpoint}: {words}"
            );
        }
        Some("panic") => {
            assert!(words.starts_with("exit status: 1: error: "), "{failpoint}: {words}");
            assert!(words.contains("panicked: a bug"), "{failpoint}: {words}");
        }
        Some("abort") => assert!(words.contains("SIGABRT"), "{failpoint}: {words}"),
        _ => {}
    }
    network.start_node(victim).await;
    let told = traffic.acknowledged();
    network.level().await;
    let some = told.iter().take(200).map(|(hash, told)| (*hash, told.clone())).collect();
    check_acknowledged(network.client(victim), &some).await;
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
