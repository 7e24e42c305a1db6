//! Cases 26 to 29: the order of blocks, garbage collection, ledger time, probation.

use pollen_ledger::codec;
use pollen_sim::drawing::{BEGIN_MS, Chain, Drawing};
use pollen_sim::random::Random;
use pollen_sim::random_dag::{Shape, delivery};
use pollen_sim::watched_core::WatchedCore;

use super::{equal, tell};

#[test]
fn case_26_any_delivery_gives_the_same_bytes() {
    for seed in 2_600..2_610 {
        let mut random = Random::drawn(seed);
        let mut shape = Shape::of(&mut random);
        // Every block is taken by everybody: a third variant may not be.
        shape.equivocators.clear();
        let (chain, blocks) = (shape.chain(), shape.blocks(&mut random));
        let bytes = |order: &[pollen_ledger::VerifiedBlock]| {
            let mut follower = WatchedCore::following(&chain);
            order.iter().for_each(|block| follower.deliver(block));
            follower.settle(order);
            codec::encode(&follower.commits)
        };
        let first = bytes(&blocks);
        for how in 0..12 {
            assert!(bytes(&delivery(&blocks, how, &mut random)) == first, "seed {seed}, {how}");
        }
    }
}

/// D's last block is of round 5, and nobody votes for it. A block of a later round that names it brings it
/// into a commit as long as it lies above the gc round of the commit *before*.
fn straggler(link: u32) -> Drawing {
    let mut chain = Chain::new(&[1; 4]);
    chain.parameters.gc_depth = 4;
    let mut dag = Drawing::on(chain);
    dag.draw("Rounds 1-5 : { * }");
    for round in 6..=16 {
        let more = if round == link { ", D5" } else { "" };
        dag.draw(&format!("Round {round} : {{ A -> [ABC{more}], BC -> [ABC] }}"));
    }
    dag
}

#[test]
fn case_27_gc_is_that_of_the_previous_commit() {
    // Commits 8 and 9 have the gc rounds 4 and 5: D5 is above the one and exactly at the other.
    for (link, expected) in [(8, Some(8)), (9, Some(9)), (10, None), (11, None)] {
        let dag = straggler(link);
        let told = tell(&dag);
        assert_eq!(told.round(5), "A B C -D");
        let d5 = dag.block("D5").reference();
        let with = told.answer.commits.iter().find(|commit| commit.blocks.contains(&d5));
        assert_eq!(with.map(|commit| commit.round), expected, "named in round {link}");
    }
}

/// D5 comes late. A node that has committed round 9 by the time that D5 is named has it at its gc round and
/// goes on without it; before that it waits for it. The commits are the same.
#[test]
fn case_27_a_lagging_node_and_one_that_is_ahead_agree() {
    for (link, waits) in [(9, true), (10, true), (11, true), (12, false), (13, false)] {
        let dag = straggler(link);
        let d5 = dag.block("D5").reference();
        let told = tell(&dag);
        let (late, rest): (Vec<_>, Vec<_>) =
            dag.blocks().into_iter().partition(|block| block.reference() == d5);
        let mut ahead = WatchedCore::following(&dag.chain);
        rest.iter().for_each(|block| ahead.deliver(block));
        assert_eq!(ahead.status().missing, usize::from(waits), "named in round {link}");
        assert_eq!(ahead.commits.len() == told.follower.commits.len(), !waits);
        late.iter().for_each(|block| ahead.deliver(block));
        assert_eq!(ahead.status().suspended, 0);
        assert_eq!(ahead.commits, told.follower.commits);
        assert_eq!(ahead.difference(&told.answer), None);
    }
}

