//! The map, its batches, its scans, and what a crash may take.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn keys(store: &dyn Store, scan: Scan<'_>) -> Vec<Vec<u8>> {
    store.scan(scan).unwrap().into_iter().map(|(key, _)| key).collect()
}

const ALL: Scan<'_> = Scan {
    family: Family::Commits,
    from: &[],
    to: &[0xff],
    limit: usize::MAX,
    bytes_max: usize::MAX,
    direction: Direction::Ascending,
};

#[test]
fn the_later_change_of_a_batch_counts_and_families_are_apart() {
    on_each(|store| {
        let mut batch = put(Family::Commits, b"a", b"1");
        batch.put(Family::Commits, b"a", b"2");
        batch.put(Family::Commits, b"b", b"3");
        batch.delete(Family::Commits, b"b");
        batch.put(Family::Checkpoints, b"b", b"");
        assert_eq!(batch.bytes(), 2 + 2 + 2 + 1 + 1);
        store.write(batch, Durability::Synced).unwrap();
        assert_eq!(store.get(Family::Commits, b"a").unwrap().as_deref(), Some(&b"2"[..]));
        assert_eq!(store.get(Family::Commits, b"b").unwrap(), None);
        assert_eq!(store.get(Family::Checkpoints, b"b").unwrap().as_deref(), Some(&b""[..]));
    });
}

#[test]
fn an_appended_batch_comes_behind() {
    let mut batch = put(Family::Commits, b"a", b"1");
    batch.put(Family::Checkpoints, b"c", b"3");
    let mut behind = put(Family::Commits, b"a", b"22");
    behind.delete(Family::Checkpoints, b"c");
    let expected: Vec<_> = batch.operations().chain(behind.operations()).collect();
    let (bytes, expected) = (batch.bytes() + behind.bytes(), format!("{expected:?}"));
    batch.append(&mut behind);
    assert_eq!(format!("{:?}", batch.operations().collect::<Vec<_>>()), expected);
    assert_eq!(batch.bytes(), bytes);
    assert!(behind.is_empty() && behind.bytes() == 0, "what was moved is elsewhere");
}

#[test]
fn scans_are_bounded_and_run_both_ways() {
    on_each(|store| {
        let mut batch = Batch::default();
        for key in 0..10u8 {
            batch.put(Family::Commits, [key], [0; 9]);
        }
        store.write(batch, Durability::Buffered).unwrap();
        let store = &*store;
        let found = |scan| keys(store, scan).concat();
        assert_eq!(found(Scan { from: &[3], to: &[6], ..ALL }), [3, 4, 5]);
        assert_eq!(found(Scan { limit: 2, ..ALL }), [0, 1]);
        assert_eq!(found(Scan { bytes_max: 11, ..ALL }), [0, 1], "the entry that reaches it is in");
        let down = Scan { direction: Direction::Descending, ..ALL };
        assert_eq!(found(Scan { from: &[3], to: &[6], limit: 2, ..down }), [5, 4]);
        assert_eq!(found(Scan { from: &[6], to: &[6], ..ALL }), [0u8; 0]);
        assert_eq!(found(Scan { from: &[7], to: &[6], ..ALL }), [0u8; 0]);
    });
}

/// `undo` has a prefix filter in RocksDB: scans inside one key hash and across many must both see all.
#[test]
fn scans_of_undo_see_everything() {
    on_each(|store| {
        let mut batch = Batch::default();
        for hash in 0..40u8 {
            for height in 0..3u64 {
                let key = [&[hash; 32][..], &height.to_be_bytes()].concat();
                batch.put(Family::Undo, key, [0]);
            }
        }
        store.write(batch, Durability::Synced).unwrap();
        let scan = Scan { family: Family::Undo, ..ALL };
        assert_eq!(keys(&*store, scan).len(), 120);
        for hash in 0..40u8 {
            let from = [&[hash; 32][..], &1u64.to_be_bytes()].concat();
            let to = [&[hash; 32][..], &u64::MAX.to_be_bytes()].concat();
            assert_eq!(keys(&*store, Scan { from: &from, to: &to, ..scan }).len(), 2);
        }
    });
}

/// Story: a full disk. The writer gets the error and nothing of the batch is there.
#[test]
fn a_failed_write_changes_nothing() {
    let store = MemoryStore::new();
    store.write(put(Family::Meta, b"a", b"1"), Durability::Synced).unwrap();
    store.fail_writes();
    let failed = store.write(put(Family::Meta, b"a", b"2"), Durability::Synced);
    assert!(matches!(failed, Err(StoreError::Io(_))));
    assert_eq!(store.get(Family::Meta, b"a").unwrap().unwrap(), b"1");
    store.crash();
    store.write(put(Family::Meta, b"a", b"3"), Durability::Synced).unwrap();
}

#[derive(Debug, Clone)]
enum Do {
    Write { keys: Vec<(u8, Option<u8>)>, synced: bool },
    Crash { kept: usize },
}

fn operation() -> impl Strategy<Value = Do> {
    let change = (0u8..6, prop::option::of(any::<u8>()));
    prop_oneof![
        5 => (prop::collection::vec(change, 0..5), prop::bool::weighted(0.3))
            .prop_map(|(keys, synced)| Do::Write { keys, synced }),
        1 => (0usize..4).prop_map(|kept| Do::Crash { kept }),
    ]
}

proptest! {
    /// After a crash: everything up to the last synced batch, and a prefix of whole batches after it.
    #[test]
    fn a_crash_leaves_a_prefix_of_whole_batches(operations in prop::collection::vec(operation(), 1..40)) {
        let store = MemoryStore::new();
        // All states since the last sync: one more than there are unsynced batches.
        let mut states: Vec<BTreeMap<Vec<u8>, Vec<u8>>> = vec![BTreeMap::new()];
        for operation in operations {
            match operation {
                Do::Write { keys, synced } => {
                    let mut state = states.last().unwrap().clone();
                    let mut batch = Batch::default();
                    for (key, value) in keys {
                        match value {
                            Some(value) => {
                                batch.put(Family::Commits, [key], [value]);
                                state.insert(vec![key], vec![value]);
                            }
                            None => {
                                batch.delete(Family::Commits, [key]);
                                state.remove(&vec![key]);
                            }
                        }
                    }
                    if synced {
                        states.clear();
                        store.write(batch, Durability::Synced).unwrap();
                    } else {
                        store.write(batch, Durability::Buffered).unwrap();
                    }
                    states.push(state);
                }
                Do::Crash { kept } => {
                    store.crash_keeping(kept);
                    states.truncate(kept + 1);
                    states = vec![states.pop().unwrap()];
                }
            }
            let found: BTreeMap<_, _> = store.scan(ALL).unwrap().into_iter().collect();
            prop_assert_eq!(&found, states.last().unwrap());
        }
    }
}
