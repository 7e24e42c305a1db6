//! Whole networks: equal commits whatever is delivered when, who crashes, who signs twice.

use super::network::{Network, chain_id, submit, transaction};
use crate::genesis::CommitOrder;
use crate::ordering::{RoundView, Settings, SlotStatus, SlotView};

#[test]
fn shuffled_delivery_gives_equal_commits_and_orders_everything_once() {
    for seed in 1..=12 {
        for stakes in [&[1][..], &[1, 1, 1, 1], &[5, 1, 2, 3, 1, 1, 4]] {
            let mut network = Network::new(stakes, 1, seed);
            network.verify = seed == 1;
            network.start_all();
            let everybody: Vec<usize> = (0..stakes.len()).collect();
            let ids = network.load(0, 40, 1_000, &everybody);
            network.run(3_000);
            assert!(network.check() > 10, "seed {seed}");
            network.check_ordered_once(&ids);
            assert!(network.evidence.is_empty());
            assert!(network.nodes.iter().all(|node| node.certified > 0), "seed {seed}");
            assert_eq!(network.core(0).status().pool_transactions, 0);
        }
    }
}

#[test]
fn the_first_commit_order_agrees_too() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.parameters.commit_order = CommitOrder::FirstCommit;
        network.start_all();
        let ids = network.load(0, 20, 500, &[0, 1, 2, 3]);
        network.run(2_000);
        assert!(network.check() > 10, "seed {seed}");
        network.check_ordered_once(&ids);
    }
}

#[test]
fn lost_messages_are_healed_by_fetching() {
    for seed in 1..=8 {
        let mut network = Network::new(&[1, 1, 1, 1], 1, seed);
        network.loss = 100;
        network.start_all();
        let ids = network.load(0, 20, 1_000, &[0, 1, 2, 3]);
        network.run(20_000);
        network.loss = 0;
        network.run(10_000);
        assert!(network.check() > 20, "seed {seed}");
        network.check_ordered_once(&ids);
    }
}

/// 32: f crashed validators cost no timer per round once the wait set has learnt it.
#[test]
fn one_of_four_crashed() {
    for seed in 1..=8 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.start_all();
        network.run(500);
        network.crash(3);
        let ids = network.load(0, 30, 1_000, &[0, 1, 2]);
        network.run(3_000);
        network.check();
        network.check_ordered_once(&ids);
        // Under load and 1 to 20 ms per message, a round takes less than 30 ms.
        let rounds = network.core(0).status().own_round;
        network.load(100, 500, 2_000, &[0, 1, 2]);
        network.run(2_000);
        let made = network.core(0).status().own_round - rounds;
        assert!(made > 66, "{made} rounds in 2 s, seed {seed}");
    }
}

#[test]
fn nothing_is_committed_without_a_quorum_and_all_goes_on_with_it() {
    let mut network = Network::new(&[1, 1, 1, 1], 0, 5);
    network.start_all();
    network.run(1_000);
    network.crash(2);
    network.crash(3);
    network.run(200);
    let commits = network.check();
    let handled = network.core(0).status();
    network.run(30_000);
    assert_eq!(network.check(), commits);
    assert!(network.core(0).status().own_round <= handled.own_round + 1);
    network.start(2);
    network.run(5_000);
    assert!(network.check() > commits + 3);
}

/// 18 to 22: two variants, each to one half of the others.
#[test]
fn one_of_four_equivocates() {
    for seed in 1..=12 {
        let mut network = Network::new(&[1, 1, 1, 1], 1, seed);
        network.equivocators.insert(2);
        network.start_all();
        let ids = network.load(0, 30, 1_000, &[0, 1, 3]);
        network.run(4_000);
        assert!(network.check() > 10, "seed {seed}");
        network.check_ordered_once(&ids);
        assert_eq!(network.evidence.iter().copied().collect::<Vec<_>>(), [2], "seed {seed}");
        for node in [0, 1, 3] {
            let proofs: Vec<_> = network.core(node).evidence().collect();
            assert!(matches!(&proofs[..], [proof] if proof.author == 2), "seed {seed}: {proofs:?}");
        }
        // Of an equivocator at most one block per round is ever executed.
        for commits in network.nodes.iter().map(|node| &node.commits) {
            let mut slots: Vec<_> =
                commits.iter().flat_map(|c| c.blocks.iter().map(|b| (b.round, b.author))).collect();
            let all = slots.len();
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(all, slots.len(), "seed {seed}");
        }
    }
}

