//! Members that read a history, outside the walk: as they come back, as they are slow, as their shard has missed something.

use std::rc::Rc;
use std::sync::Arc;

use super::super::member::{Reading, Standing};
use super::super::room::Room;
use super::{Guest, Shard};
use crate::frame::{Cursor, Posted};
use crate::history::Read;
use crate::history::log::Fetch;

/// What a session that reads a history gets next.
#[derive(Debug)]
pub enum ReadOn {
    /// These events.
    Events(Vec<Arc<Posted>>),
    /// They lie on the disk. Who has fetched them [says so](Shard::has_fetched), and reads on behind them.
    Stored {
        /// The room.
        room: u64,
        /// They come after this one.
        after: Cursor,
        /// Fetches them; takes its time.
        fetch: Fetch,
    },
    /// History has overtaken it: what lies between is lost, and it goes on after `to`.
    Gap {
        /// The room's name.
        room: Arc<str>,
        /// The last that it got.
        from: Cursor,
        /// Events follow this one.
        to: Cursor,
    },
}

impl<G: Guest> Shard<G> {
    /// The mailbox has missed events of a room. All of its members here read on from history, behind the last that they
    /// were given; those who are on the way in see for themselves.
    pub(super) fn take_missed(&self, room: u64) {
        let Some((room, walked, members)) = self.halls.borrow_mut().vacate(room) else { return };
        let mut state = room.lock();
        state.missed[self.index].marked = false;
        let after = Cursor { offset: walked, ..state.history.cursor() };
        let heard = state.missed[self.index].told;
        drop(state);
        for guest in members {
            guest.seat().read(room.id.number, after, heard);
            guest.call_to_read();
        }
    }

    /// The events of a room behind `after` are no longer on their way to a session, which reads them from history.
    pub fn fall_back(&self, guest: &Rc<G>, room: u64, after: Cursor) {
        let Some(at) = guest.seat().find(room) else { return };
        let mut rooms = guest.seat().rooms.borrow_mut();
        let membership = &mut rooms[at];
        let (epoch, told) = {
            let state = membership.room.lock();
            (state.history.cursor().epoch, Self::told(&state))
        };
        if epoch != after.epoch {
            return;
        }
        let (place, heard) = match &membership.standing {
            Standing::Attached(place) => (Some(*place), told),
            // What did not fit was of a history that it reads, or has read and is on the way into the walk.
            Standing::Reading(now) if after.offset < now.after.offset => (None, now.heard),
            Standing::Attaching { offset, told, .. } if after.offset < *offset => (None, *told),
            Standing::Reading(_) | Standing::Attaching { .. } => return,
        };
        membership.standing = Standing::reading(after, heard);
        drop(rooms); // who takes its place in the walk is told so
        if let Some(place) = place {
            self.halls.borrow_mut().unseat(room, place);
        }
    }

    /// For a session that reads histories and has space again: what it gets next, of one room, and of another the next
    /// time. One that has come to the end of a history is in the walk from there on.
    pub fn read_on(&self, guest: &Rc<G>) -> Option<ReadOn> {
        let mut rooms = guest.seat().rooms.borrow_mut();
        let (at, reading) =
            rooms.iter().enumerate().find_map(|(at, membership)| match &membership.standing {
                Standing::Reading(reading) => Some((at, **reading)),
                _ => None,
            })?;
        let (got, standing) = self.read(&rooms[at].room, reading, guest);
        if let Standing::Attaching { told, .. } = standing {
            self.hears_again(guest, &rooms[at].room, reading.heard, told);
        }
        rooms[at].standing = standing;
        rooms[at..].rotate_left(1); // so that the others come first
        Some(got)
    }

    /// What comes next in the history of `room`, and how the session stands to the room from there on.
    fn read(&self, room: &Arc<Room>, Reading { after, heard }: Reading, guest: &Rc<G>) -> (ReadOn, Standing) {
        let state = room.lock();
        match state.history.since(after, guest.reading_space()) {
            Read::Stored(fetch) => {
                let stored = ReadOn::Stored { room: room.id.number, after, fetch };
                (stored, Standing::reading(after, heard))
            }
            Read::Found { events, more: true } => {
                let last = events.last().map_or(after, |posted| posted.cursor);
                (ReadOn::Events(events), Standing::reading(last, heard))
            }
            Read::Found { events, more: false } => {
                (ReadOn::Events(events), self.put_mark(room, &state, guest))
            }
            // It goes on with what there is yet.
            Read::Lost => {
                let (start, now) = (state.history.start(), state.history.cursor());
                let gap = ReadOn::Gap { room: Arc::clone(&room.id.name), from: after, to: start };
                match start == now {
                    true => (gap, self.put_mark(room, &state, guest)),
                    false => (gap, Standing::reading(start, heard)),
                }
            }
        }
    }

    /// A session has fetched what comes after `after` from the disk, up to `last`; `false` where it does not read there any
    /// more, and is not to be given it.
    pub fn has_fetched(&self, guest: &Rc<G>, room: u64, after: Cursor, last: Cursor) -> bool {
        let heard = self.reads_after(guest, room, after);
        if let Some(heard) = heard {
            guest.seat().stand(room, Standing::reading(last, heard));
        }
        heard.is_some()
    }

    /// What comes after `after` cannot be fetched: it is lost, and the session goes on behind the last event there is. None
    /// where it does not read there any more.
    pub fn has_lost(&self, guest: &Rc<G>, room: u64, after: Cursor) -> Option<ReadOn> {
        let heard = self.reads_after(guest, room, after)?;
        let at = guest.seat().find(room)?;
        let room = Arc::clone(&guest.seat().rooms.borrow()[at].room);
        let state = room.lock();
        let to = state.history.cursor();
        let standing = self.put_mark(&room, &state, guest);
        drop(state);
        let mut rooms = guest.seat().rooms.borrow_mut();
        if let Standing::Attaching { told, .. } = standing {
            self.hears_again(guest, &room, heard, told);
        }
        rooms[at].standing = standing;
        Some(ReadOn::Gap { room: Arc::clone(&room.id.name), from: after, to })
    }

    /// Where it reads after `after`: what members had been told of each other when it began.
    fn reads_after(&self, guest: &Rc<G>, room: u64, after: Cursor) -> Option<u64> {
        let rooms = guest.seat().rooms.borrow();
        let here = rooms.iter().find(|membership| membership.room.id.number == room)?;
        match &here.standing {
            Standing::Reading(reading) if reading.after == after => Some(reading.heard),
            _ => None,
        }
    }
}
