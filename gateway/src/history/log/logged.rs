//! The history of a room whose events are in the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;

use super::super::{History, Keep, Read};
use super::fetch::Fetch;
use super::found::Found;
use super::segment::{Place, PlaceId};
use crate::frame::{Cursor, Epoch, Event, Posted, RoomId, Timestamp};

/// Where a room's events lie, and those of them that are in memory as well. Ordered under the room's lock, committed by
/// the log's thread.
pub struct Logged {
    room: RoomId,
    /// The last that is committed.
    cursor: Cursor,
    /// The offset of the last that is ordered.
    ordered: u64,
    keep: Keep,
    /// By event that is kept, the last at the back.
    entries: VecDeque<Entry>,
    /// The last of these, as far as memory holds them.
    events: VecDeque<Arc<Posted>>,
    /// What they weigh, bytes.
    held: usize,
    /// What says on the disk where the room stands, where the record of the last event does not or is not kept.
    anchor: Option<Place>,
    /// By offset of an event that is shown: where it lies, once it is kept no longer.
    pins: HashMap<u64, Option<Place>>,
    /// What times of entries are counted from.
    origin: Instant,
}

/// An event that is kept.
struct Entry {
    place: Place,
    /// When it was written, in milliseconds from the origin; negative: before this process.
    at: i64,
}

impl Logged {
    /// An empty history of `room`, before its first event.
    pub fn new(room: RoomId, epoch: Epoch, keep: Keep) -> Self {
        Self {
            room,
            cursor: Cursor { epoch, offset: 0 },
            ordered: 0,
            keep,
            entries: VecDeque::new(),
            events: VecDeque::new(),
            held: 0,
            anchor: None,
            pins: HashMap::new(),
            origin: Instant::now(),
        }
    }

    /// That of a room which the log knows, with what `keep` leaves of it.
    pub fn found(found: Found, room: RoomId, keep: Keep, now: Instant) -> Self {
        let mut logged = Self { origin: now, ..Self::new(room, found.epoch, keep) };
        logged.cursor.offset = found.last;
        logged.ordered = found.last;
        logged.anchor = found.anchor;
        logged.pins = found.shown.into_iter().map(|offset| (offset, None)).collect();
        for event in found.older {
            if let Some(pin) = logged.pins.get_mut(&event.offset) {
                *pin = Some(event.place);
            }
        }
        let wall = Timestamp::now();
        let excess = found.events.len().saturating_sub(keep.size);
        for (index, event) in found.events.into_iter().enumerate() {
            // A clock that was put back makes nothing younger than now.
            let entry = Entry { place: event.place, at: event.written.0.saturating_sub(wall.0).min(0) };
            logged.entries.push_back(entry);
            if index < excess {
                logged.pop(event.offset);
            }
        }
        logged.expire(now);
        logged
    }

    fn at(&self, offset: u64) -> Cursor {
        Cursor { epoch: self.cursor.epoch, offset }
    }

    /// Milliseconds from the origin to `now`.
    fn since_origin(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.origin).as_millis()).unwrap_or(i64::MAX)
    }

    /// Keeps the oldest no longer, which is at `offset`; where the room stands is still known by its record, if there is no
    /// other.
    fn pop(&mut self, offset: u64) {
        let Some(entry) = self.entries.pop_front() else { return };
        if self.events.len() > self.entries.len() {
            self.let_go();
        }
        match self.pins.get_mut(&offset) {
            Some(pin) => *pin = Some(entry.place),
            None if self.entries.is_empty() && self.anchor.is_none() => self.anchor = Some(entry.place),
            None => {}
        }
    }

    fn oldest_kept(&self) -> u64 {
        self.start().offset + 1
    }

    /// The event at `offset`, as long as it is kept or shown.
    pub fn at_offset(&self, offset: u64) -> Option<Fetch> {
        let kept = || {
            let index = usize::try_from(offset.checked_sub(self.oldest_kept())?).ok()?;
            Some(&self.entries.get(index)?.place)
        };
        let place = self.pins.get(&offset).and_then(Option::as_ref).or_else(kept)?;
        let (room, epoch) = (self.room.clone(), self.cursor.epoch);
        Some(Fetch { room, epoch, first: offset, spans: vec![place.span()] })
    }

    /// Holds the oldest in memory no longer; answers what it weighed.
    fn let_go(&mut self) -> Option<usize> {
        let size = self.events.pop_front()?.size();
        self.held -= size;
        Some(size)
    }

    /// Those of memory from `index` on, which is counted in all that are kept.
    fn read_memory(&self, index: usize, limit: usize) -> Read {
        let stored = self.entries.len() - self.events.len();
        Read::of(self.events.range(index - stored..), limit)
    }

    /// Where those from `index` on lie that are on the disk only.
    fn read_disk(&self, index: usize, limit: usize) -> Fetch {
        let stored = self.entries.len() - self.events.len();
        let mut bytes = 0;
        let mut spans = Vec::new();
        for entry in self.entries.range(index..stored) {
            let span = entry.place.span();
            bytes += span.len as usize;
            if bytes > limit && !spans.is_empty() {
                break;
            }
            spans.push(span);
        }
        let first = self.start().offset + 1 + index as u64;
        Fetch { room: self.room.clone(), epoch: self.cursor.epoch, first, spans }
    }
}

