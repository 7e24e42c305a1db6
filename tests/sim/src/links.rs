//! The network between hosts: how long a message takes on each directed link, and whether it arrives at
//! all. Decides nothing about what is in a message.

use crate::options::{Latency, NetworkOptions};
use crate::random::Random;

/// Round-trip times between ten regions, in milliseconds.
const WAN_RTT_MS: &str = include_str!("wan-rtt.csv");
/// Spread of a link's delay: sigma of the log-normal factor, in 1/1000.
const SIGMA_PERMILLE: i64 = 80;
/// What every message costs on the way, in microseconds.
const OVERHEAD_US: u64 = 500;

/// The table, by region.
pub fn wan_rtt_ms() -> Vec<Vec<u64>> {
    let rows = WAN_RTT_MS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| row.split(',').map(|rtt| rtt.trim().parse().expect("a number")).collect())
        .collect()
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Links {
    size: usize,
    random: Random,
    options: NetworkOptions,
    base_us: Vec<u64>,
    /// Added to every message's way.
    extra_us: Vec<u64>,
    /// Loss of one link, in 1/1000, beyond that of all.
    loss: Vec<u64>,
    /// How many partitions cut it.
    cuts: Vec<u32>,
    clogged_until: Vec<u64>,
    last_arrival: Vec<u64>,
    uplink_free: Vec<u64>,
    /// Loss, replay and reordering are over.
    calm: bool,
}

impl Links {
    /// Between so many hosts, of which host i stands for validator (or place) `places[i]`.
    pub fn new(places: &[usize], options: &NetworkOptions, seed: u64) -> Self {
        let size = places.len();
        let mut random = Random::stream(seed, "links");
        let table = wan_rtt_ms();
        let mut base_us = vec![0; size * size];
        for from in 0..size {
            for to in 0..from {
                let base = match options.latency {
                    Latency::Wan => {
                        let (a, b) = (places[from] % table.len(), places[to] % table.len());
                        table[a][b] * 500
                    }
                    Latency::Metro => random.between(1_000, 15_000),
                    Latency::Lan => random.between(100, 400),
                };
                base_us[from * size + to] = base;
                base_us[to * size + from] = base;
            }
        }
        Self {
            size,
            random,
            options: options.clone(),
            base_us,
            extra_us: vec![0; size * size],
            loss: vec![0; size * size],
            cuts: vec![0; size * size],
            clogged_until: vec![0; size * size],
            last_arrival: vec![0; size * size],
            uplink_free: vec![0; size],
            calm: false,
        }
    }

    /// When a message of so many bytes, sent now, arrives: not at all, once, or several times.
    pub fn arrivals(&mut self, now: u64, from: usize, to: usize, bytes: usize) -> Vec<u64> {
        let link = from * self.size + to;
        let leaves = match self.options.bandwidth_bytes_s {
            Some(rate) => {
                let free = &mut self.uplink_free[from];
                *free = now.max(*free) + bytes as u64 * 1_000_000 / rate;
                *free
            }
            None => now,
        };
        if self.cuts[link] > 0 || self.random.permille(self.loss[link]) {
            return Vec::new();
        }
        let (loss, replay, reorder) = match self.calm {
            true => (0, 0, 0),
            false => (self.options.loss, self.options.replay, self.options.reorder),
        };
        if self.random.permille(loss) {
            return Vec::new();
        }
        let way = self.way_us(link);
        let mut at = (leaves + way).max(self.clogged_until[link]);
        if self.random.permille(reorder) {
            at += self.random.below(way * 4 + 1);
        } else {
            at = at.max(self.last_arrival[link] + 1);
            self.last_arrival[link] = at;
        }
        let mut arrivals = vec![at];
        if self.random.permille(replay) {
            arrivals.push(at + self.random.below(2_000_000));
        }
        arrivals
    }

    /// The delay of one message on a link, nothing else counted.
    pub fn way_us(&mut self, link: usize) -> u64 {
        let jittered = self.random.log_normal(self.base_us[link], SIGMA_PERMILLE);
        let overhead = if self.options.latency == Latency::Lan { 0 } else { OVERHEAD_US };
        jittered + overhead + self.extra_us[link]
    }

    fn each(&self, chosen: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        let size = self.size;
        let pairs = (0..size).flat_map(|from| (0..size).map(move |to| (from, to)));
        pairs
            .filter(|(from, to)| from != to && chosen(*from, *to))
            .map(|(from, to)| from * size + to)
            .collect()
    }

    /// Cuts the chosen directed links; give what comes back to [`Links::mend`].
    pub fn cut(&mut self, chosen: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        let links = self.each(chosen);
        links.iter().for_each(|link| self.cuts[*link] += 1);
        links
    }

    /// Ends a partition.
    pub fn mend(&mut self, links: &[usize]) {
        links.iter().for_each(|link| self.cuts[*link] = self.cuts[*link].saturating_sub(1));
    }

    /// True when messages get through.
    pub fn is_open(&self, from: usize, to: usize) -> bool {
        self.cuts[from * self.size + to] == 0
    }

    /// What is sent on the chosen links from now on arrives at `until` at the earliest.
    pub fn clog(&mut self, until: u64, chosen: impl Fn(usize, usize) -> bool) {
        for link in self.each(chosen) {
            self.clogged_until[link] = self.clogged_until[link].max(until);
        }
    }

    /// Every message on the chosen links takes this much longer.
    pub fn slow(&mut self, extra_us: u64, chosen: impl Fn(usize, usize) -> bool) {
        for link in self.each(chosen) {
            self.extra_us[link] = extra_us;
        }
    }

    /// Of 1 000 messages on the chosen links so many are lost.
    pub fn lose(&mut self, of_1000: u64, chosen: impl Fn(usize, usize) -> bool) {
        for link in self.each(chosen) {
            self.loss[link] = of_1000;
        }
    }

    /// The network is as its plain delays say: no partition, clog, loss, replay or reordering.
    pub fn heal(&mut self) {
        self.cuts.fill(0);
        self.clogged_until.fill(0);
        self.loss.fill(0);
        self.calm = true;
    }
}
