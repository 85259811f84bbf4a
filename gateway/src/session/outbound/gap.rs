//! Events that were dropped, and where in the stream that is told.

use std::collections::VecDeque;

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
    /// It does not grow any more.
    closed: bool,
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

/// Gaps in the order of their places. Of a room there is one that grows at most: what is dropped is always the first of
/// the room that waits, so nothing of it stands between this gap and the next event that is dropped.
#[derive(Debug, Default)]
pub(super) struct Gaps(VecDeque<Gap>);

impl Gaps {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter()
    }

    pub(super) fn front(&self) -> Option<&Gap> {
        self.0.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Gap> {
        self.0.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Gap> {
        self.0.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<Gap>()
    }

    /// Notes that events are lost. Answers the bytes of a frame that says less than is true by now.
    pub(super) fn note(&mut self, lost: &Lost<'_>) -> usize {
        let room = lost.origin.room.number;
        let known = self.0.iter_mut().rev().find(|gap| gap.origin.room.number == room);
        if let Some(gap) = known.filter(|gap| !gap.closed && gap.last < lost.first) {
            gap.count += lost.count;
            gap.last = lost.last;
            return std::mem::take(&mut gap.frame).len();
        }
        self.0.push_back(Gap {
            origin: lost.origin.clone(),
            count: lost.count,
            after: lost.first.saturating_sub(1),
            last: lost.last,
            order: lost.order,
            frame: Bytes::new(),
            closed: false,
        });
        0
    }

    /// What is dropped from here on of the rooms that `these` are has a gap of its own.
    pub(super) fn close(&mut self, these: impl Fn(&Origin) -> bool) {
        self.0.iter_mut().filter(|gap| these(&gap.origin)).for_each(|gap| gap.closed = true);
    }
}
