//! What this machine's operator asks of a running node, over a Unix socket in its data folder: copies of the database,
//! its sizes, snapshots, pruning; peers, the log, draining; an invitation for a new node. Only who may write to the
//! socket's file is heard: the node's own user.
//!
//! JSON-RPC 2.0, one call a connection, one JSON text a line: the call, then notifications `admin_progress` where it
//! takes long, then the answer. Not here: anything that a client of the ledger asks.

mod serving;

use std::path::{Path, PathBuf};

use pollen_ledger::store::{self, FamilySize, Index, IndexState, RocksStore, StoreError};
use pollen_rpc::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

pub use serving::{Asked, serve};

/// What is told on the way.
const PROGRESS: &str = "admin_progress";

/// A question: a method and its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", tag = "method", content = "params", deny_unknown_fields)]
pub enum Question {
    /// A copy of the database in a new folder, an absolute path.
    #[serde(rename = "admin_copy")]
    Copy {
        /// Which.
        to: PathBuf,
    },
    /// How large each family is, and what of the past is held.
    #[serde(rename = "admin_sizes")]
    Sizes {},
    /// Compact every family.
    #[serde(rename = "admin_compact")]
    Compact {},
    /// Make a snapshot of the newest checkpoint.
    #[serde(rename = "admin_snapshot")]
    Snapshot {},
    /// The head of a snapshot of this node: what proves it.
    #[serde(rename = "admin_snapshotHead")]
    SnapshotHead {
        /// Which.
        height: u64,
    },
    /// Let go of the past behind narrower windows than the configuration's, until the node starts again.
    #[serde(rename = "admin_prune")]
    Prune {
        /// Checkpoints whose state stays.
        #[serde(default)]
        state_checkpoints: Option<u64>,
        /// Commits whose transactions and blocks stay.
        #[serde(default)]
        history_commits: Option<u64>,
    },
    /// Log by another filter for a time.
    #[serde(rename = "admin_log")]
    Log {
        /// As in the configuration.
        filter: String,
        /// How long, in milliseconds.
        for_ms: u64,
    },
    /// Connect to one more node, until the node starts again.
    #[serde(rename = "admin_addPeer")]
    AddPeer {
        /// Its multiaddress.
        address: String,
    },
    /// Neither dial a peer nor let it in: for a time, or until the node starts again.
    #[serde(rename = "admin_banPeer")]
    BanPeer {
        /// Its id.
        peer: String,
        /// How long, in milliseconds.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// Let a banned peer in again.
    #[serde(rename = "admin_unbanPeer")]
    UnbanPeer {
        /// Its id.
        peer: String,
    },
    /// Take no more transactions; answered when those that were taken have ended.
    #[serde(rename = "admin_drain")]
    Drain {},
    /// Take transactions again.
    #[serde(rename = "admin_resume")]
    Resume {},
    /// What another node needs to join.
    #[serde(rename = "admin_invite")]
    Invite {
        /// Where this node is reached, instead of where it listens.
        #[serde(default)]
        addresses: Vec<String>,
    },
    /// Hold the ordering core until the asker goes away, a minute at most: a development network's only.
    #[serde(rename = "admin_hold")]
    Hold {},
    /// Move the clock: a development network's only.
    #[serde(rename = "admin_setClock")]
    SetClock {
        /// How far it is ahead of the system's, in milliseconds.
        ahead_ms: u64,
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
    Done {},
    /// The end of [`Question::Sizes`] and [`Question::Prune`].
    Sizes {
        /// Of each family.
        sizes: Vec<FamilySize>,
        /// What of the past is held.
        windows: WindowsHeld,
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
    /// The end of [`Question::Invite`].
    Invite(Invite),
    /// The end, and why it is none.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a node needs to join: the chain itself, which is what it trusts, and whom to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// Version of this document.
    pub pollen_invite: u32,
    /// The chain's genesis document.
    pub genesis: Value,
    /// Multiaddresses of nodes, each with `/p2p/ID`.
    pub peers: Vec<String>,
}

/// The version of [`Invite`] that is written and read.
pub const INVITE_VERSION: u32 = 1;

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

/// A call of the node that runs on a data folder; none when none runs.
async fn call(data: &Path, question: &Question) -> std::io::Result<Option<UnixStream>> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let mut stream = match UnixStream::connect(socket(data)).await {
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(None),
        connected => connected?,
    };
    let mut call = serde_json::to_value(question).expect("questions are JSON");
    call["jsonrpc"] = json!("2.0");
    call["id"] = json!(1);
    stream.write_all(format!("{call}\n").as_bytes()).await?;
    Ok(Some(stream))
}

/// A line that a node wrote.
fn read(line: &str) -> std::io::Result<Answer> {
    let mut told: Value = serde_json::from_str(line)?;
    if told["method"] == PROGRESS {
        let mut progress = told["params"].take();
        progress["answer"] = json!("progress");
        return Ok(serde_json::from_value(progress)?);
    }
    if let Some(reason) = told["error"]["message"].as_str() {
        return Ok(Answer::Failed { reason: reason.to_owned() });
    }
    Ok(serde_json::from_value(told["result"].take())?)
}

/// An answer as a node writes it.
fn written(id: &Value, answer: &Answer) -> Value {
    match answer {
        Answer::Progress { done, of } => {
            json!({ "jsonrpc": "2.0", "method": PROGRESS, "params": { "done": done, "of": of } })
        }
        Answer::Failed { reason } => {
            let code = ErrorCode::InternalError;
            let error = json!({ "code": code.number(), "message": reason, "data": { "name": code.name() } });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
        answer => json!({ "jsonrpc": "2.0", "id": id, "result": answer }),
    }
}

/// Asks the node that runs on a data folder; `None` when none does.
pub async fn ask(
    data: &Path,
    question: &Question,
    mut progress: impl FnMut(u64, u64),
) -> std::io::Result<Option<Answer>> {
    let Some(stream) = call(data, question).await? else { return Ok(None) };
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        match read(&line)? {
            Answer::Progress { done, of } => progress(done, of),
            last => return Ok(Some(last)),
        }
    }
    Err(std::io::Error::other("the node ended before it had answered"))
}

/// A core that is held until this is dropped.
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "held for its drop")] UnixStream);

