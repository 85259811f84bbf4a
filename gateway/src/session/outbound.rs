//! A session's outbound half: the one place that writes its socket. What the socket does not take at once waits
//! in the backlog, by reference, and the session's task finishes it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};

use crate::frame::Frames;
use crate::metrics::ShardCounters;
use crate::transport::Socket;

/// Pieces of one write from the backlog at most.
const PIECES: usize = 64;

/// How an offer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Sent, or kept for later; or the connection is dead and nobody will miss it.
    Yes,
    /// The backlog is over its bound.
    OverBound,
}

pub(super) struct Outbound {
    socket: Socket,
    /// None while the socket takes everything.
    backlog: RefCell<Option<Box<Backlog>>>,
    /// Bytes that events may wait with.
    bound: usize,
    task: RefCell<Option<Waker>>,
    /// Writing has failed, or was given up.
    dead: Cell<bool>,
    /// Writing has failed.
    failed: Cell<bool>,
    /// The last frame is sent or in the backlog.
    last: Cell<bool>,
}

/// What the socket has not taken yet.
struct Backlog {
    pieces: VecDeque<Piece>,
    bytes: usize,
    /// The first piece's beginning is sent: its rest must follow before anything else.
    cut: bool,
    /// Where it is counted.
    counters: Arc<ShardCounters>,
}

/// Something to write, and where it is an event the class of its room and the number of its type.
type Piece = (Bytes, Option<(u16, u32)>);

impl Outbound {
    pub(super) fn new(socket: Socket, bound: usize) -> Self {
        let (backlog, task) = (RefCell::default(), RefCell::default());
        let (dead, failed, last) = (Cell::new(false), Cell::new(false), Cell::new(false));
        Self { socket, backlog, bound, task, dead, failed, last }
    }

