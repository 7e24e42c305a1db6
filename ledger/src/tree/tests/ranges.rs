//! Proofs of ranges: nothing can be left out, added or changed.

use super::*;
use crate::tree::range::RangeEntry;

fn all(entries: &Entries) -> Vec<RangeEntry> {
    entries.iter().map(|(key, value)| (*key, *value)).collect()
}

/// The key hash behind another.
fn next(key: &Hash) -> Hash {
    let mut next = *key;
    for byte in next.0.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    next
}

/// Chunks of some entries each, as a snapshot has them: every one proved and verified.
#[test]
fn a_tree_comes_over_in_verified_chunks() {
    for (seed, count, size) in [(1, 1, 1), (2, 2, 1), (3, 50, 7), (4, 500, 64), (5, 500, 1_000)] {
        let entries = Random(seed).entries(count);
        let forest = Forest::of(&entries);
        let mut from = Hash::ZERO;
        let mut got = Vec::new();
        loop {
            let left: Vec<RangeEntry> =
                entries.range(from..).map(|(key, value)| (*key, *value)).collect();
            let chunk = &left[..left.len().min(size)];
            let last = chunk.last().filter(|_| chunk.len() < left.len()).map(|entry| entry.0);
            let proof = prove_range(&forest, forest.root_version(), &from, last.as_ref()).unwrap();
            let end = verify_range(&forest.root, &from, chunk, &proof).unwrap();
            assert_eq!(end, last.is_none());
            got.extend_from_slice(chunk);
            match last {
                Some(last) => from = next(&last),
                None => break,
            }
        }
        assert_eq!(got, all(&entries), "seed {seed}");
    }
}

#[test]
fn the_whole_tree_needs_no_proof_but_its_end() {
    let entries = Random(9).entries(100);
    let forest = Forest::of(&entries);
    let proof = prove_range(&forest, 0, &Hash::ZERO, None).unwrap();
    assert_eq!(proof, [1]);
    assert_eq!(verify_range(&forest.root, &Hash::ZERO, &all(&entries), &proof), Ok(true));
    let empty = Forest::of(&Entries::new());
    assert_eq!(verify_range(&empty.root, &Hash::ZERO, &[], &[1]), Ok(true));
    assert!(verify_range(&forest.root, &Hash::ZERO, &[], &[1]).is_err());
}

/// Where a range begins, its entries, its proof.
type Range = (Hash, Vec<RangeEntry>, Vec<u8>);

/// Ranges of one forest, some from keys that are not there, some behind the last.
fn ranges() -> (Forest, Vec<Range>) {
    let mut random = Random(77);
    let entries = random.entries(120);
    let forest = Forest::of(&entries);
    let mut ranges = Vec::new();
    for case in 0..40 {
        let from = if case % 2 == 0 { random.key() } else { random.hash() };
        let mut chunk: Vec<RangeEntry> =
            entries.range(from..).map(|(key, value)| (*key, *value)).collect();
        let size = random.below(20) as usize + 1;
        let last = (chunk.len() > size).then(|| chunk[size - 1].0);
        chunk.truncate(size);
        let proof = prove_range(&forest, 0, &from, last.as_ref()).unwrap();
        assert_eq!(verify_range(&forest.root, &from, &chunk, &proof), Ok(last.is_none()));
        assert!(proof.len() <= RANGE_PROOF_BYTES_MAX);
        ranges.push((from, chunk, proof));
    }
    (forest, ranges)
}

