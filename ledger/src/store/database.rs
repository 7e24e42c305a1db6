//! What keys and values mean: typed reads, and typed additions to a [`Batch`].
//!
//! Nothing here decides when to write: additions go into a batch, and whoever owns the batch writes it.
//! A value that does not decode is corruption: it was checked before it was written.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Batch, Direction, Durability, Entry, Family, Scan, StateAt, Store, StoreError, keys};
use crate::block::{Block, BlockRef, Round, VerifiedBlock};
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::committee::AuthorIndex;
use crate::crypto::Hash;
use crate::execution::{StateKey, Value};
use crate::genesis::Parameters;
use crate::ordering::SigningHistory;
use crate::receipt::Receipt;
use crate::transaction::{AccountId, SignedTransaction};
use crate::tree::{self, Change};

/// Names in [`Family::Meta`].
pub(super) mod meta {
    /// u32: the layout that docs/storage.md draws.
    pub const SCHEMA: &[u8] = b"schema";
    /// The genesis document.
    pub const GENESIS: &[u8] = b"genesis";
    /// 32 bytes: its hash.
    pub const CHAIN: &[u8] = b"chain";
    /// [`super::Tip`].
    pub const TIP: &[u8] = b"tip";
    /// u32: no block of ours below or at this round may be signed again.
    pub const OWN_FLOOR: &[u8] = b"own_floor";
    /// 32 bytes: the public key whose blocks are our own.
    pub const VALIDATOR: &[u8] = b"validator";
    /// How far pruning has come.
    pub const PRUNED: &[u8] = b"pruned";
    /// [`super::Begin`], of a directory that began with a snapshot.
    pub const BEGIN: &[u8] = b"begin";
    /// [`super::super::LedgerHeld`]; missing: everything is there.
    pub const LEDGER_HELD: &[u8] = b"ledger_held";
    /// How far pruning of the ledger's history has come.
    pub const LEDGER_PRUNED: &[u8] = b"ledger_pruned";
    /// [`super::super::Indexes`]; missing: there are none.
    pub const INDEXES: &[u8] = b"indexes";
    /// u8: 0 nothing was ever signed, 1 the store may have forgotten what was. Goes with our first block.
    pub const SIGNING: &[u8] = b"signing";
    /// 32 bytes: the checksum of a file of compiled code, whose name follows.
    pub const ARTEFACT: &[u8] = b"artefact ";
}

/// The last checkpoint in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tip {
    /// Its height.
    pub height: u64,
    /// The last commit in it: execution goes on with the next one.
    pub commit_index: u64,
    /// The checkpoint's digest.
    pub digest: Hash,
    /// The checkpoint's state root.
    pub state_root: Hash,
}

/// Where a store begins: at genesis, or at the snapshot that was imported. Of what was up to there it has
/// the state and what ordering goes on from, and no history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Begin {
    /// The first checkpoint that is there.
    pub height: u64,
    /// The last commit in it. Up to it commits are there only as far as they name blocks above gc, and
    /// their blocks only above gc.
    pub commit_index: u64,
}

/// Where an executed transaction is: checkpoint and place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Location {
    /// The checkpoint's height.
    pub height: u64,
    /// The transaction's place in it, from 0.
    pub index: u32,
}

/// A value of [`Family::State`]: names its key, since the store knows only the key's hash.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateEntry {
    /// A namespace or a module's address.
    pub owner: AccountId,
    /// The key under it.
    pub key: Vec<u8>,
    /// The latest value.
    pub value: Vec<u8>,
}

impl StateEntry {
    /// Where the store and the state tree keep it.
    pub fn key_hash(&self) -> Hash {
        tree::key_hash(&self.owner.0, &self.key)
    }

    /// The latest value under a key, whose hash the caller has.
    pub fn load(
        store: &dyn Store,
        key: &StateKey,
        hash: &Hash,
    ) -> Result<Option<Value>, StoreError> {
        let Some(bytes) = store.get(Family::State, &hash.0)? else { return Ok(None) };
        let corrupt = || StoreError::Corrupt { what: format!("state entry of {key:?}") };
        // Read in place: owner 32, key length 4 and key, value length 4 and value.
        let mut rest = bytes.strip_prefix(&key.owner.0[..]).ok_or_else(corrupt)?;
        let found = take_bytes(&mut rest).ok_or_else(corrupt)?;
        let value = take_bytes(&mut rest).ok_or_else(corrupt)?;
        if found != key.key || !rest.is_empty() {
            return Err(corrupt());
        }
        Ok(Some(Value::from(value)))
    }
}

