//! Answers what a new node asks: which snapshots there are, their heads and chunks, blocks, code.
//!
//! Invariants: it reads on threads for blocking work, few at a time, so that ordering and execution keep
//! theirs; each peer has a bounded share of that; at most `OPEN_MAX` snapshots are open, and none that nobody
//! asks for. A snapshot that is let go while it is read is answered as one that is not there: its folder may lose
//! files at any moment.
//!
//! Making snapshots and letting go of them: `snapshots.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crate::snapshots;

/// Snapshots that are kept open: the newest one, and the one before that slower importers still read.
const OPEN_MAX: usize = 2;
/// An open snapshot is closed when nobody has asked for it for so long: each has tens of mebibytes in memory.
const IDLE: Duration = Duration::from_secs(60);
/// Answers that are read at once, for all peers together.
const READERS: usize = 2;
/// Answers that one peer may wait for.
const PER_PEER_MAX: usize = 4;

/// See the module's documentation.
pub struct SnapshotService {
    /// The data folder.
    data: PathBuf,
    /// The running database: it has certificates, and blocks and code that pruning has not come to.
    database: Arc<Database>,
    /// Open snapshots, the last one used last.
    open: Mutex<Vec<Open>>,
    readers: Semaphore,
    /// Peers with their open questions.
    askers: Mutex<HashMap<PeerId, usize>>,
    /// Chunks are spoilt on purpose: a test's node.
    lies: bool,
    /// Heights that it has not are offered on purpose.
    boasts: bool,
}

/// A snapshot that is open.
struct Open {
    height: u64,
    database: Arc<Database>,
    used: Instant,
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
    /// Over the snapshots in a data folder, if there are any.
    pub fn new(data: PathBuf, database: Arc<Database>) -> Self {
        let (lies, boasts) = (failpoints::lies_about("chunks"), failpoints::lies_about("heights"));
        if lies || boasts {
            tracing::error!("this node was told to lie about its snapshots: it is a test's");
        }
        Self {
            data,
            database,
            open: Mutex::default(),
            readers: Semaphore::new(READERS),
            askers: Mutex::default(),
            lies,
            boasts,
        }
    }

