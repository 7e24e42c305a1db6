//! Seeds end to end.

use clap::ValueEnum as _;

use crate::byzantine::Behaviour;
use crate::counts::Counts;
use crate::{Options, Overrides, simulate};

fn passes(seed: u64, overrides: &Overrides) -> Counts {
    let options = Options::of_seed(seed, overrides);
    let outcome = simulate(&options);
    if let Some(violation) = outcome.violation {
        panic!("{violation}\n{options}\nagain: pollen-sim --seed {seed}{overrides}");
    }
    outcome.counts
}

#[test]
fn a_seed_gives_one_run() {
    for seed in [3, 8, 15] {
        let options = Options::of_seed(seed, &Overrides { seconds: Some(5), ..Default::default() });
        let (first, second) = (simulate(&options), simulate(&options));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.violation, None, "seed {seed}");
    }
}

/// And they reach what they are there for.
#[test]
fn seeds_hold() {
    let mut counts = Counts::default();
    for seed in 1..=200 {
        counts.merge(&passes(seed, &Overrides::default()));
    }
    let rare = [
        "indirect commits",
        "indirect skips",
        "probes in recovery",
        "probes of hosts below others' gc",
        "safe resumes",
        "equivocations seen",
        "commits with ignored variants",
        "crashes of everybody",
        "transactions ordered twice",
        "second questions",
        "ranges of commits",
        "probes in catching up",
        "disks lost",
        "old images put back",
        "probes in amnesia",
        "blocks after amnesia",
        "probes with probation",
    ];
    for what in rare {
        assert!(counts.of(what) > 0, "two hundred seeds never reach: {what}\n{counts:#?}");
    }
}

/// A block of our own that we had lost waited for parents, and was accepted when gc passed them or our next
/// proposal was one of them: it counted towards the quorum of its round, but not as our last block, and the
/// proposal after it was made on a quorum that was not there (an assertion ended the node). Seen with twins;
/// an honest validator that lost its store gets there as well.
#[test]
fn own_blocks_that_are_accepted_late_are_noted() {
    let counts = passes(987, &Overrides::default());
    assert_eq!(counts.of("panics of Byzantine cores"), 0);
}

/// Made-up parents in low rounds lowered the frontier of every question for history to the gc round: each
/// answer was the whole DAG, the narrow uplinks carried nothing else, and nothing was committed any more.
#[test]
fn made_up_parents_do_not_ask_for_the_whole_history() {
    passes(11_365, &Overrides::default());
}

#[test]
fn every_behaviour_is_survived() {
    for (seed, behaviour) in (1_000..).zip(Behaviour::value_variants()) {
        let overrides =
            Overrides { byzantine: Some(*behaviour), seconds: Some(10), ..Default::default() };
        passes(seed, &overrides);
    }
}

#[test]
fn real_signatures_change_nothing() {
    let overrides =
        Overrides { real_crypto: true, nodes: Some(4), seconds: Some(3), ..Default::default() };
    passes(7, &overrides);
}

/// A validator that had lost its disk signed a round again, and heard of its earlier block of that round
/// while the later one was still on its way to the disk. It was right to have evidence against itself; the
/// checker, which knew of blocks when they leave, called it honest.
#[test]
fn evidence_against_oneself_before_the_block_leaves() {
    passes(19_632, &Overrides::default());
}
