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

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::session) struct Progress {
    /// Frames bear the place of their event, which says all where there is one room that keeps history.
    in_frames: bool,
    rooms: RefCell<Vec<Reached>>,
    /// What was sent since the client was told last is not told.
    due: Cell<bool>,
}

impl Progress {
    /// In these rooms; the client knows so far.
    pub(in crate::session) fn new(in_frames: bool, rooms: Vec<Reached>) -> Self {
        Self { in_frames, rooms: RefCell::new(rooms), due: Cell::new(false) }
    }

    /// How far it has got; none where no room keeps history.
    pub(in crate::session) fn bookmark(&self) -> Option<Bookmark> {
        let mut bookmark = Bookmark::default();
        for reached in self.rooms.borrow().iter() {
            if let Some(cursor) = reached.cursor {
                bookmark.put(&reached.room, cursor);
            }
        }
        Some(bookmark).filter(|bookmark| !bookmark.is_empty())
    }

    /// The same where the client is to be told, and is told with this.
    pub(super) fn take_due(&self) -> Option<Bookmark> {
        if self.due.take() { self.bookmark() } else { None }
    }

    /// The client is to be told again.
    pub(super) fn repeat(&self) {
        self.due.set(true);
    }

    /// Sending has begun of the first so many of `frames`: nothing comes before what is left of the last. Answers
    /// whether the client is to be told.
    pub(super) fn sent(&self, frames: &Frames, count: usize) -> bool {
        let last = count.checked_sub(1).and_then(|last| frames.marks.get(last));
        if let (Some(origin), Some(last)) = (&frames.origin, last) {
            let (number, at) = (origin.room.number, Cursor { epoch: origin.epoch, offset: last.offset });
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

    /// In this room as far as this, if not further; `true` where that is no news.
    fn is_at(&self, number: u64, at: Cursor) -> bool {
        let mut rooms = self.rooms.borrow_mut();
        let reached = rooms.iter_mut().find(|reached| reached.number == number);
        let Some(Reached { cursor: Some(cursor), .. }) = reached else { return false };
        if cursor.epoch == at.epoch && cursor.offset >= at.offset {
            return true;
        }
        *cursor = at;
        false
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
