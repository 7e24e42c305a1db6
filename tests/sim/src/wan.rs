//! How long blocks take in a network of ten regions: from a block's proposal at its author to the commit
//! that has it, at its author. The mean is over all blocks that were proposed after a warm-up and
//! committed by the end; nothing is counted twice, nothing is left out but what is under way at the end
//! and, where some are told apart, the blocks of the slow and of the Byzantine ones.

use serde::Serialize;

use crate::byzantine::Behaviour;
use crate::options::{Latency, Options};
use crate::world::World;

/// Not measured, in milliseconds.
const WARM_UP_MS: u64 = 4_000;
/// Who is slow, when somebody is.
pub const SLOW: usize = 1;
/// Who withholds starts at any time; most that is waited for its probation, in milliseconds.
const PROBATION_AFTER_MS_MAX: u64 = 600_000;

/// What disturbs the network.
#[derive(Debug, Clone, Default)]
pub struct Disturbance {
    /// Validators that are down from the beginning.
    pub crashed: Vec<usize>,
    /// What one validator ([`SLOW`]) sends is late by this, in milliseconds.
    pub slow_ms: u64,
    /// What is sent to it is late as well.
    pub both_ways: bool,
    /// It is slow in every other second only.
    pub flapping: bool,
}

/// A measurement.
#[derive(Debug, Clone, Serialize)]
pub struct WanFigure {
    /// Mean, in milliseconds, of the blocks of all others than [`SLOW`], when that one is slow.
    pub mean_ms: f64,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// Mean of the slow one's own blocks, in milliseconds.
    pub slow_mean_ms: Option<f64>,
    /// Blocks that were measured.
    pub blocks: usize,
    /// Rounds a second.
    pub rounds_s: f64,
    /// What did not hold.
    pub violation: Option<String>,
}

/// Measures for so long after a warm-up.
pub fn measure(options: Options, disturbance: &Disturbance, measured_ms: u64) -> WanFigure {
    let mut world = World::new(options);
    world.begin();
    for host in &disturbance.crashed {
        world.crash(*host);
    }
    disturb(&mut world, disturbance, WARM_UP_MS);
    world.latencies.since = Some(world.now);
    let first_round = world.checker.commit_round();
    disturb(&mut world, disturbance, measured_ms);
    let slow = (disturbance.slow_ms > 0).then_some(SLOW);
    figure(&world, slow, first_round, measured_ms)
}

/// Who withholds: f validators, spread over the regions.
pub fn withholders(options: &Options) -> Vec<usize> {
    (0..options.f() as usize).map(|index| 2 + 3 * index).collect()
}

/// f validators withhold their blocks. Measures the others' until those are on probation, and again while
/// all are, for so long at most.
pub fn measure_withholding(mut options: Options, measured_ms: u64) -> (WanFigure, WanFigure) {
    let authors = withholders(&options);
    let f = authors.len();
    options.byzantine = Some(Behaviour::Withhold);
    options.byzantine_authors = authors.into_iter().map(|author| author as u16).collect();
    let mut world = World::new(options);
    world.begin();
    let all_out =
        |world: &World| world.statuses().iter().all(|(_, status)| status.probation.len() >= f);
    world.latencies.since = Some(0);
    let mut took_ms = 0;
    while !all_out(&world) && took_ms < PROBATION_AFTER_MS_MAX && world.violation.is_none() {
        world.run(100);
        took_ms += 100;
    }
    let before = figure(&world, None, 0, took_ms);
    world.latencies.since = Some(world.now);
    world.latencies.done.clear();
    let first_round = world.checker.commit_round();
    let mut ran_ms = 0;
    while all_out(&world) && ran_ms < measured_ms && world.violation.is_none() {
        world.run(100);
        ran_ms += 100;
    }
    (before, figure(&world, None, first_round, ran_ms))
}

/// Runs for so long.
fn disturb(world: &mut World, disturbance: &Disturbance, ms: u64) {
    let Disturbance { slow_ms, both_ways, flapping, .. } = *disturbance;
    let end = world.now + ms * 1000;
    let mut slow = true;
    while world.now < end && world.violation.is_none() {
        let extra_us = if slow { slow_ms * 1000 } else { 0 };
        world.links.slow(extra_us, |from, to| from == SLOW || both_ways && to == SLOW);
        slow = !flapping || !slow;
        world.run(((end - world.now) / 1000).min(1000));
    }
}

fn figure(world: &World, slow: Option<usize>, first_round: u32, measured_ms: u64) -> WanFigure {
    let ms = |us: u64| us as f64 / 1000.0;
    let of = |chosen: &dyn Fn(usize) -> bool| {
        let done = world.latencies.done.iter();
        let mut times: Vec<u64> =
            done.filter(|(host, _)| chosen(*host)).map(|(_, us)| *us).collect();
        times.sort_unstable();
        times
    };
    let mean_ms = |times: &[u64]| ms(times.iter().sum::<u64>()) / times.len().max(1) as f64;
    let done = of(&|host| world.hosts[host].is_honest() && Some(host) != slow);
    let at = |permille: usize| {
        let place = (done.len() * permille / 1000).min(done.len().saturating_sub(1));
        done.get(place).map_or(0.0, |us| ms(*us))
    };
    let rounds = world.checker.commit_round() - first_round;
    WanFigure {
        mean_ms: mean_ms(&done),
        p50_ms: at(500),
        p99_ms: at(990),
        slow_mean_ms: slow.map(|slow| mean_ms(&of(&|host| host == slow))),
        blocks: done.len(),
        rounds_s: f64::from(rounds) * 1000.0 / measured_ms.max(1) as f64,
        violation: world.violation.as_ref().map(|violation| violation.0.clone()),
    }
}

/// The ten regions without faults, under a little load; rounds are never stretched.
pub fn options(seed: u64, nodes: usize) -> Options {
    let mut options = Options::calm(seed, nodes, Latency::Wan);
    options.idle_round_delay_ms = options.min_round_delay_ms;
    options.probation_window_rounds = 100;
    options
}
