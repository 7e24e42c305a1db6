//! What a simulation is made of: drawn from its seed, or said by whoever starts it. Printed with every
//! failure, together with the command that repeats it.

use std::fmt;

use serde::Serialize;

use crate::byzantine::Behaviour;
use crate::random::Random;

/// Where validators stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// Ten regions of the world.
    Wan,
    /// 1 to 15 ms between any two.
    Metro,
    /// 0.1 to 0.4 ms between any two.
    Lan,
}

/// How messages travel.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkOptions {
    /// Where validators stand.
    pub latency: Latency,
    /// Messages lost, of 1 000.
    pub loss: u64,
    /// Messages that come a second time, of 1 000.
    pub replay: u64,
    /// Messages that may be overtaken, of 1 000; the others keep their order on each link.
    pub reorder: u64,
    /// Of each host's uplink.
    pub bandwidth_bytes_s: Option<u64>,
    /// Time to take a message, in microseconds: a host takes one at a time.
    pub message_cpu_us: u64,
}

/// Which signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Crypto {
    /// Keyed hashes.
    Simulated,
    /// ed25519.
    Real,
}

/// What becomes of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionKind {
    /// A digest over the ids of transactions.
    StandIn,
    /// The ledger's executor, with transfers.
    Real,
}

/// See the module's documentation.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Everything random follows from it.
    pub seed: u64,
    /// Validators' stakes.
    pub stakes: Vec<u64>,
    /// Followers beside them.
    pub followers: usize,
    /// Length of the safety phase, in simulated milliseconds.
    pub safety_ms: u64,
    /// Most that the liveness phase may take, in simulated milliseconds.
    pub liveness_ms_max: u64,
    /// Of genesis: rounds that a block may lag.
    pub gc_depth: u32,
    /// Of genesis: a round is output at its first committed slot.
    pub first_commit: bool,
    /// A node's own setting.
    pub min_round_delay_ms: u64,
    /// A node's own setting.
    pub idle_round_delay_ms: u64,
    /// How messages travel.
    pub network: NetworkOptions,
    /// Most that a synced write takes, in microseconds.
    pub sync_us_max: u64,
    /// Most that a host's clock is off, in milliseconds, either way.
    pub skew_ms_max: u64,
    /// Hosts crash and come back.
    pub crashes: bool,
    /// Links are cut for some time.
    pub partitions: bool,
    /// Links hold messages back for up to 5 s.
    pub clogs: bool,
    /// How the Byzantine validators behave.
    pub byzantine: Option<Behaviour>,
    /// Which those are: their stake is at most f.
    pub byzantine_authors: Vec<u16>,
    /// A validator that loses its disk now and then, or gets an old image of it back: one of the faulty, so
    /// its stake and the Byzantine validators' are at most f.
    pub amnesiac: Option<u16>,
    /// A host that is down for the first three quarters of the safety phase.
    pub late: Option<usize>,
    /// Submitted to the whole network each second.
    pub transactions_s: u64,
    /// Which signatures.
    pub crypto: Crypto,
    /// What becomes of commits.
    pub execution: ExecutionKind,
}

/// What a caller wants otherwise than the seed says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Validators.
    pub nodes: Option<usize>,
    /// Length of the safety phase, in simulated seconds.
    pub seconds: Option<u64>,
    /// How the Byzantine validators behave.
    pub byzantine: Option<Behaviour>,
    /// Real signatures.
    pub real_crypto: bool,
    /// Features to leave out.
    pub without: Vec<Feature>,
}

