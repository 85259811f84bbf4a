//! What the records of a log come to: its rooms, with the events that they keep.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::record::{Body, Record, What};
use super::segment::{Place, PlaceId, Segment};
use crate::frame::{Epoch, Timestamp};

/// A room that the log knows.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub name: Box<str>,
    /// Its life: the one that it had, unless some of it may be gone.
    pub epoch: Epoch,
    /// The offset of its last event; 0: it had none.
    pub last: u64,
    /// When its newest record was written, by the wall clock.
    pub touched: Timestamp,
    /// What is known of its place beside its events: of its birth, or of its last epoch.
    pub anchor: Option<Place>,
    /// Its events up to the last, oldest first and with no hole. Some more than it kept: what was pushed out goes only
    /// when its segment does.
    pub events: Vec<FoundEvent>,
    /// Such as come before them with a hole in between, oldest first.
    pub older: Vec<FoundEvent>,
    /// The offsets of those that are shown to whoever joins, which whoever knows the room's rule fills in.
    pub shown: BTreeSet<u64>,
}

/// An event of a room that the log knows.
#[derive(Debug)]
pub struct FoundEvent {
    /// Its place in the room.
    pub offset: u64,
    /// When it happened, by its publisher's clock.
    pub time: Timestamp,
    /// When it was written, by the wall clock.
    pub written: Timestamp,
    /// Its publisher's name for it.
    pub id: Option<Box<str>>,
    /// What it is about.
    pub key: Option<Box<str>>,
    /// The name of its type.
    pub kind: Arc<str>,
    /// Where it lies.
    pub place: Place,
}

/// Where a record starts: in which segment, and where in it. Grows as the log is written.
pub(super) type Position = (u64, u64);

/// Puts rooms together from records, which come in the order in which they were written.
#[derive(Default)]
pub(super) struct Finder {
    rooms: HashMap<Box<str>, Room, foldhash::fast::RandomState>,
    kinds: HashSet<Arc<str>, foldhash::fast::RandomState>,
    /// The last hole of which it is not known whose records were in it.
    hole: Option<Position>,
}

/// A room so far.
struct Room {
    epoch: Epoch,
    last: u64,
    touched: Timestamp,
    anchor: Option<Place>,
    events: Vec<FoundEvent>,
    /// What it was called when some of its records were written: other than now.
    former: Vec<Epoch>,
    /// It has records that were not synced before they were committed.
    lax: bool,
    /// Where its last record lies that was written when it came about: none from before is missing behind that.
    original: Option<Position>,
    /// Where a record that seems to be its own is broken.
    hole: Option<Position>,
}

/// What is to be done for rooms of which something may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// None but those that have lost something for sure.
    None,
    /// The machine has crashed: any that is not always synced.
    Lax,
    /// Any.
    All,
}

impl Finder {
    /// A record that is whole.
    pub(super) fn take(&mut self, segment: &Arc<Segment>, at: u32, len: u32, record: &Record<'_>) {
        let position = (segment.number, u64::from(at));
        let place = || Place::new(segment, at, len);
        match record.what {
            What::Probe => return,
            What::Forgotten => return self.forget(record),
            What::Event(_) | What::Born | What::Renewed => {}
        }
        if !self.rooms.contains_key(record.room) {
            self.rooms.insert(record.room.into(), Room::new(record.epoch));
        }
        let Some(room) = self.rooms.get_mut(record.room) else { return };
        if room.epoch != record.epoch {
            match record.what {
                What::Renewed => room.former.push(std::mem::replace(&mut room.epoch, record.epoch)),
                // The life before is over, and what told of its end is not there any more.
                _ => *room = Room::new(record.epoch),
            }
        }
        room.lax |= record.lax;
        room.touched = room.touched.max(record.written);
        if !record.carried {
            room.original = Some(position);
        }
        if let What::Event(body) = &record.what {
            if record.offset > room.last {
                room.anchor = None;
            }
            let kind = intern(&mut self.kinds, body.kind);
            room.events.push(FoundEvent::new(record, body, kind, place()));
        } else if record.offset >= room.last {
            room.anchor = Some(place());
        }
        room.last = room.last.max(record.offset);
    }

