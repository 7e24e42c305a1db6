//! Catching up by ranges of commits (PROTOCOL §12, 44 to 46): nodes that were away, liars, fail-over.

use super::decider::block;
use super::network::{BEGIN_MS, Network, Random, chain_id, forget_ignored, submit, transaction};
use crate::codec;
use crate::crypto::Hash;
use crate::limits::HISTORY_BLOCKS_MAX;
use crate::ordering::{Input, RangeError, SigningHistory};
use crate::wire::{CommitsAnswer, Response};

/// A network of four that has made at least `commits` commits while validator 3 was away.
fn ahead(seed: u64, commits: u64, followers: usize) -> Network {
    let mut network = Network::new(&[1, 1, 1, 1], followers, seed);
    network.delay_ms = (1, 3);
    network.start_all();
    network.run(200);
    network.crash(3);
    let mut nonce = 0;
    while network.core(0).status().commit_index < commits {
        network.load(nonce, 1_000, 2_000, &[0, 1, 2]);
        network.run(2_000);
        nonce += 1_000;
    }
    network.ranges_asked.clear();
    network
}

/// Runs until both nodes have the same last commit, and asserts that they have the same state then.
fn assert_alike(network: &mut Network, one: usize, other: usize) {
    let begin = network.now;
    let commit = |network: &Network, node| network.core(node).status().commit_index;
    while commit(network, one) != commit(network, other) {
        network.run(1);
        assert!(network.now < begin + 5_000, "never level, seed {}", network.seed);
    }
    let state = |node| network.core(node).committed_state();
    assert_eq!(state(one), state(other), "seed {}", network.seed);
}

/// 44, 45: back after far more than twice the gc depth, while the chain goes on under load.
#[test]
fn a_validator_far_behind_installs_commits_case_44() {
    for seed in 1..=4 {
        let mut network = ahead(seed, 600, 0);
        let ids = network.load(500_000, 300, 3_000, &[0, 1, 2]);
        network.start(3);
        // A client gives it what the others have ordered long ago: it leaves the pool with its commit.
        let old = transaction(5);
        network.input(3, submit(&old));
        network.run(1_000);
        assert!(!network.ranges_asked.is_empty(), "seed {seed}");
        network.run(2_500);
        network.check();
        assert!(!network.core(3).status().syncing);
        network.run(3_000);
        network.check_ordered_once(&ids);
        network.check_ordered_once(&[old.transaction.id(&chain_id())]);
        assert_eq!(network.core(3).status().pool_transactions, 0, "seed {seed}");
        let (own, head) = (network.core(3).status(), network.core(0).status());
        assert!(own.own_round + 3 > head.own_round, "it proposes again, seed {seed}");
        assert_alike(&mut network, 3, 0);
    }
}

/// 9.9 "at any time" is also while catching up. No live block is taken then; one of ours that we do not know
/// was dropped with them, and what it says of our store was lost.
#[test]
fn an_unknown_block_of_ours_counts_while_catching_up() {
    let mut network = ahead(3, 400, 0);
    (network.no_ranges, network.nobody_answers) = (true, true);
    network.load(500_000, 300, 3_000, &[0, 1, 2]);
    network.histories.insert(3, SigningHistory::Kept);
    network.start(3);
    network.run(300);
    let status = network.core(3).status();
    assert!(status.syncing && status.asking_own_rounds, "{status:?}");
    let unknown = block(status.own_round + 20, 3, network.now, Vec::new());
    network.input(3, Input::Block { block: unknown, from: Some(0) });
    // Two others are a quorum with ourselves: not enough for who has forgotten.
    for (from, asking) in [(0, true), (1, true), (2, false)] {
        network.input(3, Input::OwnBlock { from, block: None });
        assert_eq!(network.core(3).status().asking_own_rounds, asking, "after {from}");
    }
}

/// A follower with nothing takes every commit this way, and one that restarts in the middle goes on.
#[test]
fn a_restart_in_the_middle_goes_on_case_45() {
    for seed in 1..=4 {
        let mut network = ahead(seed, 800, 0);
        network.add_follower();
        let follower = network.nodes.len() - 1;
        let mut restarts = 0;
        while network.core(follower).status().commit_index < 700 {
            network.run(7);
            if network.core(follower).status().syncing && restarts < 5 {
                // What it wrote since its last sync is lost from any point on: a follower never syncs.
                network.crash(follower);
                network.start(follower);
                restarts += 1;
            }
            assert!(network.now < BEGIN_MS + 120_000, "seed {seed}");
        }
        assert!(restarts > 0, "seed {seed}");
        network.run(1_000);
        network.check();
        assert_alike(&mut network, follower, 1);
        // And it goes on live.
        let ids = network.load(900_000, 20, 500, &[0, 1, 2]);
        network.run(3_000);
        network.check();
        network.check_ordered_once(&ids);
        assert_alike(&mut network, follower, 1);
    }
}

