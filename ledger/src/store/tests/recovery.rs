//! What a starting node reads back.

use super::*;
use crate::block::{BlockRef, VerifiedBlock};
use crate::execution::tests::{block, genesis};
use crate::ordering::{Commit, Probation};

fn commit(index: u64, round: u32, blocks: Vec<BlockRef>) -> Commit {
    Commit {
        index,
        round,
        timestamp_ms: 1_000 * index,
        previous: crate::Hash::ZERO,
        digest: crate::Hash::of_content(&index.to_le_bytes()),
        active: crate::Hash::ZERO,
        slots: blocks.clone(),
        blocks,
        ignored: Vec::new(),
        probation: Probation::default(),
        ordering_root: crate::Hash::ZERO,
    }
}

/// Four authors for 300 rounds, but for author 2, who fell silent after round 5; a commit every round up to
/// 200.
fn database(store: Arc<dyn Store>) -> Database {
    let genesis = genesis(&[]);
    let database = Database::open(store, &genesis, None).unwrap();
    let mut batch = Batch::default();
    for round in 1..=300 {
        let authors = [0, 1, 2, 3].into_iter().filter(|author| *author != 2 || round <= 5);
        let blocks = authors.map(|author| block(&genesis, author, round, Vec::new()));
        let blocks: Vec<VerifiedBlock> = blocks.collect();
        blocks.iter().for_each(|block| Database::put_block(&mut batch, block));
        if round <= 200 {
            let names = blocks.iter().map(VerifiedBlock::reference).collect();
            let index = u64::from(round);
            Database::put_commit(&mut batch, index, &commit(index, round, names));
        }
    }
    Database::put_own_floor(&mut batch, 5);
    database.write(batch, Durability::Buffered).unwrap();
    database
}

/// More blocks than one page reads: none may be missing, and none at or below the gc round is loaded but
/// our own newest one.
#[test]
fn ordering_goes_on_from_everything_above_the_gc_round() {
    on_each(|store| {
        let database = database(store);
        let gc_depth = database.parameters().gc_depth;
        let gc_round = 200 - gc_depth;
        for own in [None, Some(0), Some(2)] {
            let recovered = database.recover(own).unwrap();
            assert_eq!(recovered.last_commit.unwrap().index, 200);
            assert_eq!(recovered.own_round_floor, if own.is_some() { 5 } else { 0 });
            let indices = recovered.recent_commits.iter().map(|commit| commit.index);
            let oldest = u64::from(gc_round.saturating_sub(gc_depth).max(1));
            assert!(indices.eq(oldest..=200));
            let (above, below): (Vec<_>, Vec<_>) =
                recovered.blocks.iter().partition(|block| block.round() > gc_round);
            assert_eq!(above.len(), 3 * (300 - gc_round as usize));
            let below: Vec<_> = below.iter().map(|block| (block.author(), block.round())).collect();
            assert_eq!(below, if own == Some(2) { vec![(2, 5)] } else { vec![] });
        }
    });
}

#[test]
fn a_new_store_begins_at_the_beginning() {
    on_each(|store| {
        let database = Database::open(store, &genesis(&[]), None).unwrap();
        let recovered = database.recover(Some(1)).unwrap();
        assert!(recovered.last_commit.is_none() && recovered.recent_commits.is_empty());
        assert!(recovered.blocks.is_empty());
        assert_eq!(recovered.own_round_floor, 0);
        assert!(database.commits_with_blocks(1).unwrap().is_empty());
    });
}

/// Execution goes on behind its last checkpoint; a hole in the DAG is corruption and not a shorter commit.
#[test]
fn commits_come_back_with_their_blocks_or_not_at_all() {
    on_each(|store| {
        let database = database(store.clone());
        let commits = database.commits_with_blocks(190).unwrap();
        let places = commits.iter().map(|one| (one.commit.index, one.blocks.len()));
        assert!(places.eq((190..=200).map(|index| (index, 3))));
        assert!(commits.iter().all(|one| {
            one.blocks.iter().map(VerifiedBlock::reference).eq(one.commit.blocks.iter().copied())
        }));
        let mut batch = Batch::default();
        let lost = commits[3].commit.blocks[1];
        batch.delete(Family::Dag, crate::store::keys::block(&lost));
        store.write(batch, Durability::Buffered).unwrap();
        let refusal = database.commits_with_blocks(190).unwrap_err();
        assert!(matches!(refusal, StoreError::Corrupt { .. }), "{refusal}");
    });
}
