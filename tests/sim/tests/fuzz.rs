//! The bodies of the fuzz targets over their corpus and over seeded inputs, on stable. `SEEDS=1000000` runs
//! longer, `SEED=7` one of them; `fuzz/README.md` says how to run them under a fuzzer.

use std::panic::catch_unwind;
use std::path::Path;

use pollen_sim::fuzzing::{BODIES, chunks_of, commits_of, ranges_of, seeded_input};

/// Runs a body over seeds 1 to `seeds`, or those that the environment names, and over `fuzz/corpus`.
fn run(name: &str, seeds: u64) {
    let body = BODIES.into_iter().find_map(|(known, body)| (known == name).then_some(body));
    let body = body.expect("a target has a body");
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"))
    };
    let last = number("SEEDS").unwrap_or(seeds);
    let range = number("SEED").map_or(1..=last, |seed| seed..=seed);
    for seed in range {
        let input = seeded_input(seed);
        assert!(catch_unwind(|| body(&input)).is_ok(), "target {name}, SEED={seed}: {input:?}");
    }
    let corpus = Path::new("../../fuzz/corpus").join(name);
    let files = std::fs::read_dir(corpus).expect("a target has a corpus");
    for file in files {
        let file = file.expect("the corpus can be listed").path();
        let input = std::fs::read(&file).expect("the corpus can be read");
        assert!(catch_unwind(|| body(&input)).is_ok(), "target {name}, {}", file.display());
    }
}

#[test]
fn blocks_case_51() {
    run("block", 10_000);
}

#[test]
fn history_answers_case_51() {
    run("history_answer", 500);
}

#[test]
fn commit_ranges_case_51() {
    run("commit_range", 150);
    // Lies are told, and what is right comes in beside them.
    let mut total = (0, 0, 0);
    for seed in 1..=100 {
        let taken = ranges_of(&seeded_input(seed));
        total = (total.0 + taken.passed, total.1 + taken.refused, total.2 + taken.installed);
    }
    assert!(total.0 > 30 && total.1 > 30 && total.2 > 200, "{total:?}");
}

#[test]
fn dag_operations_case_51() {
    run("dag_operations", 1_000);
    // Random steps get somewhere: past the first windows of gc and probation.
    let commits: usize = (1..=400).map(|seed| commits_of(&seeded_input(seed))).sum();
    assert!(commits > 1_000, "{commits}");
}

#[test]
fn transactions_case_51() {
    run("transaction", 10_000);
}

#[test]
fn tree_operations_case_51() {
    run("tree_operations", 400);
}

#[test]
fn state_proofs_case_51() {
    run("state_proof", 10_000);
}

#[test]
fn range_proofs_case_51() {
    run("range_proof", 5_000);
}

#[test]
fn snapshot_chunks_case_51() {
    run("snapshot_chunk", 400);
    let (mut taken, mut early) = (0, 0);
    for seed in 1..=300 {
        let (one, other) = chunks_of(&seeded_input(seed));
        (taken, early) = (taken + one, early + other);
    }
    assert!(taken > 30 && early > 30, "{taken} taken, {early} cut too early");
}
