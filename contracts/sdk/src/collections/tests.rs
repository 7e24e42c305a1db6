//! The ordered map against the standard library's, and the rules of its index after every operation.

use super::node::{ENTRIES_MAX, ENTRIES_MIN, Node, Tree};
use super::{OrderedKey, OrderedMap};
use crate::test::Host;
use crate::{Id, storage};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

const MAP: OrderedMap<u32, u64> = OrderedMap::new(b"m");

fn encoded<K: OrderedKey>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    bytes
}

/// Encodings compare as their keys do, none begins with another, and each reads back.
fn sorts<K: OrderedKey + Ord + core::fmt::Debug>(mut keys: Vec<K>) {
    keys.sort();
    for pair in keys.windows(2) {
        let (one, other) = (encoded(&pair[0]), encoded(&pair[1]));
        assert!(one < other && !other.starts_with(&one), "{pair:?}");
    }
    for key in keys {
        let (bytes, mut left) = (encoded(&key), 0);
        let mut rest = bytes.as_slice();
        assert_eq!(K::decode(&mut rest).as_ref(), Some(&key));
        assert!(rest.is_empty() && !bytes.is_empty());
        // Cut anywhere, it is no key.
        while left < bytes.len() {
            assert!(K::decode(&mut &bytes[..left]).is_none());
            left += 1;
        }
    }
}

#[test]
fn encodings_sort_as_keys_do() {
    sorts(vec![0_u8, 1, 127, 128, 255]);
    sorts(vec![0_u64, 1, 255, 256, u64::MAX]);
    sorts(vec![i64::MIN, -256, -1, 0, 1, i64::MAX]);
    sorts(vec![i8::MIN, -1, 0, i8::MAX]);
    sorts(vec![false, true]);
    sorts(vec![[0_u8; 3], [0, 0, 1], [1, 0, 0]]);
    let words = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "ab", "b", "\u{ff}"];
    sorts(words.map(String::from).to_vec());
    sorts(words.map(|word| word.as_bytes().to_vec()).to_vec());
    let pairs = words.iter().flat_map(|word| [0_u32, 7].map(|number| (word.to_string(), number)));
    sorts(pairs.collect::<Vec<_>>());
    sorts(vec![
        ("a".to_string(), 1_u8, false),
        ("a\0".to_string(), 0, true),
        ("b".to_string(), 0, true),
    ]);
    let ids = [1, 2, 3].map(|byte| Id::from_bytes([byte; 32]));
    assert!(encoded(&ids[0]) < encoded(&ids[1]) && encoded(&ids[1]) < encoded(&ids[2]));
}

/// The rules of `node.rs`, of the tree below a node; its height.
fn check(tree: &Tree<'_>, node: &Node, is_root: bool, low: &[u8], high: Option<&[u8]>) -> usize {
    let size = node.entries.len();
    assert!(size <= ENTRIES_MAX, "{size} entries");
    assert!(is_root || size >= ENTRIES_MIN, "{size} entries");
    assert!(!is_root || !node.inner || size >= 2, "a root with one child");
    for pair in node.entries.windows(2) {
        assert!(pair[0].key < pair[1].key);
    }
    if !node.inner {
        let within = |key: &[u8]| key >= low && high.is_none_or(|high| key < high);
        assert!(node.entries.iter().all(|entry| entry.child == 0 && within(&entry.key)));
        return 1;
    }
    assert_eq!(node.entries[0].key, low);
    let heights: Vec<usize> = (0..size)
        .map(|at| {
            let next = node.entries.get(at + 1).map(|entry| entry.key.as_slice()).or(high);
            check(tree, &tree.node(node.entries[at].child), false, &node.entries[at].key, next)
        })
        .collect();
    assert!(heights.iter().all(|height| *height == heights[0]), "leaves are equally deep");
    heights[0] + 1
}

fn height() -> usize {
    let tree = Tree::new(b"m");
    let (_, root) = tree.root();
    check(&tree, &root, true, &[], None)
}

fn agrees(model: &BTreeMap<u32, u64>) {
    height();
    assert_eq!(MAP.len(), model.len() as u64);
    assert_eq!(MAP.first().as_ref(), model.keys().next());
    assert_eq!(MAP.last().as_ref(), model.keys().last());
    let (mut listed, mut from) = (Vec::new(), None);
    loop {
        let page = MAP.page(from.as_ref(), 19);
        listed.extend(page.entries);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(listed.iter().map(|(key, value)| (key, value)).eq(model), "another order or content");
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u32) -> u32 {
        // xorshift64: the same operations at every run.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(bound)) as u32
    }
}