/// Takes `length u32 little-endian || bytes` off the front.
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (bytes, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

/// A change of the state by a checkpoint, as it goes into a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateWrite {
    /// The key's hash.
    pub hash: Hash,
    /// Where.
    pub key: StateKey,
    /// The value before the checkpoint.
    pub before: Option<Value>,
    /// The value after it.
    pub after: Option<Value>,
}

impl StateWrite {
    /// What it changes in the state tree.
    pub fn change(&self) -> Change {
        Change { key: self.hash, value: self.after.as_deref().map(tree::value_hash) }
    }

    fn put_entry(&self, batch: &mut Batch) {
        let Some(value) = &self.after else { return batch.delete(Family::State, self.hash.0) };
        batch.put_with(Family::State, self.hash.0, |entry| {
            entry.extend_from_slice(&self.key.owner.0);
            for part in [self.key.key.as_slice(), value] {
                entry.extend_from_slice(&(part.len() as u32).to_le_bytes());
                entry.extend_from_slice(part);
            }
        });
    }

    /// One byte that says whether there was a value, and whether there is one now; where there is none, the key,
    /// which stands nowhere else then; the value before to the end.
    fn put_undo(&self, batch: &mut Batch, height: u64) {
        batch.put_with(Family::Undo, keys::undo(&self.hash, height), |undo| {
            let Some(before) = &self.before else { return undo.push(0) };
            undo.push(if self.after.is_some() { 1 } else { 2 });
            if self.after.is_none() {
                undo.extend_from_slice(&self.key.owner.0);
                undo.extend_from_slice(&(self.key.key.len() as u32).to_le_bytes());
                undo.extend_from_slice(&self.key.key);
            }
            undo.extend_from_slice(before);
        });
    }
}

/// The key that a checkpoint removed, as its undo names it.
pub(super) struct Removed<'a> {
    pub(super) owner: AccountId,
    pub(super) key: &'a [u8],
    before: &'a [u8],
}

impl<'a> Removed<'a> {
    /// Out of an undo: none where the key stayed, or came; nothing at all where it is no undo.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Option<Self>> {
        let mut rest = match bytes {
            [0] | [1, ..] => return Some(None),
            [2, rest @ ..] => rest,
            _ => return None,
        };
        let owner = AccountId(*rest.split_off(..32)?.first_chunk()?);
        let key = take_bytes(&mut rest)?;
        Some(Some(Self { owner, key, before: rest }))
    }
}

/// The reverse of `StateWrite::put_undo`.
pub(super) fn value_before<'a>(
    bytes: &'a [u8],
    key: &dyn std::fmt::Debug,
) -> Result<Option<&'a [u8]>, StoreError> {
    match (bytes, Removed::read(bytes)) {
        ([0], _) => Ok(None),
        ([1, value @ ..], _) => Ok(Some(value)),
        (_, Some(Some(removed))) => Ok(Some(removed.before)),
        _ => Err(StoreError::Corrupt { what: format!("undo entry of {key:?}") }),
    }
}

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(super) store: Arc<dyn Store>,
    pub(super) parameters: Parameters,
    pub(super) chain_id: Hash,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database(chain {:?})", self.chain_id)
    }
}

impl Database {
    /// The store below.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The chain whose data this is.
    pub fn chain_id(&self) -> &Hash {
        &self.chain_id
    }

