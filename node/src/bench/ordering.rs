//! `pollen bench ordering`: the ordering protocol alone, in the terms in which others measure theirs.
//!
//! All validators run in this process, each with what a node has: the core's and the writer's thread,
//! libp2p over TCP on the loopback, a RocksDB of its own on disk, and a synced write of every own block
//! before a byte of it leaves. Blocks are signed and verified as everywhere. Transactions are handed to
//! the validators' cores directly, on a schedule that waits for nothing; the latency of each counts from
//! its scheduled moment to the moment at which that same validator has its commit on disk and hands it
//! on. Signatures of transactions are checked, and transactions executed, only where `--with` says so.
//!
//! A run ends with the books: every transaction that a pool took is in the order of every validator
//! once, and the orders are equal, commit digest by commit digest. What pools and queues refuse is
//! counted and told.

mod accounts;
mod cluster;
mod figures;
mod load;
mod tally;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;

use super::progress;
use crate::cli::{Failure, Session, start_log};
use crate::config::NodeConfig;
use crate::dev::{self, DevOptions};

use accounts::Accounts;
use cluster::Validator;
use figures::{CpuTimes, Report, Run};
use load::Offered;
use tally::Tally;

/// How long transactions may take to be ordered everywhere after the last one was sent.
const STRAGGLERS: Duration = Duration::from_secs(20);
/// Load behind the measured time, so that its end is like its middle.
const COOL_DOWN: Duration = Duration::from_millis(500);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How often the progress is told.
const TELL: Duration = Duration::from_millis(250);

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct OrderingArgs {
    /// Transactions a second over all validators, a run for each; 0 = as many as go through
    #[arg(long, value_delimiter = ',', default_value = "1000,20000,40000", value_name = "TX/S")]
    pub rate: Vec<u32>,
    /// What is done beyond ordering
    #[arg(long, value_enum)]
    pub with: Option<Beyond>,
    /// How long each run is measured, as 20s or 1m
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Load before it that is not measured
    #[arg(long, default_value = "3s", value_parser = humantime::parse_duration)]
    pub warm_up: Duration,
    /// Validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub validators: u16,
    /// Bytes of an encoded transaction; native transfers have the size that they have
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(256..=65536))]
    pub bytes: u32,
    /// Transactions in flight over all validators, where the rate is 0
    #[arg(long, default_value_t = 8000)]
    pub in_flight: u32,
    /// Least time between two blocks of a validator, in milliseconds; a node's own default is 5
    #[arg(long, default_value_t = 1)]
    pub round_delay_ms: u64,
    /// Folder for the databases, removed afterwards; on a real disk [default: in the home folder]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// What is done beyond ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Beyond {
    /// Check the signature of every transaction, as a node does: on the way in, and of other
    /// validators' on threads beside the ordering
    Signatures,
    /// The whole of a node but RPC: signatures, and native transfers executed to synced checkpoints
    Execution,
}

/// Runs the benchmark.
pub async fn run(session: &Session, args: &OrderingArgs) -> Result<(), Failure> {
    if args.duration.is_zero() {
        return Err(Failure::usage("--duration is more than 0"));
    }
    start_log("warn")?;
    let folder = args.folder.clone().unwrap_or_else(|| session.home.clone());
    let mut report = Report::new(args);
    for rate in &args.rate {
        let scratch = Scratch::new(&folder)?;
        report.runs.push(measure(&scratch.0, args, *rate, &mut report.limits).await?);
    }
    session.print(&report, || report.text());
    match report.wrong() {
        None => Ok(()),
        Some(what) => Err(Failure::new(what)),
    }
}

