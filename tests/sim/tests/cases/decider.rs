//! Cases 1 to 17: votes, certificates, decisions, the output of rounds. Four equal validators have Q = 3.

use pollen_ledger::Hash;
use pollen_ledger::committee::{Committee, CommitteeError, Validator};
use pollen_ledger::genesis::CommitOrder;
use pollen_ledger::ordering::slot_order;
use pollen_sim::drawing::{Chain, Drawing};
use pollen_sim::random::Random;
use pollen_sim::random_dag::{Shape, delivery};
use pollen_sim::reference::{Reference, Rules};
use pollen_sim::watched_core::WatchedCore;

use super::{agree, equal, tell};

#[test]
fn case_01_direct_commit() {
    let mut dag = equal(4);
    dag.draw("Rounds 1-2 : { * }  Round 3 : { AB -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 3 : { C -> [*] }");
    let told = tell(&dag);
    assert_eq!(told.round(1), "A B C D");
    assert_eq!(told.commit(1), "A1 B1 C1 D1");
}

/// A certificate is a quorum of votes, and a commit a quorum of certificates: one less of either is none.
#[test]
fn case_02_exactly_a_quorum() {
    let mut dag = equal(4);
    dag.draw(
        "Round 1 : { * }
         Round 2 : { A -> [-D], BCD -> [*] }
         Round 3 : { A -> [ABC], BC -> [BCD] }", // two votes for D1 below A3, three below B3 and C3
    );
    assert_eq!(tell(&dag).round(1), "A B C ?D");
    dag.draw("Round 3 : { D -> [BCD] }");
    assert_eq!(tell(&dag).round(1), "A B C D");
}

#[test]
fn case_03_skip_of_a_missing_block() {
    let mut dag = equal(4);
    dag.draw("Round 1 : { ABC -> [*] }  Round 2 : { AB -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 2 : { C -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C -D");
}

#[test]
fn case_04_skip_of_a_block_without_votes() {
    let mut dag = equal(4);
    dag.draw("Round 1 : { * }  Round 2 : { AB -> [-D], D -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 2 : { C -> [-D] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C -D");
}

/// One certificate for D1, in A3: too few to commit it, too many votes to skip it.
const SPLIT: &str = "
    Round 1 : { * }
    Round 2 : { ABC -> [*], D -> [ABC] }
    Round 3 : { A -> [ABC], BCD -> [BCD] }";

#[test]
fn case_05_split_votes_then_indirect_commit() {
    let mut dag = equal(4);
    dag.draw(SPLIT).draw("Round 4 : { * -> [ABC] }  Round 5 : { * }");
    assert_eq!(tell(&dag).round(1), "A B C ?D");
    dag.draw("Round 6 : { ABC -> [*] }");
    assert_eq!(tell(&dag).round(1), "A B C D");
}

#[test]
fn case_06_split_votes_then_indirect_skip() {
    let mut dag = equal(4);
    // Nobody goes on from A3.
    dag.draw(SPLIT).draw("Round 4 : { * -> [BCD] }  Round 5 : { * }");
    assert_eq!(tell(&dag).round(1), "A B C ?D");
    dag.draw("Round 6 : { ABC -> [*] }");
    assert_eq!(tell(&dag).round(1), "A B C -D");
}

/// Slots of rounds 2 and 3 are committed and say nothing about D1: another node may see more certificates.
#[test]
fn case_07_no_anchor_below_three_rounds_up() {
    for (above, second, third) in
        [("* -> [ABC]", "-A B C ?D", "A B C -D"), ("* -> [BCD]", "-A B C D", "-A B C D")]
    {
        let mut dag = equal(4);
        dag.draw(SPLIT).draw(&format!("Round 4 : {{ {above} }}  Round 5 : {{ * }}"));
        let told = tell(&dag);
        assert_eq!([1, 2, 3].map(|round| told.round(round)), ["A B C ?D", second, third]);
    }
}

/// The first slot of round 4 is open, the others are committed: none of them is the anchor of D1. When the
/// open slot is the last one, the first is.
#[test]
fn case_08_an_undecided_slot_blocks_the_anchor() {
    for (place, decided) in [(0, false), (3, true)] {
        let mut dag = equal(4);
        let order = slot_order(&dag.chain.committee, &dag.chain.chain_id, 4);
        let letter = |author: u16| char::from(b'A' + author as u8);
        let open = letter(order[place]);
        let others: String = order.iter().map(|a| letter(*a)).filter(|l| *l != open).collect();
        let (certifier, rest) = others.split_at(1);
        dag.draw(SPLIT).draw(&format!(
            "Round 4 : {{ * -> [ABC] }}
             Round 5 : {{ {others} -> [*], {open} -> [-{open}] }}
             Round 6 : {{ {certifier} -> [-{open}], {open}{rest} -> [-{certifier}] }}"
        ));
        let told = tell(&dag);
        assert!(told.round(4).contains(&format!("?{open}")), "{}", told.round(4));
        assert_eq!(told.round(4).matches('?').count(), 1, "{}", told.round(4));
        assert_eq!(told.round(1), if decided { "A B C D" } else { "A B C ?D" });
        dag.draw("Rounds 7-9 : { * }");
        assert_eq!(tell(&dag).round(1), "A B C D");
    }
}

