//! The two ends of a direct stream: a bounded queue with the task that writes it out, and the task
//! that reads messages in.
//!
//! Invariants: a queue is bounded in messages and bytes and drops its oldest; nothing that a peer sends
//! is allocated before its length is checked; one reader holds at most [`READER_BYTES_MAX`] of messages
//! that the node has not yet taken. A broken stream loses what was on its way: fetching repairs it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::AsyncWriteExt as _;
use futures::io::{BufReader, BufWriter};
use libp2p::swarm::Stream;
use parking_lot::Mutex;
use pollen_ledger::codec::DecodeError;
use pollen_ledger::limits::MESSAGE_BYTES_MAX;
use pollen_ledger::wire::Message;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::frame::{self, FrameError};
use super::{Counters, Held, NetworkEvent, Sender};

/// Bytes of messages from one peer that wait for the node; more stay in the peer's queue.
const READER_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Bytes buffered in either direction, so that small messages share a system call.
const BUFFER_BYTES: usize = 64 * 1024;
/// Messages and bytes written between two flushes.
const BATCH_MESSAGES_MAX: usize = 128;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// A peer that takes nothing for this long is gone.
const WRITE_STALL_MAX: Duration = Duration::from_secs(10);

/// Messages on their way to one validator, whether it is connected or not.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
    messages_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
    /// Which writer may take: the last one that started.
    generation: u64,
}

impl Outbox {
    /// Bounds: at least one message, at least one of the largest.
    pub(super) fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self {
            queue: Mutex::default(),
            changed: Notify::new(),
            messages_max: messages_max.max(1),
            bytes_max: bytes_max.max(MESSAGE_BYTES_MAX),
        }
    }

    /// Queues a message and tells how many of the oldest went for it.
    pub(super) fn push(&self, message: Arc<[u8]>) -> u64 {
        let mut dropped = 0;
        {
            let mut queue = self.queue.lock();
            queue.bytes += message.len();
            queue.messages.push_back(message);
            while queue.messages.len() > self.messages_max || queue.bytes > self.bytes_max {
                let Some(oldest) = queue.messages.pop_front() else { break };
                queue.bytes -= oldest.len();
                dropped += 1;
            }
        }
        self.changed.notify_one();
        dropped
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().messages.len()
    }

    /// Makes room for a new writer: the one before finishes what it holds and ends.
    pub(super) fn next_generation(&self) -> u64 {
        let generation = {
            let mut queue = self.queue.lock();
            queue.generation += 1;
            queue.generation
        };
        self.changed.notify_waiters();
        generation
    }

    /// Waits for messages and moves a batch of them; false once another writer has started.
    async fn take(&self, generation: u64, batch: &mut Vec<Arc<[u8]>>) -> bool {
        loop {
            let changed = self.changed.notified();
            {
                let mut queue = self.queue.lock();
                if queue.generation != generation {
                    // The wake-up may have been meant for the new one.
                    self.changed.notify_one();
                    return false;
                }
                let mut bytes = 0;
                while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
                    let Some(message) = queue.messages.pop_front() else { break };
                    queue.bytes -= message.len();
                    bytes += message.len();
                    batch.push(message);
                }
            }
            if !batch.is_empty() {
                return true;
            }
            changed.await;
        }
    }
}

/// Writes an outbox to a stream, several messages to a flush, until the stream breaks or another
/// writer takes over.
pub(super) async fn write(
    stream: Stream,
    outbox: Arc<Outbox>,
    generation: u64,
    counters: Arc<Counters>,
) -> Result<(), io::Error> {
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, stream);
    let mut batch = Vec::new();
    while outbox.take(generation, &mut batch).await {
        let written = tokio::time::timeout(WRITE_STALL_MAX, write_batch(&mut writer, &batch)).await;
        let count = batch.len() as u64;
        match written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(()) => counters.messages_sent.fetch_add(count, Relaxed),
            Err(error) => {
                counters.messages_dropped.fetch_add(count, Relaxed);
                return Err(error);
            }
        };
        batch.clear();
    }
    tokio::time::timeout(WRITE_STALL_MAX, writer.close())
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn write_batch(writer: &mut BufWriter<Stream>, batch: &[Arc<[u8]>]) -> io::Result<()> {
    for message in batch {
        frame::write(writer, message).await?;
    }
    writer.flush().await
}

/// Why a reader ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The stream broke, or a frame was too large.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame that is no message.
    #[error("a frame that is no message: {0}")]
    Undecodable(#[from] DecodeError),
}

/// Reads messages until the stream ends, breaks, or breaks the rules.
pub(super) async fn read(
    stream: Stream,
    from: Sender,
    events: mpsc::Sender<NetworkEvent>,
    counters: Arc<Counters>,
) -> Result<(), ReadError> {
    let budget = Arc::new(Semaphore::new(READER_BYTES_MAX));
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, stream);
    while let Some(bytes) = frame::read(&mut reader, MESSAGE_BYTES_MAX).await? {
        let message = Message::decode(&bytes)?;
        counters.messages_received.fetch_add(1, Relaxed);
        let permits = bytes.len() as u32;
        drop(bytes);
        let Ok(held) = Arc::clone(&budget).acquire_many_owned(permits).await else { break };
        let event = NetworkEvent::Message { from, message, held: Held(held) };
        if events.send(event).await.is_err() {
            break;
        }
    }
    Ok(())
}