/// What can be left out of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Feature {
    /// Byzantine validators.
    Byzantine,
    /// Crashes.
    Crashes,
    /// Partitions.
    Partitions,
    /// Clogs.
    Clogs,
    /// Lost messages.
    Loss,
    /// Repeated messages.
    Replay,
    /// Overtaken messages.
    Reorder,
    /// Clocks that are off.
    Skew,
    /// Disks that take time.
    Disk,
    /// Unequal stakes.
    Stakes,
    /// Followers.
    Followers,
    /// A validator that loses its disk.
    Amnesia,
    /// A host that starts late.
    Late,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 13] = [
        Self::Byzantine,
        Self::Crashes,
        Self::Partitions,
        Self::Clogs,
        Self::Loss,
        Self::Replay,
        Self::Reorder,
        Self::Skew,
        Self::Disk,
        Self::Stakes,
        Self::Followers,
        Self::Amnesia,
        Self::Late,
    ];
}

impl Options {
    /// A network without any fault: where schedules begin.
    pub fn calm(seed: u64, nodes: usize, latency: Latency) -> Self {
        Self {
            seed,
            stakes: vec![1; nodes],
            followers: 0,
            safety_ms: 10_000,
            liveness_ms_max: 60_000,
            gc_depth: 60,
            first_commit: false,
            min_round_delay_ms: 1,
            idle_round_delay_ms: 500,
            network: NetworkOptions {
                latency,
                loss: 0,
                replay: 0,
                reorder: 0,
                bandwidth_bytes_s: None,
                message_cpu_us: 0,
            },
            sync_us_max: 0,
            skew_ms_max: 0,
            crashes: false,
            partitions: false,
            clogs: false,
            byzantine: None,
            byzantine_authors: Vec::new(),
            amnesiac: None,
            late: None,
            transactions_s: 20,
            crypto: Crypto::Simulated,
            execution: ExecutionKind::StandIn,
        }
    }

    /// What a seed says, with the caller's wishes.
    pub fn of_seed(seed: u64, overrides: &Overrides) -> Self {
        let mut random = Random::stream(seed, "options");
        let nodes = *random.pick(&[4, 4, 4, 4, 5, 6, 7, 7, 8, 10]);
        let nodes = overrides.nodes.unwrap_or(nodes);
        let latency = *random.pick(&[Latency::Wan, Latency::Wan, Latency::Metro, Latency::Lan]);
        let mut options = Self::calm(seed, nodes, latency);
        options.safety_ms = overrides.seconds.unwrap_or(20) * 1000;
        options.gc_depth = *random.pick(&[8, 12, 20, 60]);
        options.first_commit = random.permille(150);
        if random.permille(250) {
            options.stakes = (0..nodes).map(|_| random.between(1, 10)).collect();
        }
        options.followers = usize::from(random.permille(250));
        // Shorter rounds than this only cost time: a LAN has four hundred of them a second.
        options.min_round_delay_ms = match latency {
            Latency::Wan => 1,
            Latency::Metro => 10,
            Latency::Lan => 25,
        };
        let network = &mut options.network;
        network.loss = if random.permille(500) { random.between(1, 300) } else { 0 };
        network.replay = if random.permille(400) { random.between(1, 500) } else { 0 };
        network.reorder = if random.permille(400) { random.between(1, 500) } else { 0 };
        network.message_cpu_us = if random.permille(150) { random.between(10, 300) } else { 0 };
        let narrow = random.permille(150).then(|| random.between(300_000, 5_000_000));
        network.bandwidth_bytes_s = narrow;
        options.sync_us_max = *random.pick(&[0, 0, 500, 5_000, 50_000]);
        options.skew_ms_max = *random.pick(&[0, 0, 20, 200, 2_000]);
        options.crashes = random.permille(500);
        options.partitions = random.permille(500);
        options.clogs = random.permille(350);
        options.transactions_s = *random.pick(&[0, 2, 20, 50]);
        let behaviour = *random.pick(&Behaviour::ALL);
        options.byzantine = random.permille(600).then_some(behaviour);
        if overrides.byzantine.is_some() {
            options.byzantine = overrides.byzantine;
        }
        if overrides.real_crypto || seed.is_multiple_of(20) {
            options.crypto = Crypto::Real;
        }
        if nodes <= 10 && seed % 4 == 1 {
            options.execution = ExecutionKind::Real;
        }
        options.leave_out(&overrides.without);
        options.choose_byzantine(&mut random);
        let mut random = Random::stream(seed, "amnesia");
        if random.permille(350) && !overrides.without.contains(&Feature::Amnesia) {
            options.choose_amnesiac(&mut random);
        }
        if random.permille(250) && !overrides.without.contains(&Feature::Late) {
            options.choose_late(&mut random);
        }
        options
    }