/// Seven validators, Q = 5. Every block of round 1 has five votes, and no block of round 3 names all five
/// of any: nothing is certified, nothing has five against it.
const NOBODY: &str = "
    Round 1 : { * }
    Round 2 : { A -> [-BC], B -> [-CD], C -> [-DE], D -> [-EF], E -> [-FG], F -> [-GA], G -> [-AB] }
    Round 3 : { A -> [-CE], B -> [-DF], C -> [-EG], D -> [-FA], E -> [-GB], F -> [-AC], G -> [-BD] }";

#[test]
fn case_09_a_round_of_skips_is_passed_over() {
    let mut dag = equal(7);
    dag.draw(NOBODY).draw("Rounds 4-5 : { * }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D ?E ?F ?G");
    dag.draw("Round 6 : { * }");
    let told = tell(&dag);
    assert_eq!(told.round(1), "-A -B -C -D -E -F -G");
    assert_eq!(told.rounds(), [2, 3, 4]);
    assert_eq!(told.answer.commits[0].index, 1);
    // Skipped slots lead no commit; their blocks are ordered as ancestors.
    assert_eq!(told.commit(2), "A1 B1 C1 D1 E1 F1 G1 A2 B2 C2 D2 E2 F2 G2");
}

#[test]
fn case_10_a_partly_decided_round_is_not_output() {
    let mut dag = equal(4);
    dag.draw(SPLIT).draw("Round 4 : { * -> [ABC] }  Round 5 : { * }");
    let told = tell(&dag);
    assert_eq!((told.round(1).as_str(), told.round(3).as_str()), ("A B C ?D", "A B C -D"));
    assert_eq!((told.rounds(), told.answer.cursor), (vec![], 1));
    dag.draw("Round 6 : { * }");
    let told = tell(&dag);
    assert_eq!((told.round(1).as_str(), told.round(2).as_str()), ("A B C D", "-A B C ?D"));
    assert_eq!((told.rounds(), told.answer.cursor), (vec![1], 2));
    dag.draw("Round 7 : { * }");
    assert_eq!(tell(&dag).rounds(), [1, 2, 3, 4, 5]);
}

#[test]
fn case_11_whole_dag_at_once_equals_incremental() {
    for seed in 1_000..1_030 {
        let mut random = Random::drawn(seed);
        let mut shape = Shape::of(&mut random);
        // The other order leaves slots behind that it has no use for, and which ones is not the same.
        shape.order = CommitOrder::AllSlots;
        let (chain, blocks) = (shape.chain(), shape.blocks(&mut random));
        let (mut whole, mut single) =
            (WatchedCore::following(&chain), WatchedCore::following(&chain));
        whole.deliver_all(&blocks);
        blocks.iter().for_each(|block| single.deliver(block));
        assert_eq!(whole.commits, single.commits, "seed {seed}");
        assert_eq!(whole.statuses(), single.statuses(), "seed {seed}");
        assert_eq!(whole.status(), single.status(), "seed {seed}");
    }
}

#[test]
fn case_12_the_cursor_moves_over_trailing_skips() {
    let mut dag = equal(7);
    // Three certificates for G2, whose five voters only E4, F4 and G4 name: round 2 stays open.
    dag.draw(NOBODY).draw(
        "Round 4 : { ABCD -> [-F], EFG -> [*] }
         Rounds 5-6 : { * }",
    );
    let told = tell(&dag);
    assert_eq!(told.round(1), "-A -B -C -D -E -F -G");
    assert!(told.round(2).contains("?G"), "{}", told.round(2));
    assert_eq!((told.rounds(), told.answer.cursor), (vec![], 2));
    assert_eq!(told.follower.status().undecided_round, 2);
}

#[test]
fn case_13_genesis_is_never_committed() {
    let mut dag = equal(4);
    dag.draw(
        "Rounds 1-2 : { ABC -> [*] }
         Round 3 : { ABC -> [*], D -> [ABC, D0] }
         Rounds 4-7 : { * }",
    );
    let told = tell(&dag);
    assert_eq!(told.rounds(), [1, 2, 3, 4, 5]);
    assert_eq!(told.commit(1), "A1 B1 C1");
    assert_eq!(told.commit(3), "A3 B3 C3 D3");
    assert!(told.answer.commits.iter().all(|c| c.blocks.iter().all(|block| block.round > 0)));
}

/// S = 10, Q = 7: three of four validators are not enough without the one that holds 40 %, and two are with
/// it.
#[test]
fn case_14_one_holder_of_40_percent() {
    let mut dag = Drawing::new(&[4, 2, 2, 2]);
    dag.draw("Rounds 1-2 : { * }  Round 3 : { BCD -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 3 : { A -> [ABC] }");
    assert_eq!(tell(&dag).round(1), "A B C D");
    let mut dag = Drawing::new(&[4, 2, 2, 2]);
    dag.draw("Rounds 1-3 : { ABC -> [*] }");
    assert_eq!(tell(&dag).round(1), "A B C -D");
}

