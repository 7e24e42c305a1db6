//! The figures, for people and for programs: latencies, rates, and what the processors did.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use pollen_ledger::Genesis;
use pollen_ledger::ordering::Settings;
use serde::Serialize;

use super::load::Offered;
use super::tally::Books;
use super::{Beyond, OrderingArgs};
use crate::bench::report::{TICKS_PER_SECOND, cpu_seconds, resident_mib as resident_mib_of};
use crate::cli::output;

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    validators: u16,
    with: Option<Beyond>,
    duration_s: f64,
    warm_up_s: f64,
    /// What bounds blocks and pools.
    pub limits: Limits,
    /// A run for each rate.
    pub runs: Vec<Run>,
}

/// What bounds blocks and pools.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    block_bytes_max: u32,
    block_transactions_max: u32,
    pool_transactions_max: usize,
    pool_bytes_max: usize,
    min_round_delay_ms: u64,
}

impl Limits {
    /// Of a chain and the core's settings.
    pub fn of(genesis: &Genesis, min_round_delay_ms: u64) -> Self {
        let settings = Settings::default();
        Self {
            block_bytes_max: genesis.parameters.block_bytes_max,
            block_transactions_max: genesis.parameters.block_transactions_max,
            pool_transactions_max: settings.pool_transactions_max,
            pool_bytes_max: settings.pool_bytes_max,
            min_round_delay_ms,
        }
    }
}

/// Latencies, in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    mean: f64,
    p50: f64,
    p99: f64,
    max: f64,
    samples: u64,
}

impl Latency {
    fn of(histogram_us: &Histogram<u64>) -> Self {
        let ms = |us: u64| round(us as f64 / 1000.0, 2);
        Self {
            mean: round(histogram_us.mean() / 1000.0, 2),
            p50: ms(histogram_us.value_at_quantile(0.5)),
            p99: ms(histogram_us.value_at_quantile(0.99)),
            max: ms(histogram_us.max()),
            samples: histogram_us.len(),
        }
    }

    fn cells(&self) -> [String; 4] {
        [self.mean, self.p50, self.p99, self.max].map(|ms| format!("{ms:.1}"))
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    (value * factor).round() / factor
}

/// One rate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    rate: u32,
    transaction_bytes: u32,
    /// Handed to a core.
    sent: u64,
    /// Refused: by a full queue or by admission, and by the pools.
    refused: [u64; 2],
    /// Transactions in the order of every validator, each counted once.
    ordered: u64,
    finished: Option<u64>,
    lost: u64,
    repeated: u64,
    bad_signatures: u64,
    commits_compared: usize,
    same_order: bool,
    committed_per_s: f64,
    ordered_ms: Latency,
    finished_ms: Option<Latency>,
    slots_per_s: f64,
    commits_per_s: f64,
    rounds_per_s: f64,
    cpu_seconds: f64,
    cpu_seconds_per_1000: f64,
    /// By kind of thread, all validators together.
    cpu_seconds_by_thread: BTreeMap<String, f64>,
    resident_mib: f64,
}

impl Run {
    /// From what was offered, the books, and what the processors did in the measured time.
    pub fn new(
        args: &OrderingArgs,
        rate: u32,
        offered: &Offered,
        books: &Books,
        cpu: &CpuTimes,
        resident_mib: f64,
    ) -> Self {
        let seconds = args.duration.as_secs_f64();
        let measured = &books.measured;
        let per_s = |count: u64| round(count as f64 / seconds, 1);
        let taken = offered.sent - offered.refused_by_pools.min(offered.sent);
        let rounds = measured.rounds.map_or(0, |(first, last)| u64::from(last - first));
        let ended = books.finished.unwrap_or(books.ordered_least).min(books.ordered_least);
        let by_thread = cpu.by_thread.iter().map(|(kind, s)| (kind.clone(), round(*s, 2)));
        Self {
            rate,
            transaction_bytes: offered.bytes,
            sent: offered.sent,
            refused: [offered.refused_before, offered.refused_by_pools],
            ordered: books.ordered_least,
            finished: books.finished,
            lost: taken.abs_diff(ended).max(taken.abs_diff(books.ordered_most)),
            repeated: books.repeated,
            bad_signatures: books.bad_signatures,
            commits_compared: books.commits_compared,
            same_order: books.same_order,
            committed_per_s: per_s(measured.transactions),
            ordered_ms: Latency::of(&measured.ordered_us),
            finished_ms: args.with.map(|_| Latency::of(&measured.finished_us)),
            slots_per_s: per_s(measured.slots),
            commits_per_s: per_s(measured.commits),
            rounds_per_s: per_s(rounds),
            cpu_seconds: round(cpu.process, 2),
            cpu_seconds_per_1000: round(
                cpu.process * 1000.0 / measured.transactions.max(1) as f64,
                4,
            ),
            cpu_seconds_by_thread: by_thread.collect(),
            resident_mib: resident_mib.round(),
        }
    }

    fn cells(&self) -> [String; 10] {
        let rate = match self.rate {
            0 => "full".to_owned(),
            rate => rate.to_string(),
        };
        let [mean, p50, p99, max] = self.ordered_ms.cells();
        [
            rate,
            format!("{:.0}", self.committed_per_s),
            mean,
            p50,
            p99,
            max,
            format!("{:.0}", self.slots_per_s),
            format!("{:.0}", self.rounds_per_s),
            format!("{:.3}", self.cpu_seconds_per_1000),
            (self.refused[0] + self.refused[1]).to_string(),
        ]
    }

