//! A checkpoint of so many changes as the executor makes it, synced, and what goes by pruning.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pollen_ledger::execution::{StateKey, StateTree, Value};
use pollen_ledger::genesis::Genesis;
use pollen_ledger::store::{Batch, Database, Durability, Retention, RocksStore, StateWrite, Tip};
use pollen_ledger::{AccountId, Checkpoint};

use super::work::{Size, batches, value};

/// Prints updates a second, and bytes on disk.
pub fn run(size: Size) {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let path = directory.path().join("data");
    let genesis = Genesis::from_json(include_str!("../../../genesis.json")).expect("checked");
    let store = Arc::new(RocksStore::open(&path).expect("a new directory"));
    let database = Database::open(store, &genesis, None).expect("an empty store");
    let mut tree = StateTree::new(&database).expect("just begun");
    let first = database.checkpoint(0).expect("it reads").expect("genesis");
    let retention = Retention { checkpoints: 4, time_ms: 0 };
    let (mut writing, mut pruning, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for (height, (measured, numbers)) in (1u64..).zip(batches(size)) {
        let start = Instant::now();
        let mut writes: Vec<_> = numbers
            .iter()
            .map(|at| {
                let key = StateKey::module(AccountId([5; 32]), &at.to_be_bytes());
                let before = (height > 1).then(|| Value::from(value(*at, 0)));
                let after = Some(Value::from(value(*at, height)));
                StateWrite { hash: key.hash(), key, before, after }
            })
            .collect();
        writes.sort_unstable_by_key(|write| write.hash);
        let changes: Vec<_> = writes.iter().map(StateWrite::change).collect();
        let mut batch = Batch::default();
        let update = tree.apply(height, &changes).expect("it reads");
        Database::put_state(&mut batch, height, &writes);
        Database::put_tree(&mut batch, height, update);
        let state_root = update.root;
        let checkpoint = Checkpoint { height, state_root, ..first.clone() };
        let digest = checkpoint.digest();
        Database::put_checkpoint(&mut batch, &checkpoint);
        Database::put_tip(&mut batch, &Tip { height, commit_index: 0, digest, state_root });
        let length = batch.bytes();
        database.write(batch, Durability::Synced).expect("it writes");
        tree.written(height);
        let written = start.elapsed();
        while database.prune(&retention).expect("it prunes") {}
        if measured {
            writing += written;
            pruning += start.elapsed() - written;
            bytes += length;
        }
    }
    let updates = (size.batch * size.rounds) as f64;
    println!(
        "on disk, synced: {:.0} updates/s, {:.0} with pruning, {:.0} bytes of batch an update",
        updates / writing.as_secs_f64(),
        updates / (writing + pruning).as_secs_f64(),
        bytes as f64 / updates
    );
    drop((tree, database));
    let start = Instant::now();
    let store = Arc::new(RocksStore::open(&path).expect("written by us"));
    Database::open(store, &genesis, None).expect("it is whole");
    let opened = start.elapsed();
    let files = std::fs::read_dir(&path).expect("a directory");
    let files = files.map(|file| file.and_then(|file| file.metadata()).map_or(0, |m| m.len()));
    println!(
        "opened in {:.2} s; {} bytes on disk a key",
        opened.as_secs_f64(),
        files.sum::<u64>() / size.keys
    );
}
