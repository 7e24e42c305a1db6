//! The permutation, linearisation, the waiting room and attestations, each on its own.

use std::sync::Arc;

use super::decider::{Drawing, block};
use super::network::{chain_id, committee_of, key, parameters};
use crate::checkpoint::Attestation;
use crate::committee::AuthorIndex;
use crate::crypto::Hash;
use crate::ordering::attestations::{Attestations, Verdict, unattested};
use crate::ordering::author_set::AuthorSet;
use crate::ordering::linearize::{Linearizer, weighted_median};
use crate::ordering::{Commit, ExecutedCheckpoint, Recovered, Time, slot_order};

/// 15: consensus data. Whoever changes these vectors forks the chain.
#[test]
fn permutation_vectors_case_15() {
    let order = |stakes: &[u64], round| slot_order(&committee_of(stakes), &Hash([0; 32]), round);
    let rows = [1, 2, 3].map(|round| order(&[1, 1, 1, 1], round));
    let weighted = [1, 2].map(|round| order(&[1 << 58, 1, 5, 1 << 40, 7, 1, 1 << 59], round));
    assert_eq!(rows, [[3, 0, 2, 1], [1, 3, 0, 2], [1, 3, 0, 2]]);
    assert_eq!(weighted, [[6, 0, 3, 4, 5, 2, 1], [6, 0, 3, 2, 4, 1, 5]]);
    assert_eq!(order(&[9], 4), [0]);
}

/// 15: to split one's stake over many members gains no place in front.
#[test]
fn permutation_follows_stake() {
    let committee = committee_of(&[50, 10, 10, 10, 10, 10]);
    let rounds = 20_000;
    let first = (1..=rounds).filter(|round| slot_order(&committee, &chain_id(), *round)[0] == 0);
    let share = first.count();
    assert!((9_700..10_300).contains(&share), "{share} of {rounds}");
    for round in 1..100 {
        let mut order = slot_order(&committee, &chain_id(), round);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    }
}

/// 28
#[test]
fn the_median_follows_the_majority_of_stake_case_28() {
    assert_eq!(weighted_median(vec![]), 0);
    assert_eq!(weighted_median(vec![(7, 1)]), 7);
    assert_eq!(weighted_median(vec![(1, 1), (10, 1), (u64::MAX, 1)]), 10);
    assert_eq!(weighted_median(vec![(0, 3), (10, 4)]), 10);
    assert_eq!(weighted_median(vec![(0, 4), (10, 3)]), 0);
    assert_eq!(weighted_median(vec![(5, 1 << 59), (6, 1 << 59)]), 6);
}

fn commit_all(drawing: &mut Drawing, linearizer: &mut Linearizer, gc_depth: u32) -> Vec<Commit> {
    let mut commits = Vec::new();
    for decided in drawing.decided() {
        let committed = linearizer.commit(&mut drawing.dag, &decided);
        let gc_round = decided.round.saturating_sub(gc_depth);
        drawing.dag.collect(gc_round);
        drawing.decider.collect(gc_round);
        linearizer.collect(gc_round);
        commits.push(committed.commit);
    }
    commits
}

/// 27: a straggler's block comes in as long as it is above the gc round of the commit *before* the one
/// that reaches it; exactly at it, it is out.
#[test]
fn gc_is_that_of_the_previous_commit_case_27() {
    const STRAGGLER: u32 = 5;
    for (link_round, expected) in [(9, true), (10, false)] {
        let mut drawing = Drawing::new(&[1, 1, 1, 1]);
        let committee = committee_of(&[1, 1, 1, 1]);
        let mut linearizer = Linearizer::new(committee, chain_id(), 0, parameters(), None, &[]);
        let mut commits = Vec::new();
        for round in 1..=14 {
            let authors: &[AuthorIndex] =
                if round <= STRAGGLER { &[0, 1, 2, 3] } else { &[0, 1, 2] };
            for author in authors {
                let before: &[AuthorIndex] =
                    if round <= STRAGGLER { &[0, 1, 2, 3] } else { &[0, 1, 2] };
                if round == link_round && *author == 0 {
                    let straggler = drawing.blocks[&(STRAGGLER, 3, 0)].reference();
                    let parent = |a: &AuthorIndex| drawing.blocks[&(round - 1, *a, 0)].reference();
                    let mut parents: Vec<_> = before.iter().map(parent).collect();
                    parents.push(straggler);
                    let linking = block(round, 0, 0, parents);
                    drawing.blocks.insert((round, 0, 0), linking.clone());
                    assert_eq!(drawing.dag.insert(linking, None, Time(0)).len(), 1);
                } else {
                    drawing.add(round, *author, before);
                }
            }
            commits.extend(commit_all(&mut drawing, &mut linearizer, 4));
        }
        let straggler = drawing.blocks[&(STRAGGLER, 3, 0)].reference();
        // It is the slot of its own round that is skipped: nobody voted for it.
        assert!(!commits[4].slots.contains(&straggler));
        let reached = commits.iter().find(|commit| commit.blocks.contains(&straggler));
        assert_eq!(reached.map(|commit| commit.round), expected.then_some(link_round));
    }
}