    /// The chain's parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Writes a batch. An error ends the process.
    pub fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.store.write(batch, durability)
    }

    /// The last checkpoint in the store.
    pub fn tip(&self) -> Result<Tip, StoreError> {
        self.meta(meta::TIP)?
            .ok_or_else(|| StoreError::Corrupt { what: "meta has no tip".to_owned() })
    }

    /// Adds a new tip.
    pub fn put_tip(batch: &mut Batch, tip: &Tip) {
        batch.put_encoded(Family::Meta, meta::TIP, tip);
    }

    /// Adds the changes of the checkpoint at `height`, ascending by key hash, and, but for genesis, below which
    /// nobody reads, how to take them back.
    pub fn put_state(batch: &mut Batch, height: u64, writes: &[StateWrite]) {
        writes.iter().for_each(|write| write.put_entry(batch));
        if height == 0 || writes.is_empty() {
            return;
        }
        writes.iter().for_each(|write| write.put_undo(batch, height));
        batch.put_with(Family::UndoKeys, keys::number(height), |hashes| {
            writes.iter().for_each(|write| hashes.extend_from_slice(&write.hash.0));
        });
    }

    /// The state after the checkpoint at a height that is held, see [`Self::heights_held`].
    pub fn state_at(&self, height: u64) -> StateAt {
        StateAt::new(self.store.clone(), height)
    }

    /// The newest state, whatever lands meanwhile: cheaper than [`Self::state_at`] where two reads need not
    /// be of one checkpoint.
    pub fn latest(&self) -> StateAt {
        StateAt::new(self.store.clone(), u64::MAX)
    }

    pub(super) fn meta<T: BorshDeserialize>(&self, name: &[u8]) -> Result<Option<T>, StoreError> {
        self.read(Family::Meta, name)
    }

    pub(super) fn read<T: BorshDeserialize>(
        &self,
        family: Family,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        self.store.get(family, key)?.map(|bytes| decode(family, key, &bytes)).transpose()
    }

    /// Entries under the numbers from `from` on.
    fn numbered<T: BorshDeserialize>(
        &self,
        family: Family,
        from: u64,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let entries = self.store.scan(Scan {
            family,
            from: &keys::number(from),
            to: &keys::number(u64::MAX),
            limit,
            bytes_max: SCAN_BYTES_MAX,
            direction: Direction::Ascending,
        })?;
        entries.iter().map(|(key, bytes)| decode(family, key, bytes)).collect()
    }
}

/// Bytes that one read of a range takes at most, whatever its limit: a caller reads on from the last entry.
const SCAN_BYTES_MAX: usize = 16 << 20;

/// A value that we wrote ourselves.
pub(super) fn decode<T: BorshDeserialize>(
    family: Family,
    key: &[u8],
    bytes: &[u8],
) -> Result<T, StoreError> {
    T::try_from_slice(bytes).map_err(|error| StoreError::Corrupt {
        what: format!("{} {}: {error}", family.name(), hex::encode(key)),
    })
}

/// Blocks of the DAG.
impl Database {
    /// Adds an accepted block.
    pub fn put_block(batch: &mut Batch, block: &VerifiedBlock) {
        let reference = block.reference();
        batch.put_encoded(Family::Dag, keys::block(&reference), block.block());
        batch.put(Family::DagAuthor, keys::author_block(&reference), []);
    }

    /// Adds a block of our own and raises the floor to its round: to be synced before it leaves.
    pub fn put_own_block(batch: &mut Batch, block: &VerifiedBlock) {
        Self::put_block(batch, block);
        Self::put_own_floor(batch, block.round());
    }

    /// Raises the round at and below which nothing of ours may be signed again.
    pub fn put_own_floor(batch: &mut Batch, round: Round) {
        batch.put_encoded(Family::Meta, meta::OWN_FLOOR, &round);
    }

    /// The round at and below which nothing of ours may be signed again; 0 at the start.
    pub fn own_floor(&self) -> Result<Round, StoreError> {
        Ok(self.meta(meta::OWN_FLOOR)?.unwrap_or(0))
    }

    /// Adds what this directory says about what was signed with our key. [`SigningHistory::Forgotten`] is
    /// for whoever restores or imports one; it lasts until a block of ours is signed again.
    pub fn put_signing_history(batch: &mut Batch, history: SigningHistory) {
        match history {
            SigningHistory::NeverSigned => batch.put(Family::Meta, meta::SIGNING, [0]),
            SigningHistory::Forgotten => batch.put(Family::Meta, meta::SIGNING, [1]),
            SigningHistory::Kept => batch.delete(Family::Meta, meta::SIGNING),
        }
    }

    /// What this directory says about what was signed with our key.
    pub fn signing_history(&self) -> Result<SigningHistory, StoreError> {
        match self.meta::<u8>(meta::SIGNING)? {
            None => Ok(SigningHistory::Kept),
            Some(0) => Ok(SigningHistory::NeverSigned),
            Some(1) => Ok(SigningHistory::Forgotten),
            Some(other) => Err(StoreError::Corrupt { what: format!("meta.signing is {other}") }),
        }
    }

