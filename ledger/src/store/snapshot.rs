//! Snapshots: what a new peer needs to go on from a certified checkpoint, with nothing trusted but genesis.
//!
//! A snapshot of a height is its [`SnapshotHead`] (the proof of the checkpoint, and the commits that may
//! name blocks above gc), those blocks, the code of deployed modules, and the state, in [`Chunk`]s. A chunk
//! is consecutive entries with a proof against the checkpoint's state root. The keys have sixteen parts, one
//! for each first nibble, each walked from its lowest key; so several peers can be asked at once, sixteen
//! positions say how far an import has come, and there is no list of chunks that one would have to trust.
//!
//! Serving reads a database whose tip is the snapshot's height: a copy made right after that checkpoint was
//! written. Only the certificate is asked of the live one, which lets the rest go some day. [`Import`] is the
//! other side: it writes nothing that it has not checked.

use borsh::{BorshDeserialize, BorshSerialize};

use super::database::meta;
use super::{Database, Direction, Family, Scan, StateEntry, StoreError, Tip};
use crate::block::BlockRef;
use crate::checkpoint::Checkpoint;
use crate::codec::{self, DecodeError};
use crate::committee::CommitteeError;
use crate::crypto::Hash;
use crate::genesis::Genesis;
use crate::light::{CertifiedCheckpoint, CheckpointProof, LightClient, LightError};
use crate::limits::{MESSAGE_BYTES_MAX, STORAGE_KEY_BYTES_MAX, STORAGE_VALUE_BYTES_MAX};
use crate::ordering::{Commit, Inherited, PastError, inherit};
use crate::tree::{RANGE_PROOF_BYTES_MAX, RangeEntry, RangeError, value_hash, verify_range_within};

mod import;
#[cfg(test)]
pub(crate) use import::Position;

pub use import::{Import, Part, Progress, code_of};

/// Parts of the key space: one for each first nibble.
pub const PARTS: usize = 16;
/// Bytes of a chunk's encoded entries at most; an entry that is larger is a chunk of its own.
pub const CHUNK_ENTRIES_BYTES_MAX: usize = 1 << 20;
/// Bytes of the entries of a chunk that does not end its part, at least: cut greedily it has more, since the entry
/// that did not fit is smaller than the rest. So an import takes a bounded number of chunks.
pub const CHUNK_ENTRIES_BYTES_MIN: usize = CHUNK_ENTRIES_BYTES_MAX / 2;
const _: () = assert!(
    // Owner, lengths, key, value.
    40 + STORAGE_KEY_BYTES_MAX + STORAGE_VALUE_BYTES_MAX
        <= CHUNK_ENTRIES_BYTES_MAX - CHUNK_ENTRIES_BYTES_MIN
);
/// Bytes of an encoded [`Chunk`] at most. No entry of a chain is as large as a chunk.
pub const CHUNK_BYTES_MAX: usize = CHUNK_ENTRIES_BYTES_MAX + RANGE_PROOF_BYTES_MAX + 8;
/// Bytes of an encoded [`SnapshotHead`] at most.
pub const SNAPSHOT_HEAD_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// The beginning of a snapshot. Nothing in it is believed before [`SnapshotHead::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SnapshotHead {
    /// Of the checkpoint at the snapshot's height.
    pub proof: CheckpointProof,
    /// The commits that may name blocks above gc, ascending; the last is the checkpoint's own.
    pub commits: Vec<Commit>,
}

/// A head that was checked.
#[derive(Debug, Clone)]
pub struct VerifiedHead {
    pub(super) certified: CertifiedCheckpoint,
    pub(super) past: Inherited,
}

/// Consecutive entries of the state, with what proves them. Never goes over the end of its part.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chunk {
    /// Ascending by key hash; cut greedily at [`CHUNK_ENTRIES_BYTES_MAX`].
    pub entries: Vec<StateEntry>,
    /// That these are all: up to the last of them, or to the end of the part.
    pub proof: Vec<u8>,
}

