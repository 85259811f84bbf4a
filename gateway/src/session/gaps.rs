//! Telling a client which events it does not get.

use std::rc::Rc;

use bytes::Bytes;

use super::outbound::{Fallen, Gap};
use super::{Session, json};
use crate::frame::{Cursor, Event};
use crate::hub::ReadOn;
use crate::hub::own;

impl Session {
    /// The backlog is empty: a session that reads histories gets what is next.
    pub(super) fn read_on(self: &Rc<Self>) {
        match self.common.shard.read_on(self) {
            Some(ReadOn::Events(events)) => self.replay(&events),
            Some(ReadOn::Gap { room, from, to }) => {
                self.has_read(0);
                self.common.shard.counters().gaps_overtaken.add(1);
                if let Some(event) = self.gap(&room, to.offset - from.offset, (from, to)) {
                    self.tell(event, &room);
                }
            }
            None => self.has_read(0),
        }
    }

    /// Has it read the rooms from history whose events did not fit into its backlog.
    pub(super) fn fall_back(self: &Rc<Self>) {
        for Fallen { room, after } in self.outbound.take_fallen() {
            self.common.shard.fall_back(self, room, after);
        }
    }

    /// The frame that tells of events which were dropped from the backlog.
    pub(super) fn tell_gap(&self, gap: &Gap) -> Bytes {
        let room = &gap.origin.room.name;
        let event = self.gap(room, gap.count, gap.cursors());
        let frames = event.and_then(|event| self.frames_of(event, room));
        frames.and_then(|mut frames| frames.runs.pop()).unwrap_or_default()
    }

    fn gap(&self, room: &str, count: u64, (from, to): (Cursor, Cursor)) -> Option<Event> {
        let room = Some(room).filter(|room| !room.is_empty());
        let gap = own::Gap { room, count, from: from.into(), to: to.into() };
        self.event("gap", "gateway", json(&gap))
    }
}
