//! A connection to a server: messages, and queries in the simple protocol.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::address::Address;
use super::refusal::{Refusal, Trouble};
use super::{dial, login};

/// A row as text, column by column; null is none.
pub type Row = Vec<Option<String>>;

/// What a connection goes over.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Statements.
    Sql,
    /// Logical replication, and statements.
    Replication,
}

/// A connection that is logged in.
pub struct Connection {
    transport: Box<dyn Transport>,
    incoming: BytesMut,
    pub(in crate::source) outgoing: BytesMut,
    /// How long the server may be silent while something is awaited of it.
    pub(in crate::source) patience: Duration,
    /// When it was last heard.
    pub(in crate::source) heard: Instant,
    /// Whether the database takes any bytes for text (`SQL_ASCII`), and could not send them in another encoding.
    pub(super) takes_any_bytes: bool,
}

/// How long a message may be, in bytes: a row of a database has bounds of its own, far above what an event can be.
const MAX_MESSAGE: usize = 256 * 1024 * 1024;

/// How much is read at once, in bytes.
const READ: usize = 64 * 1024;

/// Answers of `CopyBoth` begin with it; the crate of messages does not know it.
const COPY_BOTH: u8 = b'W';

/// A message's kind and what is in it.
#[derive(Debug)]
pub struct Frame {
    pub(in crate::source) kind: u8,
    whole: BytesMut,
}

impl Frame {
    /// What is in it.
    pub(in crate::source) fn body(mut self) -> Bytes {
        self.whole.advance(5);
        self.whole.freeze()
    }

    /// As the crate of messages knows it.
    pub(in crate::source) fn message(mut self) -> Result<Message, Trouble> {
        let message = Message::parse(&mut self.whole)?;
        message.ok_or_else(|| Trouble::Lost("PostgreSQL sent half a message".to_owned()))
    }
}

impl Connection {
    /// Connects and logs in, within the address's time.
    pub async fn open(address: &Address, purpose: Purpose) -> Result<Self, Trouble> {
        let opened = timeout(address.connect_timeout, async {
            let transport = dial::dial(address).await?;
            let mut connection = Self::over(transport, address.connect_timeout);
            login::log_in(&mut connection, address, purpose).await?;
            if connection.takes_any_bytes {
                // What is no UTF-8 is replaced by us, and not refused by the server.
                connection.query("set client_encoding to 'SQL_ASCII'").await?;
            }
            Ok(connection)
        });
        opened.await.unwrap_or_else(|_| {
            let (server, seconds) = (address.server(), address.connect_timeout.as_secs_f32());
            Err(Trouble::Lost(format!("PostgreSQL at {server} does not answer within {seconds} s")))
        })
    }

    pub(in crate::source) fn over(transport: Box<dyn Transport>, patience: Duration) -> Self {
        let (incoming, outgoing) = (BytesMut::with_capacity(READ), BytesMut::new());
        Self { transport, incoming, outgoing, patience, heard: Instant::now(), takes_any_bytes: false }
    }

    /// The next message, if all of it was read.
    pub(in crate::source) fn buffered(&mut self) -> Result<Option<Frame>, Trouble> {
        let [kind, a, b, c, d, ..] = *self.incoming else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if !(4..=MAX_MESSAGE).contains(&length) {
            return Err(Trouble::Lasting(format!(
                "PostgreSQL announces a message of {length} bytes; at most {MAX_MESSAGE} are taken"
            )));
        }
        if self.incoming.len() <= length {
            return Ok(None);
        }
        Ok(Some(Frame { kind, whole: self.incoming.split_to(length + 1) }))
    }

    /// Reads what there is, and waits for some. May be dropped at any time.
    pub(in crate::source) async fn fill(&mut self) -> Result<(), Trouble> {
        // Grows with what has come, never with what is announced.
        self.incoming.reserve(READ);
        match self.transport.read_buf(&mut self.incoming).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => {
                self.heard = Instant::now();
                Ok(())
            }
        }
    }

    /// Sends what is in `outgoing`.
    pub(in crate::source) async fn flush(&mut self) -> Result<(), Trouble> {
        let sent = timeout(self.patience, async {
            self.transport.write_all_buf(&mut self.outgoing).await?;
            self.transport.flush().await
        });
        Ok(sent.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?)
    }

    /// The next message that is neither a notice nor a parameter; refusals are errors.
    pub(in crate::source) async fn receive(&mut self) -> Result<Frame, Trouble> {
        loop {
            while let Some(frame) = self.buffered()? {
                match frame.kind {
                    b'N' => {}
                    b'S' => self.takes_any_bytes |= *frame.body() == *b"server_encoding\0SQL_ASCII\0",
                    b'E' => return Err(refusal(frame)?.into()),
                    _ => return Ok(frame),
                }
            }
            let patience = self.patience;
            timeout(patience, self.fill()).await.unwrap_or_else(|_| {
                let seconds = patience.as_secs_f32();
                Err(Trouble::Lost(format!(
                    "PostgreSQL was silent for {seconds} s while it was asked something"
                )))
            })?;
        }
    }

    /// The rows of some statements. They are all held: for catalogues, or a page of a table.
    pub async fn query(&mut self, statements: &str) -> Result<Vec<Row>, Trouble> {
        frontend::query(statements, &mut self.outgoing)?;
        self.flush().await?;
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            match self.receive().await {
                Ok(frame) if frame.kind == b'Z' => return refused.map_or(Ok(rows), Err),
                Ok(frame) if frame.kind == b'D' => {
                    if let Message::DataRow(body) = frame.message()? {
                        rows.push(row(&body)?);
                    }
                }
                Ok(_) => {}
                // The server goes on behind a refusal with that it is ready.
                Err(refusal @ Trouble::Refused(_)) => refused = Some(refusal),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// The only column of the first row.
    pub(in crate::source) async fn value(&mut self, statement: &str) -> Result<Option<String>, Trouble> {
        let rows = self.query(statement).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Has a command begin to copy both ways.
    pub(in crate::source) async fn copy_both(&mut self, command: &str) -> Result<(), Trouble> {
        frontend::query(command, &mut self.outgoing)?;
        self.flush().await?;
        match self.receive().await? {
            frame if frame.kind == COPY_BOTH => Ok(()),
            frame => Err(Trouble::Lost(format!(
                "PostgreSQL answers to replication with {:?}",
                char::from(frame.kind)
            ))),
        }
    }

    /// Sends a handful of bytes and takes one, before messages begin.
    pub(in crate::source) async fn ask_for_tls(transport: &mut dyn Transport) -> Result<bool, Trouble> {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        transport.write_all(&request).await?;
        // One byte alone: what came behind it would be from who stands between.
        Ok(transport.read_u8().await? == b'S')
    }
}

pub(in crate::source) fn refusal(frame: Frame) -> Result<Refusal, Trouble> {
    match frame.message()? {
        Message::ErrorResponse(body) => Ok(Refusal::read(body.fields())),
        _ => Err(Trouble::Lost("PostgreSQL sent an error that is none".to_owned())),
    }
}

pub(in crate::source) fn row(body: &DataRowBody) -> Result<Row, Trouble> {
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&body.buffer()[range]).into_owned();
    Ok(body.ranges().map(|range| Ok(range.map(text))).collect()?)
}
