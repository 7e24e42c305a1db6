//! Figures of docs/benchmarks.md for snapshots: not run with the other tests, since they judge nothing about
//! speed on a machine that others use too.
//!
//!     cargo nextest run --workspace --run-ignored only -E 'test(importing_a_million_keys)' --no-capture

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pollen_ledger::certificate::Signatures;
use pollen_ledger::execution::{StateKey, StateTree};
use pollen_ledger::ordering::{Commit, PastError, Probation, active_digest, inherit};
use pollen_ledger::store::{Batch, Database, Durability, RocksStore, StateWrite, Tip};
use pollen_ledger::{
    AccountId, Attestation, Block, BlockHeader, BlockRef, Checkpoint, Genesis, Hash, KeyPair,
    VerifiedBlock,
};
use pollen_node::dev;

use super::harness::pollen;

const KEYS: u64 = 1_000_000;
/// Bytes of a value: with key and owner an entry of some 260.
const VALUE_BYTES: usize = 200;
/// Entries of a checkpoint.
const BATCH: u64 = 50_000;

/// Export and import of a state of a million keys with the real program: bytes a second, every chunk checked,
/// and the most memory that either had.
#[test]
#[ignore = "measures"]
fn importing_a_million_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (data, new) = (folder.path().join("data"), folder.path().join("new"));
    std::fs::create_dir_all(&data).unwrap();
    let genesis = dev::genesis(4);
    let document = folder.path().join("genesis.json");
    std::fs::write(&document, genesis.to_json()).unwrap();
    let begun = Instant::now();
    fill(&data.join("ledger"), &genesis);
    println!("a state of {KEYS} keys was made in {:.1} s", begun.elapsed().as_secs_f64());
    let file = folder.path().join("snapshot");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    run("create", &["snapshot", "create", "--data", &text(&data)]);
    let height = (KEYS / BATCH + 1).to_string();
    run("export", &["snapshot", "export", &height, &text(&file), "--data", &text(&data)]);
    let bytes = std::fs::metadata(&file).unwrap().len() as f64;
    let words =
        ["snapshot", "import", &text(&file), "--data", &text(&new), "--genesis", &text(&document)];
    let (took, peak_kib) = run("import", &words);
    println!(
        "import: {:.1} MB, {:.1} MB/s from the command to the database in its place, {} MiB at most",
        bytes / 1e6,
        bytes / 1e6 / took.as_secs_f64(),
        peak_kib / 1024
    );
    run("verify", &["db", "verify", "--data", &text(&new)]);
}

/// Runs a command to its end: how long it took, and the most memory that it had, in KiB.
fn run(what: &str, words: &[&str]) -> (Duration, u64) {
    let begun = Instant::now();
    let mut child = pollen().args(words).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak_kib = number.unwrap_or(peak_kib);
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{what}: {:.2} s, {} MiB at most\n{out}", took.as_secs_f64(), peak_kib / 1024);
    assert!(ended.success(), "{what}: {err}");
    (took, peak_kib)
}

/// A certified database with so many keys.
fn fill(path: &Path, genesis: &Genesis) {
    let store = Arc::new(RocksStore::open(path).unwrap());
    let database = Database::open(store, genesis, None).unwrap();
    let mut tree = StateTree::new(&database).unwrap();
    let mut last = database.checkpoint(0).unwrap().unwrap();
    for height in 1..=KEYS / BATCH + 1 {
        let numbers = (height - 1) * BATCH..KEYS.min(height * BATCH);
        let mut writes: Vec<StateWrite> = numbers.map(write).collect();
        writes.sort_unstable_by_key(|write| write.hash);
        let changes: Vec<_> = writes.iter().map(StateWrite::change).collect();
        let mut batch = Batch::default();
        let update = tree.apply(height, &changes).unwrap();
        Database::put_state(&mut batch, height, &writes);
        Database::put_tree(&mut batch, height, update);
        let mut next = Checkpoint {
            height,
            previous: last.digest(),
            state_root: update.root,
            timestamp_ms: last.timestamp_ms + 1_000,
            ..last.clone()
        };
        if height > KEYS / BATCH {
            certify(&mut batch, &mut next, genesis);
        }
        let (digest, state_root) = (next.digest(), next.state_root);
        Database::put_checkpoint(&mut batch, &next);
        let tip = Tip { height, commit_index: next.commit_index, digest, state_root };
        Database::put_tip(&mut batch, &tip);
        database.write(batch, Durability::Synced).unwrap();
        tree.written(height);
        last = next;
    }
}

fn write(number: u64) -> StateWrite {
    let key = StateKey::module(AccountId([5; 32]), &number.to_be_bytes());
    // Half of it does not compress.
    let mut value = vec![0; VALUE_BYTES];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut value[..VALUE_BYTES / 2]);
    StateWrite { hash: key.hash(), key, before: None, after: Some(value.into()) }
}

/// A commit of one block, and the checkpoint's certificate.
fn certify(batch: &mut Batch, checkpoint: &mut Checkpoint, genesis: &Genesis) {
    let committee = genesis.committee().unwrap();
    let keys: BTreeMap<u16, KeyPair> =
        (0..4).map(|author| (author, dev::validator_key(author))).collect();
    let block = block(genesis, &keys[&0], checkpoint.timestamp_ms);
    let name = block.reference();
    Database::put_block(batch, &block);
    let mut commit = Commit {
        index: 1,
        round: 1,
        timestamp_ms: checkpoint.timestamp_ms,
        previous: genesis.chain_id(),
        digest: Hash::ZERO,
        active: active_digest(0, &Probation::default().active(&committee)),
        slots: vec![name],
        blocks: vec![name],
        ignored: Vec::new(),
        probation: Probation::default(),
        ordering_root: Hash::ZERO,
    };
    commit.digest = commit.compute_digest();
    (checkpoint.commit_index, checkpoint.commit_digest) = (1, commit.digest);
    // Who checks the commit says what the root should be.
    let refusal = inherit(vec![commit.clone()], checkpoint, &committee, &genesis.parameters);
    let Err(PastError::Root { found, .. }) = refusal else { panic!("{refusal:?}") };
    (commit.ordering_root, checkpoint.ordering_root) = (found, found);
    Database::put_commit(batch, 1, &commit);
    let digest = checkpoint.digest();
    let said: Vec<_> = keys
        .iter()
        .map(|(author, key)| {
            (*author, Attestation::sign(&checkpoint.chain_id, checkpoint.height, digest, key))
        })
        .collect();
    let said = said.iter().map(|(author, attestation)| (*author, attestation));
    let signatures = Signatures::collect(&committee, said).unwrap();
    Database::put_signatures(batch, checkpoint.height, &signatures);
}

/// A block of round 1 that everybody takes.
fn block(genesis: &Genesis, key: &KeyPair, timestamp_ms: u64) -> VerifiedBlock {
    let chain_id = genesis.chain_id();
    let parents: Vec<BlockRef> =
        (0..4).map(|author| VerifiedBlock::genesis(chain_id, 0, author).reference()).collect();
    let plain = VerifiedBlock::genesis(chain_id, 0, 0);
    let body = plain.block().body.clone();
    let header = BlockHeader { round: 1, timestamp_ms, parents, ..plain.header().clone() };
    let block = Block::sign(header, body, key);
    let committee = genesis.committee().unwrap();
    block.verify(&chain_id, &committee, &genesis.parameters).unwrap()
}
