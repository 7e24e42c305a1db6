//! A data directory that does not fit is refused, with what to do about it.

use super::*;
use crate::execution::tests::{block, genesis, key_of};
use crate::genesis::Genesis;
use crate::ordering::SigningHistory;

fn document() -> Genesis {
    genesis(&[("alice", 1_000)])
}

fn refusal(store: &Arc<dyn Store>, genesis: &Genesis) -> OpenError {
    Database::open(store.clone(), genesis, None).unwrap_err()
}

#[test]
fn an_empty_store_begins_with_genesis_and_opens_again() {
    on_each(|store| {
        let first = Database::open(store.clone(), &document(), None).unwrap();
        let tip = first.tip().unwrap();
        assert_eq!((tip.height, tip.commit_index), (0, 0));
        assert_eq!(first.checkpoint(0).unwrap().unwrap().digest(), tip.digest);
        let again = Database::open(store, &document(), None).unwrap();
        assert_eq!(again.tip().unwrap(), tip);
    });
}

#[test]
fn another_chains_directory_is_refused_by_name() {
    on_each(|store| {
        Database::open(store.clone(), &document(), None).unwrap();
        let mut other = document();
        other.name = "elsewhere".to_owned();
        let refusal = refusal(&store, &other);
        assert!(matches!(refusal, OpenError::ForeignChain { .. }));
        let text = refusal.to_string();
        assert!(text.contains("'pollen-dev'") && text.contains("'elsewhere'"), "{text}");
    });
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    on_each(|store| {
        Database::open(store.clone(), &document(), None).unwrap();
        let newer = crate::codec::encode(&(SCHEMA_VERSION + 1));
        store.write(put(Family::Meta, b"schema", &newer), Durability::Synced).unwrap();
        assert!(matches!(refusal(&store, &document()), OpenError::Newer { .. }));
    });
}

/// Story: a directory from before the state tree. Nothing can make its undo and roots fit.
#[test]
fn an_older_schema_is_refused_with_what_to_do() {
    on_each(|store| {
        Database::open(store.clone(), &document(), None).unwrap();
        store
            .write(put(Family::Meta, b"schema", &crate::codec::encode(&2u32)), Durability::Synced)
            .unwrap();
        let told = refusal(&store, &document());
        assert!(matches!(told, OpenError::Older { found: 2, needed: SCHEMA_VERSION }));
        assert!(told.to_string().contains("empty data directory"), "{told}");
        // Whose it is comes first: nothing of another chain's is migrated.
        let mut other = document();
        other.name = "elsewhere".to_owned();
        assert!(matches!(refusal(&store, &other), OpenError::ForeignChain { .. }));
    });
}

#[test]
fn migrations_run_one_after_the_other() {
    fn raise(store: &dyn Store) -> Result<(), OpenError> {
        let found: u32 = borsh::from_slice(&store.get(Family::Meta, b"schema")?.unwrap()).unwrap();
        let mut batch = put(Family::Meta, b"schema", &crate::codec::encode(&(found + 1)));
        batch.put(Family::Notes, found.to_be_bytes(), b"migrated");
        Ok(store.write(batch, Durability::Synced)?)
    }
    on_each(|store| {
        let database = Database::open(store.clone(), &document(), None).unwrap();
        let old = SCHEMA_VERSION - 2;
        let begin = || put(Family::Meta, b"schema", &crate::codec::encode(&old));
        store.write(begin(), Durability::Synced).unwrap();
        database.migrate(old, &[(old + 1, raise), (old, raise)]).unwrap();
        for from in [old, old + 1] {
            assert!(store.get(Family::Notes, &from.to_be_bytes()).unwrap().is_some());
        }
        Database::open(store.clone(), &document(), None).unwrap();
        store.write(begin(), Durability::Synced).unwrap();
        let refusal = database.migrate(old, &[(old, raise)]).unwrap_err();
        assert!(matches!(refusal, OpenError::Older { found, .. } if found == old + 1));
    });
}

/// The record at the root of the tree must hash to the tip's state root.
#[test]
fn a_state_tree_that_does_not_hash_to_the_tip_is_corruption() {
    on_each(|store| {
        Database::open(store.clone(), &document(), None).unwrap();
        let all = Scan {
            family: Family::Tree,
            from: &[],
            to: &[0xff; 42],
            limit: 10,
            bytes_max: 1 << 20,
            direction: Direction::Ascending,
        };
        let records = store.scan(all).unwrap();
        let (key, record) = &records[0];
        let mut flipped = record.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut gone = Batch::default();
        gone.delete(Family::Tree, key);
        for damage in [put(Family::Tree, key, &flipped), put(Family::Tree, key, b"x"), gone] {
            store.write(put(Family::Tree, key, record), Durability::Synced).unwrap();
            store.write(damage, Durability::Synced).unwrap();
            let refusal = refusal(&store, &document());
            assert!(matches!(refusal, OpenError::Store(StoreError::Corrupt { .. })), "{refusal}");
        }
        store.write(put(Family::Tree, key, record), Durability::Synced).unwrap();
        Database::open(store.clone(), &document(), None).unwrap();
    });
}