    fn leave_out(&mut self, features: &[Feature]) {
        for feature in features {
            match feature {
                Feature::Byzantine => self.byzantine = None,
                Feature::Crashes => self.crashes = false,
                Feature::Partitions => self.partitions = false,
                Feature::Clogs => self.clogs = false,
                Feature::Loss => self.network.loss = 0,
                Feature::Replay => self.network.replay = 0,
                Feature::Reorder => self.network.reorder = 0,
                Feature::Skew => self.skew_ms_max = 0,
                Feature::Disk => self.sync_us_max = 0,
                Feature::Stakes => self.stakes.fill(1),
                Feature::Followers => self.followers = 0,
                Feature::Amnesia => self.amnesiac = None,
                Feature::Late => self.late = None,
            }
        }
    }

    /// As many Byzantine validators as f allows, in a random order.
    fn choose_byzantine(&mut self, random: &mut Random) {
        if self.byzantine.is_none() {
            return;
        }
        let mut rest = self.f();
        let mut open: Vec<u16> = (0..self.stakes.len() as u16).collect();
        while !open.is_empty() {
            let author = open.swap_remove(random.below(open.len() as u64) as usize);
            let stake = self.stakes[usize::from(author)];
            if stake <= rest {
                rest -= stake;
                self.byzantine_authors.push(author);
            }
        }
        self.byzantine_authors.sort_unstable();
        if self.byzantine_authors.is_empty() {
            self.byzantine = None;
        }
    }

    /// Instead of one of several Byzantine validators, or where nobody is Byzantine.
    fn choose_amnesiac(&mut self, random: &mut Random) {
        let bearable: Vec<u16> = (0..self.stakes.len() as u16)
            .filter(|author| self.stakes[usize::from(*author)] <= self.f())
            .collect();
        self.amnesiac = match self.byzantine_authors.len() {
            0 if bearable.is_empty() => None,
            0 => Some(*random.pick(&bearable)),
            1 => None,
            _ => self.byzantine_authors.pop(),
        };
    }

    /// A follower, or a validator without which the others can go on.
    fn choose_late(&mut self, random: &mut Random) {
        let bearable = self.byzantine.is_none() && self.amnesiac.is_none();
        let late = |host: &usize| match self.stakes.get(*host) {
            Some(stake) => bearable && *stake <= self.f(),
            None => self.byzantine != Some(Behaviour::Twins),
        };
        let hosts = self.stakes.len() + self.followers;
        let hosts: Vec<usize> = (0..hosts).filter(late).collect();
        self.late = (!hosts.is_empty()).then(|| *random.pick(&hosts));
    }

    /// f of the stakes.
    pub fn f(&self) -> u64 {
        (self.stakes.iter().sum::<u64>() - 1) / 3
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use clap::ValueEnum as _;
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        if let Some(nodes) = self.nodes {
            write!(f, " --nodes {nodes}")?;
        }
        if let Some(seconds) = self.seconds {
            write!(f, " --seconds {seconds}")?;
        }
        if let Some(behaviour) = self.byzantine {
            write!(f, " --byzantine {}", name(behaviour.to_possible_value()))?;
        }
        if self.real_crypto {
            write!(f, " --crypto real")?;
        }
        for feature in &self.without {
            write!(f, " --without {}", name(feature.to_possible_value()))?;
        }
        Ok(())
    }
}