/// Commits chain, begin at round 1, name every block once and keep time from running back.
#[test]
fn commits_chain() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.full(1..=8);
    let committee = committee_of(&[1, 1, 1, 1]);
    let mut linearizer = Linearizer::new(committee, chain_id(), 77, parameters(), None, &[]);
    let commits = commit_all(&mut drawing, &mut linearizer, 60);
    assert_eq!(commits.len(), 6);
    let mut previous = chain_id();
    for (place, commit) in commits.iter().enumerate() {
        assert_eq!((commit.index, commit.round), (place as u64 + 1, place as u32 + 1));
        assert_eq!((commit.previous, commit.blocks.len()), (previous, 4));
        assert_eq!(commit.timestamp_ms, 77, "all blocks are stamped 0: genesis is later");
        assert!(commit.blocks.iter().all(|block| block.round == commit.round));
        previous = commit.digest;
    }
}

/// 49: a flood of far-future blocks does not turn out those that are nearer, and stays bounded.
#[test]
fn a_far_future_flood_does_not_evict_near_blocks_case_49() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.full(1..=1);
    let parent = |round, author| block(round, author, 9, Vec::new()).reference();
    let near = block(3, 2, 0, vec![parent(2, 2), parent(2, 0), parent(2, 1)]);
    for round in 1_000..2_000 {
        let parents = (0..3).map(|author| parent(round - 1, author)).collect();
        drawing.dag.insert(block(round, 2, 0, parents), None, Time(0));
    }
    let full = drawing.dag.suspended_count();
    assert!(full <= 200);
    drawing.dag.insert(near.clone(), None, Time(0));
    assert!(drawing.dag.knows(&near.reference()));
    for round in 2_000..2_400 {
        let parents = (0..3).map(|author| parent(round - 1, author)).collect();
        drawing.dag.insert(block(round, 2, 0, parents), None, Time(0));
    }
    assert!(drawing.dag.knows(&near.reference()), "nor does one that goes on");
    assert_eq!(drawing.dag.suspended_count(), full);
    assert_eq!(drawing.dag.missing().first_key_value().unwrap().0.round, 2);
    drawing.dag.check();
    // 47: once the gc round has passed, nothing waits for what is below it.
    drawing.dag.collect(5_000);
    assert_eq!((drawing.dag.suspended_count(), drawing.dag.missing().len()), (0, 0));
}

