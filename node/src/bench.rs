//! `pollen bench`: open-loop load on a running network, and what it took.
//!
//! Transactions leave on a schedule, whether or not earlier ones are answered; latencies count from
//! the scheduled moment, so a network that stalls cannot hide it (no coordinated omission). With
//! `--rate 0` the loop is closed instead: as many in flight as allowed, for the highest throughput.

mod load;
mod ordering;
mod report;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use pollen_rpc::client::PollenClient;

use crate::cli::{Failure, Session};

/// `pollen bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchCommand {
    /// A measurement of a part, where one is named.
    #[command(subcommand)]
    pub part: Option<Part>,
    /// The load on a running network.
    #[command(flatten)]
    pub network: BenchArgs,
}

/// Parts that are measured by themselves.
#[derive(Debug, Subcommand)]
pub enum Part {
    /// Measure the ordering protocol alone: validators in this process, real sockets, real databases
    #[command(after_help = "Examples:\n  pollen bench ordering\n  \
                            pollen bench ordering --rate 1000,20000 --duration 30s --json\n  \
                            pollen bench ordering --rate 0 --in-flight 4000\n  \
                            pollen bench ordering --rate 5000 --with signatures\n  \
                            pollen bench ordering --rate 1000 --with execution")]
    Ordering(ordering::OrderingArgs),
}

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Transactions per second over all nodes; 0 = as many as go through
    #[arg(long, default_value_t = 1000)]
    pub rate: u32,
    /// How long, as 20s or 1m
    #[arg(long, default_value = "20s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// What to send, by weight: transfer, token, coldchain
    #[arg(long, default_value = "transfer=1,token=2,coldchain=1")]
    pub mix: work::Mix,
    /// Accounts that send
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub accounts: u16,
    /// Transactions in flight at most, over all nodes
    #[arg(long, default_value_t = 2000)]
    pub in_flight: usize,
    /// Folder of the example modules
    #[arg(long, default_value = "contracts", value_name = "FOLDER")]
    pub contracts: PathBuf,
}

/// How long a node may take to say that it is there.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the benchmark that was asked for.
pub async fn run(session: &Session, command: &BenchCommand) -> Result<(), Failure> {
    match &command.part {
        Some(Part::Ordering(args)) => ordering::run(session, args).await,
        None => run_network(session, &command.network).await,
    }
}

async fn run_network(session: &Session, args: &BenchArgs) -> Result<(), Failure> {
    let session = &answering(session).await?;
    let processes = report::Processes::of(session);
    let work = work::prepare(session, args).await?;
    let before = processes.measure();
    let bar = progress(args.duration);
    let measured = load::run(session, args, work, &bar).await?;
    bar.finish_and_clear();
    let after = processes.measure();
    let report = report::Report::new(args, &measured, &before, &after);
    session.print(&report, || report.text());
    if report.failed > 0 {
        return Err(Failure::new(format!(
            "{} of {} transactions failed: {}",
            report.failed,
            report.sent,
            report.errors.join("; ")
        )));
    }
    Ok(())
}

/// The nodes that answer: a network that lost some can be measured too.
async fn answering(session: &Session) -> Result<Session, Failure> {
    let mut there = Vec::new();
    for endpoint in session.endpoints() {
        let client = PollenClient::new([endpoint])?;
        match tokio::time::timeout(ANSWER_PATIENCE, client.node_health()).await {
            Ok(Ok(_)) => there.push(endpoint.clone()),
            _ => eprintln!("{endpoint} does not answer: measured without it"),
        }
    }
    if there.is_empty() {
        return Err(Failure::new("no node answers: start a network with `make run`"));
    }
    Ok(session.with_endpoints(there))
}

fn progress(duration: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed_precise} [{wide_bar}] {msg}")
        .expect("a fixed template");
    let bar = ProgressBar::new(duration.as_millis() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