    /// A block's encoding.
    pub fn block_bytes(&self, reference: &BlockRef) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(Family::Dag, &keys::block(reference))
    }

    /// A block. It was verified when it went in; only its name is checked again.
    pub fn block(&self, reference: &BlockRef) -> Result<Option<VerifiedBlock>, StoreError> {
        let Some(bytes) = self.block_bytes(reference)? else { return Ok(None) };
        self.decode_block(&keys::block(reference), &bytes).map(Some)
    }

    /// Blocks in order of round, author, digest: from the first of `round` on, or behind `after` where
    /// that is given. At most `limit`, and at least one where there is one; empty at the end.
    pub fn blocks(
        &self,
        round: Round,
        after: Option<&BlockRef>,
        limit: usize,
    ) -> Result<Vec<VerifiedBlock>, StoreError> {
        let from = match after {
            // The least key above: one byte more.
            Some(after) => [&keys::block(after)[..], &[0]].concat(),
            None => round.to_be_bytes().to_vec(),
        };
        let entries = self.store.scan(Scan {
            family: Family::Dag,
            from: &from,
            to: &[0xff; 39],
            limit,
            bytes_max: SCAN_BYTES_MAX,
            direction: Direction::Ascending,
        })?;
        entries.iter().map(|(key, bytes)| self.decode_block(key, bytes)).collect()
    }

    /// Names of an author's blocks from a round on, in order, at most `limit`.
    pub fn author_blocks(
        &self,
        author: AuthorIndex,
        from: Round,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        self.author_scan(author, from, limit, Direction::Ascending)
    }

    /// An author's block of the highest round.
    pub fn newest_block(&self, author: AuthorIndex) -> Result<Option<BlockRef>, StoreError> {
        Ok(self.author_scan(author, 0, 1, Direction::Descending)?.pop())
    }

    fn author_scan(
        &self,
        author: AuthorIndex,
        from: Round,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<BlockRef>, StoreError> {
        // Above every key of this author: its highest round, then more than any digest.
        let to = [&keys::author_round(author, Round::MAX)[..], &[0xff; 33]].concat();
        let entries = self.store.scan(Scan {
            family: Family::DagAuthor,
            from: &keys::author_round(author, from),
            to: &to,
            limit,
            bytes_max: SCAN_BYTES_MAX,
            direction,
        })?;
        let read = |(key, _): Entry| {
            keys::read_author_block(&key).ok_or_else(|| StoreError::Corrupt {
                what: format!("dag_author {}", hex::encode(&key)),
            })
        };
        entries.into_iter().map(read).collect()
    }

    pub(super) fn decode_block(
        &self,
        key: &[u8],
        bytes: &[u8],
    ) -> Result<VerifiedBlock, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt {
            what: format!("dag {}: {what}", hex::encode(key)),
        };
        let block = Block::decode(bytes, &self.parameters)
            .and_then(|block| VerifiedBlock::trusted(block, &self.parameters))
            .map_err(|error| corrupt(error.to_string()))?;
        match keys::block(&block.reference()) == key {
            true => Ok(block),
            false => Err(corrupt("holds another block".to_owned())),
        }
    }
}

/// Commits, checkpoints, and what execution said.
impl Database {
    /// Adds a commit.
    pub fn put_commit<C: BorshSerialize>(batch: &mut Batch, index: u64, commit: &C) {
        batch.put_encoded(Family::Commits, keys::number(index), commit);
    }

    /// A commit by index.
    pub fn commit<C: BorshDeserialize>(&self, index: u64) -> Result<Option<C>, StoreError> {
        self.read(Family::Commits, &keys::number(index))
    }

    /// Commits from an index on, at most `limit`; read on until none comes.
    pub fn commits<C: BorshDeserialize>(
        &self,
        from: u64,
        limit: usize,
    ) -> Result<Vec<C>, StoreError> {
        self.numbered(Family::Commits, from, limit)
    }

    /// Adds a checkpoint.
    pub fn put_checkpoint(batch: &mut Batch, checkpoint: &Checkpoint) {
        let key = keys::number(checkpoint.height);
        batch.put_encoded(Family::Checkpoints, key, checkpoint);
    }

