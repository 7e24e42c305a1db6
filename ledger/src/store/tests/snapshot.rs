//! Snapshots: what comes over is what was there, whatever happens on the way; and nothing else does.

mod lies;

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize as _;

use super::*;
use crate::block::{Block, BlockRef, Round, VerifiedBlock};
use crate::certificate::Signatures;
use crate::checkpoint::{Attestation, Checkpoint};
use crate::codec;
use crate::crypto::Domain;
use crate::execution::tests::{block, genesis};
use crate::execution::{CodeRecord, StateKey, StateTree};
use crate::ordering::{Commit, Probation, SigningHistory, active_digest};
use crate::store::snapshot::*;
use crate::transaction::AccountId;
use crate::{AuthorIndex, Committee, Genesis, Hash, KeyPair};

/// Rounds above which blocks matter.
const GC_DEPTH: u32 = 6;

fn key(author: AuthorIndex) -> KeyPair {
    KeyPair::development(&format!("snapshots {author}"))
}

/// A small generator of its own (xorshift), so that a failing seed is a test case.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// A chain whose validators sign, with a state that tests write themselves.
struct Chain {
    genesis: Genesis,
    committee: Committee,
    store: Arc<MemoryStore>,
    database: Database,
    tree: StateTree,
    state: BTreeMap<StateKey, Vec<u8>>,
    commits: Vec<Commit>,
    last: Checkpoint,
}

impl Chain {
    fn new() -> Self {
        let mut genesis = genesis(&[]);
        genesis.parameters.gc_depth = GC_DEPTH;
        for (author, member) in (0..).zip(&mut genesis.committee) {
            member.public_key = key(author).public_key();
        }
        let store = Arc::new(MemoryStore::new());
        let database = Database::open(store.clone(), &genesis, None).unwrap();
        Self {
            committee: genesis.committee().unwrap(),
            tree: StateTree::new(&database).unwrap(),
            last: database.checkpoint(0).unwrap().unwrap(),
            state: BTreeMap::new(),
            commits: Vec::new(),
            genesis,
            store,
            database,
        }
    }

