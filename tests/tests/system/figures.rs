//! Figures of docs/benchmarks.md that need a crash: not run with the other tests, since they judge nothing
//! about speed on a machine that others use too.
//!
//!     cargo nextest run --workspace --run-ignored only -E 'test(figures)' --no-capture

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pollen_rpc::api::{ChainHead, ChainHeadParams};
use pollen_rpc::client::PollenClient;
use serde_json::Value;

use super::cluster::longest_gap;
use super::harness::{Network, eventually, pollen};

/// Commits that the node which was away has to catch up.
const COMMITS_BEHIND: u64 = 10_000;

/// Latency at 1 000 tx/s with four validators, the longest gap when one is killed, and latency with three.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn latency_before_and_after_a_crash() {
    let mut network = Network::start(4).await;
    let load = ["--rate", "1000", "--duration", "20s"];
    println!("four: {}", latency(&bench(&network, &load).await));

    let ended = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(longest_gap(network.endpoint(0).to_owned(), ended.clone()));
    let under_load = tokio::spawn(running_bench(&network, &load));
    let from = head(network.client(0)).await.commit_index;
    let commits = async |network: &Network, count: u64| {
        eventually("the load runs", Duration::from_secs(60), async || {
            let made = head(network.client(0)).await.commit_index - from;
            if made >= count { Ok(()) } else { Err(format!("{made} commits of {count}")) }
        })
        .await;
    };
    // The load of twenty seconds makes some three thousand, on a busy machine two.
    commits(&network, 1_000).await;
    network.kill(3).await;
    commits(&network, 1_800).await;
    ended.store(true, Ordering::Relaxed);
    println!("longest gap at the crash: {} ms", watch.await.unwrap().as_millis());
    // The clients of the node that is gone fail, all others do not.
    let _ = under_load.await.unwrap();
    println!("three: {}", latency(&bench(&network, &load).await));
}

/// How fast a node that was away for 10 000 commits comes back, under load, against how fast commits come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn catching_up_ten_thousand_commits() {
    for rate in ["100", "1000"] {
        let mut network = Network::start(4).await;
        let load = ["--rate", rate, "--duration", "10m"];
        let _ = bench(&network, &["--rate", "50", "--duration", "1s"]).await;
        network.kill(3).await;
        let away_from = head(network.client(0)).await;
        let away = Instant::now();
        let mut under_load = running_bench_child(&network, &load);
        eventually("commits are made", Duration::from_secs(600), async || {
            let made = head(network.client(0)).await.commit_index - away_from.commit_index;
            if made >= COMMITS_BEHIND { Ok(()) } else { Err(format!("{made} commits")) }
        })
        .await;
        let behind = head(network.client(0)).await;
        let made = behind.commit_index - away_from.commit_index;
        let production = made as f64 / away.elapsed().as_secs_f64();
        let back = Instant::now();
        network.start_node(3).await;
        let ready = back.elapsed();
        let reached = eventually("it catches up", Duration::from_secs(600), async || {
            let (own, first) = (head(network.client(3)).await, head(network.client(0)).await);
            let left = first.commit_index.saturating_sub(own.commit_index);
            if left <= 50 { Ok(own.commit_index) } else { Err(format!("{left} commits left")) }
        })
        .await;
        let took = back.elapsed().as_secs_f64();
        let caught = (reached - away_from.commit_index) as f64 / took;
        println!(
            "{rate} tx/s: {made} commits behind, production {production:.0} commits/s; level {took:.1} s after its start (answering after {:.1} s): \
             {caught:.0} commits/s, {:.1} times production",
            ready.as_secs_f64(),
            caught / production
        );
        under_load.kill().unwrap();
        under_load.wait().unwrap();
        network.stop_all().await;
    }
}

async fn head(client: &PollenClient) -> ChainHead {
    client.chain_head(&ChainHeadParams::default()).await.unwrap().value
}

fn running_bench_child(network: &Network, words: &[&str]) -> std::process::Child {
    let mut command = pollen();
    command.arg("--home").arg(&network.home).args(["--json", "bench"]).args(words);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

fn running_bench(
    network: &Network,
    words: &[&str],
) -> impl Future<Output = std::process::Output> + Send + 'static {
    let mut command = tokio::process::Command::from(pollen());
    command.arg("--home").arg(&network.home).args(["--json", "bench"]).args(words);
    async move { command.output().await.unwrap() }
}

async fn bench(network: &Network, words: &[&str]) -> Value {
    let words = [&["--json", "bench"], words].concat();
    serde_json::from_str(&network.cli(&words).await).unwrap()
}

fn latency(report: &Value) -> String {
    let ordered = &report["orderedMs"];
    let executed = &report["executedMs"];
    format!(
        "{} tx/s, ordered p50 {} p99 {} max {} ms, executed p50 {} p99 {} ms",
        report["throughputPerS"],
        ordered["p50"],
        ordered["p99"],
        ordered["max"],
        executed["p50"],
        executed["p99"]
    )
}
