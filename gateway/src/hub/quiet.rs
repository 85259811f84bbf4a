//! Rooms that nobody is in and that keep nothing: an event to one is counted, and that is all that comes of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Hub;
use crate::frame::{Cursor, EventType};

/// A room as it was looked up: while nothing has changed since that could make one matter, it need not be again.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    class: u16,
    seen: u64,
}

/// Counts what may make a room matter that did not: rooms that come to be, followers, rules.
#[derive(Debug, Default)]
pub(super) struct Changes(AtomicU64);

impl Changes {
    /// To be called when it has happened, and before whoever did it goes on: what they publish after that is not quiet.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn seen(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Hub {
    /// Looks up whether an event to the room `name` would reach nobody and leave nothing; none where it might, and where
    /// that is no room's name.
    pub fn quiet(&self, name: &str) -> Option<Quiet> {
        let seen = self.registry.changes.seen(); // before the look
        let quiet = super::check_name(name).is_ok() && self.target(name, false).is_none();
        quiet.then(|| Quiet { class: self.rules().find(name).class, seen })
    }

    /// Whether the room is sure to be quiet still.
    pub fn is_still(&self, room: &Quiet) -> bool {
        self.registry.changes.seen() == room.seen
    }

    /// Publishes an event without an id to a room that [is quiet still](Self::is_still).
    pub fn publish_quietly(&self, room: &Quiet, kind: &EventType) -> Cursor {
        self.metrics.published(kind, room.class);
        self.registry.passing()
    }
}
