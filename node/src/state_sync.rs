//! A node without a ledger takes a certified snapshot of the state from its peers (protocol.md, 10).
//!
//! The network runs already, and nothing else: first every peer is asked which snapshots it has, then one
//! height is taken from all that have it, chunk by chunk. Everything is checked before it is written, against
//! a head that genesis vouches for, so no peer is trusted; one that sends what does not hold is banned, and
//! asked elsewhere. What is written lies in `ledger.import` beside the place of the ledger, says itself how far
//! it has come, and is moved there as a whole; so a crash costs what was not synced, at most some tens of
//! mebibytes.
//!
//! Which snapshot, and whom to ask what, is decided in `offers` and `plan`, which know no network. What comes
//! after the snapshot's height is not fetched here: the ordering core does that as after any absence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use pollen_ledger::store::snapshot::{Import, ImportError, SnapshotHead};
use pollen_ledger::store::{Family, OpenError, Store};
use pollen_ledger::wire::{Request, Response};
use pollen_ledger::{AuthorIndex, Genesis, PublicKey};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::fetch::Rules;
use crate::files;
use crate::network::{NetworkEvent, NetworkHandle, PeerId, Sender, Target};
use fetch::{Fetched, Outcome};
use offers::{Choice, Offers};
use plan::Plan;
use progress::{Meter, Phase, TELL_INTERVAL, left};
use wanted::Wanted;

pub use progress::Progress;

mod fetch;
mod offers;
mod plan;
mod progress;
#[cfg(test)]
mod tests;
mod wanted;

/// The folder of an import, in the data folder.
pub const IMPORT: &str = "ledger.import";
/// The folder of the ledger, in the data folder.
const LEDGER: &str = "ledger";

/// How often a peer is asked which snapshots it has.
const ASK_AGAIN_MS: u64 = 2_000;
/// How often a peer is asked that did not answer.
const ASK_FAILED_MS: u64 = 500;
/// How long nobody may have the snapshot before another one is taken.
const STRANDED_MS: u64 = 3_000;
/// How long nobody may have any snapshot before a half import is given up.
const ABANDONED_MS: u64 = 60_000;
/// Peers that are asked at once for the head of a snapshot.
const HEADS_OPEN: usize = 4;

/// Why an import ended the node's start.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Not a peer's fault.
    #[error("importing a snapshot: {0}")]
    Import(#[from] ImportError),
    /// The store of the import.
    #[error("{path}: {source}: remove that folder and start the node again")]
    Open {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: Box<OpenError>,
    },
    /// A file operation.
    #[error("{path}: {source}")]
    Folder {
        /// On what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The network is gone.
    #[error("the network stopped while a snapshot was imported")]
    Stopped,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The ledger is there, as of this height.
    Imported {
        /// Of the snapshot.
        height: u64,
    },
    /// There is no ledger: the chain is to be executed from genesis.
    Genesis,
}

/// Opens the store of an import.
pub type OpenStore = dyn Fn(&Path) -> Result<Arc<dyn Store>, OpenError> + Send + Sync;

/// What a snapshot is imported with.
pub struct StateSync<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// Opens the store of the import.
    pub open: Arc<OpenStore>,
    /// The chain: all that is trusted.
    pub genesis: &'a Genesis,
    /// What blocks are checked against.
    pub rules: &'a Rules,
    /// This node's key and index, of a validator.
    pub validator: Option<(PublicKey, AuthorIndex)>,
    /// The network.
    pub network: &'a NetworkHandle,
    /// What happens there.
    pub events: &'a mut mpsc::Receiver<NetworkEvent>,
    /// Peers that can be expected to connect.
    pub expected: usize,
    /// Hears how far it is.
    pub tell: &'a (dyn Fn(&Progress) + Sync),
}

/// True when the data folder has no ledger, so that a snapshot is to be taken.
pub fn is_wanted(data: &Path) -> bool {
    !data.join(LEDGER).exists()
}

impl StateSync<'_> {
    /// Takes a snapshot, or finds that there is none. Answers the peers that are connected as well: their
    /// arrival was heard here.
    pub async fn run(self) -> Result<(Ended, Vec<Sender>), SyncError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let validity = self.rules.committee.validity();
        let offers = Offers::new(self.expected, validity, 0);
        let mut session = Session {
            of: self,
            began: Instant::now(),
            offers,
            senders: BTreeMap::new(),
            asking: JoinSet::new(),
            asked_ms: BTreeMap::new(),
            results: JoinSet::new(),
            checking: Arc::new(Semaphore::new(cores)),
        };
        let ended = session.run().await?;
        Ok((ended, session.senders.into_values().collect()))
    }
}

/// An import that tasks share, until it is finished or given up.
type Shared = Arc<RwLock<Option<Import>>>;

