//! A room's history: it orders the room's events, commits them, and keeps what the room's rule says.
//!
//! Publish is *order, commit, deliver*: an event is delivered only when it is committed, so no client ever
//! holds a cursor that a crash takes back. A room in [`Memory`] orders and commits under the room's lock. One whose
//! events are [`Logged`] orders there, and the [`log`]'s thread commits and has them delivered. What commits elsewhere
//! (a broker) stands behind the same trait.

pub mod log;
mod memory;

pub use log::Logged;
pub use memory::Memory;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::frame::{Cursor, Event, Posted};
use log::{Fetch, Place, PlaceId};

/// How much history a room keeps; nothing where `size` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Events at most.
    pub size: usize,
    /// For how long after the room's last event or member, and an event after it was published; zero: no end.
    pub ttl: Duration,
}

/// What a read since a cursor finds.
#[derive(Debug)]
pub enum Read {
    /// The events after the cursor, oldest first, up to the limit; `more` where it cut them.
    Found {
        /// In order, with no hole between the cursor and the first.
        events: Vec<Arc<Posted>>,
        /// There are later ones.
        more: bool,
    },
    /// The next events lie on the disk only. Who reads fetches them, without the room's lock and where it may wait, and
    /// then reads on behind the last.
    Stored(Fetch),
    /// Events after the cursor are gone, or the cursor is of another epoch.
    Lost,
}

impl Read {
    /// The first of `events`, at most `limit` bytes of them (one at least), and whether there are others.
    fn of<'a>(events: impl ExactSizeIterator<Item = &'a Arc<Posted>>, limit: usize) -> Self {
        let (all, mut bytes, mut taken) = (events.len(), 0, Vec::new());
        for posted in events {
            bytes += posted.size();
            if bytes > limit && !taken.is_empty() {
                break;
            }
            taken.push(Arc::clone(posted));
        }
        let more = taken.len() < all;
        Self::Found { events: taken, more }
    }
}

/// Orders, commits and keeps the events of one room. Every call is made under that room's lock, and none waits.
pub trait History: Send {
    /// The last event delivered: the room's epoch with offset 0 before the first.
    fn cursor(&self) -> Cursor;

    /// Whether events can be read back later.
    fn keeps(&self) -> bool;

    /// Order: gives `event` the room's next place.
    fn order(&mut self, event: Event, now: Instant) -> Arc<Posted>;

    /// Commit: from here on the event counts as published, and must be delivered. In the order of their places. `place`
    /// says where it lies, where that is a log.
    fn commit(&mut self, posted: &Arc<Posted>, place: Option<Place>, now: Instant);

    /// What was ordered and is not committed will never be: the next one gets the place after the last committed.
    fn rewind(&mut self);

    /// The events after `after`, at most `limit` bytes of them (one at least).
    fn since(&self, after: Cursor, limit: usize) -> Read;

    /// The cursor before the oldest event kept.
    fn start(&self) -> Cursor;

    /// The cursor before the last `count` events kept.
    fn before_last(&self, count: usize) -> Cursor;

    /// How many events are kept.
    fn len(&self) -> usize;

    /// Whether no event is kept.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets what is older than the rule's time to live.
    fn expire(&mut self, now: Instant);

    /// The bytes of events that it holds in memory, as [`Posted::size`] counts them.
    fn held(&self) -> usize;

    /// When the oldest event that it holds in memory was placed.
    fn oldest(&self) -> Option<Instant>;

    /// Lets go of so many bytes of events, the oldest first, or of all that it holds; answers how many they were. What
    /// is nowhere else is forgotten.
    fn shed(&mut self, bytes: usize) -> usize;

    /// The event at `offset`, which is kept, is shown to whoever joins: it can be read back after a restart until it is
    /// [shown no more](Self::unpin), whether it is kept for as long or not.
    fn pin(&mut self, offset: u64);

    /// The event at `offset` is shown no more.
    fn unpin(&mut self, offset: u64);

    /// A record of this room was written anew. Where `from` is still that of the event at `offset`, or what the room's
    /// place is known by, `to` takes its place; `false` where nothing needs it any more.
    fn moved(&mut self, offset: u64, from: &PlaceId, to: Place) -> bool;
}
