//! What fastwebsockets reads from: the client's bytes, with every frame judged before it goes on.
//!
//! Headers are parsed where they lie, in the reader's own buffer. What goes on is always a **whole**
//! frame: a data frame of which only a part is there goes on as a fragment of just that part, and
//! its rest as continuations. So the reader
//! - reserves only for bytes that have arrived, whatever a header announces;
//! - never waits in the middle of a frame. Its `read_frame`, which loses a header when it is
//!   dropped there, may be dropped whenever it waits, and the reader's buffer with it;
//! - gives text on as it comes, so that it is refused at its first wrong byte.
//!
//! A header or a control frame that has come in part is held here, at most [`Held::ROOM`] bytes.

mod cut;
mod held;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes};
use fastwebsockets::OpCode;
use tokio::io::{AsyncRead, ReadBuf};

use self::cut::Cut;
use self::held::Held;
use super::head::{Head, Parsed};
use super::link::Link;
use super::order::{Limits, Order};
use super::refusal::Refusal;

/// Bytes of one read. The reader reserves as much again as it has taken, and its first 8 KiB hold
/// that twice: it never grows.
const READ: usize = 4080;
/// Bytes that one turn reads at most before other sessions have theirs.
const TURN: usize = 64 * 1024;

/// The state of a session's inbound bytes, for as long as it is not between frames.
pub(super) struct Shim<L> {
    link: Rc<L>,
    /// What hyper had read behind the request; comes before anything of the link.
    early: Bytes,
    limits: Limits,
    order: Order,
    held: Held,
    /// The rest of a data frame of which a part has gone on.
    cut: Option<Cut>,
    /// Why no frame goes on any more.
    refused: Option<Refusal>,
    /// Bytes that this turn may still read.
    turn: usize,
    /// Frames that were judged and not told yet.
    frames: u32,
    /// Where compressed messages were agreed on: those of the messages that have begun to go on and were not told yet.
    begun: Option<VecDeque<Begun>>,
}

/// What the reader does not tell of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is as it seems.
    Plain,
    /// It is to be inflated first, and a text then.
    CompressedText,
    /// It is to be inflated first.
    CompressedBinary,
}

/// The shim as the reader holds it; the session keeps it when it drops the reader.
pub(super) struct Tap<L>(pub(super) Rc<RefCell<Shim<L>>>);

impl<L: Link> AsyncRead for Tap<L> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

/// What becomes of a frame.
enum Passage {
    /// So many bytes go on.
    On(usize),
    /// What is there is short of the bytes that a decision needs, counted from the frame's first.
    Short(usize),
    /// Only the header of a data frame was there; its payload goes on as it comes.
    Headless,
}

impl<L: Link> Shim<L> {
    /// `inflates`: compressed messages were agreed on.
    pub(super) fn new(link: Rc<L>, limits: Limits, early: Bytes, inflates: bool) -> Self {
        let (order, held, begun) = (Order::default(), Held::default(), inflates.then(VecDeque::new));
        Self { link, early, limits, order, held, cut: None, refused: None, turn: 0, frames: 0, begun }
    }

    /// Whether compressed messages were agreed on.
    pub(super) fn inflates(&self) -> bool {
        self.begun.is_some()
    }

    /// What the message is whose first frame the reader has told: to be asked once for each.
    pub(super) fn take_begun(&mut self) -> Begun {
        self.begun.as_mut().and_then(VecDeque::pop_front).unwrap_or(Begun::Plain)
    }

    /// Begins a turn of the session.
    pub(super) fn begin_turn(&mut self) {
        self.turn = TURN;
    }

    /// Frames that were judged since this was asked last.
    pub(super) fn take_frames(&mut self) -> u32 {
        std::mem::take(&mut self.frames)
    }

    /// Whether nothing has come that has not gone on, nor begun that has not ended.
    pub(super) fn is_clear(&self) -> bool {
        self.early.is_empty()
            && self.held.len == 0
            && self.cut.is_none()
            && self.refused.is_none()
            && !self.order.is_open()
    }

