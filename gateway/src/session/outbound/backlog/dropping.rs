//! What a backlog takes, and what it drops for that.

use std::rc::Rc;

use bytes::Bytes;

use super::super::gap::Lost;
use super::super::piece::{Piece, What};
use super::{Backlog, Choices, Rest};
use crate::frame::{Frames, Yields};
use crate::metrics::{Count, SlowCounts};

/// What the node's budget leaves a session of bytes that cannot be dropped and are no room's events, as pings
/// are: not worth closing it.
const NOT_WORTH: usize = 4 * 1024;

/// How an offer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Sent, or kept for later, or dropped and noted; or the connection is dead and nobody will miss it.
    Yes,
    /// More waits that cannot be dropped than may: the session is to be closed.
    OverBound,
}

impl Yields {
    /// Where it is counted that events were dropped so.
    fn of(self, counts: &SlowCounts) -> &Count {
        match self {
            Self::All => &counts.catches_up,
            Self::Superseded => &counts.latest,
            Self::Oldest | Self::Nothing => &counts.drops,
        }
    }
}

/// How a session has given way to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It was not furthest behind after all; or nothing waits that would be worth it.
    Kept,
    /// Events of it are dropped.
    Dropped,
    /// Nothing of it may be dropped: it is to be closed.
    Close,
}

impl Backlog {
    /// Keeps frames behind everything else, without the first `sent` bytes of them, and drops events that have
    /// waited longer where that is more than may wait.
    pub fn take(&mut self, frames: Rc<Frames>, mut sent: usize) -> Taken {
        if self.is_fallen(&frames) {
            return Taken::Yes;
        }
        if self.over {
            (0..frames.each.len()).for_each(|index| self.ledger.dropped(&frames, index));
            return Taken::Yes;
        }
        let mut next = 0;
        while let Some(frame) = frames.each.get(next).filter(|frame| frame.len() <= sent) {
            sent -= frame.len();
            next += 1;
        }
        self.ledger.hold(&frames);
        if self.ledger.rules_since(&mut self.rules) {
            self.fence();
        }
        let droppable = self.yields(&frames) != Yields::Nothing;
        if let Some(frame) = frames.each.get(next).filter(|_| sent > 0) {
            self.ledger.hold(&frames);
            let bytes = frame.slice(sent..);
            self.add_shared(1, bytes.len());
            self.rest = Some(Rest { bytes, frames: Some(Rc::clone(&frames)) });
            next += 1;
        }
        if let Some(progress) = &self.progress {
            progress.sent(&frames, next);
        }
        self.put(frames, next, droppable);
        self.shed();
        let over = !droppable && self.len().1 > self.bound;
        if over {
            self.ledger.counters().slow.session.closes.add(1);
            self.give_up();
        }
        self.settle();
        self.list_anew();
        if over { Taken::OverBound } else { Taken::Yes }
    }

    /// From here on the session's choices are these.
    pub fn choose(&mut self, choices: &Choices) {
        self.choices.clone_from(choices);
    }

    /// What of these frames may be dropped: by the session's choice, or else by their room's rule.
    fn yields(&self, frames: &Frames) -> Yields {
        let Some(room) = frames.origin.as_ref().map(|origin| &origin.room) else { return Yields::Nothing };
        let chosen = |all: &Choices| {
            all.as_ref()?.iter().find(|(of, _)| *of == room.own_number()).map(|(_, yields)| *yields)
        };
        match chosen(&self.choices).unwrap_or(frames.held.yields.get()) {
            // What is told beside a room's events is in no history.
            Yields::All if room.is_beside() => Yields::Oldest,
            yields => yields,
        }
    }

    /// Puts the frames from number `next` on into their lane, which hold them from here on.
    fn put(&mut self, frames: Rc<Frames>, next: usize, droppable: bool) {
        let left = &frames.each[next..];
        if left.is_empty() {
            return self.ledger.let_go(&frames);
        }
        let (count, bytes) = (left.len(), left.iter().map(|frame| frame.len()).sum());
        self.add_shared(count, bytes);
        let order = self.next_order();
        let lane = if droppable { &mut self.loose } else { &mut self.firm };
        self.loose_bytes += if droppable { bytes } else { 0 };
        lane.push_back(Piece { order, what: What::Turn { frames, next: next as u32 } });
    }

    pub(super) fn add_shared(&mut self, frames: usize, bytes: usize) {
        self.shared_bytes += bytes;
        self.add(frames, bytes);
    }

    /// Drops events until no more waits than may, or none is left that may be dropped.
    pub(super) fn shed(&mut self) {
        let mut way = None;
        while self.len().1 > self.bound {
            let Some(next) = self.make_space(Some(self.len().1 - self.bound)) else { return };
            if way.replace(next) != Some(next) {
                next.of(&self.ledger.counters().slow.session).add(1);
            }
        }
    }

    /// Drops events as the room of the first one that may be dropped wants it: about so many bytes, or the turn that has
    /// waited longest. None where there is no such event.
    fn make_space(&mut self, want: Option<usize>) -> Option<Yields> {
        let Some(Piece { what: What::Turn { frames, .. }, .. }) = self.loose.front() else { return None };
        match self.yields(frames) {
            Yields::Superseded if self.supersede() => Some(Yields::Superseded),
            // Enough that it is not looked for what is newest with each event.
            Yields::Superseded => {
                let some = want.unwrap_or_default().max(self.loose_bytes / 8);
                self.drop_oldest(some).then_some(Yields::Oldest)
            }
            Yields::All if self.leave_to_history() => Some(Yields::All),
            _ => self.drop_oldest(want.unwrap_or(usize::MAX)).then_some(Yields::Oldest),
        }
    }

