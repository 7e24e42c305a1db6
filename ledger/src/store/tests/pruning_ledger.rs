//! Pruning of the ledger's history takes what lies behind the window, all of it, and nothing that anybody
//! may still ask for; what is gone is told as gone.

use super::verify::world_of;
use super::*;
use crate::execution::tests::{World, block};
use crate::wire::CommitsRequest;
use crate::{Committee, Hash};

/// Heights, commits and rounds that the world of these tests has.
const LENGTH: u64 = 300;

fn world() -> (World, Committee) {
    let world = world_of(LENGTH);
    let committee = world.genesis.committee().unwrap();
    let gc_depth = u64::from(world.genesis.parameters.gc_depth);
    assert!(2 * gc_depth < LENGTH / 2, "the test has to reach behind what a restart reads");
    // The state's own window is short, so that it does not hold the ledger's history.
    while world.database.prune(&Retention { checkpoints: 10, time_ms: 0 }).unwrap() {}
    world.database.write(Batch::default(), Durability::Synced).unwrap();
    (world, committee)
}

fn keep(commits: u64) -> LedgerRetention {
    LedgerRetention { time_ms: 0, commits }
}

fn is_whole(world: &World) {
    let findings = verify(world.store.clone(), &mut |_| {}).unwrap();
    assert_eq!(findings.problems, Vec::<String>::new());
}

fn entries(store: &dyn Store, family: Family) -> usize {
    let to = [0xff; 64];
    let (limit, bytes_max) = (usize::MAX, usize::MAX);
    let direction = Direction::Ascending;
    store.scan(Scan { family, from: &[], to: &to, limit, bytes_max, direction }).unwrap().len()
}

fn all_entries(world: &World) -> usize {
    Family::ALL.into_iter().map(|family| entries(&*world.store, family)).sum()
}

#[test]
fn the_window_stays_and_what_lies_behind_it_goes() {
    let (mut world, committee) = world();
    let ids: Vec<Hash> = (1..=LENGTH)
        .flat_map(|height| world.database.receipts(Location { height, index: 0 }, 9).unwrap())
        .map(|(_, receipt)| receipt.transaction)
        .collect();
    let recovered = world.database.recover(Some(0)).unwrap();
    for commits in [LENGTH, 250, 200] {
        let mut steps = 0;
        loop {
            let before = all_entries(&world);
            let more = world.database.prune_ledger_by(&keep(commits), &committee, 70).unwrap();
            assert!(before - all_entries(&world) <= 70 + 4, "a step is bounded");
            if steps % 9 == 0 {
                is_whole(&world);
            }
            steps += 1;
            if !more {
                break;
            }
        }
        assert!(commits == LENGTH || steps > 5, "{steps} steps");
        is_whole(&world);
        let held = world.database.ledger_held().unwrap();
        let first = LENGTH - commits + 1;
        let expected = if commits == LENGTH { 0 } else { first };
        assert_eq!((held.height, held.commit), (expected, first));
        for (at, id) in ids.iter().enumerate() {
            let height = at as u64 / 2 + 1;
            let found = world.database.receipt_of(id).unwrap();
            assert_eq!(found.is_some(), height >= held.height, "height {height}");
            let told = world.database.check_height_held(height);
            assert_eq!(told.is_ok(), height >= held.height, "height {height}");
        }
        let executed = 2 * (LENGTH + 1 - held.height.max(1)) as usize;
        for family in [Family::Transactions, Family::Receipts, Family::TransactionIndex] {
            assert_eq!(entries(&*world.store, family), executed);
        }
        assert_eq!(entries(&*world.store, Family::Commits) as u64, commits);
        // What stays for ever, and what a restart reads.
        assert_eq!(entries(&*world.store, Family::Checkpoints) as u64, LENGTH + 1);
        let again = world.database.recover(Some(0)).unwrap();
        assert_eq!(again.last_commit, recovered.last_commit);
        assert_eq!(again.recent_commits, recovered.recent_commits);
        assert_eq!(again.blocks.len(), recovered.blocks.len());
        world.restart();
    }
    let after = |after| CommitsRequest { after };
    match world.database.commit_range(&after(LENGTH - 250), &committee) {
        Err(StoreError::Gone { what: "commit", asked: 51, oldest: 101 }) => {}
        other => panic!("{other:?}"),
    }
    assert!(world.database.commit_range(&after(100), &committee).is_ok());
}

