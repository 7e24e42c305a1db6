//! Equivocators that sign more than two blocks a round (PROTOCOL §12, 23 to 25): memory stays bounded, nobody
//! passes a bomb on, and who comes late gets over it.

use std::collections::BTreeSet;

use super::network::{Network, chain_id, key};
use crate::block::{BLOCK_VERSION, Block, BlockHeader, BlockRef, Round, VerifiedBlock};
use crate::codec;
use crate::committee::AuthorIndex;
use crate::crypto::{Domain, Hash};
use crate::ordering::Input;
use crate::transaction::SignedTransaction;

/// A valid block over these parents; `variant` tells it from others of its slot.
fn forge(
    network: &Network,
    round: Round,
    variant: u64,
    own: BlockRef,
    mut others: Vec<BlockRef>,
) -> VerifiedBlock {
    others.sort_unstable();
    others.insert(0, own);
    let body = codec::encode(&Vec::<SignedTransaction>::new());
    let header = BlockHeader {
        version: BLOCK_VERSION,
        chain_id: chain_id(),
        epoch: 0,
        round,
        author: own.author,
        timestamp_ms: network.now - variant,
        parents: others,
        body_digest: Domain::Body.hash(&[&body]),
        transaction_count: 0,
        body_bytes: body.len() as u32,
        attestations: Vec::new(),
        commit_votes: Vec::new(),
        evidence: Vec::new(),
    };
    Block::sign(header, body, &key(usize::from(own.author)))
        .verify(&chain_id(), &network.committee, &network.parameters)
        .expect("valid by itself")
}

/// The first block of each of these authors in a round, as node 0 has them.
fn blocks_of(network: &Network, round: Round, authors: std::ops::Range<usize>) -> Vec<BlockRef> {
    let view = network.core(0).rounds(round, round);
    let slots = authors.map(|author| &view[0].slots[author].blocks);
    slots.flat_map(|blocks| blocks.first().map(|block| block.reference)).collect()
}

/// Blocks of `author`, one each round of `from..=to`, each on the one before; the first on one below gc.
fn chain(
    network: &Network,
    author: AuthorIndex,
    variant: u64,
    honest: usize,
    from: Round,
    to: Round,
) -> Vec<VerifiedBlock> {
    let below = network.core(0).status().gc_round;
    let mut own = BlockRef { round: below, author, digest: Hash::of_content(b"long gone") };
    let mut blocks = Vec::new();
    for round in from..=to {
        let others = blocks_of(network, round - 1, 0..honest);
        let block = forge(network, round, variant, own, others);
        own = block.reference();
        blocks.push(block);
    }
    blocks
}

fn deliver(network: &mut Network, to: usize, blocks: Vec<VerifiedBlock>, from: AuthorIndex) {
    network.input(to, Input::Blocks { blocks, from: Some(from) });
}

/// 23, 24: one of four signs two blocks a round over the gc window, each with a branch of its own down to
/// the bottom, and gives them to a node highest first, so that each one is needed when it comes. A bounded
/// number gets in, and the chain goes on. The proof of it is in blocks.
#[test]
fn a_fork_bomb_is_taken_in_part_case_23_case_24() {
    const DEPTH: u32 = 8;
    let mut network = Network::new(&[1, 1, 1, 1], 0, 3);
    network.parameters.gc_depth = DEPTH;
    network.start_all();
    network.load(0, 100, 1_000, &[0, 1, 2]);
    network.run(500);
    network.crash(3);
    let ids = network.load(200, 300, 3_000, &[0, 1, 2]);
    network.run(1_000);
    let before = network.check();
    let status = network.core(0).status();
    let (from, to) = (status.gc_round + 1, status.quorum_round);
    // Rounds above gc are not looked up below it: one above has all its parents at hand.
    let mut branches = Vec::new();
    for top in from + 1..=to {
        for variant in 0..2 {
            branches.push(chain(&network, 3, u64::from(2 * top + variant), 3, from + 1, top));
        }
    }
    let bombs: BTreeSet<(Round, Hash)> =
        branches.iter().flatten().map(|block| (block.round(), block.reference().digest)).collect();
    for branch in &mut branches {
        deliver(&mut network, 0, vec![branch.pop().unwrap()], 3);
    }
    let mut signed = branches.len();
    for block in branches.into_iter().flat_map(|branch| branch.into_iter().rev()) {
        deliver(&mut network, 0, vec![block], 3);
        signed += 1;
    }
    let rounds = network.core(0).rounds(from, to + 1);
    let taken: usize = rounds.iter().map(|round| round.slots[3].blocks.len()).sum();
    let (free, further) = (2 * rounds.len(), 2 * 4 * DEPTH as usize);
    assert!(free < taken && taken < signed, "{taken} of {signed} got in, {free} are free");
    assert!(
        taken <= free + further,
        "{taken} blocks, {free} free and {further} needed by one author"
    );
    assert!(network.core(0).status().suspended <= 160);
    network.run(4_000);
    assert!(network.check() > before + 10);
    network.check_ordered_once(&ids);
    assert_eq!(network.evidence.iter().copied().collect::<Vec<_>>(), [3]);
    let [proof] = network.core(0).evidence().collect::<Vec<_>>()[..] else { panic!("one proof") };
    let digests = proof.digests();
    assert!(digests.iter().all(|digest| bombs.contains(&(proof.round, *digest))), "{proof:?}");
    for node in 0..3 {
        assert!(network.published(node).contains(&3), "the proof travels in blocks");
    }
}