    /// Gives the socket back, on which nothing was written.
    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whom to wake when there is a backlog to finish or a reason to end.
    pub(super) fn set_task(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        match &mut *task {
            Some(task) => task.clone_from(waker),
            None => *task = Some(waker.clone()),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Whether the next frames go to the socket at once.
    pub(super) fn is_straight(&self) -> bool {
        self.backlog.borrow().is_none() && self.socket.held() == 0 && !self.dead.get()
    }

    /// Frames and bytes that wait; bytes of a frame that is sealed, and not sent, among them.
    pub(super) fn backlog(&self) -> (usize, usize) {
        let backlog = self.backlog.borrow();
        let (frames, bytes) =
            backlog.as_ref().map_or((0, 0), |backlog| (backlog.pieces.len(), backlog.bytes));
        (frames, bytes + self.socket.held())
    }

    /// Bytes that may still be put into the backlog.
    pub(super) fn room_left(&self) -> usize {
        self.bound.saturating_sub(self.backlog().1)
    }

    /// Whether so much waits that no further request should be read.
    pub(super) fn is_pressed(&self) -> bool {
        self.backlog().1 > self.bound / 2
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// Whether the socket has refused a write.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    fn fail(&self) {
        self.failed.set(true);
        self.kill();
    }

    /// Gives up on the socket.
    pub(super) fn kill(&self) {
        self.dead.set(true);
        self.wake();
    }

    /// Events: straight to the socket, and what it does not take is kept by reference.
    pub(super) fn offer(&self, frames: &Frames, counters: &Arc<ShardCounters>) -> Taken {
        if self.dead.get() || self.last.get() {
            return Taken::Yes;
        }
        let mut backlog = self.backlog.borrow_mut();
        if let Some(backlog) = &mut *backlog {
            if backlog.bytes + self.socket.held() + frames.total > self.bound {
                pieces(frames)
                    .filter_map(|(_, of)| of)
                    .for_each(|(class, kind)| counters.dropped(class, kind));
                return Taken::OverBound;
            }
            backlog.keep(pieces(frames), 0);
            return Taken::Yes;
        }
        let sent = match &*frames.runs {
            [run] => self.send(run),
            runs => self.send_pieces(runs),
        };
        if sent < frames.total && !self.dead.get() {
            let mut rest = Backlog::new(counters);
            rest.keep(pieces(frames), sent);
            *backlog = Some(Box::new(rest));
            self.wake();
            if frames.total - sent > self.bound {
                return Taken::OverBound;
            }
        } else if self.socket.held() > 0 {
            self.wake();
        }
        Taken::Yes
    }

    /// Replies: as events, but what is left is copied, and no bound refuses them: while a session is pressed
    /// it asks nothing further.
    pub(super) fn write(&self, frames: &[u8], counters: &Arc<ShardCounters>) {
        self.put(frames, false, counters);
    }

    /// The same for frames that nothing follows, the close frame at their end: what comes after is let go.
    pub(super) fn write_last(&self, frames: &[u8], counters: &Arc<ShardCounters>) {
        self.put(frames, true, counters);
    }

    fn put(&self, frames: &[u8], last: bool, counters: &Arc<ShardCounters>) {
        if self.dead.get() || self.last.get() || frames.is_empty() {
            return;
        }
        self.last.set(last);
        let mut backlog = self.backlog.borrow_mut();
        if let Some(backlog) = &mut *backlog {
            return backlog.keep([(Bytes::copy_from_slice(frames), None)], 0);
        }
        let sent = self.send(frames);
        if sent < frames.len() && !self.dead.get() {
            let mut rest = Backlog::new(counters);
            rest.cut = sent > 0;
            rest.keep([(Bytes::copy_from_slice(&frames[sent..]), None)], 0);
            *backlog = Some(Box::new(rest));
            self.wake();
        } else if self.socket.held() > 0 {
            self.wake();
        }
    }

    /// Throws away what waits, but for the rest of a frame that is partly sent.
    pub(super) fn drop_backlog(&self) {
        if let Some(backlog) = &mut *self.backlog.borrow_mut() {
            backlog.throw_away();
        }
    }

    /// No further byte will be written: the client sees the stream's end after what it was sent.
    pub(super) fn finish(&self) {
        self.socket.finish();
    }

    fn send(&self, bytes: &[u8]) -> usize {
        self.sent(self.socket.send(bytes, self.last.get()))
    }

    fn send_pieces(&self, pieces: &[Bytes]) -> usize {
        self.sent(self.socket.send_pieces(&mut slices(pieces)))
    }

    fn sent(&self, outcome: io::Result<usize>) -> usize {
        match outcome {
            Ok(sent) => sent,
            Err(error) if is_full(&error) => 0,
            Err(_) => {
                self.fail();
                0
            }
        }
    }

    /// Finishes the backlog as the socket takes it; ready when nothing waits. Answers whether any byte went.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> (Poll<()>, bool) {
        let mut moved = false;
        let poll = loop {
            match self.poll_step(cx) {
                Poll::Ready(Ok(Step::Moved)) => moved = true,
                Poll::Ready(Ok(Step::Done)) => break Poll::Ready(()),
                Poll::Ready(Err(error)) if is_full(&error) => {}
                Poll::Ready(Err(_)) => {
                    self.fail();
                    break Poll::Ready(());
                }
                Poll::Pending => break Poll::Pending,
            }
        };
        (poll, moved)
    }

    /// What is sealed goes first, then what waits, and at the end TLS' own last word.
    fn poll_step(&self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        if ready!(self.socket.poll_flush(cx))? {
            return Poll::Ready(Ok(Step::Moved));
        }
        let mut backlog = self.backlog.borrow_mut();
        let Some(waiting) = backlog.as_mut().filter(|backlog| backlog.bytes > 0) else {
            *backlog = None;
            let parts = self.last.get() && self.socket.part();
            return Poll::Ready(Ok(if parts { Step::Moved } else { Step::Done }));
        };
        let pieces = waiting.pieces.iter().take(PIECES).map(|(piece, _)| IoSlice::new(piece));
        let taken = ready!(self.socket.poll_send(cx, &mut pieces.collect::<Slices<'_>>()))?;
        waiting.consume(taken);
        Poll::Ready(Ok(Step::Moved))
    }
}

/// What a step towards an empty backlog did.
enum Step {
    /// Something has gone; there may be more.
    Moved,
    /// Nothing waits.
    Done,
}

type Slices<'a> = smallvec::SmallVec<[IoSlice<'a>; PIECES]>;

fn slices(pieces: &[Bytes]) -> Slices<'_> {
    pieces.iter().map(|piece| IoSlice::new(piece)).collect()
}

/// Whether the socket takes nothing just now, which is no error.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The pieces of events.
fn pieces(frames: &Frames) -> impl Iterator<Item = Piece> + '_ {
    let class = frames.origin.as_ref().map_or(0, |origin| origin.room.class);
    frames.each.iter().zip(&frames.marks).map(move |(frame, mark)| (frame.clone(), Some((class, mark.kind))))
}

impl Backlog {
    fn new(counters: &Arc<ShardCounters>) -> Self {
        Self { pieces: VecDeque::new(), bytes: 0, cut: false, counters: Arc::clone(counters) }
    }

    /// Puts pieces behind the others, without the first `sent` bytes of them.
    fn keep(&mut self, pieces: impl IntoIterator<Item = Piece>, mut sent: usize) {
        let before = (self.pieces.len(), self.bytes);
        for (mut piece, mark) in pieces {
            if sent >= piece.len() {
                sent -= piece.len();
                continue;
            }
            self.cut |= sent > 0;
            piece.advance(std::mem::take(&mut sent));
            self.bytes += piece.len();
            self.pieces.push_back((piece, mark));
        }
        self.counters.backlog_frames.rise((self.pieces.len() - before.0) as u64);
        self.counters.backlog_bytes.rise((self.bytes - before.1) as u64);
    }

