//! Runs seeds, and measures the simulated WAN.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum};
use pollen_sim::byzantine::Behaviour;
use pollen_sim::counts::Counts;
use pollen_sim::{Feature, Options, Outcome, Overrides, simulate, wan};

/// A deterministic simulator of a Pollen network: docs/simulation.md.
#[derive(Parser)]
#[command(name = "pollen-sim")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Run this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Validators, instead of what the seed says
    #[arg(long)]
    nodes: Option<usize>,
    /// Simulated seconds of the safety phase
    #[arg(long)]
    seconds: Option<u64>,
    /// How f validators behave, instead of what the seed says
    #[arg(long)]
    byzantine: Option<Behaviour>,
    /// Leave something out; may be given several times
    #[arg(long)]
    without: Vec<Feature>,
    /// Signatures: every 20th seed has real ones
    #[arg(long)]
    crypto: Option<CryptoArgument>,
    /// Print one JSON document a seed
    #[arg(long)]
    json: bool,
    /// Look for a smaller run that fails as well
    #[arg(long)]
    shrink: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum CryptoArgument {
    Real,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the commit latency in ten regions
    Wan(WanArguments),
}

#[derive(clap::Args)]
struct WanArguments {
    /// Validators; several with commas
    #[arg(long, value_delimiter = ',', default_value = "4,10,25,50")]
    nodes: Vec<usize>,
    /// How many of them are down; f with `--crashed-f`
    #[arg(long, default_value_t = 0)]
    crashed: usize,
    /// f of them are down
    #[arg(long)]
    crashed_f: bool,
    /// What one validator sends is late by so many milliseconds; the others' blocks are measured
    #[arg(long, default_value_t = 0)]
    slow_ms: u64,
    /// What is sent to it is late as well
    #[arg(long)]
    both_ways: bool,
    /// It is slow in every other second only
    #[arg(long)]
    flapping: bool,
    /// f of them give each block to one validator only: a line until they are on probation, one after, and
    /// one with the same validators down instead, which is what the others can do by themselves
    #[arg(long)]
    withhold: bool,
    /// Simulated seconds after the warm-up
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Time to take a message, in microseconds
    #[arg(long, default_value_t = 0)]
    message_cpu_us: u64,
    /// Uplink of each host, in megabits a second
    #[arg(long)]
    megabits: Option<u64>,
    /// Of the random delays
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many seeds from this one on, and the mean of their means
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let overrides = Overrides {
        nodes: arguments.nodes,
        seconds: arguments.seconds,
        byzantine: arguments.byzantine,
        real_crypto: arguments.crypto.is_some(),
        without: arguments.without.clone(),
    };
    match arguments.command {
        Some(Command::Wan(wan)) => measure(&wan),
        None => run_seeds(&arguments, &overrides),
    }
}

fn measure(arguments: &WanArguments) -> ExitCode {
    println!(
        "nodes  seed  mean ms   p50 ms   p99 ms  slow one's  rounds/s   blocks  simulated/real"
    );
    for nodes in &arguments.nodes {
        let mut means = Vec::new();
        for seed in arguments.seed..arguments.seed + arguments.seeds {
            let begun = Instant::now();
            let figures = figures(arguments, *nodes, seed);
            let speed = arguments.seconds as f64 / begun.elapsed().as_secs_f64();
            for f in &figures {
                let slow = f.slow_mean_ms.map_or("-".into(), |ms| format!("{ms:.1}"));
                println!(
                    "{nodes:5}  {seed:4}  {:7.1}  {:7.1}  {:7.1}  {slow:>10}  {:8.1}  {:7}  {speed:12.1}x",
                    f.mean_ms, f.p50_ms, f.p99_ms, f.rounds_s, f.blocks
                );
                if let Some(violation) = &f.violation {
                    eprintln!("violation: {violation}");
                    return ExitCode::FAILURE;
                }
            }
            means.push(figures[figures.len() - 1].mean_ms);
        }
        if means.len() > 1 {
            let mean = means.iter().sum::<f64>() / means.len() as f64;
            println!("{nodes:5}   all  {mean:7.1}");
        }
    }
    ExitCode::SUCCESS
}

