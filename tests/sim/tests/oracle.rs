//! The core against the reference decider (PROTOCOL §12: 11, 19, 21, 26, 27): random DAGs under many orders of
//! delivery, each answer compared byte for byte.

use pollen_ledger::VerifiedBlock;
use pollen_sim::drawing::{Chain, to_text};
use pollen_sim::follower::Follower;
use pollen_sim::random_dag::{Random, Shape, delivery};
use pollen_sim::reference::{Counts, Reference};

/// Delivers the blocks, and compares at some points on the way and at the end. Says what differed.
fn compare(chain: &Chain, order: &[VerifiedBlock], cuts: &[usize]) -> Option<String> {
    let mut follower = Follower::new(chain);
    for (place, block) in order.iter().enumerate() {
        follower.deliver(block);
        if cuts.contains(&place) {
            let reference = Reference::new(chain, &follower.accepted);
            if let Some(difference) = follower.difference(&reference.answer()) {
                return Some(format!("after {} blocks: {difference}", place + 1));
            }
        }
    }
    follower.settle(order);
    follower.difference(&Reference::new(chain, &follower.accepted).answer())
}

/// Leaves out blocks, each with all that follow from it, as long as the answers differ.
fn minimise(chain: &Chain, order: &[VerifiedBlock]) -> Vec<VerifiedBlock> {
    let mut smallest = order.to_vec();
    let mut place = smallest.len();
    while place > 0 {
        place -= 1;
        let Some(left_out) = smallest.get(place) else { continue };
        let mut gone = vec![left_out.reference()];
        let mut sorted = smallest.clone();
        sorted.sort_by_key(|block| block.round());
        for block in &sorted {
            if block.header().parents.iter().any(|parent| gone.contains(parent)) {
                gone.push(block.reference());
            }
        }
        let mut less = smallest.clone();
        less.retain(|block| !gone.contains(&block.reference()));
        let all: Vec<usize> = (0..less.len()).collect();
        if compare(chain, &less, &all).is_some() {
            smallest = less;
        }
    }
    smallest
}

#[test]
fn random_dags_are_ordered_as_the_reference_says() {
    let mut counts = Counts::default();
    let seeds = std::env::var("SEEDS").map_or(300, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        let mut random = Random::new(seed);
        let shape = Shape::of(&mut random);
        let chain = shape.chain();
        let blocks = shape.blocks(&mut random);
        let whole = Reference::new(&chain, &blocks).answer();
        counts.add(&whole.counts);
        for how in 0..6 {
            let order = delivery(&blocks, how, &mut random);
            let cuts: Vec<usize> =
                (0..3).map(|_| random.below(blocks.len() as u64) as usize).collect();
            if let Some(difference) = compare(&chain, &order, &cuts) {
                let smallest = minimise(&chain, &order);
                panic!("seed {seed}, {shape:?}: {difference}\n{}", to_text(&smallest));
            }
        }
    }
    println!("{counts:?}");
}
