//! What a client has not taken yet: whole frames by reference, in two lanes with one order, so that what may be dropped
//! is found at once, however much stands between.

mod dropping;
mod yielding;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

use bytes::{Buf, Bytes};

use super::gap::{Gap, Gaps};
use super::ledger::{Key, Ledger};
use super::piece::{Own, Piece, What};
use super::progress::Progress;
use super::{Choices, PIECES, Slices};
use crate::frame::{Frames, block};
use crate::hub::Slot;
pub use dropping::{Taken, Way};
pub use yielding::Fallen;

/// See the module's documentation.
pub struct Backlog {
    ledger: Rc<Ledger>,
    /// Bytes that may wait.
    bound: usize,
    /// What is left of a frame that is partly sent: nothing comes before it, and it is always finished.
    rest: Option<Rest>,
    /// Comes right behind that: how far the client has got then. Empty mostly.
    mark: Bytes,
    /// Where it is noted how far that is, if it is.
    progress: Option<Rc<Progress>>,
    /// What is never dropped: replies, what is for this session alone, events of rooms whose rule does not drop.
    firm: VecDeque<Piece>,
    /// Events that are dropped where there is no space, the oldest first.
    loose: VecDeque<Piece>,
    gaps: Gaps,
    /// Of the next piece.
    order: u64,
    frames: usize,
    bytes: usize,
    /// Of them, in `loose`.
    loose_bytes: usize,
    /// Of them, by reference to what others hold as well.
    shared_bytes: usize,
    /// Bytes that are sealed and that the kernel has not taken.
    sealed: usize,
    /// What the budget knows of memory that is its own.
    counted: usize,
    /// Too much waits that cannot be dropped: nothing more is taken, and the session is to be closed.
    over: bool,
    /// What the session has chosen for rooms instead of what their rules say.
    choices: Choices,
    /// Rooms whose events are read again from history, as soon as the session's task knows.
    fallen: Vec<Fallen>,
    /// Which rules for rooms, counted by the ledger, the last events were taken by.
    rules: u64,
    /// Whose it is, once that is known.
    slot: Option<Slot>,
    /// Where it stands among those that may have to give way.
    listed: Option<Key>,
}

struct Rest {
    bytes: Bytes,
    /// The frames that it is of, where it is an event's.
    frames: Option<Rc<Frames>>,
}

/// What is next.
#[derive(Clone, Copy)]
enum Next {
    Gap,
    Loose,
    Firm,
}

impl Backlog {
    /// An empty one, of `bound` bytes.
    pub fn new(ledger: &Rc<Ledger>, bound: usize) -> Self {
        ledger.counters().slow_sessions.rise(1);
        let mut backlog = Self {
            ledger: Rc::clone(ledger),
            bound,
            rest: None,
            mark: Bytes::new(),
            progress: None,
            firm: VecDeque::new(),
            loose: VecDeque::new(),
            gaps: Gaps::default(),
            order: 0,
            frames: 0,
            bytes: 0,
            loose_bytes: 0,
            shared_bytes: 0,
            sealed: 0,
            counted: 0,
            over: false,
            choices: None,
            fallen: Vec::new(),
            rules: ledger.rules(),
            slot: None,
            listed: None,
        };
        backlog.settle();
        backlog
    }

    /// One whose client is told how far it has got, where there is such.
    pub(super) fn tracked(mut self, progress: Option<&Rc<Progress>>) -> Self {
        self.progress = progress.cloned();
        self
    }

    /// Frames that wait, and bytes; sealed ones among these.
    pub fn len(&self) -> (usize, usize) {
        (self.frames, self.bytes + self.sealed)
    }

    /// Bytes that wait and cannot be dropped.
    pub fn firm_bytes(&self) -> usize {
        self.bytes + self.sealed - self.loose_bytes
    }

    /// Whether nothing waits but what is sealed.
    pub fn is_empty(&self) -> bool {
        self.rest.is_none()
            && self.mark.is_empty()
            && self.firm.is_empty()
            && self.loose.is_empty()
            && self.gaps.is_empty()
    }

    /// Puts a reply behind everything else. Where there is no space for it, events are dropped; it is taken in
    /// any case.
    /// `cut`: its beginning is sent.
    pub fn reply(&mut self, bytes: Bytes, cut: bool) {
        self.add(1, bytes.len());
        match cut {
            true => self.rest = Some(Rest { bytes, frames: None }),
            false => {
                let own = What::Own(Box::new(Own { bytes, since: self.ledger.budget().now() }));
                let order = self.next_order();
                self.firm.push_back(Piece { order, what: own });
            }
        }
        self.shed();
        self.settle();
        self.list_anew();
    }

