//! A socket under TLS.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use rustix::net::{SendAncillaryBuffer, send, sendmsg};
use rustls::ServerConnection;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::FLAGS;
use crate::transport::websocket::Link;

/// Bytes that are sealed at one time: what one record holds at most (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// A stream, and what it is sealed with.
#[derive(Debug)]
pub struct TlsSocket {
    stream: TcpStream,
    connection: RefCell<ServerConnection>,
    /// Bytes that are decoded and that nobody has read.
    unread: Cell<usize>,
    /// The client has said that no more comes, or the stream has ended without a word.
    ended: Cell<bool>,
    /// Our last message is sealed: nothing may follow it.
    parted: Cell<bool>,
    /// Bytes sealed last, as long as the kernel has not taken all of their records.
    held: Cell<usize>,
}

/// The stream as rustls sees it: raw, without waiting.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, mut into: &mut [u8]) -> io::Result<usize> {
        Link::try_read(self.0, &mut into)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, FLAGS)?)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(sendmsg(self.0, pieces, &mut SendAncillaryBuffer::default(), FLAGS)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsSocket {
    /// Takes over where the HTTP side of the connection ends: the client's first frames may be decoded already.
    pub(super) fn new(stream: TcpStream, mut connection: ServerConnection) -> io::Result<Self> {
        connection.set_buffer_limit(Some(RECORD));
        let (ended, parted) = (Cell::new(false), Cell::new(false));
        let (unread, held) = (Cell::new(0), Cell::new(usize::from(connection.wants_write())));
        let socket = Self { stream, connection: RefCell::new(connection), unread, ended, parted, held };
        socket.decode(&mut socket.connection.borrow_mut())?;
        Ok(socket)
    }

    /// The same, watched over by the runtime of this thread.
    pub(super) fn rehome(mut self: Box<Self>) -> io::Result<Box<Self>> {
        let stream = std::net::TcpStream::from(self.stream.as_fd().try_clone_to_owned()?);
        self.stream = TcpStream::from_std(stream)?;
        Ok(self)
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// Seals and sends a record at a time, for as long as the kernel takes them.
    pub(super) fn send(&self, mut pieces: &mut [IoSlice<'_>], last: bool) -> io::Result<usize> {
        let mut connection = self.connection.borrow_mut();
        if self.parted.get() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if !self.flush(&mut connection)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        IoSlice::advance_slices(&mut pieces, 0); // no empty piece in front
        while !pieces.is_empty() {
            let sealed = connection.writer().write_vectored(pieces)?;
            if sealed == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            taken += sealed;
            IoSlice::advance_slices(&mut pieces, sealed);
            if last && pieces.is_empty() {
                self.parted.set(true);
                connection.send_close_notify();
            }
            self.held.set(sealed);
            if !self.flush(&mut connection)? {
                break;
            }
        }
        Ok(taken)
    }

    pub(super) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        pieces: &mut [IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_write_ready(cx))?;
        // What is taken and not sent is held: the next flush finds out that the socket is full.
        Poll::Ready(self.send(pieces, false))
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.held.get() == 0 {
            return Poll::Ready(Ok(false));
        }
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let flushed = self.stream.try_io(Interest::WRITABLE, || {
                let all = self.flush(&mut self.connection.borrow_mut())?;
                if all { Ok(true) } else { Err(ErrorKind::WouldBlock.into()) }
            });
            match flushed {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    pub(super) fn part(&self) -> bool {
        if self.parted.replace(true) {
            return false;
        }
        self.connection.borrow_mut().send_close_notify();
        self.held.set(self.held.get().max(1));
        true
    }

    /// Sends what is sealed; answers whether all of it went.
    fn flush(&self, connection: &mut ServerConnection) -> io::Result<bool> {
        while connection.wants_write() {
            match connection.write_tls(&mut Raw(&self.stream)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.held.set(self.held.get().max(1));
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.held.set(0);
        Ok(true)
    }

    /// Decodes what was read, and answers what TLS itself wants answered.
    fn decode(&self, connection: &mut ServerConnection) -> io::Result<()> {
        let decoded = connection.process_new_packets();
        if connection.wants_write() {
            // An alert, where it has failed: sent if the socket takes it, as nobody waits for it.
            self.flush(connection)?;
        }
        let state = decoded.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.unread.set(state.plaintext_bytes_to_read());
        if state.peer_has_closed() {
            self.ended.set(true);
        }
        Ok(())
    }
}

impl Link for TlsSocket {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread.get() > 0 || self.ended.get() {
            return Poll::Ready(Ok(()));
        }
        self.stream.poll_read_ready(cx)
    }

    /// Reads the socket once where nothing is decoded. Records that bear nothing for us are a `WouldBlock`, so that
    /// who sends nothing else costs its own turns.
    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        let mut connection = self.connection.borrow_mut();
        if self.unread.get() == 0 && !self.ended.get() {
            match connection.read_tls(&mut Raw(&self.stream))? {
                0 => self.ended.set(true),
                _ => self.decode(&mut connection)?,
            }
        }
        let mut reader = connection.reader();
        let decoded = match reader.fill_buf() {
            Ok(decoded) => decoded,
            // The stream has ended without TLS' last word. Frames say themselves whether they are whole.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
            Err(error) => return Err(error),
        };
        let count = decoded.len().min(into.remaining_mut());
        into.put_slice(&decoded[..count]);
        reader.consume(count);
        self.unread.set(self.unread.get() - count);
        Ok(count)
    }
}

/// Who lets it go says so, as far as the socket takes it (RFC 8446, section 6.1).
impl Drop for TlsSocket {
    fn drop(&mut self) {
        if self.part() {
            let _gone_already = self.flush(&mut self.connection.borrow_mut());
        }
    }
}