/// Holds the core of the node that runs on a data folder.
pub async fn hold(data: &Path) -> std::io::Result<Held> {
    let gone = || std::io::Error::other(format!("no node runs on {}", data.display()));
    let mut stream = call(data, &Question::Hold {}).await?.ok_or_else(gone)?;
    let mut line = String::new();
    BufReader::new(&mut stream).read_line(&mut line).await?;
    match read(&line)? {
        Answer::Progress { .. } => Ok(Held(stream)),
        Answer::Failed { reason } => Err(std::io::Error::other(reason)),
        other => Err(std::io::Error::other(format!("{other:?} is no answer to this"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question is a call of JSON-RPC, with the names that docs/operating.md tells; one that says more than is known is
    /// refused, not half understood.
    #[test]
    fn questions_are_calls() {
        let question = Question::Log { filter: "debug".into(), for_ms: 5 };
        let call = serde_json::to_value(&question).unwrap();
        let expected =
            json!({ "method": "admin_log", "params": { "filter": "debug", "forMs": 5 } });
        assert_eq!(call, expected);
        let more = json!({ "method": "admin_log", "params": { "filter": "debug", "for_ms": 5 } });
        assert!(serde_json::from_value::<Question>(more).is_err());
    }

    /// What is written is read as it was.
    #[test]
    fn answers_are_read_as_they_are_written() {
        let head = Some("00ff".to_owned());
        let answers = [
            Answer::Progress { done: 1, of: 2 },
            Answer::Done {},
            Answer::SnapshotHead { head },
            Answer::Failed { reason: "the disk is full".into() },
        ];
        for answer in answers {
            assert_eq!(read(&written(&json!(7), &answer).to_string()).unwrap(), answer);
        }
    }
}
