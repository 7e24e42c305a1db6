//! A Byzantine validator that signs whatever it likes (PROTOCOL §12, 48): nothing panics, memory stays
//! bounded, and the others go on.

use super::network::{Network, Random, chain_id, key};
use crate::block::{BLOCK_VERSION, Block, BlockHeader, BlockRef, VerifiedBlock};
use crate::checkpoint::Attestation;
use crate::codec;
use crate::committee::AuthorIndex;
use crate::crypto::{Domain, Hash};
use crate::limits::ROUND_MAX;
use crate::ordering::Input;
use crate::transaction::SignedTransaction;

/// A block of validator 3 that passes verification and is nonsense otherwise.
fn nonsense(network: &Network, random: &mut Random) -> VerifiedBlock {
    let status = network.core(0).status();
    let near = status.gc_round + 1 + random.below(100) as u32;
    let round = match random.below(8) {
        0 => ROUND_MAX,
        1 => random.below(u64::from(ROUND_MAX)) as u32 + 1,
        2 => status.gc_round.max(1),
        _ => near,
    };
    let parent = |author: AuthorIndex, round: u32, random: &mut Random| {
        let genesis = VerifiedBlock::genesis(chain_id(), 0, author).reference();
        let digest = Hash::of_content(&random.next().to_le_bytes());
        if round == 0 { genesis } else { BlockRef { author, round, digest } }
    };
    let own = parent(3, random.below(u64::from(round)) as u32, random);
    let mut parents: Vec<BlockRef> = (0..3).map(|a| parent(a, round - 1, random)).collect();
    parents.sort();
    parents.insert(0, own);
    let body = codec::encode(&Vec::<SignedTransaction>::new());
    let stamp = match random.below(4) {
        0 => u64::MAX,
        1 => 0,
        2 => network.now + random.below(2_000),
        _ => network.now,
    };
    let header = BlockHeader {
        version: BLOCK_VERSION,
        chain_id: chain_id(),
        epoch: 0,
        round,
        author: 3,
        timestamp_ms: stamp,
        parents,
        body_digest: Domain::Body.hash(&[&body]),
        transaction_count: 0,
        body_bytes: body.len() as u32,
        attestations: vec![Attestation::sign(&chain_id(), random.next(), Hash::ZERO, &key(3))],
        commit_votes: vec![(random.next(), Hash::ZERO)],
        evidence: Vec::new(),
    };
    Block::sign(header, body, &key(3))
        .verify(&chain_id(), &network.committee, &network.parameters)
        .expect("valid by itself")
}

#[test]
fn a_validator_that_signs_nonsense_stops_nobody_case_48() {
    for seed in 1..=6 {
        let mut network = Network::new(&[1, 1, 1, 1], 1, seed);
        network.start_all();
        network.run(300);
        network.crash(3);
        let mut random = Random::new(seed + 100);
        let ids = network.load(0, 20, 2_000, &[0, 1, 2]);
        for _ in 0..200 {
            let block = nonsense(&network, &mut random);
            let to = random.below(5) as usize;
            let from = [None, Some(3), Some(999)][random.below(3) as usize];
            let input = match random.below(2) {
                0 => Input::Block { block, from },
                _ => Input::Blocks { blocks: vec![block.clone(), block], from },
            };
            network.input(to, input);
            network.input(to, Input::FetchFailed { id: random.below(50) });
            network.input(to, Input::Connected { author: 60_000 });
            network.input(to, Input::Disconnected { author: 60_000 });
            network.run(10);
        }
        network.run(4_000);
        assert!(network.check() > 10, "seed {seed}");
        network.check_ordered_once(&ids);
        for index in [0, 1, 2, 4] {
            let status = network.core(index).status();
            assert!(status.suspended <= 200 && status.held <= 16, "{status:?}");
        }
    }
}

/// A clock that is ahead delays its blocks; what is stamped beyond all measure is never taken.
#[test]
fn blocks_from_the_future_wait() {
    let mut network = Network::new(&[1, 1, 1, 1], 0, 1);
    let mut random = Random::new(9);
    (0..3).for_each(|index| network.start(index));
    network.run(50);
    loop {
        let block = nonsense(&network, &mut random);
        let ahead = block.header().timestamp_ms.saturating_sub(network.now);
        if ahead > 500 && ahead <= 2_000 && block.round() < 1_000 {
            network.input(0, Input::Block { block, from: Some(3) });
            break;
        }
    }
    let status = network.core(0).status();
    assert_eq!((status.held, status.suspended), (1, 0));
    network.run(ROOM_MS);
    let status = network.core(0).status();
    assert_eq!(status.held, 0);
}

/// More than the 1 500 ms that a block of that test can have to wait.
const ROOM_MS: u64 = 1_600;