    /// With some entries, a module among them, and enough commits for gc.
    fn with(entries: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> Self {
        let mut chain = Self::new();
        let entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
        for writes in entries.chunks(entries.len().div_ceil(4).max(1)) {
            chain.checkpoint(writes.iter().cloned());
        }
        for _ in 0..8 {
            chain.checkpoint([]);
        }
        chain
    }

    /// A commit of two rounds, with a block of all four authors in each, and the other block of one who
    /// signed two in the round; then a checkpoint that makes these changes, and its certificate.
    fn checkpoint(&mut self, writes: impl IntoIterator<Item = (StateKey, Option<Vec<u8>>)>) {
        let mut batch = Batch::default();
        let commit = self.next_commit(&mut batch);
        let height = self.last.height + 1;
        let mut changes: Vec<StateWrite> = Vec::new();
        let writes: BTreeMap<StateKey, Option<Vec<u8>>> = writes.into_iter().collect();
        for (key, after) in writes {
            let before = match &after {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(&key),
            };
            let hash = key.hash();
            if before != after {
                let (before, after) = (before.map(Into::into), after.map(Into::into));
                changes.push(StateWrite { hash, key, before, after });
            }
        }
        changes.sort_by_key(|change| change.hash);
        let tree_changes: Vec<_> = changes.iter().map(StateWrite::change).collect();
        let update = self.tree.apply(height, &tree_changes).unwrap();
        Database::put_state(&mut batch, height, &changes);
        Database::put_tree(&mut batch, height, update);
        let checkpoint = Checkpoint {
            height,
            commit_index: commit.index,
            commit_digest: commit.digest,
            previous: self.last.digest(),
            timestamp_ms: commit.timestamp_ms,
            state_root: update.root,
            ordering_root: commit.ordering_root,
            ..self.last.clone()
        };
        let tip = Tip {
            height,
            commit_index: commit.index,
            digest: checkpoint.digest(),
            state_root: update.root,
        };
        Database::put_checkpoint(&mut batch, &checkpoint);
        Database::put_tip(&mut batch, &tip);
        self.database.write(batch, Durability::Synced).unwrap();
        self.tree.written(height);
        self.certify(&checkpoint, &[0, 1, 3]);
        self.last = checkpoint;
        self.commits.push(commit);
    }

    fn next_commit(&self, batch: &mut Batch) -> Commit {
        let index = self.commits.len() as u64 + 1;
        let round = 2 * index as Round;
        let (mut blocks, mut slots) = (Vec::new(), Vec::new());
        for round in [round - 1, round] {
            for author in 0..4 {
                let block = block(&self.genesis, author, round, Vec::new());
                Database::put_block(batch, &block);
                blocks.push(block.reference());
            }
        }
        slots.extend(blocks.iter().filter(|block| block.round == round).copied());
        let twin = self.twin(2, round - 1);
        Database::put_block(batch, &twin);
        let last = self.commits.last();
        let active = Probation::default().active(&self.committee);
        let mut commit = Commit {
            index,
            round,
            timestamp_ms: self.last.timestamp_ms + 1_000,
            previous: last.map_or(self.genesis.chain_id(), |last| last.digest),
            digest: Hash::ZERO,
            active: active_digest(0, &active),
            slots,
            blocks,
            ignored: vec![twin.reference()],
            probation: Probation { scored: round, records: Vec::new() },
            ordering_root: Hash::ZERO,
        };
        commit.digest = commit.compute_digest();
        commit.ordering_root = ordering_root(&self.commits, &commit, GC_DEPTH);
        Database::put_commit(batch, index, &commit);
        commit
    }

    /// Another block of an author's in a round.
    fn twin(&self, author: AuthorIndex, round: Round) -> VerifiedBlock {
        let plain = block(&self.genesis, author, round, Vec::new());
        let mut header = plain.header().clone();
        header.timestamp_ms += 1;
        VerifiedBlock::trusted(Block { header, ..plain.block().clone() }, &self.genesis.parameters)
            .unwrap()
    }

    fn certify(&self, checkpoint: &Checkpoint, authors: &[AuthorIndex]) {
        let (height, digest) = (checkpoint.height, checkpoint.digest());
        let said = |author: &AuthorIndex| {
            (*author, Attestation::sign(&checkpoint.chain_id, height, digest, &key(*author)))
        };
        let said: Vec<_> = authors.iter().map(said).collect();
        let said = said.iter().map(|(author, attestation)| (*author, attestation));
        let signatures = Signatures::collect(&self.committee, said).unwrap();
        let mut batch = Batch::default();
        Database::put_signatures(&mut batch, checkpoint.height, &signatures);
        self.database.write(batch, Durability::Buffered).unwrap();
    }

    fn head(&self) -> SnapshotHead {
        self.database.snapshot_head(&self.database).unwrap().expect("it is certified")
    }

    fn chunk(&self, from: &Hash) -> Chunk {
        let chunk = self.database.snapshot_chunk(self.last.height, from).unwrap();
        assert_eq!(Chunk::decode(&codec::encode(&chunk)).unwrap(), chunk);
        chunk
    }

    /// A snapshot of it: a database of its own.
    fn copy(&self) -> Database {
        Database::open(Arc::new(self.store.image()), &self.genesis, None).unwrap()
    }

    /// Does one thing that an import lacks; false when there is nothing.
    fn feed(&self, import: &Import) -> bool {
        if let Some(reference) = import.missing_blocks(1).pop() {
            let block = self.database.block(&reference).unwrap().unwrap();
            import.put_blocks(vec![block]).unwrap();
        } else if let Some(part) = import.parts().iter().find(|part| !part.done) {
            import.put_chunk(&part.next, &self.chunk(&part.next)).unwrap();
        } else if let Some(hash) = import.missing_code(1).pop() {
            import.put_code(&self.database.code(&hash).unwrap().unwrap()).unwrap();
        } else {
            return false;
        }
        true
    }

    /// Imports all of it.
    fn imported(&self) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new());
        let import = Import::begin(store.clone(), &self.genesis, self.head()).unwrap();
        while self.feed(&import) {}
        import.finish(None, &mut |_| {}).unwrap();
        store
    }
}

