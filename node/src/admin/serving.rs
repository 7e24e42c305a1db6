//! The node's side of the operator's socket.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pollen_ledger::ordering::Core;
use pollen_ledger::store::{
    Database, Family, LedgerRetention, OpenError, Retention, RocksStore, StoreError,
};
use pollen_ledger::{Genesis, codec};
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::{Answer, INVITE_VERSION, Invite, Question, WindowsHeld, socket, written};
use crate::clock;
use crate::config::{HISTORY_COMMITS_MIN, Keeps};
use crate::core_thread::CoreHandle;
use crate::log;
use crate::network::{Multiaddr, NetworkHandle, PeerId};
use crate::shared::Shared;
use crate::snapshots::Snapshots;

/// Bytes of a question at most.
const QUESTION_BYTES_MAX: u64 = 16 << 10;
/// Answers that may wait for a slow asker.
const ANSWERS: usize = 16;
/// The longest time that a core is held.
const HOLD_MAX: Duration = Duration::from_secs(60);
/// The longest time for which the log has another filter: a day.
const LOG_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Between two looks at what is still to be done.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// What a node says to what only those of a development network do.
const NOT_DEV: &str = "this is no node of a development network";

/// What questions are answered from.
pub struct Asked {
    /// The database's files.
    pub store: Arc<RocksStore>,
    /// What is in them.
    pub database: Arc<Database>,
    /// Copies of it.
    pub snapshots: Arc<Snapshots>,
    /// Progress of transactions, and what the node's threads look at.
    pub shared: Arc<Shared>,
    /// Its peers.
    pub network: NetworkHandle,
    /// Its id among them.
    pub peer_id: String,
    /// The ordering core.
    pub core: CoreHandle,
    /// The chain.
    pub genesis: Genesis,
    /// What it keeps of the past by its configuration.
    pub keeps: Keeps,
    /// Whether it is of a development network.
    pub is_dev: bool,
}

/// Answers questions until the task is aborted. Without a socket, which a path may be too long for, the node
/// runs all the same; a warning says so.
pub async fn serve(data: PathBuf, asked: Asked) {
    let asked = Arc::new(asked);
    let path = socket(&data);
    let listener = match listen(&path) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no socket for `pollen admin`, `pollen db`, `pollen backup` and `pollen snapshot`");
            return;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, asked).await {
                        tracing::debug!(%error, "an operator's question ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the operator's socket is gone");
                return;
            }
        }
    }
}

/// Whoever holds the database has the folder: what is left of a socket is an earlier run's.
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// A call of JSON-RPC: its id, and what is asked. Parameters may be left out.
fn parse(line: &str) -> (Value, Result<Question, String>) {
    let mut call: Value = match serde_json::from_str(line) {
        Ok(call) => call,
        Err(error) => return (Value::Null, Err(format!("not JSON: {error}"))),
    };
    let Some(fields) = call.as_object_mut() else {
        return (Value::Null, Err("not a call of JSON-RPC 2.0".to_owned()));
    };
    let id = fields.remove("id").unwrap_or_default();
    if fields.remove("jsonrpc").is_none_or(|version| version != "2.0") {
        return (id, Err("not a call of JSON-RPC 2.0".to_owned()));
    }
    fields.entry("params").or_insert_with(|| Value::Object(serde_json::Map::new()));
    (id, serde_json::from_value(call).map_err(|error| format!("not a question: {error}")))
}

async fn answer(stream: UnixStream, asked: Arc<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(QUESTION_BYTES_MAX));
    read.read_line(&mut line).await?;
    let (told, mut answers) = mpsc::channel(ANSWERS);
    let (id, question) = parse(&line);
    tokio::spawn(async move {
        let last = match question {
            Ok(question) => {
                tracing::info!(?question, "the operator asks");
                asked.work(question, read, &told).await
            }
            Err(reason) => Err(reason),
        };
        let _ = told.send(last.unwrap_or_else(|reason| Answer::Failed { reason })).await;
    });
    while let Some(answer) = answers.recv().await {
        write.write_all(format!("{}\n", written(&id, &answer)).as_bytes()).await?;
    }
    write.shutdown().await
}

