//! Telling a client which events it does not get, and how far it has got.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::outbound::{Fallen, Gap, Tell};
use super::{Session, json};
use crate::frame::{Bookmark, Cursor, Event, is_unnamed};
use crate::hub::{Fetch, Guest, ReadOn, own};

/// Events are on their way from the disk; ready when they are sent.
pub(super) type Fetching = LocalBoxFuture<'static, ()>;

impl Session {
    /// The backlog is empty: a session that reads histories gets what is next.
    pub(super) fn read_on(self: &Rc<Self>) -> Option<Fetching> {
        let got = self.common.shard.read_on(self);
        self.take_reading(got)
    }

    fn take_reading(self: &Rc<Self>, got: Option<ReadOn>) -> Option<Fetching> {
        match got {
            Some(ReadOn::Stored { room, after, fetch }) => {
                self.has_read(self.reading_space()); // about what will come
                return Some(self.fetch(room, after, fetch));
            }
            Some(ReadOn::Events(events)) => self.replay(&events),
            Some(ReadOn::Gap { room, from, to }) => {
                self.has_read(0);
                self.tell_lapse(&room, from, to);
            }
            None => self.has_read(0),
        }
        None
    }

    /// Fetches events from the disk, beside the shard.
    fn fetch(self: &Rc<Self>, room: u64, after: Cursor, fetch: Fetch) -> Fetching {
        let hub = Arc::clone(self.common.shard.hub());
        let session = Rc::clone(self);
        Box::pin(async move {
            let events = hub.fetch(fetch).await.unwrap_or_default();
            let shard = &session.common.shard;
            match events.last().map(|posted| posted.cursor) {
                Some(last) if shard.has_fetched(&session, room, after, last) => session.replay(&events),
                Some(_) => {}
                None => drop(session.take_reading(shard.has_lost(&session, room, after))),
            }
        })
    }

    /// Has it read the rooms from history whose events did not fit into its backlog.
    pub(super) fn fall_back(self: &Rc<Self>) {
        for Fallen { room, after } in self.outbound.take_fallen() {
            self.common.shard.fall_back(self, room, after);
        }
    }

    /// Tells that all events between these are missing.
    pub(super) fn tell_lapse(&self, room: &str, from: Cursor, to: Cursor) {
        self.common.shard.counters().gaps_overtaken.add(1);
        // Of another life of the room nothing is known but how many events this one has had.
        let before = if from.epoch == to.epoch { from.offset } else { 0 };
        if let Some(event) = self.gap(room, to.offset.saturating_sub(before), (from, to)) {
            self.tell(event, room);
        }
    }

    fn gap(&self, room: &str, count: u64, (from, to): (Cursor, Cursor)) -> Option<Event> {
        let room = Some(room).filter(|room| !is_unnamed(room));
        let gap = own::Gap { room, count, from: from.into(), to: to.into() };
        self.event("gap", "gateway", json(&gap))
    }
}

impl Tell for &Session {
    fn gap(&mut self, gap: &Gap) -> Bytes {
        let room = &gap.origin.room.name;
        let event = Session::gap(self, room, gap.count, gap.cursors());
        let frames = event.and_then(|event| self.frames_of(event, room));
        frames.and_then(|mut frames| frames.runs.pop()).unwrap_or_default()
    }

    fn progress(&mut self, bookmark: &Bookmark) -> Bytes {
        let block = self.dialect.reached(bookmark, &self.seat.asked_rooms()).unwrap_or_else(|| {
            let mut block = Vec::new();
            self.endpoint.framing.bookmark(&mut block, &bookmark.to_string());
            block
        });
        block.into()
    }

    fn told(&mut self, bytes: usize) {
        self.common.shard.counters().bytes_out.add(bytes as u64);
    }
}
