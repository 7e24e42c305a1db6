//! Blocks in the store, and answers to who lacks some.

use super::*;
use crate::block::{Block, BlockRef, VerifiedBlock};
use crate::execution::tests::{block, genesis};
use crate::limits::{HISTORY_BLOCKS_MAX, HISTORY_BYTES_MAX};
use crate::wire::HistoryRequest;

/// Four authors up to round 40, but for author 2, who fell silent after round 5.
fn database(store: Arc<dyn Store>) -> Database {
    let genesis = genesis(&[]);
    let database = Database::open(store, &genesis, None).unwrap();
    let mut batch = Batch::default();
    for round in 1..=40 {
        for author in [0, 1, 2, 3] {
            if author != 2 || round <= 5 {
                Database::put_block(&mut batch, &block(&genesis, author, round, Vec::new()));
            }
        }
    }
    database.write(batch, Durability::Buffered).unwrap();
    database
}

fn ask(database: &Database, targets: &[BlockRef], frontier: &[u32]) -> Vec<BlockRef> {
    let request = HistoryRequest { targets: targets.to_vec(), frontier: frontier.to_vec() };
    let parameters = database.parameters();
    let blocks = database.history(&request, 4).unwrap();
    let read = |bytes: &Vec<u8>| {
        let block = Block::decode(bytes, parameters).unwrap();
        VerifiedBlock::trusted(block, parameters).unwrap().reference()
    };
    blocks.iter().map(read).collect()
}

fn places(blocks: &[BlockRef]) -> Vec<(u32, u16)> {
    blocks.iter().map(|block| (block.round, block.author)).collect()
}

#[test]
fn blocks_come_back_by_name_by_author_and_in_order() {
    on_each(|store| {
        let database = database(store);
        let all = database.blocks(0, None, usize::MAX).unwrap();
        assert_eq!(all.len(), 3 * 40 + 5);
        assert!(all.is_sorted_by_key(VerifiedBlock::reference));
        let some = &all[17];
        let found = database.block(&some.reference()).unwrap().unwrap();
        assert_eq!(found.block(), some.block());
        let rest = database.blocks(0, Some(&some.reference()), 4).unwrap();
        assert_eq!(rest.len(), 4);
        assert_eq!(rest[0].reference(), all[18].reference());
        assert_eq!(database.blocks(39, None, usize::MAX).unwrap().len(), 6);
        let of_2 = database.author_blocks(2, 4, 10).unwrap();
        assert_eq!(places(&of_2), [(4, 2), (5, 2)]);
        assert_eq!(database.newest_block(3).unwrap().unwrap().round, 40);
        assert_eq!(database.newest_block(9).unwrap(), None);
    });
}

#[test]
fn an_answer_holds_what_lies_above_the_frontier_lowest_rounds_first() {
    on_each(|store| {
        let database = database(store);
        let found = ask(&database, &[], &[38, 39, 5, 40]);
        assert_eq!(places(&found), [(39, 0), (40, 0), (40, 1)]);
        let all = ask(&database, &[], &[]);
        assert_eq!(all.len(), 125);
        assert!(all.is_sorted());
        assert!(ask(&database, &[], &[u32::MAX; 4]).is_empty());
    });
}

#[test]
fn targets_bound_the_rounds_and_are_answered_even_below_the_frontier() {
    on_each(|store| {
        let database = database(store);
        let target = database.author_blocks(1, 12, 1).unwrap()[0];
        let found = ask(&database, &[target], &[10, 11, 5, 12]);
        assert_eq!(places(&found), [(11, 0), (12, 0), (12, 1)]);
        let below = ask(&database, &[target], &[40, 40, 40, 40]);
        assert_eq!(below, [target]);
    });
}

/// An answer is bounded; asking on from what came reaches the end.
#[test]
fn a_long_history_comes_in_bounded_answers() {
    on_each(|store| {
        let genesis = genesis(&[]);
        let database = Database::open(store, &genesis, None).unwrap();
        let mut batch = Batch::default();
        for round in 1..=700 {
            for author in [0, 1] {
                Database::put_block(&mut batch, &block(&genesis, author, round, Vec::new()));
            }
        }
        database.write(batch, Durability::Buffered).unwrap();
        let mut frontier = [0u32; 4];
        let mut counts = Vec::new();
        loop {
            let found = ask(&database, &[], &frontier);
            if found.is_empty() {
                break;
            }
            for block in &found {
                assert_eq!(block.round, frontier[usize::from(block.author)] + 1);
                frontier[usize::from(block.author)] = block.round;
            }
            counts.push(found.len());
        }
        assert_eq!(counts, [HISTORY_BLOCKS_MAX, 1_400 - HISTORY_BLOCKS_MAX]);
    });
}

#[test]
fn an_answer_stays_below_its_bytes_but_always_holds_a_block() {
    let store = Arc::new(MemoryStore::new());
    let genesis = genesis(&[]);
    let database = Database::open(store.clone(), &genesis, None).unwrap();
    // The bytes are not decoded on the way out, so they need not be blocks.
    let mut batch = Batch::default();
    for round in 1..=3 {
        let reference = block(&genesis, 0, round, Vec::new()).reference();
        batch.put(Family::Dag, keys::block(&reference), vec![0; HISTORY_BYTES_MAX / 2]);
        batch.put(Family::DagAuthor, keys::author_block(&reference), []);
    }
    database.write(batch, Durability::Buffered).unwrap();
    let request = HistoryRequest { targets: Vec::new(), frontier: Vec::new() };
    assert_eq!(database.history(&request, 1).unwrap().len(), 2);
    let large = block(&genesis, 0, 1, Vec::new()).reference();
    let batch = put(Family::Dag, &keys::block(&large), &vec![0; HISTORY_BYTES_MAX + 1]);
    database.write(batch, Durability::Buffered).unwrap();
    assert_eq!(database.history(&request, 1).unwrap().len(), 1);
}

/// An equivocator with many variants of one round does not keep the others' blocks from being answered.
#[test]
fn many_variants_of_a_round_do_not_stop_an_answer() {
    let store = Arc::new(MemoryStore::new());
    let genesis = genesis(&[]);
    let database = Database::open(store, &genesis, None).unwrap();
    let mut batch = Batch::default();
    for variant in 0..100u8 {
        let mut block = block(&genesis, 0, 3, Vec::new()).block().clone();
        block.header.timestamp_ms = u64::from(variant);
        let block = VerifiedBlock::trusted(block, &genesis.parameters).unwrap();
        Database::put_block(&mut batch, &block);
    }
    for round in 1..=9 {
        Database::put_block(&mut batch, &block(&genesis, 1, round, Vec::new()));
    }
    Database::put_block(&mut batch, &block(&genesis, 0, 4, Vec::new()));
    database.write(batch, Durability::Buffered).unwrap();
    let found = ask(&database, &[], &[]);
    assert_eq!(found.iter().filter(|block| block.author == 1).count(), 9);
    assert!(places(&found).contains(&(4, 0)));
    assert!(found.is_sorted());
}
