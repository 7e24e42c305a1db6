//! Cases 18 to 25: validators that sign more than one block a round.

use std::collections::BTreeSet;

use pollen_ledger::BlockRef;
use pollen_ledger::genesis::CommitOrder;
use pollen_sim::drawing::Name;
use pollen_sim::random::Random;
use pollen_sim::random_dag::{Shape, delivery};
use pollen_sim::reference::Reference;
use pollen_sim::watched_core::WatchedCore;

use super::{agree, equal, tell};

/// The equivocator votes for both of its blocks, and still only one of them can have a quorum.
#[test]
fn case_18_at_most_one_variant_is_certified() {
    let mut dag = equal(4);
    dag.draw(
        "Round 1 : { *, D' -> [*] }
         Round 2 : { AB -> [*], C -> [ABCD'], D -> [*], D' -> [ABCD'] }
         Round 3 : { AB -> [ABD], C -> [ABC], D -> [ABD], D' -> [ACD'] }",
    );
    let told = tell(&dag);
    assert_eq!(told.round(1), "A B C D");
    let reference = Reference::new(&dag.chain, &dag.blocks());
    assert_eq!(dag.names(&reference.certified(1, 3)), "D1");
    for seed in 1..=30 {
        let mut random = Random::drawn(seed);
        let shape = Shape::of(&mut random);
        let reference = Reference::new(&shape.chain(), &shape.blocks(&mut random));
        for round in 1..=shape.rounds {
            for author in 0..shape.stakes.len() as u16 {
                assert!(reference.certified(round, author).len() <= 1, "seed {seed}");
            }
        }
    }
}

/// Two of seven equivocate all the time.
fn two_of_seven() -> Shape {
    Shape {
        stakes: vec![1; 7],
        rounds: 100,
        gc_depth: 60,
        order: CommitOrder::AllSlots,
        probation: [100, 100, 0],
        equivocators: BTreeSet::from([2, 5]),
        extra_percent: 60,
        weak_percent: 10,
        trouble_percent: 10,
    }
}

#[test]
fn case_19_f_equivocators_in_100_orders() {
    let mut random = Random::drawn(19);
    let shape = two_of_seven();
    let (chain, blocks) = (shape.chain(), shape.blocks(&mut random));
    let whole = Reference::new(&chain, &blocks).answer();
    assert!(whole.counts.ignored > 50 && whole.commits.len() > 80, "{:?}", whole.counts);
    let digests: Vec<_> = whole.commits.iter().map(|commit| commit.digest).collect();
    for how in 0..100 {
        let order = delivery(&blocks, how, &mut random);
        let mut follower = WatchedCore::following(&chain);
        order.iter().for_each(|block| follower.deliver(block));
        follower.settle(&order);
        // A third variant that nobody names is not taken: that may leave the last rounds open.
        let commits: Vec<_> = follower.commits.iter().map(|commit| commit.digest).collect();
        assert_eq!(commits[..], digests[..commits.len()], "order {how}");
        assert!(commits.len() + 4 > digests.len(), "order {how}");
    }
}

/// D's three blocks of round 2 are one author on either side.
#[test]
fn case_20_a_voter_on_both_sides_counts_once_per_side() {
    let mut dag = equal(4);
    dag.draw(
        "Round 1 : { * }
         Round 2 : { A -> [-C], C -> [*], D -> [*], D' -> [-C], D'' -> [-C] }",
    );
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D", "A and D against C1, whatever D says how often");
    dag.draw("Round 2 : { B -> [-C] }");
    assert_eq!(tell(&dag).round(1), "?A ?B -C ?D", "D's vote for C1 does not take back the other");
    // The same of certificates.
    let mut dag = equal(4);
    dag.draw("Rounds 1-2 : { * }  Round 3 : { A -> [*], D -> [*], D' -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 3 : { B -> [*] }");
    assert_eq!(tell(&dag).round(1), "A B C D");
}

#[test]
fn case_21_a_variant_after_the_skip_changes_nothing() {
    let mut dag = equal(4);
    dag.draw("Round 1 : { ABC -> [*] }  Rounds 2-5 : { ABC -> [ABC] }");
    let mut follower = WatchedCore::following(&dag.chain);
    dag.blocks().iter().for_each(|block| follower.deliver(block));
    let before = agree(&dag, &follower);
    assert_eq!(before.commits.len(), 3);
    // Now come blocks of D for the rounds that are output, and for those that are not.
    dag.draw(
        "Round 1 : { D -> [*], D' -> [*] }
         Round 2 : { D -> [*], D' -> [ABCD'] }
         Rounds 3-5 : { D -> [*] }",
    );
    dag.blocks().iter().for_each(|block| follower.deliver(block));
    let after = agree(&dag, &follower);
    assert_eq!(follower.accepted.len(), 15 + 7);
    assert_eq!(after.commits, before.commits);
    for round in 1..=3 {
        for author in 0..4 {
            assert_eq!(after.statuses[&(round, author)], before.statuses[&(round, author)]);
        }
    }
    assert_eq!(tell(&dag).round(1), "A B C -D");
}

#[test]
fn case_22_of_two_variants_in_a_commit_the_first_payload_counts() {
    let mut dag = equal(4);
    dag.draw(
        "Round 1 : { ABC -> [*], D -> [*] +1, D' -> [*] +2 }
         Round 2 : { A -> [*], B -> [-D], C -> [ABCD'] }
         Rounds 3-6 : { ABC -> [*] }
         Round 7 : { ABC -> [*], D -> [ABCD1'] }
         Rounds 8-10 : { * }",
    );
    let told = tell(&dag);
    assert_eq!(told.round(1), "A B C -D");
    // A2 and C2 bring one each into the commit of round 2.
    let holds = |commit: &&pollen_sim::reference::Ordered| !commit.ignored.is_empty();
    let commits: Vec<_> = told.answer.commits.iter().filter(holds).collect();
    assert_eq!(commits.len(), 1);
    let (first, second) = (dag.block("D1"), dag.block("D1'"));
    let (taken, ignored) = match commits[0].ignored[0] == second.reference() {
        true => (first, second),
        false => (second, first),
    };
    assert_eq!(commits[0].ignored, [ignored.reference()]);
    let blocks = told.follower.executed.iter().flat_map(|executed| &executed.blocks);
    let of_d: Vec<BlockRef> =
        blocks.clone().map(|b| b.reference()).filter(|b| b.round == 1 && b.author == 3).collect();
    assert_eq!(of_d, [taken.reference()]);
    let executed: usize = blocks.map(|block| block.transactions().len()).sum();
    assert_eq!(executed, taken.transactions().len());
    assert_eq!(told.follower.evidence, [3]);
}

/// Variants that nobody names cost nothing; one that somebody names is taken however many there are.
#[test]
fn case_23_fork_bomb() {
    let mut dag = equal(4);
    dag.draw("Round 1 : { * }");
    let mut follower = WatchedCore::following(&dag.chain);
    dag.blocks().iter().for_each(|block| follower.deliver(block));
    let parents: Vec<BlockRef> =
        (0..4).map(|author| dag.chain.genesis(author).reference()).rev().collect();
    let variant = |number: u64| dag.chain.block(1, 3, 2_000_000 + number, parents.clone(), &[]);
    let bomb: Vec<_> = (0..1_000).map(variant).collect();
    bomb.iter().for_each(|block| follower.deliver(block));
    assert_eq!((follower.accepted.len(), follower.status().suspended), (5, 0));
    assert_eq!(follower.evidence, [3], "one proof is enough");
    dag.add(Name { round: 1, author: 3, variant: 1 }, bomb[0].clone());
    dag.add(Name { round: 1, author: 3, variant: 2 }, bomb[777].clone());
    dag.draw("Round 2 : { A -> [*], B -> [ABCD'], C -> [ABCD''], D -> [*] }  Rounds 3-6 : { * }");
    dag.blocks().iter().for_each(|block| follower.deliver(block));
    assert_eq!(follower.status().missing, 1, "C2 and what follows wait for D1''");
    follower.deliver(&bomb[777]);
    assert_eq!((follower.status().missing, follower.status().suspended), (0, 0));
    assert_eq!(follower.accepted.len(), 4 + 2 + 20);
    assert_eq!(agree(&dag, &follower).commits.len(), 4);
}

/// Two signed headers prove it to anybody who has the committee; and only what is signed does.
#[test]
fn case_24_equivocation_makes_evidence() {
    use pollen_ledger::block::EquivocationProof;
    let mut dag = equal(4);
    dag.draw("Round 1 : { *, D' -> [*] }");
    let (first, second) = (dag.block("D1"), dag.block("D1'"));
    let (committee, chain_id) = (&dag.chain.committee, &dag.chain.chain_id);
    let proof = EquivocationProof::of(first.block(), second.block()).unwrap();
    assert_eq!(EquivocationProof::of(second.block(), first.block()), Some(proof.clone()));
    assert!(proof.verify(chain_id, committee));
    assert!(!EquivocationProof { author: 2, ..proof.clone() }.verify(chain_id, committee));
    assert!(!EquivocationProof { round: 2, ..proof.clone() }.verify(chain_id, committee));
    let mut same = proof;
    same.rests[1] = same.rests[0];
    same.signatures[1] = same.signatures[0];
    assert!(!same.verify(chain_id, committee));
    assert_eq!(EquivocationProof::of(first.block(), first.block()), None);
    assert_eq!(EquivocationProof::of(first.block(), dag.block("C1").block()), None);
    assert_eq!(tell(&dag).follower.evidence, [3]);
}

/// Who has nothing but the last round fetches everything below it, all variants that anybody names
/// included, and ends with the same commits.
#[test]
fn case_25_catching_up_across_equivocating_ancestors() {
    for seed in 1..=5 {
        let mut random = Random::drawn(seed);
        let mut shape = two_of_seven();
        shape.rounds = 40;
        let (chain, blocks) = (shape.chain(), shape.blocks(&mut random));
        let whole = Reference::new(&chain, &blocks).answer();
        let mut late = WatchedCore::following(&chain);
        let last = blocks.iter().filter(|block| block.round() == shape.rounds);
        last.for_each(|block| late.deliver(block));
        assert_eq!(late.status().commit_index, 0);
        late.settle(&blocks);
        let answer = Reference::new(&chain, &late.accepted).answer();
        assert_eq!(late.difference(&answer), None, "seed {seed}");
        assert_eq!(answer.commits[..], whole.commits[..answer.commits.len()], "seed {seed}");
        assert!(answer.commits.len() + 4 > whole.commits.len(), "seed {seed}");
        assert!(answer.counts.ignored > 10, "seed {seed}: {:?}", answer.counts);
    }
}
