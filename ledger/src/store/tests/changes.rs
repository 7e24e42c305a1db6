//! What a checkpoint changed, out of undo records: every change once, whatever the pages.

use super::*;
use crate::crypto::Hash;
use crate::execution::StateKey;
use crate::execution::tests::genesis;
use crate::transaction::AccountId;

/// Keys that are written; more than a page holds.
const KEYS: u32 = 600;
/// Heights at which all of them change.
const HEIGHTS: u64 = 40;

fn key(number: u32) -> StateKey {
    StateKey { owner: AccountId([9; 32]), key: number.to_be_bytes().to_vec() }
}

/// Every key has its height as value, but for every seventh, which is removed at even heights.
fn value(number: u32, height: u64) -> Option<Vec<u8>> {
    let removed = number.is_multiple_of(7) && height.is_multiple_of(2);
    (height > 0 && !removed).then(|| height.to_be_bytes().to_vec())
}

fn write_height(database: &Database, height: u64) {
    let mut writes: Vec<_> = (0..KEYS)
        .map(|number| StateWrite {
            hash: key(number).hash(),
            key: key(number),
            before: value(number, height - 1).map(Into::into),
            after: value(number, height).map(Into::into),
        })
        .collect();
    writes.sort_by_key(|write| write.hash);
    let mut batch = Batch::default();
    Database::put_state(&mut batch, height, &writes);
    database.write(batch, Durability::Buffered).unwrap();
}

#[test]
fn every_change_is_told_once_with_the_values_around_it() {
    on_each(|store| {
        let database = Database::open(store, &genesis(&[]), None).unwrap();
        for height in 1..=HEIGHTS {
            write_height(&database, height);
        }
        for height in [1, 2, 17, HEIGHTS] {
            let mut found = std::collections::BTreeMap::new();
            let (mut after, mut last): (Option<Hash>, Option<Hash>) = (None, None);
            loop {
                let page = database.changes_at(height, after.as_ref()).unwrap();
                for change in page.changes {
                    assert!(last < Some(change.key_hash), "ascending, each once");
                    last = Some(change.key_hash);
                    found.insert(change.key_hash, change);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found.len(), KEYS as usize, "height {height}");
            for number in 0..KEYS {
                let change = &found[&key(number).hash()];
                assert_eq!(change.before, value(number, height - 1), "{number} at {height}");
                assert_eq!(change.after, value(number, height), "{number} at {height}");
                let named = change.entry.as_ref().map(|entry| entry.key.clone());
                let now = value(number, HEIGHTS).map(|_| key(number).key);
                assert_eq!(named, now);
            }
        }
        assert_eq!(database.changes_at(HEIGHTS + 1, None).unwrap().changes, []);
    });
}
