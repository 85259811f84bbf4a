//! What a session's bytes come from.

use std::io;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// A stream that is read through a shared reference, so that the shard's walk can write the same
/// socket meanwhile.
pub trait Link {
    /// Answers when a read may bring something; the task is woken when that changes. A stream
    /// that decodes (TLS) answers at once while it holds bytes that nobody has read.
    ///
    /// # Errors
    /// The stream is broken, or its runtime is gone.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads once into `into`, as much as is there and fits; 0 is the stream's end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, after which [`poll_read_ready`](Self::poll_read_ready)
    /// waits; any other error is the stream's.
    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize>;
}

impl Link for TcpStream {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_read_ready(self, cx)
    }

    /// A read that leaves room has emptied the socket. Tokio is told so by a `WouldBlock` of our
    /// own, which saves a system call that would find it out. It forgets only the readiness that
    /// it saw before the read, so a wake-up that comes in between is kept.
    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        let room = into.chunk_mut().len();
        let mut read = 0;
        let outcome = self.try_io(Interest::READABLE, || {
            read = self.try_read_buf(into)?;
            if 0 < read && read < room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match outcome {
            Err(error) if read == 0 => Err(error),
            _ => Ok(read),
        }
    }
}
