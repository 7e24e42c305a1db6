//! The bodies over their corpus and over seeded inputs. `SEEDS=1000000` runs longer, `SEED=7` one of them;
//! `fuzz/README.md` says how to run them under a fuzzer.

use std::panic::catch_unwind;
use std::path::Path;

use super::deployment::{changed, deploy};
use super::*;

/// Bytes of a seed: more or fewer of them, and of several kinds.
fn seeded_input(seed: u64) -> Vec<u8> {
    let mut output = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut head = [0; 8];
    output.fill(&mut head);
    let most = [16, 64, 256, 1_024][usize::from(head[0] % 4)];
    let mut bytes = vec![0; usize::from(u16::from_le_bytes([head[1], head[2]])) % most];
    output.fill(&mut bytes);
    if head[3] % 3 == 0 {
        bytes.iter_mut().for_each(|byte| *byte %= 20);
    }
    bytes
}

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
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    for file in std::fs::read_dir(corpus).expect("a target has a corpus") {
        let file = file.expect("the corpus can be listed").path();
        let input = std::fs::read(&file).expect("the corpus can be read");
        assert!(catch_unwind(|| body(&input)).is_ok(), "target {name}, {}", file.display());
    }
}

#[test]
fn deployments() {
    run("deployment", 2_000);
    // Changes are small enough that some modules are still taken, and run.
    let taken = (1..=300).filter(|seed| deploy(&changed(&seeded_input(*seed)[..]))).count();
    assert!(taken > 5, "{taken}");
}

#[test]
fn calls_of_the_host() {
    run("host_calls", 1_000);
}

#[test]
fn module_values() {
    run("module_values", 20_000);
}

/// A kept module with some of its bytes set anew: most are no modules any more, some are others.
fn other_module(seed: u64) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/generated");
    let input = seeded_input(seed);
    let mut choices = Choices(&input);
    let files = std::fs::read_dir(folder).expect("modules are kept");
    let mut files: Vec<_> = files.map(|file| file.expect("they can be listed").path()).collect();
    files.sort();
    let mut core = std::fs::read(&files[choices.below(files.len())]).expect("they can be read");
    for _ in 0..=choices.byte() % 4 {
        let at = choices.below(core.len());
        core[at] = choices.byte();
    }
    core
}

/// The target makes its modules of any bytes, with a generator that this workspace does without.
#[test]
fn executions() {
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"))
    };
    let last = number("SEEDS").unwrap_or(200);
    let range = number("SEED").map_or(1..=last, |seed| seed..=seed);
    let is_one = range.start() == range.end();
    let work = move || {
        let (mut taken, mut wrote) = (0, 0);
        for seed in range {
            let core = other_module(seed);
            let seen = catch_unwind(|| examine(&core));
            let counts = seen.unwrap_or_else(|_| panic!("target execution, SEED={seed}"));
            taken += usize::from(counts.is_some());
            wrote += counts.map_or(0, |counts| counts.wrote);
        }
        println!("{taken} modules were taken; {wrote} calls wrote");
        assert!(is_one || (taken > 20 && wrote > 100), "{taken} {wrote}");
    };
    crate::stack::spawn("test", work).expect("a thread").join().expect("it holds");
}
