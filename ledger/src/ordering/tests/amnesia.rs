//! Crashes at every point, and validators whose stores forgot (PROTOCOL §12, 40 to 43 and 45). That no
//! round is ever signed twice is asserted by the network at every proposal.

use super::decider::block;
use super::network::Network;
use crate::ordering::{Input, SigningHistory};

/// A running network of four under some load.
fn running(seed: u64, ms: u64) -> Network {
    let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
    network.start_all();
    network.load(0, 100, ms, &[0, 1, 2]);
    network.run(ms);
    network
}

/// It proposes again, and everything goes on.
fn assert_back(network: &mut Network, index: usize) {
    let ids = network.load(700_000, 20, 500, &[0, 1, 2, 3]);
    network.run(6_000);
    network.check();
    let (own, head) = (network.core(index).status(), network.core(0).status());
    assert!(!own.asking_own_rounds, "seed {}", network.seed);
    assert!(own.own_round + 3 > head.own_round, "{own:?}, seed {}", network.seed);
    network.check_ordered_once(&ids);
}

/// 42: an empty store with a known key.
#[test]
fn an_empty_store_resumes_above_what_was_signed_case_42() {
    for seed in 1..=8 {
        let mut network = running(seed, 1_000);
        let signed = network.core(3).status().own_round;
        network.crash(3);
        network.roll_back(3, 0);
        network.histories.insert(3, SigningHistory::Forgotten);
        network.start(3);
        assert!(network.core(3).status().asking_own_rounds);
        network.run(2_000);
        let first = network.first_proposal_above(3, signed).expect("it proposes again");
        assert!(first >= signed + 2, "{first} after {signed}, seed {seed}");
        assert_back(&mut network, 3);
    }
}

/// 42: one of the others keeps our block back, another one is down: an honest quorum says enough. It has
/// to: with one of four down, all three others must answer.
#[test]
fn a_lying_responder_lowers_nothing_case_42() {
    for seed in 1..=8 {
        let mut network = running(seed, 1_000);
        let signed = network.core(3).status().own_round;
        network.silent_about_own.insert(1);
        network.crash(3);
        network.roll_back(3, 0);
        network.histories.insert(3, SigningHistory::Forgotten);
        network.start(3);
        network.run(2_000);
        let first = network.first_proposal_above(3, signed).expect("it proposes again");
        assert!(first >= signed + 2, "{first} after {signed}, seed {seed}");
        assert_back(&mut network, 3);
    }
}

/// 42: a made-up answer, one with somebody else's block, and one that a stranger gives count for nothing;
/// the same peer counts once.
#[test]
fn answers_count_once_and_only_by_our_own_blocks_case_42() {
    let mut network = running(7, 1_000);
    network.crash(3);
    network.roll_back(3, 0);
    network.histories.insert(3, SigningHistory::Forgotten);
    network.nobody_answers = true;
    network.start(3);
    network.run(300);
    let theirs = network.newest_block_of(0, 1);
    let answer = |from, block| Input::OwnBlock { from, block };
    for _ in 0..3 {
        network.input(3, answer(0, None));
        network.input(3, answer(1, Some(theirs.clone())));
        network.input(3, answer(3, None));
        network.input(3, answer(999, None));
    }
    network.run(300);
    assert!(network.core(3).status().asking_own_rounds, "one answer of three");
    let ours = network.newest_block_of(0, 3);
    network.input(3, answer(1, Some(ours.clone())));
    network.input(3, answer(2, None));
    network.nobody_answers = false;
    network.run(2_000);
    let first = network.first_proposal_above(3, ours.round()).expect("it proposes again");
    assert!(first >= ours.round() + 2);
    assert_back(&mut network, 3);
}

