//! How far a client has got in the rooms that keep history, where its wire tells it so. What is sent is noted, not what is
//! due: what was dropped, or is to be read again from history, comes after what the client is told.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::frame::{Bookmark, Cursor, Frames};

/// Where a session is in a room from its beginning.
#[derive(Debug)]
pub(in crate::session) struct Reached {
    /// The room's number.
    pub(in crate::session) number: u64,
    /// Its name.
    pub(in crate::session) room: Arc<str>,
    /// The last event that the client has; none where the room keeps no history.
    pub(in crate::session) cursor: Option<Cursor>,
}

impl Reached {
    fn is_at_least(&self, at: Cursor) -> bool {
        self.cursor.is_some_and(|cursor| cursor.epoch == at.epoch && cursor.offset >= at.offset)
    }
}

/// The place of the last of the first so many of `frames`, by number of its room.
fn place(frames: &Frames, count: usize) -> Option<(u64, Cursor)> {
    let (origin, last) = (frames.origin.as_ref()?, frames.marks.get(count.checked_sub(1)?)?);
    Some((origin.room.number, Cursor { epoch: origin.epoch, offset: last.offset }))
}

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::session) struct Progress {
    /// Frames bear the place of their event, which says all where there is one room that keeps history.
    in_frames: bool,
    rooms: RefCell<Vec<Reached>>,
    /// What was sent since the client was told last is not told.
    due: Cell<bool>,
    /// It has been told something.
    told: Cell<bool>,
}

impl Progress {
    /// In these rooms; the client knows so far.
    pub(in crate::session) fn new(in_frames: bool, rooms: Vec<Reached>) -> Self {
        Self { in_frames, rooms: RefCell::new(rooms), due: Cell::new(false), told: Cell::new(false) }
    }

    /// How far it has got; none where no room keeps history.
    pub(in crate::session) fn bookmark(&self) -> Option<Bookmark> {
        self.bookmark_at(None)
    }

    /// The same once it has got as far as this, by number of a room.
    fn bookmark_at(&self, further: Option<(u64, Cursor)>) -> Option<Bookmark> {
        let mut bookmark = Bookmark::default();
        for reached in self.rooms.borrow().iter() {
            let further =
                further.filter(|(number, at)| *number == reached.number && !reached.is_at_least(*at));
            if let Some(cursor) = reached.cursor {
                bookmark.put(&reached.room, further.map_or(cursor, |(_, at)| at));
            }
        }
        Some(bookmark).filter(|bookmark| !bookmark.is_empty())
    }

    /// The same where the client is to be told, and is told with this.
    pub(super) fn take_due(&self) -> Option<Bookmark> {
        if !self.due.take() {
            return None;
        }
        let told = self.bookmark().or_else(|| self.told.get().then(Bookmark::default));
        self.told.set(self.told.get() || told.is_some());
        told
    }

    /// How far it has got, which it is told with this.
    pub(in crate::session) fn tell(&self) -> Bookmark {
        self.due.set(false);
        self.told.set(true);
        self.bookmark().unwrap_or_default()
    }

    /// How far it has got once these frames are sent, where it is to be told that.
    pub(super) fn behind(&self, frames: &Frames) -> Option<Bookmark> {
        let reached = place(frames, frames.each.len());
        let told = |(number, at)| !self.is_at_least(number, at) && self.is_told(number);
        if !self.due.get() && !reached.is_some_and(told) {
            return None;
        }
        self.bookmark_at(reached)
    }

    /// These frames are sent, and it is told [how far it has got with them](Self::behind).
    pub(super) fn has_told(&self, frames: &Frames) {
        self.sent(frames, frames.each.len());
        self.due.set(false);
        self.told.set(true);
    }

    /// It is in these rooms and no others: in those that are new as far as they say. Answers whether it is to be told.
    pub(in crate::session) fn be_in(&self, rooms: Vec<Reached>) -> bool {
        let mut known = self.rooms.borrow_mut();
        let before = known.len();
        known.retain(|reached| rooms.iter().any(|room| room.number == reached.number));
        let stayed = known.len();
        for room in rooms {
            if known.iter().all(|reached| reached.number != room.number) {
                known.push(room);
            }
        }
        let moved = stayed < before || known.len() > stayed;
        let told = self.told.get() || known.iter().any(|reached| reached.cursor.is_some());
        self.due.set(self.due.get() || (moved && told));
        self.due.get()
    }

    /// The client is to be told again.
    pub(super) fn repeat(&self) {
        self.due.set(true);
    }

    /// Sending has begun of the first so many of `frames`: nothing comes before what is left of the last. Answers
    /// whether the client is to be told.
    pub(super) fn sent(&self, frames: &Frames, count: usize) -> bool {
        if let Some((number, at)) = place(frames, count) {
            let news = !self.is_at(number, at) && self.is_told(number);
            self.due.set(self.due.get() || news);
        }
        self.due.get()
    }

    /// It has got as far as this, by number of a room. Answers whether it is to be told.
    pub(super) fn move_on(&self, standings: &[(u64, Cursor)]) -> bool {
        let moved =
            standings.iter().filter(|(number, at)| self.knows(*number) && !self.is_at(*number, *at)).count();
        self.due.set(self.due.get() || moved > 0);
        self.due.get()
    }

    fn knows(&self, number: u64) -> bool {
        self.rooms.borrow().iter().any(|reached| reached.number == number && reached.cursor.is_some())
    }

    fn is_at_least(&self, number: u64, at: Cursor) -> bool {
        self.rooms.borrow().iter().any(|reached| reached.number == number && reached.is_at_least(at))
    }

    /// In this room as far as this, if not further; `true` where that is no news.
    fn is_at(&self, number: u64, at: Cursor) -> bool {
        let mut rooms = self.rooms.borrow_mut();
        let reached = rooms.iter_mut().find(|reached| reached.number == number);
        let Some(reached) = reached.filter(|reached| reached.cursor.is_some()) else { return false };
        let known = reached.is_at_least(at);
        if !known {
            reached.cursor = Some(at);
        }
        known
    }

    /// Whether the client has to be told once it has events of this room: not where their frames say all, but where
    /// they say what is another room's.
    fn is_told(&self, number: u64) -> bool {
        let rooms = self.rooms.borrow();
        let keeping = rooms.iter().filter(|reached| reached.cursor.is_some()).count();
        match rooms.iter().find(|reached| reached.number == number) {
            Some(reached) => reached.cursor.is_some() && !(self.in_frames && keeping == 1),
            None => self.in_frames && number > 0,
        }
    }
}