impl History for Logged {
    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn keeps(&self) -> bool {
        true
    }

    fn order(&mut self, event: Event, now: Instant) -> Arc<Posted> {
        self.ordered += 1;
        Arc::new(Posted::new(event, self.room.clone(), self.at(self.ordered), true, now))
    }

    fn commit(&mut self, posted: &Arc<Posted>, place: Option<Place>, now: Instant) {
        debug_assert_eq!(posted.cursor, self.at(self.cursor.offset + 1), "events are committed in order");
        self.cursor = posted.cursor;
        let Some(place) = place else { unreachable!("the log gives each event that it commits a place") };
        self.entries.push_back(Entry { place, at: self.since_origin(now) });
        self.events.push_back(Arc::clone(posted));
        self.held += posted.size();
        self.anchor = None;
        while self.entries.len() > self.keep.size {
            self.pop(self.oldest_kept());
        }
    }

    fn rewind(&mut self) {
        self.ordered = self.cursor.offset;
    }

    fn since(&self, after: Cursor, limit: usize) -> Read {
        let start = self.start().offset;
        if after.epoch != self.cursor.epoch || !(start..=self.cursor.offset).contains(&after.offset) {
            return Read::Lost;
        }
        let index = (after.offset - start) as usize;
        if index + self.events.len() >= self.entries.len() {
            return self.read_memory(index, limit);
        }
        Read::Stored(self.read_disk(index, limit))
    }

    fn start(&self) -> Cursor {
        self.before_last(self.entries.len())
    }

    fn before_last(&self, count: usize) -> Cursor {
        self.at(self.cursor.offset - count.min(self.entries.len()) as u64)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn expire(&mut self, now: Instant) {
        let ttl = i64::try_from(self.keep.ttl.as_millis()).unwrap_or(i64::MAX);
        if ttl == 0 {
            return;
        }
        let now = self.since_origin(now);
        while self.entries.front().is_some_and(|entry| now.saturating_sub(entry.at) >= ttl) {
            self.pop(self.oldest_kept());
        }
    }

    fn held(&self) -> usize {
        self.held
    }

    fn oldest(&self) -> Option<Instant> {
        self.events.front().map(|posted| posted.placed)
    }

    fn shed(&mut self, bytes: usize) -> usize {
        let mut freed = 0;
        while freed < bytes
            && let Some(size) = self.let_go()
        {
            freed += size;
        }
        freed
    }

    fn pin(&mut self, offset: u64) {
        self.pins.insert(offset, None);
    }

    fn unpin(&mut self, offset: u64) {
        let place = self.pins.remove(&offset).flatten();
        // Where nothing else is kept, it is by the last event's record that it is known where the room stands.
        if offset == self.cursor.offset && self.anchor.is_none() {
            self.anchor = place;
        }
    }

    fn moved(&mut self, offset: u64, from: &PlaceId, to: Place) -> bool {
        if *from == PlaceId::NOWHERE {
            let is_first = offset == 0 && self.cursor.offset == 0 && self.anchor.is_none();
            if is_first {
                self.anchor = Some(to);
            }
            return is_first;
        }
        let index = offset.checked_sub(self.oldest_kept());
        let entry = index.and_then(|index| self.entries.get_mut(usize::try_from(index).ok()?));
        let pinned = self.pins.get_mut(&offset).and_then(Option::as_mut);
        let place = entry.map(|entry| &mut entry.place).into_iter().chain(&mut self.anchor).chain(pinned);
        let Some(place) = place.into_iter().find(|place| place.id() == *from) else { return false };
        *place = to;
        true
    }
}