/// A restored machine image looks like a clean restart: the others' answers, or a block of ours that comes
/// in, tell.
#[test]
fn a_rolled_back_store_is_found_out_case_42() {
    for seed in 1..=8 {
        let mut network = running(seed, 2_000);
        let signed = network.core(3).status().own_round;
        let part = network.random.below(400) as usize;
        network.crash(3);
        network.roll_back(3, part);
        network.start(3);
        network.run(2_000);
        let first = network.first_proposal_above(3, signed).expect("it proposes again");
        assert!(first >= signed + 2, "{first} after {signed}, seed {seed}");
        assert_back(&mut network, 3);
    }
}

/// Own stake above f: the rule cannot be proved, and nothing is signed.
#[test]
fn too_much_stake_to_forget() {
    let mut network = Network::new(&[1, 1, 1, 2], 0, 3);
    network.start_all();
    network.run(500);
    network.crash(3);
    network.roll_back(3, 0);
    network.histories.insert(3, SigningHistory::Forgotten);
    network.start(3);
    let proposed = network.proposals_of(3);
    network.run(5_000);
    assert!(network.core(3).status().asking_own_rounds);
    assert_eq!(network.proposals_of(3), proposed);
}

/// 40, 41: killed behind every single effect, its disk torn at any point behind the last sync; never
/// another block for a round, never another commit, none left out.
#[test]
fn killed_at_every_effect_case_40_case_41() {
    let mut kills = 0;
    for effect in 0..60 {
        let seed = 1 + effect;
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.start_all();
        network.load(0, 40, 500, &[0, 1, 2, 3]);
        network.run(100 + seed % 7 * 30);
        network.kill_after = Some((1, effect));
        network.run(400);
        kills += usize::from(network.nodes[1].core.is_none());
        network.start(1);
        assert_back(&mut network, 1);
    }
    assert!(kills >= 50, "{kills} of 60 were reached");
}

/// 45: down for more than twice the gc depth, and killed again and again on the way back.
#[test]
fn a_long_backlog_with_restarts_case_45() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.delay_ms = (1, 4);
        network.start_all();
        network.run(300);
        network.crash(3);
        network.load(0, 1_500, 3_000, &[0, 1, 2]);
        network.run(3_500);
        assert!(network.core(0).status().commit_round > 150);
        network.load(5_000, 1_000, 2_000, &[0, 1, 2]);
        for _ in 0..20 {
            network.start(3);
            let life = network.random.below(60);
            network.run(life);
            network.crash(3);
        }
        network.start(3);
        assert_back(&mut network, 3);
    }
}

/// 43: all at once, from whatever was on their disks; nobody waits for anybody for good.
#[test]
fn all_restart_and_ask_each_other_case_43() {
    for seed in 1..=6 {
        let mut network = running(seed, 1_000);
        let before = network.check();
        (0..4).for_each(|index| network.crash(index));
        network.start_all();
        network.run(100);
        for index in 0..4 {
            assert!(!network.core(index).status().asking_own_rounds, "seed {seed}");
        }
        assert_back(&mut network, 2);
        assert!(network.check() > before + 3);
    }
}

/// Whoever was sure stops as soon as a block of its own turns up that it does not know, and asks everybody
/// anew: what they said before did not show it.
#[test]
fn an_unknown_block_of_ours_stops_us_at_any_time() {
    let mut network = running(9, 1_000);
    network.nobody_answers = true;
    let before = network.core(3).status();
    let unknown = block(before.own_round + 20, 3, network.now, Vec::new());
    network.input(3, Input::Block { block: unknown.clone(), from: None });
    assert!(!before.asking_own_rounds && network.core(3).status().asking_own_rounds);
    network.run(2_000);
    assert!(network.core(3).status().asking_own_rounds);
    assert_eq!(network.first_proposal_above(3, before.own_round), None, "nobody has answered yet");
    network.nobody_answers = false;
    network.load(500_000, 500, 2_000, &[0, 1, 2]);
    network.run(4_000);
    let first = network.first_proposal_above(3, before.own_round).expect("it proposes again");
    assert!(first > unknown.round());
}