fn figures(arguments: &WanArguments, nodes: usize, seed: u64) -> Vec<wan::WanFigure> {
    let mut options = wan::options(seed, nodes);
    options.network.message_cpu_us = arguments.message_cpu_us;
    options.network.bandwidth_bytes_s = arguments.megabits.map(|rate| rate * 125_000);
    let measured_ms = arguments.seconds * 1000;
    if arguments.withhold {
        let (before, after) = wan::measure_withholding(options.clone(), measured_ms);
        let down = wan::withholders(&options);
        let down = wan::Disturbance { crashed: down, ..Default::default() };
        return vec![before, after, wan::measure(options, &down, measured_ms)];
    }
    let crashed = if arguments.crashed_f { (nodes - 1) / 3 } else { arguments.crashed };
    let disturbance = wan::Disturbance {
        crashed: (nodes - crashed..nodes).collect(),
        slow_ms: arguments.slow_ms,
        both_ways: arguments.both_ways,
        flapping: arguments.flapping,
    };
    vec![wan::measure(options, &disturbance, measured_ms)]
}

fn run_seeds(arguments: &Arguments, overrides: &Overrides) -> ExitCode {
    let (first, count) = match (arguments.seed, arguments.seeds) {
        (Some(seed), _) => (seed, 1),
        (None, count) => (arguments.from, count.unwrap_or(10)),
    };
    let begun = Instant::now();
    let (mut simulated_ms, mut counts, mut failed) = (0, Counts::default(), Vec::new());
    for seed in first..first + count {
        let options = Options::of_seed(seed, overrides);
        let outcome = simulate(&options);
        simulated_ms += outcome.simulated_ms;
        counts.merge(&outcome.counts);
        if arguments.json {
            println!("{}", serde_json::to_string(&outcome).expect("an outcome is JSON"));
        } else if count == 1 {
            tell(&outcome);
        }
        if let Some(violation) = &outcome.violation {
            failed.push(seed);
            eprintln!("seed {seed}: {violation}\n  options: {options}");
            let smaller = match arguments.shrink {
                true => shrink(seed, overrides),
                false => overrides.clone(),
            };
            eprintln!("  again: pollen-sim --seed {seed}{smaller}");
        }
    }
    let real = begun.elapsed().as_secs_f64();
    let simulated = simulated_ms as f64 / 1000.0;
    if !arguments.json {
        println!("{counts:#?}");
    }
    eprintln!(
        "{count} seeds, {} failed {failed:?}; {simulated:.0} simulated s in {real:.1} s: {:.0}x",
        failed.len(),
        simulated / real
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(outcome: &Outcome) {
    println!("{}", outcome.options);
    println!(
        "trace {}; {} commits up to round {}; {} simulated ms, recovered after {} ms",
        outcome.trace,
        outcome.commits,
        outcome.commit_round,
        outcome.simulated_ms,
        outcome.recovered_ms
    );
}

type Smaller = Box<dyn Fn(&mut Overrides)>;

/// Leaves out one feature after another, then time and nodes, as long as the run still fails.
fn shrink(seed: u64, overrides: &Overrides) -> Overrides {
    let mut best = overrides.clone();
    let mut candidates: Vec<Smaller> = Vec::new();
    for feature in Feature::ALL {
        candidates.push(Box::new(move |smaller| smaller.without.push(feature)));
    }
    for nodes in [4, 5, 7] {
        candidates.push(Box::new(move |smaller| smaller.nodes = Some(nodes)));
    }
    for seconds in [10, 5, 3, 2, 1] {
        candidates.push(Box::new(move |smaller| smaller.seconds = Some(seconds)));
    }
    for candidate in candidates {
        let mut smaller = best.clone();
        candidate(&mut smaller);
        if simulate(&Options::of_seed(seed, &smaller)).violation.is_some() {
            best = smaller;
        }
    }
    best
}
