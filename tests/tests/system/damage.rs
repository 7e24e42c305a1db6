//! Flipped bytes and files cut short, in every kind of file that a node's database has: the node refuses to
//! open it and says what to do, or finds the damage when it reads, or the damage made no difference. Never a
//! wrong answer, never a panic, and never an acknowledged transaction that is quietly gone.
//!
//! `POLLEN_DAMAGE_POINTS=1000 cargo nextest run ... damage::` is the long form; `POLLEN_DAMAGE_SEED` repeats
//! the choices of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pollen_ledger::store::{
    Database, Direction, Family, OpenError, RocksStore, Scan, Store, StoreError, verify,
};
use pollen_ledger::{Hash, Receipt};
use pollen_node::dev::{DevNode, NodeProcess, wait_ready};

use super::harness::{Machine, Random, START_PATIENCE, lay_out_one, number_from, program};
use super::traffic::Traffic;

/// Points in every run of the tests; the long form has 1 000.
const POINTS: u64 = 20;
/// Of these, so many with a whole node started on the damaged files.
const NODES: u64 = 4;

/// What a damaged database turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It was not opened.
    Refused,
    /// It was opened, and what was read of the damage was an error.
    Told,
    /// It was opened, and the end that no sync covered is gone; nothing that was acknowledged is.
    Prefix,
    /// It was opened, and everything is as it was.
    Harmless,
}

/// A node's folder after a crash, with what its database held.
struct Original {
    _folder: tempfile::TempDir,
    _machine: Machine,
    node: DevNode,
    receipts: BTreeMap<Hash, Receipt>,
    content: blake3::Hash,
}

impl Original {
    /// A node that worked, was compacted, worked on and was killed: files of every kind.
    async fn make() -> Self {
        let machine = Machine::alone();
        let (folder, node) = lay_out_one();
        let mut acknowledged = Vec::new();
        for last in [false, true] {
            let mut running = [NodeProcess::start(&program(), &node).unwrap()];
            wait_ready(&mut running, START_PATIENCE, |_| ()).await.unwrap();
            let traffic = Traffic::start(&[&node.endpoint], 48).await;
            traffic.more(1_000).await;
            if !last {
                let asked = super::harness::pollen()
                    .args(["db", "compact", "--config"])
                    .arg(&node.config)
                    .output()
                    .unwrap();
                assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
            }
            let [running] = &mut running;
            acknowledged.extend(traffic.acknowledged().into_keys());
            running.kill().await;
            traffic.stop().await;
        }
        let ledger = node.folder.join("data/ledger");
        // Looked at in a copy: to be opened is to be changed.
        let copy = copy_of(&ledger);
        let store = Arc::new(RocksStore::open(&copy.path().join("ledger")).unwrap());
        let (database, _) = Database::open_as_it_is(store.clone()).unwrap();
        let receipt = |id: Hash| (id, database.receipt_of(&id).unwrap().expect("acknowledged").1);
        let receipts = acknowledged.into_iter().map(receipt).collect();
        let content = content(&*store).unwrap();
        Self { _folder: folder, _machine: machine, node, receipts, content }
    }

    fn ledger(&self) -> PathBuf {
        self.node.folder.join("data/ledger")
    }
}

fn copy_of(ledger: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("ledger");
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(ledger).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    folder
}

/// A hash over every entry of every family.
fn content(store: &dyn Store) -> Result<blake3::Hash, StoreError> {
    let mut hasher = blake3::Hasher::new();
    for family in Family::ALL {
        let mut from = Vec::new();
        loop {
            let page = store.scan(Scan {
                family,
                from: &from,
                to: &[0xff; 64],
                limit: 1000,
                bytes_max: 4 << 20,
                direction: Direction::Ascending,
            })?;
            let Some((last, _)) = page.last() else { break };
            from = [last, &[0][..]].concat();
            for (key, value) in &page {
                for part in [key, value] {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part);
                }
            }
        }
    }
    Ok(hasher.finalize())
}

/// The kind of file that a name says; those that RocksDB only writes are one.
fn kind_of(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((_, ending)) => ending,
        None => match name.split('-').next() {
            Some(kind @ ("MANIFEST" | "CURRENT" | "SYNCED")) => kind,
            _ => "other",
        },
    }
}

/// Damages one file of a database; what was done. Every kind of file is as likely, whatever its size.
fn damage(ledger: &Path, random: &mut Random) -> String {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(ledger).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let empty = fs::metadata(&path).unwrap().len() == 0;
        if !empty && !name.starts_with("LOG") {
            files.entry(kind_of(&name).to_owned()).or_default().push(path);
        }
    }
    for wanted in ["sst", "blob", "log", "MANIFEST", "CURRENT", "SYNCED"] {
        assert!(files.contains_key(wanted), "no file of the kind {wanted} in {files:?}");
    }
    for paths in files.values_mut() {
        paths.sort();
    }
    let kinds: Vec<_> = files.values().collect();
    let paths = kinds[random.below(kinds.len() as u64) as usize];
    let path = &paths[random.below(paths.len() as u64) as usize];
    let mut bytes = fs::read(path).unwrap();
    let at = random.below(bytes.len() as u64) as usize;
    let done = match random.below(4) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            let end = bytes.len().min(at + 1 + random.below(4096) as usize);
            bytes[at..end].fill(0);
            format!("zeros from {at} to {end}")
        }
        _ => {
            bytes[at] ^= 1 << random.below(8);
            format!("a bit flipped at {at}")
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{}: {done}", path.file_name().unwrap().to_string_lossy())
}

