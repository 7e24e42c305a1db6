//! What this machine's operator asks of a running node, over a Unix socket in its data folder: a copy of the
//! database, its sizes, compaction, snapshots. Only who may write to the socket's file is heard: the node's own user.
//!
//! A question is one line of JSON, so is each answer; the last one is `done` or `failed`. Not here: anything
//! that a client of the ledger asks.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pollen_ledger::codec;
use pollen_ledger::store::{
    self, Database, Family, FamilySize, Index, IndexState, OpenError, RocksStore, StoreError,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::snapshots::Snapshots;

/// Bytes of a question at most.
const QUESTION_BYTES_MAX: u64 = 16 << 10;
/// Answers that may wait for a slow asker.
const ANSWERS: usize = 16;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "ask")]
pub enum Question {
    /// A copy of the database in a new folder, an absolute path.
    Copy {
        /// Which.
        to: PathBuf,
    },
    /// How large each family is.
    Sizes,
    /// Compact every family.
    Compact,
    /// Make a snapshot of the newest checkpoint.
    Snapshot,
    /// The head of a snapshot of this node: what proves it.
    SnapshotHead {
        /// Which.
        height: u64,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "answer")]
pub enum Answer {
    /// So many of so many steps are done.
    Progress {
        /// Steps done.
        done: u64,
        /// Steps in all.
        of: u64,
    },
    /// The end, and all is well.
    Done {
        /// What was asked for, of [`Question::Sizes`].
        #[serde(default)]
        sizes: Vec<FamilySize>,
        /// What of the past is held, of [`Question::Sizes`].
        #[serde(default)]
        windows: Option<WindowsHeld>,
    },
    /// The end of [`Question::Snapshot`].
    Snapshot {
        /// Its height.
        height: u64,
        /// Where it is.
        folder: PathBuf,
        /// How long checkpoints waited for it.
        pause_ms: u64,
    },
    /// The end of [`Question::SnapshotHead`].
    SnapshotHead {
        /// Its encoding, in hexadecimal digits; none before there is a certificate.
        head: Option<String>,
    },
    /// The end, and why it is none.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What questions are answered from.
pub struct Asked {
    /// The database's files.
    pub store: Arc<RocksStore>,
    /// What is in them.
    pub database: Arc<Database>,
    /// Copies of it.
    pub snapshots: Arc<Snapshots>,
}

/// From which height, commit and round on the past is in a database, and what can be found by an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsHeld {
    /// The newest height.
    pub newest: u64,
    /// State.
    pub state: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Transactions, receipts, events.
    pub transactions: u64,
    /// Commits.
    pub commits: u64,
    /// Blocks, by round.
    pub rounds: u32,
    /// Indexes; with a word behind it, one that is not whole.
    #[serde(default)]
    pub indexes: Vec<String>,
}

impl WindowsHeld {
    /// Of a store.
    pub fn of(store: &RocksStore) -> Result<Self, StoreError> {
        let windows = store::windows(store)?;
        Ok(Self {
            newest: windows.newest,
            state: windows.state,
            checkpoints: windows.begin.height,
            transactions: windows.ledger.height,
            commits: windows.ledger.commit,
            rounds: windows.ledger.round,
            indexes: store::indexes(store)?.states.iter().map(index_text).collect(),
        })
    }
}

fn index_text((index, state): (&Index, &IndexState)) -> String {
    let name = index.name();
    match state {
        IndexState::Whole => name.to_owned(),
        IndexState::Building(_) => format!("{name} (being made)"),
        IndexState::Removing(_) => format!("{name} (being removed)"),
    }
}

/// The socket of a data folder.
pub fn socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Answers questions until the task is aborted. Without a socket, which a path may be too long for, the node
/// runs all the same; a warning says so.
pub async fn serve(data: PathBuf, asked: Asked) {
    let asked = Arc::new(asked);
    let path = socket(&data);
    let listener = match listen(&path) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no socket for `pollen db`, `pollen backup` and `pollen snapshot`");
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

async fn answer(stream: UnixStream, asked: Arc<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(QUESTION_BYTES_MAX)).read_line(&mut line).await?;
    let (told, mut answers) = mpsc::channel(ANSWERS);
    match serde_json::from_str::<Question>(&line) {
        Ok(question) => {
            tracing::info!(?question, "the operator asks");
            tokio::task::spawn_blocking(move || work(&question, &asked, &told));
        }
        Err(error) => {
            let reason = format!("not a question: {error}");
            let _ = told.try_send(Answer::Failed { reason });
            drop(told);
        }
    }
    while let Some(answer) = answers.recv().await {
        let mut line = serde_json::to_string(&answer).expect("answers are JSON");
        line.push('\n');
        write.write_all(line.as_bytes()).await?;
    }
    write.shutdown().await
}

fn work(question: &Question, asked: &Asked, told: &mpsc::Sender<Answer>) {
    let store = &asked.store;
    let failed = |error: String| Answer::Failed { reason: error };
    let last = match question {
        Question::Copy { to } if !to.is_absolute() => {
            failed(format!("{} is no absolute path", to.display()))
        }
        Question::Copy { to } => match store.copy_to(to) {
            Ok(()) => Answer::Done { sizes: Vec::new(), windows: None },
            Err(error) => failed(error.to_string()),
        },
        Question::Snapshot => match asked.snapshots.make(&asked.database) {
            Ok(made) => {
                asked.snapshots.let_go();
                Answer::Snapshot {
                    height: made.height,
                    folder: made.folder,
                    pause_ms: made.pause.as_millis() as u64,
                }
            }
            Err(error) => failed(error.to_string()),
        },
        Question::SnapshotHead { height } => match head(asked, *height) {
            Ok(head) => Answer::SnapshotHead { head },
            Err(error) => failed(error.to_string()),
        },
        Question::Sizes => match WindowsHeld::of(store).and_then(|held| Ok((store.sizes()?, held)))
        {
            Ok((sizes, windows)) => Answer::Done { sizes, windows: Some(windows) },
            Err(error) => failed(error.to_string()),
        },
        Question::Compact => {
            let of = Family::ALL.len() as u64;
            for (done, family) in (0..).zip(Family::ALL) {
                if told.blocking_send(Answer::Progress { done, of }).is_err() {
                    return; // nobody waits any more
                }
                if let Err(error) = store.compact(family) {
                    let _ = told.blocking_send(failed(error.to_string()));
                    return;
                }
            }
            Answer::Done { sizes: Vec::new(), windows: None }
        }
    };
    let _ = told.blocking_send(last);
}

fn head(asked: &Asked, height: u64) -> Result<Option<String>, OpenError> {
    let folder = asked.snapshots.folder_of(height);
    let copy = Database::open_as_it_is(Arc::new(RocksStore::open_read_only(&folder)?))?.0;
    let head = copy.snapshot_head(&asked.database)?;
    Ok(head.map(|head| hex::encode(codec::encode(&head))))
}

/// Asks the node that runs on a data folder; `None` when none does.
pub async fn ask(
    data: &Path,
    question: &Question,
    mut progress: impl FnMut(u64, u64),
) -> std::io::Result<Option<Answer>> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let stream = match UnixStream::connect(socket(data)).await {
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(None),
        connected => connected?,
    };
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(question).expect("questions are JSON");
    line.push('\n');
    write.write_all(line.as_bytes()).await?;
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Answer::Progress { done, of } => progress(done, of),
            last => return Ok(Some(last)),
        }
    }
    Err(std::io::Error::other("the node ended before it had answered"))
}
