//! A look through a store finds every entry that is missing or another one.

use super::snapshot::ordering_root;
use super::*;
use crate::block::VerifiedBlock;
use crate::certificate::Signatures;
use crate::crypto::Hash;
use crate::execution::CommitInput;
use crate::execution::tests::{World, block, key_of, transfer};
use crate::ordering::{Commit, Probation};

/// Five checkpoints of two transfers each, with their commits and blocks, and a module.
fn world() -> World {
    world_of(5)
}

/// So many checkpoints like that, with all indexes.
pub(super) fn world_of(checkpoints: u64) -> World {
    let mut world = World::new(&[("alice", 10_000_000_000)]);
    let key = key_of("validator 1").public_key();
    Database::open(world.store.clone(), &world.genesis, Some(key)).unwrap();
    world.database.prepare_indexes(&Index::ALL.into(), &mut |_| true).unwrap();
    let mut indexer = Indexer::new(&world.database).unwrap();
    let (mut previous, mut commits) = (world.genesis.chain_id(), Vec::new());
    for index in 1..=checkpoints {
        let signed = [0, 1].map(|number| {
            world.sign("alice", 2 * (index - 1) + number, vec![transfer("bob", index)])
        });
        world.time_ms += world.genesis.parameters.checkpoint_interval_max_ms;
        let block = block(&world.genesis, 0, index as u32, signed.to_vec());
        let mut commit = commit(index, previous, world.time_ms, &block);
        commit.digest = commit.compute_digest();
        previous = commit.digest;
        let gc_depth = world.genesis.parameters.gc_depth;
        let recent = commits.len().saturating_sub(gc_depth as usize); // one a round
        commit.ordering_root = ordering_root(&commits[recent..], &commit, gc_depth);
        commits.push(commit.clone());
        let input = CommitInput {
            index,
            digest: commit.digest,
            round: index as u32,
            timestamp_ms: world.time_ms,
            ordering_root: commit.ordering_root,
            blocks: &[(block.clone(), vec![true, true])],
        };
        let mut finished = world.executor.execute(&input).unwrap().finished.unwrap();
        indexer.add(&mut finished);
        world.executor.written(finished.checkpoint.height);
        let mut batch = finished.batch;
        Database::put_own_block(&mut batch, &block);
        Database::put_commit(&mut batch, index, &commit);
        Database::put_code(&mut batch, &Hash::of_content(&[7; 500]), &[7; 500]);
        world.database.write(batch, Durability::Synced).unwrap();
    }
    world
}

fn commit(index: u64, previous: Hash, timestamp_ms: u64, block: &VerifiedBlock) -> Commit {
    let blocks = vec![block.reference()];
    Commit {
        index,
        round: index as u32,
        timestamp_ms,
        previous,
        digest: Hash::ZERO,
        active: Hash::ZERO,
        slots: blocks.clone(),
        blocks,
        ignored: Vec::new(),
        probation: Probation::default(),
        ordering_root: Hash::ZERO,
    }
}

fn problems(store: &Arc<MemoryStore>) -> Vec<String> {
    match verify(store.clone(), &mut |_| {}) {
        Ok(findings) => findings.problems,
        Err(error) => vec![error.to_string()],
    }
}

fn entries(store: &MemoryStore, family: Family) -> Vec<Entry> {
    let scan = Scan {
        family,
        from: &[],
        to: &[0xff; 64],
        limit: usize::MAX,
        bytes_max: usize::MAX,
        direction: Direction::Ascending,
    };
    store.scan(scan).unwrap()
}

#[test]
fn a_whole_store_has_no_problems_and_is_read_whole() {
    let world = world();
    let mut read = 0;
    let findings = verify(world.store.clone(), &mut |more| read += more).unwrap();
    assert_eq!(findings.problems, Vec::<String>::new());
    assert_eq!(findings.tip.height, 5);
    for family in Family::ALL {
        let there = entries(&world.store, family);
        let bytes: usize = there.iter().map(|(key, value)| key.len() + value.len()).sum();
        let expected = Counted { entries: there.len() as u64, bytes: bytes as u64 };
        assert_eq!(findings.families[&family], expected, "{}", family.name());
    }
    assert_eq!(read, findings.families.values().map(|counted| counted.entries).sum::<u64>());
}

/// Every entry that is gone, or begins or ends with another byte, is told.
#[test]
fn every_entry_that_is_gone_or_changed_is_told() {
    let families = [
        Family::Dag,
        Family::DagAuthor,
        Family::Commits,
        Family::Checkpoints,
        Family::Transactions,
        Family::TransactionIndex,
        Family::Receipts,
        Family::State,
        Family::UndoKeys,
        Family::Tree,
        Family::TreeStale,
        Family::IndexAccounts,
        Family::IndexKeys,
    ];
    let world = world();
    let mut tried = 0;
    for family in families {
        for (key, value) in entries(&world.store, family) {
            let damaged = |change: Option<Vec<u8>>| {
                let store = Arc::new(world.store.image());
                let mut batch = Batch::default();
                match change {
                    None => batch.delete(family, &key),
                    Some(value) => batch.put(family, &key, value),
                }
                store.write(batch, Durability::Synced).unwrap();
                let problems = problems(&store);
                let what = format!("{} {}", family.name(), hex::encode(&key));
                assert!(!problems.is_empty(), "{what}: nothing is told");
            };
            damaged(None);
            if let Some((first, rest)) = value.split_first() {
                damaged(Some([&[first ^ 1], rest].concat()));
            }
            if let Some((last, rest)) = value.split_last() {
                damaged(Some([rest, &[last ^ 1]].concat()));
            }
            tried += 1;
        }
    }
    assert!(tried >= 5 + 5 + 5 + 6 + 10 + 10 + 10 + 3 + 5 + 5 + 5 + 20 + 3, "{tried}");
}