    fn consume(&mut self, mut written: usize) {
        self.bytes -= written;
        self.counters.backlog_bytes.fall(written as u64);
        while let Some((piece, _)) = self.pieces.front_mut() {
            if written < piece.len() {
                self.cut |= written > 0;
                piece.advance(written);
                return;
            }
            written -= piece.len();
            self.cut = false;
            self.pieces.pop_front();
            self.counters.backlog_frames.fall(1);
        }
    }

    /// Throws everything away but the rest of a frame that is partly sent; events count as dropped.
    fn throw_away(&mut self) {
        let thrown = self.pieces.split_off(usize::from(self.cut).min(self.pieces.len()));
        for (class, kind) in thrown.iter().filter_map(|(_, of)| *of) {
            self.counters.dropped(class, kind);
        }
        let bytes: usize = thrown.iter().map(|(piece, _)| piece.len()).sum();
        self.bytes -= bytes;
        self.counters.backlog_frames.fall(thrown.len() as u64);
        self.counters.backlog_bytes.fall(bytes as u64);
    }
}

/// A connection ends with what it has not taken.
impl Drop for Backlog {
    fn drop(&mut self) {
        self.counters.backlog_frames.fall(self.pieces.len() as u64);
        self.counters.backlog_bytes.fall(self.bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Instant;

    use super::*;
    use crate::frame::{Cursor, Encode, Epoch, Event, EventType, Forms, Posted, RoomId, Timestamp};
    use crate::metrics::Metrics;

    const KIND: u32 = 3;

    /// Frames are the payload and nothing else.
    struct Bare;

    impl Encode for Bare {
        fn encode(&self, _: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
            out.extend_from_slice(payload);
            None
        }
    }

    fn frames(bytes: usize) -> Frames {
        let mut forms = Forms::default();
        let form = forms.add(Bare);
        let kind = EventType { number: KIND, name: "k".into() };
        let (data, source, time) = (vec![0; bytes].into(), "s".into(), Timestamp(0));
        let event = Event { kind, data, source, key: None, id: None, time };
        let room = RoomId { number: 1, name: "r".into(), class: 0 };
        let cursor = Cursor { epoch: Epoch(1), offset: 1 };
        forms.frames(form, &[Arc::new(Posted::new(event, room, cursor, false, Instant::now()))])
    }

    async fn pair() -> (Outbound, std::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Outbound::new(Socket::Plain(listener.accept().await.unwrap().0), 1 << 20), client)
    }

    #[tokio::test]
    async fn a_refused_write_has_failed_and_one_that_was_given_up_has_not() {
        let (outbound, _client) = pair().await;
        outbound.kill();
        assert!(outbound.is_dead() && !outbound.has_failed());
        let (outbound, client) = pair().await;
        let metrics = Metrics::new(1);
        let counters = metrics.shard(0);
        outbound.write(b"which the client never reads", counters);
        drop(client); // unread bytes make the kernel reset the connection
        while !outbound.is_dead() {
            outbound.write(b"more", counters);
        }
        assert!(outbound.has_failed());
    }

    #[tokio::test]
    async fn what_waits_and_what_is_thrown_away_is_counted() {
        let (outbound, _client) = pair().await;
        let metrics = Metrics::new(1);
        metrics.set_classes([(String::new(), false)]);
        let counters = metrics.shard(0);
        let waits = || (counters.backlog_frames.get(), counters.backlog_bytes.get());
        let chunk = outbound.bound / 4;
        while waits() == (0, 0) {
            assert_eq!(outbound.offer(&frames(chunk), counters), Taken::Yes);
        }
        let (before, (kept, _)) = (waits(), outbound.backlog());
        assert_eq!((before.0, before.1), (1, outbound.backlog().1 as u64));
        let mut offered = 0;
        while outbound.offer(&frames(chunk), counters) == Taken::Yes {
            offered += 1;
        }
        outbound.write(b"a reply", counters);
        assert_eq!(waits(), ((kept + offered + 1) as u64, outbound.backlog().1 as u64));
        outbound.drop_backlog();
        assert_eq!(waits(), (1, outbound.backlog().1 as u64), "the rest of the one that is partly sent");
        let kind = EventType { number: KIND, name: "k".into() };
        assert_eq!(
            counters.class(0).of(&kind).dropped.get(),
            offered as u64 + 1,
            "and the one that was refused"
        );
        drop(outbound);
        assert_eq!(waits(), (0, 0));
    }
}
