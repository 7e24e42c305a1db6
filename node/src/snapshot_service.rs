//! Answers what a new node asks: which snapshots there are, their heads and chunks, blocks, code.
//!
//! Invariants: it reads on threads for blocking work, few at a time, so that ordering and execution keep
//! theirs; each peer has a bounded share of that; at most [`OPEN_MAX`] snapshots are open. A snapshot that is
//! pruned while it is read is answered as one that is not there: its folder may lose files at any moment.
//!
//! Making and pruning snapshots is not done here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pollen_ledger::Hash;
use pollen_ledger::block::BlockRef;
use pollen_ledger::codec;
use pollen_ledger::limits::{HISTORY_BYTES_MAX, SNAPSHOTS_LISTED_MAX};
use pollen_ledger::store::snapshot::Chunk;
use pollen_ledger::store::{Database, OpenError, RocksStore, StoreError};
use pollen_ledger::wire::{Request, Response};
use tokio::sync::Semaphore;

use crate::failpoints;
use crate::network::{PeerId, Responder};

/// Snapshots that are kept open: the newest one, and the one before that slower importers still read.
const OPEN_MAX: usize = 2;
/// Answers that are read at once, for all peers together.
const READERS: usize = 2;
/// Answers that one peer may wait for.
const PER_PEER_MAX: usize = 4;

/// See the module's documentation.
pub struct SnapshotService {
    /// The folder of the snapshots, each in a folder that is named by its height.
    folder: PathBuf,
    /// The running database: it has certificates, blocks and code.
    database: Arc<Database>,
    /// Open snapshots, the last one used last.
    open: Mutex<Vec<(u64, Arc<Database>)>>,
    readers: Semaphore,
    /// Peers with their open questions.
    askers: Mutex<HashMap<PeerId, usize>>,
    /// Chunks are spoilt on purpose: a test's node.
    lies: bool,
}

/// A peer's place among the askers, until dropped.
struct Place {
    service: Arc<SnapshotService>,
    peer: PeerId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut askers = self.service.askers.lock();
        if let Some(open) = askers.get_mut(&self.peer) {
            *open -= 1;
            if *open == 0 {
                askers.remove(&self.peer);
            }
        }
    }
}

impl SnapshotService {
    /// Over the snapshots in `folder`, which need not be there.
    pub fn new(folder: PathBuf, database: Arc<Database>) -> Self {
        let lies = failpoints::lies_about_chunks();
        if lies {
            tracing::error!("this node was told to serve false chunks: it is a test's");
        }
        Self {
            folder,
            database,
            open: Mutex::default(),
            readers: Semaphore::new(READERS),
            askers: Mutex::default(),
            lies,
        }
    }

    /// Answers one of the questions that are its own; others are refused.
    pub fn answer(self: &Arc<Self>, from: PeerId, request: Request, respond: Responder) {
        let Some(place) = self.place(from) else {
            return respond.send(Response::Refused("too many questions about snapshots".into()));
        };
        let this = self.clone();
        tokio::spawn(async move {
            let Ok(_reader) = this.readers.acquire().await else { return };
            let service = this.clone();
            let answered = tokio::task::spawn_blocking(move || service.read(request)).await;
            respond.send(match answered {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot read what a new node asked for");
                    Response::Refused("cannot read it: ask another node".to_owned())
                }
                Err(_) => Response::Refused("the node is stopping".to_owned()),
            });
            drop(place);
        });
    }

    fn place(self: &Arc<Self>, peer: PeerId) -> Option<Place> {
        let mut askers = self.askers.lock();
        let open = askers.entry(peer).or_insert(0);
        if *open >= PER_PEER_MAX {
            return None;
        }
        *open += 1;
        Some(Place { service: self.clone(), peer })
    }

    fn read(&self, request: Request) -> Result<Response, StoreError> {
        match request {
            Request::Snapshots => Ok(Response::Snapshots(self.heights()?)),
            Request::SnapshotHead { height } => {
                let offered = self.heights()?.contains(&height);
                let head = if offered { self.database.snapshot_head(height)? } else { None };
                Ok(Response::SnapshotHead(head.map(|head| codec::encode(&head))))
            }
            Request::SnapshotChunk { height, from } => {
                Ok(Response::SnapshotChunk(self.chunk(height, &from)))
            }
            Request::Blocks(names) => Ok(Response::Blocks(self.blocks(&names)?)),
            Request::Code { hash } => Ok(Response::Code(self.database.code(&hash)?)),
            _ => Ok(Response::Refused("not a question about snapshots".to_owned())),
        }
    }

    /// Heights of the snapshots that are there and have a certificate, the highest first.
    fn heights(&self) -> Result<Vec<u64>, StoreError> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
        let certified = self.database.certified_height()?;
        let mut heights: Vec<u64> = entries
            .filter_map(|entry| height_of(&entry.ok()?.file_name()))
            .filter(|height| (1..=certified).contains(height))
            .collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.truncate(SNAPSHOTS_LISTED_MAX);
        Ok(heights)
    }

    /// An encoded chunk; none when the snapshot is not there, or goes while it is read.
    fn chunk(&self, height: u64, from: &Hash) -> Option<Vec<u8>> {
        let chunk = self.snapshot(height)?.snapshot_chunk(height, from);
        match chunk {
            Ok(chunk) if self.lies => Some(codec::encode(&spoilt(chunk))),
            Ok(chunk) => Some(codec::encode(&chunk)),
            Err(error) => {
                tracing::debug!(height, %error, "cannot read a snapshot");
                self.open.lock().retain(|(open, _)| *open != height);
                None
            }
        }
    }

    /// An open snapshot.
    fn snapshot(&self, height: u64) -> Option<Arc<Database>> {
        let path = self.folder.join(height.to_string());
        let mut open = self.open.lock();
        open.retain(|(height, _)| self.folder.join(height.to_string()).is_dir());
        if let Some(at) = open.iter().position(|(held, _)| *held == height) {
            let entry = open.remove(at);
            open.push(entry);
        } else if path.is_dir() {
            match open_snapshot(&path) {
                Ok(database) => open.push((height, Arc::new(database))),
                Err(error) => tracing::debug!(height, %error, "cannot open a snapshot"),
            }
            if open.len() > OPEN_MAX {
                open.remove(0);
            }
        }
        open.iter().find(|(held, _)| *held == height).map(|(_, database)| database.clone())
    }

    /// Those of the blocks that are there, within the bytes of an answer; one at least where there is one.
    fn blocks(&self, names: &[BlockRef]) -> Result<Vec<Vec<u8>>, StoreError> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for name in names {
            let Some(block) = self.database.block_bytes(name)? else { continue };
            bytes += block.len();
            if !blocks.is_empty() && bytes > HISTORY_BYTES_MAX {
                break;
            }
            blocks.push(block);
        }
        Ok(blocks)
    }
}