    /// Answers one of the questions that are its own; others are refused.
    pub fn answer(self: &Arc<Self>, from: PeerId, request: Request, respond: Responder) {
        if self.boasts && matches!(request, Request::SnapshotHead { .. }) {
            // Held back for as long as anybody waits.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(respond);
            });
            return;
        }
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
            Request::SnapshotHead { height } => Ok(Response::SnapshotHead(self.head(height))),
            Request::SnapshotChunk { height, from } => {
                Ok(Response::SnapshotChunk(self.chunk(height, &from)))
            }
            Request::Blocks(names) => Ok(Response::Blocks(self.blocks(&names)?)),
            Request::Code { hash } => {
                Ok(Response::Code(self.find(|database| database.code(&hash))?))
            }
            _ => Ok(Response::Refused("not a question about snapshots".to_owned())),
        }
    }

    /// Heights of the snapshots that are there and have a certificate, the highest first.
    fn heights(&self) -> Result<Vec<u64>, StoreError> {
        let failed = |error| StoreError::Io(format!("{}: {error}", self.data.display()));
        let found = snapshots::list(&self.data).map_err(failed)?;
        let certified = self.database.certified_height()?;
        let heights = found.into_iter().rev().map(|(height, _)| height);
        // Below the first checkpoint nothing is proved: snapshots of a ledger that was here before.
        let first = self.database.begin_at()?.height.max(1);
        let offered = heights.filter(|height| (first..=certified).contains(height));
        let boasted = self.boasts.then_some(u64::MAX);
        Ok(boasted.into_iter().chain(offered).take(SNAPSHOTS_LISTED_MAX).collect())
    }

    /// An encoded head; none when the snapshot is not there or not certified, or goes while it is read.
    fn head(&self, height: u64) -> Option<Vec<u8>> {
        let head = self.snapshot(height)?.snapshot_head(&self.database);
        let head = self.or_closed(height, head)??;
        // A copy that is not of the height that its folder is named for.
        (head.height() == height).then(|| codec::encode(&head))
    }

    /// An encoded chunk; none when the snapshot is not there, or goes while it is read.
    fn chunk(&self, height: u64, from: &Hash) -> Option<Vec<u8>> {
        let chunk = self.snapshot(height)?.snapshot_chunk(height, from);
        let chunk = self.or_closed(height, chunk)?;
        Some(codec::encode(&if self.lies { spoilt(chunk) } else { chunk }))
    }

    /// What was read of a snapshot; none, and it is closed, when it cannot be read any more.
    fn or_closed<T>(&self, height: u64, read: Result<T, StoreError>) -> Option<T> {
        read.inspect_err(|error| {
            tracing::debug!(height, %error, "cannot read a snapshot");
            self.open.lock().retain(|open| open.height != height);
        })
        .ok()
    }

    /// Looks in the running database, then in the snapshots that are open, then in the others: what pruning
    /// took from the first is in them.
    fn find<T>(
        &self,
        read: impl Fn(&Database) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if let Some(found) = read(&self.database)? {
            return Ok(Some(found));
        }
        let open: Vec<u64> = self.open.lock().iter().map(|open| open.height).rev().collect();
        let others = self.heights()?.into_iter().filter(|height| !open.contains(height));
        for height in open.iter().copied().chain(others) {
            let Some(database) = self.snapshot(height) else { continue };
            if let Some(found) = self.or_closed(height, read(&database)).flatten() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// An open snapshot.
    fn snapshot(&self, height: u64) -> Option<Arc<Database>> {
        let folder = |height: u64| self.data.join(snapshots::FOLDER).join(height.to_string());
        let mut open = self.open.lock();
        open.retain(|open| folder(open.height).is_dir());
        let database = match open.iter().position(|open| open.height == height) {
            Some(at) => open.remove(at).database,
            None if folder(height).is_dir() => match open_snapshot(&folder(height)) {
                Ok(database) => Arc::new(database),
                Err(error) => {
                    tracing::debug!(height, %error, "cannot open a snapshot");
                    return None;
                }
            },
            None => return None,
        };
        open.push(Open { height, database: database.clone(), used: Instant::now() });
        if open.len() > OPEN_MAX {
            open.remove(0);
        }
        Some(database)
    }

    /// Closes what nobody has asked for lately.
    fn close_idle(&self) {
        let mut open = self.open.lock();
        let all = std::mem::take(&mut *open);
        let (used, idle): (Vec<Open>, Vec<Open>) =
            all.into_iter().partition(|open| open.used.elapsed() < IDLE);
        *open = used;
        drop(open);
        drop(idle);
    }

    /// Looks after what is open, until the node ends.
    pub async fn care(self: Arc<Self>) {
        loop {
            tokio::time::sleep(IDLE).await;
            let this = self.clone();
            if tokio::task::spawn_blocking(move || this.close_idle()).await.is_err() {
                return;
            }
        }
    }

    /// Those of the blocks that are there, within the bytes of an answer; one at least where there is one.
    fn blocks(&self, names: &[BlockRef]) -> Result<Vec<Vec<u8>>, StoreError> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for name in names {
            let Some(block) = self.find(|database| database.block_bytes(name))? else { continue };
            bytes += block.len();
            if !blocks.is_empty() && bytes > HISTORY_BYTES_MAX {
                break;
            }
            blocks.push(block);
        }
        Ok(blocks)
    }
}

fn open_snapshot(path: &Path) -> Result<Database, OpenError> {
    let store = Arc::new(RocksStore::open_read_only(path)?);
    Ok(Database::open_as_it_is(store)?.0)
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
            std::fs::create_dir_all(folder.path().join(snapshots::FOLDER).join(name)).unwrap();
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
        let names = ["1000", "200", "3000", "1500.tmp", "01", "+1", "0", "x"];
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
