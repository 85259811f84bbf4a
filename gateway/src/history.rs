//! A room's history: it orders the room's events, commits them, and keeps what the room's rule says.
//!
//! Publish is *order, commit, deliver*: an event is delivered only when it is committed, so no client ever
//! holds a cursor that a crash takes back. The kinds here order and commit under the room's lock. A kind that
//! commits elsewhere (a log's thread, a broker) stands behind the same trait and has its events delivered later
//! by the one who commits.

mod memory;

pub use memory::Memory;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::frame::{Cursor, Event, Posted};

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
    /// Events after the cursor are gone, or the cursor is of another epoch.
    Lost,
}

/// Orders, commits and keeps the events of one room. Every call is made under that room's lock.
pub trait History: Send {
    /// The last event delivered: the room's epoch with offset 0 before the first.
    fn cursor(&self) -> Cursor;

    /// Whether events can be read back later.
    fn keeps(&self) -> bool;

    /// Order: gives `event` the room's next place.
    fn order(&mut self, event: Event, now: Instant) -> Arc<Posted>;

    /// Commit: from here on the event counts as published, and must be delivered.
    fn commit(&mut self, posted: &Arc<Posted>, now: Instant);

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
}
