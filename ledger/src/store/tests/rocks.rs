//! RocksDB's own: what stays over a restart, who else has it open, damaged files.

use super::*;
use crate::codec;
use crate::execution::tests::genesis;
use crate::store::database::meta;

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

fn log_of(path: &std::path::Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|end| end == "log")).max().unwrap()
}

/// A directory as a killed process leaves it: 10 synced batches, then 5 that were not.
fn killed() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live");
    let store = RocksStore::open(&live).unwrap();
    for number in 0..15u64 {
        let durability = if number < 10 { Durability::Synced } else { Durability::Buffered };
        store.write(put(Family::State, &number.to_be_bytes(), &[7; 100]), durability).unwrap();
    }
    let killed = directory.path().join("killed");
    std::fs::create_dir(&killed).unwrap();
    for entry in std::fs::read_dir(&live).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), killed.join(entry.file_name())).unwrap();
    }
    (directory, killed)
}

fn held(store: &RocksStore) -> usize {
    (0..15u64)
        .filter(|number| store.get(Family::State, &number.to_be_bytes()).unwrap().is_some())
        .count()
}

/// Point-in-time recovery drops everything behind the first damaged record, without a word: the database
/// would open, and have lost what was acknowledged.
#[test]
fn a_log_damaged_in_what_was_synced_is_refused() {
    for read_only in [false, true] {
        let (_directory, path) = killed();
        let log = log_of(&path);
        let mut bytes = std::fs::read(&log).unwrap();
        let at = bytes.len() / 3;
        bytes[at] ^= 1;
        std::fs::write(&log, bytes).unwrap();
        let open = |path| match read_only {
            true => RocksStore::open_read_only(path),
            false => RocksStore::open(path),
        };
        for _ in 0..2 {
            let refusal = open(&path).unwrap_err();
            assert!(matches!(refusal, OpenError::Store(StoreError::Corrupt { .. })), "{refusal}");
            assert!(refusal.to_string().contains("were synced"), "{refusal}");
        }
    }
}

/// The end that no sync covers may be torn; and it is the one that may be gone.
#[test]
fn a_log_torn_behind_what_was_synced_is_a_prefix() {
    let (_directory, path) = killed();
    let log = log_of(&path);
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::File::options().write(true).open(&log).unwrap().set_len(length - 200).unwrap();
    let store = RocksStore::open(&path).unwrap();
    let held = held(&store);
    assert!((10..15).contains(&held), "{held}");
    // What comes next is counted on from there.
    store.write(put(Family::State, b"next", b"1"), Durability::Synced).unwrap();
    drop(store);
    RocksStore::open(&path).unwrap();
}

#[test]
fn a_database_that_is_only_read_is_not_changed() {
    let (_directory, path) = killed();
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let store = RocksStore::open_read_only(&path).unwrap();
    assert_eq!(held(&store), 15);
    let refusal = store.write(put(Family::State, b"x", b"y"), Durability::Synced);
    assert!(refusal.is_err());
    drop(store);
    assert!(files() == before, "a file was changed");
}

/// All families of a database, as RocksDB lists them, or after a change to them.
fn families_after(path: &std::path::Path, change: fn(&mut rocksdb::DB)) -> Vec<String> {
    let list = || rocksdb::DB::list_cf(&rocksdb::Options::default(), path).unwrap();
    change(&mut rocksdb::DB::open_cf(&rocksdb::Options::default(), path, list()).unwrap());
    list()
}

/// Story: `pollen db stats` looked at a directory of an older program and said "newer", since RocksDB refuses
/// both with the same words, and what is only read gets no new families. And a node that was started on one
/// made the families that it lacked before it refused it, so that the older program, which it said to use,
/// refused it from then on.
#[test]
fn a_database_of_another_schema_is_told_as_such_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = Arc::new(RocksStore::open(&path).unwrap());
    Database::open(store.clone(), &genesis(&[("alice", 5)]), None).unwrap();
    let mut batch = Batch::default();
    batch.put(Family::Meta, meta::SCHEMA, codec::encode(&(SCHEMA_VERSION - 1)));
    store.write(batch, Durability::Synced).unwrap();
    drop(store);
    let refusals = || {
        [RocksStore::open_read_only(&path), RocksStore::open(&path)]
            .map(|opened| opened.unwrap_err())
    };
    let before = families_after(&path, |database| {
        database.drop_cf(Family::UndoKeys.name()).unwrap();
    });
    for refusal in refusals() {
        let older = OpenError::Older { found: SCHEMA_VERSION - 1, needed: SCHEMA_VERSION };
        assert_eq!(refusal.to_string(), older.to_string());
    }
    assert_eq!(families_after(&path, |_| ()), before, "nothing was made of it");
    let before = families_after(&path, |database| {
        database.create_cf("lore", &rocksdb::Options::default()).unwrap();
    });
    for refusal in refusals() {
        assert!(
            matches!(&refusal, OpenError::Newer { what } if what.contains("lore")),
            "{refusal}"
        );
    }
    assert_eq!(families_after(&path, |_| ()), before);
}

