//! The importing side: a new store, filled with what was checked, and made a database at the end.
//!
//! Invariants: nothing is written before it was verified; entries and the position behind them are one
//! batch, so an import goes on wherever a crash left it; the store has no schema until all is there, so
//! nothing else opens it. What a crash took from the end is asked for again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::database::{decode, meta};
use super::super::prune::put_oldest;
use super::super::{
    Batch, Begin, Database, Direction, Durability, Family, LedgerHeld, Scan, StateEntry, Store,
    StoreError, Tip, keys,
};
use super::{Chunk, ImportError, PARTS, SnapshotHead, VerifiedHead, part_begin, part_of};
use crate::block::{BlockRef, VerifiedBlock};
use crate::codec;
use crate::crypto::{Hash, PublicKey};
use crate::execution::{Namespace, StateKey};
use crate::genesis::Genesis;
use crate::ordering::SigningHistory;
use crate::tree::{TreeBuilder, value_hash};

/// The head of what is imported.
const HEAD: &[u8] = b"import.head";
/// A part's position: this, then its number u8.
const POSITION: &[u8] = b"import.part";
/// Code that the state needs: this, then its hash.
const CODE: &[u8] = b"import.code";
/// Bytes after which a chunk is written with sync: what a power cut costs.
const SYNC_BYTES: u64 = 32 << 20;
/// Entries and bytes of the state that are read at a time, and bytes of records written at once.
const PAGE: (usize, usize) = (4096, 4 << 20);

/// How far a part has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first nibble of its keys.
    pub nibble: u8,
    /// Where its next chunk begins.
    pub next: Hash,
    /// True when there is no next one.
    pub done: bool,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries of the state.
    pub entries: u64,
    /// Their encoded bytes.
    pub bytes: u64,
}

/// A part's position, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Position {
    pub next: Hash,
    pub done: bool,
    pub entries: u64,
    pub bytes: u64,
}

/// See the module's documentation. May be used by several threads at once.
pub struct Import {
    store: Arc<dyn Store>,
    genesis: Genesis,
    head: VerifiedHead,
    /// The head as it came: its certificate is kept.
    source: SnapshotHead,
    parts: [Mutex<Position>; PARTS],
    /// Blocks that are not there yet.
    blocks: Mutex<BTreeSet<BlockRef>>,
    /// Code that the state names so far and that is not there yet.
    code: Mutex<BTreeSet<Hash>>,
    unsynced_bytes: AtomicU64,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Import(height {})", self.height())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

fn named(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    [prefix, rest].concat()
}

impl Import {
    /// Checks a head and begins to import it into an empty store.
    pub fn begin(
        store: Arc<dyn Store>,
        genesis: &Genesis,
        head: SnapshotHead,
    ) -> Result<Self, ImportError> {
        let verified = head.verify(genesis)?;
        if !super::super::open::is_empty(&*store)? {
            return Err(ImportError::NotEmpty);
        }
        let mut batch = Batch::default();
        batch.put_encoded(Family::Meta, HEAD, &head);
        store.write(batch, Durability::Synced)?;
        Self::load(store, genesis, head, verified)
    }

    /// Goes on with what a store has of an import; none of an empty one, and of one that is finished. A
    /// store of another chain is refused as its head is.
    pub fn resume(store: Arc<dyn Store>, genesis: &Genesis) -> Result<Option<Self>, ImportError> {
        let Some(bytes) = store.get(Family::Meta, HEAD)? else { return Ok(None) };
        let head: SnapshotHead = decode(Family::Meta, HEAD, &bytes)?;
        let verified = head.verify(genesis)?;
        Self::load(store, genesis, head, verified).map(Some)
    }

    fn load(
        store: Arc<dyn Store>,
        genesis: &Genesis,
        source: SnapshotHead,
        head: VerifiedHead,
    ) -> Result<Self, ImportError> {
        let mut parts = Vec::with_capacity(PARTS);
        for part in 0..PARTS as u8 {
            let name = named(POSITION, &[part]);
            let begin = Position { next: part_begin(part), done: false, entries: 0, bytes: 0 };
            let position = match store.get(Family::Meta, &name)? {
                Some(bytes) => decode(Family::Meta, &name, &bytes)?,
                None => begin,
            };
            parts.push(Mutex::new(position));
        }
        let parts = parts.try_into().expect("as many as there are parts");
        let mut blocks = head.past.blocks.clone();
        for reference in &head.past.blocks {
            if store.get(Family::DagAuthor, &keys::author_block(reference))?.is_some() {
                blocks.remove(reference);
            }
        }
        let mut code = BTreeSet::new();
        for name in code_names(&*store)? {
            let hash = name.strip_prefix(CODE).and_then(|hash| hash.try_into().ok()).map(Hash);
            let hash = hash.ok_or_else(|| StoreError::Corrupt {
                what: format!("meta {}", hex::encode(&name)),
            })?;
            if store.get(Family::Modules, &hash.0)?.is_none() {
                code.insert(hash);
            }
        }
        Ok(Self {
            store,
            genesis: genesis.clone(),
            head,
            source,
            parts,
            blocks: Mutex::new(blocks),
            code: Mutex::new(code),
            unsynced_bytes: AtomicU64::new(0),
        })
    }

