//! A session's inbound half: its client's messages, one after the other.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead};

use super::link::Link;
use super::message::{Assembly, Message};
use super::order::Limits;
use super::refusal::Refusal;
use super::shim::{Shim, Tap};

/// Why no message comes any more.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The client broke the protocol or a limit: it is told so, by the [`CloseReason`] that the
    /// refusal turns into.
    ///
    /// [`CloseReason`]: crate::transport::close::CloseReason
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The client's side of the stream has ended.
    #[error("the stream has ended")]
    Eof,
    /// The stream is broken.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads the messages of one client.
///
/// The value itself is small. A reader with its 8 KiB exists only while there is something to
/// read: whenever [`poll_next`](Self::poll_next) is pending there is none, and what is left of a
/// session that stands between messages is `Inbound` alone.
pub struct Inbound<L> {
    limits: Limits,
    state: State<L>,
}

enum State<L> {
    /// Between messages, nothing has come.
    Parked {
        /// Compressed messages were agreed on.
        inflates: bool,
    },
    Reading(Box<Reading<L>>),
    /// After a close or a refusal: what still comes is thrown away.
    Over,
}

struct Reading<L> {
    shim: Rc<RefCell<Shim<L>>>,
    /// Only within a poll, and while it may hold frames that nobody has taken.
    reader: Option<WebSocketRead<Tap<L>>>,
    assembly: Assembly,
}

impl<L: Link> Inbound<L> {
    /// Starts behind the handshake, with the bytes that hyper had read after it: the client's
    /// first frames may be among them.
    pub fn new(link: &Rc<L>, limits: Limits, early: Bytes) -> Self {
        Self::with(link, limits, early, false)
    }

    /// The same; `inflates`: compressed messages were agreed on.
    pub fn with(link: &Rc<L>, limits: Limits, early: Bytes, inflates: bool) -> Self {
        let state = match early.is_empty() {
            true => State::Parked { inflates },
            false => State::Reading(Box::new(Reading::new(link, limits, early, inflates))),
        };
        Self { limits, state }
    }

    /// The next message. `link` is the same stream each time.
    ///
    /// A call does a bounded amount of reading (64 KiB) and wakes the task itself when that was
    /// not enough. A caller that takes many messages in a row yields now and then: all that came
    /// in one read are ready one after the other.
    ///
    /// # Errors
    /// Why there is none any more. After a [`Fault::Refused`] or a [`Message::Close`], what else
    /// the client sends is thrown away until it ends the stream with [`Fault::Eof`]: polled
    /// on for a bounded time after the last frame was sent, this is the linger without which
    /// closing the socket would take that frame back.
    pub fn poll_next(&mut self, link: &Rc<L>, cx: &mut Context<'_>) -> Poll<Result<Message, Fault>> {
        let reading = match &mut self.state {
            State::Over => return poll_end(&**link, cx).map(Err),
            State::Reading(reading) => reading,
            State::Parked { inflates } => {
                let inflates = *inflates;
                ready!(link.poll_read_ready(cx))?;
                let fresh = Box::new(Reading::new(link, self.limits, Bytes::new(), inflates));
                self.state = State::Reading(fresh);
                return self.poll_next(link, cx);
            }
        };
        let next = reading.poll_next(cx);
        match &next {
            Poll::Pending if reading.is_clear() => {
                self.state = State::Parked { inflates: reading.inflates() }
            }
            Poll::Ready(Ok(Message::Close { .. }) | Err(Fault::Refused(_))) => self.state = State::Over,
            _ => {}
        }
        next
    }
}

impl<L: Link> Inbound<L> {
    /// Where nothing can come but the stream's end.
    pub fn closed(limits: Limits) -> Self {
        Self { limits, state: State::Over }
    }

    /// Frames that have come since this was asked last, of any kind, fragments too.
    pub fn take_frames(&mut self) -> u32 {
        match &self.state {
            State::Reading(reading) => reading.shim.borrow_mut().take_frames(),
            State::Parked { .. } | State::Over => 0,
        }
    }

    /// From here on whatever comes is thrown away.
    pub fn stop(&mut self) {
        self.state = State::Over;
    }
}

impl<L: Link> Reading<L> {
    fn new(link: &Rc<L>, limits: Limits, early: Bytes, inflates: bool) -> Self {
        let shim = Rc::new(RefCell::new(Shim::new(Rc::clone(link), limits, early, inflates)));
        Self { shim, reader: None, assembly: Assembly::new(limits.message) }
    }

    fn inflates(&self) -> bool {
        self.shim.borrow().inflates()
    }

    fn is_clear(&self) -> bool {
        self.shim.borrow().is_clear()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Fault>> {
        self.shim.borrow_mut().begin_turn();
        loop {
            let reader = self.reader.get_or_insert_with(|| reader(Tap(Rc::clone(&self.shim))));
            let Poll::Ready(frame) = poll_frame(reader, cx) else {
                // The shim waits only when the reader has no part of a frame.
                self.reader = None;
                return Poll::Pending;
            };
            let (fin, opcode, payload) = frame.map_err(|error| self.fault(error))?;
            if matches!(opcode, OpCode::Text | OpCode::Binary) {
                self.assembly.begin(self.shim.borrow_mut().take_begun());
            }
            if let Some(message) = self.assembly.take(fin, opcode, payload)? {
                return Poll::Ready(Ok(message));
            }
        }
    }

    /// Says whose fault it is that the reader has failed.
    fn fault(&self, error: WebSocketError) -> Fault {
        match (self.shim.borrow().refused(), error) {
            (Some(refusal), WebSocketError::IoError(_)) => refusal.into(),
            (_, WebSocketError::InvalidUTF8) => Refusal::TextNotUtf8.into(),
            (_, WebSocketError::UnexpectedEOF) => Fault::Eof,
            (_, WebSocketError::IoError(error)) => Fault::Io(error),
            (_, other) => Fault::Io(io::Error::other(other)),
        }
    }
}

/// A reader of frames: it removes the mask and checks whole texts; everything else is decided
/// below it, in the shim, or above.
fn reader<L: Link>(tap: Tap<L>) -> WebSocketRead<Tap<L>> {
    let (mut reader, _) = fastwebsockets::after_handshake_split(tap, tokio::io::sink(), Role::Server);
    reader.set_auto_close(false);
    reader.set_auto_pong(false);
    reader.set_max_message_size(usize::MAX);
    reader
}

type Piece = (bool, OpCode, Bytes);

fn poll_frame<L: Link>(
    reader: &mut WebSocketRead<Tap<L>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Piece, WebSocketError>> {
    let mut unused = |_: Frame<'_>| ready(Ok::<_, Infallible>(()));
    let frame = ready!(pin!(reader.read_frame(&mut unused)).poll(cx))?;
    let payload = match frame.payload {
        Payload::Bytes(payload) => payload.freeze(),
        other => Vec::from(other).into(),
    };
    Poll::Ready(Ok((frame.fin, frame.opcode, payload)))
}

/// Throws away what comes until the stream ends.
fn poll_end(link: &impl Link, cx: &mut Context<'_>) -> Poll<Fault> {
    const READS: usize = 32;
    let mut scrap = [0; 2048];
    for _ in 0..READS {
        match ready!(link.poll_read_ready(cx)).and_then(|()| link.try_read(&mut &mut scrap[..])) {
            Ok(0) => return Poll::Ready(Fault::Eof),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(error.into()),
            _ => {}
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
