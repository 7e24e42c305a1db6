//! Pruning takes what no height in the window needs, all of it, and nothing else.

use super::*;
use crate::execution::tests::{POLLEN, World, id_of, transfer};
use crate::execution::{StateKey, StateRead, Value, fees_key};
use crate::store::prune::Retention;
use crate::tree::Proof;

/// What is known of a height.
type Known = Vec<(StateKey, Option<Value>, Proof)>;

fn keys() -> Vec<StateKey> {
    let names = ["alice", "bob", "carol", "dave"];
    let mut keys: Vec<_> = names.map(|name| StateKey::account(&id_of(name))).into();
    keys.push(fees_key());
    keys
}

fn known(database: &Database, height: u64) -> Result<Known, StoreError> {
    let one = |key: StateKey| {
        let (value, proof) = database.prove(height, &key)?;
        assert_eq!(database.state_at(height).get(&key)?, value);
        Ok((key, value, proof))
    };
    keys().into_iter().map(one).collect()
}

fn grow(world: &mut World, nonces: std::ops::Range<u64>) {
    for nonce in nonces {
        let to = ["bob", "carol", "dave"][nonce as usize % 3];
        let transactions = match nonce % 4 {
            3 => Vec::new(),
            _ => vec![world.sign("alice", nonce, vec![transfer(to, POLLEN / 4)])],
        };
        world.commit(transactions);
    }
}

fn count(store: &dyn Store, family: Family) -> usize {
    let to = [0xff; 64];
    let (limit, bytes_max) = (usize::MAX, usize::MAX);
    let direction = Direction::Ascending;
    store.scan(Scan { family, from: &[], to: &to, limit, bytes_max, direction }).unwrap().len()
}

fn prune_all(database: &Database, retention: &Retention) {
    while database.prune(retention).unwrap() {}
}

#[test]
fn the_window_stays_and_the_rest_goes() {
    let mut world = World::new(&[("alice", 90 * POLLEN)]);
    grow(&mut world, 0..40);
    let before: Vec<_> = (0..=40).map(|height| known(&world.database, height).unwrap()).collect();
    let keep = |checkpoints| Retention { checkpoints, time_ms: 0 };
    for checkpoints in [41, 30, 11, 1] {
        prune_all(&world.database, &keep(checkpoints));
        let oldest = 41 - checkpoints;
        assert_eq!(world.database.heights_held().unwrap(), (oldest, 40));
        for height in 0..=40 {
            match known(&world.database, height) {
                Ok(known) => assert!(height >= oldest && known == before[height as usize]),
                Err(StoreError::NotHeld { .. }) => assert!(height < oldest),
                Err(other) => panic!("height {height}: {other}"),
            }
            let read = world.database.state_at(height).get(&fees_key());
            assert_eq!(read.is_ok(), height >= oldest, "height {height}");
        }
        world.restart();
    }
    // Only the newest state is left: no undo, nothing stale, and a tree that is one version's.
    let left = [Family::Undo, Family::UndoKeys, Family::TreeStale];
    assert_eq!(left.map(|family| count(&*world.store, family)), [0; 3]);
    assert_eq!(count(&*world.store, Family::Tree), records_of(&world));
    grow(&mut world, 40..50);
    assert!(known(&world.database, 40).is_ok());
}

/// Records that a tree of the newest entries alone has.
fn records_of(world: &World) -> usize {
    let fresh = World::new(&[]);
    let (limit, bytes_max) = (usize::MAX, usize::MAX);
    let direction = Direction::Ascending;
    let scan =
        Scan { family: Family::State, from: &[], to: &[0xff; 33], limit, bytes_max, direction };
    let rows = world.store.scan(scan).unwrap();
    let mut tree = crate::execution::StateTree::new(&fresh.database).unwrap();
    let changes: Vec<_> = rows
        .iter()
        .map(|(hash, bytes)| {
            let entry: StateEntry = borsh::from_slice(bytes).unwrap();
            let value = Some(crate::tree::value_hash(&entry.value));
            crate::tree::Change { key: crate::Hash(hash[..].try_into().unwrap()), value }
        })
        .collect();
    tree.apply(1, &changes).unwrap().writes().count()
}

