//! Catching up by ranges of commits (PROTOCOL §12, 44 to 46): nodes that were away, liars, fail-over.

use super::network::Network;

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
fn a_validator_far_behind_installs_commits() {
    for seed in 1..=4 {
        let mut network = ahead(seed, 600, 0);
        let ids = network.load(500_000, 300, 3_000, &[0, 1, 2]);
        network.start(3);
        network.run(1_000);
        assert!(!network.ranges_asked.is_empty(), "seed {seed}");
        network.run(2_500);
        network.check();
        assert!(!network.core(3).status().syncing);
        network.run(3_000);
        network.check_ordered_once(&ids);
        let (own, head) = (network.core(3).status(), network.core(0).status());
        assert!(own.own_round + 3 > head.own_round, "it proposes again, seed {seed}");
        assert_alike(&mut network, 3, 0);
    }
}
