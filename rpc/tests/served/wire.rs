//! Bytes on a connection: HTTP and WebSocket (RFC 6455) as a client speaks them who keeps to nothing else.
//! Libraries send only what is right, and read on their own; tests of what is wrong, cut off or left unread
//! need a hand on every byte. The tests of the whole system (tests/tests/system) use this file too.

use std::io::Result;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of a message or answer that a test is willing to hold.
const MESSAGE_BYTES_MAX: u64 = 64 << 20;
/// Every client's frames are masked; with zeros they can be read in a capture.
const MASK: [u8; 4] = [0; 4];

/// The kinds of frames that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Frame {
    const ALL: [(Self, u8); 5] =
        [(Self::Text, 1), (Self::Binary, 2), (Self::Close, 8), (Self::Ping, 9), (Self::Pong, 10)];

    fn number(self) -> u8 {
        Self::ALL.into_iter().find(|(frame, _)| *frame == self).expect("all are listed").1
    }
}

/// A POST of a body to `/`, as bytes; the server closes after it.
pub fn post(host: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// What the server says until it closes: the status, and the body. None when it closed without a word or in
/// the middle of the answer.
pub async fn answer(socket: &mut TcpStream) -> Option<(u16, Vec<u8>)> {
    let mut bytes = Vec::new();
    // A reset may come behind an answer that refused without reading on.
    let _ = socket.take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |text| text.trim().parse().expect("a length is a number"));
    let body = bytes.split_off(end + 4);
    (body.len() >= length).then_some((status, body))
}

/// A WebSocket.
pub struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Shakes hands on a connection.
    pub async fn open(mut stream: TcpStream, host: &str) -> Result<Self> {
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cG9sbGVucG9sbGVucG9sbA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if head.starts_with(b"HTTP/1.1 101") {
            return Ok(Self { stream });
        }
        Err(std::io::Error::other(String::from_utf8_lossy(&head).into_owned()))
    }

    /// Sends one frame, whole.
    pub async fn send(&mut self, frame: Frame, payload: &[u8]) -> Result<()> {
        self.send_bytes(&framed(frame, payload)).await
    }

    /// Sends bytes that may be part of a frame, or no frame at all.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next message that is not about the connection itself; pings are answered. None when the server
    /// closed.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let (number, payload) = self.frame().await.ok()?;
            let frame = Frame::ALL.into_iter().find(|(_, other)| *other == number);
            match frame.expect("a server sends whole messages").0 {
                Frame::Text | Frame::Binary => return Some(payload),
                Frame::Ping => self.send(Frame::Pong, &payload).await.ok()?,
                Frame::Pong => {}
                Frame::Close => return None,
            }
        }
    }

    /// With which number the server closes (RFC 6455, section 7.4.1); nothing else may come before.
    #[allow(dead_code)] // the tests of the whole system do not ask
    pub async fn closed(&mut self) -> u16 {
        let (number, payload) = self.frame().await.expect("a word before the end");
        assert_eq!(number, Frame::Close.number(), "{}", String::from_utf8_lossy(&payload));
        u16::from_be_bytes([payload[0], payload[1]])
    }

    async fn frame(&mut self) -> Result<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        assert!(length <= MESSAGE_BYTES_MAX, "a message of {length} bytes");
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok((first & 0x0f, payload))
    }
}

/// A frame as a client sends it.
pub fn framed(frame: Frame, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(frame, payload.len() as u64);
    bytes.extend_from_slice(payload);
    bytes
}

/// What stands before a payload of so many bytes.
pub fn head(frame: Frame, length: u64) -> Vec<u8> {
    let mut bytes = vec![0x80 | frame.number()];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}
