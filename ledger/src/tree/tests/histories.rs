//! The root depends on the entries only.

use proptest::prelude::*;

use super::*;

fn value(number: u8) -> Hash {
    Hash([number; 32])
}

#[test]
fn small_trees_have_the_roots_that_the_rule_gives() {
    let mut forest = Forest::default();
    forest.apply(&[]);
    assert_eq!(forest.root, Hash::ZERO, "nothing");
    let key = key_hash(&[1; 32], b"a");
    forest.apply(&[(key, Some(value(1)))]);
    assert_eq!(forest.root, leaf_hash(&key, &value(1)), "one leaf is the tree");
    let mut far = key;
    far.0[0] ^= 0x80;
    forest.apply(&[(far, Some(value(2)))]);
    let (low, high) = if far < key { (far, key) } else { (key, far) };
    let of = |key: Hash| leaf_hash(&key, &value(if key == far { 2 } else { 1 }));
    assert_eq!(forest.root, inner_hash(&of(low), &of(high)));
    forest.apply(&[(key, None), (far, None)]);
    assert_eq!(forest.root, Hash::ZERO, "nothing again");
    assert_eq!(forest.root_version(), 3, "an empty tree has a record too: heights find it");
}

/// Two keys that differ in their last bit: 256 levels, 64 records.
#[test]
fn keys_may_share_255_bits() {
    let mut entries = Entries::from([(Hash([0xaa; 32]), value(1))]);
    let mut near = Hash([0xaa; 32]);
    near.0[31] ^= 1;
    entries.insert(near, value(2));
    let mut forest = Forest::of(&entries);
    assert_eq!(forest.root, root_of(&entries));
    assert_eq!(forest.records.len(), 64);
    let (_, proof) = forest.prove(&near);
    assert_eq!(proof.siblings.len(), 256);
    let proof = Proof::decode(&proof.encode()).unwrap();
    assert_eq!(proof.verify_hash(&forest.root, &near, Some(&value(2))), Ok(()));
    forest.apply(&[(near, None)]);
    assert_eq!(forest.root, leaf_hash(&Hash([0xaa; 32]), &value(1)));
    forest.prune(1);
    assert_eq!(forest.records.len(), 1, "the 64 records are stale");
}

#[test]
fn changes_that_are_none_write_nothing() {
    let entries = Random(3).entries(300);
    let mut forest = Forest::of(&entries);
    let records = forest.records.len();
    let mut same: Vec<_> = entries.iter().map(|(key, value)| (*key, Some(*value))).collect();
    same.push((Hash([3; 32]), None));
    forest.apply(&same);
    assert_eq!((forest.records.len(), forest.root_version()), (records, 0));
    assert!(forest.stale.is_empty());
}

/// Runs random batches and compares with a map after each; prunes as it goes.
fn random_operations(seed: u64, operations: usize, batch: u64, threads: usize) {
    let mut random = Random(seed);
    let mut forest = Forest { threads, ..Forest::default() };
    let mut entries = Entries::new();
    let mut done = 0;
    while done < operations {
        let count = 1 + random.below(batch);
        let changes: BTreeMap<Hash, Option<Hash>> = (0..count)
            .map(|_| (random.key(), (random.below(5) > 1).then(|| random.hash())))
            .collect();
        for (key, value) in &changes {
            match value {
                Some(value) => entries.insert(*key, *value),
                None => entries.remove(key),
            };
        }
        forest.apply(&changes.into_iter().collect::<Vec<_>>());
        done += count as usize;
        // The naive root costs as much as building the tree anew.
        if operations < 100_000 || random.below(64) == 0 || done >= operations {
            assert_eq!(forest.root, root_of(&entries), "seed {seed}, after {done}");
        }
        let key = random.key();
        let (found, proof) = forest.prove(&key);
        assert_eq!(found, entries.get(&key).copied(), "seed {seed}, after {done}");
        let proof = Proof::decode(&proof.encode()).unwrap();
        assert_eq!(proof.verify_hash(&forest.root, &key, found.as_ref()), Ok(()), "seed {seed}");
        forest.prune(forest.version.saturating_sub(3));
    }
    // All that is left is the tree itself: what is stale is stale once, and nothing is forgotten.
    forest.prune(u64::MAX);
    assert_eq!(reachable(&forest, NodeKey::root(forest.root_version())), forest.records.len());
}

fn reachable(forest: &Forest, key: NodeKey) -> usize {
    let node = forest.node(&key).unwrap();
    let below = node.children.iter().enumerate().map(|(at, child)| match child {
        crate::tree::node::Child::Inner { version, .. } => {
            reachable(forest, NodeKey { version: *version, path: key.path.child(at) })
        }
        _ => 0,
    });
    1 + below.sum::<usize>()
}

#[test]
fn random_operations_agree_with_a_map() {
    for seed in 0..8 {
        // Small batches are compared more often, each time with the whole tree made anew.
        random_operations(seed, 250 << seed.min(4), 1 << (1 + seed), 1);
    }
}

#[test]
#[ignore = "takes a minute: run with --run-ignored all"]
fn a_million_random_operations_agree_with_a_map() {
    random_operations(99, 1_000_000, 2_000, 2);
}