fn open_snapshot(path: &std::path::Path) -> Result<Database, OpenError> {
    let store = Arc::new(RocksStore::open_read_only(path)?);
    Ok(Database::open_as_it_is(store)?.0)
}

/// The height that a snapshot's folder is named by; none of what is not a whole snapshot.
fn height_of(name: &std::ffi::OsStr) -> Option<u64> {
    let text = name.to_str()?;
    let height: u64 = text.parse().ok()?;
    (height.to_string() == text).then_some(height)
}

/// What a lying node of a test serves: one value is another, or an entry is left out.
fn spoilt(mut chunk: Chunk) -> Chunk {
    match chunk.entries.first_mut().map(|entry| entry.value.last_mut()) {
        Some(Some(byte)) => *byte ^= 1,
        Some(None) => drop(chunk.entries.remove(0)),
        None => chunk.proof.push(0),
    }
    chunk
}

#[cfg(test)]
mod tests {
    use pollen_ledger::certificate::Signatures;
    use pollen_ledger::store::{Batch, Durability, MemoryStore};

    use super::*;
    use crate::dev;
    use crate::network::peer_id_of;

    /// A service over a folder with these names in it, of a chain that is certified up to a height.
    fn service(names: &[&str], certified: u64) -> (tempfile::TempDir, Arc<SnapshotService>) {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let database = Database::open(Arc::new(MemoryStore::new()), &dev::genesis(4), None);
        let database = Arc::new(database.unwrap());
        let mut batch = Batch::default();
        let signatures = Signatures { signers: vec![0b111], signatures: Vec::new() };
        Database::put_signatures(&mut batch, certified, &signatures);
        database.write(batch, Durability::Synced).unwrap();
        let service = SnapshotService::new(folder.path().to_owned(), database);
        (folder, Arc::new(service))
    }

    /// A snapshot that is being made or removed, or that nobody can prove yet, must not be offered: who
    /// takes it would have to begin again.
    #[test]
    fn whole_and_certified_snapshots_are_offered_the_newest_first() {
        let names = ["1000", "200", "3000", "1500.partial", "01", "+1", "0", "x"];
        let (_folder, service) = service(&names, 2_000);
        assert_eq!(service.heights().unwrap(), [1_000, 200]);
        let many: Vec<String> = (1..=30).map(|height| height.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (_folder, service) = self::service(&many, 2_000);
        let heights = service.heights().unwrap();
        assert_eq!((heights.len(), heights[0]), (SNAPSHOTS_LISTED_MAX, 30));
    }

    /// What cannot be opened is answered as what is not there, and keeps nobody from the rest.
    #[test]
    fn a_folder_that_is_no_database_has_no_chunks() {
        let (_folder, service) = service(&["1000"], 2_000);
        let read = |request| service.read(request).unwrap();
        let chunk = Request::SnapshotChunk { height: 1_000, from: Hash::ZERO };
        assert_eq!(read(chunk), Response::SnapshotChunk(None));
        assert_eq!(read(Request::SnapshotHead { height: 2_000 }), Response::SnapshotHead(None));
        assert_eq!(read(Request::Code { hash: Hash::ZERO }), Response::Code(None));
    }

    /// One peer must not have all readers for itself, and has its share back once it is answered.
    #[test]
    fn a_peer_has_a_bounded_share() {
        let (_folder, service) = service(&[], 0);
        let peer = |index| peer_id_of(&dev::validator_key(index).public_key());
        let places: Vec<Place> =
            (0..PER_PEER_MAX).map(|_| service.place(peer(0)).expect("within its share")).collect();
        assert!(service.place(peer(0)).is_none());
        assert!(service.place(peer(1)).is_some());
        drop(places);
        assert!(service.place(peer(0)).is_some());
        assert!(service.askers.lock().is_empty(), "nobody is remembered");
    }
}
