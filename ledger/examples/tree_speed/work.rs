//! What is measured: keys, values and batches, the same for every tree; and how figures are printed.

use std::time::{Duration, Instant};

use pollen_ledger::Hash;

#[derive(Clone, Copy)]
pub struct Size {
    pub keys: u64,
    pub batch: u64,
    pub rounds: u64,
}

impl Size {
    /// From the command line: keys, batch, rounds.
    pub fn read() -> Self {
        let mut numbers = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
        let mut number = |default| numbers.next().unwrap_or(default);
        let size = Self { keys: number(1_000_000), batch: number(10_000), rounds: number(20) };
        println!("{} keys, batches of {}, {} rounds", size.keys, size.batch, size.rounds);
        size
    }
}

pub fn key(number: u64) -> Hash {
    Hash::of_content(&number.to_le_bytes())
}

pub fn value(number: u64, round: u64) -> Vec<u8> {
    [number.to_le_bytes(), round.to_le_bytes(), [7; 8], [9; 8]].concat()
}

/// Numbers of the keys that a round changes: each once.
pub fn chosen(size: Size, round: u64) -> Vec<u64> {
    let mut chosen = std::collections::BTreeSet::new();
    let mut at = 0u64;
    while (chosen.len() as u64) < size.batch {
        let drawn = blake3::hash(&[round.to_le_bytes(), at.to_le_bytes()].concat());
        let drawn = drawn.as_bytes().first_chunk().expect("32 bytes");
        chosen.insert(u64::from_le_bytes(*drawn) % size.keys);
        at += 1;
    }
    chosen.into_iter().collect()
}

/// Numbers of the keys that a batch changes, loading first.
pub fn batches(size: Size) -> impl Iterator<Item = (bool, Vec<u64>)> {
    let load = (0..size.keys).step_by(100_000);
    let load = load.map(move |from| (false, (from..size.keys.min(from + 100_000)).collect()));
    load.chain((0..size.rounds).map(move |round| (true, chosen(size, round))))
}

/// Time that passed, and what of it this thread had a processor: on a shared machine the latter is what work
/// costs.
#[derive(Default)]
pub struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    pub fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (start, cpu) = (Instant::now(), thread_time());
        let done = work();
        self.wall += start.elapsed();
        self.cpu += thread_time() - cpu;
        done
    }

    pub fn rate(&self, count: f64) -> String {
        let (wall, cpu) = (count / self.wall.as_secs_f64(), count / self.cpu.as_secs_f64());
        format!("{wall:.0} updates/s ({cpu:.0} a second of this thread's processor)")
    }

    fn each_us(&self, count: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count as f64
    }
}

/// From the kernel: nanoseconds on a processor come first.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(first.expect("a number"))
}

pub fn print(what: &str, size: Size, spent: &Spent, bytes: usize, stale: usize) {
    let updates = (size.batch * size.rounds) as f64;
    println!(
        "{what}: {}, {:.0} bytes of records and {:.0} of stale keys an update",
        spent.rate(updates),
        bytes as f64 / updates,
        stale as f64 / updates
    );
}

pub fn print_proofs(what: &str, mut sizes: Vec<usize>, verified: &Spent) {
    sizes.sort_unstable();
    println!(
        "{what}: proofs of {} bytes in the mean, 99 of 100 up to {}, all up to {}; verified in {:.1} us each",
        sizes.iter().sum::<usize>() / sizes.len(),
        sizes[sizes.len() * 99 / 100],
        sizes[sizes.len() - 1],
        verified.each_us(sizes.len())
    );
}

pub const PROOFS: u64 = 2_000;
