//! A socket of one who may not read: while an answer cannot be written, nothing more is read, and after a while it
//! is over.
//!
//! jsonrpsee reads a WebSocket's messages as fast as they come and keeps every answer until it can be written, so that
//! a client that asks and never reads would fill the memory, and would keep its connection for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Socket<S> {
    inner: S,
    patience: Duration,
    /// Runs out when a write has been waiting for too long.
    blocked: Option<Pin<Box<Sleep>>>,
    /// Who wants to read, and has to wait for a write.
    reader: Option<Waker>,
}

impl<S> Socket<S> {
    /// One whose writes may each wait so long.
    pub(super) fn new(inner: S, patience: Duration) -> Self {
        Self { inner, patience, blocked: None, reader: None }
    }

    /// What a write means to the reader, and to the patience with the other side.
    fn wrote<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = None;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            return written;
        }
        let end = Instant::now() + self.patience;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        match blocked.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(blocked) = &mut self.blocked {
            if blocked.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};

    use super::*;

    /// One who asks and does not read is not read, goes on where it stopped once it reads, and is cut off when it
    /// does not for too long.
    #[tokio::test]
    async fn who_does_not_read_is_not_read() {
        let (mut client, server) = duplex(4);
        let (mut reads, mut writes) = split(Socket::new(server, Duration::from_millis(500)));
        let mut writing = pin!(writes.write_all(b"an answer"));
        assert!(poll!(writing.as_mut()).is_pending(), "4 bytes have room");
        client.write_all(b"ask").await.unwrap();
        let mut asked = [0; 3];
        {
            let mut reading = pin!(reads.read_exact(&mut asked));
            assert!(poll!(reading.as_mut()).is_pending(), "nothing is read while an answer waits");
            let mut answer = [0; 9];
            let (read, written) = tokio::join!(client.read_exact(&mut answer), writing);
            read.unwrap();
            written.unwrap();
            assert_eq!(&answer, b"an answer");
            reading.await.unwrap();
        }
        assert_eq!(&asked, b"ask");
        let cut = writes.write_all(b"another answer").await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
    }
}