/// Why an import did not go on. [`Self::blames_sender`] tells lies from all else.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImportError {
    /// The store failed: end the process.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No chain has such a committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// The checkpoint is not proved.
    #[error("the head of the snapshot is refused: {0}")]
    Head(#[from] LightError),
    /// The commits are not the checkpoint's.
    #[error("the head of the snapshot is refused: {0}")]
    Past(#[from] PastError),
    /// Genesis needs no snapshot.
    #[error("there is no snapshot of height 0: start the node with an empty data directory")]
    Genesis,
    /// Entries that are not those of the certified state.
    #[error("the chunk of part {part:x} from {from} is refused: {reason}")]
    Chunk {
        /// The first nibble.
        part: u8,
        /// Its first key hash.
        from: Hash,
        /// What does not hold.
        reason: RangeError,
    },
    /// True entries, and too few of them.
    #[error(
        "the chunk of part {part:x} from {from} is refused: it ends after {bytes} bytes, before its part does"
    )]
    Runt {
        /// The first nibble.
        part: u8,
        /// Its first key hash.
        from: Hash,
        /// Of its entries.
        bytes: usize,
    },
    /// A chunk that does not begin where its part goes on: another one has come meanwhile.
    #[error("part {part:x} goes on at {next}, not at {from}")]
    Position {
        /// The first nibble.
        part: u8,
        /// Where the chunk begins.
        from: Hash,
        /// Where the part goes on.
        next: Hash,
    },
    /// A block that no commit of the head names above gc.
    #[error("the snapshot does not name the block {0:?}: ask another node")]
    Block(BlockRef),
    /// Code that no module record of the state names.
    #[error("no module of the state has code with the hash {0}: ask another node")]
    Code(Hash),
    /// A module record of the certified state that this program cannot read.
    #[error("the state has a module that this program cannot read: install the newest version")]
    Module,
    /// A store that holds something else.
    #[error("the directory for the import holds other data: remove it and begin again")]
    NotEmpty,
    /// Too early.
    #[error("the import is not complete: {0} missing")]
    Incomplete(&'static str),
}

impl ImportError {
    /// True when what came is not what it should be: its sender lied, or passed on a lie.
    pub fn blames_sender(&self) -> bool {
        matches!(
            self,
            Self::Head(_)
                | Self::Past(_)
                | Self::Chunk { .. }
                | Self::Runt { .. }
                | Self::Block(_)
                | Self::Code(_)
        )
    }
}

impl SnapshotHead {
    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, SNAPSHOT_HEAD_BYTES_MAX)
    }

    /// The height that it claims to be of.
    pub fn height(&self) -> u64 {
        let CheckpointProof { path, certificate } = &self.proof;
        path.first().unwrap_or(&certificate.checkpoint).height
    }

    /// Checks all of it, with nothing trusted but genesis: the certificate, the way from it to the
    /// checkpoint, and that the commits are what the checkpoint says.
    pub fn verify(&self, genesis: &Genesis) -> Result<VerifiedHead, ImportError> {
        if self.height() == 0 {
            return Err(ImportError::Genesis);
        }
        let client = LightClient::new(genesis)?;
        let certified = client.checkpoint(self.height(), &self.proof)?;
        let commits = self.commits.clone();
        let (committee, parameters) = (client.committee(), &genesis.parameters);
        let past = inherit(commits, certified.checkpoint(), committee, parameters)?;
        Ok(VerifiedHead { certified, past })
    }
}

impl VerifiedHead {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.certified.checkpoint()
    }

    /// Blocks that belong to the snapshot.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockRef> {
        self.past.blocks.iter()
    }
}

impl Chunk {
    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, CHUNK_BYTES_MAX)
    }

    /// Checks that these are all entries under `root` from the key hash `from` on, as far as they go, and that
    /// they go far enough. Answers their hashes, and where the part goes on; none at its end.
    pub fn verify(
        &self,
        root: &Hash,
        from: &Hash,
    ) -> Result<(Vec<RangeEntry>, Option<Hash>), ImportError> {
        let hashes = |entry: &StateEntry| (entry.key_hash(), value_hash(&entry.value));
        let hashes: Vec<RangeEntry> = self.entries.iter().map(hashes).collect();
        let refused = |reason| ImportError::Chunk { part: part_of(from), from: *from, reason };
        let end = part_end(from);
        let ends = verify_range_within(root, from, &end, &hashes, &self.proof).map_err(refused)?;
        let last = hashes.last().map(|(key, _)| *key);
        let next = last.filter(|last| !ends && *last != end).map(|last| successor(&last));
        let bytes: usize = self.entries.iter().map(codec::length).sum();
        if next.is_some() && bytes < CHUNK_ENTRIES_BYTES_MIN {
            return Err(ImportError::Runt { part: part_of(from), from: *from, bytes });
        }
        Ok((hashes, next))
    }
}