    /// The height of the snapshot.
    pub fn height(&self) -> u64 {
        self.head.checkpoint().height
    }

    /// The head, as it came.
    pub fn head(&self) -> &SnapshotHead {
        &self.source
    }

    /// Where each part goes on.
    pub fn parts(&self) -> Vec<Part> {
        let part = |(nibble, position): (u8, &Mutex<Position>)| {
            let Position { next, done, .. } = *lock(position);
            Part { nibble, next, done }
        };
        (0..).zip(&self.parts).map(part).collect()
    }

    /// How much of the state is there.
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for position in &self.parts {
            let position = lock(position);
            progress.entries += position.entries;
            progress.bytes += position.bytes;
        }
        progress
    }

    /// Checks the chunk that was asked for from a key hash on, and writes it.
    pub fn put_chunk(&self, from: &Hash, chunk: &Chunk) -> Result<(), ImportError> {
        let part = part_of(from);
        let mut position = lock(&self.parts[usize::from(part)]);
        if position.done || position.next != *from {
            return Err(ImportError::Position { part, from: *from, next: position.next });
        }
        let (hashes, next) = chunk.verify(&self.head.checkpoint().state_root, from)?;
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut code = BTreeSet::new();
        for (entry, (key, _)) in chunk.entries.iter().zip(&hashes) {
            batch.put_encoded(Family::State, key.0, entry);
            bytes += codec::length(entry) as u64;
            if let Some(hash) = code_of(entry)? {
                batch.put(Family::Meta, named(CODE, &hash.0), []);
                code.insert(hash);
            }
        }
        let after = Position {
            next: next.unwrap_or(*from),
            done: next.is_none(),
            entries: position.entries + hashes.len() as u64,
            bytes: position.bytes + bytes,
        };
        batch.put_encoded(Family::Meta, named(POSITION, &[part]), &after);
        let unsynced = self.unsynced_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let durability = match unsynced >= SYNC_BYTES {
            true => Durability::Synced,
            false => Durability::Buffered,
        };
        self.store.write(batch, durability)?;
        if durability == Durability::Synced {
            self.unsynced_bytes.store(0, Ordering::Relaxed);
        }
        for hash in code {
            if self.store.get(Family::Modules, &hash.0)?.is_none() {
                lock(&self.code).insert(hash);
            }
        }
        *position = after;
        Ok(())
    }

    /// Blocks that are not there yet, at most `limit`.
    pub fn missing_blocks(&self, limit: usize) -> Vec<BlockRef> {
        lock(&self.blocks).iter().take(limit).copied().collect()
    }

    /// Takes blocks that the snapshot names. One that is there already changes nothing.
    pub fn put_blocks(&self, blocks: Vec<VerifiedBlock>) -> Result<(), ImportError> {
        let mut batch = Batch::default();
        let named = &self.head.past.blocks;
        let other = blocks.iter().map(VerifiedBlock::reference).find(|name| !named.contains(name));
        if let Some(other) = other {
            return Err(ImportError::Block(other));
        }
        blocks.iter().for_each(|block| Database::put_block(&mut batch, block));
        self.store.write(batch, Durability::Buffered)?;
        let mut missing = lock(&self.blocks);
        for block in &blocks {
            missing.remove(&block.reference());
        }
        Ok(())
    }

    /// Code that is not there yet, of the modules that were met so far, at most `limit`.
    pub fn missing_code(&self, limit: usize) -> Vec<Hash> {
        lock(&self.code).iter().take(limit).copied().collect()
    }

    /// Takes a component that the state names. One that is there already changes nothing.
    pub fn put_code(&self, code: &[u8]) -> Result<(), ImportError> {
        let hash = Hash::of_content(code);
        if self.store.get(Family::Meta, &named(CODE, &hash.0))?.is_none() {
            return Err(ImportError::Code(hash));
        }
        let mut batch = Batch::default();
        Database::put_code(&mut batch, &hash, code);
        self.store.write(batch, Durability::Buffered)?;
        lock(&self.code).remove(&hash);
        Ok(())
    }