/// The ordering root by its definition (protocol.md 8.4): shares nothing with the ledger's own.
pub(super) fn ordering_root(before: &[Commit], last: &Commit, gc_depth: Round) -> Hash {
    let gc_round = last.round.saturating_sub(gc_depth);
    let mut rounds: BTreeMap<Round, BTreeSet<BlockRef>> = BTreeMap::new();
    for commit in before.iter().chain([last]) {
        for block in commit.blocks.iter().chain(&commit.ignored) {
            if block.round > gc_round {
                rounds.entry(block.round).or_default().insert(*block);
            }
        }
    }
    let rounds: Vec<(Round, Hash)> = rounds
        .into_iter()
        .map(|(round, blocks)| (round, Domain::Ordering.hash(&[&codec::encode(&blocks)])))
        .collect();
    let mut bytes = Vec::new();
    (last.index, last.round, last.timestamp_ms).serialize(&mut bytes).unwrap();
    (last.digest, gc_round, rounds, &last.probation).serialize(&mut bytes).unwrap();
    Domain::Ordering.hash(&[&bytes])
}

fn entry(random: &mut Random, bytes: usize) -> (StateKey, Vec<u8>) {
    let mut owner = [9; 32];
    owner[0] = random.below(3) as u8;
    let length = random.below(40) as usize;
    (StateKey { owner: AccountId(owner), key: random.bytes(length) }, random.bytes(bytes))
}

fn small(random: &mut Random, count: usize) -> Vec<(StateKey, Vec<u8>)> {
    let mut one = || {
        let bytes = random.below(80) as usize;
        entry(random, bytes)
    };
    (0..count).map(|_| one()).collect()
}

/// The record of published code, and the code.
fn module(number: u8) -> ((StateKey, Vec<u8>), Vec<u8>) {
    let code = vec![number; 5_000];
    let hash = Hash::of_content(&code);
    let record = CodeRecord {
        active_ms: 1,
        bytes: 5_000,
        has_init: false,
        has_migrate: false,
        interface: Hash::ZERO,
    };
    let key = StateKey::code(&hash);
    ((key, codec::encode(&record)), code)
}

/// Chains of every kind of state: none, one entry, many, all under one nibble, values of many sizes, modules.
fn chains() -> Vec<(&'static str, Chain)> {
    let mut random = Random(0x5eed);
    let mut chains = vec![("empty", Chain::with([]))];
    chains.push(("one entry", Chain::with(small(&mut random, 1))));
    chains.push(("two entries", Chain::with(small(&mut random, 2))));
    chains.push(("many", Chain::with(small(&mut random, 3_000))));
    let under = std::iter::repeat_with(|| entry(&mut random, 30))
        .filter(|(key, _)| key.hash().0[0] >> 4 == 5)
        .take(200);
    chains.push(("one nibble", Chain::with(under.collect::<Vec<_>>())));
    // Several chunks a part; a mebibyte is 16 of the largest values that modules can write.
    let large = std::iter::repeat_with(|| entry(&mut random, 64 << 10))
        .filter(|(key, _)| key.hash().0[0] >> 4 >= 0xd)
        .take(120);
    chains.push(("large values", Chain::with(large.collect::<Vec<_>>())));
    let modules: Vec<_> = (0..20).map(module).collect();
    let chain = Chain::with(modules.iter().map(|(entry, _)| entry.clone()));
    let mut batch = Batch::default();
    for (_, code) in &modules {
        Database::put_code(&mut batch, &Hash::of_content(code), code);
    }
    chain.database.write(batch, Durability::Synced).unwrap();
    chains.push(("modules", chain));
    chains
}

