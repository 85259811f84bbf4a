//! A session's outbound half: the one place that writes its socket. What the socket does not take at once waits
//! in the backlog, by reference, and the session's task finishes it.

mod backlog;
mod budget;
mod gap;
mod ledger;
mod piece;
mod progress;
mod relief;
mod telling;

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

pub use backlog::{Backlog, Fallen, Taken, Way};
pub use budget::Budget;
pub use gap::Gap;
pub use ledger::Ledger;
pub(super) use progress::{Progress, Reached};
pub use relief::relieve;

use crate::frame::{Bookmark, Frames, Yields};
use crate::hub::Slot;
use crate::transport::Socket;

/// Pieces of one write from the backlog at most.
const PIECES: usize = 64;

/// The pieces of one write.
pub type Slices<'a> = smallvec::SmallVec<[IoSlice<'a>; PIECES]>;

pub(super) struct Outbound {
    socket: Socket,
    /// None while the socket takes everything.
    backlog: RefCell<Option<Box<Backlog>>>,
    /// Bytes that may wait.
    bound: usize,
    task: RefCell<Option<Waker>>,
    /// Writing has failed, or was given up.
    dead: Cell<bool>,
    /// Writing has failed.
    failed: Cell<bool>,
    /// The last frame is sent or in the backlog.
    last: Cell<bool>,
    /// What the session has chosen for rooms instead of what their rules say.
    choices: Cell<Choices>,
    /// How far its client has got, where that is told.
    progress: OnceCell<Rc<Progress>>,
}

/// By number of a room: what of its events may be dropped. None mostly.
pub(super) type Choices = Option<Rc<Vec<(u64, Yields)>>>;

impl Outbound {
    pub(super) fn new(socket: Socket, bound: usize) -> Self {
        let (backlog, task) = (RefCell::default(), RefCell::default());
        let (dead, failed, last) = (Cell::new(false), Cell::new(false), Cell::new(false));
        let (choices, progress) = (Cell::default(), OnceCell::new());
        Self { socket, backlog, bound, task, dead, failed, last, choices, progress }
    }

    /// From the next event of a room on that cannot be sent at once, so much of them may be dropped; none: as its rule says.
    pub(super) fn choose(&self, room: u64, yields: Option<Yields>) {
        let before = self.choices.take();
        let others = before.iter().flat_map(|all| all.iter()).copied().filter(|(of, _)| *of != room);
        let all: Vec<_> = others.chain(yields.map(|yields| (room, yields))).collect();
        self.choices.set(Some(all).filter(|all| !all.is_empty()).map(Rc::new));
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
        self.backlog.borrow().as_ref().map_or((0, 0), |backlog| backlog.len())
    }

    /// Bytes that may still be put into the backlog.
    pub(super) fn room_left(&self) -> usize {
        self.bound.saturating_sub(self.backlog().1)
    }

