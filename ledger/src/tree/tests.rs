//! The tree against a plain map and a root function of its own, which shares nothing with it but blake3.

mod build;
mod formats;
mod histories;
mod hostile;
mod proofs;
mod ranges;
mod streams;
mod vectors;

use std::collections::BTreeMap;

use super::*;
use crate::Hash;
use crate::store::StoreError;

/// Key hash to value hash.
type Entries = BTreeMap<Hash, Hash>;

/// A tree with its records in memory.
#[derive(Default)]
struct Forest {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    stale: Vec<(u64, NodeKey)>,
    root_version: Option<u64>,
    root: Hash,
    version: u64,
    threads: usize,
}

impl NodeReader for Forest {
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError> {
        let corrupt = || StoreError::Corrupt { what: format!("{key:?}") };
        let bytes = self.records.get(&key.encode()).ok_or_else(corrupt)?;
        Node::decode(key, bytes).ok_or_else(corrupt)
    }
}

impl Forest {
    fn of(entries: &Entries) -> Self {
        let mut forest = Self::default();
        forest.apply(&entries.iter().map(|(key, value)| (*key, Some(*value))).collect::<Vec<_>>());
        forest
    }

    /// A new version with these changes.
    fn apply(&mut self, changes: &[(Hash, Option<Hash>)]) {
        let changes: BTreeMap<Hash, Option<Hash>> = changes.iter().copied().collect();
        let changes: Vec<_> =
            changes.into_iter().map(|(key, value)| Change { key, value }).collect();
        let update =
            update(self, self.root_version, self.version, &changes, self.threads.max(1)).unwrap();
        for (key, bytes) in update.writes() {
            assert_eq!(NodeKey::decode(&key.encode()), Some(*key));
            let fresh = self.records.insert(key.encode(), bytes.to_vec()).is_none();
            assert!(fresh, "a record is written once");
        }
        self.stale.extend(update.stale.iter().map(|key| (self.version, *key)));
        self.root_version = Some(update.root_version);
        self.root = update.root;
        self.version += 1;
    }

    fn root_version(&self) -> u64 {
        self.root_version.unwrap()
    }

    fn prove(&self, key: &Hash) -> (Option<Hash>, Proof) {
        prove(self, self.root_version(), key).unwrap()
    }

    /// Drops what no version from `oldest` on needs.
    fn prune(&mut self, oldest: u64) {
        for (since, key) in std::mem::take(&mut self.stale) {
            match since <= oldest {
                true => assert!(self.records.remove(&key.encode()).is_some(), "stale once"),
                false => self.stale.push((since, key)),
            }
        }
    }
}

/// The rule of the module's documentation, word by word.
fn naive_root(entries: &[(Hash, Hash)], depth: usize) -> [u8; 32] {
    let keyed = |name: &str, left: &[u8; 32], right: &[u8; 32]| {
        let key = blake3::derive_key(&format!("pollen 2026 state {name} v1"), b"");
        *blake3::Hasher::new_keyed(&key).update(left).update(right).finalize().as_bytes()
    };
    match entries {
        [] => [0; 32],
        [(key, value)] => keyed("leaf", &key.0, &value.0),
        more => {
            let is_right = |key: &Hash| key.0[depth / 8] & (0x80 >> (depth % 8)) != 0;
            let (right, left): (Vec<_>, Vec<_>) = more.iter().partition(|(key, _)| is_right(key));
            keyed("inner", &naive_root(&left, depth + 1), &naive_root(&right, depth + 1))
        }
    }
}

fn root_of(entries: &Entries) -> Hash {
    let entries: Vec<_> = entries.iter().map(|(key, value)| (*key, *value)).collect();
    Hash(naive_root(&entries, 0))
}

/// Numbers from a seed, the same on every machine: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn hash(&mut self) -> Hash {
        Hash::of_content(&self.next().to_le_bytes())
    }

    /// A key hash; some share many bits with others, as no honest hash does.
    fn key(&mut self) -> Hash {
        let mut key = Hash::of_content(&self.below(1 << 16).to_le_bytes());
        if self.below(4) == 0 {
            let shared = self.below(32) as usize;
            key.0[..shared].fill(0x5a);
            if self.below(2) == 0 {
                key.0[shared..].fill(0);
                key.0[31] ^= self.below(4) as u8;
            }
        }
        key
    }

    fn entries(&mut self, count: usize) -> Entries {
        (0..count).map(|_| (self.key(), self.hash())).collect()
    }
}