/// 46: whatever one server makes up, it is refused, and the others bring the node home.
#[test]
fn a_lying_server_is_left_for_another_case_46() {
    for seed in 1..=6 {
        let mut network = ahead(seed, 600, 0);
        network.liars.insert(0);
        network.start(3);
        network.run(2_000);
        network.check();
        let asked = |who| network.ranges_asked.iter().filter(|asked| **asked == (3, who)).count();
        assert!(asked(0) <= 2, "{} times asked for lies, seed {seed}", asked(0));
        assert!(asked(1) + asked(2) > 0, "seed {seed}");
        assert_alike(&mut network, 3, 1);
    }
}

/// With an equivocator in the history, whose second blocks no digest covers: a server that keeps them back
/// changes nothing.
#[test]
fn ignored_blocks_that_are_kept_back_do_no_harm_case_46() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.equivocators.insert(2);
        network.start_all();
        network.load(0, 300, 3_000, &[0, 3]);
        network.run(3_000);
        let commits = network.nodes[0].commits.clone();
        assert!(
            commits.len() > 40 && commits.iter().any(|c| !c.ignored.is_empty()),
            "{} seed {seed}",
            commits.len()
        );
        network.add_follower();
        let follower = network.nodes.len() - 1;
        let mut honest = network.range(0, 0);
        forget_ignored(&mut honest);
        let range = network.verify_range(honest).expect("everything that is covered is right");
        let mut before = 0;
        network.nodes[follower].core.as_mut().unwrap().expect_commits(77);
        network.input(follower, Input::Commits { id: 77, range });
        for commit in &network.nodes[follower].commits {
            assert_eq!(*commit, commits[before], "seed {seed}");
            before += 1;
        }
        assert!(before < commits.len(), "it stops at what does not follow, seed {seed}");
        network.run(3_000);
        network.check();
        assert_alike(&mut network, follower, 0);
    }
}

/// 46: every lie has its reason.
#[test]
fn lies_are_refused_with_their_reason_case_46() {
    let network = ahead(3, 150, 0);
    let honest = network.range(0, 5);
    assert!(honest.commits.len() > 20 && network.verify_range(honest.clone()).is_ok());
    let refused = |lie: &dyn Fn(&mut CommitsAnswer)| {
        let mut answer = honest.clone();
        lie(&mut answer);
        network.verify_range(answer).unwrap_err()
    };
    let index = honest.commits[9].index;
    assert_eq!(refused(&|a| a.commits.clear()), RangeError::Empty);
    // Missing blocks, blocks in each other's place.
    let found = honest.blocks.len();
    assert_eq!(
        refused(&|a| drop(a.blocks.remove(3))),
        RangeError::BlockCount { found: found - 1, named: found }
    );
    let expected = honest.commits[0].blocks[0];
    assert_eq!(refused(&|a| a.blocks.swap(0, 1)), RangeError::OtherBlock { expected });
    assert!(matches!(refused(&|a| a.blocks[1].truncate(9)), RangeError::Block(_)));
    // Forged contents under the old digest, and with a new one.
    let digest = RangeError::Digest { index };
    assert_eq!(refused(&|a| a.commits[9].timestamp_ms += 1), digest);
    assert_eq!(refused(&|a| a.commits[9].blocks.swap(0, 1)), digest);
    assert_eq!(refused(&|a| a.commits[9].active = Hash::ZERO), digest);
    let relinked = refused(&|a| {
        a.commits[9].timestamp_ms += 1;
        a.commits[9].digest = a.commits[9].compute_digest();
    });
    assert!(matches!(relinked, RangeError::Link { index: i, .. } if i == index + 1));
    // Wrong order, a hole.
    assert!(matches!(refused(&|a| a.commits.swap(4, 5)), RangeError::Link { .. }));
    assert!(matches!(refused(&|a| drop(a.commits.remove(4))), RangeError::Link { .. }));
    // Slots that are no blocks of the round, or not all of them.
    let round = honest.commits[9].round;
    assert_eq!(refused(&|a| a.commits[9].slots.truncate(1)), RangeError::Slots { index, round });
    assert_eq!(refused(&|a| a.commits[9].slots.clear()), RangeError::Slots { index, round });
    // Too little stake, one author twice, a stranger, a forged vote, votes for another commit.
    let few = RangeError::TooFewVotes { stake: 2, quorum: 3 };
    assert_eq!(refused(&|a| a.votes.truncate(2)), few);
    let author = honest.votes[0].author;
    let twice = refused(&|a| a.votes[1] = a.votes[0].clone());
    assert_eq!(twice, RangeError::DoubleVote { author });
    assert_eq!(refused(&|a| a.votes[0].author = 4), RangeError::BadVote { author: 4 });
    assert_eq!(refused(&|a| a.votes[0].round += 1), RangeError::BadVote { author });
    let forged = refused(&|a| a.votes[0].commit_votes.push((1, Hash::ZERO)));
    assert_eq!(forged, RangeError::BadVote { author });
    let shorter = refused(&|a| {
        let last = a.commits.pop().expect("more than 20");
        a.blocks.truncate(a.blocks.len() - last.blocks.len() - last.ignored.len());
        a.votes.iter_mut().for_each(|v| v.commit_votes.retain(|vote| vote.0 == last.index));
    });
    assert_eq!(shorter, RangeError::TooFewVotes { stake: 0, quorum: 3 });
}