fn all(store: &dyn Store, family: Family) -> Vec<Entry> {
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

fn everything(store: &dyn Store) -> Vec<Vec<Entry>> {
    Family::ALL.iter().map(|family| all(store, *family)).collect()
}

fn problems(store: &Arc<MemoryStore>) -> Vec<String> {
    verify(store.clone(), &mut |_| {}).unwrap().problems
}

/// What ordering needs of a store: nothing of it may differ between who was there and who came later.
/// The last commit; index, digest and blocks of the recent ones; the blocks held.
type Needs = (Commit, Vec<(u64, Hash, Vec<BlockRef>)>, Vec<BlockRef>);

fn ordering_needs(database: &Database) -> Needs {
    let recovered = database.recover(None).unwrap();
    let last = recovered.last_commit.unwrap();
    let gc_round = last.round.saturating_sub(GC_DEPTH);
    let named = |commit: &Commit| {
        let all = commit.blocks.iter().chain(&commit.ignored);
        let above: Vec<_> = all.filter(|block| block.round > gc_round).copied().collect();
        (commit.index, commit.digest, above)
    };
    let recent = recovered.recent_commits.iter().filter(|commit| commit.round > gc_round);
    let mut blocks: Vec<_> = recovered.blocks.iter().map(VerifiedBlock::reference).collect();
    blocks.sort();
    (last.clone(), recent.map(named).collect(), blocks)
}

#[test]
fn an_imported_store_is_the_original_one_without_its_history() {
    for (name, mut chain) in chains() {
        let store = chain.imported();
        let mut imported = Database::open(store.clone(), &chain.genesis, None).unwrap();
        assert_eq!(problems(&store), Vec::<String>::new(), "{name}");
        let original = &chain.database;
        assert_eq!(imported.tip().unwrap(), original.tip().unwrap(), "{name}");
        let begin = Begin { height: chain.last.height, commit_index: chain.last.commit_index };
        assert_eq!(imported.begin_at().unwrap(), begin);
        assert_eq!(imported.heights_held().unwrap(), (begin.height, begin.height));
        for family in [Family::State, Family::Modules] {
            assert_eq!(all(&*store, family), all(&*chain.store, family), "{name}");
        }
        assert_eq!(ordering_needs(&imported), ordering_needs(original), "{name}");
        let keys: Vec<StateKey> = chain.state.keys().take(50).cloned().collect();
        let absent = StateKey { owner: AccountId([77; 32]), key: vec![1] };
        for key in keys.iter().chain([&absent]) {
            let prove = |database: &Database| database.prove(begin.height, key).unwrap();
            assert_eq!(prove(&imported), prove(original), "{name}");
        }
        // Both go on with the same changes, and stay the same; what goes with time goes.
        let mut other = Chain {
            tree: StateTree::new(&imported).unwrap(),
            state: chain.state.clone(),
            commits: chain.commits.clone(),
            last: chain.last.clone(),
            genesis: chain.genesis.clone(),
            committee: chain.committee.clone(),
            store: store.clone(),
            database: imported.clone(),
        };
        let mut random = Random(99);
        for _ in 0..4 {
            let mut writes: BTreeMap<StateKey, Option<Vec<u8>>> =
                small(&mut random, 30).into_iter().map(|(key, value)| (key, Some(value))).collect();
            let plain = keys.iter().filter(|key| key.owner.0[0] != 0 || key.owner.0[1] != 0);
            writes.extend(plain.take(random.below(20) as usize).map(|key| (key.clone(), None)));
            chain.checkpoint(writes.clone());
            other.checkpoint(writes);
            assert_eq!(chain.last, other.last, "{name}");
            assert_eq!(problems(&store), Vec::<String>::new(), "{name}");
        }
        let retention = Retention { checkpoints: 2, time_ms: 0 };
        while other.database.prune(&retention).unwrap() {}
        assert_eq!(problems(&store), Vec::<String>::new(), "{name}");
        // A snapshot of one who came by a snapshot is a snapshot.
        imported = other.database.clone();
        let again = other.imported();
        assert_eq!(all(&*again, Family::State), all(&*store, Family::State), "{name}");
        let again = Database::open(again, &chain.genesis, None).unwrap();
        assert_eq!(ordering_needs(&again), ordering_needs(&imported), "{name}");
    }
}

#[test]
fn chunks_are_cut_at_a_mebibyte_and_at_the_ends_of_parts() {
    for (name, chain) in chains() {
        let store = Arc::new(MemoryStore::new());
        let import = Import::begin(store, &chain.genesis, chain.head()).unwrap();
        let (mut chunks, mut entries, mut full) = (0, 0, 0);
        while let Some(part) = import.parts().iter().find(|part| !part.done) {
            let chunk = chain.chunk(&part.next);
            let bytes = codec::encode(&chunk.entries).len() - 4;
            assert!(bytes <= CHUNK_ENTRIES_BYTES_MAX, "{name}");
            full += usize::from(bytes > CHUNK_ENTRIES_BYTES_MAX - (70 << 10));
            assert!(chunk.entries.iter().all(|one| one.key_hash().0[0] >> 4 == part.nibble));
            chunks += 1;
            entries += chunk.entries.len();
            import.put_chunk(&part.next, &chunk).unwrap();
        }
        assert_eq!(entries, chain.state.len(), "{name}");
        assert_eq!(import.progress().entries, entries as u64);
        let is_large = name == "large values";
        assert_eq!(full >= 3, is_large, "{name}: {full} full chunks");
        assert_eq!(chunks, if is_large { chunks.max(19) } else { PARTS }, "{name}");
    }
}

/// Whatever a crash takes, and whenever it comes, an import goes on and ends with the same store.
#[test]
fn an_import_goes_on_after_a_crash_at_every_step() {
    let mut random = Random(4);
    let ((record, code), mut entries) = (module(3), small(&mut random, 300));
    entries.push(record);
    let chain = Chain::with(entries);
    let mut batch = Batch::default();
    Database::put_code(&mut batch, &Hash::of_content(&code), &code);
    chain.database.write(batch, Durability::Synced).unwrap();
    let expected = everything(&*chain.imported());
    for crash_at in 0.. {
        for kept in [0, random.below(40) as usize, usize::MAX] {
            let store = Arc::new(MemoryStore::new());
            let mut import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
            let mut steps = 0;
            while steps < crash_at && chain.feed(&import) {
                steps += 1;
            }
            let is_end = steps < crash_at;
            if is_end {
                // In the middle of the end: the tree is there in part, the last batch fails.
                let failing = Arc::new(FailsLast { inner: store.clone() });
                let import = Import::resume(failing, &chain.genesis).unwrap().unwrap();
                import.finish(None, &mut |_| {}).unwrap_err();
            }
            store.crash_keeping(kept);
            let refusal = Database::open(store.clone(), &chain.genesis, None).unwrap_err();
            assert!(matches!(refusal, OpenError::NoSchema), "{refusal}");
            import = Import::resume(store.clone(), &chain.genesis).unwrap().expect("it had begun");
            while chain.feed(&import) {}
            import.finish(None, &mut |_| {}).unwrap();
            store.crash();
            assert_eq!(everything(&*store), expected, "crash at step {crash_at}, {kept} kept");
            assert!(Import::resume(store.clone(), &chain.genesis).unwrap().is_none());
            if is_end && kept == usize::MAX {
                return;
            }
        }
    }
}

/// Refuses the batch that ends an import.
struct FailsLast {
    inner: Arc<MemoryStore>,
}

impl Store for FailsLast {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(family, key)
    }
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        match durability {
            Durability::Synced => Err(StoreError::Io("power cut".into())),
            Durability::Buffered => self.inner.write(batch, durability),
        }
    }
    fn scan(&self, scan: Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        self.inner.scan(scan)
    }
}

