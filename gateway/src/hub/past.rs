//! What a room keeps of its past, for who asks for it without joining.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::room::{Room, State};
use super::{BadName, Caching, Hub, check_name};
use crate::frame::{Cursor, Posted};
use crate::history::Read;
use crate::history::log::Fetch;

/// Bytes of events that one page holds at most; a single event may be larger.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Which of a room's events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those after this one; none: all that are kept.
    pub since: Option<Cursor>,
    /// Events at most.
    pub limit: usize,
    /// The newest first, and of those that are too many the oldest left out; else it is the other way round.
    pub reverse: bool,
    /// Bytes at most, of which there are never more than [`MOST_BYTES`].
    pub bytes: usize,
}

/// Events that a room keeps.
#[derive(Clone, Debug)]
pub struct Page {
    /// The room's last event, which may be on another page.
    pub cursor: Cursor,
    /// Whether nothing is missing since the cursor that was asked for. Where something is, there are no events: which
    /// are there would hide that others are not. None where no cursor was asked for.
    pub recovered: Option<bool>,
    /// In the order that was asked for.
    pub events: Vec<Arc<Posted>>,
    /// There are others behind the last one, which the page had no space for.
    pub more: bool,
}

/// Why nothing of a room's past can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// Not a room's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Its rule has `history.size` 0.
    #[error("this room keeps no history")]
    NoHistory,
    /// Its rule has no `cache`.
    #[error("this room keeps no state")]
    NoState,
}

impl Hub {
    /// The state of the room `name`: the last event of each key, or the last of all, as its rule says.
    ///
    /// # Errors
    /// [`PastError`].
    pub fn state(&self, name: &str) -> Result<Page, PastError> {
        check_name(name)?;
        let (cursor, events, keeps) = match self.registry.find(name) {
            Some(room) => {
                let state = room.lock();
                (state.history.cursor(), state.cache.events(), state.cache.keeps())
            }
            None => (self.before_the_first(), Vec::new(), self.rules().find(name).cache != Caching::None),
        };
        let page = Page { cursor, recovered: None, events, more: false };
        if keeps { Ok(page) } else { Err(PastError::NoState) }
    }

    /// Where a room stands that is not there: nothing has ever come after this, nor will.
    fn before_the_first(&self) -> Cursor {
        Cursor { offset: 0, ..self.registry.passing() }
    }

    /// Events that the room `name` keeps. A room that is not there, and whose rule keeps history, has had none yet.
    ///
    /// # Errors
    /// [`PastError`].
    pub async fn history(&self, name: &str, wanted: Wanted) -> Result<Page, PastError> {
        check_name(name)?;
        let wanted = Wanted { bytes: wanted.bytes.min(MOST_BYTES), ..wanted };
        let Some(room) = self.registry.find(name) else {
            let cursor = self.before_the_first();
            let recovered = wanted.since.map(|_| false);
            let page = Page { cursor, recovered, events: Vec::new(), more: false };
            return if self.rules().find(name).keep.size > 0 { Ok(page) } else { Err(PastError::NoHistory) };
        };
        let (start, first) = Start::of(&room.lock(), wanted)?;
        let found = match wanted.reverse {
            false => self.forward(start, first, wanted).await,
            true => self.backward(start, &room, first, wanted).await,
        };
        Ok(found.unwrap_or_else(|| start.lost(wanted)))
    }

    /// The oldest first: what fits of one read.
    async fn forward(&self, start: Start, first: Read, wanted: Wanted) -> Option<Page> {
        let (mut events, more) = self.fetched(first, start.now).await?;
        let cut = events.len() > wanted.limit;
        events.truncate(wanted.limit);
        Some(start.page(wanted, events, more || cut))
    }

    /// The newest first: read to where the room stood, and only the last kept that fit.
    async fn backward(&self, start: Start, room: &Room, first: Read, wanted: Wanted) -> Option<Page> {
        let mut newest = Newest { events: VecDeque::new(), bytes: 0, cut: start.skips };
        let mut read = first;
        loop {
            let (events, more) = self.fetched(read, start.now).await?;
            let last = events.last().map_or(start.now, |posted| posted.cursor);
            let those = events.into_iter().filter(|posted| posted.cursor.offset <= start.now.offset);
            those.for_each(|posted| newest.push(posted, wanted));
            if !more || last.offset >= start.now.offset {
                return Some(start.page(wanted, newest.events.into_iter().rev().collect(), newest.cut));
            }
            read = room.lock().history.since(last, wanted.bytes);
        }
    }

    /// The events of a read, and whether there are others behind them, up to `now`; those on the disk are fetched. None where
    /// they are lost.
    async fn fetched(&self, read: Read, now: Cursor) -> Option<(Vec<Arc<Posted>>, bool)> {
        let fetch = match read {
            Read::Found { events, more } => return Some((events, more)),
            Read::Stored(fetch) => fetch,
            Read::Lost => return None,
        };
        let events = self.fetch(fetch).await?;
        let more = events.last().is_none_or(|last| last.cursor.offset < now.offset);
        Some((events, more))
    }

    /// Fetches events from the disk, beside whoever asks; none where they cannot be read, which is logged.
    pub async fn fetch(&self, fetch: Fetch) -> Option<Vec<Arc<Posted>>> {
        let types = Arc::clone(&self.types);
        let fetched = spawn_blocking(move || fetch.fetch(&|name| types.intern(name))).await;
        let fetched = fetched.map_err(std::io::Error::other).flatten();
        fetched.inspect_err(|error| tracing::error!(%error, "a room's history cannot be read")).ok()
    }
}

/// How far a page is read.
#[derive(Clone, Copy)]
struct Start {
    /// Where the room stands.
    now: Cursor,
    /// There are others before the first that is read, too many for a page that begins with the newest.
    skips: bool,
}

impl Start {
    /// With the first read, under one lock: what is kept now may be overtaken a moment later.
    fn of(state: &State, wanted: Wanted) -> Result<(Self, Read), PastError> {
        let history = &state.history;
        if !history.keeps() {
            return Err(PastError::NoHistory);
        }
        let now = history.cursor();
        let after = wanted.since.unwrap_or_else(|| history.start());
        let last = history.before_last(wanted.limit);
        let skips = wanted.reverse && after.epoch == now.epoch && after.offset < last.offset;
        let whole = Self { now, skips: false };
        Ok(match history.since(after, if skips { 0 } else { wanted.bytes }) {
            Read::Found { .. } | Read::Stored(_) if skips => {
                (Self { now, skips }, history.since(last, wanted.bytes))
            }
            read => (whole, read),
        })
    }

    fn page(self, wanted: Wanted, events: Vec<Arc<Posted>>, more: bool) -> Page {
        Page { cursor: self.now, recovered: wanted.since.map(|_| true), events, more }
    }

    fn lost(self, wanted: Wanted) -> Page {
        Page { cursor: self.now, recovered: wanted.since.map(|_| false), events: Vec::new(), more: false }
    }
}

/// The last events that fit on a page.
struct Newest {
    events: VecDeque<Arc<Posted>>,
    bytes: usize,
    /// Others before them did not.
    cut: bool,
}

impl Newest {
    fn push(&mut self, posted: Arc<Posted>, wanted: Wanted) {
        self.bytes += posted.size();
        self.events.push_back(posted);
        while self.events.len() > wanted.limit || (self.bytes > wanted.bytes && self.events.len() > 1) {
            self.bytes -= self.events.pop_front().map_or(0, |oldest| oldest.size());
            self.cut = true;
        }
    }
}