#[test]
fn attestations_certify_and_betray_divergence_case_55() {
    let committee = committee_of(&[1, 1, 1, 1]);
    let digest = |byte| Hash([byte; 32]);
    let say = |author: usize, height, byte| {
        Attestation::sign(&chain_id(), height, digest(byte), &key(author))
    };
    let mut heard = Attestations::new(Arc::clone(&committee), chain_id(), &Recovered::default());
    assert_eq!(heard.heard(0, &say(0, 1, 1)), Verdict::Nothing);
    assert_eq!(heard.heard(1, &say(1, 1, 1)), Verdict::Nothing);
    // A repetition, a bad signature and a height far ahead count for nothing.
    assert_eq!(heard.heard(1, &say(1, 1, 1)), Verdict::Nothing);
    assert_eq!(heard.heard(2, &say(3, 1, 1)), Verdict::Nothing);
    assert_eq!(heard.heard(2, &say(2, 100_000, 1)), Verdict::Nothing);
    assert_eq!(heard.executed(1, digest(1)), Verdict::Nothing);
    assert!(heard.pending());
    let verdict = heard.heard(2, &say(2, 1, 1));
    let Verdict::Certified { height: 1, signatures } = verdict else { panic!("{verdict:?}") };
    assert_eq!(signatures.authors().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(signatures.verify(&chain_id(), &committee, 1, &digest(1)), Ok(()));
    assert_eq!(heard.heard(3, &say(3, 1, 1)), Verdict::Nothing, "it has its certificate");
    assert_eq!((heard.certified(), heard.pending()), (1, false));
    assert_eq!(heard.heard(0, &say(0, 2, 3)), Verdict::Nothing);
    assert_eq!(heard.executed(2, digest(2)), Verdict::Nothing);
    let verdict = heard.heard(3, &say(3, 2, 3));
    let Verdict::Diverged { height: 2, ours, theirs, attestations } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!((ours, theirs, attestations.len()), (digest(2), digest(3), 2));
}

/// Each height has a certificate of its own, also one whose quorum is complete after that of a later one.
#[test]
fn a_lower_height_is_certified_after_a_higher_one() {
    let committee = committee_of(&[1, 1, 1, 1]);
    let digest = |byte| Hash([byte; 32]);
    let say = |author: usize, height: u8| {
        let digest = digest(height);
        Attestation::sign(&chain_id(), u64::from(height), digest, &key(author))
    };
    let mut heard = Attestations::new(Arc::clone(&committee), chain_id(), &Recovered::default());
    for height in 1..=2 {
        heard.executed(u64::from(height), digest(height));
    }
    let mut certified = Vec::new();
    for (author, height) in [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (2, 1), (3, 1), (3, 2)] {
        if let Verdict::Certified { height, .. } = heard.heard(author, &say(author.into(), height))
        {
            certified.push((height, heard.certified()));
        }
    }
    assert_eq!(certified, [(2, 2), (1, 2)]);
}

/// Story: a restart. What is stored is counted against as if it had never stopped, and only what has no
/// certificate is attested again.
#[test]
fn attestations_go_on_from_what_the_store_has() {
    let committee = committee_of(&[1, 1, 1, 1]);
    let digest = |height: u64| Hash([height as u8; 32]);
    let checkpoint = |height| ExecutedCheckpoint {
        height,
        digest: digest(height),
        certified: [7, 8, 10].contains(&height),
    };
    let recovered = Recovered {
        checkpoints: (7..=12).map(checkpoint).collect(),
        certified_height: 10,
        ..Recovered::default()
    };
    let again: Vec<u64> = unattested(&recovered).map(|one| one.height).collect();
    assert_eq!(again, [11, 12]);
    let mut heard = Attestations::new(Arc::clone(&committee), chain_id(), &recovered);
    assert_eq!((heard.certified(), heard.pending()), (10, true));
    let mut certified = Vec::new();
    for height in 7..=12 {
        for author in 0..4 {
            let said =
                Attestation::sign(&chain_id(), height, digest(height), &key(author as usize));
            if let Verdict::Certified { height, .. } = heard.heard(author, &said) {
                certified.push(height);
            }
        }
    }
    assert_eq!(certified, [9, 11, 12]);
    assert_eq!((heard.certified(), heard.pending()), (12, false));
}

#[test]
fn author_sets_count_each_author_once() {
    let committee = committee_of(&[5; 130]);
    let mut set: AuthorSet = [0, 64, 129, 64].into_iter().collect();
    assert_eq!((set.len(), set.stake(&committee)), (3, 15));
    assert!(!set.insert(129) && set.insert(63));
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
    let other: AuthorSet = [63, 64].into_iter().collect();
    assert_eq!(set.and(&other), other);
    assert_eq!(set.without(&other).iter().collect::<Vec<_>>(), [0, 129]);
    assert!(!set.contains(511) && AuthorSet::default().is_empty());
}
