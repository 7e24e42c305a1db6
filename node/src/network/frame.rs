//! Length-prefixed frames: four bytes of length (big-endian), then that many bytes.
//!
//! Invariants: the length is checked against the caller's bound before anything is allocated, and the
//! buffer grows only as bytes arrive, so a lying length costs its sender the bytes that it promised.

use std::io;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes allocated on the word of a length alone; beyond it the buffer at most doubles what has come.
const PIECE_BYTES: usize = 64 * 1024;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The sender promised more than the bound.
    #[error("a frame of {bytes} bytes; at most {max} are allowed")]
    TooLarge { bytes: usize, max: usize },
    /// The stream broke, or ended inside a frame.
    #[error("stream: {0}")]
    Io(#[from] io::Error),
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge { .. } => Self::new(io::ErrorKind::InvalidData, error),
            FrameError::Io(error) => error,
        }
    }
}

/// Reads one frame of at most `max` bytes; none when the stream ends before its first byte.
pub(super) async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    max: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    match read_length(reader, max).await? {
        Some(length) => Ok(Some(read_body(reader, length).await?)),
        None => Ok(None),
    }
}

/// The first half of [`read`]: the length, checked.
pub(super) async fn read_length<R: AsyncRead + Unpin>(
    reader: &mut R,
    max: usize,
) -> Result<Option<usize>, FrameError> {
    let mut head = [0; 4];
    if reader.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut head[1..]).await?;
    let bytes = u32::from_be_bytes(head) as usize;
    if bytes > max {
        return Err(FrameError::TooLarge { bytes, max });
    }
    Ok(Some(bytes))
}

/// The second half of [`read`]: a body whose length was checked.
pub(super) async fn read_body<R: AsyncRead + Unpin>(
    reader: &mut R,
    length: usize,
) -> Result<Vec<u8>, io::Error> {
    let mut body = Vec::new();
    while body.len() < length {
        let start = body.len();
        let end = length.min(start + start.max(PIECE_BYTES));
        body.reserve_exact(end - start);
        body.resize(end, 0);
        reader.read_exact(&mut body[start..end]).await?;
    }
    Ok(body)
}

/// Writes one frame; the caller flushes.
pub(super) async fn write<W: AsyncWrite + Unpin>(writer: &mut W, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame has at most 4 GiB"))?;
    writer.write_all(&length.to_be_bytes()).await?;
    writer.write_all(body).await
}
