//! When checkpoints close, that they chain, and that a restart repeats them.

use super::*;

fn world() -> World {
    World::new(&[("alice", 10 * POLLEN), ("bob", 10 * POLLEN)])
}

#[test]
fn a_checkpoint_closes_by_ledger_time_alone() {
    let mut world = world();
    world.commit(Vec::new());
    // (milliseconds later, something to execute, closes)
    let cases = [
        (5, true, false),
        (14, false, false),
        (1, false, true),
        (20, false, false),
        (979, false, false),
        (1, false, true),
        (19, false, false),
        (0, true, false),
        (1, true, true),
        (1_000, false, true),
    ];
    for (nonce, (after_ms, something, closes)) in (0..).zip(cases) {
        let transactions = match something {
            true => vec![world.sign("alice", nonce, vec![transfer("bob", 1)])],
            false => Vec::new(),
        };
        let report = world.execute_after(after_ms, transactions);
        assert_eq!(report.finished.is_some(), closes, "case {nonce}");
        assert_eq!(report.executed.len(), usize::from(something));
    }
}

#[test]
fn checkpoints_chain_and_name_what_is_in_them() {
    let mut world = world();
    let (genesis_checkpoint, _) = genesis_batch(&world.genesis);
    let mut last = genesis_checkpoint;
    for nonce in 0..3 {
        let signed = world.sign("alice", nonce, vec![transfer("bob", 1)]);
        let committed = world.commit(vec![signed]);
        let checkpoint = committed.checkpoint;
        assert_eq!(checkpoint.height, last.height + 1);
        assert_eq!(checkpoint.previous, last.digest());
        assert_eq!(checkpoint.commit_index, nonce + 1);
        assert_ne!(checkpoint.state_root, last.state_root);
        assert_ne!(checkpoint.receipts_root, last.receipts_root);
        let tip = world.database.tip().unwrap();
        assert_eq!((tip.height, tip.digest), (checkpoint.height, checkpoint.digest()));
        assert_eq!(world.database.checkpoint(tip.height).unwrap(), Some(checkpoint.clone()));
        last = checkpoint;
    }
}

/// Story: the process dies with commits executed whose checkpoint was not written.
#[test]
fn a_restart_executes_unwritten_commits_again_with_the_same_result() {
    let mut world = world();
    world.commit(vec![world.sign("alice", 0, vec![transfer("bob", 1)])]);
    let lost = vec![world.sign("alice", 1, vec![transfer("carol", 2)])];
    let time_ms = world.time_ms;
    let first = world.execute_after(30, lost.clone()).finished.unwrap();
    assert_eq!(world.executor.next_commit(), 3);
    world.restart();
    assert_eq!(world.executor.next_commit(), 2);
    world.time_ms = time_ms;
    let again = world.execute_after(30, lost).finished.unwrap();
    assert_eq!(first.digest, again.digest);
    assert_eq!(first.batch, again.batch);
}

/// Story: the storage writer lags. Later commits must see what earlier checkpoints changed.
#[test]
fn unwritten_checkpoints_are_seen_by_the_next_commits() {
    let mut prompt = world();
    let mut lagging = world();
    let mut batches = Vec::new();
    for nonce in 0..6 {
        let signed = prompt.sign("alice", nonce, vec![transfer("carol", nonce + 1)]);
        let expected = prompt.commit(vec![signed.clone()]).checkpoint;
        let finished = lagging.execute_after(1_000, vec![signed]).finished.unwrap();
        assert_eq!(finished.checkpoint, expected);
        batches.push((finished.checkpoint.height, finished.batch));
        if nonce % 2 == 1 {
            let (height, batch) = batches.remove(0);
            lagging.database.write(batch, Durability::Synced).unwrap();
            lagging.executor.written(height);
        }
    }
    for (height, batch) in batches {
        lagging.database.write(batch, Durability::Synced).unwrap();
        lagging.executor.written(height);
    }
    lagging.restart();
    assert_eq!(lagging.balance("carol"), prompt.balance("carol"));
    assert_eq!(lagging.database.tip().unwrap(), prompt.database.tip().unwrap());
}

/// A torn checkpoint is absent as a whole: no receipt without its balance, no balance without its tip.
#[test]
fn a_crash_loses_whole_checkpoints_only() {
    let mut world = world();
    world.commit(vec![world.sign("alice", 0, vec![transfer("bob", 1)])]);
    let before = world.database.tip().unwrap();
    let signed = world.sign("alice", 1, vec![transfer("bob", 5)]);
    let finished = world.execute_after(1_000, vec![signed.clone()]).finished.unwrap();
    world.database.write(finished.batch, Durability::Buffered).unwrap();
    assert_eq!(world.store.unsynced_batches(), 1);
    world.store.crash();
    world.restart();
    assert_eq!(world.database.tip().unwrap(), before);
    assert_eq!(world.database.location(&world.id(&signed)).unwrap(), None);
    assert_eq!(world.balance("bob"), 10 * POLLEN + 1);
    assert_eq!(world.executor.next_commit(), 2);
}

#[test]
fn commits_come_one_by_one() {
    let mut world = world();
    let result = world.executor.execute(&idle(2, 1));
    assert!(matches!(result, Err(ExecutionError::OutOfOrder { last: 0, found: 2 })));
}
