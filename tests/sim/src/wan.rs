//! How long blocks take in a network of ten regions: from a block's proposal at its author to the commit
//! that has it, at its author. The mean is over all blocks that were proposed after a warm-up and
//! committed by the end; nothing is counted twice, nothing is left out but what is under way at the end.

use serde::Serialize;

use crate::options::{Latency, Options};
use crate::world::World;

/// Not measured, in milliseconds.
const WARM_UP_MS: u64 = 4_000;

/// A measurement.
#[derive(Debug, Clone, Serialize)]
pub struct WanFigure {
    /// Validators.
    pub nodes: usize,
    /// How many of them are down: those of the highest indices.
    pub crashed: usize,
    /// Mean, in milliseconds.
    pub mean_ms: f64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// Blocks that were measured.
    pub blocks: usize,
    /// Rounds a second.
    pub rounds_s: f64,
    /// What did not hold.
    pub violation: Option<String>,
}

/// Measures, `crashed` validators being down from the beginning.
pub fn measure(options: Options, crashed: usize, measured_ms: u64) -> WanFigure {
    let nodes = options.stakes.len();
    let mut world = World::new(options);
    world.latencies.since = Some(WARM_UP_MS * 1000);
    world.begin();
    for host in nodes - crashed..nodes {
        world.crash(host);
    }
    world.run(WARM_UP_MS);
    let first_round = world.checker.commit_round();
    world.run(measured_ms);
    let rounds = world.checker.commit_round() - first_round;
    let mut done: Vec<u64> = world.latencies.done.iter().map(|(_, us)| *us).collect();
    done.sort_unstable();
    let ms = |us: u64| us as f64 / 1000.0;
    let at = |permille: usize| {
        let place = (done.len() * permille / 1000).min(done.len().saturating_sub(1));
        done.get(place).map_or(0.0, |us| ms(*us))
    };
    WanFigure {
        nodes,
        crashed,
        mean_ms: ms(done.iter().sum::<u64>()) / done.len().max(1) as f64,
        p50_ms: at(500),
        p99_ms: at(990),
        blocks: done.len(),
        rounds_s: f64::from(rounds) * 1000.0 / measured_ms as f64,
        violation: world.violation.map(|violation| violation.0),
    }
}

/// The ten regions without faults, under a little load; rounds are never stretched.
pub fn options(seed: u64, nodes: usize) -> Options {
    let mut options = Options::calm(seed, nodes, Latency::Wan);
    options.idle_round_delay_ms = options.min_round_delay_ms;
    options
}