/// 10.5: when no peer answers with commits, blocks bring the node home.
#[test]
fn it_fails_over_to_blocks() {
    let mut network = ahead(5, 400, 0);
    network.no_ranges = true;
    network.start(3);
    network.run(9_000);
    assert!(network.core(3).status().syncing);
    network.run(10_000);
    network.check();
    assert!(!network.core(3).status().syncing);
    network.run(3_000);
    assert_alike(&mut network, 3, 0);
}

/// An answer is bounded, and what follows it is asked for next.
#[test]
fn a_range_is_bounded() {
    let network = ahead(2, 500, 0);
    let mut after = 0;
    let mut answers = 0;
    loop {
        let answer = network.range(1, after);
        let Some(last) = answer.commits.last() else { break };
        assert!(answer.blocks.len() <= HISTORY_BLOCKS_MAX);
        assert_eq!(answer.commits[0].index, after + 1);
        after = last.index;
        answers += 1;
    }
    let head = network.core(1).status().commit_index;
    assert!(answers > 1 && after + 8 > head, "{answers} answers up to {after} of {head}");
}

/// Any single byte changed: refused, or without any effect but that what is right of it is installed.
#[test]
fn a_changed_byte_gets_nothing_in_case_46() {
    let mut network = ahead(4, 40, 0);
    let honest = network.range(0, 0);
    let commits = network.nodes[0].commits.clone();
    let encoded = codec::encode(&Response::Commits(honest));
    let mut random = Random::new(99);
    let mut refused = 0;
    for _ in 0..300 {
        let mut bytes = encoded.clone();
        let place = random.below(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << random.below(8);
        let Ok(Response::Commits(answer)) = Response::decode(&bytes) else {
            refused += 1;
            continue;
        };
        let Ok(range) = network.verify_range(answer) else {
            refused += 1;
            continue;
        };
        network.add_follower();
        let follower = network.nodes.len() - 1;
        network.nodes[follower].core.as_mut().unwrap().expect_commits(77);
        network.input(follower, Input::Commits { id: 77, range });
        let installed = &network.nodes[follower].commits;
        assert_eq!(installed[..], commits[..installed.len()]);
        network.crash(follower);
    }
    assert!(refused > 200, "{refused} of 300 refused");
}

/// 44: the figure. Prints virtual times at a few milliseconds a message; run it alone for the processor's.
#[test]
#[ignore = "takes a minute; prints figures"]
fn ten_thousand_commits_behind() {
    let mut network = ahead(1, 10_000, 0);
    let (begin, first) = (network.now, network.core(0).status().commit_index);
    network.load(90_000_000, 20_000, 40_000, &[0, 1, 2]);
    let behind = first - network.nodes[3].commits.len() as u64;
    network.start(3);
    while network.nodes[3]
        .core
        .as_ref()
        .is_none_or(|core| core.status().commit_index + 16 < network.core(0).status().commit_index)
    {
        network.run(1);
    }
    let ms = network.now - begin;
    let produced = network.core(0).status().commit_index - first;
    let installed = behind + produced;
    println!(
        "{installed} commits installed while {produced} were made, in {ms} ms of virtual time"
    );
    assert!(installed >= 10 * produced);
    network.check();
}

/// Through windows of probation: slot holders change in the middle of a range.
#[test]
fn ranges_run_through_probation() {
    for seed in 1..=2 {
        let mut network = Network::new(&[1; 7], 0, seed);
        network.delay_ms = (1, 4);
        network.withholders.extend([1, 4]);
        network.start_all();
        network.load(0, 2_000, 4_000, &[0, 2, 3]);
        let mut turns = 0;
        while network.core(0).status().probation.is_empty() || turns < 4 {
            network.run(10_000);
            turns += 1;
            network.load(turns * 10_000, 2_000, 10_000, &[0, 2, 3]);
            assert!(turns < 20, "nobody on probation, seed {seed}");
        }
        assert!(network.core(0).status().commit_index > 300);
        network.ranges_asked.clear();
        network.add_follower();
        network.run(3_000);
        network.check();
        assert!(network.ranges_asked.len() > 1, "seed {seed}");
        assert_alike(&mut network, 7, 0);
    }
}