/// 40: killed at any point, a node goes on with the same commits and never signs a round twice (which
/// the network asserts on every proposal).
#[test]
fn a_restarted_node_goes_on() {
    for seed in 1..=12 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.start_all();
        let mut ids = Vec::new();
        for turn in 0..6 {
            ids.extend(network.load(turn * 100, 20, 300, &[0, 2, 3]));
            let before = network.random.below(300);
            network.run(before);
            network.crash(1);
            let down = network.random.below(1_500);
            network.run(down);
            network.start(1);
        }
        network.run(5_000);
        assert!(network.check() > 50, "seed {seed}");
        network.check_ordered_once(&ids);
        let status = network.core(1).status();
        assert!(status.own_round + 3 > network.core(0).status().own_round, "seed {seed}");
    }
}

/// 43
#[test]
fn the_whole_cluster_restarts() {
    for seed in 1..=6 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.start_all();
        network.load(0, 200, 2_000, &[0, 1, 2, 3]);
        let part = 500 + network.random.below(1_500);
        network.run(part);
        let before = network.check();
        (0..4).for_each(|index| network.crash(index));
        network.start_all();
        let ids = network.load(1_000, 20, 500, &[0, 1, 2, 3]);
        network.run(5_000);
        assert!(network.check() > before + 5, "seed {seed}");
        network.check_ordered_once(&ids);
    }
}

/// After a restart the rounds above gc were shown as undecided, sixty of them, though their commits stood
/// in the store.
#[test]
fn decided_rounds_are_shown_as_decided_after_a_restart() {
    let mut network = Network::new(&[1, 1, 1, 1], 0, 7);
    network.start_all();
    network.crash(2);
    network.load(0, 200, 2_000, &[0, 1, 3]);
    network.run(3_000);
    let status = network.core(0).status();
    let before = network.core(0).rounds(status.gc_round + 1, status.commit_round);
    assert!(before.len() > 10);
    let skipped = |view: &SlotView| view.author == 2 && view.status == SlotStatus::Skipped;
    assert!(before.iter().skip(5).all(|round| round.slots.iter().any(skipped)));
    network.crash(0);
    network.start(0);
    let last = network.core(0).status().commit_round;
    let after = network.core(0).rounds(status.gc_round + 1, last);
    assert!(after.len() > 10, "a few unsynced commits may be gone");
    for (before, after) in before.iter().zip(&after) {
        let slots = |view: &RoundView| -> Vec<_> {
            view.slots.iter().map(|slot| (slot.author, slot.status, slot.on_probation)).collect()
        };
        assert_eq!((before.round, slots(before)), (after.round, slots(after)));
    }
}

/// A follower with nothing catches up over more than twice the gc depth while the chain goes on.
#[test]
fn a_late_follower_catches_up() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.delay_ms = (1, 4);
        network.start_all();
        network.load(0, 1_500, 3_000, &[0, 1, 2, 3]);
        network.run(2_500);
        let rounds = network.core(0).status().commit_round;
        assert!(rounds > 150, "{rounds} rounds before it starts, seed {seed}");
        network.add_follower();
        let ids = network.load(2_000, 20, 500, &[0, 1, 2, 3]);
        network.run(4_000);
        network.check();
        network.check_ordered_once(&ids);
        assert_eq!(network.core(4).status().suspended, 0, "seed {seed}");
    }
}

/// A validator that was away for longer than the gc depth proposes again, by the safe resume.
#[test]
fn a_validator_far_behind_resumes() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.delay_ms = (1, 4);
        network.start_all();
        network.run(300);
        network.crash(3);
        network.load(0, 1_500, 3_000, &[0, 1, 2]);
        network.run(3_500);
        assert!(network.core(0).status().gc_round > 100);
        network.start(3);
        let ids = network.load(5_000, 200, 2_000, &[0, 1, 2, 3]);
        network.run(4_000);
        network.check();
        let (own, head) = (network.core(3).status(), network.core(0).status());
        assert!(own.own_round + 3 > head.own_round, "{} of {}", own.own_round, head.own_round);
        // What was given to it while it caught up is ordered like the rest.
        network.check_ordered_once(&ids);
    }
}