/// A validator that comes back by a snapshot may have signed what it does not know of.
#[test]
fn an_imported_validator_asks_before_it_signs() {
    let chain = Chain::with([]);
    let own = key(1).public_key();
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
    while chain.feed(&import) {}
    import.finish(Some(own), &mut |_| {}).unwrap();
    let database = Database::open(store.clone(), &chain.genesis, Some(own)).unwrap();
    assert_eq!(database.signing_history().unwrap(), SigningHistory::Forgotten);
    assert_eq!(database.own_floor().unwrap(), chain.commits.last().unwrap().round);
    let other = Database::open(store, &chain.genesis, Some(key(2).public_key()));
    assert!(matches!(other, Err(OpenError::OtherValidator { .. })));
}

/// The certificate of a later checkpoint does as well; then there is none to keep.
#[test]
fn a_checkpoint_may_be_proved_by_a_later_one() {
    let mut chain = Chain::with(small(&mut Random(8), 20));
    let height = chain.last.height;
    let mut batch = Batch::default();
    batch.delete(Family::Certificates, crate::store::keys::number(height));
    chain.database.write(batch, Durability::Synced).unwrap();
    assert_eq!(chain.database.snapshot_head(&chain.database).unwrap(), None);
    let source = chain.copy();
    chain.checkpoint([]);
    let head = source.snapshot_head(&chain.database).unwrap();
    let head = head.expect("the next one has a certificate");
    assert_eq!(head.proof.path.len(), 1);
    assert_eq!(SnapshotHead::decode(&codec::encode(&head)).unwrap(), head);
    let live = chain.database.snapshot_chunk(height, &Hash::ZERO).unwrap_err();
    assert!(matches!(live, StoreError::NotHeld { .. }), "{live}");
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store.clone(), &chain.genesis, head).unwrap();
    assert_eq!(import.height(), height);
    chain.database = source;
    chain.last.height = height;
    while chain.feed(&import) {}
    import.finish(None, &mut |_| {}).unwrap();
    assert_eq!(problems(&store), Vec::<String>::new());
    let imported = Database::open(store, &chain.genesis, None).unwrap();
    assert_eq!(imported.certified_height().unwrap(), 0);
}

