//! Proofs of the state at every height that is held, out of what real checkpoints wrote.

use super::*;
use crate::execution::tests::{POLLEN, World, id_of, transfer};
use crate::execution::{StateKey, StateRead, fees_key};
use crate::tree::{Change, ProofError, update, value_hash};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "nobody"];

fn world(checkpoints: u64) -> World {
    let mut world = World::new(&[("alice", 90 * POLLEN), ("bob", POLLEN)]);
    for nonce in 0..checkpoints {
        let to = NAMES[1 + nonce as usize % 3];
        // Every fourth checkpoint is idle: it has the root of the one before.
        let transactions = match nonce % 4 {
            3 => Vec::new(),
            _ => vec![world.sign("alice", nonce, vec![transfer(to, POLLEN / 2)])],
        };
        world.commit(transactions);
    }
    world
}

fn keys() -> Vec<StateKey> {
    let mut keys: Vec<_> = NAMES.map(|name| StateKey::account(&id_of(name))).into();
    keys.push(fees_key());
    keys
}

#[test]
fn values_and_their_absence_are_proved_at_every_height() {
    let world = world(20);
    let database = &world.database;
    let (mut there, mut absent) = (0, 0);
    for height in 0..=20 {
        let root = database.checkpoint(height).unwrap().unwrap().state_root;
        assert_eq!(database.state_root(height).unwrap(), root);
        for key in keys() {
            let (value, proof) = database.prove(height, &key).unwrap();
            assert_eq!(value, database.state_at(height).get(&key).unwrap());
            assert_eq!(proof.verify(&root, &key.hash(), value.as_deref()), Ok(()));
            let other = database.checkpoint((height + 1) % 21).unwrap().unwrap().state_root;
            if other != root {
                let refused = proof.verify(&other, &key.hash(), value.as_deref());
                assert!(matches!(refused, Err(ProofError::Root { .. })));
            }
            *if value.is_some() { &mut there } else { &mut absent } += 1;
        }
    }
    assert!(there > 40 && absent > 20, "{there} {absent}");
}

/// The root is that of the entries alone: whoever has only the newest state computes it.
#[test]
fn the_root_recomputes_from_the_latest_entries() {
    let world = world(9);
    let rows = world.store.scan(Scan {
        family: Family::State,
        from: &[],
        to: &[0xff; 33],
        limit: 1_000,
        bytes_max: usize::MAX,
        direction: Direction::Ascending,
    });
    let rows = rows.unwrap();
    let changes: Vec<Change> = rows
        .iter()
        .map(|(hash, bytes)| {
            let entry: StateEntry = borsh::from_slice(bytes).unwrap();
            let key = StateKey { owner: entry.owner, key: entry.key };
            assert_eq!(key.hash().0, hash[..]);
            Change { key: key.hash(), value: Some(value_hash(&entry.value)) }
        })
        .collect();
    assert!(changes.len() > 5);
    struct Nothing;
    impl crate::tree::NodeReader for Nothing {
        fn node(&self, _: &crate::tree::NodeKey) -> Result<crate::tree::Node, StoreError> {
            unreachable!("a new tree reads nothing")
        }
    }
    let rebuilt = update(&Nothing, None, 0, &changes, 1).unwrap();
    assert_eq!(rebuilt.root, world.database.tip().unwrap().state_root);
}

#[test]
fn chunks_of_the_state_are_proved_at_a_height() {
    let world = world(9);
    let root = world.database.checkpoint(9).unwrap().unwrap().state_root;
    let rows = world.store.scan(Scan {
        family: Family::State,
        from: &[],
        to: &[0xff; 33],
        limit: 1_000,
        bytes_max: usize::MAX,
        direction: Direction::Ascending,
    });
    let entries: Vec<_> = rows
        .unwrap()
        .iter()
        .map(|(hash, bytes)| {
            let entry: StateEntry = borsh::from_slice(bytes).unwrap();
            (crate::Hash(hash[..].try_into().unwrap()), value_hash(&entry.value))
        })
        .collect();
    let (first, rest) = entries.split_at(3);
    let last = first[2].0;
    let proof = world.database.prove_range(9, &crate::Hash::ZERO, Some(&last)).unwrap();
    assert_eq!(crate::tree::verify_range(&root, &crate::Hash::ZERO, first, &proof), Ok(false));
    let from = rest[0].0;
    let proof = world.database.prove_range(9, &from, None).unwrap();
    assert_eq!(crate::tree::verify_range(&root, &from, rest, &proof), Ok(true));
}

#[test]
fn heights_beyond_the_tip_are_refused() {
    let world = world(2);
    let refused = world.database.prove(3, &fees_key()).unwrap_err();
    assert!(matches!(refused, StoreError::NotHeld { height: 3, oldest: 0, newest: 2 }));
    assert!(refused.to_string().contains("from 0 to 2"), "{refused}");
}

/// A state that the tree does not vouch for is corruption, and not an answer.
#[test]
fn a_value_that_the_tree_does_not_have_is_corruption() {
    let world = world(3);
    let key = StateKey::account(&id_of("alice"));
    let mut batch = Batch::default();
    batch.delete(Family::State, key.hash().0);
    world.database.write(batch, Durability::Synced).unwrap();
    assert!(matches!(world.database.prove(3, &key), Err(StoreError::Corrupt { .. })));
}
