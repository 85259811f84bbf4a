//! Events that were dropped, and where in the stream that is told.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::frame::{Cursor, Origin};

/// Events of one room that a session does not get, next to each other among those of the room that it lets through.
#[derive(Debug)]
pub struct Gap {
    /// The room.
    pub origin: Origin,
    /// How many there are.
    pub count: u64,
    /// The offset that they come after.
    pub after: u64,
    /// The offset of the last.
    pub last: u64,
    /// Where in the backlog the first of them stood.
    pub(super) order: u64,
    /// What tells it; empty until it is next, as it may grow.
    pub(super) frame: Bytes,
}

impl Gap {
    /// They are behind this one, up to the other.
    pub fn cursors(&self) -> (Cursor, Cursor) {
        let epoch = self.origin.epoch;
        (Cursor { epoch, offset: self.after }, Cursor { epoch, offset: self.last })
    }
}

/// Events of a turn that are dropped.
pub(super) struct Lost<'a> {
    pub(super) origin: &'a Origin,
    /// Where they stood.
    pub(super) order: u64,
    pub(super) count: u64,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Gaps in the order of their places. Between two fences a room has one at most: what is dropped is always the first of
/// the room that waits, so nothing of it stands between its gap and the next event that is dropped.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    all: VecDeque<Gap>,
    /// Places that no gap reaches over.
    fences: VecDeque<u64>,
    /// The last of these for each room, and for all rooms.
    behind: Vec<(Option<Arc<str>>, u64)>,
}

impl Gaps {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.all.iter()
    }

    pub(super) fn front(&self) -> Option<&Gap> {
        self.all.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Gap> {
        self.all.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Gap> {
        self.all.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// What they take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.all.capacity() * size_of::<Gap>()
            + self.fences.capacity() * size_of::<u64>()
            + self.behind.capacity() * size_of::<(Option<Arc<str>>, u64)>()
    }

    /// No gap reaches from what stands at `order` or before to what comes behind, as the client is told something in between
    /// that concerns `room`, or all of them. All that waits has its place at `first` or later.
    pub(super) fn fence(&mut self, room: Option<&str>, order: u64, first: u64) {
        while self.fences.front().is_some_and(|fence| *fence < first) {
            self.fences.pop_front();
        }
        if self.fences.back() != Some(&order) {
            self.fences.push_back(order);
        }
        self.behind.retain(|(of, fence)| of.as_deref() != room && *fence >= first);
        self.behind.push((room.map(Arc::from), order));
    }

    /// Whether behind this place stands a fence for `room`.
    pub(super) fn is_fenced_behind(&self, room: &str, order: u64) -> bool {
        let concerns = |of: &Option<Arc<str>>| of.as_deref().is_none_or(|of| of == room);
        self.behind.iter().any(|(of, fence)| *fence >= order && concerns(of))
    }

    fn is_fenced(&self, from: u64, to: u64) -> bool {
        let before = self.fences.partition_point(|fence| *fence < from);
        self.fences.get(before).is_some_and(|fence| *fence < to)
    }

    /// The gap that grows where the event of `room` at `offset` is lost, which stands at `order`.
    fn grows(&self, room: u64, order: u64, offset: u64) -> Option<usize> {
        let last = self.all.iter().rposition(|gap| gap.origin.room.number == room)?;
        let gap = &self.all[last];
        (gap.last < offset && !self.is_fenced(gap.order, order)).then_some(last)
    }

    /// The gap that this event would belong to is not told as it is: it is about to grow. Answers the bytes of
    /// its frame.
    pub(super) fn take_back(&mut self, origin: &Origin, order: u64, offset: u64) -> usize {
        let grows = self.grows(origin.room.number, order, offset).and_then(|at| self.all.get_mut(at));
        grows.map_or(0, |gap| std::mem::take(&mut gap.frame).len())
    }

    /// Notes that events are lost among others that are not, and that come behind the gap. Answers the bytes of a
    /// frame that told of less.
    pub(super) fn widen(&mut self, lost: &Lost<'_>) -> usize {
        let room = lost.origin.room.number;
        let last = self.all.iter().rposition(|gap| gap.origin.room.number == room);
        let same = last.filter(|last| !self.is_fenced(self.all[*last].order, lost.order));
        let Some(gap) = same.and_then(|at| self.all.get_mut(at)) else {
            self.note(lost);
            return 0;
        };
        gap.count += lost.count;
        // What was left as the newest of its key may stand before all that the gap has told of so far.
        gap.after = gap.after.min(lost.first.saturating_sub(1));
        gap.last = gap.last.max(lost.last);
        std::mem::take(&mut gap.frame).len()
    }

    /// Notes that events are lost.
    pub(super) fn note(&mut self, lost: &Lost<'_>) {
        let grows = self.grows(lost.origin.room.number, lost.order, lost.first);
        if let Some(gap) = grows.and_then(|at| self.all.get_mut(at)) {
            gap.count += lost.count;
            gap.last = lost.last;
            return;
        }
        self.all.push_back(Gap {
            origin: lost.origin.clone(),
            count: lost.count,
            after: lost.first.saturating_sub(1),
            last: lost.last,
            order: lost.order,
            frame: Bytes::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Epoch, RoomId};

    #[test]
    fn a_gap_that_grows_to_the_front_says_so() {
        let origin = Origin { room: RoomId { number: 1, name: "r".into(), class: 0 }, epoch: Epoch(1) };
        let mut gaps = Gaps::default();
        let mut lose =
            |first, last, count| gaps.widen(&Lost { origin: &origin, order: 1, count, first, last });
        // The event at 15 was the newest of its key, and is so no longer.
        lose(16, 18, 3);
        lose(15, 15, 1);
        let gap = gaps.pop().unwrap();
        assert_eq!((gap.after, gap.last, gap.count), (14, 18, 4));
    }
}