    /// Whether so much waits that no further request should be read. What may be dropped for a reply is no reason.
    pub(super) fn is_pressed(&self) -> bool {
        self.backlog.borrow().as_ref().is_some_and(|backlog| backlog.firm_bytes() > self.bound / 2)
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

    /// Events that others get too: straight to the socket, and what it does not take is kept by reference.
    #[inline(always)] // into the walk's way; the other caller is a slow one
    pub(super) fn offer(&self, frames: &Rc<Frames>, ledger: &Rc<Ledger>) -> Taken {
        match self.try_send(frames) {
            None => self.note_sent(frames),
            Some(sent) => self.keep(Rc::clone(frames), sent, ledger),
        }
    }

    /// All of the frames are sent; the session's task tells its client how far it has got.
    #[inline]
    fn note_sent(&self, frames: &Frames) -> Taken {
        if self.progress.get().is_some_and(|progress| progress.sent(frames, frames.each.len())) {
            self.wake();
        }
        Taken::Yes
    }

    /// Sends what the socket takes now; answers how many bytes that are, where something has to wait.
    #[inline(always)]
    fn try_send(&self, frames: &Frames) -> Option<usize> {
        if self.dead.get() || self.last.get() {
            return None;
        }
        if self.backlog.borrow().is_some() {
            return Some(0);
        }
        let sent = match &*frames.runs {
            [run] => self.send(run),
            runs => self.send_pieces(runs),
        };
        (sent < frames.total || self.socket.held() > 0).then_some(sent)
    }

    /// The slow way: frames, without their first `sent` bytes, wait behind what does so already.
    #[cold]
    fn keep(&self, frames: Rc<Frames>, sent: usize, ledger: &Rc<Ledger>) -> Taken {
        if self.dead.get() {
            return Taken::Yes;
        }
        self.fall_behind(ledger, |backlog| match sent < frames.total {
            true => {
                let choices = self.choices.take();
                backlog.choose(&choices);
                self.choices.set(choices);
                backlog.take(frames, sent)
            }
            false => Taken::Yes, // but for what is sealed
        })
    }

    /// Puts something into the backlog, which begins with it where there is none.
    fn fall_behind<T>(&self, ledger: &Rc<Ledger>, put: impl FnOnce(&mut Backlog) -> T) -> T {
        let mut backlog = self.backlog.borrow_mut();
        if backlog.is_none() {
            self.wake();
        }
        let fresh = || Backlog::new(ledger, self.bound).tracked(self.progress.get());
        let backlog = backlog.get_or_insert_with(|| Box::new(fresh()));
        backlog.set_sealed(self.socket.held());
        let put = put(backlog);
        if backlog.has_fallen() {
            self.wake();
        }
        put
    }

    /// Rooms whose events did not fit and are to be read again from history. Nothing of them is taken until this is asked.
    pub(super) fn take_fallen(&self) -> Vec<Fallen> {
        self.backlog.borrow_mut().as_mut().map_or_else(Vec::new, |backlog| backlog.take_fallen())
    }

    /// Replies: as events, but what is left is copied, and no bound refuses them: while a session is pressed
    /// it asks nothing further.
    pub(super) fn write(&self, frames: &[u8], ledger: &Rc<Ledger>) {
        self.put(frames, false, ledger);
    }

    /// The same for frames that nothing follows, the close frame at their end: what comes after is let go.
    pub(super) fn write_last(&self, frames: &[u8], ledger: &Rc<Ledger>) {
        self.put(frames, true, ledger);
    }

    fn put(&self, frames: &[u8], last: bool, ledger: &Rc<Ledger>) {
        if self.dead.get() || self.last.get() || frames.is_empty() {
            return;
        }
        self.last.set(last);
        let sent = if self.backlog.borrow().is_some() { 0 } else { self.send(frames) };
        if self.dead.get() || (sent == frames.len() && self.socket.held() == 0) {
            return;
        }
        self.fall_behind(ledger, |backlog| {
            if sent < frames.len() {
                backlog.reply(Bytes::copy_from_slice(&frames[sent..]), sent > 0);
            }
        });
    }

    /// Throws away what waits, but for the rest of a frame that is partly sent.
    pub(super) fn drop_backlog(&self) {
        if let Some(backlog) = &mut *self.backlog.borrow_mut() {
            backlog.throw_away();
        }
    }

    /// Its client is told where it stands in `room`: no gap reaches from what waits before that to what comes after it.
    pub(super) fn fence(&self, room: &str) {
        if let Some(backlog) = &mut *self.backlog.borrow_mut() {
            backlog.fence_in(room);
        }
    }

    /// Has those know that may have to give way for others whose the backlog is, if there is one.
    pub(super) fn enlist(&self, slot: Option<Slot>) {
        if let (Some(backlog), Some(slot)) = (&mut *self.backlog.borrow_mut(), slot) {
            backlog.enlist(slot);
        }
    }

    /// The node holds more than it may, and this session is furthest behind.
    pub(super) fn give_way(&self) -> Way {
        let mut backlog = self.backlog.borrow_mut();
        match &mut *backlog {
            // Its close frame waits, for a moment.
            Some(backlog) if self.last.get() => backlog.spare(),
            Some(backlog) => {
                let way = backlog.give_way();
                if backlog.has_fallen() {
                    self.wake();
                }
                way
            }
            None => Way::Kept,
        }
    }

    /// No further byte will be written: the client sees the stream's end after what it was sent.
    pub(super) fn finish(&self) {
        self.socket.finish();
    }

    fn send(&self, bytes: &[u8]) -> usize {
        self.sent(self.socket.send(bytes, self.last.get()))
    }

    /// As many at a time as a list holds: the kernel refuses one of more than 1,024, and a replay can be longer.
    fn send_pieces(&self, pieces: &[Bytes]) -> usize {
        let mut all = 0;
        for some in pieces.chunks(PIECES) {
            let mut slices: Slices<'_> = some.iter().map(|piece| IoSlice::new(piece)).collect();
            let sent = self.sent(self.socket.send_pieces(&mut slices));
            all += sent;
            if sent < some.iter().map(Bytes::len).sum() {
                break;
            }
        }
        all
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
    /// `tell` makes what is told there.
    pub(super) fn poll_drain(
        &self,
        cx: &mut Context<'_>,
        ledger: &Rc<Ledger>,
        tell: &mut impl Tell,
    ) -> (Poll<()>, bool) {
        let mut moved = false;
        let poll = loop {
            self.tell_progress(ledger, tell);
            match self.poll_step(cx, tell) {
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
    fn poll_step(&self, cx: &mut Context<'_>, tell: &mut impl Tell) -> Poll<io::Result<Step>> {
        let flushed = ready!(self.socket.poll_flush(cx))?;
        let mut backlog = self.backlog.borrow_mut();
        if flushed {
            if let Some(backlog) = &mut *backlog {
                backlog.set_sealed(0);
            }
            return Poll::Ready(Ok(Step::Moved));
        }
        let Some(waiting) = backlog.as_mut().filter(|backlog| !backlog.is_empty()) else {
            // Rooms that are to be read again are asked for when the task begins anew.
            backlog.take_if(|backlog| !backlog.has_fallen());
            let parts = self.last.get() && self.socket.part();
            return Poll::Ready(Ok(if parts { Step::Moved } else { Step::Done }));
        };
        waiting.tell(|gap| tell.gap(gap));
        let taken = {
            let mut slices = Slices::new();
            waiting.fill(&mut slices);
            ready!(self.socket.poll_send(cx, &mut slices))?
        };
        waiting.consume(taken);
        waiting.set_sealed(self.socket.held());
        Poll::Ready(Ok(Step::Moved))
    }
}

/// Makes what a client is told between its events.
pub(super) trait Tell {
    /// The frame of a gap; an empty one is not told.
    fn gap(&mut self, gap: &Gap) -> Bytes;

    /// What says how far it has got.
    fn progress(&mut self, bookmark: &Bookmark) -> Bytes;

    /// So many bytes of that go out.
    fn told(&mut self, bytes: usize);
}

/// What a step towards an empty backlog did.
enum Step {
    /// Something has gone; there may be more.
    Moved,
    /// Nothing waits.
    Done,
}

/// Whether the socket takes nothing just now, which is no error.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests;
