//! [`OrderedMap`]: values by key, and pages of them in the order of the keys.
//!
//! Each value has an entry of its own, as in a [`super::Map`], so reading and replacing one never touches
//! the index; the index (`node.rs`) holds the keys alone. Under the prefix: 0 and a node's number, 1 and a
//! key's encoding.
//!
//! What it deliberately does not do: iterate for ever. What is listed is a page with a bound, and where the
//! next one begins.

use super::decode;
use super::key::OrderedKey;
use super::node::{Entry, Tree};
use crate::{abort, encode, storage};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::marker::PhantomData;

/// Values by key, in the order of the keys. Keys of at most 240 bytes in their encoding; the costs of the
/// operations are in the table above.
pub struct OrderedMap<K, V> {
    prefix: &'static [u8],
    key: PhantomData<K>,
    value: PhantomData<V>,
}

/// Some entries in order, and the key at which the next page begins: none at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K, V> {
    /// Keys and values, ascending.
    pub entries: Vec<(K, V)>,
    /// The first key that is not among them.
    pub next: Option<K>,
}

impl<K: OrderedKey, V: BorshSerialize + BorshDeserialize> OrderedMap<K, V> {
    /// The map under `prefix`.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Self { prefix, key: PhantomData, value: PhantomData }
    }

    /// How many keys it has.
    pub fn len(&self) -> u64 {
        Tree::new(self.prefix).root().0.keys
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`, or none.
    pub fn get(&self, key: &K) -> Option<V> {
        storage::get(&self.entry(&encoded(key))).map(|bytes| decode(&bytes))
    }

    /// Whether `key` has a value.
    pub fn contains(&self, key: &K) -> bool {
        storage::len(&self.entry(&encoded(key))).is_some()
    }

    /// Sets the value of `key`; true when the key is new.
    pub fn set(&self, key: &K, value: &V) -> bool {
        let key = encoded(key);
        let entry = self.entry(&key);
        let new = storage::len(&entry).is_none();
        storage::set(&entry, &encode(value));
        if new {
            Tree::new(self.prefix).insert(key);
        }
        new
    }

    /// Removes `key`; true when it was there.
    pub fn remove(&self, key: &K) -> bool {
        let key = encoded(key);
        let was_there = storage::remove(&self.entry(&key));
        if was_there {
            Tree::new(self.prefix).remove(&key);
        }
        was_there
    }

    /// The smallest key.
    pub fn first(&self) -> Option<K> {
        Tree::new(self.prefix).leaf_of(&[]).entries.first().map(key_in)
    }

    /// The greatest key.
    pub fn last(&self) -> Option<K> {
        Tree::new(self.prefix).last_leaf().last().map(key_in)
    }

    /// At most `max` entries whose keys are `from` or greater; none = from the smallest.
    pub fn page(&self, from: Option<&K>, max: u32) -> Page<K, V> {
        let (keys, next) = self.keys(from, max);
        let value_of = |key: K| {
            let value = self.get(&key);
            (key, value.unwrap_or_else(|| abort("an ordered map lacks the value of a key")))
        };
        Page { entries: keys.into_iter().map(value_of).collect(), next }
    }

    /// At most `max` keys that are `from` or greater, and the one after them.
    pub fn keys(&self, from: Option<&K>, max: u32) -> (Vec<K>, Option<K>) {
        let tree = Tree::new(self.prefix);
        let mut from = from.map(encoded).unwrap_or_default();
        let mut keys = Vec::new();
        loop {
            let leaf = tree.leaf_of(&from);
            for entry in leaf.entries.iter().filter(|entry| entry.key >= from) {
                if keys.len() as u64 == u64::from(max) {
                    return (keys, Some(key_in(entry)));
                }
                keys.push(key_in(entry));
            }
            match leaf.next {
                Some(next) => from = next,
                None => return (keys, None),
            }
        }
    }

    fn entry(&self, key: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.prefix.len() + 1 + key.len());
        bytes.extend_from_slice(self.prefix);
        bytes.push(1);
        bytes.extend_from_slice(key);
        bytes
    }
}

fn encoded<K: OrderedKey>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    key.encode(&mut bytes);
    bytes
}

fn key_in<K: OrderedKey>(entry: &Entry) -> K {
    let mut bytes = entry.key.as_slice();
    match K::decode(&mut bytes) {
        Some(key) if bytes.is_empty() => key,
        _ => abort("a stored key does not decode: was its type changed without `migrate`?"),
    }
}
