//! An event, placed in a room and encoded once per form, shared by all who receive it.
//!
//! A publisher makes an [`Event`]. The room's history gives it a place, which makes it [`Posted`]. A
//! [`Form`] is what receivers have in common on the wire (a dialect over a transport): the first shard that
//! needs a form encodes it, every other shard and member shares those bytes.

mod arena;
mod bookmark;
mod encodings;
mod forms;
pub mod json;
mod room_id;
mod tags;
mod timestamp;
pub mod shown;

use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::SmallVec;

pub(crate) use arena::block;
pub use arena::{Arena, Held, Yields};
pub use bookmark::{BadBookmark, Bookmark};
use encodings::{Encoded, Encodings};
pub use forms::{Encode, Form, Forms, MAX_FORMS};
pub use room_id::{RoomId, audience, is_unnamed};
pub use tags::Tags;
pub use timestamp::Timestamp;

/// Marks one life of a room: offsets of different epochs are never compared.
///
/// On the wire a string of 16 hexadecimal digits, which clients treat as opaque.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// The place of an event in its room: offset 0 is before the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The life of the room that `offset` counts in.
    pub epoch: Epoch,
    /// Grows with each event; the gateway's own histories count 1, 2, 3 ….
    pub offset: u64,
}

/// From where in a room's history a session wants its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// All after this one.
    After(Cursor),
    /// All that is kept.
    Start,
    /// The last so many.
    Last(usize),
}

/// The name of what happened, interned: equal names have equal numbers, and a number is never given again.
#[derive(Clone, Debug)]
pub struct EventType {
    /// Index into tables of verdicts and counters.
    pub number: u32,
    /// The name on the wire, as `agent_created`.
    pub name: Arc<str>,
}

/// What a publisher hands over, before it has a place.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// Well-formed JSON, which is put into frames as it is. May be memory of a plugin.
    pub data: Bytes,
    /// Who says so, as `agent_service`.
    pub source: Arc<str>,
    /// What the event is about, for receivers that keep only the newest per key.
    pub key: Option<Box<str>>,
    /// Makes the publish idempotent: published again, it answers the first one's cursor.
    pub id: Option<Box<str>>,
    /// What its publisher says of it for filters, beside its data.
    pub tags: Option<Tags>,
    /// Its place where its source has it from, in the source's own terms.
    pub origin: Option<Box<str>>,
    /// When it happened, by the publisher's clock.
    pub time: Timestamp,
}

impl Event {
    /// One of which its publisher says no more than that.
    pub fn new(kind: EventType, data: Bytes, source: Arc<str>, time: Timestamp) -> Self {
        Self { kind, data, source, key: None, id: None, tags: None, origin: None, time }
    }
}

/// An event with its place in a room: immutable but for its encodings, which are made once.
pub struct Posted {
    /// The room that it was posted to.
    pub room: RoomId,
    /// Its place there.
    pub cursor: Cursor,
    /// The place that its publish got first: the same for all rooms of one publish, and no other's.
    pub first: Cursor,
    /// Whether the room keeps history, so that its frames bear the cursor.
    pub kept: bool,
    /// What happened.
    pub kind: EventType,
    /// Who says so.
    pub source: Arc<str>,
    /// What it is about.
    pub key: Option<Box<str>>,
    /// The publisher's name for it, which a log keeps so that it is known again after a restart.
    pub id: Option<Box<str>>,
    /// What its publisher says of it for filters.
    pub tags: Option<Tags>,
    /// Its place where its source has it from.
    pub origin: Option<Box<str>>,
    /// When it happened.
    pub time: Timestamp,
    /// When it got its place, by this machine's steady clock.
    pub placed: Instant,
    /// The publisher's bytes until the first encoding, then a slice of that frame: so a plugin gets its
    /// buffer back soon, however long a history keeps the event.
    payload: Mutex<Payload>,
    size: usize,
    frames: Encodings,
}

struct Payload {
    bytes: Bytes,
    /// They lie in memory of ours.
    owned: bool,
}

/// What an event weighs in mailboxes and histories beside its payload, in bytes.
const OVERHEAD: usize = 256;

