//! A second look at how HTTP/1.1 messages are framed, under hyper, which forgives what an intermediary may
//! read otherwise: a request with both `Transfer-Encoding` and `Content-Length` (hyper drops the latter before
//! any service sees it) or with a line that ends without CR, and in a chunked body junk where a chunk's extensions
//! belong or such lines (RFC 9112, sections 2.2, 6.3 and 7.1.1). The first are noted by the request's number and
//! refused by the pipeline; the second end the body with an error.
//!
//! It reads along, line by line, and keeps only a line that a read has cut. It steps aside for HTTP/2 and for
//! good once a request asks for an upgrade: the connection closes if that is refused.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::carrier::Carrier;
use super::stall::Stall;

/// A line that is longer than this is not followed: hyper refuses it by its own bound, which is never above this.
const LONGEST_LINE: usize = 64 * 1024;

/// A socket whose HTTP/1.1 framing is looked at on the way in.
pub(super) struct Framed {
    stream: Carrier,
    scanner: Scanner,
    ambiguous: Ambiguities,
    stall: Stall,
    last: Last,
    /// The last answer, from where it became that.
    held: Vec<u8>,
}

/// Whether the answer that is written next is the last, a 101: it is held, for whoever goes on with the connection to
/// send it together with what they say. Shared with the connection's service, as [`Ambiguities`] are.
#[derive(Clone, Debug, Default)]
pub(super) struct Last(Arc<AtomicBool>);

impl Last {
    /// From here on what is written is held.
    pub(super) fn is_next(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The number, from 1, of the first request whose framing is ambiguous; 0 where none was. What follows it, perhaps in
/// the same read, is of no account, as the connection ends with its refusal. Shared with the connection's service;
/// atomic only because hyper's upgrades want an I/O type that is `Send`.
#[derive(Clone, Debug, Default)]
pub(super) struct Ambiguities(Arc<AtomicU64>);

impl Ambiguities {
    /// Whether the request of this number is ambiguous, or behind one that is.
    pub(super) fn holds(&self, number: u64) -> bool {
        (1..=number).contains(&self.0.load(Ordering::Relaxed))
    }
}

impl Framed {
    /// `patience`: for how long the other end may take nothing.
    pub(super) fn new(stream: Carrier, patience: Duration) -> Self {
        let (scanner, ambiguous, last) = Default::default();
        Self { stream, scanner, ambiguous, stall: Stall::new(patience), last, held: Vec::new() }
    }

    pub(super) fn ambiguities(&self) -> Ambiguities {
        self.ambiguous.clone()
    }

    pub(super) fn last(&self) -> Last {
        self.last.clone()
    }

    /// The stream, and what was held.
    pub(super) fn into_parts(self) -> (Carrier, Vec<u8>) {
        (self.stream, self.held)
    }
}

impl AsyncRead for Framed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.scanner.at != At::Broken {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let sound = this.scanner.scan(&buf.filled()[before..]);
            this.ambiguous.0.store(this.scanner.ambiguous.unwrap_or(0), Ordering::Relaxed);
            buf.set_filled(before + sound);
        }
        if this.scanner.at == At::Broken && buf.filled().len() == before {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "malformed chunk")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Framed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.last.is_now() {
            self.held.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.stall.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.last.is_now() {
            bufs.iter().for_each(|buf| self.held.extend_from_slice(buf));
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.stall.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.stall.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.stall.watch(cx, ended)
    }
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A line of a request's head.
    #[default]
    Head,
    /// A body of so many bytes more.
    Body(u64),
    /// The line with a chunk's size.
    Size,
    /// A chunk, with so many bytes more.
    Chunk(u64),
    /// The end of line behind a chunk.
    ChunkEnd,
    /// A line behind the last chunk.
    Trailer,
    /// What is not looked at.
    Aside,
    /// Behind a malformed chunk: nothing more is passed on.
    Broken,
}

/// What is known of the head that is being read.
#[derive(Debug, Default)]
struct Head {
    begun: bool,
    chunked: bool,
    length: Option<u64>,
    upgrade: bool,
    /// Whether a line of it ends without CR.
    bare: bool,
}

#[derive(Debug, Default)]
struct Scanner {
    at: At,
    head: Head,
    /// The start of a line that goes on in the next read.
    cut: Vec<u8>,
    /// Requests begun.
    number: u64,
    /// The number of the first request that turned out ambiguous.
    ambiguous: Option<u64>,
}

impl Scanner {
    /// Follows `bytes`; answers how many of them, from the first, may be passed on.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() && self.at != At::Aside {
            let rest = &bytes[done..];
            match self.at {
                At::Body(left) | At::Chunk(left) => {
                    let taken = left.min(rest.len() as u64);
                    done += taken as usize;
                    self.at = match self.at {
                        At::Body(_) if left == taken => At::Head,
                        At::Body(_) => At::Body(left - taken),
                        _ if left == taken => At::ChunkEnd,
                        _ => At::Chunk(left - taken),
                    };
                }
                _ => {
                    let Some(end) = rest.iter().position(|b| *b == b'\n') else {
                        self.keep(rest);
                        break;
                    };
                    self.line(&rest[..=end]);
                    if self.at == At::Broken {
                        return done;
                    }
                    done += end + 1;
                }
            }
        }
        bytes.len()
    }