#[test]
fn any_operations_agree_with_the_standard_librarys_map() {
    let host = Host::new();
    let (mut model, mut draw) = (BTreeMap::new(), Draw(0x9e37_79b9_7f4a_7c15));
    // Grows, stays, shrinks to nothing: removals out of three operations.
    for (phase, removals) in [(0, 1), (1, 5), (2, 9), (3, 1), (4, 9)] {
        for step in 0..1_500_u32 {
            let key = draw.below(2_000);
            if draw.below(10) < removals {
                assert_eq!(MAP.remove(&key), model.remove(&key).is_some());
            } else {
                let new = model.insert(key, u64::from(step)).is_none();
                assert_eq!(MAP.set(&key, &u64::from(step)), new);
            }
            assert_eq!(MAP.get(&key), model.get(&key).copied());
            if step % 50 == 0 {
                agrees(&model);
            }
        }
        agrees(&model);
        std::println!("phase {phase}: {} keys, {} levels", model.len(), height());
    }
    for key in model.keys() {
        assert!(MAP.remove(key));
    }
    assert_eq!((MAP.len(), host.storage_keys()), (0, 0), "an empty map leaves nothing behind");
}

#[test]
fn keys_in_any_order_in_and_out_keep_the_rules() {
    let up: Vec<u32> = (0..1_200).collect();
    let down: Vec<u32> = up.iter().rev().copied().collect();
    let inside_out: Vec<u32> = (0..600).flat_map(|at| [600 + at, 599 - at]).collect();
    for insert in [&up, &down, &inside_out] {
        for remove in [&up, &down, &inside_out] {
            Host::new();
            let mut model = BTreeMap::new();
            for key in insert {
                MAP.set(key, &1);
                model.insert(*key, 1);
            }
            agrees(&model);
            for (step, key) in remove.iter().enumerate() {
                MAP.remove(key);
                model.remove(key);
                if step % 97 == 0 {
                    agrees(&model);
                }
            }
            agrees(&model);
        }
    }
}

#[test]
fn pages_begin_where_they_are_told_and_say_where_the_next_one_does() {
    Host::new();
    (0..100).for_each(|key| assert!(MAP.set(&(key * 10), &u64::from(key))));
    let page = MAP.page(Some(&495), 3);
    assert_eq!((page.entries, page.next), (vec![(500, 50), (510, 51), (520, 52)], Some(530)));
    assert_eq!(MAP.keys(Some(&980), 2), (vec![980, 990], None));
    assert_eq!(MAP.keys(Some(&991), 2), (vec![], None));
    assert_eq!(MAP.keys(None, 0), (vec![], Some(0)));
    assert_eq!(MAP.keys(None, u32::MAX).0.len(), 100);
}

/// What the table in the module's docs promises.
#[test]
fn operations_touch_what_the_docs_say() {
    let host = Host::new();
    let mut most = BTreeMap::new();
    for key in 0..20_000_u32 {
        let touched = host.touches(|| _ = MAP.set(&(key.wrapping_mul(2_654_435_761)), &1));
        if key % 500 == 0 {
            let levels = height();
            let entry = most.entry(levels).or_insert((key, 0));
            entry.0 = key;
            let touched = host.touches(|| _ = MAP.set(&(key.wrapping_mul(40_503) ^ 77), &1));
            entry.1 = entry.1.max(touched);
            // A split a level, the entry itself, and a new root's two.
            assert!(touched <= 1 + 2 * levels + 1, "{touched} of {levels} levels");
        }
        assert!(touched <= 10);
    }
    std::println!("levels: (keys, most touched by a set): {most:?}");
    let levels = height();
    assert!(levels <= 4, "{levels}");
    assert_eq!(host.touches(|| _ = MAP.get(&5)), 1);
    assert_eq!(host.touches(|| _ = MAP.contains(&5)), 1);
    let there = MAP.first().unwrap();
    assert_eq!(host.touches(|| _ = MAP.set(&there, &9)), 1, "a key that is there");
    let typical = host.touches(|| _ = MAP.remove(&there));
    assert!(typical <= 1 + 2 * levels, "{typical}");
    assert_eq!(host.touches(|| _ = MAP.len()), 1);
    let keys = host.touches(|| _ = MAP.keys(Some(&1_000_000_000), 100));
    assert!(keys <= levels + 100 / ENTRIES_MIN + 2, "{keys}");
    let page = host.touches(|| _ = MAP.page(Some(&1_000_000_000), 100));
    assert_eq!(page, keys + 100);
    std::println!("a page of 100 keys touches {keys}, of 100 values {page}");
}

#[test]
fn damage_is_told() {
    let host = Host::new();
    (0..100).for_each(|key| assert!(MAP.set(&key, &1)));
    storage::remove(&[&b"m\0"[..], &1_u32.to_be_bytes()].concat());
    assert!(host.abort_of(|| MAP.keys(None, 100)).contains("lacks a node"));
    const TEXT: OrderedMap<String, u64> = OrderedMap::new(b"t");
    assert!(host.abort_of(|| TEXT.set(&"x".repeat(300), &1)).contains("256 bytes"));
}