    /// Drops events of the turn that has waited longest, at least so many bytes of them where it has as many;
    /// `false` where no event may be dropped.
    fn drop_oldest(&mut self, want: usize) -> bool {
        let Some(Piece { order, what: What::Turn { frames, next } }) = self.loose.front_mut() else {
            return false;
        };
        let (order, frames, begin) = (*order, Rc::clone(frames), *next as usize);
        let offset = frames.marks[begin].offset;
        let told = frames.origin.as_ref().map_or(0, |origin| self.gaps.take_back(origin, order, offset));
        let (want, mut bytes, mut end) = (want.saturating_sub(told).max(1), 0, begin);
        while bytes < want && end < frames.each.len() {
            self.ledger.dropped(&frames, end);
            bytes += frames.each[end].len();
            end += 1;
        }
        *next = end as u32;
        if end == frames.each.len() {
            let piece = self.loose.pop_front();
            self.forget(piece);
        }
        self.loose_bytes -= bytes;
        self.shared_bytes -= bytes;
        self.remove(end - begin, bytes + told);
        self.note(&frames, order, begin, end);
        true
    }

    /// Notes that the frames from `begin` up to `end` are lost.
    fn note(&mut self, frames: &Frames, order: u64, begin: usize, end: usize) {
        let Some(origin) = &frames.origin else { return };
        let (first, last) = (frames.marks[begin].offset, frames.marks[end - 1].offset);
        let before = self.gaps.len();
        self.gaps.note(&Lost { origin, order, count: (end - begin) as u64, first, last });
        self.add(self.gaps.len() - before, 0);
    }

    /// No gap reaches from what waits now to what comes: between them a room's rule has changed, so that its events are in
    /// both lanes.
    pub fn fence(&mut self) {
        self.put_fence(None);
    }

    /// The same where the client is told anew in between where it stands in `room`.
    pub fn fence_in(&mut self, room: &str) {
        self.put_fence(Some(room));
    }

    fn put_fence(&mut self, room: Option<&str>) {
        let orders = [self.gaps.front().map(|gap| gap.order), self.loose.front().map(|piece| piece.order)];
        let first = orders.into_iter().flatten().min().unwrap_or(self.order);
        self.gaps.fence(room, self.order, first);
        self.settle();
    }

    /// Throws away everything but the rest of a frame that is partly sent; events count as dropped.
    pub fn throw_away(&mut self) {
        while self.drop_oldest(usize::MAX) {}
        for piece in std::mem::take(&mut self.firm) {
            if let What::Turn { frames, next } = &piece.what {
                (*next as usize..frames.each.len()).for_each(|index| self.ledger.dropped(frames, index));
            }
            self.forget(Some(piece));
        }
        self.gaps.clear();
        self.mark(Bytes::new());
        let rest = self.rest.as_ref().map_or(0, |rest| rest.bytes.len());
        self.shared_bytes =
            self.rest.as_ref().filter(|rest| rest.frames.is_some()).map_or(0, |rest| rest.bytes.len());
        self.remove(self.frames - usize::from(self.rest.is_some()), self.bytes - rest);
        self.settle();
    }

    /// The session is to be closed: nothing more is taken for it, and what waits is thrown away.
    fn give_up(&mut self) {
        self.over = true;
        self.throw_away();
        self.list();
    }

    /// The node holds more than it may, and this session is furthest behind: it drops what its room wants dropped, as the turn
    /// that has waited longest, or, where nothing may be dropped, is to be closed.
    pub fn give_way(&mut self) -> Way {
        let listed = self.listed;
        self.list();
        if self.listed > listed {
            return Way::Kept; // what it was listed for is sent
        }
        if let Some(way) = self.make_space(None) {
            way.of(&self.ledger.counters().slow.node).add(1);
            self.part_from_arena();
            self.settle();
            self.list();
            return Way::Dropped;
        }
        let worth = |piece: &Piece| match &piece.what {
            What::Turn { .. } => NOT_WORTH,
            What::Own(own) => own.bytes.len(),
        };
        if self.firm.iter().map(worth).sum::<usize>() < NOT_WORTH {
            return self.spare();
        }
        self.ledger.counters().slow.node.closes.add(1);
        self.give_up();
        self.part_from_arena();
        self.settle();
        Way::Close
    }

    /// It need not give way, until more comes.
    pub fn spare(&mut self) -> Way {
        self.ledger.place(self.listed.take(), None);
        Way::Kept
    }

    /// Copies the rest of a frame that is partly sent, where it keeps much more alive than itself.
    fn part_from_arena(&mut self) {
        let Some(rest) = &mut self.rest else { return };
        let Some(frames) = rest.frames.take_if(|frames| frames.total > 4 * rest.bytes.len()) else { return };
        rest.bytes = Bytes::copy_from_slice(&rest.bytes);
        self.shared_bytes -= rest.bytes.len();
        self.ledger.let_go(&frames);
    }
}
