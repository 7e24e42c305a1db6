//! What a node of a development network passes on to `pollen dev`, which runs all its nodes: orders that no node can
//! carry out alone. Over a Unix socket in the network's folder; an order is one line of JSON, so is its answer.
//!
//! Deliberately not here: anything that a node outside of `pollen dev` could be told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pollen_ledger::AccountId;
use pollen_rpc::error::{ErrorCode, RpcError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

/// Bytes of an order at most.
const ORDER_BYTES_MAX: u64 = 4 << 10;

/// How long a node takes to pass an answer on, and how long that is waited for.
const PASSING_ON: Duration = Duration::from_millis(50);
const PASSED_ON_MAX: Duration = Duration::from_secs(1);

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Grains from the faucet to an account.
    Fund {
        /// Whom.
        account: AccountId,
        /// How much.
        amount: u64,
    },
    /// Move the clock of every node, by milliseconds.
    AdvanceTime {
        /// How far.
        ms: u64,
    },
    /// Keep what the network is now.
    Snapshot,
    /// Begin to go back to what it was.
    Revert {
        /// To which snapshot.
        snapshot: u32,
    },
}

/// What comes back: the answer, or the text of why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Done(Value),
    Failed(String),
}

/// The socket of a network's folder.
pub fn socket(root: &Path) -> PathBuf {
    root.join("control.sock")
}

/// Where `pollen dev` hears orders.
pub struct Control(UnixListener);

impl Control {
    /// Listens in a network's folder. What is left of a socket there is an earlier run's: who has the folder's
    /// database has the folder.
    pub fn listen(root: &Path) -> std::io::Result<Self> {
        let path = socket(root);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => UnixListener::bind(&path).map(Self),
        }
    }

    /// The next order, with the way back. Who sends something else is not answered.
    pub async fn next(&self) -> std::io::Result<(Order, Answering)> {
        loop {
            let (stream, _) = self.0.accept().await?;
            let (read, write) = stream.into_split();
            let mut line = String::new();
            let mut limited = BufReader::new(read.take(ORDER_BYTES_MAX));
            let read = limited.read_line(&mut line).await;
            match serde_json::from_str(&line) {
                Ok(order) if read.is_ok() => {
                    let read = limited.into_inner().into_inner();
                    return Ok((order, Answering { read, write }));
                }
                _ => tracing::warn!("what came over the development network's socket is no order"),
            }
        }
    }
}

/// The way back to who gave an order.
pub struct Answering {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Answering {
    /// Tells how it ended, and waits a moment until the other side has passed that on. Who has gone away meanwhile hears
    /// nothing.
    pub async fn tell<T: Serialize>(mut self, outcome: Result<T, String>) {
        let outcome = outcome.map(|done| serde_json::to_value(done).expect("answers are JSON"));
        let outcome = outcome.map_or_else(Outcome::Failed, Outcome::Done);
        let mut line = serde_json::to_string(&outcome).expect("outcomes are JSON");
        line.push('\n');
        let _ = self.write.write_all(line.as_bytes()).await;
        let _ = self.write.shutdown().await;
        let _ = tokio::time::timeout(PASSED_ON_MAX, self.read.read_u8()).await;
    }
}

/// Gives an order to the `pollen dev` of a socket.
pub async fn ask<T: DeserializeOwned>(socket: &Path, order: Order) -> Result<T, RpcError> {
    let gone = |error: std::io::Error| {
        RpcError::new(ErrorCode::NotReady, format!("`pollen dev` does not answer: {error}"))
    };
    let stream = UnixStream::connect(socket).await.map_err(gone)?;
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(&order).expect("orders are JSON");
    line.push('\n');
    write.write_all(line.as_bytes()).await.map_err(gone)?;
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line).await.map_err(gone)?;
    tokio::spawn(async move {
        // The node may be ended next: a courtesy to the client, who has to live without an answer all the same.
        tokio::time::sleep(PASSING_ON).await;
        drop(write);
    });
    let odd = |error: serde_json::Error| RpcError::internal(error.to_string());
    match serde_json::from_str(&line).map_err(odd)? {
        Outcome::Done(done) => serde_json::from_value(done).map_err(odd),
        Outcome::Failed(reason) => Err(RpcError::new(ErrorCode::NotFound, reason)),
    }
}