    /// Why the last read failed, if the client is to blame.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// Pending only when all that has gone on are whole frames.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(refusal) = self.refused {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
            }
            if self.held.hand_on(buf) {
                return Poll::Ready(Ok(()));
            }
            if self.turn == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.early.is_empty() {
                ready!(self.link.poll_read_ready(cx))?;
            }
            match if self.held.len > 0 { self.gather() } else { self.read_on(buf) } {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) if !buf.filled().is_empty() => return Poll::Ready(Ok(())),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
    }

    /// Reads into the reader's buffer, and leaves in it what goes on. Answers the bytes read.
    fn read_on(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let start = buf.filled().len();
        if self.cut.is_some() {
            if buf.remaining() <= Cut::HEAD {
                return Err(io::Error::other("the reader leaves no room for a fragment's header"));
            }
            buf.put_slice(&[0; Cut::HEAD]);
        }
        let read = fill(&mut self.early, &*self.link, &mut (&mut *buf).limit(READ));
        let Ok(count @ 1..) = read else {
            buf.set_filled(start);
            return read;
        };
        self.turn = self.turn.saturating_sub(count);
        let fresh = &mut buf.filled_mut()[start..];
        let taken = self.go_on_with_cut(fresh);
        let kept = taken + self.judge(&mut fresh[taken..]);
        buf.set_filled(start + kept);
        Ok(count)
    }

    /// Puts the header of the next fragment in front of a cut frame's payload. Answers the bytes
    /// that it takes, header and payload.
    fn go_on_with_cut(&mut self, fresh: &mut [u8]) -> usize {
        let Some(cut) = &mut self.cut else { return 0 };
        let (head, payload) = fresh.split_at_mut(Cut::HEAD);
        let count = payload.len().min(usize::try_from(cut.left).unwrap_or(usize::MAX));
        head.copy_from_slice(&cut.next(count));
        if cut.left == 0 {
            self.cut = None;
        }
        Cut::HEAD + count
    }

    /// Judges the frames in `bytes`, one after the other. Answers how many bytes go on; what lies
    /// behind them is held, or has made the session end.
    fn judge(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match self.pass(&mut bytes[at..]) {
                Ok(Passage::On(count)) => at += count,
                Ok(Passage::Short(need)) => {
                    self.held.keep(&bytes[at..], need);
                    return at;
                }
                Ok(Passage::Headless) => return at,
                Err(refusal) => {
                    self.refused = Some(refusal);
                    return at;
                }
            }
        }
        at
    }

    /// Judges the frame at the start of `bytes`, and cuts it where they end.
    fn pass(&mut self, bytes: &mut [u8]) -> Result<Passage, Refusal> {
        let mut head = match Head::parse(bytes, self.begun.is_some())? {
            Parsed::Whole(head) => head,
            Parsed::Short(need) => return Ok(Passage::Short(need)),
        };
        let arrived = bytes.len() - head.size;
        let rest = head.len.saturating_sub(arrived as u64);
        let whole = head.size + (head.len - rest) as usize;
        if head.is_control() {
            if rest > 0 {
                return Ok(Passage::Short(head.size + head.len as usize));
            }
            self.frames += 1;
            return Ok(Passage::On(whole));
        }
        self.order.admit(&head, self.limits)?;
        self.frames += 1;
        self.note_begun(&mut head, bytes);
        if rest == 0 {
            return Ok(Passage::On(whole));
        }
        self.cut = Some(Cut::new(&head, arrived));
        if arrived == 0 {
            return Ok(Passage::Headless);
        }
        head.shorten(bytes, arrived);
        Ok(Passage::On(whole))
    }

    /// Keeps what is told of the message that the frame at the start of `bytes` begins, if it begins one.
    fn note_begun(&mut self, head: &mut Head, bytes: &mut [u8]) {
        let Some(begun) = self.begun.as_mut().filter(|_| head.opcode != OpCode::Continuation) else { return };
        begun.push_back(match (head.compressed, head.opcode) {
            (false, _) => Begun::Plain,
            (true, OpCode::Text) => Begun::CompressedText,
            (true, _) => Begun::CompressedBinary,
        });
        if head.compressed {
            head.conceal(bytes);
        }
    }

    /// Reads what the held bytes are short of, no byte more, and judges them again. Answers the
    /// bytes read.
    fn gather(&mut self) -> io::Result<usize> {
        let count = fill(&mut self.early, &*self.link, &mut self.held.missing())?;
        self.turn = self.turn.saturating_sub(count);
        self.held.len += count;
        let mut bytes = self.held.bytes;
        match self.pass(&mut bytes[..self.held.len]) {
            Ok(Passage::On(_)) => (self.held.bytes, self.held.need) = (bytes, self.held.len),
            Ok(Passage::Short(need)) => self.held.need = need,
            Ok(Passage::Headless) => self.held = Held::default(),
            Err(refusal) => self.refused = Some(refusal),
        }
        Ok(count)
    }
}

/// Reads once, first what had come early.
fn fill(early: &mut Bytes, link: &impl Link, into: &mut impl BufMut) -> io::Result<usize> {
    if early.is_empty() {
        return link.try_read(into);
    }
    let count = early.len().min(into.remaining_mut());
    into.put_slice(&early[..count]);
    early.advance(count);
    if early.is_empty() {
        *early = Bytes::new();
    }
    Ok(count)
}

const _: () = assert!(READ <= u16::MAX as usize, "a read fits a cut frame's form of a length");