    /// A checkpoint by height.
    pub fn checkpoint(&self, height: u64) -> Result<Option<Checkpoint>, StoreError> {
        self.read(Family::Checkpoints, &keys::number(height))
    }

    /// Checkpoints from a height on, at most `limit`.
    pub fn checkpoints(&self, from: u64, limit: usize) -> Result<Vec<Checkpoint>, StoreError> {
        self.numbered(Family::Checkpoints, from, limit)
    }

    /// Adds an executed transaction with its receipt and this node's note.
    pub fn put_executed(
        batch: &mut Batch,
        location: Location,
        transaction: &SignedTransaction,
        receipt: &Receipt,
        note: Option<&str>,
    ) {
        let place = keys::place(location.height, location.index);
        batch.put(Family::Transactions, place, encode_bare(transaction));
        batch.put(Family::TransactionIndex, receipt.transaction.0, place);
        batch.put_encoded(Family::Receipts, place, receipt);
        if let Some(note) = note {
            batch.put(Family::Notes, place, note.as_bytes());
        }
    }

    /// Where a transaction was executed.
    pub fn location(&self, transaction: &Hash) -> Result<Option<Location>, StoreError> {
        let Some(bytes) = self.store.get(Family::TransactionIndex, &transaction.0)? else {
            return Ok(None);
        };
        let (height, index) = keys::read_place(&bytes).ok_or_else(|| StoreError::Corrupt {
            what: format!("transaction_index {transaction}"),
        })?;
        Ok(Some(Location { height, index }))
    }

    /// The receipt at a place.
    pub fn receipt(&self, at: Location) -> Result<Option<Receipt>, StoreError> {
        self.read(Family::Receipts, &keys::place(at.height, at.index))
    }

    /// A transaction's receipt, with its place.
    pub fn receipt_of(
        &self,
        transaction: &Hash,
    ) -> Result<Option<(Location, Receipt)>, StoreError> {
        let Some(at) = self.location(transaction)? else { return Ok(None) };
        let receipt = self.receipt(at)?.ok_or_else(|| StoreError::Corrupt {
            what: format!("no receipt at {}.{}", at.height, at.index),
        })?;
        Ok(Some((at, receipt)))
    }

    /// The transaction at a place, without its attachments.
    pub fn transaction(&self, at: Location) -> Result<Option<SignedTransaction>, StoreError> {
        self.read(Family::Transactions, &keys::place(at.height, at.index))
    }

    /// This node's own text beside a receipt.
    pub fn note(&self, at: Location) -> Result<Option<String>, StoreError> {
        let bytes = self.store.get(Family::Notes, &keys::place(at.height, at.index))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Receipts of a checkpoint from a place on, at most `limit`.
    pub fn receipts(
        &self,
        from: Location,
        limit: usize,
    ) -> Result<Vec<(Location, Receipt)>, StoreError> {
        self.scan_receipts(from, keys::place(from.height.saturating_add(1), 0), limit)
    }

    pub(super) fn scan_receipts(
        &self,
        from: Location,
        to: [u8; 12],
        limit: usize,
    ) -> Result<Vec<(Location, Receipt)>, StoreError> {
        let entries = self.store.scan(Scan {
            family: Family::Receipts,
            from: &keys::place(from.height, from.index),
            to: &to,
            limit,
            bytes_max: SCAN_BYTES_MAX,
            direction: Direction::Ascending,
        })?;
        let read = |(key, bytes): Entry| {
            let (height, index) = keys::read_place(&key).ok_or_else(|| StoreError::Corrupt {
                what: format!("receipts {}", hex::encode(&key)),
            })?;
            Ok((Location { height, index }, decode(Family::Receipts, &key, &bytes)?))
        };
        entries.into_iter().map(read).collect()
    }

    /// Adds a component.
    pub fn put_code(batch: &mut Batch, hash: &Hash, code: &[u8]) {
        batch.put(Family::Modules, hash.0, code);
    }
}

/// A [`SignedTransaction`] with an empty list of attachments: code is in `modules` already, once.
fn encode_bare(signed: &SignedTransaction) -> Vec<u8> {
    let mut bytes = codec::encode(&signed.transaction);
    bytes.extend_from_slice(&codec::encode(&signed.signature));
    bytes.extend_from_slice(&codec::encode(&signed.cosignatures));
    bytes.extend_from_slice(&0u32.to_le_bytes());
    bytes
}