/// Opens it as a node does, and asks it for everything.
fn look(ledger: &Path, original: &Original, what: &str) -> End {
    let opened = RocksStore::open(ledger).map(Arc::new).and_then(|store| {
        let (database, _) = Database::open_as_it_is(store.clone())?;
        Ok((store, database))
    });
    let (store, database) = match opened {
        Ok(opened) => opened,
        Err(refusal) => {
            says_what_to_do(&refusal, what);
            return End::Refused;
        }
    };
    let mut told = false;
    for (id, receipt) in &original.receipts {
        match database.receipt_of(id) {
            Ok(Some((_, found))) => assert_eq!(found, *receipt, "{what}: another answer"),
            Ok(None) => panic!("{what}: {id} was acknowledged and is quietly gone"),
            Err(_) => told = true,
        }
    }
    let findings = verify(store.clone(), &mut |_| {});
    let whole = matches!(&findings, Ok(findings) if findings.problems.is_empty());
    match content(&*store) {
        Ok(content) if content == original.content && whole && !told => End::Harmless,
        Ok(content) if content == original.content => End::Told,
        Ok(_) if whole && !told && what.contains(".log: ") => End::Prefix,
        Ok(_) => {
            assert!(!whole, "{what}: the content is another one, and nothing says so");
            End::Told
        }
        Err(_) => {
            assert!(!whole, "{what}: it cannot be read, and verify finds nothing");
            End::Told
        }
    }
}

fn says_what_to_do(refusal: &OpenError, what: &str) {
    let text = refusal.to_string();
    assert!(text.contains("restore a backup"), "{what}: {text}");
}

/// Protects operators of broken disks, and their clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_files_are_refused_or_told_and_never_believed() {
    let points = number_from("POLLEN_DAMAGE_POINTS").unwrap_or(POINTS);
    let mut random = Random::seeded("POLLEN_DAMAGE_SEED");
    let original = Original::make().await;
    let mut ends: BTreeMap<(String, End), u32> = BTreeMap::new();
    for point in 0..points {
        let copy = copy_of(&original.ledger());
        let ledger = copy.path().join("ledger");
        let what = damage(&ledger, &mut random);
        let end = look(&ledger, &original, &what);
        println!("point {point}: {what}: {end:?}");
        let name = what.split(':').next().unwrap_or_default();
        *ends.entry((kind_of(name).to_owned(), end)).or_default() += 1;
    }
    for ((kind, end), count) in ends {
        println!("{kind:<10} {end:?}: {count}");
    }
    for _ in 0..NODES {
        a_node_on_damaged_files(&original, &mut random).await;
    }
    a_log_that_ends_early(&original);
}

/// The log's end, where a crash leaves its marks: what was synced must be there, or the directory is refused;
/// what was not may be gone.
fn a_log_that_ends_early(original: &Original) {
    let copy = copy_of(&original.ledger());
    let log = newest_log(&copy.path().join("ledger"));
    let length = fs::metadata(&log).unwrap().len();
    let mut ends = BTreeMap::new();
    for cut in [1, 7, 100, 5_000, length / 2, length] {
        let copy = copy_of(&original.ledger());
        let ledger = copy.path().join("ledger");
        let log = newest_log(&ledger);
        fs::File::options().write(true).open(&log).unwrap().set_len(length - cut).unwrap();
        let end = look_at_prefix(&ledger, original);
        println!("{cut} bytes less: {end:?}");
        ends.insert(cut, end);
    }
    assert_eq!(ends[&length], End::Refused, "all that was synced is gone");
    assert_eq!(ends[&(length / 2)], End::Refused, "half of what was synced is gone");
}

/// As [`look`], where the end may be missing as long as nothing that was acknowledged is.
fn look_at_prefix(ledger: &Path, original: &Original) -> End {
    match RocksStore::open(ledger) {
        Err(refusal) => {
            says_what_to_do(&refusal, "a log that ends early");
            End::Refused
        }
        Ok(store) => {
            let store = Arc::new(store);
            let (database, _) = Database::open_as_it_is(store.clone()).unwrap();
            for (id, receipt) in &original.receipts {
                let found = database.receipt_of(id).unwrap().expect("acknowledged");
                assert_eq!(found.1, *receipt);
            }
            assert_eq!(verify(store, &mut |_| {}).unwrap().problems, Vec::<String>::new());
            End::Prefix
        }
    }
}

fn newest_log(ledger: &Path) -> PathBuf {
    let files = fs::read_dir(ledger).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    logs.max().expect("a database has a log")
}

/// The same with the program: it runs, or ends with one clear line; never with a panic.
async fn a_node_on_damaged_files(original: &Original, random: &mut Random) {
    let ledger = original.ledger();
    let aside = ledger.with_file_name("ledger.aside");
    fs::rename(&ledger, &aside).unwrap();
    let copy = copy_of(&aside);
    fs::rename(copy.path().join("ledger"), &ledger).unwrap();
    let what = damage(&ledger, random);
    let _ = fs::remove_file(&original.node.log);
    let mut node = [NodeProcess::start(&program(), &original.node).unwrap()];
    let ready = wait_ready(&mut node, START_PATIENCE, |_| ()).await;
    let [node] = &mut node;
    let ended = node.ended();
    node.kill().await;
    let log = fs::read_to_string(&original.node.log).unwrap();
    println!("a node, {what}: {}", ended.as_deref().unwrap_or("runs"));
    match (ready, ended) {
        (Ok(()), _) => {}
        (Err(_), Some(words)) => {
            assert!(words.starts_with("exit status: 1: error: "), "{what}: {words}");
        }
        (Err(error), None) => panic!("{what}: neither ready nor ended: {error}\n{log}"),
    }
    assert!(!log.contains("panicked"), "{what}: {log}");
    fs::remove_dir_all(&ledger).unwrap();
    fs::rename(&aside, &ledger).unwrap();
}
