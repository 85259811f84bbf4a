//! A client's side of the wire: its frames, and a link that brings them as a test says.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, Bytes};
use tidegate::transport::websocket::{Fault, Inbound, Limits, Link, Message};

pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
pub(crate) const LIMITS: Limits = Limits { message: 1 << 20, fragments: 64 };

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
/// Added to an opcode: the message's last frame.
pub(crate) const FIN: u8 = 0x80;

/// A header with `first` as its first byte that announces `len` bytes.
pub(crate) fn head(first: u8, len: u64, mask: [u8; 4]) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..=125 => out.put_u8(0x80 | len as u8),
        126..=65_535 => {
            out.put_u8(0x80 | 126);
            out.put_u16(len as u16);
        }
        _ => {
            out.put_u8(0x80 | 127);
            out.put_u64(len);
        }
    }
    out.extend(mask);
    out
}

/// A whole masked frame.
pub(crate) fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut out = head(first, payload.len() as u64, mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, MASK, payload)
}

/// A link that brings one chunk a read and has nothing at a gap, an empty chunk. Behind the last
/// it ends, or stays silent.
pub(crate) struct Script {
    chunks: RefCell<VecDeque<Bytes>>,
    ends: bool,
    /// Bytes that have been read.
    pub(crate) read: Cell<usize>,
}

impl Script {
    pub(crate) fn new<T: Into<Bytes>>(chunks: impl IntoIterator<Item = T>) -> Rc<Self> {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Rc::new(Self { chunks: RefCell::new(chunks), ends: true, read: Cell::new(0) })
    }

    /// Nothing yet, and no end.
    pub(crate) fn silent() -> Rc<Self> {
        Rc::new(Self { chunks: RefCell::default(), ends: false, read: Cell::new(0) })
    }

    /// Whether there is something left to read.
    pub(crate) fn has_more(&self) -> bool {
        !self.chunks.borrow().is_empty()
    }

    pub(crate) fn bring(&self, chunk: impl Into<Bytes>) {
        self.chunks.borrow_mut().push_back(chunk.into());
    }
}

impl Link for Script {
    fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunks = self.chunks.borrow_mut();
        match chunks.front() {
            Some(chunk) if chunk.is_empty() => {
                chunks.pop_front();
                Poll::Pending
            }
            None if !self.ends => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn try_read<B: BufMut>(&self, into: &mut B) -> io::Result<usize> {
        let mut chunks = self.chunks.borrow_mut();
        let Some(chunk) = chunks.front_mut() else {
            return if self.ends { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        };
        if chunk.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = chunk.len().min(into.remaining_mut());
        into.put_slice(&chunk[..count]);
        chunk.advance(count);
        if chunk.is_empty() {
            chunks.pop_front();
        }
        self.read.set(self.read.get() + count);
        Ok(count)
    }
}

/// Reads until the session ends: the messages, and why no more came.
pub(crate) fn read_all(link: &Rc<Script>, limits: Limits) -> (Vec<Message>, Fault) {
    let mut inbound = Inbound::new(link, limits, Bytes::new());
    let mut cx = Context::from_waker(Waker::noop());
    let mut messages = Vec::new();
    loop {
        match inbound.poll_next(link, &mut cx) {
            Poll::Ready(Ok(message)) => messages.push(message),
            Poll::Ready(Err(fault)) => return (messages, fault),
            Poll::Pending => {}
        }
    }
}

pub(crate) fn text(text: &str) -> Message {
    Message::Text(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn binary(payload: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(payload))
}