/// The end of a question.
type Ended = Result<Answer, String>;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Asked {
    /// Does what is asked. `until` ends when the asker hangs up; `told` takes what is told on the way.
    async fn work(
        self: Arc<Self>,
        question: Question,
        until: impl AsyncRead + Unpin,
        told: &mpsc::Sender<Answer>,
    ) -> Ended {
        match question {
            Question::Hold {} | Question::SetClock { .. } if !self.is_dev => Err(NOT_DEV.into()),
            Question::Hold {} => self.hold(until, told).await,
            Question::SetClock { ahead_ms } => {
                clock::set_ahead_ms(ahead_ms);
                Ok(Answer::Done {})
            }
            Question::Log { filter, for_ms } => {
                let time = Duration::from_millis(for_ms).min(LOG_MAX);
                log::filter_for(&filter, time).map(|()| Answer::Done {})
            }
            Question::AddPeer { address } => {
                let address: Multiaddr = address.parse().map_err(|_| {
                    format!("'{address}' is no multiaddress: write it as /ip4/10.0.0.7/tcp/9750")
                })?;
                self.network.add_peer(address).await;
                Ok(Answer::Done {})
            }
            Question::BanPeer { peer, for_ms } => self.ban(&peer, for_ms).await,
            Question::UnbanPeer { peer } => {
                self.network.unban(peer_id(&peer)?).await;
                Ok(Answer::Done {})
            }
            Question::Drain {} => self.drain(told).await,
            Question::Resume {} => {
                self.shared.draining.send_replace(false);
                Ok(Answer::Done {})
            }
            Question::Prune { state_checkpoints, history_commits } => {
                self.prune(state_checkpoints, history_commits, told).await
            }
            Question::Invite { addresses } => self.invite(addresses),
            Question::Copy { .. }
            | Question::Sizes {}
            | Question::Compact {}
            | Question::Snapshot {}
            | Question::SnapshotHead { .. } => {
                let told = told.clone();
                let files = move || self.work_on_files(&question, &told);
                tokio::task::spawn_blocking(files).await.map_err(text)?
            }
        }
    }

    /// Holds the core until the asker hangs up.
    async fn hold(&self, mut until: impl AsyncRead + Unpin, told: &mpsc::Sender<Answer>) -> Ended {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let core = self.core.clone();
        let holding = tokio::spawn(async move {
            let hold = move |_: &Core| {
                let _ = begin.send(());
                // Ends when the other end is dropped, too.
                let _ = released.recv_timeout(HOLD_MAX);
            };
            core.inspect(hold).await
        });
        if begun.await.is_ok() && told.send(Answer::Progress { done: 0, of: 1 }).await.is_ok() {
            let mut nothing = [0];
            let _ = tokio::time::timeout(HOLD_MAX, until.read(&mut nothing)).await;
        }
        drop(release);
        holding.await.map_err(text)?.map_err(text)?;
        Ok(Answer::Done {})
    }

    async fn ban(&self, peer: &str, for_ms: Option<u64>) -> Ended {
        let peer = peer_id(peer)?;
        self.network.ban(peer, "the operator said so".to_owned()).await;
        if let Some(for_ms) = for_ms {
            let network = self.network.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(for_ms)).await;
                network.unban(peer).await;
            });
        }
        Ok(Answer::Done {})
    }

    /// Takes no more transactions, and waits for those that were taken. Who hangs up has it go on draining.
    async fn drain(&self, told: &mpsc::Sender<Answer>) -> Ended {
        self.shared.draining.send_replace(true);
        let mut most = 0;
        loop {
            let head = self.shared.head.borrow().checkpoint.timestamp_ms;
            let waiting = self.core.inspect(|core| core.status().pool_transactions).await;
            let waiting = waiting.map_err(text)?.max(self.shared.tracker.open(head)) as u64;
            if waiting == 0 {
                return Ok(Answer::Done {});
            }
            most = waiting.max(most);
            if told.send(Answer::Progress { done: most - waiting, of: most }).await.is_err() {
                return Err("the asker went away".to_owned());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Has execution keep less, and waits until it has let go of the rest.
    async fn prune(
        &self,
        state_checkpoints: Option<u64>,
        history_commits: Option<u64>,
        told: &mpsc::Sender<Answer>,
    ) -> Ended {
        let Keeps { mut state, mut ledger } = self.keeps;
        if let Some(checkpoints) = state_checkpoints {
            state = Retention { checkpoints: checkpoints.max(1), time_ms: 0 };
        }
        if let Some(commits) = history_commits {
            ledger = LedgerRetention { commits: commits.max(HISTORY_COMMITS_MIN), time_ms: 0 };
        }
        *self.shared.keeps_less.lock() = Some(Keeps { state, ledger });
        let mut looked = self.shared.pruned.subscribe();
        // The look that was under way may not know it yet.
        looked.changed().await.map_err(text)?;
        loop {
            looked.changed().await.map_err(text)?;
            if *looked.borrow_and_update() {
                break;
            }
            told.send(Answer::Progress { done: 0, of: 1 }).await.map_err(text)?;
        }
        let windows = WindowsHeld::of(&self.store).map_err(text)?;
        Ok(Answer::Sizes { sizes: self.store.sizes().map_err(text)?, windows })
    }

    fn invite(&self, addresses: Vec<String>) -> Ended {
        let addresses = match addresses.is_empty() {
            true => self.network.listen_addresses().iter().map(ToString::to_string).collect(),
            false => addresses,
        };
        if addresses.is_empty() {
            return Err("this node listens nowhere: tell where it is reached".to_owned());
        }
        let with_id = |address: String| match address.contains("/p2p/") {
            true => address,
            false => format!("{address}/p2p/{}", self.peer_id),
        };
        let peers: Vec<String> = addresses.into_iter().map(with_id).collect();
        for address in &peers {
            address.parse::<Multiaddr>().map_err(|_| format!("'{address}' is no multiaddress"))?;
        }
        let genesis = serde_json::from_str(&self.genesis.to_json()).map_err(text)?;
        Ok(Answer::Invite(Invite { pollen_invite: INVITE_VERSION, genesis, peers }))
    }

    fn work_on_files(&self, question: &Question, told: &mpsc::Sender<Answer>) -> Ended {
        let store = &self.store;
        match question {
            Question::Copy { to } if !to.is_absolute() => {
                Err(format!("{} is no absolute path", to.display()))
            }
            Question::Copy { to } => {
                store.copy_to(to).map_err(text)?;
                Ok(Answer::Done {})
            }
            Question::Snapshot {} => {
                let made = self.snapshots.make(&self.database).map_err(text)?;
                self.snapshots.let_go();
                let pause_ms = made.pause.as_millis() as u64;
                Ok(Answer::Snapshot { height: made.height, folder: made.folder, pause_ms })
            }
            Question::SnapshotHead { height } => {
                Ok(Answer::SnapshotHead { head: self.head(*height).map_err(text)? })
            }
            Question::Compact {} => {
                let of = Family::ALL.len() as u64;
                for (done, family) in (0..).zip(Family::ALL) {
                    told.blocking_send(Answer::Progress { done, of }).map_err(text)?;
                    store.compact(family).map_err(text)?;
                }
                Ok(Answer::Done {})
            }
            _ => {
                let sizes = || -> Result<Answer, StoreError> {
                    Ok(Answer::Sizes { windows: WindowsHeld::of(store)?, sizes: store.sizes()? })
                };
                sizes().map_err(text)
            }
        }
    }

    fn head(&self, height: u64) -> Result<Option<String>, OpenError> {
        let folder = self.snapshots.folder_of(height);
        let copy = Database::open_as_it_is(Arc::new(RocksStore::open_read_only(&folder)?))?.0;
        let head = copy.snapshot_head(&self.database)?;
        Ok(head.map(|head| hex::encode(codec::encode(&head))))
    }
}

fn peer_id(text: &str) -> Result<PeerId, String> {
    text.parse().map_err(|_| format!("'{text}' is no peer id: node_peers tells them"))
}
