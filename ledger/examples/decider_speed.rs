//! What an accepted block costs the core, less its signature: votes, certificates, slots, linearisation
//! and garbage collection, at four sizes of committee:
//! `cargo run -p pollen-ledger --example decider_speed [rounds]`.
//!
//! `full`: every block names every block of the round before. `weighted`: the same, with unequal stakes.
//! `withheld`: f of the validators give each block to one of the others only, so that anchors decide
//! their slots.

use std::sync::Arc;

use pollen_ledger::block::{BLOCK_VERSION, Block, BlockHeader, BlockRef, VerifiedBlock};
use pollen_ledger::committee::{Committee, Validator};
use pollen_ledger::crypto::{Domain, Hash, KeyPair, Signature};
use pollen_ledger::genesis::{Genesis, Parameters};
use pollen_ledger::ordering::{Core, CoreConfig, Effect, Input, Recovered, Settings, Time};
use pollen_ledger::{SignedTransaction, codec};

/// xorshift64*
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize % bound
    }
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

fn block(round: u32, parents: Vec<BlockRef>, parameters: &Parameters) -> VerifiedBlock {
    let body = codec::encode(&Vec::<SignedTransaction>::new());
    let header = BlockHeader {
        version: BLOCK_VERSION,
        chain_id: Hash::ZERO,
        epoch: 0,
        round,
        author: parents[0].author,
        timestamp_ms: u64::from(round) * 100,
        parents,
        body_digest: Domain::Body.hash(&[&body]),
        transaction_count: 0,
        body_bytes: body.len() as u32,
        attestations: Vec::new(),
        commit_votes: Vec::new(),
        evidence: Vec::new(),
    };
    let block = Block { header, signature: Signature([0; 64]), body };
    VerifiedBlock::trusted(block, parameters).expect("made above")
}

/// Blocks of every round, each in an order of its own.
fn rounds(
    size: usize,
    count: u32,
    withheld: bool,
    parameters: &Parameters,
) -> Vec<Vec<VerifiedBlock>> {
    let mut random = Random(7);
    let quorum = size - (size - 1) / 3;
    let genesis = (0..size as u16).map(|author| VerifiedBlock::genesis(Hash::ZERO, 0, author));
    let mut before: Vec<BlockRef> = genesis.map(|block| block.reference()).collect();
    let mut all = Vec::new();
    for round in 1..=count {
        let mut blocks = Vec::new();
        for own in &before {
            let has = |other: &BlockRef| {
                let friend = (round as usize + usize::from(other.author)) % quorum;
                !withheld
                    || usize::from(other.author) < quorum
                    || usize::from(own.author) >= quorum
                    || usize::from(own.author) == friend
            };
            let others = before.iter().filter(|other| *other != own && has(other));
            let parents = std::iter::once(own).chain(others).copied().collect();
            blocks.push(block(round, parents, parameters));
        }
        before = blocks.iter().map(VerifiedBlock::reference).collect();
        random.shuffle(&mut blocks);
        all.push(blocks);
    }
    all
}

/// Nanoseconds that this thread has run, from Linux: what else runs on the machine counts little.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = text.split(' ').next().and_then(|ran| ran.parse().ok());
    ran.expect("Linux tells how long a thread has run")
}

/// Microseconds of processor time a block, and the number of commits.
fn measure(size: usize, stakes: u64, withheld: bool, count: u32) -> (f64, usize) {
    let genesis = Genesis::from_json(include_str!("../../genesis.json")).expect("checked");
    let member = |number: usize| Validator {
        name: String::new(),
        public_key: KeyPair::development(&format!("validator {number}")).public_key(),
        stake: 1 + number as u64 % stakes,
    };
    let committee = Committee::new(0, (0..size).map(member).collect()).expect("small");
    let config = CoreConfig {
        own: None,
        key: None,
        committee: Arc::new(committee),
        chain_id: Hash::ZERO,
        genesis_time_ms: 0,
        parameters: genesis.parameters.clone(),
        settings: Settings::default(),
    };
    let rounds = rounds(size, count, withheld, &genesis.parameters);
    let now = Time(u64::from(count) * 100);
    let (mut core, _) = Core::new(config, Recovered::default(), now);
    let (mut blocks, mut commits) = (0, 0);
    let start = cpu_ns();
    for block in rounds.into_iter().flatten() {
        let effects = core.handle(now, Input::Block { block, from: Some(0) });
        commits += effects.iter().filter(|effect| matches!(effect, Effect::Commit(_))).count();
        blocks += 1;
    }
    let us = (cpu_ns() - start) as f64 / 1e3 / f64::from(blocks);
    (us, commits)
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    println!("{:>4} {:>12} {:>12} {:>12}  us a block", "n", "full", "withheld", "weighted");
    for size in [4, 10, 50, 100, 200] {
        let row = [(1, false), (1, true), (7, false)].map(|(stakes, withheld)| {
            let (us, commits) = measure(size, stakes, withheld, count);
            format!("{us:.2} ({commits})")
        });
        println!("{size:>4} {:>12} {:>12} {:>12}", row[0], row[1], row[2]);
    }
}