/// 38: an idle chain makes few rounds, and is awake within a round of a transaction.
#[test]
fn an_idle_chain_rests_and_wakes_at_once() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 1, seed);
        network.start_all();
        network.run(10_000);
        let rest = network.core(0).status();
        assert!(rest.own_round >= 15, "it goes on: {}", rest.own_round);
        assert!(rest.own_round <= 100, "{} rounds in 10 s", rest.own_round);
        let signed = transaction(1);
        network.input(1, submit(&signed));
        let begin = network.now;
        while network.nodes.iter().any(|node| node.ordered.is_empty()) {
            network.run(1);
            assert!(network.now < begin + 5_000, "never ordered, seed {seed}");
        }
        // A block, its votes, their certificates: at most 20 ms each, twice over for a round that was
        // under way.
        assert!(network.now - begin <= 200, "{} ms, seed {seed}", network.now - begin);
        assert_eq!(network.nodes[4].ordered, [signed.transaction.id(&chain_id())]);
        network.run(2_000);
        let rounds = network.core(0).status().own_round;
        network.run(10_000);
        assert!(network.core(0).status().own_round - rounds <= 100, "it rests again");
    }
}

/// The last clients of a burst were answered after up to 1.5 s: everything was ordered and executed, so the
/// cores called themselves idle and stretched their rounds, while the open checkpoint waited for the ledger
/// time of the next commits to close it.
#[test]
fn an_open_checkpoint_is_something_to_do() {
    for seed in 1..=4 {
        let mut network = Network::new(&[1, 1, 1, 1], 1, seed);
        network.parameters.checkpoint_interval_ms = 300;
        network.parameters.checkpoint_interval_max_ms = 60_000;
        network.start_all();
        // The first closes a checkpoint at once, the second opens the next one right behind it.
        for nonce in 1..=2 {
            network.input(1, submit(&transaction(nonce)));
            let begin = network.now;
            while network.nodes.iter().any(|node| node.ordered.len() < nonce as usize) {
                network.run(1);
                assert!(network.now < begin + 5_000, "never ordered, seed {seed}");
            }
        }
        assert!(network.nodes.iter().all(|node| node.checkpoint.2 == 1), "open, seed {seed}");
        let begin = network.now;
        while network.nodes.iter().any(|node| node.checkpoint.2 > 0) {
            network.run(1);
            assert!(network.now < begin + 5_000, "never closed, seed {seed}");
        }
        // The interval, and the commit behind it.
        assert!(network.now - begin <= 500, "closed after {} ms, seed {seed}", network.now - begin);
        network.run(2_000);
        assert!(network.core(0).status().idle, "it rests, seed {seed}");
    }
}

/// Commits of an open checkpoint are executed: they are no lag. Counted as such, an interval of a second
/// held some hundred rounds, and own blocks carried no transactions for most of it.
#[test]
fn a_long_checkpoint_interval_holds_no_transaction_up() {
    let mut network = Network::new(&[1, 1, 1, 1], 0, 5);
    network.parameters.checkpoint_interval_ms = 4_000;
    network.parameters.checkpoint_interval_max_ms = 60_000;
    network.start_all();
    let mut slowest_ms = 0;
    for nonce in 1..=60 {
        network.input(nonce as usize % 4, submit(&transaction(nonce)));
        let begin = network.now;
        while network.nodes.iter().any(|node| node.ordered.len() < nonce as usize) {
            network.run(1);
            assert!(network.now < begin + 5_000, "transaction {nonce} is never ordered");
        }
        slowest_ms = slowest_ms.max(network.now - begin);
    }
    let commits = network.nodes[0].commits.len() as u64;
    assert!(commits > 2 * Settings::default().execution_lag_max, "long enough: {commits} commits");
    assert!(slowest_ms <= 300, "the slowest was ordered after {slowest_ms} ms");
}