impl Posted {
    /// Places `event` in `room` at `cursor`.
    pub fn new(event: Event, room: RoomId, cursor: Cursor, kept: bool, placed: Instant) -> Self {
        Self {
            room,
            cursor,
            first: cursor,
            kept,
            size: weight(&event),
            kind: event.kind,
            source: event.source,
            key: event.key,
            id: event.id,
            tags: event.tags,
            origin: event.origin,
            time: event.time,
            placed,
            payload: Mutex::new(Payload { bytes: event.data, owned: false }),
            frames: Encodings::default(),
        }
    }

    /// The same event in memory of its own, without frames: who keeps it for long, and its neighbours not, holds nothing of
    /// the publisher's memory, and none of the frames that were encoded together with its own.
    pub fn alone(&self) -> Self {
        let event = Event {
            kind: self.kind.clone(),
            data: Bytes::copy_from_slice(&self.payload()),
            source: Arc::clone(&self.source),
            key: self.key.clone(),
            id: self.id.clone(),
            tags: self.tags.clone(),
            origin: self.origin.clone(),
            time: self.time,
        };
        let alone = Self::new(event, self.room.clone(), self.cursor, self.kept, self.placed);
        Self { first: self.first, ..alone }
    }

    /// Notes the place that its publish got in the first of several rooms; of the first itself that is its own, which
    /// `first` is told. Before anybody else has it.
    pub fn follow(self: &mut Arc<Self>, first: &mut Option<Cursor>) {
        match first {
            None => *first = Some(self.cursor),
            Some(first) => {
                if let Some(own) = Arc::get_mut(self) {
                    own.first = *first;
                }
            }
        }
    }

    /// The event's JSON.
    pub fn payload(&self) -> Bytes {
        self.payload.lock().bytes.clone()
    }

    /// From here on its payload is `ours`, which is the same.
    fn own(&self, ours: Bytes) {
        *self.payload.lock() = Payload { bytes: ours, owned: true };
    }

    /// What the event weighs in mailboxes and histories, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The frame of `form`, if it has been encoded.
    pub fn frame(&self, form: Form) -> Option<&Bytes> {
        self.frames.get(form).map(|encoded| &encoded.frame)
    }
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?} at {:?}", self.kind.name, self.room.name, self.cursor)
    }
}

/// What `event` weighs in mailboxes and histories, in bytes.
pub fn weight(event: &Event) -> usize {
    event.data.len() + OVERHEAD
}

/// Random in each process, so that nobody makes keys that are taken for each other.
static KEYS: LazyLock<foldhash::fast::RandomState> = LazyLock::new(Default::default);

/// By event: where its frame stands in the arena, and where the payload in it does; nothing where another shard has
/// encoded it.
type Spans = SmallVec<[(Range<usize>, Option<Range<usize>>); 2]>;

/// Which event a frame is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its place in the room.
    pub offset: u64,
    /// The number of its type.
    pub kind: u32,
    /// Says which key it has: equal keys have equal ones, and events without a key 0.
    pub key: u64,
    /// Which of the arenas it lies in.
    arena: u32,
}

/// The room that frames are from, in one life of it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The room; number 0: the frames are for one session alone.
    pub room: RoomId,
    /// Its life.
    pub epoch: Epoch,
}

/// Frames of one room and one form in order. Those that lie side by side in memory are one piece of what is
/// sent: mostly they all are, also where another shard has encoded them.
#[derive(Debug, Default)]
pub struct Frames {
    /// Each event's frame.
    pub each: Vec<Bytes>,
    /// Which event each is of.
    pub marks: SmallVec<[Mark; 2]>,
    /// The same bytes as `each` end to end, in as few pieces as can be.
    pub runs: SmallVec<[Bytes; 1]>,
    /// Length of all frames, bytes.
    pub total: usize,
    /// Where they are from; none where there is no frame.
    pub origin: Option<Origin>,
    /// The memory that they lie in.
    pub arenas: SmallVec<[Arc<Arena>; 1]>,
    /// What those know of them who have to keep them for later.
    pub held: Held,
}

