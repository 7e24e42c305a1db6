//! Cases 45 and 46 where ranges of commits are what brings a host home.

use pollen_ledger::wire::{CommitsAnswer, CommitsRequest};

use crate::Latency;
use crate::byzantine::{Behaviour, Lie};
use crate::options::Options;
use crate::random::Random;
use crate::world::World;

use super::{holds, recovers, started};

/// Commits that make a host ask for ranges of them, and more than a few.
const FAR_COMMITS: u64 = 150;

/// Host 3 may lie, host 2 is away, the other two and it make commits. Also the answer of before.
fn ahead(seed: u64, behaviour: Option<Behaviour>, away_ms: u64) -> (World, CommitsAnswer) {
    let mut options = Options::calm(seed, 4, Latency::Lan);
    options.min_round_delay_ms = 20;
    options.idle_round_delay_ms = 20;
    options.gc_depth = [20, 60][seed as usize % 2];
    options.byzantine = behaviour;
    options.byzantine_authors = behaviour.iter().map(|_| 3).collect();
    let mut world = started(options);
    world.run(500);
    let early = range(&world, 0, 0);
    world.crash(2);
    world.run(away_ms);
    holds(&world);
    let missed = world.checker.commits() - world.checker.commits_of(2);
    assert!(missed >= FAR_COMMITS, "seed {seed}: only {missed} commits are missed");
    (world, early)
}

/// What a host answers to who has the commits up to `after`.
fn range(world: &World, host: usize, after: u64) -> CommitsAnswer {
    let (database, committee) = (&world.hosts[host].database, &world.rules.committee);
    database.commit_range(&CommitsRequest { after }, committee).expect("memory can be read")
}

/// Many times two gc depths behind: commits come in ranges, and the power goes again and again soon after a
/// start, at any point between two writes. What is installed is never another commit, nor one left out. (In
/// the middle of it for certain: `a_restart_in_the_middle_goes_on_case_45` of the ledger.)
#[test]
fn a_backlog_of_commits_and_restarts_case_45() {
    for seed in 1..=2 {
        // Three ranges or more.
        let (mut world, _) = ahead(seed, None, 20_000);
        let mut random = Random::stream(seed, "restarts");
        for _ in 0..12 {
            world.start(2);
            world.run(random.between(1, 12));
            world.crash(2);
            holds(&world);
        }
        world.start(2);
        let took_ms = recovers(&mut world, 20_000);
        assert!(took_ms < 5_000, "seed {seed}: {took_ms} ms");
        assert!(world.counts.of("ranges of commits") > 0, "seed {seed}");
    }
}

/// One of three servers tells the same lie whenever it is asked for commits: what is wrong is refused, what
/// is no help is left, and the host is home soon. That no host ever emits another commit, the checker sees.
#[test]
fn every_lie_about_commits_case_46() {
    // Of another chain, and of long ago.
    let foreign = range(&ahead(99, None, 4_000).0, 0, 0);
    assert!(foreign.commits.len() > 50);
    let lies = [
        Lie::Silence,
        Lie::Nothing,
        Lie::FewerBlocks,
        Lie::Truncated,
        Lie::WrongTime,
        Lie::Relinked,
        Lie::SlotsReversed,
        Lie::BlocksReversed,
        Lie::FewVotes,
        Lie::DoubleVote,
        Lie::ForgedVote,
        Lie::Another(foreign),
        Lie::Another(CommitsAnswer::default()),
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        let harmless = matches!(lie, Lie::Silence | Lie::Nothing);
        let replays = lie == Lie::Another(CommitsAnswer::default());
        let mut refused = 0;
        for seed in 1..=2 {
            let (mut world, early) = ahead(seed, Some(Behaviour::FalseAnswers), 4_000);
            // An answer of long ago: right, and of no use.
            let lie = if replays { Lie::Another(early) } else { lie.clone() };
            world.hosts[3].actor.as_mut().expect("it lies").tell(lie);
            // A host asks who comes behind it first, when it has heard of it: the liar.
            let cut = world.links.cut(|from, to| [(0, 2), (2, 0)].contains(&(from, to)));
            world.start(2);
            world.run(50);
            world.links.mend(&cut);
            world.connect(2);
            let begun = world.now;
            while world.checker.commits_of(2) + 20 < world.checker.commits() {
                world.run(20);
                holds(&world);
                let ms = (world.now - begun) / 1_000;
                assert!(ms < 9_000, "lie {place}, seed {seed}: not home after {ms} ms");
            }
            assert!(world.counts.of("ranges of commits") > 0, "lie {place}, seed {seed}");
            refused += world.counts.of("ranges refused");
            recovers(&mut world, 20_000);
        }
        if !harmless && !replays && !matches!(place, 6) {
            assert!(refused > 0, "lie {place}: never told");
        }
    }
}