/// Both bounds hold: so many checkpoints, and so much ledger time.
#[test]
fn the_window_is_the_larger_of_checkpoints_and_time() {
    let mut world = World::new(&[("alice", 90 * POLLEN)]);
    grow(&mut world, 0..30);
    let interval_ms = world.genesis.parameters.checkpoint_interval_max_ms;
    for (checkpoints, intervals, oldest) in
        [(1_000, 0, 0), (0, 1_000, 0), (25, 10, 6), (10, 20, 10), (10, 19, 11), (10, 0, 21)]
    {
        let retention = Retention { checkpoints, time_ms: intervals * interval_ms };
        prune_all(&world.database, &retention);
        assert_eq!(world.database.heights_held().unwrap().0, oldest, "{retention:?}");
    }
    prune_all(&world.database, &Retention::EVERYTHING);
    assert_eq!(world.database.heights_held().unwrap().0, 21, "what is gone is gone");
}

/// Story: the process dies between steps; what a step deleted comes back, or the step is whole.
#[test]
fn a_crash_between_steps_is_taken_up_again() {
    let mut world = World::new(&[("alice", 90 * POLLEN)]);
    grow(&mut world, 0..20);
    let retention = Retention { checkpoints: 5, time_ms: 0 };
    world.database.prune(&retention).unwrap();
    assert_eq!(world.database.heights_held().unwrap().0, 16);
    world.store.crash();
    world.restart();
    assert_eq!(world.database.heights_held().unwrap().0, 0);
    assert!(known(&world.database, 0).is_ok());
    prune_all(&world.database, &retention);
    grow(&mut world, 20..21);
    world.restart();
    prune_all(&world.database, &retention);
    assert_eq!(world.database.heights_held().unwrap(), (17, 21));
    assert!((17..=21).all(|height| known(&world.database, height).is_ok()));
}

/// A checkpoint with more changes than one step deletes goes in several, each bounded.
#[test]
fn steps_are_bounded() {
    on_each(|store| {
        let genesis = crate::execution::tests::genesis(&[]);
        let database = Database::open(store.clone(), &genesis, None).unwrap();
        let first = database.checkpoint(0).unwrap().unwrap();
        let mut tree = crate::execution::StateTree::new(&database).unwrap();
        for height in 1..=4u64 {
            let mut writes: Vec<_> = (0..8_000u32)
                .map(|number| {
                    let key = StateKey::module(id_of("alice"), &number.to_be_bytes());
                    let after = Some(Value::from(&height.to_be_bytes()[..]));
                    StateWrite { hash: key.hash(), key, before: None, after }
                })
                .collect();
            writes.sort_unstable_by_key(|write| write.hash);
            let changes: Vec<_> = writes.iter().map(StateWrite::change).collect();
            let mut batch = Batch::default();
            Database::put_state(&mut batch, height, &writes);
            let update = tree.apply(height, &changes).unwrap();
            Database::put_tree(&mut batch, height, update);
            let checkpoint = crate::Checkpoint {
                height,
                timestamp_ms: first.timestamp_ms + height,
                state_root: update.root,
                ..first.clone()
            };
            Database::put_checkpoint(&mut batch, &checkpoint);
            let tip = Tip {
                height,
                commit_index: 0,
                digest: checkpoint.digest(),
                state_root: update.root,
            };
            Database::put_tip(&mut batch, &tip);
            database.write(batch, Durability::Synced).unwrap();
            tree.written(height);
        }
        let families = [Family::Undo, Family::UndoKeys, Family::Tree, Family::TreeStale];
        let rows = || families.map(|family| count(&*store, family));
        let mut before = rows();
        let retention = Retention { checkpoints: 1, time_ms: 0 };
        let mut steps = 0;
        loop {
            let more = database.prune(&retention).unwrap();
            let after = rows();
            let deleted: usize = before.iter().zip(after).map(|(b, a)| b - a).sum();
            assert!(deleted <= 10_000, "{deleted}");
            assert!(database.prove(4, &StateKey::module(id_of("alice"), &[0; 4])).is_ok());
            before = after;
            steps += 1;
            if !more {
                break;
            }
        }
        assert!(steps >= 4, "{steps}");
        assert_eq!([before[0], before[1], before[3]], [0; 3]);
        Database::open(store.clone(), &genesis, None).unwrap();
    });
}