#[test]
fn data_without_a_schema_is_no_data_directory() {
    on_each(|store| {
        store.write(put(Family::State, b"x", b"y"), Durability::Synced).unwrap();
        assert!(matches!(refusal(&store, &document()), OpenError::NoSchema));
    });
}

/// The checkpoint at the tip must hash to the tip: a flipped byte, a missing record, a tip of another.
#[test]
fn a_tip_that_its_checkpoint_does_not_hash_to_is_corruption() {
    on_each(|store| {
        let database = Database::open(store.clone(), &document(), None).unwrap();
        let checkpoint = database.checkpoint(0).unwrap().unwrap();
        let key = 0u64.to_be_bytes();
        let mut changed = checkpoint.clone();
        changed.timestamp_ms += 1;
        let mut gone = Batch::default();
        gone.delete(Family::Checkpoints, key);
        let flipped = put(Family::Checkpoints, &key, &crate::codec::encode(&changed));
        let mut other_tip = database.tip().unwrap();
        other_tip.commit_index += 1;
        let other_tip = put(Family::Meta, b"tip", &crate::codec::encode(&other_tip));
        let whole = put(Family::Checkpoints, &key, &crate::codec::encode(&checkpoint));
        for damage in [flipped, gone, other_tip] {
            store.write(whole.clone(), Durability::Synced).unwrap();
            store.write(damage, Durability::Synced).unwrap();
            let refusal = refusal(&store, &document());
            assert!(matches!(refusal, OpenError::Store(StoreError::Corrupt { .. })), "{refusal}");
        }
    });
}

/// Story: somebody starts a validator on another's directory; both would sign the same rounds.
#[test]
fn a_directory_belongs_to_one_validator() {
    on_each(|store| {
        let open = |name: &str| {
            Database::open(store.clone(), &document(), Some(key_of(name).public_key()))
        };
        open("validator 1").unwrap();
        assert!(matches!(open("validator 2"), Err(OpenError::OtherValidator { .. })));
        open("validator 1").unwrap();
        Database::open(store.clone(), &document(), None).unwrap();
    });
}

/// An empty directory with a known key may have been a full one: who knows better has to say so.
#[test]
fn a_new_directory_does_not_know_what_was_signed() {
    on_each(|store| {
        let document = document();
        let key = Some(key_of("validator 1").public_key());
        let open = || Database::open(store.clone(), &document, key).unwrap();
        assert_eq!(open().signing_history().unwrap(), SigningHistory::Forgotten);
        for history in [SigningHistory::NeverSigned, SigningHistory::Forgotten] {
            let mut batch = Batch::default();
            Database::put_signing_history(&mut batch, history);
            open().write(batch, Durability::Synced).unwrap();
            assert_eq!(open().signing_history().unwrap(), history);
        }
        let mut batch = Batch::default();
        Database::put_own_block(&mut batch, &block(&document, 1, 7, Vec::new()));
        Database::put_signing_history(&mut batch, SigningHistory::Kept);
        open().write(batch, Durability::Synced).unwrap();
        assert_eq!(open().signing_history().unwrap(), SigningHistory::Kept);
    });
}

/// Own floor below an own block: this store does not remember what was promised.
#[test]
fn an_own_block_above_the_floor_is_refused() {
    on_each(|store| {
        let document = document();
        let key = Some(key_of("validator 1").public_key());
        let database = Database::open(store.clone(), &document, key).unwrap();
        let mut batch = Batch::default();
        Database::put_own_block(&mut batch, &block(&document, 1, 7, Vec::new()));
        database.write(batch, Durability::Synced).unwrap();
        assert_eq!(database.own_floor().unwrap(), 7);
        Database::open(store.clone(), &document, key).unwrap();
        let mut batch = Batch::default();
        Database::put_own_floor(&mut batch, 6);
        database.write(batch, Durability::Synced).unwrap();
        let refusal = Database::open(store.clone(), &document, key).unwrap_err();
        assert!(matches!(refusal, OpenError::OwnFloor { floor: 6, newest: 7 }), "{refusal}");
    });
}
