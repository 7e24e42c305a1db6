//! The state tree: any operations against a plain map, and any proof of an entry, of a range or of a snapshot's
//! chunk, which is either refused or true. The root has a second statement here, by the rule itself.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pollen_ledger::store::snapshot::{
    CHUNK_ENTRIES_BYTES_MAX, CHUNK_ENTRIES_BYTES_MIN, Chunk, SnapshotHead,
};
use pollen_ledger::store::{StateEntry, StoreError};
use pollen_ledger::tree::{
    self, Change, End, Node, NodeKey, NodeReader, Proof, RangeEntry, prove, prove_range_within,
    update, value_hash, verify_range_within,
};
use pollen_ledger::{AccountId, Hash, codec};

use super::Choices;

/// Operations of one input at most: each batch hashes the whole map once more.
const OPERATIONS_MAX: usize = 400;
/// Entries of the trees whose proofs are forged.
const ENTRIES: u8 = 60;

/// Key hash to value hash.
type Entries = BTreeMap<Hash, Hash>;

/// A tree with its records in memory.
#[derive(Default)]
struct Forest {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    stale: Vec<NodeKey>,
    base: Option<u64>,
    version: u64,
    root: Hash,
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
        let changes = entries.iter().map(|(key, value)| (*key, Some(*value)));
        forest.apply(&changes.collect(), 1);
        forest
    }

    fn apply(&mut self, changes: &BTreeMap<Hash, Option<Hash>>, threads: usize) {
        let changes: Vec<Change> =
            changes.iter().map(|(key, value)| Change { key: *key, value: *value }).collect();
        let done = update(self, self.base, self.version, &changes, threads);
        let done = done.expect("every record is there");
        for (key, bytes) in done.writes() {
            assert!(self.records.insert(key.encode(), bytes.to_vec()).is_none(), "written twice");
        }
        self.stale.extend(&done.stale);
        (self.base, self.root) = (Some(done.root_version), done.root);
        self.version += 1;
    }

    fn prove(&self, key: &Hash) -> (Option<Hash>, Proof) {
        prove(self, self.base.expect("it has a version"), key).expect("every record is there")
    }

    fn prove_range(&self, from: &Hash, bound: &Hash, last: Option<&Hash>) -> Vec<u8> {
        let base = self.base.expect("it has a version");
        prove_range_within(self, base, from, bound, last).expect("every record is there")
    }
}

/// The rule, word by word.
fn root_of(entries: &[RangeEntry], depth: usize) -> Hash {
    let keyed = |name: &str, left: &Hash, right: &Hash| {
        let key = blake3::derive_key(&format!("pollen 2026 state {name} v1"), b"");
        Hash(
            *blake3::Hasher::new_keyed(&key).update(&left.0).update(&right.0).finalize().as_bytes(),
        )
    };
    match entries {
        [] => Hash::ZERO,
        [(key, value)] => keyed("leaf", key, value),
        more => {
            let is_left = |(key, _): &RangeEntry| key.0[depth / 8] & (0x80 >> (depth % 8)) == 0;
            let (left, right) = more.split_at(more.partition_point(is_left));
            keyed("inner", &root_of(left, depth + 1), &root_of(right, depth + 1))
        }
    }
}

/// A key hash of few; some share all but their last bits.
fn key(choices: &mut Choices<'_>) -> Hash {
    let shape = choices.byte();
    let mut key = Hash::of_content(&[choices.byte() % 64]);
    if shape & 3 == 0 {
        let shared = usize::from(shape >> 3);
        key.0[..shared].fill(0x5a);
        if shape & 4 == 0 {
            key.0[shared..].fill(0);
            key.0[31] ^= choices.byte() & 3;
        }
    }
    key
}

