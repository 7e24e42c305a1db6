//! RocksDB's own: what stays over a restart, who else has it open, damaged files.

use super::*;
use crate::execution::tests::genesis;

#[test]
fn what_was_synced_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let document = genesis(&[("alice", 5)]);
    let store = RocksStore::open(&path).unwrap();
    let tip = Database::open(Arc::new(store), &document, None).unwrap().tip().unwrap();
    let store = RocksStore::open(&path).unwrap();
    let again = Database::open(Arc::new(store), &document, None).unwrap();
    assert_eq!(again.tip().unwrap(), tip);
}

/// Story: a node is started twice on one directory.
#[test]
fn a_directory_in_use_is_refused_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let first = RocksStore::open(directory.path()).unwrap();
    let second = RocksStore::open(directory.path()).unwrap_err();
    assert!(matches!(second, OpenError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("another process"), "{second}");
    drop(first);
    RocksStore::open(directory.path()).unwrap();
}

/// A damaged or missing file is told, never repaired: whichever one it is.
#[test]
fn damaged_files_are_refused_at_opening_or_told_at_reading() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = RocksStore::open(&path).unwrap();
    for number in 0..2_000u64 {
        let batch = put(Family::State, &number.to_be_bytes(), &[7; 100]);
        store.write(batch, Durability::Buffered).unwrap();
    }
    drop(store);
    // The first reopening turns the log into table files.
    drop(RocksStore::open(&path).unwrap());
    let manifest = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|file| file.to_string_lossy().contains("MANIFEST"))
        .unwrap();
    let mut bytes = std::fs::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&manifest, bytes).unwrap();
    let refused = RocksStore::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Store(StoreError::Corrupt { .. })), "{refused}");
    assert!(refused.to_string().contains("restore a backup"), "{refused}");
}
