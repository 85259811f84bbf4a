//! History in a ring in memory, or none at all: ordered and committed at once, under the room's lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::log::{Place, PlaceId};
use super::{History, Keep, Read};
use crate::frame::{Cursor, Epoch, Event, Posted, RoomId};

/// The last events of a room, newest at the back. With `size` 0 it only counts.
pub struct Memory {
    room: RoomId,
    cursor: Cursor,
    keep: Keep,
    ring: VecDeque<(Instant, Arc<Posted>)>,
    /// What the ring's events weigh, bytes.
    held: usize,
}

impl Memory {
    /// An empty history of `room`, before its first event.
    pub fn new(room: RoomId, epoch: Epoch, keep: Keep) -> Self {
        Self { room, cursor: Cursor { epoch, offset: 0 }, keep, ring: VecDeque::new(), held: 0 }
    }

    fn at(&self, offset: u64) -> Cursor {
        Cursor { epoch: self.cursor.epoch, offset }
    }

    /// Forgets the oldest; answers what it weighed.
    fn pop(&mut self) -> Option<usize> {
        let (_, posted) = self.ring.pop_front()?;
        self.held -= posted.size();
        Some(posted.size())
    }
}

impl History for Memory {
    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn keeps(&self) -> bool {
        self.keep.size > 0
    }

    fn order(&mut self, event: Event, now: Instant) -> Arc<Posted> {
        let cursor = self.at(self.cursor.offset + 1);
        Arc::new(Posted::new(event, self.room.clone(), cursor, self.keeps(), now))
    }

    fn commit(&mut self, posted: &Arc<Posted>, _: Option<Place>, now: Instant) {
        self.cursor = posted.cursor;
        if self.keeps() {
            if self.ring.len() == self.keep.size {
                self.pop();
            }
            self.held += posted.size();
            self.ring.push_back((now, Arc::clone(posted)));
        }
    }

    /// Nothing to do: what is ordered is committed under the same lock.
    fn rewind(&mut self) {}

    fn since(&self, after: Cursor, limit: usize) -> Read {
        if after.epoch != self.cursor.epoch || after.offset > self.cursor.offset {
            return Read::Lost;
        }
        let missing = (self.cursor.offset - after.offset) as usize;
        if missing > self.ring.len() {
            return Read::Lost;
        }
        Read::of(self.ring.range(self.ring.len() - missing..).map(|(_, posted)| posted), limit)
    }

    fn start(&self) -> Cursor {
        self.before_last(self.ring.len())
    }

    fn before_last(&self, count: usize) -> Cursor {
        self.at(self.cursor.offset - count.min(self.ring.len()) as u64)
    }

    fn len(&self) -> usize {
        self.ring.len()
    }

    fn expire(&mut self, now: Instant) {
        if self.keep.ttl.is_zero() {
            return;
        }
        while self.ring.front().is_some_and(|(at, _)| now.duration_since(*at) >= self.keep.ttl) {
            self.pop();
        }
    }

    fn held(&self) -> usize {
        self.held
    }

    fn oldest(&self) -> Option<Instant> {
        self.ring.front().map(|(at, _)| *at)
    }

    fn shed(&mut self, bytes: usize) -> usize {
        let mut freed = 0;
        while freed < bytes
            && let Some(size) = self.pop()
        {
            freed += size;
        }
        freed
    }

    /// Nothing to do: there is nothing to read it back from.
    fn pin(&mut self, _: u64) {}

    fn unpin(&mut self, _: u64) {}

    /// No record is its.
    fn moved(&mut self, _: u64, _: &PlaceId, _: Place) -> bool {
        false
    }
}
