//! The figures, for people and for programs.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::BenchArgs;
use super::load::Measured;
use crate::cli::{Session, output};
use crate::home::NetworkFile;

/// Ticks of `/proc/PID/stat` in a second: USER_HZ, 100 on every Linux (proc(5)).
pub(super) const TICKS_PER_SECOND: f64 = 100.0;

/// Processes of the network's nodes, where it runs on this machine.
pub struct Processes(Vec<u32>);

/// What the processes used so far.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    cpu_seconds: f64,
    resident_mib: Vec<f64>,
}

impl Processes {
    /// Those that `pollen dev` left in the home folder.
    pub fn of(session: &Session) -> Self {
        let mut ids =
            NetworkFile::read(&session.home).map(|file| file.processes).unwrap_or_default();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    /// CPU time and resident memory now; nothing where there are none.
    pub fn measure(&self) -> Usage {
        let mut usage = Usage::default();
        for id in &self.0 {
            usage.cpu_seconds += cpu_seconds(*id).unwrap_or(0.0);
            usage.resident_mib.extend(resident_mib(*id));
        }
        usage
    }
}

pub(super) fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

pub(super) fn resident_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Percentiles, in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: histogram.max() }
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    rate: u32,
    mix: String,
    accounts: u16,
    duration_s: f64,
    /// Sent.
    pub sent: u64,
    succeeded: u64,
    /// Everything that did not succeed.
    pub failed: u64,
    retried: u64,
    throughput_per_s: f64,
    ordered_ms: Percentiles,
    executed_ms: Percentiles,
    certified_ms: Percentiles,
    cpu_seconds_per_1000: Option<f64>,
    resident_mib_max: Option<f64>,
    /// Reasons of failures, some.
    pub errors: Vec<String>,
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Report {
    /// From what was measured, and what the nodes used meanwhile.
    pub fn new(args: &BenchArgs, measured: &Measured, before: &Usage, after: &Usage) -> Self {
        let elapsed = measured.elapsed.as_secs_f64().max(0.001);
        let cpu = after.cpu_seconds - before.cpu_seconds;
        let known = !after.resident_mib.is_empty();
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        Self {
            rate: args.rate,
            mix: args.mix.to_string(),
            accounts: args.accounts,
            duration_s: seconds(measured.elapsed),
            sent: measured.sent,
            succeeded: measured.succeeded,
            failed: measured.failed,
            retried: measured.retried,
            throughput_per_s: (measured.succeeded as f64 / elapsed).round(),
            ordered_ms: Percentiles::of(&measured.ordered_ms),
            executed_ms: Percentiles::of(&measured.executed_ms),
            certified_ms: Percentiles::of(&measured.certified_ms),
            cpu_seconds_per_1000: known
                .then(|| round(cpu * 1000.0 / measured.succeeded.max(1) as f64)),
            resident_mib_max: known
                .then(|| after.resident_mib.iter().copied().fold(0.0, f64::max).round()),
            errors: measured.errors.clone(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let rate = match self.rate {
            0 => "as fast as it goes".to_owned(),
            rate => format!("{rate} tx/s for {} s", self.duration_s.round()),
        };
        let mut text = format!("{rate}, {} accounts, mix {}\n", self.accounts, self.mix);
        text += &output::pairs([
            ("sent", self.sent.to_string()),
            ("executed", format!("{} ({} failed)", self.succeeded, self.failed)),
            ("throughput", format!("{} tx/s", self.throughput_per_s)),
        ]);
        let row = |name: &str, p: &Percentiles| {
            [
                name.to_owned(),
                p.p50.to_string(),
                p.p90.to_string(),
                p.p99.to_string(),
                p.max.to_string(),
            ]
        };
        text += &output::table(
            ["ms from schedule to", "p50", "p90", "p99", "max"],
            [
                row("ordered", &self.ordered_ms),
                row("executed", &self.executed_ms),
                row("certified", &self.certified_ms),
            ],
        );
        text += "\n";
        if let (Some(cpu), Some(resident)) = (self.cpu_seconds_per_1000, self.resident_mib_max) {
            text += &format!(
                "  {cpu} CPU seconds of all nodes per 1 000 transactions; largest node {resident} MiB resident\n"
            );
        }
        text
    }
}