/// Batches of changes, proofs and pruning in any order, beside a map.
pub fn tree_operations(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let (mut forest, mut entries) = (Forest::of(&Entries::new()), Entries::new());
    let mut left = OPERATIONS_MAX;
    while !choices.is_empty() && left > 0 {
        let mut changes = BTreeMap::new();
        for _ in 0..=choices.below(40) {
            let value = (choices.byte() % 3 > 0).then(|| Hash([choices.byte(); 32]));
            changes.insert(key(&mut choices), value);
        }
        left = left.saturating_sub(changes.len());
        forest.apply(&changes, 1 + choices.below(3));
        for (key, value) in changes {
            match value {
                Some(value) => drop(entries.insert(key, value)),
                None => drop(entries.remove(&key)),
            }
        }
        let all: Vec<RangeEntry> = entries.iter().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(forest.root, root_of(&all, 0));
        if choices.yes() {
            // No older version is read any more: what it alone needs goes, and nothing else was needed.
            for key in std::mem::take(&mut forest.stale) {
                assert!(forest.records.remove(&key.encode()).is_some(), "stale and gone: {key:?}");
            }
        }
        let asked = key(&mut choices);
        let (found, proof) = forest.prove(&asked);
        assert_eq!(found.as_ref(), entries.get(&asked));
        assert_eq!(Proof::decode(&proof.encode()), Ok(proof.clone()));
        assert_eq!(proof.verify_hash(&forest.root, &asked, found.as_ref()), Ok(()));
        let (from, count) = (key(&mut choices), choices.below(20));
        let range: Vec<RangeEntry> =
            entries.range(from..).take(count).map(|(key, value)| (*key, *value)).collect();
        let last = range.last().map(|(key, _)| *key);
        if last.is_some() || entries.range(from..).next().is_none() {
            let proof = forest.prove_range(&from, &Hash([0xff; 32]), last.as_ref());
            let ends = verify_range_within(&forest.root, &from, &Hash([0xff; 32]), &range, &proof);
            assert_eq!(ends, Ok(last.is_none()));
        }
    }
}

/// A tree of the keys that [`key`] makes.
static FIXED: LazyLock<(Entries, Forest)> = LazyLock::new(|| {
    let drawn = (0..ENTRIES).map(|number| {
        let bytes = [number.wrapping_mul(37), number, number];
        (key(&mut Choices(&bytes)), Hash([number; 32]))
    });
    let entries: Entries = drawn.collect();
    let forest = Forest::of(&entries);
    (entries, forest)
});

/// Any bytes as a proof of an entry, and any changes to a true one.
pub fn state_proof(bytes: &[u8]) {
    let (entries, forest) = &*FIXED;
    let mut choices = Choices(bytes);
    let mut asked = key(&mut choices);
    check_proof(bytes, &asked, &mut choices);
    let (_, mut proof) = forest.prove(&asked);
    for _ in 0..choices.below(3) {
        let levels = proof.siblings.len();
        match choices.below(8) {
            0 => drop(proof.siblings.pop()),
            1 => proof.siblings.push(Hash([choices.byte(); 32])),
            2 if levels > 0 => proof.siblings.swap(choices.below(levels), 0),
            3 if levels > 0 => {
                let level = choices.below(levels);
                proof.siblings[level].0[choices.below(32)] ^= choices.byte();
            }
            4 => proof.end = End::Empty,
            5 => proof.end = End::Leaf,
            6 => {
                proof.end = End::Other { key: key(&mut choices), value: Hash([choices.byte(); 32]) }
            }
            _ => asked = key(&mut choices),
        }
    }
    if proof.siblings.len() > 256 {
        return;
    }
    let mut encoded = proof.encode();
    if choices.byte() % 4 == 0 {
        let place = choices.below(encoded.len());
        encoded[place] ^= choices.byte();
        encoded.truncate(encoded.len() - choices.below(2));
    }
    check_proof(&encoded, &asked, &mut choices);
    let held = entries.get(&asked);
    assert_eq!(forest.prove(&asked).1.verify_hash(&forest.root, &asked, held), Ok(()));
}