impl Frames {
    /// The frames of `batch`, which has them all.
    fn of(form: Form, batch: &[Arc<Posted>]) -> Self {
        let mut frames = Self { each: Vec::with_capacity(batch.len()), ..Self::default() };
        for posted in batch {
            if let Some(encoded) = posted.frames.get(form) {
                let mark = Mark {
                    offset: posted.cursor.offset,
                    kind: posted.kind.number,
                    key: posted.key.as_deref().map_or(0, |key| KEYS.hash_one(key).max(1)),
                    arena: 0,
                };
                frames.add(&encoded.frame, &encoded.arena, mark);
            }
        }
        let origin = |posted: &Arc<Posted>| Origin { room: posted.room.clone(), epoch: posted.cursor.epoch };
        frames.origin = batch.first().map(origin);
        frames.join();
        frames
    }

    /// Those of its frames that have a bit in `mask`, the first the lowest.
    pub fn pick(&self, mask: u64) -> Self {
        let picked = (0..self.each.len()).filter(|bit| mask >> bit & 1 == 1);
        Self::gather(picked.map(|index| (self, index)))
    }

    /// Frames of one room, each by its number among others of the room, in order.
    pub fn gather<'a>(frames: impl Iterator<Item = (&'a Self, usize)>) -> Self {
        let mut gathered = Self::default();
        for (from, index) in frames {
            let mark = from.marks[index];
            if gathered.origin.is_none() {
                gathered.origin.clone_from(&from.origin);
            }
            gathered.add(&from.each[index], &from.arenas[mark.arena as usize], mark);
        }
        gathered.join();
        gathered
    }

    /// The same in memory of their own, where what they lie in is more than twice as much.
    pub fn apart(self) -> Self {
        if self.arenas.iter().map(|arena| arena.size()).sum::<usize>() <= 2 * self.total {
            return self;
        }
        let mut buffer = Vec::with_capacity(self.total);
        self.each.iter().for_each(|frame| buffer.extend_from_slice(frame));
        let arena = Arc::new(Arena::new(buffer));
        let mut apart = Self { origin: self.origin.clone(), ..Self::default() };
        for (frame, mark) in self.each.iter().zip(&self.marks) {
            let begin = apart.total;
            apart.add(&arena.slice(begin..begin + frame.len()), &arena, *mark);
        }
        apart.join();
        apart
    }

    fn add(&mut self, frame: &Bytes, arena: &Arc<Arena>, mark: Mark) {
        if !self.arenas.last().is_some_and(|last| Arc::ptr_eq(last, arena)) {
            self.arenas.push(Arc::clone(arena));
        }
        self.total += frame.len();
        self.each.push(frame.clone());
        self.marks.push(Mark { arena: (self.arenas.len() - 1) as u32, ..mark });
    }

    fn join(&mut self) {
        let frames: SmallVec<[_; 2]> = self.each.iter().zip(&self.marks).collect();
        let beside = |(frame, mark): &(&Bytes, &Mark), (next, its): &(&Bytes, &Mark)| {
            mark.arena == its.arena && frame.as_ptr_range().end == next.as_ptr()
        };
        for run in frames.chunk_by(beside) {
            let [(first, mark), ..] = run else { continue };
            let (last, _) = run[run.len() - 1];
            self.runs.push(self.arenas[mark.arena as usize].between(first, last));
        }
    }

    /// Answers also how many of them have got their frames by this.
    fn share(buffer: Vec<u8>, form: Form, batch: &[Arc<Posted>], spans: Spans) -> (Self, u64) {
        let (arena, mut all) = (Arc::new(Arena::new(buffer)), 0);
        for (posted, (span, payload)) in batch.iter().zip(spans) {
            let fresh = !span.is_empty();
            let encoded = || Encoded { frame: arena.slice(span), arena: Arc::clone(&arena) };
            // Where another shard was first, its bytes are the ones that are shared.
            let ours = fresh && posted.frames.set(form, encoded());
            all += u64::from(ours);
            if let Some(payload) = payload.filter(|_| ours) {
                posted.own(arena.slice(payload));
            }
        }
        (Self::of(form, batch), all)
    }

    /// What they take beside the arenas, behind the two counts of whoever shares them, in bytes.
    pub fn overhead(&self) -> usize {
        let each = arena::block(self.each.capacity() * size_of::<Bytes>());
        // As few as two lie in the frames themselves.
        let marks = if self.marks.spilled() { self.marks.capacity() * size_of::<Mark>() } else { 0 };
        arena::block(size_of::<Self>() + 2 * size_of::<usize>()) + each + arena::block(marks)
    }
}
