//! A session over a WebSocket: messages in, answers and notices out, until one side has enough.
//!
//! One task reads and writes. While something cannot be written nothing is read, and no more is begun than a connection
//! may have calls twice over, nor while the messages that are being answered are as long as one may be: a client that
//! asks and never reads, or asks for what takes long, holds that much and no more.
//! Answers come as they are ready, in any order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::{SinkExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, UPGRADE};
use hyper::{Request, upgrade};
use hyper_util::rt::TokioIo;
use jsonrpsee::core::server::{BoundedSubscriptions, MethodSink, Methods};
use jsonrpsee::server::{ConnectionId, StopHandle};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{self, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::caller::{Answer, Caller, Notices};
use super::connections::ConnectionPermit;
use super::{Limits, PING_INTERVAL, STOP_GRACE, WRITE_PATIENCE};

type Stream = WebSocketStream<TokioIo<upgrade::Upgraded>>;

/// Bytes that a connection holds to read into, and to write from before it does.
const BUFFER: usize = 4 << 10;
/// Bytes of an answer that are written at once, beside that answer.
const WRITE_BUFFER_MAX: usize = 64 << 10;

static CONNECTIONS: AtomicUsize = AtomicUsize::new(1);

/// Whether a request asks for a WebSocket instead of an answer (RFC 6455, section 4.1).
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    let has = |name, word: &str| {
        let words = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        words.flat_map(|words| words.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    has(CONNECTION, "upgrade") && has(UPGRADE, "websocket")
}

/// Runs a session on what `request` is upgraded to. It holds the connection's permit until it ends.
pub(super) async fn run(
    request: Request<Incoming>,
    methods: Methods,
    limits: Limits,
    permit: Arc<ConnectionPermit>,
    stop: StopHandle,
) {
    let upgraded = match upgrade::on(request).await {
        Ok(upgraded) => TokioIo::new(upgraded),
        Err(error) => return tracing::debug!(%error, "WebSocket lost before its first message"),
    };
    let bytes = Some(limits.body_bytes as usize);
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(limits.response_bytes as usize + WRITE_BUFFER_MAX)
        .max_message_size(bytes)
        .max_frame_size(bytes);
    let stream = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let (notices, told) = mpsc::channel(limits.messages_buffered.max(1) as usize);
    let places = BoundedSubscriptions::new(limits.subscriptions_per_connection);
    let connection = ConnectionId(CONNECTIONS.fetch_add(1, Ordering::Relaxed));
    let notices = Notices { sink: MethodSink::new(notices), places, connection };
    let caller = Arc::new(Caller::new(&methods, &limits, Arc::clone(&permit), Some(notices)));
    let session = Session {
        stream,
        caller,
        told,
        answering: JoinSet::new(),
        most: 2 * limits.calls_per_connection,
        held: Arc::default(),
        held_max: limits.body_bytes as usize,
        permit,
    };
    if let Err(error) = session.run(stop).await {
        tracing::debug!(%error, "WebSocket ended");
    }
}

struct Session {
    stream: Stream,
    caller: Arc<Caller>,
    told: mpsc::Receiver<Box<serde_json::value::RawValue>>,
    /// Messages that are being answered. They end with the session.
    answering: JoinSet<Option<Answer>>,
    /// How many of them at most.
    most: usize,
    /// Bytes of them, and from where on no more is read.
    held: Arc<AtomicUsize>,
    held_max: usize,
    permit: Arc<ConnectionPermit>,
}

/// A message that is counted as long as it is held, however its answering ends.
struct Held {
    message: Bytes,
    all: Arc<AtomicUsize>,
}

impl Held {
    fn new(all: &Arc<AtomicUsize>, message: Bytes) -> Self {
        all.fetch_add(message.len(), Ordering::Relaxed);
        Self { message, all: Arc::clone(all) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.message.len(), Ordering::Relaxed);
    }
}

impl Session {
    async fn run(mut self, stop: StopHandle) -> Result<(), Error> {
        let stopped = stop.shutdown();
        tokio::pin!(stopped);
        let mut ping = interval_at(time::Instant::now() + PING_INTERVAL, PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                () = &mut stopped => return self.end().await,
                Some(answered) = self.answering.join_next() => {
                    // A method that panicked has no answer; the runtime told its story.
                    if let Ok(Some(answer)) = answered {
                        self.send(answer.sent()).await?;
                    }
                }
                Some(notice) = self.told.recv() => {
                    self.send(Box::<str>::from(notice).into_string()).await?;
                }
                _ = ping.tick() => {
                    if heard.elapsed() > WRITE_PATIENCE {
                        return Ok(()); // nobody is there any more
                    }
                    self.stream.send(Message::Ping(Bytes::new())).await?;
                }
                message = self.stream.next(), if self.has_room() => {
                    heard = Instant::now();
                    if let Some(wait) = self.permit.shut_out(heard) {
                        let words = format!("this address asks for too much: again in {wait:.1?}");
                        return self.close(CloseCode::Policy, &words).await;
                    }
                    match message {
                        Some(Ok(Message::Text(text))) => self.answer(text.into()),
                        Some(Ok(Message::Binary(bytes))) => self.answer(bytes),
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                        None | Some(Ok(Message::Close(_))) => return Ok(()),
                        Some(Err(error)) => {
                            self.permit.rubbish(heard);
                            let code = match &error {
                                Error::Capacity(_) => CloseCode::Size,
                                Error::Utf8(_) => CloseCode::Invalid,
                                Error::Protocol(_) => CloseCode::Protocol,
                                _ => return Err(error),
                            };
                            return self.close(code, &error.to_string()).await;
                        }
                    }
                }
            }
        }
    }

    /// Whether another message may be read. Looked at anew whenever one was answered.
    fn has_room(&self) -> bool {
        self.answering.len() < self.most && self.held.load(Ordering::Relaxed) < self.held_max
    }

    fn answer(&mut self, message: Bytes) {
        let caller = Arc::clone(&self.caller);
        let held = Held::new(&self.held, message);
        self.answering.spawn(async move { caller.answer(&held.message).await });
    }

    async fn send(&mut self, text: String) -> Result<(), Error> {
        self.stream.send(Message::Text(text.into())).await
    }

    /// What is being answered has a moment to get there.
    async fn end(mut self) -> Result<(), Error> {
        let answered = async {
            while let Some(answered) = self.answering.join_next().await {
                if let Ok(Some(answer)) = answered {
                    self.send(answer.sent()).await?;
                }
            }
            Ok::<_, Error>(())
        };
        if let Ok(answered) = timeout(STOP_GRACE, answered).await {
            answered?;
        }
        self.close(CloseCode::Away, "the node stops").await
    }

    /// Says why it ends.
    async fn close(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = Utf8Bytes::from(reason);
        self.stream.close(Some(CloseFrame { code, reason })).await
    }
}