struct Session<'a> {
    of: StateSync<'a>,
    began: Instant,
    offers: Offers<PeerId>,
    senders: BTreeMap<PeerId, Sender>,
    /// Questions which snapshots there are.
    asking: JoinSet<(PeerId, Option<Vec<u64>>)>,
    /// When a peer is to be asked that again.
    asked_ms: BTreeMap<PeerId, u64>,
    /// Questions for what is imported.
    results: JoinSet<Outcome>,
    checking: Arc<Semaphore>,
}

/// What an earlier run left.
enum Left {
    Nothing,
    Half(Box<Import>),
    Whole(u64),
}

impl Session<'_> {
    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn folder(&self) -> PathBuf {
        self.of.data.join(IMPORT)
    }

    async fn run(&mut self) -> Result<Ended, SyncError> {
        let mut half = match self.look_back().await? {
            Left::Whole(height) => return Ok(Ended::Imported { height }),
            Left::Half(import) => {
                tracing::info!(height = import.height(), "going on with the import of a snapshot");
                Some(*import)
            }
            Left::Nothing => None,
        };
        loop {
            let import = match half.take() {
                Some(import) => import,
                None => match self.choose().await? {
                    None => return Ok(Ended::Genesis),
                    Some(import) => import,
                },
            };
            let height = import.height();
            let import: Shared = Arc::new(RwLock::new(Some(import)));
            let whole = self.import(height, &import).await?;
            self.results.shutdown().await;
            if whole {
                self.finish(height, import).await?;
                return Ok(Ended::Imported { height });
            }
            tracing::warn!(height, "no peer has this snapshot any more: taking another one");
            let folder = self.folder();
            blocking(move || {
                drop(import.write().take());
                remove(&folder)
            })
            .await?;
        }
    }

    /// What is in the folder of an import: a whole one is moved into its place.
    async fn look_back(&self) -> Result<Left, SyncError> {
        let (folder, data) = (self.folder(), self.of.data.to_owned());
        let (open, genesis) = (self.of.open.clone(), self.of.genesis.clone());
        blocking(move || {
            if !folder.exists() {
                return Ok(Left::Nothing);
            }
            let store = open_store(&*open, &folder)?;
            if let Some(import) = Import::resume(store.clone(), &genesis)? {
                return Ok(Left::Half(Box::new(import)));
            }
            let schema = store.get(Family::Meta, b"schema").map_err(ImportError::from)?;
            if schema.is_none() {
                drop(store);
                remove(&folder)?;
                return Ok(Left::Nothing);
            }
            let open_error =
                |source| SyncError::Open { path: folder.clone(), source: Box::new(source) };
            let database =
                pollen_ledger::store::Database::open_as_it_is(store).map_err(open_error)?.0;
            let height = database.tip().map_err(ImportError::from)?.height;
            drop(database);
            move_in(&folder, &data)?;
            Ok(Left::Whole(height))
        })
        .await
    }

    /// Chooses a snapshot and begins its import; none when the chain is to be executed from genesis.
    async fn choose(&mut self) -> Result<Option<Import>, SyncError> {
        loop {
            let now_ms = self.now_ms();
            match self.offers.choose(now_ms) {
                Choice::Wait => {}
                Choice::Genesis(why) => {
                    tracing::info!(why, "no snapshot is taken: the chain is executed from genesis");
                    return Ok(None);
                }
                Choice::Take { height, holders } => {
                    if let Some(import) = self.begin(height, holders).await? {
                        return Ok(Some(import));
                    }
                }
            }
            self.wait(100).await?;
        }
    }

    /// Begins the import of a height with the head that one of its holders has, of whom several are asked at
    /// once; none when nobody has a good one. Who has none is not heard for a while: as its other heights
    /// could be made up, too.
    async fn begin(
        &mut self,
        height: u64,
        holders: Vec<PeerId>,
    ) -> Result<Option<Import>, SyncError> {
        let peers = holders.len();
        let (mut waiting, mut asked) = (holders.into_iter(), JoinSet::new());
        loop {
            while asked.len() < HEADS_OPEN
                && let Some(peer) = waiting.next()
            {
                let network = self.of.network.clone();
                asked.spawn(async move {
                    let request = Request::SnapshotHead { height };
                    (peer, network.request(Target::Peer(peer), request).await)
                });
            }
            let answer = tokio::select! {
                event = self.of.events.recv() => {
                    self.take_event(event.ok_or(SyncError::Stopped)?);
                    continue;
                }
                answer = asked.join_next() => answer,
            };
            let Some(answer) = answer else { return Ok(None) };
            let Ok((peer, answer)) = answer else { continue };
            let Ok(Response::SnapshotHead(Some(head))) = answer else {
                tracing::info!(%peer, height, "the peer has no head of the snapshot");
                self.offers.failed(&peer, self.now_ms());
                continue;
            };
            match self.begin_with(height, head).await? {
                Ok(import) => {
                    self.offers.shown(&peer);
                    tracing::info!(height, peers, "importing the snapshot of the state");
                    return Ok(Some(import));
                }
                Err(reason) => self.ban(peer, reason).await,
            }
        }
    }

    /// Begins the import with a head, or says why it is none.
    async fn begin_with(
        &self,
        height: u64,
        head: Vec<u8>,
    ) -> Result<Result<Import, String>, SyncError> {
        let (folder, genesis) = (self.folder(), self.of.genesis.clone());
        let open = self.of.open.clone();
        blocking(move || {
            let head = match SnapshotHead::decode(&head) {
                Ok(head) if head.height() == height => head,
                Ok(_) => return Ok(Err("the head is of another snapshot".to_owned())),
                Err(error) => return Ok(Err(error.to_string())),
            };
            if let Err(error) = head.verify(&genesis) {
                return match error.blames_sender() {
                    true => Ok(Err(error.to_string())),
                    false => Err(error.into()),
                };
            }
            remove(&folder)?;
            let store = open_store(&*open, &folder)?;
            Ok(Ok(Import::begin(store, &genesis, head)?))
        })
        .await
    }

    async fn ban(&mut self, peer: PeerId, reason: String) {
        self.offers.gone(&peer);
        self.of.network.ban(peer, reason).await;
    }

    /// Takes what happens next, for so long at most; what became of a question for the import, if that is it.
    async fn wait(&mut self, wait_ms: u64) -> Result<Option<Outcome>, SyncError> {
        self.ask_for_offers();
        let (asking, results) = (!self.asking.is_empty(), !self.results.is_empty());
        tokio::select! {
            event = self.of.events.recv() => {
                self.take_event(event.ok_or(SyncError::Stopped)?);
                Ok(None)
            }
            Some(outcome) = self.results.join_next(), if results => match outcome {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                outcome => Ok(outcome.ok()),
            },
            Some(said) = self.asking.join_next(), if asking => {
                if let Ok((peer, said)) = said {
                    let now_ms = self.now_ms();
                    let again_ms = if said.is_some() { ASK_AGAIN_MS } else { ASK_FAILED_MS };
                    self.asked_ms.insert(peer, now_ms + again_ms);
                    if let Some(heights) = said {
                        self.offers.answered(&peer, heights, now_ms);
                    }
                }
                Ok(None)
            }
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => Ok(None),
        }
    }

    fn ask_for_offers(&mut self) {
        let now_ms = self.now_ms();
        let due: Vec<PeerId> = self
            .offers
            .peers()
            .filter(|peer| self.asked_ms.get(peer).is_none_or(|again| now_ms >= *again))
            .copied()
            .collect();
        for peer in due {
            // Not again before this one is answered.
            self.asked_ms.insert(peer, u64::MAX);
            let network = self.of.network.clone();
            self.asking.spawn(async move {
                match network.request(Target::Peer(peer), Request::Snapshots).await {
                    Ok(Response::Snapshots(heights)) => (peer, Some(heights)),
                    _ => (peer, None),
                }
            });
        }
    }

    fn take_event(&mut self, event: NetworkEvent) {
        match event {
            NetworkEvent::Connected { peer } => {
                let committee = &self.of.rules.committee;
                let stake = peer.author.map_or(0, |author| committee.stake(author));
                self.senders.insert(peer.peer, peer);
                self.offers.connected(peer.peer, stake);
                self.asked_ms.remove(&peer.peer);
            }
            NetworkEvent::Disconnected { peer } => {
                self.senders.remove(&peer.peer);
                self.offers.gone(&peer.peer);
            }
            NetworkEvent::Request { request, respond, .. } => respond.send(match request {
                Request::Hello { .. } => Response::Hello {
                    chain_id: self.of.rules.chain_id,
                    author: self.of.validator.map(|(_, author)| author),
                },
                Request::Snapshots => Response::Snapshots(Vec::new()),
                _ => Response::Refused("this node has no ledger yet: ask another one".to_owned()),
            }),
            // What is going on now is fetched when there is a ledger to put it in.
            NetworkEvent::Message { .. } | NetworkEvent::Gossip { .. } => {}
        }
    }

    /// Fetches all that the snapshot has. False when nobody has it any more.
    async fn import(&mut self, height: u64, import: &Shared) -> Result<bool, SyncError> {
        let mut plan = Plan::new();
        let mut wanted = Wanted::new(import);
        let mut meter = Meter::new(import);
        let mut stranded_ms = None;
        loop {
            let now_ms = self.now_ms();
            let holders: BTreeSet<PeerId> =
                self.offers.holders(height, now_ms).into_iter().collect();
            let there: BTreeSet<PeerId> = self.offers.peers().copied().collect();
            plan.keep(|peer| there.contains(peer));
            there.iter().for_each(|peer| plan.set(*peer, holders.contains(peer)));
            let open = wanted.open(import);
            if open.is_empty() {
                return Ok(true);
            }
            if plan.holders() > 0 {
                stranded_ms = None;
            } else {
                let since_ms = *stranded_ms.get_or_insert(now_ms);
                let other = self.offers.best(now_ms).is_some_and(|best| best != height);
                let patience_ms = if other { STRANDED_MS } else { ABANDONED_MS };
                if now_ms - since_ms >= patience_ms && !there.is_empty() {
                    return Ok(false);
                }
            }
            while let Some((work, peer)) = plan.next(&open, now_ms) {
                let question = fetch::Question {
                    network: self.of.network.clone(),
                    import: import.clone(),
                    rules: self.of.rules.clone(),
                    names: wanted.names(&work),
                    height,
                    work,
                    peer,
                    checking: self.checking.clone(),
                };
                self.results.spawn(question.ask());
            }
            meter.tell(import, plan.holders(), self.of.tell);
            if let Some(outcome) = self.wait(plan.look_again_ms(now_ms)).await? {
                self.take(height, &mut plan, outcome).await?;
            }
        }
    }

    async fn take(
        &mut self,
        height: u64,
        plan: &mut Plan<PeerId>,
        outcome: Outcome,
    ) -> Result<(), SyncError> {
        let Outcome { work, peer, fetched } = outcome;
        let now_ms = self.now_ms();
        match fetched {
            Fetched::Done => {
                plan.answered(&work, &peer, now_ms);
                self.offers.shown(&peer);
            }
            Fetched::Failed(reason) => {
                tracing::debug!(%peer, ?work, reason, "a peer did not answer");
                plan.failed(&work, &peer, now_ms);
            }
            Fetched::Lacks => {
                plan.lacking(&work, &peer, now_ms);
                if self.offers.holders(height, now_ms).contains(&peer) {
                    // Who has a snapshot has all of it. It is heard again after a while.
                    tracing::info!(%peer, height, ?work, "the peer has not all of the snapshot");
                    self.offers.failed(&peer, now_ms);
                }
            }
            Fetched::Lied(reason) => {
                plan.remove(&peer);
                self.ban(peer, reason).await;
            }
            Fetched::Fatal(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Makes a ledger of the import, and moves it into its place.
    async fn finish(&mut self, height: u64, import: Shared) -> Result<(), SyncError> {
        let began = Instant::now();
        let (folder, data) = (self.folder(), self.of.data.to_owned());
        let validator = self.of.validator.map(|(key, _)| key);
        let read = Arc::new(AtomicU64::new(0));
        let counted = read.clone();
        let total = import.read().as_ref().map_or(0, |import| import.progress().entries);
        let mut finishing = tokio::task::spawn_blocking(move || {
            let import = import.write().take().expect("an import is finished once");
            import.finish(validator, &mut |entries| {
                counted.fetch_add(entries, Relaxed);
            })?;
            move_in(&folder, &data)
        });
        loop {
            let entries = read.load(Relaxed);
            let share = entries as f64 / total.max(1) as f64;
            (self.of.tell)(&Progress {
                height,
                phase: Phase::Building,
                parts: 16,
                entries,
                bytes: 0,
                bytes_per_s: 0,
                share,
                left: left(0.0, share, began.elapsed()),
                peers: 0,
            });
            tokio::select! {
                done = &mut finishing => {
                    done.expect("finishing an import does not panic")?;
                    let seconds = self.began.elapsed().as_secs_f64();
                    tracing::info!(height, entries = total, seconds, "the snapshot is imported");
                    return Ok(());
                }
                waited = tokio::time::timeout(TELL_INTERVAL, self.of.events.recv()) => match waited {
                    Ok(Some(event)) => self.take_event(event),
                    Ok(None) => {
                        let _ = finishing.await;
                        return Err(SyncError::Stopped);
                    }
                    Err(_) => {}
                },
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    tokio::task::spawn_blocking(work).await.expect("importing does not panic")
}

fn open_store(open: &OpenStore, folder: &Path) -> Result<Arc<dyn Store>, SyncError> {
    open(folder)
        .map_err(|source| SyncError::Open { path: folder.to_owned(), source: Box::new(source) })
}

/// Removes the folder of an import, if it is there.
fn remove(folder: &Path) -> Result<(), SyncError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SyncError::Folder { path: folder.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Moves a whole import into its place, for good.
fn move_in(folder: &Path, data: &Path) -> Result<(), SyncError> {
    files::move_folder("swap", folder, &data.join(LEDGER))
        .map_err(|source| SyncError::Folder { path: folder.to_owned(), source })
}