    /// Puts how far the client has got behind the rest of what is partly sent, before all else. The mark before is sent
    /// then: only what comes behind it moves a client on.
    pub(super) fn mark(&mut self, text: Bytes) {
        self.remove(usize::from(!self.mark.is_empty()), self.mark.len());
        self.add(usize::from(!text.is_empty()), text.len());
        self.mark = text;
        self.settle();
    }

    /// So many bytes are sealed and not sent.
    pub fn set_sealed(&mut self, sealed: usize) {
        if sealed != self.sealed {
            self.sealed = sealed;
            self.settle();
        }
    }

    /// Makes the frame of the gap that is next, if one is; an empty one is not told.
    pub fn tell(&mut self, encode: impl FnOnce(&Gap) -> Bytes) {
        if self.rest.is_some() || !matches!(self.next(), Some(Next::Gap)) {
            return;
        }
        let Some(gap) = self.gaps.front_mut().filter(|gap| gap.frame.is_empty()) else { return };
        gap.frame = encode(gap);
        match gap.frame.len() {
            0 => {
                self.gaps.pop();
                self.remove(1, 0);
            }
            bytes => self.add(0, bytes),
        }
        self.settle();
    }

    /// What one write can take of it: up to a gap that has no frame yet.
    pub fn fill<'a>(&'a self, slices: &mut Slices<'a>) {
        slices.extend(self.rest.as_ref().map(|rest| IoSlice::new(&rest.bytes)));
        slices.extend(Some(&self.mark).filter(|mark| !mark.is_empty()).map(|mark| IoSlice::new(mark)));
        let (mut gaps, mut loose, mut firm) = (self.gaps.iter(), self.loose.iter(), self.firm.iter());
        let (mut gap, mut one, mut other) = (gaps.next(), loose.next(), firm.next());
        while slices.len() < PIECES {
            match first(gap, one, other) {
                Some(Next::Gap) => {
                    let Some(told) = gap.filter(|gap| !gap.frame.is_empty()) else { return };
                    slices.push(IoSlice::new(&told.frame));
                    gap = gaps.next();
                }
                Some(Next::Loose) => {
                    one.inspect(|piece| piece.fill(slices));
                    one = loose.next();
                }
                Some(Next::Firm) => {
                    other.inspect(|piece| piece.fill(slices));
                    other = firm.next();
                }
                None => return,
            }
        }
    }

    /// The first `sent` bytes of it are gone.
    pub fn consume(&mut self, mut sent: usize) {
        self.bytes -= sent;
        self.ledger.counters().backlog_bytes.fall(sent as u64);
        while sent > 0 {
            if let Some(rest) = &mut self.rest {
                let taken = sent.min(rest.bytes.len());
                rest.bytes.advance(taken);
                sent -= taken;
                if rest.frames.is_some() {
                    self.shared_bytes -= taken;
                }
                if rest.bytes.is_empty() {
                    self.finish_rest();
                }
                continue;
            }
            if !self.mark.is_empty() {
                self.rest = Some(Rest { bytes: std::mem::take(&mut self.mark), frames: None });
                continue;
            }
            sent = match self.next() {
                Some(Next::Gap) => self.begin_gap(sent),
                Some(Next::Loose) => self.begin_piece(true, sent),
                Some(Next::Firm) => self.begin_piece(false, sent),
                None => unreachable!("no more is sent than waits"),
            };
        }
        self.settle();
    }

    fn next(&self) -> Option<Next> {
        first(self.gaps.front(), self.loose.front(), self.firm.front())
    }

    /// So many bytes of what begins with a lane's first piece are gone: what is left of the frame that they
    /// end in is the rest. Answers how many are of what comes behind the piece.
    fn begin_piece(&mut self, loose: bool, mut sent: usize) -> usize {
        let lane = if loose { &mut self.loose } else { &mut self.firm };
        let Some(piece) = lane.front_mut() else { return sent };
        let over = match &mut piece.what {
            What::Own(own) => {
                self.rest = Some(Rest { bytes: std::mem::take(&mut own.bytes), frames: None });
                true
            }
            What::Turn { frames, next } => {
                let (begin, before) = (*next, sent);
                while let Some(frame) = frames.each.get(*next as usize).filter(|frame| frame.len() <= sent) {
                    sent -= frame.len();
                    *next += 1;
                }
                let mut gone = before - sent;
                self.shared_bytes -= gone;
                self.frames -= (*next - begin) as usize;
                self.ledger.counters().backlog_frames.fall(u64::from(*next - begin));
                if let Some(frame) = frames.each.get(*next as usize).filter(|_| sent > 0) {
                    self.ledger.hold(frames);
                    self.rest = Some(Rest { bytes: frame.clone(), frames: Some(Rc::clone(frames)) });
                    gone += frame.len();
                    *next += 1;
                }
                if loose {
                    self.loose_bytes -= gone;
                }
                if let Some(progress) = &self.progress {
                    progress.sent(frames, *next as usize);
                }
                *next as usize == frames.each.len()
            }
        };
        if over {
            let piece = lane.pop_front();
            self.forget(piece);
        }
        sent
    }

    fn begin_gap(&mut self, sent: usize) -> usize {
        if let Some(gap) = self.gaps.pop() {
            self.ledger.told_gap(gap.origin.room.class, gap.frame.len());
            self.rest = Some(Rest { bytes: gap.frame, frames: None });
        }
        sent
    }

    fn finish_rest(&mut self) {
        if let Some(frames) = self.rest.take().and_then(|rest| rest.frames) {
            self.ledger.let_go(&frames);
        }
        self.frames -= 1;
        self.ledger.counters().backlog_frames.fall(1);
    }

    /// A piece is out of its lane.
    fn forget(&self, piece: Option<Piece>) {
        if let Some(Piece { what: What::Turn { frames, .. }, .. }) = piece {
            self.ledger.let_go(&frames);
        }
    }

    fn add(&mut self, frames: usize, bytes: usize) {
        self.frames += frames;
        self.bytes += bytes;
        self.ledger.counters().backlog_frames.rise(frames as u64);
        self.ledger.counters().backlog_bytes.rise(bytes as u64);
    }

    fn remove(&mut self, frames: usize, bytes: usize) {
        self.frames -= frames;
        self.bytes -= bytes;
        self.ledger.counters().backlog_frames.fall(frames as u64);
        self.ledger.counters().backlog_bytes.fall(bytes as u64);
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Tells the budget what memory of its own it takes now.
    fn settle(&mut self) {
        for lane in [&mut self.firm, &mut self.loose] {
            if lane.capacity() > 4 * lane.len() + 16 {
                lane.shrink_to(2 * lane.len());
            }
        }
        let lane = |lane: &VecDeque<Piece>| block(lane.capacity() * size_of::<Piece>());
        let lanes = lane(&self.firm) + lane(&self.loose) + self.gaps.size();
        let own = self.bytes - self.shared_bytes + self.sealed;
        let now = size_of::<Self>() + lanes + own;
        let before = std::mem::replace(&mut self.counted, now);
        match now >= before {
            true if now == before => {}
            true => self.ledger.budget().more(now - before),
            false => self.ledger.budget().less(before - now),
        }
    }

    /// Has those know that may have to give way whose it is.
    pub fn enlist(&mut self, slot: Slot) {
        self.slot = Some(slot);
        self.list_anew();
    }

    /// Takes its place among those that may have to give way, where it has none.
    fn list_anew(&mut self) {
        if self.listed.is_none() {
            self.list();
        }
    }

    fn list(&mut self) {
        let first = match first(None, self.loose.front(), self.firm.front()) {
            Some(Next::Firm) => self.firm.front(),
            _ => self.loose.front(),
        };
        let now = self.slot.zip(first.filter(|_| !self.over));
        let now = now.map(|(slot, first)| ((first.since(), slot.index), slot));
        self.ledger.place(self.listed, now);
        self.listed = now.map(|(key, _)| key);
    }
}

/// Which of them stands before the others; a gap stands before what is left of its turn.
fn first(gap: Option<&Gap>, loose: Option<&Piece>, firm: Option<&Piece>) -> Option<Next> {
    let gap = gap.map(|gap| (gap.order, Next::Gap));
    let loose = loose.map(|piece| (piece.order, Next::Loose));
    let firm = firm.map(|piece| (piece.order, Next::Firm));
    [gap, loose, firm].into_iter().flatten().min_by_key(|(order, _)| *order).map(|(_, next)| next)
}

/// A connection ends with what it has not taken.
impl Drop for Backlog {
    fn drop(&mut self) {
        let frames = self.rest.take().and_then(|rest| rest.frames);
        frames.inspect(|frames| self.ledger.let_go(frames));
        for piece in std::mem::take(&mut self.firm).into_iter().chain(std::mem::take(&mut self.loose)) {
            self.forget(Some(piece));
        }
        let (frames, bytes) = (self.frames, self.bytes);
        self.remove(frames, bytes);
        self.ledger.place(self.listed, None);
        self.ledger.budget().less(self.counted);
        self.ledger.counters().slow_sessions.fall(1);
    }
}
