//! A room: its events' order, its members per shard, and publishing to it.
//!
//! Lock order: the registry's bucket, then rooms by ascending number, then one mailbox at a time.

pub(super) mod beside;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::cache::{Cache, Caching};
use super::comings::Comings;
use super::ids::Ids;
use super::mailbox::{Letter, Mailbox};
use super::rule::Rule;
use super::{Busy, Follow, Placed};
use crate::frame::{Epoch, Event, Posted, RoomId, weight};
use crate::history::{History, Memory};
use crate::metrics::Metrics;

/// For how long a room that plugins follow outlives its last event, so that their cursors stay good.
const FOLLOWED: Duration = Duration::from_secs(5 * 60);

/// A named set of sessions, or the unnamed room of broadcasts.
pub struct Room {
    /// Number and name.
    pub id: RoomId,
    /// The rule that its name matched when it came to be.
    pub rule: Arc<Rule>,
    /// By shard: bytes in its mailbox that were published to this room.
    pub(crate) queued: Box<[AtomicUsize]>,
    state: Mutex<State>,
}

/// What the room's lock guards.
pub(crate) struct State {
    /// The registry has let go of this room: whoever still holds it looks the name up again.
    pub(crate) gone: bool,
    pub(crate) history: Box<dyn History>,
    pub(crate) cache: Cache,
    /// By shard: members, attached and not.
    pub(crate) members: Box<[u32]>,
    pub(crate) followers: SmallVec<[(u64, Arc<dyn Follow>); 1]>,
    /// Who came and left; none where the members are not told.
    pub(crate) comings: Option<Box<Comings>>,
    ids: Ids,
    /// The last event, join or leave.
    touched: Instant,
}

impl Room {
    pub(super) fn new(id: RoomId, rule: Arc<Rule>, epoch: Epoch, shards: usize) -> Self {
        // The unnamed room is joined by all, and not by request: it shows nothing and tells of nobody.
        let is_named = !id.name.is_empty();
        let state = State {
            gone: false,
            history: Box::new(Memory::new(id.clone(), epoch, rule.keep)),
            cache: Cache::new(if is_named { rule.cache } else { Caching::None }),
            members: vec![0; shards].into(),
            followers: SmallVec::new(),
            comings: (is_named && rule.join_leave).then(Box::default),
            ids: Ids::default(),
            touched: Instant::now(),
        };
        let queued = (0..shards).map(|_| AtomicUsize::new(0)).collect();
        Self { id, rule, queued, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Members on all shards.
    pub fn members(&self) -> usize {
        self.lock().total()
    }
}

impl State {
    /// Members on all shards.
    pub(crate) fn total(&self) -> usize {
        self.members.iter().map(|n| *n as usize).sum()
    }

    pub(crate) fn touch(&mut self) {
        self.touched = Instant::now();
    }

    /// Forgets what is past its time, and answers whether the room itself is: no member, no event or id to
    /// remember, and nobody who follows it lately.
    pub(crate) fn forgettable(&mut self, rule: &Rule, now: Instant) -> bool {
        self.history.expire(now);
        self.cache.expire(now, rule.keep.ttl);
        self.ids.expire(now, rule.keep.ttl);
        let idle = now.duration_since(self.touched);
        let keeps = self.history.keeps() || !self.cache.is_empty();
        let held = keeps && (rule.keep.ttl.is_zero() || idle < rule.keep.ttl);
        let followed = !self.followers.is_empty() && idle < FOLLOWED;
        self.total() == 0 && !held && !followed && self.ids.is_empty()
    }
}

/// Where the event came to stand in each room, and what of it outlives the fan-out.
pub(super) type Published = (SmallVec<[Placed; 1]>, Lasting);

/// The event as histories and followers hold it, for as long as they like.
pub(super) type Lasting = SmallVec<[Arc<Posted>; 1]>;

/// By room: the event posted there, unless its id was known.
type Fresh = SmallVec<[Option<Arc<Posted>>; 1]>;

/// Publishes `event` to `rooms` (ascending numbers, none twice) as one unit: in all of them or in none.
/// `wake` is told the shards that have to be woken for it.
///
/// `None` where a room has been forgotten meanwhile: the caller looks the names up again.
pub(super) fn publish(
    rooms: &[Arc<Room>],
    mailboxes: &[Arc<Mailbox>],
    event: &Event,
    metrics: &Metrics,
    wake: &mut impl FnMut(usize),
) -> Option<Result<Published, Busy>> {
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
    if !reserve(&open, mailboxes, weight(event)) {
        return Some(Err(Busy));
    }
    let now = Instant::now();
    let mut posted = Fresh::new();
    let mut placed = SmallVec::new();
    for entry in &mut open {
        let (one, place) = entry.post(event, now);
        if one.is_some() {
            metrics.published(&event.kind, entry.room.id.class);
        }
        posted.push(one);
        placed.push(place);
    }
    deliver(&open, &posted, mailboxes, wake);
    let lasts = |entry: &Open<'_>, p: &Posted| p.kept || !entry.state.followers.is_empty();
    let posted = open.iter().zip(posted).filter_map(|(entry, p)| p.filter(|p| lasts(entry, p)));
    Some(Ok((placed, posted.collect())))
}

/// A room that is being published to, locked.
struct Open<'a> {
    room: &'a Arc<Room>,
    state: MutexGuard<'a, State>,
    /// The event's id is known here: it has this place already.
    known: Option<crate::frame::Cursor>,
}

impl Open<'_> {
    /// Shards that have a mailbox entry coming from this room.
    fn shards(&self) -> impl Iterator<Item = usize> + '_ {
        let fresh = self.known.is_none();
        self.state.members.iter().enumerate().filter(move |(_, n)| fresh && **n > 0).map(|(shard, _)| shard)
    }

    /// Order and commit.
    fn post(&mut self, event: &Event, now: Instant) -> (Option<Arc<Posted>>, Placed) {
        let name = Arc::clone(&self.room.id.name);
        if let Some(cursor) = self.known {
            return (None, Placed { room: name, cursor, sent: 0 });
        }
        let posted = self.state.history.order(event.clone(), now);
        self.state.history.commit(&posted, now);
        self.state.cache.commit(&posted, now);
        self.state.touched = now;
        if let Some(id) = &event.id {
            self.state.ids.insert(id.clone(), posted.cursor, now);
        }
        let placed = Placed { room: name, cursor: posted.cursor, sent: self.state.total() };
        (Some(posted), placed)
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

/// One entry into the mailbox of each shard with members, and one to each follower.
fn deliver(
    open: &[Open<'_>],
    posted: &[Option<Arc<Posted>>],
    mailboxes: &[Arc<Mailbox>],
    wake: &mut impl FnMut(usize),
) {
    for (shard, mailbox) in mailboxes.iter().enumerate() {
        let mut here: SmallVec<[(Arc<Room>, Arc<Posted>); 1]> = open
            .iter()
            .zip(posted)
            .filter(|(o, _)| o.state.members[shard] > 0)
            .filter_map(|(o, p)| Some((Arc::clone(o.room), Arc::clone(p.as_ref()?))))
            .collect();
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
        for (_, follower) in &entry.state.followers {
            follower.offer(posted);
        }
    }
}