    /// Bytes at `position` are no records; they seem to be of `suspect` alone.
    pub(super) fn hole(&mut self, position: Position, suspect: Option<&(Box<str>, Epoch)>) {
        let room = suspect.and_then(|(name, epoch)| self.rooms.get_mut(name).filter(|r| r.epoch == *epoch));
        match room {
            Some(room) => room.hole = room.hole.max(Some(position)),
            None => self.hole = self.hole.max(Some(position)),
        }
    }

    fn forget(&mut self, record: &Record<'_>) {
        if self.rooms.get(record.room).is_some_and(|room| room.epoch == record.epoch) {
            self.rooms.remove(record.room);
        }
    }

    /// The rooms; those that have lost something, or may have by `doubt`, are told apart by a new epoch, which `renew`
    /// writes down. With it what they were called before in records that stay.
    ///
    /// # Errors
    /// What `renew` answers.
    pub(super) fn finish<E>(
        self,
        doubt: Doubt,
        mut renew: impl FnMut(&str, Epoch, u64, bool) -> Result<Place, E>,
    ) -> Result<(Vec<Found>, HashMap<Epoch, Epoch>), E> {
        let mut all = Vec::with_capacity(self.rooms.len());
        let mut renamed = HashMap::new();
        for (name, mut room) in self.rooms {
            if room.is_doubtful(doubt, self.hole) {
                let epoch = Epoch(uuid::Uuid::new_v4().as_u64_pair().0);
                room.anchor = Some(renew(&name, epoch, room.last, room.lax)?);
                room.former.push(std::mem::replace(&mut room.epoch, epoch));
            }
            renamed.extend(room.former.drain(..).map(|former| (former, room.epoch)));
            let older = room.tidy();
            let Room { epoch, last, touched, anchor, events, .. } = room;
            all.push(Found { name, epoch, last, touched, anchor, events, older, shown: BTreeSet::new() });
        }
        Ok((all, renamed))
    }
}

impl Room {
    fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: 0,
            touched: Timestamp(i64::MIN),
            anchor: None,
            events: Vec::new(),
            former: Vec::new(),
            lax: false,
            original: None,
            hole: None,
        }
    }

    fn is_doubtful(&self, doubt: Doubt, hole: Option<Position>) -> bool {
        let crashed = match doubt {
            Doubt::None => false,
            Doubt::Lax => self.lax,
            Doubt::All => true,
        };
        crashed || hole.max(self.hole) > self.original
    }

    /// Leaves of its events those that can be replayed: in order, each once, with no hole up to the last. Answers the others.
    fn tidy(&mut self) -> Vec<FoundEvent> {
        // Of those with one offset the one that was written last stays, and the sort keeps their order.
        self.events.sort_by_key(|event| std::cmp::Reverse(event.offset));
        self.events.reverse();
        self.events.dedup_by_key(|event| event.offset);
        let mut next = self.last;
        let whole = self.events.iter().rev().take_while(|event| {
            let fits = event.offset == next;
            next = next.saturating_sub(1);
            fits
        });
        let whole = whole.count();
        self.events.drain(..self.events.len() - whole).collect()
    }
}

impl FoundEvent {
    fn new(record: &Record<'_>, body: &Body<'_>, kind: Arc<str>, place: Place) -> Self {
        Self {
            offset: record.offset,
            time: record.time,
            written: record.written,
            id: body.id.map(Into::into),
            key: body.key.map(Into::into),
            kind,
            place,
        }
    }

    /// Which record it is.
    pub fn record(&self) -> PlaceId {
        self.place.id()
    }
}

fn intern(kinds: &mut HashSet<Arc<str>, foldhash::fast::RandomState>, name: &str) -> Arc<str> {
    if let Some(kind) = kinds.get(name) {
        return Arc::clone(kind);
    }
    let kind: Arc<str> = name.into();
    kinds.insert(Arc::clone(&kind));
    kind
}