    fn wrong(&self) -> Option<String> {
        let clean = self.same_order && self.lost == 0 && self.bad_signatures == 0;
        (!clean).then(|| {
            let order = if self.same_order { "the same" } else { "NOT the same" };
            format!(
                "at {} tx/s the books do not balance: {} transactions lost, {} bad signatures, the \
                 order of all validators is {order}",
                self.rate, self.lost, self.bad_signatures
            )
        })
    }
}

impl Report {
    /// Without any run yet.
    pub fn new(args: &OrderingArgs) -> Self {
        Self {
            validators: args.validators,
            with: args.with,
            duration_s: args.duration.as_secs_f64(),
            warm_up_s: args.warm_up.as_secs_f64(),
            limits: Limits::default(),
            runs: Vec::new(),
        }
    }

    /// What is wrong, when something is.
    pub fn wrong(&self) -> Option<String> {
        self.runs.iter().find_map(Run::wrong)
    }

    /// For people.
    pub fn text(&self) -> String {
        let what = match self.with {
            None => "ordering alone",
            Some(Beyond::Signatures) => "ordering and signatures of transactions",
            Some(Beyond::Execution) => "ordering, signatures and execution",
        };
        let bytes = self.runs.first().map_or(0, |run| run.transaction_bytes);
        let Limits { block_bytes_max, block_transactions_max, pool_transactions_max, .. } =
            self.limits;
        let mut text = format!(
            "{} validators, {what}, transactions of {bytes} bytes, {} s after {} s of warm-up\n\
             blocks of at most {block_transactions_max} transactions and {block_bytes_max} bytes, \
             pools of {pool_transactions_max} transactions, rounds at least {} ms apart\n",
            self.validators, self.duration_s, self.warm_up_s, self.limits.min_round_delay_ms,
        );
        let head = [
            "tx/s",
            "committed/s",
            "mean ms",
            "p50",
            "p99",
            "max",
            "slots/s",
            "rounds/s",
            "CPU s/1000",
            "refused",
        ];
        text += &output::table(head, self.runs.iter().map(Run::cells));
        text += "\n";
        for run in &self.runs {
            if let Some(finished) = &run.finished_ms {
                let [mean, p50, p99, max] = finished.cells();
                let end = match self.with {
                    Some(Beyond::Execution) => "executed and synced",
                    _ => "signature checked",
                };
                text += &format!(
                    "  {} tx/s to {end}: mean {mean}, p50 {p50}, p99 {p99}, max {max} ms\n",
                    run.rate
                );
            }
        }
        for run in &self.runs {
            let kinds = run.cpu_seconds_by_thread.iter();
            let share = |(kind, s): (&String, &f64)| {
                format!("{kind} {:.0} %", 100.0 * s / run.cpu_seconds.max(0.01))
            };
            let shares: Vec<String> = kinds.map(share).collect();
            text += &format!(
                "  {} tx/s: {:.2} processors busy: {}; {} MiB resident\n",
                run.rate,
                run.cpu_seconds / self.duration_s,
                shares.join(", "),
                run.resident_mib
            );
        }
        text
    }
}

/// What this process's threads used so far, in seconds.
#[derive(Debug, Default)]
pub struct CpuTimes {
    process: f64,
    by_thread: BTreeMap<String, f64>,
}

impl CpuTimes {
    /// Now.
    pub fn now() -> Self {
        let process = cpu_seconds(std::process::id()).unwrap_or(0.0);
        let mut by_thread: BTreeMap<String, f64> = BTreeMap::new();
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for task in tasks {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if let Some((name, seconds)) = read_stat(&stat) {
                *by_thread.entry(kind_of(name).to_owned()).or_default() += seconds;
            }
        }
        Self { process, by_thread }
    }

    /// Between two moments. Threads that ended between are in the process's time alone.
    pub fn since(&self, before: &Self) -> Self {
        let earlier = |kind: &String| before.by_thread.get(kind).copied().unwrap_or(0.0);
        let by_thread =
            self.by_thread.iter().map(|(kind, s)| (kind.clone(), (s - earlier(kind)).max(0.0)));
        Self { process: self.process - before.process, by_thread: by_thread.collect() }
    }
}

/// Name and CPU seconds of a thread (proc(5)).
fn read_stat(stat: &str) -> Option<(&str, f64)> {
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((name, (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND))
}

/// Threads that do the same, under one name.
fn kind_of(name: &str) -> &str {
    match name {
        "tokio-rt-worker" => "network",
        "core" | "writer" | "execution" | "tally" | "load" => name,
        _ if name.starts_with("signatures") => "signatures",
        _ if name.starts_with("rocksdb") => "rocksdb",
        _ => "other",
    }
}

/// Of this process.
pub fn resident_mib() -> f64 {
    resident_mib_of(std::process::id()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread's name may hold anything, a parenthesis too.
    #[test]
    fn a_threads_times_are_read() {
        let stat = "12 (a) b) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 1 1 1";
        assert_eq!(read_stat(stat), Some(("a) b", 3.0)));
        assert_eq!(read_stat(""), None);
        let kinds = ["tokio-rt-worker", "signatures-1", "rocksdb:low", "core"].map(kind_of);
        assert_eq!(kinds, ["network", "signatures", "rocksdb", "core"]);
    }
}
