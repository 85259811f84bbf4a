//! A room: its events' order, and its members per shard.
//!
//! Lock order: the registry's bucket, then rooms by ascending number, then one mailbox at a time.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::Follow;
use super::cache::{Cache, Caching};
use super::comings::Comings;
use super::ids::Ids;
use super::inbox::BESIDE;
use super::rule::Rule;
use super::space::Space;
use super::types::Types;
use crate::frame::{Cursor, Posted, RoomId, is_unnamed};
use crate::history::History;
use crate::history::log::Fetch;

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
    /// How far its user has got, where it is an inbox: as it is kept.
    pub(crate) acknowledged: Option<Cursor>,
    /// The same as its user has said, which may not be kept yet.
    pub(crate) acknowledging: Option<Cursor>,
    /// By shard: members, attached and not.
    pub(crate) members: Box<[u32]>,
    pub(crate) followers: SmallVec<[(u64, Arc<dyn Follow>); 1]>,
    /// Who came and left; none where the members are not told.
    pub(crate) comings: Option<Box<Comings>>,
    pub(crate) ids: Ids,
    /// Publications that wait for the log: ordered here, or to be ordered when it has written the rest of their unit.
    pub(crate) pending: u32,
    /// By shard: what its mailbox has missed of this room.
    pub(crate) missed: Box<[Missed]>,
    /// What the node knows that the history holds in memory, bytes.
    pub(super) accounted: usize,
    /// The last event, join or leave.
    touched: Instant,
}

/// What a shard's mailbox has missed of a room, as it was full when the log had committed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    /// A mark that says so is on its way; until it is taken out everything is missed.
    pub(crate) marked: bool,
    /// The last event that was; 0: none.
    pub(crate) last: u64,
    /// How much members had been told of each other when the mark was put.
    pub(crate) told: u64,
}

impl Room {
    pub(super) fn new(id: RoomId, rule: Arc<Rule>, history: Box<dyn History>, shards: usize) -> Self {
        // An unnamed room is joined by all, and not by request: it shows nothing and tells of nobody.
        let is_named = !is_unnamed(&id.name);
        let state = State {
            gone: false,
            history,
            cache: Cache::new(if is_named { rule.cache } else { Caching::None }),
            acknowledged: None,
            acknowledging: None,
            members: vec![0; shards].into(),
            followers: SmallVec::new(),
            comings: (is_named && rule.join_leave).then(Box::default),
            ids: Ids::default(),
            pending: 0,
            missed: vec![Missed::default(); shards].into(),
            accounted: 0,
            touched: Instant::now(),
        };
        let queued = (0..shards).map(|_| AtomicUsize::new(0)).collect();
        Self { id, rule, queued, state: Mutex::new(state) }
    }

    /// Whether it only keeps how far somebody has got in another.
    pub(super) fn is_beside(&self) -> bool {
        self.id.name.starts_with(BESIDE)
    }

    /// Whether its events are committed by the log.
    pub(crate) fn is_logged(&self) -> bool {
        self.rule.durable.is_some()
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

    /// Puts the event at `offset`, which is on the disk, into the cache, as it was there before the process began: from `at`
    /// on.
    pub(super) fn show(&mut self, offset: u64, fetch: Option<Fetch>, types: &Types, at: Instant) {
        let fetched = fetch.map_or(Ok(Vec::new()), |fetch| fetch.fetch(&|name| types.intern(name)));
        match fetched {
            Ok(events) => events.iter().for_each(|posted| self.cache.commit(posted, at)),
            Err(error) => tracing::error!(offset, %error, "an event of a room's history cannot be read"),
        }
        if !self.cache.has(offset) {
            self.history.unpin(offset);
        }
        self.unpin_gone();
    }

    /// An event of the room was committed: it may be shown from here on to whoever joins.
    pub(super) fn show_new(&mut self, posted: &Arc<Posted>, now: Instant) {
        if self.cache.keeps() {
            self.cache.commit(posted, now);
            if self.cache.has(posted.cursor.offset) {
                self.history.pin(posted.cursor.offset);
            }
            self.unpin_gone();
        }
    }

    fn unpin_gone(&mut self) {
        for offset in self.cache.take_gone() {
            self.history.unpin(offset);
        }
    }

    pub(crate) fn touch(&mut self) {
        self.touched(Instant::now());
    }

    pub(crate) fn touched(&mut self, now: Instant) {
        self.touched = now;
    }

    /// Forgets what is past its time, and answers whether the room itself is: no member, no event or id to
    /// remember, and nobody who follows it lately.
    pub(super) fn forgettable(&mut self, rule: &Rule, space: &Space, now: Instant) -> bool {
        self.history.expire(now);
        self.settle(space);
        self.cache.expire(now, rule.keep.ttl);
        self.unpin_gone();
        // Where a history has no end in time, its ids have none: there is a bound to how many they are.
        if !self.history.keeps() || !rule.keep.ttl.is_zero() {
            self.ids.expire(now, rule.keep.ttl);
        }
        let idle = now.duration_since(self.touched);
        let keeps = self.history.keeps() || !self.cache.is_empty();
        let held = keeps && (rule.keep.ttl.is_zero() || idle < rule.keep.ttl);
        let followed = !self.followers.is_empty() && idle < FOLLOWED;
        self.total() == 0 && self.pending == 0 && !held && !followed && self.ids.is_empty()
    }
}