#[test]
fn a_hundred_histories_lead_to_one_root() {
    let mut random = Random(17);
    let entries = random.entries(400);
    let expected = root_of(&entries);
    for history in 0..100 {
        let mut forest = Forest::default();
        // What must be there at the end, in random order and pieces, with things that come and go.
        let mut left: Vec<_> = entries.iter().map(|(key, value)| (*key, Some(*value))).collect();
        let mut passing: Vec<Hash> = Vec::new();
        while !left.is_empty() || !passing.is_empty() {
            let mut batch: Vec<_> = passing.drain(..).map(|key| (key, None)).collect();
            for _ in 0..random.below(60) {
                if !left.is_empty() {
                    let at = random.below(left.len() as u64) as usize;
                    batch.push(left.swap_remove(at));
                }
            }
            for _ in 0..random.below(20) {
                let key = random.hash();
                if !left.is_empty() && !entries.contains_key(&key) {
                    batch.push((key, Some(random.hash())));
                    passing.push(key);
                }
            }
            forest.apply(&batch);
        }
        assert_eq!(forest.root, expected, "history {history}");
    }
}

/// With any number of threads the same records come out, to the byte.
#[test]
fn threads_change_nothing() {
    let mut random = Random(5);
    let mut forests: Vec<Forest> =
        [1, 2, 3, 7, 64].map(|threads| Forest { threads, ..Forest::default() }).into();
    for round in 0..4 {
        let mut changes: Vec<_> = (0..6_000)
            .map(|_| (random.key(), (random.below(4) > 0).then(|| random.hash())))
            .collect();
        if round == 2 {
            // All in one sixteenth: most threads have nothing to do.
            changes.iter_mut().for_each(|(key, _)| key.0[0] &= 0x0f);
        }
        forests.iter_mut().for_each(|forest| forest.apply(&changes));
        for other in &forests[1..] {
            assert_eq!(other.root, forests[0].root, "{} threads", other.threads);
            assert!(other.records == forests[0].records && other.stale == forests[0].stale);
        }
    }
}

/// The records near the root come from memory, the same as from the store.
#[test]
fn kept_top_levels_are_the_newest_records() {
    let mut random = Random(23);
    let mut forest = Forest::default();
    let mut top = TopLevels::default();
    for version in 0..20 {
        let changes: BTreeMap<Hash, Option<Hash>> = (0..200)
            .map(|_| (random.key(), (random.below(3) > 0).then(|| random.hash())))
            .collect();
        let changes: Vec<_> =
            changes.into_iter().map(|(key, value)| Change { key, value }).collect();
        let mut update = update(&forest, forest.root_version, version, &changes, 1).unwrap();
        for (key, bytes) in update.writes() {
            forest.records.insert(key.encode(), bytes.to_vec());
        }
        forest.root_version = Some(update.root_version);
        top.keep(&mut update);
        let mut kept = 0;
        for key in forest.records.keys().map(|bytes| NodeKey::decode(bytes).unwrap()) {
            if let Some(node) = top.get(&key) {
                assert_eq!(*node, forest.node(&key).unwrap());
                kept += 1;
            }
        }
        assert!(kept > 0 && top.get(&NodeKey::root(version)).is_some());
    }
}

/// An import: the entries come in pieces, all at one version.
#[test]
fn pieces_at_one_version_make_the_same_tree() {
    let entries = Random(31).entries(1_000);
    let whole = Forest::of(&entries);
    let all: Vec<_> =
        entries.iter().map(|(key, value)| Change { key: *key, value: Some(*value) }).collect();
    let mut forest = Forest::default();
    for piece in all.chunks(77) {
        let update = update(&forest, forest.root_version, 0, piece, 1).unwrap();
        assert!(update.stale.is_empty());
        for (key, bytes) in update.writes() {
            forest.records.insert(key.encode(), bytes.to_vec());
        }
        (forest.root_version, forest.root) = (Some(0), update.root);
    }
    assert_eq!(forest.root, whole.root);
    assert!(forest.records == whole.records);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Few keys, close to each other: collapses and splits at every depth.
    #[test]
    fn close_keys_agree_with_a_map(
        batches in prop::collection::vec(
            prop::collection::vec((0u8..6, 0usize..4, prop::option::of(0u8..3)), 0..12),
            1..12,
        ),
    ) {
        let mut forest = Forest::default();
        let mut entries = Entries::new();
        for batch in batches {
            let changes: BTreeMap<Hash, Option<Hash>> = batch
                .into_iter()
                .map(|(low, at, new)| {
                    let mut key = Hash::ZERO;
                    key.0[[0, 1, 15, 31][at]] = low;
                    (key, new.map(value))
                })
                .collect();
            for (key, value) in &changes {
                match value {
                    Some(value) => entries.insert(*key, *value),
                    None => entries.remove(key),
                };
            }
            forest.apply(&changes.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(forest.root, root_of(&entries));
            forest.prune(forest.version);
        }
        let root = NodeKey::root(forest.root_version());
        prop_assert_eq!(reachable(&forest, root), forest.records.len());
    }
}
