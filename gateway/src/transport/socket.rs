//! A session's socket: plain, under TLS, or a pipe in its place.
//!
//! It is written through a shared reference and without a task's context, straight from the shard's walk, and read
//! by the session's task. Under TLS a write is sealed and sent at once, so that the encryption is the only copy that
//! it adds; what the kernel does not take of a sealed record waits here, at most one, and nothing more is sealed
//! until it is gone. So the plaintext waits where it does for a plain socket: by reference, in the session's backlog.

mod tls;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown, send, sendmsg, shutdown};
use rustls::ServerConnection;
use tokio::net::TcpStream;

use super::Pipe;
use super::websocket::Link;
pub use tls::TlsSocket;

/// A raw send neither waits nor raises a signal.
const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// See the module's documentation. A plain one takes a word more than its stream does.
#[derive(Debug)]
pub enum Socket {
    /// Bytes go as they are.
    Plain(TcpStream),
    /// Boxed, as it is a hundred times as large.
    Tls(Box<TlsSocket>),
    /// Answers over HTTP carry what is sent.
    Pipe(Pipe),
}

const _: () = assert!(size_of::<Socket>() <= size_of::<TcpStream>() + size_of::<usize>());

impl Socket {
    /// A stream under TLS whose handshake is done.
    ///
    /// # Errors
    /// What has come behind the handshake is no TLS.
    pub fn tls(stream: TcpStream, connection: ServerConnection) -> io::Result<Self> {
        TlsSocket::new(stream, connection).map(|tls| Self::Tls(Box::new(tls)))
    }

    /// The same socket, watched over by the runtime of this thread, wherever it was before.
    ///
    /// # Errors
    /// The runtime's, or the system's.
    pub fn rehome(self) -> io::Result<Self> {
        match self {
            Self::Plain(stream) => Ok(Self::Plain(TcpStream::from_std(stream.into_std()?)?)),
            Self::Tls(tls) => Ok(Self::Tls(tls.rehome()?)),
            pipe @ Self::Pipe(_) => Ok(pipe),
        }
    }

    /// From here on what was a pipe is this socket. What went into the pipe before has been taken out.
    pub fn become_socket(&self, socket: Self) {
        if let Self::Pipe(pipe) = self {
            pipe.turn_into(socket);
        }
    }

    /// Sends what the kernel takes at once, and answers how many of `bytes` are on their way. `last`: nothing
    /// follows them, and TLS ends with them.
    ///
    /// # Errors
    /// `WouldBlock` where nothing is taken now; any other error is the connection's end.
    #[inline]
    pub fn send(&self, bytes: &[u8], last: bool) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => Ok(send(stream, bytes, FLAGS)?),
            Self::Tls(tls) => tls.send(&mut [IoSlice::new(bytes)], last),
            Self::Pipe(pipe) => send_through(pipe, bytes, last),
        }
    }

    /// The same for bytes that lie in pieces. TLS changes the list itself.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_pieces(&self, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => Ok(sendmsg(stream, pieces, &mut SendAncillaryBuffer::default(), FLAGS)?),
            Self::Tls(tls) => tls.send(pieces, false),
            Self::Pipe(pipe) => send_pieces_through(pipe, pieces),
        }
    }

    /// Whether whoever carries what is sent has taken all of it and waits for more; not known of a stream.
    pub fn is_asked(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Tls(_) => false,
            Self::Pipe(pipe) => pipe.is_asked(),
        }
    }

    /// Sends all of `rest`, however long that takes.
    ///
    /// # Errors
    /// The connection's.
    pub async fn send_all(&self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match poll_fn(|cx| self.poll_send(cx, &mut [IoSlice::new(rest)])).await {
                Ok(sent) => rest = &rest[sent..],
                Err(full) if full.kind() == io::ErrorKind::WouldBlock => {}
                Err(gone) => return Err(gone),
            }
        }
        while poll_fn(|cx| self.poll_flush(cx)).await? {}
        Ok(())
    }

    /// Bytes that count as sent and that the kernel has not taken: [`poll_flush`](Self::poll_flush) sends them.
    #[inline]
    pub fn held(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Tls(tls) => tls.held(),
            Self::Pipe(pipe) => held_behind(pipe),
        }
    }

    /// Sends what is [`held`](Self::held); answers whether there was anything.
    ///
    /// # Errors
    /// The connection's.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(false)),
            Self::Tls(tls) => tls.poll_flush(cx),
            Self::Pipe(pipe) => pipe.socket().map_or(Poll::Ready(Ok(false)), |socket| socket.poll_flush(cx)),
        }
    }

    /// As [`send_pieces`](Self::send_pieces), and wakes the task when more is taken. After a raw send that the
    /// kernel refused, tokio still believes the socket writable: only its own failed write makes it wait.
    ///
    /// # Errors
    /// The connection's; `WouldBlock` is none of them, and means to ask again.
    pub fn poll_send(&self, cx: &mut Context<'_>, pieces: &mut [IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => {
                ready!(stream.poll_write_ready(cx))?;
                Poll::Ready(stream.try_write_vectored(pieces))
            }
            Self::Tls(tls) => tls.poll_send(cx, pieces),
            Self::Pipe(pipe) => match pipe.socket() {
                Some(socket) => socket.poll_send(cx, pieces),
                None => pipe.poll_send(cx, pieces),
            },
        }
    }

    /// Ends TLS, where that is not done yet: its last message is [`held`](Self::held) then. Answers whether it was.
    pub fn part(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.part(),
            Self::Pipe(pipe) => pipe.socket().is_some_and(Self::part),
        }
    }

    /// No further byte will be written: the client sees the stream's end after what it was sent.
    pub fn finish(&self) {
        let _already_gone = match self {
            Self::Plain(stream) => shutdown(stream, Shutdown::Write),
            Self::Tls(tls) => shutdown(tls.stream(), Shutdown::Write),
            Self::Pipe(pipe) => {
                match pipe.socket() {
                    Some(socket) => socket.finish(),
                    None => pipe.finish(),
                }
                Ok(())
            }
        };
    }
}

impl Link for Socket {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Link::poll_read_ready(stream, cx),
            Self::Tls(tls) => Link::poll_read_ready(&**tls, cx),
            Self::Pipe(pipe) => match pipe.socket() {
                Some(socket) => Link::poll_read_ready(socket, cx),
                None => pipe.poll_end(cx).map(Ok),
            },
        }
    }

    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => Link::try_read(stream, into),
            Self::Tls(tls) => Link::try_read(&**tls, into),
            Self::Pipe(pipe) => match pipe.socket() {
                Some(socket) => Link::try_read(socket, into),
                None => Ok(0), // asked only once the other end is gone
            },
        }
    }
}

// Kept out of the ways above, which are in the walk's: they come back to them, and what does is not put in line.

#[inline(never)]
fn send_through(pipe: &Pipe, bytes: &[u8], last: bool) -> io::Result<usize> {
    match pipe.socket() {
        Some(socket) => socket.send(bytes, last),
        None => pipe.send(&[IoSlice::new(bytes)]),
    }
}

#[inline(never)]
fn send_pieces_through(pipe: &Pipe, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
    match pipe.socket() {
        Some(socket) => socket.send_pieces(pieces),
        None => pipe.send(pieces),
    }
}

#[inline(never)]
fn held_behind(pipe: &Pipe) -> usize {
    pipe.socket().map_or(0, Socket::held)
}