/// 23: a block without fault of its author's, whose history holds a branch of an equivocator, is named when
/// the branch is short, and not when it is longer than 2n.
#[test]
fn a_block_that_brings_a_bomb_is_not_named_case_23() {
    for (depth, named) in [(10, true), (16, false)] {
        let mut network = Network::new(&[1; 7], 0, 5);
        network.start_all();
        network.load(0, 100, 1_000, &[0, 1, 2]);
        network.run(500);
        network.crash(5);
        network.crash(6);
        network.load(200, 800, 4_000, &[0, 1, 2]);
        network.run(1_500);
        let top = network.core(0).status().quorum_round;
        assert!(network.core(0).status().gc_round + 1 < top - depth, "rounds enough");
        // Two whole branches of 6, so that each slot has two blocks, and one of 5 upon the first.
        let first = forked(&network, 1, top - depth, top - 1);
        let second = forked(&network, 2, top - depth, top - 1);
        let mut others = blocks_of(&network, top - 1, 0..5);
        others.push(first.last().unwrap().reference());
        let own = genesis(5);
        let carrier = forge(&network, top, 0, own, others);
        let name = carrier.reference();
        deliver(&mut network, 0, first, 6);
        deliver(&mut network, 0, second, 6);
        deliver(&mut network, 0, vec![carrier], 5);
        let view = network.core(0).rounds(top, top);
        assert_eq!(view[0].slots[5].blocks.len(), 1, "the carrier is accepted");
        let mut seen = false;
        for _ in 0..20 {
            network.run(20);
            let view = network.core(0).rounds(top, top + 30);
            let mut blocks = view.iter().flat_map(|round| &round.slots[0].blocks);
            seen |= blocks.any(|block| {
                block.strong_parents.contains(&name) || block.weak_parents.contains(&name)
            });
        }
        assert_eq!(seen, named, "{depth} rounds");
        network.run(1_000);
        network.check();
    }
}

fn genesis(author: AuthorIndex) -> BlockRef {
    VerifiedBlock::genesis(chain_id(), 0, author).reference()
}

/// A branch of validator 6 over the blocks of the first five, from genesis on as far as its own chain goes.
fn forked(network: &Network, variant: u64, from: Round, to: Round) -> Vec<VerifiedBlock> {
    let mut own = genesis(6);
    let mut blocks = Vec::new();
    for round in from..=to {
        let block = forge(network, round, variant, own, blocks_of(network, round - 1, 0..5));
        own = block.reference();
        blocks.push(block);
    }
    blocks
}

/// 25: who comes late, or back, gets over both branches of an equivocator, committed or not.
#[test]
fn a_late_node_catches_up_across_equivocation_case_25() {
    for seed in 1..=3 {
        let mut network = Network::new(&[1, 1, 1, 1], 0, seed);
        network.equivocators.insert(2);
        network.start_all();
        network.run(500);
        network.crash(0);
        let ids = network.load(0, 200, 2_000, &[1, 3]);
        network.run(2_500);
        network.start(0);
        network.add_follower();
        network.run(6_000);
        assert!(network.check() > 10, "seed {seed}");
        network.check_ordered_once(&ids);
        assert_eq!(network.core(4).status().suspended, 0, "seed {seed}");
    }
}