/// What decodes has one encoding, and what passes is true.
fn check_proof(encoded: &[u8], asked: &Hash, choices: &mut Choices<'_>) {
    let (entries, forest) = &*FIXED;
    let Ok(proof) = Proof::decode(encoded) else { return };
    assert_eq!(proof.encode(), encoded, "two encodings of one proof");
    let held = entries.get(asked).copied();
    for claim in [held, None, Some(Hash([choices.byte(); 32]))] {
        if proof.verify_hash(&forest.root, asked, claim.as_ref()).is_ok() {
            assert_eq!(claim, held, "a false claim about {asked} passes");
        }
    }
}

/// Any bytes as a proof of a range, and any changes to a true one.
pub fn range_proof(bytes: &[u8]) {
    let (entries, forest) = &*FIXED;
    let mut choices = Choices(bytes);
    let (mut from, mut bound) = (key(&mut choices), Hash([0xff; 32]));
    if choices.yes() {
        bound.0[0] = from.0[0] | 0xf;
    }
    let count = choices.below(30);
    let within = entries.range(from..=bound.max(from)).take(count);
    let mut range: Vec<RangeEntry> = within.map(|(key, value)| (*key, *value)).collect();
    check_range(&from, &bound, &range, bytes);
    let last = range.last().map(|(key, _)| *key).filter(|_| choices.yes());
    let mut proof = forest.prove_range(&from, &bound, last.as_ref());
    for _ in 0..choices.below(3) {
        match (choices.below(8), range.len()) {
            (0, _) => from = key(&mut choices),
            (1, _) => bound = key(&mut choices),
            (2, 1..) => drop(range.pop()),
            (3, 1..) => drop(range.remove(0)),
            (4, length @ 1..) => range[choices.below(length)].1 = Hash([choices.byte(); 32]),
            (5, _) => {
                range.push((key(&mut choices), Hash([choices.byte(); 32])));
                range.sort();
            }
            (6, length @ 2..) => range.swap(0, length - 1),
            _ => {
                let place = choices.below(proof.len().max(1));
                proof.get_mut(place).into_iter().for_each(|byte| *byte ^= choices.byte());
            }
        }
    }
    check_range(&from, &bound, &range, &proof);
}

/// What passes is all that there is.
fn check_range(from: &Hash, bound: &Hash, range: &[RangeEntry], proof: &[u8]) {
    let (entries, forest) = &*FIXED;
    let Ok(ends) = verify_range_within(&forest.root, from, bound, range, proof) else { return };
    let to = range.last().filter(|_| !ends).map_or(*bound, |(key, _)| *key);
    let held: Vec<RangeEntry> =
        entries.range(*from..=to).map(|(key, value)| (*key, *value)).collect();
    assert_eq!(range, held, "a false range from {from} to {to} passes");
}

/// A state as snapshots have it, with more than a chunk in one part.
struct State {
    entries: BTreeMap<Hash, StateEntry>,
    forest: Forest,
}

static STATE: LazyLock<State> = LazyLock::new(|| {
    let entry = |number: u16, bytes: usize| {
        let (owner, key) = (AccountId([(number % 3) as u8; 32]), number.to_le_bytes().to_vec());
        let entry = StateEntry { owner, key, value: vec![number as u8; bytes] };
        (entry.key_hash(), entry)
    };
    let small = (0..200).map(|number| entry(number, usize::from(number) % 90));
    let large = (200u16..).map(|number| entry(number, 60_000));
    let large = large.filter(|(key, _)| key.0[0] >> 4 == 7).take(30);
    let entries: BTreeMap<Hash, StateEntry> = small.chain(large).collect();
    let leaf = |(key, entry): (&Hash, &StateEntry)| (*key, value_hash(&entry.value));
    let forest = Forest::of(&entries.iter().map(leaf).collect());
    State { entries, forest }
});

fn part_end(from: &Hash) -> Hash {
    let mut end = Hash([0xff; 32]);
    end.0[0] = from.0[0] | 0xf;
    end
}

