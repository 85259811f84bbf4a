//! Publishing an event to rooms, as one unit: order, commit, deliver.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::mailbox::{Letter, Mailbox};
use super::room::{Room, State};
use super::space::Space;
use super::{Busy, Placed, PublishError};
use crate::frame::{Cursor, Event, Forms, Posted, weight};
use crate::history::log::{Log, Place, Refused};
use crate::metrics::Metrics;

mod beside;
mod given;
mod unit;

pub(super) use unit::Unit;

/// What publishing needs wherever it is done: on the publisher's thread, and on the log's.
pub(crate) struct Dispatch {
    /// One for each shard.
    pub(crate) mailboxes: Box<[Arc<Mailbox>]>,
    /// The forms that events are encoded in.
    pub(crate) forms: Forms,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What histories hold in memory.
    pub(crate) space: Arc<Space>,
}

/// Where an event came to stand, by room.
pub(super) type Places = SmallVec<[Placed; 1]>;

/// How a publication went.
#[derive(Debug)]
pub(super) enum Published {
    /// It is committed and on its way.
    Now(Places),
    /// It waits for the log, which says how it went.
    Later(oneshot::Receiver<Result<Places, super::NotWritten>>),
}

/// By room: the event posted there, unless its id was known.
type Fresh = SmallVec<[Option<Arc<Posted>>; 1]>;

