//! What an answer to a poll holds: the events of several rooms, within bounds, and how far that is.

use std::io::Write;
use std::sync::Arc;

use crate::frame::{Bookmark, Cursor, Form, Forms, Posted};
use crate::hub::{Filter, Hub, MOST_BYTES, PastError, Wanted};

/// Reads of one room's history in one answer, whose events may all be of types that are not wanted.
const MOST_READS: usize = 16;

/// One room, and how far its client has got there.
pub(super) struct Place {
    pub(super) room: Arc<str>,
    pub(super) cursor: Cursor,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Page {
    pub(super) events: Vec<Arc<Posted>>,
    /// Rooms of which something is missing.
    pub(super) lost: Vec<Arc<str>>,
    /// There are others, for which there was no space.
    pub(super) more: bool,
}

/// How much may stand in an answer.
#[derive(Clone, Copy)]
struct Space {
    events: usize,
    bytes: usize,
}

impl Page {
    /// Reads on behind `places`, which move on, `limit` events at most.
    pub(super) async fn read(
        hub: &Hub,
        places: &mut [Place],
        filter: &Filter,
        limit: usize,
    ) -> Result<Self, PastError> {
        let (mut page, mut left) = (Self::default(), Space { events: limit, bytes: MOST_BYTES });
        let count = places.len();
        for (index, place) in places.iter_mut().enumerate() {
            // A share for each, so that no room keeps others from being read.
            let others = count - index;
            let share = Space { events: left.events.div_ceil(others), bytes: left.bytes.div_ceil(others) };
            let taken = page.read_room(hub, place, filter, share).await?;
            left = Space {
                events: left.events.saturating_sub(taken.events),
                bytes: left.bytes.saturating_sub(taken.bytes),
            };
        }
        Ok(page)
    }

    /// Reads on in one room; answers how much that came to.
    async fn read_room(
        &mut self,
        hub: &Hub,
        place: &mut Place,
        filter: &Filter,
        share: Space,
    ) -> Result<Space, PastError> {
        let mut taken = Space { events: 0, bytes: 0 };
        for _ in 0..MOST_READS {
            let limit = share.events - taken.events;
            let bytes = share.bytes.saturating_sub(taken.bytes);
            let wanted = Wanted { since: Some(place.cursor), limit, reverse: false, bytes };
            let read = hub.history(&place.room, wanted).await?;
            if read.recovered == Some(false) {
                self.lost.push(Arc::clone(&place.room));
                place.cursor = read.cursor;
                return Ok(taken);
            }
            place.cursor = read.events.last().map_or(place.cursor, |posted| posted.cursor);
            let passing = read.events.into_iter().filter(|posted| filter.takes(&posted.kind.name));
            for posted in passing {
                taken.events += 1;
                taken.bytes += posted.size();
                self.events.push(posted);
            }
            if !read.more {
                return Ok(taken);
            }
            if taken.events >= share.events || taken.bytes >= share.bytes {
                break;
            }
        }
        self.more = true;
        Ok(taken)
    }

    /// Whether it tells its client anything.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.lost.is_empty() && !self.more
    }

    /// As JSON, of which [`Polled`](crate::frame::shown::Polled) tells. `resumed`: its client has shown a cursor.
    pub(super) fn write(&self, forms: &Forms, form: Form, bookmark: &Bookmark, resumed: bool) -> Vec<u8> {
        let mut out = br#"{"events":["#.to_vec();
        for (index, frame) in forms.frames(form, &self.events).each.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(frame);
        }
        // Writing to memory does not fail.
        let _infallible = write!(out, r#"],"cursor":"{bookmark}""#);
        if resumed {
            let _infallible = write!(out, r#","recovered":{}"#, self.lost.is_empty());
        }
        if !self.lost.is_empty() {
            let lost = serde_json::to_string(&self.lost).unwrap_or_default();
            let _infallible = write!(out, r#","lost":{lost}"#);
        }
        out.extend_from_slice(if self.more { br#","more":true}"# } else { b"}" });
        out
    }
}

/// How far a client has got that is at these places.
pub(super) fn bookmark(places: &[Place]) -> Bookmark {
    let mut bookmark = Bookmark::default();
    places.iter().for_each(|place| bookmark.put(&place.room, place.cursor));
    bookmark
}