/// A family that this program's own schema has and that is gone was taken away with all that was in it: an
/// empty one in its place would hide that.
#[test]
fn a_family_that_is_gone_is_corruption() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = Arc::new(RocksStore::open(&path).unwrap());
    Database::open(store, &genesis(&[("alice", 5)]), None).unwrap();
    families_after(&path, |database| database.drop_cf(Family::Undo.name()).unwrap());
    for opened in [RocksStore::open_read_only(&path), RocksStore::open(&path)] {
        let refusal = opened.unwrap_err().to_string();
        assert!(refusal.contains("family undo is missing"), "{refusal}");
    }
}

/// Families are made one after the other: a kill in between leaves some, without a schema.
#[test]
fn a_database_whose_making_was_interrupted_is_made() {
    for kept in 0..Family::ALL.len() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let names = Family::ALL[..kept].iter().map(|family| family.name());
        drop(rocksdb::DB::open_cf(&options, &path, names).unwrap());
        let store = Arc::new(RocksStore::open(&path).unwrap());
        Database::open(store, &genesis(&[("alice", 5)]), None).unwrap();
    }
}

/// `SYNCED` is written behind each synced write and not synced itself: whatever a crash leaves of it, an older
/// one, none, or a torn one, opens a database that has all it says.
#[test]
fn a_mark_that_a_crash_left_older_or_torn_refuses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let write = |store: &RocksStore, number: u8| {
        store.write(put(Family::State, &[number], &[7; 100]), Durability::Synced).unwrap();
    };
    let mark = path.join("SYNCED");
    let store = RocksStore::open(&path).unwrap();
    write(&store, 1);
    let older = std::fs::read(&mark).unwrap();
    write(&store, 2);
    drop(store);
    let newest = std::fs::read(&mark).unwrap();
    let torn = (0..newest.len()).map(|at| [&newest[..at], &older[at..]].concat());
    let cut = (0..newest.len()).map(|at| newest[..at].to_vec());
    for left in torn.chain(cut).step_by(9) {
        std::fs::write(&mark, &left).unwrap();
        let store = RocksStore::open(&path).unwrap();
        assert!(store.get(Family::State, &[2]).unwrap().is_some());
    }
    std::fs::remove_file(&mark).unwrap();
    RocksStore::open(&path).unwrap();
}

/// A copy holds all that was written before it, and nothing of what comes later.
#[test]
fn a_copy_is_of_one_moment_and_a_database_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = RocksStore::open(&directory.path().join("data")).unwrap();
    let write = |key: &[u8], durability| {
        store.write(put(Family::State, key, &[7; 5_000]), durability).unwrap();
    };
    write(b"before", Durability::Buffered);
    let copy = directory.path().join("copy");
    store.copy_to(&copy).unwrap();
    write(b"after", Durability::Synced);
    let copied = RocksStore::open(&copy).unwrap();
    assert!(copied.get(Family::State, b"before").unwrap().is_some());
    assert_eq!(copied.get(Family::State, b"after").unwrap(), None);
    copied.write(put(Family::State, b"own", b"1"), Durability::Synced).unwrap();
    assert_eq!(store.get(Family::State, b"own").unwrap(), None);
    assert!(store.copy_to(&copy).is_err(), "a folder that is there is left alone");
}

#[test]
fn sizes_are_told_family_by_family() {
    let directory = tempfile::tempdir().unwrap();
    let store = RocksStore::open(directory.path()).unwrap();
    store.write(put(Family::Dag, b"block", &[7; 50_000]), Durability::Synced).unwrap();
    store.compact(Family::Dag).unwrap();
    let sizes = store.sizes().unwrap();
    let names: Vec<_> = sizes.iter().map(|size| size.family.as_str()).collect();
    assert_eq!(names, Family::ALL.map(Family::name));
    let dag = &sizes[1];
    assert_eq!(dag.entries, 1);
    assert!(dag.blob_bytes > 0 && dag.table_bytes > 0, "{dag:?}");
    assert_eq!(dag.levels.iter().sum::<u64>(), 1, "{dag:?}");
}

/// A manifest cut at its last record is whole for RocksDB: it would open without the tables that this record
/// added, while the log still brings the newest changes. Nothing but holes would tell.
#[test]
fn a_manifest_that_ends_early_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = RocksStore::open(&path).unwrap();
    store.write(put(Family::State, b"old", &[7; 5_000]), Durability::Synced).unwrap();
    let manifest = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|file| file.to_string_lossy().contains("MANIFEST"))
        .unwrap();
    let before = std::fs::metadata(&manifest).unwrap().len();
    store.compact(Family::State).unwrap();
    store.write(put(Family::State, b"new", &[7; 100]), Durability::Synced).unwrap();
    drop(store);
    assert!(std::fs::metadata(&manifest).unwrap().len() > before, "the table was added");
    std::fs::File::options().write(true).open(&manifest).unwrap().set_len(before).unwrap();
    for _ in 0..2 {
        let refusal = RocksStore::open(&path).unwrap_err();
        assert!(matches!(refusal, OpenError::Store(StoreError::Corrupt { .. })), "{refusal}");
        assert!(refusal.to_string().contains("list of files"), "{refusal}");
    }
}
