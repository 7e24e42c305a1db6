//! What goes wrong in the safety phase, at random: crashes, partitions of any shape, clogs, lost disks. And
//! healing.

use crate::random::Random;
use crate::world::{Event, World};

/// Clocks are at most this far off after healing, in microseconds.
const HEALED_SKEW_US: i64 = 200_000;

/// See the module's documentation.
#[derive(Debug)]
pub struct Faults {
    random: Random,
    over: bool,
}

impl Faults {
    /// The faults of a seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::stream(seed, "faults"), over: false }
    }
}

impl World {
    /// Something goes wrong; and the next time is drawn.
    pub(crate) fn fault(&mut self) {
        if self.faults.over {
            return;
        }
        let kinds = [
            (0, self.options.crashes),
            (1, self.options.partitions),
            (2, self.options.clogs),
            (3, self.options.amnesiac.is_some()),
        ];
        let kinds: Vec<u8> =
            kinds.into_iter().filter_map(|(kind, on)| on.then_some(kind)).collect();
        match *self.faults.random.pick(&kinds) {
            0 => self.crash_some(),
            1 => self.partition(),
            2 => self.clog(),
            _ => self.forget(),
        }
        let next = self.now + self.faults.random.between(100_000, 2_000_000);
        self.at(next, Event::Fault);
    }

    fn crash_some(&mut self) {
        let size = self.hosts.len();
        let chosen: Vec<usize> = match self.faults.random.below(10) {
            0 => (0..size).collect(),
            1 => {
                let half = self.faults.random.half(size);
                (0..size).filter(|host| half[*host]).collect()
            }
            _ => vec![self.faults.random.below(size as u64) as usize],
        };
        if chosen.len() == size {
            self.counts.add("crashes of everybody");
        }
        let together = self.faults.random.between(10_000, 4_000_000);
        for host in chosen {
            self.crash(host);
            let after = self.faults.random.below(500_000);
            self.at(self.now + together + after, Event::Restart { host });
        }
    }

    /// The amnesiac's disk is copied; or lost; or what was copied is put back.
    fn forget(&mut self) {
        let Some(author) = self.options.amnesiac else { return };
        let host = usize::from(author);
        if self.faults.random.permille(400) && self.hosts[host].is_up() {
            self.hosts[host].take_image();
            return;
        }
        let old = self.faults.random.permille(500);
        let down = self.faults.random.between(10_000, 3_000_000);
        self.lose_disk(host, old);
        self.at(self.now + down, Event::Restart { host });
    }

    /// The power of a host goes, and its disk with it, but for an old image when there is one.
    pub(crate) fn lose_disk(&mut self, host: usize, old: bool) {
        self.crash(host);
        let kept = self.hosts[host].lose_disk(old);
        self.counts.add(if kept { "old images put back" } else { "disks lost" });
        let author = self.hosts[host].author.expect("a validator loses its disk");
        self.checker.forgot(author);
    }

    fn partition(&mut self) {
        let size = self.hosts.len();
        let side = match self.faults.random.permille(500) {
            true => self.faults.random.half(size),
            false => {
                let alone = self.faults.random.below(size as u64) as usize;
                (0..size).map(|host| host == alone).collect()
            }
        };
        let links = match self.faults.random.below(4) {
            // one side does not hear the other
            0 => self.links.cut(|from, to| side[from] && !side[to]),
            // any links, each for itself
            1 => {
                let cut = self.faults.random.half(size * size);
                self.links.cut(|from, to| cut[from * size + to])
            }
            _ => self.links.cut(|from, to| side[from] != side[to]),
        };
        self.counts.add("partitions");
        let after = match self.faults.random.below(4) {
            0 => self.faults.random.between(4_000_000, 12_000_000),
            _ => self.faults.random.between(100_000, 3_000_000),
        };
        self.at(self.now + after, Event::Mend { links });
    }

    fn clog(&mut self) {
        let size = self.hosts.len();
        let until = self.now + self.faults.random.between(100_000, 5_000_000);
        let half = self.faults.random.half(size * size);
        let one = self.faults.random.below(size as u64) as usize;
        match self.faults.random.below(3) {
            0 => self.links.clog(until, |from, _| from == one),
            1 => self.links.clog(until, |_, to| to == one),
            _ => self.links.clog(until, |from, to| half[from * size + to]),
        }
        self.counts.add("clogs");
    }

    /// A partition ends.
    pub(crate) fn mend(&mut self, links: &[usize]) {
        if !self.faults.over {
            self.links.mend(links);
        }
    }

    /// Nothing goes wrong any more but what Byzantine validators do: links are open, clocks nearly right,
    /// everybody is up.
    pub fn heal(&mut self) {
        self.faults.over = true;
        self.links.heal();
        self.checker.clocks_showed(self.highest_clock_ms());
        for host in &mut self.hosts {
            if host.is_honest() {
                host.skew_us = host.skew_us.clamp(-HEALED_SKEW_US, HEALED_SKEW_US);
            }
        }
        self.part_twins();
        for host in 0..self.hosts.len() {
            self.start(host);
            self.connect(host);
        }
        self.reset_timers();
    }
}