/// The part of a key hash: its first nibble.
pub fn part_of(key: &Hash) -> u8 {
    key.0[0] >> 4
}

/// The lowest key hash of a part.
pub fn part_begin(part: u8) -> Hash {
    let mut begin = Hash::ZERO;
    begin.0[0] = part << 4;
    begin
}

/// The highest key hash of a key's part.
fn part_end(key: &Hash) -> Hash {
    let mut end = Hash([0xff; 32]);
    end.0[0] = key.0[0] | 0x0f;
    end
}

/// The next key hash; the highest one has none.
fn successor(key: &Hash) -> Hash {
    let mut next = *key;
    for byte in next.0.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    next
}

impl Database {
    /// The head of the snapshot that this database is, whose tip is at its height. `live` is the database that
    /// it was copied from: the certificate came after the copy was made, and is there. None when that has none
    /// yet, does not hold the checkpoint, or holds another one. Height 0 needs no snapshot.
    ///
    /// Commits are read here, and not there, where pruning takes them away some day: a snapshot stays as
    /// complete as it was made.
    pub fn snapshot_head(&self, live: &Self) -> Result<Option<SnapshotHead>, StoreError> {
        let Tip { height, commit_index, digest, .. } = self.tip()?;
        let there = live.checkpoint(height)?;
        if height == 0 || there.is_none_or(|there| there.digest() != digest) {
            return Ok(None);
        }
        let corrupt = |what: &str| StoreError::Corrupt { what: what.to_owned() };
        let genesis: Genesis =
            self.meta(meta::GENESIS)?.ok_or_else(|| corrupt("meta has no genesis document"))?;
        let committee = genesis.committee().map_err(|error| corrupt(&error.to_string()))?;
        let Some(proof) = live.prove_checkpoint(height, &committee)? else { return Ok(None) };
        let last: Commit = self
            .commit(commit_index)?
            .ok_or_else(|| corrupt("the commit at the tip is missing"))?;
        let gc_round = last.round.saturating_sub(self.parameters().gc_depth);
        let commits = self.commits_down_to(last.index, gc_round + 1)?;
        Ok(Some(SnapshotHead { proof, commits }))
    }

    /// The chunk from a key hash on, of a database whose tip is at `height`.
    pub fn snapshot_chunk(&self, height: u64, from: &Hash) -> Result<Chunk, StoreError> {
        let tip = self.tip()?.height;
        if tip != height {
            return Err(StoreError::NotHeld { height, oldest: tip, newest: tip });
        }
        let end = part_end(from);
        // Twice the bytes: keys count here and not there, and make less than half.
        let bytes_max = 2 * CHUNK_ENTRIES_BYTES_MAX;
        let read = self.store.scan(Scan {
            family: Family::State,
            from: &from.0,
            to: &[&end.0[..], &[0]].concat(),
            limit: usize::MAX,
            bytes_max,
            direction: Direction::Ascending,
        })?;
        let mut bytes = 0;
        let fits = |(key, value): &&(Vec<u8>, Vec<u8>)| {
            bytes += value.len();
            bytes <= CHUNK_ENTRIES_BYTES_MAX || key == &read[0].0
        };
        let taken = read.iter().take_while(fits).count();
        let total: usize = read.iter().map(|(key, value)| key.len() + value.len()).sum();
        let is_all = taken == read.len() && total < bytes_max;
        let taken = &read[..taken];
        let entry = |(key, bytes): &(Vec<u8>, Vec<u8>)| {
            super::database::decode::<StateEntry>(Family::State, key, bytes)
        };
        let entries: Vec<StateEntry> = taken.iter().map(entry).collect::<Result<_, _>>()?;
        let last = entries.last().filter(|_| !is_all).map(StateEntry::key_hash);
        let proof = self.prove_range_within(height, from, &end, last.as_ref())?;
        Ok(Chunk { entries, proof })
    }

    /// A component by its hash.
    pub fn code(&self, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(Family::Modules, &hash.0)
    }
}