/// A folder of one run, removed with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(below: &Path) -> Result<Self, Failure> {
        let path = below.join(format!("bench-ordering-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One run on a fresh network.
async fn measure(
    folder: &Path,
    args: &OrderingArgs,
    rate: u32,
    limits: &mut figures::Limits,
) -> Result<Run, Failure> {
    let options = DevOptions {
        validators: args.validators,
        home: folder.to_owned(),
        rpc_port: 0,
        network_port: 0,
        fresh: true,
        log: "warn".to_owned(),
    };
    let nodes = dev::lay_out(&options)?;
    let genesis = dev::genesis(args.validators);
    *limits = figures::Limits::of(&genesis, args.round_delay_ms);
    let accounts = Arc::new(Accounts::new(args.validators, &genesis));
    let origin = Instant::now();
    let mut validators = Vec::new();
    for node in &nodes {
        let mut config = NodeConfig::load(Some(&node.config))?;
        config.ordering.min_round_delay_ms = args.round_delay_ms;
        // Where both are offered, nodes that start together may find each other by QUIC first.
        let tcp = |address: &String| address.contains("/tcp/");
        config.network.listen.retain(tcp);
        config.network.validators.values_mut().for_each(|addresses| addresses.retain(tcp));
        validators.push(Validator::start(&config, args.with, &accounts, origin).await?);
    }
    let run = run_load(&validators, &accounts, args, rate).await;
    for validator in validators {
        validator.stop().await;
    }
    run
}

async fn run_load(
    validators: &[Validator],
    accounts: &Arc<Accounts>,
    args: &OrderingArgs,
    rate: u32,
) -> Result<Run, Failure> {
    cluster::connect(validators).await?;
    if args.with == Some(Beyond::Execution) {
        cluster::fund(validators, accounts).await?;
    }
    let tallies: Vec<Arc<Tally>> = validators.iter().map(|one| one.tally.clone()).collect();
    let begin_us = tallies[0].now_us();
    let from_us = begin_us + args.warm_up.as_micros() as u64;
    let to_us = from_us + args.duration.as_micros() as u64;
    let end_us = to_us + COOL_DOWN.as_micros() as u64;
    tallies.iter().for_each(|tally| tally.measure(from_us..to_us));
    let threads: Vec<_> = validators
        .iter()
        .map(|validator| load::start(validator, accounts, args, rate, begin_us..end_us))
        .collect();
    let bar = progress(args.warm_up + args.duration);
    tell_until(&bar, &tallies, validators, begin_us, from_us).await?;
    let before = CpuTimes::now();
    tell_until(&bar, &tallies, validators, begin_us, to_us).await?;
    let (after, resident_mib) = (CpuTimes::now(), figures::resident_mib());
    bar.set_message("waiting for the last ones");
    let mut offered = Offered::default();
    for thread in threads {
        let one = tokio::task::spawn_blocking(move || thread.join()).await;
        match one {
            Ok(Ok(one)) => offered.add(&one),
            _ => return Err(Failure::new("a thread of the load ended early")),
        }
    }
    wait_for_the_last(validators, &tallies, args.with, &offered).await;
    bar.finish_and_clear();
    for validator in validators {
        validator.check()?;
        offered.refused_by_pools += validator.refused();
    }
    let books = tally::balance(&tallies, args.with.is_some());
    let run = Run::new(args, rate, &offered, &books, &after.since(&before), resident_mib);
    if args.with == Some(Beyond::Execution) {
        cluster::audit(validators, accounts)?;
    }
    Ok(run)
}

/// Tells how far it is until a moment has come.
async fn tell_until(
    bar: &ProgressBar,
    tallies: &[Arc<Tally>],
    validators: &[Validator],
    begin_us: u64,
    until_us: u64,
) -> Result<(), Failure> {
    let (mut last_us, mut last_count) = (tallies[0].now_us(), tallies[0].committed());
    loop {
        let left = Duration::from_micros(until_us.saturating_sub(tallies[0].now_us()));
        tokio::time::sleep(left.min(TELL)).await;
        for validator in validators {
            validator.check()?;
        }
        let (now_us, count) = (tallies[0].now_us(), tallies[0].committed());
        if now_us >= until_us {
            return Ok(());
        }
        let per_s = (count - last_count) * 1_000_000 / (now_us - last_us).max(1);
        (last_us, last_count) = (now_us, count);
        bar.set_position((now_us - begin_us) / 1000);
        let p50 = tallies[0].p50_ms();
        bar.set_message(format!("{per_s} tx/s committed, p50 {p50:.1} ms"));
    }
}

/// Waits until every validator has ordered (and finished) all that any pool took, or the patience ends:
/// then the books will not balance.
async fn wait_for_the_last(
    validators: &[Validator],
    tallies: &[Arc<Tally>],
    with: Option<Beyond>,
    offered: &Offered,
) {
    let deadline = Instant::now() + STRAGGLERS;
    while Instant::now() < deadline {
        let refused: u64 = validators.iter().map(Validator::refused).sum();
        let taken = offered.sent - refused.min(offered.sent);
        let finished: u64 = tallies.iter().map(|tally| tally.finished()).sum();
        let ordered = tallies.iter().all(|tally| tally.committed() >= taken);
        if ordered && (with.is_none() || finished >= taken) {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}
