//! Questions and answers: the codec of request-response, and how much one peer may ask.
//!
//! Invariants: a body is read only up to the bound, and only [`LARGE_BODIES_MAX`] large requests are
//! read at once by the whole node, so that many peers cannot fill its memory together.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use borsh::BorshSerialize;
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use libp2p::request_response;
use pollen_ledger::codec::{self, DecodeError};
use pollen_ledger::limits::MESSAGE_BYTES_MAX;
use pollen_ledger::wire::{Request, Response};
use tokio::sync::Semaphore;

use super::frame;

/// Requests of more than [`LARGE_BYTES`] that are read at once.
const LARGE_BODIES_MAX: usize = 16;
/// A history request with all its targets fits; most transactions do.
const LARGE_BYTES: usize = 64 * 1024;

/// borsh in one length-prefixed frame each way.
#[derive(Debug, Clone)]
pub(super) struct Codec {
    large: Arc<Semaphore>,
}

impl Codec {
    pub(super) fn new() -> Self {
        Self { large: Arc::new(Semaphore::new(LARGE_BODIES_MAX)) }
    }
}

fn invalid(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

async fn read_length<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<usize> {
    let length = frame::read_length(io, MESSAGE_BYTES_MAX).await?;
    length.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

async fn write<T: AsyncWrite + Unpin + Send>(
    io: &mut T,
    value: &(impl BorshSerialize + Sync),
) -> io::Result<()> {
    let bytes = codec::encode(value);
    if bytes.len() > MESSAGE_BYTES_MAX {
        let error = DecodeError::TooLarge { bytes: bytes.len(), max: MESSAGE_BYTES_MAX };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    frame::write(io, &bytes).await?;
    io.flush().await
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        let length = read_length(io).await?;
        let _permit = if length > LARGE_BYTES {
            Some(self.large.acquire().await.map_err(io::Error::other)?)
        } else {
            None
        };
        Request::decode(&frame::read_body(io, length).await?).map_err(invalid)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        let length = read_length(io).await?;
        Response::decode(&frame::read_body(io, length).await?).map_err(invalid)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

/// A token bucket: `per_second` on average, twice that at once.
#[derive(Debug)]
pub(super) struct Allowance {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, tokens: 2.0 * per_second, filled: now }
    }

    /// Takes one token; false when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + seconds * self.per_second).min(2.0 * self.per_second);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}