impl Dispatch {
    /// Publishes `event` to `rooms` (ascending numbers, none twice) as one unit: in all of them or in none.
    /// `wake` is told the shards that have to be woken for it.
    ///
    /// `None` where a room has been forgotten meanwhile: the caller looks the names up again.
    pub(super) fn publish(
        self: &Arc<Self>,
        rooms: &[Arc<Room>],
        log: Option<&Log<Unit>>,
        event: &Event,
        wake: &mut impl FnMut(usize),
    ) -> Option<Result<Published, PublishError>> {
        debug_assert!(rooms.is_sorted_by(|a, b| a.id.number < b.id.number));
        let mut open: SmallVec<[Open<'_>; 1]> = SmallVec::new();
        for room in rooms {
            let state = room.lock();
            if state.gone {
                return None;
            }
            let known = event.id.as_deref().and_then(|id| state.ids.find(id));
            open.push(Open { room, state, known });
        }
        if let Some(log) = log.filter(|_| rooms.iter().any(|room| room.is_logged())) {
            return Some(self.leave_to_log(&mut open, log, event).map(Published::Later));
        }
        if !reserve(&open, &self.mailboxes, weight(event)) {
            return Some(Err(Busy.into()));
        }
        let now = Instant::now();
        let (mut posted, mut placed, mut first) = (Fresh::new(), Places::new(), None);
        for entry in &mut open {
            let (one, place) = entry.post(event.clone(), &mut first, &self.space, now);
            posted.push(one);
            placed.push(place);
        }
        self.deliver(&mut open, &posted, wake);
        self.end(open, posted, &placed);
        Some(Ok(Published::Now(placed)))
    }

    /// Lets go of the rooms, to which the event is delivered.
    fn end(&self, open: SmallVec<[Open<'_>; 1]>, posted: Fresh, placed: &Places) {
        let lasting = lasting(&open, posted);
        drop(open);
        for posted in &lasting {
            self.forms.own(posted); // what is kept must not pin a publisher's memory
        }
        if placed.iter().any(|place| place.sent > 0) {
            self.metrics.reached();
        }
    }

    /// One entry into the mailbox of each shard with members, where space is reserved, and one to each follower.
    fn deliver(&self, open: &mut [Open<'_>], posted: &Fresh, wake: &mut impl FnMut(usize)) {
        for (shard, mailbox) in self.mailboxes.iter().enumerate() {
            let mut here: SmallVec<[(Arc<Room>, Arc<Posted>); 1]> = SmallVec::new();
            for (entry, posted) in open.iter_mut().zip(posted) {
                let Some(posted) = posted else { continue };
                if entry.reaches(shard) {
                    here.push((Arc::clone(entry.room), Arc::clone(posted)));
                } else {
                    entry.miss(shard, posted);
                }
            }
            let letter = match here.len() {
                0 => continue,
                1 => {
                    let (room, posted) = here.remove(0);
                    Letter::Event(room, posted)
                }
                _ => Letter::Unit(here.into_vec().into()),
            };
            if mailbox.put(letter) {
                wake(shard);
            }
        }
        for (entry, posted) in open.iter().zip(posted) {
            let Some(posted) = posted else { continue };
            if !entry.room.is_beside() {
                self.metrics.published(&posted.kind, entry.room.id.class);
            }
            for (_, follower) in &entry.state.followers {
                follower.offer(posted);
            }
        }
    }
}

/// The events that histories and followers hold for as long as they like.
fn lasting(open: &[Open<'_>], posted: Fresh) -> SmallVec<[Arc<Posted>; 1]> {
    let lasts = |entry: &Open<'_>, p: &Posted| p.kept || !entry.state.followers.is_empty();
    open.iter().zip(posted).filter_map(|(entry, p)| p.filter(|p| lasts(entry, p))).collect()
}

/// A room that is being published to, locked.
struct Open<'a> {
    room: &'a Arc<Room>,
    state: parking_lot::MutexGuard<'a, State>,
    /// The event's id is known here: it has this place already.
    known: Option<Cursor>,
}

impl Open<'_> {
    /// Whether a shard has members here whose mailbox gets what is published.
    fn reaches(&self, shard: usize) -> bool {
        self.state.members[shard] > 0 && !self.state.missed[shard].marked
    }

    /// A shard's mailbox does not get an event.
    fn miss(&mut self, shard: usize, posted: &Posted) {
        if self.state.missed[shard].marked {
            self.state.missed[shard].last = posted.cursor.offset;
        }
    }

    /// Shards that have a mailbox entry coming from this room.
    fn shards(&self) -> impl Iterator<Item = usize> + '_ {
        let fresh = self.known.is_none();
        (0..self.state.members.len()).filter(move |shard| fresh && self.reaches(*shard))
    }

    /// Order and commit in memory.
    fn post(
        &mut self,
        event: Event,
        first: &mut Option<Cursor>,
        space: &Space,
        now: Instant,
    ) -> (Option<Arc<Posted>>, Placed) {
        if let Some(cursor) = self.known {
            return (None, self.placed(cursor, 0));
        }
        let mut posted = self.state.history.order(event, now);
        posted.follow(first);
        if let Some(id) = &posted.id {
            self.state.ids.insert(id.clone(), posted.cursor, now);
        }
        let placed = self.commit(&posted, None, space, now);
        (Some(posted), placed)
    }

    /// Commit: from here on it is delivered.
    fn commit(&mut self, posted: &Arc<Posted>, place: Option<Place>, space: &Space, now: Instant) -> Placed {
        self.state.history.commit(posted, place, now);
        self.state.show_new(posted, now);
        self.state.settle(space);
        self.state.touched(now);
        self.placed(posted.cursor, self.state.total())
    }

    fn placed(&self, cursor: Cursor, sent: usize) -> Placed {
        Placed { room: Arc::clone(&self.room.id.name), cursor, sent }
    }
}

/// Space in the mailbox of each shard with members, in all or in none.
fn reserve(open: &[Open<'_>], mailboxes: &[Arc<Mailbox>], size: usize) -> bool {
    let wanted = || open.iter().flat_map(|o| o.shards().map(move |shard| (o.room, shard)));
    for (count, (room, shard)) in wanted().enumerate() {
        if !mailboxes[shard].reserve(&room.queued[shard], size) {
            for (room, shard) in wanted().take(count) {
                mailboxes[shard].release(&room.queued[shard], size);
            }
            return false;
        }
    }
    true
}

impl From<Refused> for PublishError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Busy.into(),
            Refused::Failed(why) => Self::NotWritten(super::NotWritten(why)),
        }
    }
}
