//! Server-sent events as a client reads them, over HTTP/1.1 by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::Answer;
use crate::gateway::PATIENCE;

/// What stands between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Its `id`.
    pub id: Option<String>,
    /// Its `event`.
    pub event: Option<String>,
    /// Its `data`, the lines of it joined.
    pub data: Option<String>,
    /// Its `retry`.
    pub retry: Option<String>,
    /// It has a comment.
    pub comment: bool,
}

impl Block {
    /// The data, which is JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let data = self.data.as_deref().unwrap_or_else(|| panic!("no data: {self:?}"));
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The number of an event whose data is `{"n":…}`.
    #[track_caller]
    pub fn number(&self) -> u64 {
        self.json()["data"]["n"].as_u64().unwrap_or_else(|| panic!("no number: {self:?}"))
    }

    fn read(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.split('\n') {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            assert!(!value.contains('\r'), "an end of a line in {line:?}");
            match name {
                "" => block.comment = true,
                "id" => block.id = Some(value),
                "event" => block.event = Some(value),
                "retry" => block.retry = Some(value),
                "data" => {
                    block.data = Some(block.data.take().map_or(value.clone(), |data| data + "\n" + &value))
                }
                other => panic!("an unknown field {other:?}"),
            }
        }
        block
    }
}

/// Takes a stream's text apart, and remembers what a client would.
#[derive(Debug, Default)]
pub struct Blocks {
    text: Vec<u8>,
    /// The last `id`.
    pub last_id: String,
}

impl Blocks {
    /// More has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    /// The next block that is whole.
    pub fn take(&mut self) -> Option<Block> {
        let end = self.text.windows(2).position(|two| two == b"\n\n")?;
        let text: Vec<u8> = self.text.drain(..end + 2).take(end).collect();
        let block = Block::read(std::str::from_utf8(&text).unwrap());
        if let Some(id) = &block.id {
            self.last_id.clone_from(id);
        }
        Some(block)
    }

    /// The next one that is an event.
    pub fn event(&mut self) -> Option<Block> {
        loop {
            let block = self.take()?;
            if block.data.is_some() {
                return Some(block);
            }
        }
    }
}

/// A client's end of a stream of events.
#[derive(Debug)]
pub struct EventStream {
    stream: TcpStream,
    read: Vec<u8>,
    /// What has come of it.
    pub blocks: Blocks,
    /// The answer's head.
    pub head: Answer,
    over: bool,
}

impl EventStream {
    /// Asks for the events at `path`; what else is answered than 200 panics.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::open_with(address, path, headers, None).await
    }

    /// The same for a client whose kernel takes little that it does not read, in bytes.
    pub async fn open_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        receive_buffer: Option<u32>,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size).unwrap();
        }
        let mut stream = socket.connect(address).await.unwrap();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = Answer::parse("");
        let mut events = Self { stream, read: Vec::new(), blocks: Blocks::default(), head, over: false };
        let end = loop {
            if let Some(end) = events.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(events.fill().await, "no answer");
        };
        let head: Vec<u8> = events.read.drain(..end).collect();
        events.head = Answer::parse(std::str::from_utf8(&head).unwrap());
        assert_eq!(events.head.status, 200, "{:?} {:?}", events.head, String::from_utf8_lossy(&events.read));
        assert_eq!(events.head.header("transfer-encoding"), Some("chunked"));
        events
    }

    /// The same, and its greeting and what it is told of its rooms are read.
    pub async fn joined(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> (Self, Vec<Value>) {
        let mut events = Self::open(address, path, headers).await;
        let rooms = events.greeting().await;
        (events, rooms)
    }

    /// Reads the greeting, and answers what is told of as many rooms as the request names.
    pub async fn greeting(&mut self) -> Vec<Value> {
        let mut rooms = Vec::new();
        assert_eq!(self.next().await.event.as_deref(), Some("connected"));
        while self.blocks.text.starts_with(b"event: joined\n") {
            rooms.push(self.next().await.json());
        }
        rooms
    }

    /// Reads once; `false` at the end of the connection.
    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("nothing comes");
        let count = count.unwrap_or(0); // cut off
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Takes chunks out of what has come.
    fn unchunk(&mut self) {
        while let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.read[..end]).unwrap(), 16).unwrap();
            if self.read.len() < end + 2 + size + 2 {
                return;
            }
            self.blocks.push(&self.read[end + 2..end + 2 + size]);
            self.read.drain(..end + 2 + size + 2);
            self.over |= size == 0;
        }
    }

    /// The next block; none where the stream has ended, and ended well.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            self.unchunk();
            if let Some(block) = self.blocks.take() {
                return Some(block);
            }
            if self.over {
                assert!(self.blocks.text.is_empty(), "half a block");
                return None;
            }
            assert!(self.fill().await, "the stream is cut off");
        }
    }

    /// The next event, which must come.
    pub async fn next(&mut self) -> Block {
        loop {
            let block = self.block().await.expect("the stream has ended");
            if block.data.is_some() {
                return block;
            }
        }
    }

    /// The connection, behind an answer that is over.
    pub fn into_connection(self) -> TcpStream {
        assert!(self.over && self.read.is_empty(), "there is more: {:?}", self.read);
        self.stream
    }
}