/// A commit that closes no checkpoint says what the next one depends on, and no digest covers that.
#[test]
fn an_ordering_root_that_does_not_follow_from_the_commits_is_told() {
    let world = world_of(150);
    assert!(u64::from(world.genesis.parameters.gc_depth) < 149, "some blocks are below gc");
    for index in [1, 2, 149] {
        let store = Arc::new(world.store.image());
        let mut commit: Commit = world.database.commit(index).unwrap().unwrap();
        commit.ordering_root.0[7] ^= 1;
        let mut batch = Batch::default();
        Database::put_commit(&mut batch, index, &commit);
        store.write(batch, Durability::Synced).unwrap();
        let told = problems(&store).join(" ");
        assert!(told.contains("is not followed by what its ordering root says"), "{index}: {told}");
    }
}

/// An undo that is gone: reads at the heights below it would be wrong, and no root is looked at then.
#[test]
fn an_undo_that_is_gone_is_told() {
    let world = world();
    for (key, _) in entries(&world.store, Family::Undo) {
        let store = Arc::new(world.store.image());
        let mut batch = Batch::default();
        batch.delete(Family::Undo, &key);
        store.write(batch, Durability::Synced).unwrap();
        let problems = problems(&store);
        let told = problems.iter().any(|problem| problem.contains("is missing"));
        assert!(told, "{problems:?}");
    }
}

/// What pruning left is whole, at every step of it.
#[test]
fn a_pruned_store_has_no_problems() {
    let world = world();
    for checkpoints in (1..=5).rev() {
        let retention = Retention { checkpoints, time_ms: 0 };
        while world.database.prune(&retention).unwrap() {}
        assert_eq!(problems(&world.store), Vec::<String>::new());
    }
    assert!(world.database.heights_held().unwrap().0 == 5);
}

/// A certificate is believed later without another look at the checkpoint.
#[test]
fn a_certificate_that_a_quorum_did_not_sign_is_told() {
    let world = world();
    let certify = |height, signatures| {
        let store = Arc::new(world.store.image());
        let mut batch = Batch::default();
        Database::put_signatures(&mut batch, height, &signatures);
        store.write(batch, Durability::Synced).unwrap();
        problems(&store)
    };
    let none = Signatures { signers: vec![0], signatures: Vec::new() };
    let told = certify(3, none.clone()).join(" ");
    assert!(told.contains("certificates 0000000000000003: signed by stake 0"), "{told}");
    let told = certify(9, none).join(" ");
    assert!(told.contains("is of no checkpoint"), "{told}");
}

#[test]
fn entries_that_belong_to_nothing_are_told() {
    let world = world();
    let tip_state = entries(&world.store, Family::State);
    let (state_key, state_value) = &tip_state[0];
    let (undo_key, _) = entries(&world.store, Family::Undo).pop().unwrap();
    let mut above = undo_key.clone();
    above[39] = 99;
    let cases: [(Family, Vec<u8>, Vec<u8>, &str); 6] = [
        (Family::Receipts, vec![0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], vec![1], "entries for"),
        (Family::TransactionIndex, vec![3; 32], vec![0; 12], "entries for"),
        (Family::Notes, vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9], vec![b'x'], "beside no receipt"),
        (Family::Modules, vec![5; 32], vec![1, 2, 3], "not the code of its hash"),
        (Family::State, vec![5; 32], state_value.clone(), "the entry of another key"),
        (Family::Undo, above, vec![0], "above the tip"),
    ];
    for (family, key, value, words) in cases {
        let store = Arc::new(world.store.image());
        store.write(put(family, &key, &value), Durability::Synced).unwrap();
        let problems = problems(&store);
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    }
    // An undo that says what is there now: then nothing changed, or the state is not the newest.
    let changed = entries(&world.store, Family::Undo);
    let newest = changed.iter().rfind(|(key, _)| key.starts_with(state_key));
    if let Some((key, _)) = newest {
        let entry: StateEntry = borsh::from_slice(state_value).unwrap();
        let store = Arc::new(world.store.image());
        let before = [&[1][..], &entry.value].concat();
        store.write(put(Family::Undo, key, &before), Durability::Synced).unwrap();
        let problems = problems(&store);
        let told = problems.iter().any(|problem| problem.contains("before its last change"));
        assert!(told, "{problems:?}");
    }
}

/// The worst that a validator's store can tell: it signed twice.
#[test]
fn two_own_blocks_of_a_round_are_told() {
    let world = world();
    let signed = world.sign("alice", 50, vec![transfer("bob", 1)]);
    let own = world
        .genesis
        .committee
        .iter()
        .position(|member| member.public_key == key_of("validator 1").public_key());
    let other = |transactions| block(&world.genesis, own.unwrap() as u16, 3, transactions);
    let mut batch = Batch::default();
    Database::put_own_block(&mut batch, &other(Vec::new()));
    Database::put_own_block(&mut batch, &other(vec![signed]));
    world.database.write(batch, Durability::Synced).unwrap();
    let problems = problems(&world.store);
    assert!(problems.iter().any(|problem| problem.contains("a second block")), "{problems:?}");
}

#[test]
fn what_is_no_store_is_refused() {
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::new());
    assert!(matches!(verify(empty, &mut |_| {}), Err(OpenError::NoSchema)));
}
