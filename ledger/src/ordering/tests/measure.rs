//! What a block costs by parts: not run with the other tests, since it judges nothing.
//!
//!     cargo nextest run --workspace --all-features --run-ignored only -E 'test(cost_of_a_block)' --no-capture

use std::sync::Arc;
#[expect(clippy::disallowed_types, reason = "it measures, and nothing depends on the result")]
use std::time::Instant;

use super::decider::{Drawing, block};
use super::network::{Random, chain_id, parameters};
use crate::block::{Round, VerifiedBlock};
use crate::ordering::Time;
use crate::ordering::linearize::Linearizer;

const ROUNDS: Round = 300;
/// Behind these the window of gc is full.
const WARM: Round = 80;
/// What takes longer was interrupted by something else on the machine.
const INTERRUPTED_NS: u128 = 2_000_000;

/// Nanoseconds by part, of blocks behind the warm-up.
#[derive(Default)]
struct Cost {
    dag: u128,
    decider: u128,
    order: u128,
    blocks: u128,
}

#[expect(clippy::disallowed_types, reason = "it measures, and nothing depends on the result")]
fn timed<T>(total: &mut u128, measured: bool, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = work();
    let took = begin.elapsed().as_nanos();
    if measured && took < INTERRUPTED_NS {
        *total += took;
    }
    done
}

/// Rounds in which everybody names everybody; each round arrives in an order of its own.
fn measure(size: usize) -> Cost {
    let mut drawing = Drawing::new(&vec![1; size]);
    let committee = Arc::clone(&drawing.committee);
    let mut linearizer = Linearizer::new(committee, chain_id(), 0, parameters(), None, &[]);
    let mut random = Random::new(size as u64);
    let mut cost = Cost::default();
    let mut before: Vec<VerifiedBlock> = drawing.blocks.values().cloned().collect();
    for round in 1..=ROUNDS {
        let mut blocks = Vec::with_capacity(size);
        for own in &before {
            let others = before.iter().filter(|other| other.author() != own.author());
            let parents = std::iter::once(own).chain(others).map(VerifiedBlock::reference);
            blocks.push(block(round, own.author(), u64::from(round), parents.collect()));
        }
        before = blocks.clone();
        let measured = round > WARM;
        while !blocks.is_empty() {
            let next = blocks.swap_remove(random.below(blocks.len() as u64) as usize);
            timed(&mut cost.dag, measured, || drawing.dag.insert(next, None, Time(0)));
            cost.blocks += u128::from(measured);
            loop {
                let (decider, dag) = (&mut drawing.decider, &drawing.dag);
                let decided = timed(&mut cost.decider, measured, || decider.next_round(dag));
                let Some(decided) = decided else { break };
                timed(&mut cost.order, measured, || {
                    linearizer.commit(&mut drawing.dag, &decided);
                    let gc_round = decided.round.saturating_sub(parameters().gc_depth);
                    drawing.dag.collect(gc_round);
                    drawing.decider.collect(gc_round);
                    linearizer.collect(gc_round);
                });
            }
        }
    }
    assert!(linearizer.index() > u64::from(ROUNDS) - 5, "every round is committed");
    cost
}

#[test]
#[ignore = "measures"]
fn cost_of_a_block() {
    println!("   n   votes counted   decided   ordered and collected   us a block");
    for size in [4, 10, 50, 100, 200] {
        let cost = measure(size);
        let us = |ns: u128| ns as f64 / cost.blocks as f64 / 1e3;
        println!(
            "{size:>4} {:>15.2} {:>9.2} {:>23.2}",
            us(cost.dag),
            us(cost.decider),
            us(cost.order)
        );
    }
}
