//! A group: what is written with one call.

use std::sync::Arc;

use super::queue::Item;
use super::record::{Record, TooLong, What};
use super::segment::{Place, PlaceId, Segment};
use super::{Fsync, Rooms, Task};
use crate::frame::{Epoch, Posted, Timestamp};

/// Bytes of the buffer that are kept for the next group.
const KEPT: usize = 4 << 20;
/// What a record takes beside its texts and data, at most.
const OVERHEAD: usize = 80;

/// Items and their records, in order.
pub(super) struct Group<T> {
    pub(super) buffer: Vec<u8>,
    items: Vec<Item<T>>,
    /// By record: its length.
    lengths: Vec<u32>,
    /// How many of them are events.
    pub(super) events: u64,
    /// As the strictest of them asks.
    pub(super) fsync: Fsync,
}

impl<T: Task> Group<T> {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), items: Vec::new(), lengths: Vec::new(), events: 0, fsync: Fsync::Os }
    }

    /// Adds an item with its records.
    ///
    /// # Errors
    /// The item, where one of them is too long: nothing is added then.
    pub(super) fn add(&mut self, item: Item<T>, now: Timestamp) -> Result<(), (Item<T>, TooLong)> {
        let (bytes, records) = (self.buffer.len(), self.lengths.len());
        if let Err(error) = self.encode(&item, now) {
            self.buffer.truncate(bytes);
            self.lengths.truncate(records);
            return Err((item, error));
        }
        let fsync = match &item {
            Item::Task(task, _) => {
                self.events += task.events().len() as u64;
                task.fsync()
            }
            Item::Born { fsync, .. } => (*fsync).min(Fsync::Interval),
            Item::Forgotten { .. } => Fsync::Os,
        };
        self.fsync = self.fsync.max(fsync);
        self.items.push(item);
        Ok(())
    }

    fn encode(&mut self, item: &Item<T>, now: Timestamp) -> Result<(), TooLong> {
        let record = match item {
            Item::Task(task, _) => return self.encode_events(task, now),
            Item::Born { room, epoch, fsync } => {
                let lax = *fsync != Fsync::Always;
                Record { lax, ..Record::note(What::Born, room, *epoch, 0, now) }
            }
            Item::Forgotten { room, epoch } => Record::note(What::Forgotten, room, *epoch, 0, now),
        };
        self.lengths.push(record.encode(&mut self.buffer)?);
        Ok(())
    }

    fn encode_events(&mut self, task: &T, now: Timestamp) -> Result<(), TooLong> {
        let events = task.events();
        let lax = task.fsync() != Fsync::Always;
        for (index, posted) in events.iter().enumerate() {
            let more = index + 1 < events.len();
            let payload = posted.payload();
            let record = Record { lax, more, ..Record::of(posted, &payload, now) };
            self.lengths.push(record.encode(&mut self.buffer)?);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Its items; it is empty then.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Item<T>> {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        self.lengths.clear();
        self.events = 0;
        self.fsync = Fsync::Os;
        self.items.drain(..)
    }

    /// Its records lie in `segment` from `at` on: tells each of its items, in order, `released` of the bytes that were
    /// reserved for it, and `ended` which lives are over. It is empty then.
    pub(super) fn commit(
        &mut self,
        segment: &Arc<Segment>,
        mut at: u64,
        rooms: &dyn Rooms,
        released: impl Fn(usize),
        mut ended: impl FnMut(Epoch),
    ) {
        let mut lengths = std::mem::take(&mut self.lengths);
        let mut records = lengths.drain(..).map(|len| {
            let start = at as u32;
            at += u64::from(len);
            (start, len)
        });
        for item in self.drain() {
            match item {
                Item::Task(task, bytes) => {
                    let count = task.events().len();
                    let places = records.by_ref().take(count);
                    let places: Vec<Place> = places.map(|(at, len)| Place::new(segment, at, len)).collect();
                    released(bytes);
                    task.committed(places);
                }
                Item::Born { room, epoch, .. } => {
                    if let Some((at, len)) = records.next() {
                        rooms.moved(&room, epoch, 0, &PlaceId::NOWHERE, Place::new(segment, at, len));
                    }
                }
                Item::Forgotten { epoch, .. } => {
                    records.next();
                    ended(epoch);
                }
            }
        }
        drop(records);
        self.lengths = lengths;
    }
}

/// What the records of an item take in the file, at most.
pub(super) fn bound<T: Task>(item: &Item<T>) -> usize {
    let event = |posted: &Arc<Posted>| {
        let texts = [Some(&*posted.room.name), Some(&posted.kind.name), Some(&posted.source)];
        let more = [posted.key.as_deref(), posted.id.as_deref(), posted.origin.as_deref()];
        let texts: usize = texts.into_iter().chain(more).flatten().map(str::len).sum();
        OVERHEAD + texts + posted.size()
    };
    match item {
        Item::Task(task, _) => task.events().iter().map(event).sum(),
        Item::Born { room, .. } | Item::Forgotten { room, .. } => OVERHEAD + room.len(),
    }
}
