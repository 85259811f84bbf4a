//! A publication that the log commits: ordered under its rooms' locks, delivered by the log's thread.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{Dispatch, Fresh, Open, Places};
use crate::frame::{Cursor, Event, Posted, weight};
use crate::history::log::{Fsync, Log, Place, Task, WriteError};
use crate::hub::mailbox::Letter;
use crate::hub::room::Room;
use crate::hub::{NotWritten, PublishError};

/// See the module's documentation.
pub(crate) struct Unit {
    dispatch: Arc<Dispatch>,
    /// By ascending numbers.
    rooms: SmallVec<[(Arc<Room>, Slot); 1]>,
    /// Those that are written, of the rooms in order that have one.
    written: Vec<Arc<Posted>>,
    event: Event,
    /// The place that it got first.
    first: Option<Cursor>,
    fsync: Fsync,
    done: oneshot::Sender<Result<Places, NotWritten>>,
}

/// What a room of the unit does about the event.
enum Slot {
    /// It has had it before, at this place.
    Known(Cursor),
    /// It has ordered it, and commits it with its place in the log.
    Logged,
    /// It orders and commits it in memory, once the others' is written.
    Memory,
}

impl Dispatch {
    /// Orders the event in the rooms that are logged, and has the log commit it in all.
    pub(super) fn leave_to_log(
        self: &Arc<Self>,
        open: &mut [Open<'_>],
        log: &Log<Unit>,
        event: &Event,
    ) -> Result<oneshot::Receiver<Result<Places, NotWritten>>, PublishError> {
        let bytes = open.len() * weight(event);
        log.reserve(bytes)?;
        let now = Instant::now();
        let mut written = Vec::new();
        let mut rooms = SmallVec::new();
        let (mut fsync, mut first) = (Fsync::Os, None);
        for entry in open {
            let slot = match entry.known {
                Some(cursor) => Slot::Known(cursor),
                None if entry.room.is_logged() => {
                    let mut posted = entry.state.history.order(event.clone(), now);
                    posted.follow(&mut first);
                    if let Some(id) = &event.id {
                        entry.state.ids.insert(id.clone(), posted.cursor, now);
                    }
                    fsync = fsync.max(entry.room.rule.durable.unwrap_or_default());
                    written.push(posted);
                    Slot::Logged
                }
                None => Slot::Memory,
            };
            entry.state.pending += 1;
            rooms.push((Arc::clone(entry.room), slot));
        }
        let (done, receipt) = oneshot::channel();
        let dispatch = Arc::clone(self);
        // Under the rooms' locks, so that the log has each room's events in their order.
        log.put(Unit { dispatch, rooms, written, event: event.clone(), first, fsync, done }, bytes);
        Ok(receipt)
    }

    /// Space in the mailboxes for what is committed, and so cannot be refused: a shard that has none gets a mark that it
    /// has missed something of that room, and its members there read on from history.
    fn claim(&self, open: &mut [Open<'_>], size: usize) {
        for entry in open {
            let shards: SmallVec<[usize; 8]> = entry.shards().collect();
            for shard in shards {
                if !self.mailboxes[shard].reserve(&entry.room.queued[shard], size) {
                    let told = entry.state.comings.as_ref().map_or(0, |comings| comings.told());
                    let missed = &mut entry.state.missed[shard];
                    (missed.marked, missed.told) = (true, told);
                    self.mailboxes[shard].push(Letter::Missed(Arc::clone(entry.room)));
                }
            }
        }
    }
}

impl Task for Unit {
    fn events(&self) -> &[Arc<Posted>] {
        &self.written
    }

    fn fsync(&self) -> Fsync {
        self.fsync
    }

    fn committed(self, places: Vec<Place>) {
        let Self { dispatch, rooms, written, event, mut first, done, .. } = self;
        let now = Instant::now();
        let mut written = written.into_iter().zip(places);
        let (mut open, mut posted, mut placed) =
            (SmallVec::<[Open<'_>; 1]>::new(), Fresh::new(), Places::new());
        for (room, slot) in &rooms {
            let mut state = room.lock();
            state.pending -= 1;
            let known = match slot {
                Slot::Known(cursor) => Some(*cursor),
                Slot::Logged => None,
                Slot::Memory => event.id.as_deref().and_then(|id| state.ids.find(id)),
            };
            open.push(Open { room, state, known });
        }
        for (entry, (_, slot)) in open.iter_mut().zip(&rooms) {
            let (one, place) = match slot {
                Slot::Logged => {
                    let Some((one, place)) = written.next() else {
                        unreachable!("each room that has ordered the event has it written")
                    };
                    let placed = entry.commit(&one, Some(place), &dispatch.space, now);
                    (Some(one), placed)
                }
                Slot::Known(_) | Slot::Memory => entry.post(event.clone(), &mut first, &dispatch.space, now),
            };
            posted.push(one);
            placed.push(place);
        }
        dispatch.claim(&mut open, weight(&event));
        dispatch.deliver(&mut open, &posted, &mut |shard| dispatch.mailboxes[shard].wake());
        dispatch.end(open, posted, &placed);
        let _nobody_waits = done.send(Ok(placed));
    }

    fn failed(self, why: &Arc<WriteError>) {
        for (room, slot) in &self.rooms {
            let mut state = room.lock();
            state.pending -= 1;
            if let Slot::Logged = slot {
                state.history.rewind();
                if let Some(id) = &self.event.id {
                    state.ids.remove(id);
                }
            }
        }
        let _nobody_waits = self.done.send(Err(NotWritten(Arc::clone(why))));
    }
}