#[test]
fn a_missing_added_or_changed_entry_is_refused() {
    let (forest, ranges) = ranges();
    let mut random = Random(78);
    for (from, chunk, proof) in ranges {
        let refused = |chunk: &[RangeEntry], what: &str| {
            assert!(verify_range(&forest.root, &from, chunk, &proof).is_err(), "{what} at {from}");
        };
        for at in 0..chunk.len() {
            let mut missing = chunk.clone();
            missing.remove(at);
            refused(&missing, "missing");
            let mut changed = chunk.clone();
            changed[at].1.0[at % 32] ^= 1;
            refused(&changed, "value");
            let mut moved = chunk.clone();
            moved[at].0 = next(&moved[at].0);
            refused(&moved, "key");
            let mut twice = chunk.clone();
            twice.insert(at, twice[at]);
            refused(&twice, "twice");
        }
        for _ in 0..10 {
            let mut added = chunk.clone();
            added.push((random.hash(), random.hash()));
            added.sort_unstable();
            refused(&added, "added");
        }
        let mut swapped = chunk.clone();
        swapped.reverse();
        if swapped.len() > 1 {
            refused(&swapped, "order");
        }
    }
}

/// Bits, bytes left out and added: refused, whatever they say about what comes behind.
#[test]
fn a_changed_range_proof_is_refused() {
    let (forest, ranges) = ranges();
    for (from, chunk, proof) in &ranges[..12] {
        for at in 0..proof.len() * 8 {
            let mut changed = proof.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let result = verify_range(&forest.root, from, chunk, &changed);
            assert!(result.is_err(), "bit {at} of {}", hex::encode(proof));
        }
        for end in 0..proof.len() {
            assert!(verify_range(&forest.root, from, chunk, &proof[..end]).is_err());
        }
        let mut longer = proof.clone();
        longer.push(0);
        assert_eq!(verify_range(&forest.root, from, chunk, &longer), Err(RangeError::Malformed));
    }
}

/// Story: a peer sends the entries before the range again, or those of the range behind it.
#[test]
fn a_chunk_is_for_its_place() {
    let (forest, ranges) = ranges();
    for (from, chunk, proof) in &ranges {
        for (other, _, _) in &ranges {
            // From another place the same entries are all only where nothing lies in between.
            let between = |key: &Hash| (from..other).contains(&key) || (other..from).contains(&key);
            if let Ok(end) = verify_range(&forest.root, other, chunk, proof) {
                assert!(!chunk.iter().any(|(key, _)| between(key)));
                assert_eq!(end, proof[0] == 1);
            }
        }
    }
}

/// The sixteen parts of the keys, each walked on its own: a proof says where a part ends, and no entry of
/// the next part can be taken for one of it.
#[test]
fn a_range_ends_where_it_is_bound_to() {
    for (seed, count) in [(11, 0), (12, 1), (13, 3), (14, 40), (15, 600)] {
        let entries = Random(seed).entries(count);
        let forest = Forest::of(&entries);
        for part in 0..16u8 {
            let (mut from, mut bound) = (Hash::ZERO, Hash([0xff; 32]));
            (from.0[0], bound.0[0]) = (part << 4, part << 4 | 0xf);
            let inside: Vec<RangeEntry> =
                entries.range(from..=bound).map(|(key, value)| (*key, *value)).collect();
            let proof = prove_range_within(&forest, 0, &from, &bound, None).unwrap();
            let verify = |entries: &[RangeEntry], bound: &Hash| {
                verify_range_within(&forest.root, &from, bound, entries, &proof)
            };
            assert_eq!(verify(&inside, &bound), Ok(true), "seed {seed}, part {part:x}");
            assert!(proof.len() <= RANGE_PROOF_BYTES_MAX);
            for at in 0..inside.len() {
                let without = [&inside[..at], &inside[at + 1..]].concat();
                assert!(verify(&without, &bound).is_err(), "seed {seed}, part {part:x}");
            }
            let beyond = entries.range(bound..).find(|(key, _)| **key != bound);
            if let Some((key, value)) = beyond {
                let more = [&inside[..], &[(*key, *value)]].concat();
                assert_eq!(verify(&more, &bound), Err(RangeError::Entries));
                assert!(verify(&more, key).is_err());
                assert!(verify(&inside, key).is_err(), "a wider range has more entries");
            }
        }
    }
}