/// Consensus data: whoever changes these vectors forks the chain.
#[test]
fn case_15_permutation() {
    let mut zero = Chain::new(&[1, 1, 1, 1]);
    zero.chain_id = Hash::ZERO;
    let rows = [1, 2, 3].map(|round| Rules::of(&zero).permutation(round));
    assert_eq!(rows, [[3, 0, 2, 1], [1, 3, 0, 2], [1, 3, 0, 2]]);
    let stakes: [&[u64]; 5] = [
        &[9],
        &[1; 100],
        &[1 << 58, 1, 5, 1 << 40, 7, 1, 1 << 59],
        &[1 << 59, 1 << 59],
        &[3, (1 << 59) + 12_345],
    ];
    for stakes in stakes {
        let chain = Chain::new(stakes);
        let rules = Rules::of(&chain);
        for round in (1..=200).chain([u32::MAX]) {
            let order = slot_order(&chain.committee, &chain.chain_id, round);
            assert_eq!(order, rules.permutation(round), "round {round}");
        }
    }
}

/// Whoever splits 40 % of the stake over eight validators is as often in front as with one.
#[test]
fn case_15_sybils_gain_nothing() {
    let rounds = 10_000;
    let first = |stakes: &[u64], of: std::ops::Range<u16>| {
        let chain = Chain::new(stakes);
        let order = |round| slot_order(&chain.committee, &chain.chain_id, round);
        (1..=rounds).filter(|round| of.contains(&order(*round)[0])).count()
    };
    let one = first(&[40, 20, 20, 20], 0..1);
    let eight = first(&[5, 5, 5, 5, 5, 5, 5, 5, 20, 20, 20], 0..8);
    assert!((3_850..4_150).contains(&one) && (3_850..4_150).contains(&eight), "{one}, {eight}");
}

#[test]
fn case_16_committees_of_every_size() {
    for size in [1, 2, 3, 4, 7, 100] {
        for order in [CommitOrder::AllSlots, CommitOrder::FirstCommit] {
            if size == 100 && order == CommitOrder::FirstCommit {
                continue; // Seconds, for nothing new.
            }
            let mut chain = Chain::new(&vec![1; size]);
            chain.signed = size < 100;
            chain.parameters.commit_order = order;
            let mut dag = Drawing::on(chain);
            dag.draw("Rounds 1-6 : { * }");
            let mut follower = WatchedCore::following(&dag.chain);
            dag.blocks().iter().for_each(|block| follower.deliver(block));
            let answer = agree(&dag, &follower);
            assert_eq!(answer.commits.len(), 4, "{size}");
            let slots = if order == CommitOrder::AllSlots { size } else { 1 };
            assert!(answer.commits.iter().all(|commit| commit.slots.len() == slots), "{size}");
        }
    }
}

#[test]
fn case_17_overflowing_stakes() {
    let refused = |stakes: &[u64]| {
        let chain = Chain::new(&vec![1; stakes.len()]);
        let members = chain.committee.members().iter().zip(stakes);
        let members = members.map(|(m, stake)| Validator { stake: *stake, ..m.clone() }).collect();
        Committee::new(0, members).err()
    };
    assert_eq!(refused(&[u64::MAX; 4]), Some(CommitteeError::TotalStake));
    assert_eq!(refused(&[1 << 60, 1]), Some(CommitteeError::TotalStake));
    assert_eq!(refused(&[1 << 63, 1 << 63]), Some(CommitteeError::TotalStake));
    assert_eq!(refused(&[1 << 58; 4]), None);
    // S = 2^60: Q is S - floor((S - 1) / 3), and three of four are more.
    let mut dag = Drawing::new(&[1 << 58; 4]);
    assert_eq!(dag.chain.committee.quorum(), 768_614_336_404_564_651);
    assert_eq!(Rules::of(&dag.chain).quorum(), 768_614_336_404_564_651);
    dag.draw("Rounds 1-2 : { * }  Round 3 : { AB -> [*] }");
    assert_eq!(tell(&dag).round(1), "?A ?B ?C ?D");
    dag.draw("Round 3 : { C -> [*] }");
    assert_eq!(tell(&dag).round(1), "A B C D");
}

/// The order in which blocks come is not the order in which they count.
#[test]
fn case_11_every_prefix_of_every_order() {
    let mut dag = equal(4);
    dag.draw(SPLIT).draw("Round 4 : { * -> [ABC] }  Rounds 5-7 : { * }");
    let mut random = Random::drawn(11);
    for how in 0..12 {
        let mut follower = WatchedCore::following(&dag.chain);
        for block in delivery(&dag.blocks(), how, &mut random) {
            follower.deliver(&block);
            agree(&dag, &follower);
        }
        let whole = Reference::new(&dag.chain, &dag.blocks()).answer();
        assert_eq!(follower.difference(&whole), None);
    }
}
