//! The ids of events already published to a room, so that publishing one again sends nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::frame::Cursor;

/// Ids kept per room at most; the oldest go first.
const MOST: usize = 10_000;
/// For how long an id is kept where the room keeps no history.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// Remembered ids with the cursors that their events got.
#[derive(Default)]
pub(crate) struct Ids {
    cursors: HashMap<Box<str>, Cursor, foldhash::fast::RandomState>,
    order: VecDeque<(Instant, Box<str>)>,
}

impl Ids {
    /// The cursor that the event with this id got.
    pub(crate) fn find(&self, id: &str) -> Option<Cursor> {
        self.cursors.get(id).copied()
    }

    /// Remembers an id.
    pub(crate) fn insert(&mut self, id: Box<str>, cursor: Cursor, now: Instant) {
        if self.order.len() == MOST
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.cursors.remove(&oldest);
        }
        self.cursors.insert(id.clone(), cursor);
        self.order.push_back((now, id));
    }

    /// Forgets an id, the one that was remembered last under this name.
    pub(crate) fn remove(&mut self, id: &str) {
        self.cursors.remove(id);
        if let Some(at) = self.order.iter().rposition(|(_, one)| **one == *id) {
            self.order.remove(at);
        }
    }

    /// Forgets ids older than five minutes, or than `keep` where that is longer.
    pub(crate) fn expire(&mut self, now: Instant, keep: Duration) {
        let age = keep.max(SHORTEST);
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) >= age) {
            if let Some((_, oldest)) = self.order.pop_front() {
                self.cursors.remove(&oldest);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