/// Story: a node had one old snapshot, made by hand. When pruning came to its height it offered a head with
/// too few commits, for which an importer banned it; later none at all, and no blocks, for which importers
/// asked for ever.
#[test]
fn a_snapshot_is_whole_after_pruning_has_passed_it() {
    let mut chain = Chain::with(small(&mut Random(31), 60));
    let (source, honest) = (chain.copy(), chain.head());
    let (height, index) = (chain.last.height, chain.last.commit_index);
    let keep = LedgerRetention { time_ms: 0, commits: 1 };
    for _ in 0..30 {
        chain.checkpoint([]);
        while chain.database.prune(&Retention { checkpoints: 1, time_ms: 0 }).unwrap() {}
        while chain.database.prune_ledger(&keep, &chain.committee).unwrap() {}
        let head = source.snapshot_head(&chain.database).unwrap();
        assert_eq!(head.as_ref(), Some(&honest), "at height {}", chain.last.height);
    }
    assert!(chain.database.commit::<Commit>(index).unwrap().is_none(), "pruning has passed it");
    chain.database = source;
    chain.last.height = height;
    assert_eq!(problems(&chain.imported()), Vec::<String>::new());
}

/// Story: `snapshots` of an earlier ledger lie beside one that was imported since, or computed otherwise.
#[test]
fn a_snapshot_of_what_the_live_database_has_not_is_not_proved() {
    let mut chain = Chain::with([]);
    let source = chain.copy();
    let mut other = Chain::with(small(&mut Random(2), 5));
    assert_eq!(source.snapshot_head(&other.database).unwrap(), None);
    chain.checkpoint([]);
    other.checkpoint([]);
    assert_eq!(chain.database.snapshot_head(&source).unwrap(), None);
    assert!(source.snapshot_head(&chain.database).unwrap().is_some());
}

/// Commits that came with a snapshot have lost blocks at or below gc: they are no answer to anybody.
#[test]
fn commits_of_a_snapshot_are_not_served() {
    let chain = Chain::with([]);
    let imported = Database::open(chain.imported(), &chain.genesis, None).unwrap();
    let first = imported.commits::<Commit>(1, 1).unwrap()[0].index;
    for after in 0..=chain.last.commit_index {
        let request = crate::wire::CommitsRequest { after };
        let answer = imported.commit_range(&request, &chain.committee);
        let told = match after < chain.last.commit_index {
            true => {
                matches!(answer, Err(StoreError::Gone { oldest, .. }) if oldest == chain.last.commit_index + 1)
            }
            false => answer.unwrap() == Default::default(),
        };
        assert!(told, "after {after}; the first is {first}");
    }
}

/// `pollen db verify` finds what is missing of a store that began with a snapshot.
#[test]
fn what_a_snapshot_brought_is_looked_at() {
    let chain = Chain::with(small(&mut Random(5), 40));
    let store = chain.imported();
    let gc_round = chain.commits.last().unwrap().round - GC_DEPTH;
    let families = [
        Family::Dag,
        Family::DagAuthor,
        Family::Commits,
        Family::Checkpoints,
        Family::State,
        Family::Tree,
    ];
    for family in families {
        for (key, _) in all(&*store, family) {
            let damaged = Arc::new(store.image());
            let mut batch = Batch::default();
            batch.delete(family, &key);
            damaged.write(batch, Durability::Synced).unwrap();
            let told = match verify(damaged, &mut |_| {}) {
                Ok(findings) => findings.problems,
                Err(error) => vec![error.to_string()],
            };
            assert!(!told.is_empty(), "{} {}, gc {gc_round}", family.name(), hex::encode(&key));
        }
    }
}
