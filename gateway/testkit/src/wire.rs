//! The WebSocket wire by hand: for clients that misbehave, that look at single frames, or that are many.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::gateway::PATIENCE;
use crate::{TlsClient, TlsDialer};

/// A client's frames are masked with this.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Bytes of one read; a client holds no buffer between two frames.
const READ: usize = 16 * 1024;

/// Opcodes of RFC 6455, section 5.2, and what is added to them.
pub mod opcode {
    /// A further fragment.
    pub const CONTINUATION: u8 = 0;
    /// UTF-8.
    pub const TEXT: u8 = 1;
    /// Any bytes.
    pub const BINARY: u8 = 2;
    /// The close.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
    /// Added: the message's last frame.
    pub const FIN: u8 = 0x80;
    /// Added: the message is compressed.
    pub const COMPRESSED: u8 = 0x40;
}

/// A frame of the gateway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The opcode, with [`opcode::COMPRESSED`] where that was agreed on; every frame of the gateway's is a whole message.
    pub opcode: u8,
    /// What it bears.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The payload of a text, which is JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.opcode, opcode::TEXT, "not a text: {self:?}");
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code and the reason of a close.
    #[track_caller]
    pub fn close(&self) -> (u16, &str) {
        assert_eq!(self.opcode, opcode::CLOSE, "not a close: {self:?}");
        let [high, low, reason @ ..] = &*self.payload else { panic!("a close without a code") };
        (u16::from_be_bytes([*high, *low]), std::str::from_utf8(reason).unwrap())
    }
}

/// A client's end of a connection, behind the handshake.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    /// Come, and not yet taken.
    read: Vec<u8>,
    /// The answer to the extensions that were offered.
    agreed: Option<Box<str>>,
}

#[derive(Debug)]
enum Stream {
    Plain(Arc<TcpStream>),
    Tls {
        /// None for who only sends.
        read: Option<ReadHalf<TlsClient>>,
        write: Arc<Mutex<WriteHalf<TlsClient>>>,
    },
}

impl Wire {
    pub(crate) async fn connect(
        address: SocketAddr,
        path: &str,
        receive_buffer: Option<u32>,
        tls: Option<&TlsDialer>,
        offer: Option<&str>,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size).unwrap();
        }
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = match tls {
            None => Stream::Plain(Arc::new(stream)),
            Some(dialer) => {
                let (read, write) = tokio::io::split(dialer.shake(stream).await.unwrap());
                Stream::Tls { read: Some(read), write: Arc::new(Mutex::new(write)) }
            }
        };
        let mut wire = Self { stream, read: Vec::new(), agreed: None };
        let offer = offer.map_or(String::new(), |offer| format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        let handshake = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        wire.send_raw(handshake.as_bytes()).await;
        let head = loop {
            if let Some(end) = wire.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break wire.read.drain(..end + 4).collect::<Vec<u8>>();
            }
            assert!(wire.fill().await, "the connection ends before the handshake does");
        };
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The example of RFC 6455, section 1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        let answer = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        wire.agreed = answer.map(Into::into);
        wire
    }

    /// What was answered to the extensions that were offered.
    pub fn agreed(&self) -> Option<&str> {
        self.agreed.as_deref()
    }

    /// The same connection, to send on it while another task reads.
    pub fn sender(&self) -> Self {
        let stream = match &self.stream {
            Stream::Plain(stream) => Stream::Plain(Arc::clone(stream)),
            Stream::Tls { write, .. } => Stream::Tls { read: None, write: Arc::clone(write) },
        };
        Self { stream, read: Vec::new(), agreed: None }
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&self, mut bytes: &[u8]) {
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls { write, .. } => {
                let mut write = write.lock().await;
                let sent = async {
                    write.write_all(bytes).await?;
                    write.flush().await
                };
                return timeout(PATIENCE, sent).await.expect("nothing is taken").unwrap();
            }
        };
        while !bytes.is_empty() {
            timeout(PATIENCE, stream.writable()).await.expect("nothing is taken").unwrap();
            match stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Sends a masked frame; `first` is its opcode, with [`opcode::FIN`] where it is a message's last.
    pub async fn send(&self, first: u8, payload: &[u8]) {
        self.send_raw(&frame(first, payload)).await;
    }

    /// Sends a text.
    pub async fn send_text(&self, text: &str) {
        self.send(opcode::FIN | opcode::TEXT, text.as_bytes()).await;
    }

    /// Sends a close.
    pub async fn send_close(&self, code: u16, reason: &str) {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.send(opcode::FIN | opcode::CLOSE, &payload).await;
    }

    /// Sends JSON and answers the next frame, which is JSON.
    pub async fn ask(&mut self, request: &Value) -> Value {
        self.send_text(&request.to_string()).await;
        self.next().await.json()
    }

    /// The next frame; none where the stream has ended, which it does between two frames only.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if !self.fill().await {
                assert!(self.read.is_empty(), "half a frame: {:?}", self.read);
                return None;
            }
        }
    }

    /// The next frame, which must come.
    pub async fn next(&mut self) -> Frame {
        self.frame().await.expect("the stream has ended")
    }

    /// Takes a frame out of what has come.
    fn take(&mut self) -> Option<Frame> {
        let [first, second, ..] = *self.read else { return None };
        let (size, wide) = match second {
            0..=125 => (usize::from(second), 2),
            126 => (usize::from(u16::from_be_bytes(self.read.get(2..4)?.try_into().unwrap())), 4),
            127 => (u64::from_be_bytes(self.read.get(2..10)?.try_into().unwrap()) as usize, 10),
            _ => panic!("the gateway masks a frame"),
        };
        let compressed = if self.agreed.is_some() { first & opcode::COMPRESSED } else { 0 };
        assert_eq!(first & 0xf0, opcode::FIN | compressed, "a fragment, or reserved bits: {first:x}");
        if self.read.len() < wide + size {
            return None;
        }
        let payload = self.read[wide..wide + size].to_vec();
        self.read.drain(..wide + size);
        if self.read.is_empty() {
            self.read = Vec::new();
        }
        Some(Frame { opcode: first & !opcode::FIN, payload })
    }

    /// Reads once; `false` at the end of the stream.
    async fn fill(&mut self) -> bool {
        let mut buffer = [0; READ];
        let stream = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls { read, .. } => {
                let read = read.as_mut().expect("this end only sends");
                // An end without a close_notify is an error here.
                let count = timeout(PATIENCE, read.read(&mut buffer)).await.expect("nothing comes").unwrap();
                self.read.extend_from_slice(&buffer[..count]);
                return count > 0;
            }
        };
        timeout(PATIENCE, stream.readable()).await.expect("nothing comes").unwrap();
        match stream.try_read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads the end of the stream, which comes next.
    pub async fn ended(mut self) {
        let more = self.frame().await;
        assert_eq!(more, None, "more comes behind the close");
    }
}

/// A client's masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