    fn keep(&mut self, cut: &[u8]) {
        if self.cut.len() + cut.len() > LONGEST_LINE {
            self.at = At::Aside;
            self.cut = Vec::new();
        } else {
            self.cut.extend_from_slice(cut);
        }
    }

    fn line(&mut self, end: &[u8]) {
        let mut cut = std::mem::take(&mut self.cut);
        let line = if cut.is_empty() {
            end
        } else {
            cut.extend_from_slice(end);
            &cut
        };
        let line = &line[..line.len() - 1];
        let (line, bare) = line.strip_suffix(b"\r").map_or((line, true), |line| (line, false));
        self.head.bare |= bare && self.head.begun;
        self.at = match self.at {
            At::Head if line.is_empty() => self.body(),
            At::Head => return self.field(line, bare),
            _ if bare => At::Broken,
            At::Size => match chunk_size(line) {
                Some(0) => At::Trailer,
                Some(size) => At::Chunk(size),
                None => At::Broken,
            },
            At::ChunkEnd if line.is_empty() => At::Size,
            At::ChunkEnd => At::Broken,
            At::Trailer if line.is_empty() => At::Head,
            other => other,
        };
    }

    /// A line of a head that is not its end.
    fn field(&mut self, line: &[u8], bare: bool) {
        if !self.head.begun {
            self.head = Head { begun: true, bare, ..Head::default() };
            self.number += 1;
            if line == b"PRI * HTTP/2.0" {
                self.at = At::Aside;
            }
            return;
        }
        // Few names start so: most lines end here.
        if !matches!(line.first(), Some(b't' | b'T' | b'c' | b'C' | b'u' | b'U')) {
            return;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.head.chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.head.upgrade = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            // One that is no number is refused by hyper, with the whole connection.
            self.head.length = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).or(Some(0));
        }
    }

    /// Behind a head.
    fn body(&mut self) -> At {
        if !self.head.begun {
            return At::Head; // empty lines before a request are allowed
        }
        let head = std::mem::take(&mut self.head);
        if head.bare || head.chunked && head.length.is_some() {
            self.ambiguous.get_or_insert(self.number);
        }
        match head {
            Head { upgrade: true, .. } => At::Aside,
            Head { chunked: true, .. } => At::Size,
            Head { length: Some(length @ 1..), .. } => At::Body(length),
            _ => At::Head,
        }
    }
}

/// The size that a chunk's line gives; `None` where the line is malformed (RFC 9112, section 7.1.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let size = std::str::from_utf8(&line[..digits]).ok().and_then(|d| u64::from_str_radix(d, 16).ok())?;
    let mut rest = line[digits..].trim_ascii_start();
    if rest.is_empty() && digits < line.len() {
        return None; // blanks belong before an extension only
    }
    while !rest.is_empty() {
        rest = extension(rest)?;
    }
    Some(size)
}

/// Takes `; name[=value]` from the front.
fn extension(line: &[u8]) -> Option<&[u8]> {
    let rest = token(line.strip_prefix(b";")?.trim_ascii_start())?;
    let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else {
        return Some(rest.trim_ascii_start());
    };
    let value = value.trim_ascii_start();
    let rest = if value.first() == Some(&b'"') { quoted(&value[1..])? } else { token(value)? };
    Some(rest.trim_ascii_start())
}

/// Takes a token from the front.
fn token(line: &[u8]) -> Option<&[u8]> {
    let is_token = |b: &&u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let length = line.iter().take_while(is_token).count();
    (length > 0).then(|| &line[length..])
}

/// Takes a quoted text from the front, whose opening quote is gone already.
fn quoted(mut line: &[u8]) -> Option<&[u8]> {
    let is_text = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    loop {
        line = match line {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', escaped, rest @ ..] if is_text(*escaped) => rest,
            [b, rest @ ..] if is_text(*b) && *b != b'\\' => rest,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests;