/// Of four equal stakes the median is the third stamp: one that is absurd moves it to another honest one.
#[test]
fn case_28_median_with_a_skewed_minority() {
    for (skewed, expected) in [(0, 120), (115, 120), (9_999_999_999_u64, 130)] {
        let mut dag = equal(4);
        dag.draw(&format!(
            "Round 1 : {{ A -> [*] @110, B -> [*] @120, C -> [*] @130, D -> [*] @{skewed} }}
             Rounds 2-3 : {{ * }}"
        ));
        let told = tell(&dag);
        assert_eq!(told.answer.commits[0].timestamp_ms, BEGIN_MS + expected);
    }
    // By stake, not by heads.
    let mut dag = Drawing::new(&[4, 2, 2, 2]);
    dag.draw(
        "Round 1 : { A -> [*] @100, B -> [*] @110, C -> [*] @120, D -> [*] @130 }
         Rounds 2-3 : { * }",
    );
    assert_eq!(tell(&dag).answer.commits[0].timestamp_ms, BEGIN_MS + 110);
}

/// Clocks that run back do not take ledger time with them, and genesis is its beginning.
#[test]
fn case_28_ledger_time_is_monotonic() {
    let mut dag = equal(4);
    dag.draw(
        "Round 1 : { * @0 }
         Round 2 : { * @700 }
         Rounds 3-4 : { * @300 }
         Rounds 5-7 : { * @900 }",
    );
    let told = tell(&dag);
    let times: Vec<u64> =
        told.answer.commits.iter().map(|commit| commit.timestamp_ms - BEGIN_MS).collect();
    assert_eq!(times, [0, 700, 700, 700, 900]);
}

/// Two of four slots of round 2 are committed, less than a quorum: the time is that of the blocks of round 1
/// that they name, each author's once.
#[test]
fn case_28_median_of_the_parents() {
    for (second, expected) in [("AB -> [ABC]", 20), ("A -> [ABC], B -> [ABD]", 30)] {
        let mut dag = equal(4);
        dag.draw(&format!(
            "Round 1 : {{ A -> [*] @10, B -> [*] @20, C -> [*] @30, D -> [*] @40 }}
             Round 2 : {{ {second}, CD -> [*] }}
             Round 3 : {{ AC -> [ABC], BD -> [ABD] }}
             Rounds 4-7 : {{ * }}"
        ));
        let told = tell(&dag);
        assert_eq!(told.round(2), "A B -C -D");
        assert!(told.answer.counts.medians_of_parents > 0);
        let commit = &told.answer.commits[1];
        assert_eq!((commit.round, commit.timestamp_ms), (2, BEGIN_MS + expected));
    }
}

/// A names D's blocks and B and C do not: D is split in every round. The commit of round 10 closes the window
/// and takes D's slots from round 11 on, until that of round 20 gives them back; the next term is twice as
/// long.
#[test]
fn case_29_probation_boundary() {
    let mut chain = Chain::new(&[1; 4]);
    chain.signed = false;
    assert!(chain.set_number("probationWindowRounds", 10), "the chain knows probation");
    let mut dag = Drawing::on(chain);
    dag.draw("Round 1 : { * }  Rounds 2-60 : { AD -> [*], BC -> [-D] }");
    let told = tell(&dag);
    let without: Vec<u32> =
        told.answer.without_slot.iter().filter(|slot| slot.1 == 3).map(|slot| slot.0).collect();
    let expected: Vec<u32> = (11..=20).chain(31..=50).collect();
    assert_eq!(without[..expected.len()], expected);
    // No round makes two commits, none is left out; D's blocks are ordered all the same.
    assert_eq!(told.rounds(), (1..=told.answer.cursor - 1).collect::<Vec<_>>());
    assert!(told.rounds().len() > 50);
    for commit in &told.answer.commits {
        let slot_of_d = commit.slots.iter().any(|slot| slot.author == 3);
        assert!(!(slot_of_d && without.contains(&commit.round)));
    }
    let ordered = told.answer.commits.iter().flat_map(|commit| &commit.blocks);
    assert!(ordered.filter(|block| block.author == 3).count() > 50);
    // A restart at any block goes on with the same slots.
    for place in 0..dag.blocks().len() {
        let mut follower = WatchedCore::following(&dag.chain);
        for (at, block) in dag.blocks().iter().enumerate() {
            follower.deliver(block);
            if at == place {
                follower = follower.restarted(&dag.chain);
            }
        }
        assert_eq!(follower.difference(&told.answer), None, "restarted after {place} blocks");
    }
}