/// Any bytes as a chunk or a head of a snapshot, and any changes to a true chunk.
pub fn snapshot_chunk(bytes: &[u8]) {
    if let Ok(head) = SnapshotHead::decode(bytes) {
        assert_eq!(codec::encode(&head), bytes, "two encodings of one head");
    }
    let mut choices = Choices(bytes);
    let mut from = Hash([choices.byte(); 32]);
    match choices.below(4) {
        0 => from.0[1..].fill(0),
        1 => from.0[0] = 0x70,
        _ => from = STATE.entries.keys().nth(choices.below(200)).map_or(from, |key| *key),
    }
    check_chunk(&from, bytes);
    let mut chunk = cut(&from, choices.below(64));
    for _ in 0..choices.below(3) {
        let length = chunk.entries.len();
        match choices.below(6) {
            0 => drop(chunk.entries.pop()),
            1 if length > 0 => drop(chunk.entries.remove(choices.below(length))),
            2 if length > 0 => chunk.entries[choices.below(length)].value.push(choices.byte()),
            3 if length > 0 => chunk.entries[choices.below(length)].key = vec![choices.byte()],
            4 if length > 1 => chunk.entries.swap(0, length - 1),
            _ => {
                let place = choices.below(chunk.proof.len().max(1));
                chunk.proof.get_mut(place).into_iter().for_each(|byte| *byte ^= choices.byte());
            }
        }
    }
    check_chunk(&from, &codec::encode(&chunk));
}

/// A chunk with a true proof: cut as it should be, or after so many entries.
fn cut(from: &Hash, entries_max: usize) -> Chunk {
    let end = part_end(from);
    let mut bytes = 0;
    let fits = |entry: &&StateEntry| {
        bytes += codec::length(*entry);
        bytes <= CHUNK_ENTRIES_BYTES_MAX
    };
    let all = STATE.entries.range(*from..=end);
    let most = if entries_max < 40 { entries_max } else { usize::MAX };
    let there = all.clone().count();
    let entries: Vec<StateEntry> =
        all.map(|(_, entry)| entry).take_while(fits).take(most).cloned().collect();
    let last = entries.last().filter(|_| entries.len() < there).map(StateEntry::key_hash);
    Chunk { proof: STATE.forest.prove_range(from, &end, last.as_ref()), entries }
}

/// What passes is all that there is, and goes far enough.
fn check_chunk(from: &Hash, encoded: &[u8]) {
    let Ok(chunk) = Chunk::decode(encoded) else { return };
    assert_eq!(codec::encode(&chunk), encoded, "two encodings of one chunk");
    let Ok((hashes, next)) = chunk.verify(&STATE.forest.root, from) else { return };
    let end = part_end(from);
    let to = hashes.last().filter(|_| next.is_some()).map_or(end, |(key, _)| *key);
    let held: Vec<StateEntry> =
        STATE.entries.range(*from..=to).map(|(_, entry)| entry.clone()).collect();
    assert_eq!(chunk.entries, held, "a false chunk from {from} passes");
    let bytes: usize = held.iter().map(codec::length).sum();
    assert!(bytes <= CHUNK_ENTRIES_BYTES_MAX);
    match next {
        None => assert_eq!(held.len(), STATE.entries.range(*from..=end).count()),
        Some(next) => assert!(next > to && next <= end && bytes >= CHUNK_ENTRIES_BYTES_MIN),
    }
    let leaves = held
        .iter()
        .map(|entry| (tree::key_hash(&entry.owner.0, &entry.key), value_hash(&entry.value)));
    assert_eq!(hashes, leaves.collect::<Vec<_>>());
}

/// What became of true chunks, cut anywhere: taken, and refused as cut too early. For a test that both happen.
pub fn chunks_of(bytes: &[u8]) -> (usize, usize) {
    let mut choices = Choices(bytes);
    let mut from = Hash::ZERO;
    from.0[0] = choices.byte();
    let chunk = cut(&from, choices.below(64));
    match chunk.verify(&STATE.forest.root, &from) {
        Ok(_) => (1, 0),
        Err(_) => (0, 1),
    }
}