/// However little is asked to be kept, a restart, a node that lags and the state's window have what they need.
#[test]
fn what_a_restart_and_the_states_window_need_is_never_let_go() {
    let (world, committee) = world();
    let recovered = world.database.recover(Some(0)).unwrap();
    while world.database.prune_ledger(&keep(0), &committee).unwrap() {}
    let held = world.database.ledger_held().unwrap();
    let rounds = 2 * u64::from(world.genesis.parameters.gc_depth);
    assert_eq!(held.height, LENGTH - rounds);
    is_whole(&world);
    let again = world.database.recover(Some(0)).unwrap();
    assert_eq!(again.recent_commits, recovered.recent_commits);
    assert_eq!(again.blocks.len(), recovered.blocks.len());
    // A state window that is longer than the ledger's own.
    let (world, committee) = self::world();
    let (oldest, _) = world.database.heights_held().unwrap();
    assert!(oldest > held.height);
    let wide = world_of(LENGTH);
    while wide.database.prune(&Retention { checkpoints: 280, time_ms: 0 }).unwrap() {}
    while wide.database.prune_ledger(&keep(0), &committee).unwrap() {}
    assert_eq!(wide.database.ledger_held().unwrap().height, LENGTH - 279);
    is_whole(&wide);
    // Time holds it, too: half of all the time that there was.
    let half = LENGTH / 2 * world.genesis.parameters.checkpoint_interval_max_ms;
    let by_time = LedgerRetention { time_ms: half, commits: 0 };
    while world.database.prune_ledger(&by_time, &committee).unwrap() {}
    assert_eq!(world.database.ledger_held().unwrap().height, LENGTH / 2);
    is_whole(&world);
}

/// An archive lets nothing go, and says nothing of it.
#[test]
fn an_archive_keeps_everything() {
    let (world, committee) = world();
    let before = all_entries(&world);
    let everything = LedgerRetention::EVERYTHING;
    assert!(!world.database.prune_ledger(&everything, &committee).unwrap());
    assert_eq!(
        (all_entries(&world), world.database.ledger_held().unwrap()),
        (before, LedgerHeld::default())
    );
}

/// An author that was away comes back to the last that it said, however long ago.
#[test]
fn the_newest_block_of_each_author_stays() {
    let (world, committee) = world();
    let mut batch = Batch::default();
    let rounds = [3, 4, 9];
    let blocks = rounds.map(|round| block(&world.genesis, 2, round, Vec::new()));
    blocks.iter().for_each(|block| Database::put_block(&mut batch, block));
    world.database.write(batch, Durability::Synced).unwrap();
    while world.database.prune_ledger_by(&keep(200), &committee, 70).unwrap() {}
    assert!(world.database.ledger_held().unwrap().round > 9);
    let left = world.database.author_blocks(2, 0, 9).unwrap();
    assert_eq!(left, vec![blocks[2].reference()]);
    assert!(world.database.author_blocks(0, 0, 1).unwrap()[0].round > 9);
    is_whole(&world);
}

/// A power cut between steps loses some of them; the next steps take them again.
#[test]
fn steps_that_a_crash_lost_are_taken_again() {
    for kept in 0..12 {
        let (mut world, committee) = world();
        for _ in 0..10 {
            assert!(world.database.prune_ledger_by(&keep(200), &committee, 70).unwrap());
        }
        world.store.crash_keeping(kept);
        world.restart();
        is_whole(&world);
        while world.database.prune_ledger_by(&keep(200), &committee, 70).unwrap() {}
        is_whole(&world);
        assert_eq!(world.database.ledger_held().unwrap().height, LENGTH - 199);
        assert_eq!(entries(&*world.store, Family::Receipts), 400);
    }
}