    /// Makes a database of what is there: builds the state tree, checks its root, and writes what a node
    /// starts from, in one synced batch. `validator` is the key that the node will sign with. `progress`
    /// hears how many more entries were read. After a crash before its end it can be called again.
    pub fn finish(
        self,
        validator: Option<PublicKey>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tip, ImportError> {
        let incomplete = |what| Err(ImportError::Incomplete(what));
        if self.parts().iter().any(|part| !part.done) {
            return incomplete("chunks of the state are");
        }
        if !lock(&self.blocks).is_empty() {
            return incomplete("blocks are");
        }
        if !lock(&self.code).is_empty() {
            return incomplete("code of modules is");
        }
        let (found, expected) = (self.build_tree(progress)?, self.head.checkpoint().state_root);
        if found != expected {
            // Every chunk was checked on its way in.
            return Err(ImportError::Store(StoreError::Corrupt {
                what: format!("the imported state has the root {found}, not {expected}"),
            }));
        }
        self.write_database(validator)
    }

    /// Writes the records of the state tree; answers its root.
    fn build_tree(&self, progress: &mut dyn FnMut(u64)) -> Result<Hash, StoreError> {
        let mut builder = TreeBuilder::new(self.height());
        let mut batch = Batch::default();
        let mut from = Vec::new();
        loop {
            let page = self.store.scan(Scan {
                family: Family::State,
                from: &from,
                to: &[0xff; 33],
                limit: PAGE.0,
                bytes_max: PAGE.1,
                direction: Direction::Ascending,
            })?;
            let Some((last, _)) = page.last() else { break };
            from = [last, &[0][..]].concat();
            for (key, bytes) in &page {
                let entry: StateEntry = decode(Family::State, key, bytes)?;
                let hash = key.as_slice().try_into().map(Hash).map_err(|_| {
                    StoreError::Corrupt { what: format!("state {}", hex::encode(key)) }
                })?;
                builder.add(hash, value_hash(&entry.value), &mut |key, record| {
                    batch.put(Family::Tree, key.encode(), record);
                });
            }
            if batch.bytes() >= PAGE.1 {
                self.store.write(std::mem::take(&mut batch), Durability::Buffered)?;
            }
            progress(page.len() as u64);
        }
        let root = builder.finish(&mut |key, record| {
            batch.put(Family::Tree, key.encode(), record);
        });
        self.store.write(batch, Durability::Buffered)?;
        Ok(root)
    }

    /// What makes a database of it, and of the rest nothing is left.
    fn write_database(&self, validator: Option<PublicKey>) -> Result<Tip, ImportError> {
        let checkpoint = self.head.checkpoint();
        let height = checkpoint.height;
        let tip = Tip {
            height,
            commit_index: checkpoint.commit_index,
            digest: *self.head.certified.digest(),
            state_root: checkpoint.state_root,
        };
        let mut batch = Batch::default();
        Database::put_identity(&mut batch, &self.genesis);
        Database::put_tip(&mut batch, &tip);
        Database::put_begin(&mut batch, &Begin { height, commit_index: tip.commit_index });
        put_oldest(&mut batch, height);
        let past = &self.head.past;
        let first = past.commits.first().map_or(tip.commit_index + 1, |commit| commit.index);
        let round = past.blocks.iter().map(|block| block.round).min().unwrap_or_default();
        let held = LedgerHeld { height: height + 1, commit: first, round };
        Database::put_ledger_held(&mut batch, &held);
        Database::put_checkpoint(&mut batch, checkpoint);
        if self.source.proof.path.is_empty() {
            let signatures = &self.source.proof.certificate.signatures;
            Database::put_signatures(&mut batch, height, signatures);
        }
        for commit in &self.head.past.commits {
            Database::put_commit(&mut batch, commit.index, commit);
        }
        if let Some(key) = validator {
            batch.put(Family::Meta, meta::VALIDATOR, key.0);
            Database::put_signing_history(&mut batch, SigningHistory::Forgotten);
            let own = self.genesis.committee.iter().position(|one| one.public_key == key);
            let rounds =
                self.head.past.blocks.iter().filter(|block| own == Some(usize::from(block.author)));
            if let Some(newest) = rounds.map(|block| block.round).max() {
                Database::put_own_floor(&mut batch, newest);
            }
        }
        batch.delete(Family::Meta, HEAD);
        (0..PARTS as u8).for_each(|part| batch.delete(Family::Meta, named(POSITION, &[part])));
        code_names(&*self.store)?.iter().for_each(|name| batch.delete(Family::Meta, name));
        self.store.write(batch, Durability::Synced)?;
        Ok(tip)
    }
}

/// Names of all code that the state met so far needs.
fn code_names(store: &dyn Store) -> Result<Vec<Vec<u8>>, StoreError> {
    let entries = store.scan(Scan {
        family: Family::Meta,
        from: CODE,
        to: &named(CODE, &[0xff; 33]),
        limit: usize::MAX,
        bytes_max: usize::MAX,
        direction: Direction::Ascending,
    })?;
    Ok(entries.into_iter().map(|(name, _)| name).collect())
}

/// The code that an entry of the state is the record of: it belongs to the snapshot. (Whatever a module ran or
/// can be upgraded to was published, so there is a record of it.)
pub fn code_of(entry: &StateEntry) -> Result<Option<Hash>, ImportError> {
    if entry.owner != StateKey::ledger(Namespace::Code, &[]).owner {
        return Ok(None);
    }
    let hash = entry.key.as_slice().try_into().map_err(|_| ImportError::Module)?;
    Ok(Some(Hash(hash)))
}
