//! Rooms by name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use super::Follow;
use super::cache::Caching;
use super::comings::Stirred;
use super::inbox::{self, BESIDE};
use super::publication::Unit;
use super::quiet::Changes;
use super::room::Room;
use super::rule::{Rule, Rules};
use super::space::Space;
use super::types::{Types, matches};
use crate::frame::{Cursor, Epoch, RoomId, Timestamp, is_unnamed};
use crate::history::log::{Found, FoundEvent, Log, Place, PlaceId, Rooms};
use crate::history::{History, Logged, Memory};

const BUCKETS: usize = 64;

type Bucket = HashMap<Arc<str>, Arc<Room>, foldhash::fast::RandomState>;

/// The rooms as the log knows them, which does not keep them alive.
pub(super) struct Logbook(pub(super) Weak<Registry>);

impl Rooms for Logbook {
    fn moved(&self, room: &str, epoch: Epoch, offset: u64, from: &PlaceId, to: Place) -> bool {
        let Some(room) = self.0.upgrade().and_then(|registry| registry.find(room)) else { return false };
        let mut state = room.lock();
        !state.gone && state.history.cursor().epoch == epoch && state.history.moved(offset, from, to)
    }
}

/// The offsets of those events that the room's cache has, with their age: the last, or the last of each key, as far as they
/// are not past the time of its rule.
fn shown(found: &Found, rule: &Rule, now: Timestamp) -> BTreeMap<u64, Duration> {
    let age = |event: &FoundEvent| Duration::from_millis(now.0.saturating_sub(event.written.0).max(0) as u64);
    let all = found.older.iter().chain(&found.events);
    let last: HashMap<_, _> = match rule.cache {
        Caching::None => HashMap::new(),
        Caching::Last => all.last().map(|event| (None, event)).into_iter().collect(),
        Caching::LastPerKey => all.map(|event| (event.key.as_deref(), event)).collect(),
    };
    let aged = last.into_values().map(|event| (event.offset, age(event)));
    aged.filter(|(_, age)| rule.keep.ttl.is_zero() || *age < rule.keep.ttl).collect()
}

/// The ids of what a log knows of a room, with their events' offsets.
fn ids(found: &Found) -> Vec<(Box<str>, u64)> {
    found.events.iter().filter_map(|event| Some((event.id.clone()?, event.offset))).collect()
}

/// All rooms that have members or something to remember.
pub(super) struct Registry {
    buckets: [Mutex<Bucket>; BUCKETS],
    hash: foldhash::fast::RandomState,
    pub(super) numbers: AtomicU64,
    /// Where this process' epochs start: another process' are others.
    boot: u64,
    shards: usize,
    /// A room keeps the one that it was made by.
    pub(super) rules: ArcSwap<Rules>,
    followers: RwLock<Vec<Follower>>,
    pub(super) changes: Changes,
    log: OnceLock<Arc<Log<Unit>>>,
    space: Arc<Space>,
    pub(super) stirred: Stirred,
    /// Held by who keeps the cursor of an inbox, and by who forgets such as have no inbox any more.
    pub(super) acknowledging: Mutex<()>,
}

struct Follower {
    number: u64,
    patterns: Box<[Box<str>]>,
    follow: Arc<dyn Follow>,
}

impl Follower {
    fn takes(&self, room: &str) -> bool {
        !is_unnamed(room) && !room.starts_with(BESIDE) && self.patterns.iter().any(|p| matches(p, room))
    }
}

impl Registry {
    pub(super) fn new(shards: usize, rules: Rules, space: Arc<Space>) -> Self {
        let boot = uuid::Uuid::new_v4().as_u64_pair().0;
        Self {
            buckets: std::array::from_fn(|_| Mutex::default()),
            hash: foldhash::fast::RandomState::default(),
            numbers: AtomicU64::new(1),
            boot,
            shards,
            rules: ArcSwap::from_pointee(rules),
            followers: RwLock::default(),
            changes: Changes::default(),
            log: OnceLock::new(),
            space,
            stirred: Stirred::default(),
            acknowledging: Mutex::default(),
        }
    }

    /// The place of an event where nobody is and nothing is kept: the room came, had this one, and is gone.
    pub(super) fn passing(&self) -> Cursor {
        Cursor { epoch: self.epoch_of(self.numbers.fetch_add(1, Ordering::Relaxed)), offset: 1 }
    }

    /// Odd multiplier: different numbers give different epochs.
    fn epoch_of(&self, number: u64) -> Epoch {
        Epoch(self.boot ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn bucket(&self, name: &str) -> &Mutex<Bucket> {
        use std::hash::BuildHasher;
        &self.buckets[self.hash.hash_one(name) as usize % BUCKETS]
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Room>> {
        self.bucket(name).lock().get(name).cloned()
    }

    pub(super) fn find_or_create(&self, name: &str) -> Arc<Room> {
        let mut bucket = self.bucket(name).lock();
        if let Some(room) = bucket.get(name) {
            return Arc::clone(room);
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let rule = self.rule_of(name);
        let id = RoomId { number, name: name.into(), class: rule.class };
        let epoch = self.epoch_of(number);
        let history: Box<dyn History> = match rule.durable.zip(self.log.get()) {
            Some((fsync, log)) => {
                log.born(&id, epoch, fsync);
                Box::new(Logged::new(id.clone(), epoch, rule.keep))
            }
            None => Box::new(Memory::new(id.clone(), epoch, rule.keep)),
        };
        self.add(&mut bucket, Room::new(id, rule, history, self.shards))
    }

    fn add(&self, bucket: &mut Bucket, room: Room) -> Arc<Room> {
        let room = Arc::new(room);
        let followers = self.followers.read();
        let takes = followers.iter().filter(|f| f.takes(&room.id.name));
        room.lock().followers.extend(takes.map(|f| (f.number, Arc::clone(&f.follow))));
        bucket.insert(Arc::clone(&room.id.name), Arc::clone(&room));
        self.changes.note();
        room
    }

    /// The log of durable rooms.
    pub(super) fn log(&self) -> Option<&Arc<Log<Unit>>> {
        self.log.get()
    }

    /// From here on the events of durable rooms are kept in `log`, which has `found` these. Before there are others.
    pub(super) fn keep_in(&self, log: Arc<Log<Unit>>, found: Vec<Found>, types: &Types) {
        let (now, wall) = (Instant::now(), Timestamp::now());
        for mut found in found {
            let rule = self.rule_of(&found.name);
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let id = RoomId { number, name: (*found.name).into(), class: rule.class };
            let Some(fsync) = rule.durable else {
                tracing::info!(room = %found.name, "is durable no longer: what was kept of it is forgotten");
                log.forgotten(&id, found.epoch);
                continue;
            };
            log.born(&id, found.epoch, fsync);
            let (epoch, ids) = (found.epoch, ids(&found));
            let shown = shown(&found, &rule, wall);
            found.shown = shown.keys().copied().collect();
            let history = Logged::found(found, id.clone(), rule.keep, now);
            let shown: Vec<_> =
                shown.into_iter().map(|(offset, age)| (offset, history.at_offset(offset), age)).collect();
            let room = Room::new(id, rule, Box::new(history), self.shards);
            let mut state = room.lock();
            for (id, offset) in ids {
                state.ids.insert(id, Cursor { epoch, offset }, now);
            }
            for (offset, fetch, age) in shown {
                state.show(offset, fetch, types, now.checked_sub(age).unwrap_or(now));
            }
            drop(state);
            let mut bucket = self.bucket(&room.id.name).lock();
            self.add(&mut bucket, room);
        }
        let _there_is_one_log = self.log.set(log);
        for inbox in self.all().into_iter().filter(|room| room.rule.inbox) {
            let kept = self.find(&inbox::beside(&inbox.id.name)).and_then(|room| inbox::kept(&room, types));
            inbox.lock().acknowledged = kept;
        }
    }

    fn rule_of(&self, name: &str) -> Arc<Rule> {
        let rules = self.rules.load();
        match name.strip_prefix(BESIDE) {
            Some(inbox) => Arc::new(rules.beside(inbox)),
            None => Arc::clone(rules.find(name)),
        }
    }

    /// Whether an event to a room of this name has anybody to go to, or anything to stay in.
    pub(super) fn matters(&self, name: &str) -> bool {
        if name.starts_with(BESIDE) {
            return true;
        }
        self.rules.load().find(name).keeps() || self.followers.read().iter().any(|f| f.takes(name))
    }

    /// Forgets the room if nothing holds it any more.
    pub(super) fn release(&self, room: &Room) {
        let mut bucket = self.bucket(&room.id.name).lock();
        if self.forget(&mut bucket, room, false) {
            self.forget_in_log(room); // before its name can be another's
        }
    }

    fn forget(&self, bucket: &mut Bucket, room: &Room, orphan: bool) -> bool {
        let mut state = room.lock();
        if state.gone {
            return false;
        }
        let needed = !state.forgettable(&room.rule, &self.space, Instant::now());
        let gone = !needed || (orphan && state.pending == 0);
        if gone {
            state.give_back(&self.space);
            state.gone = true;
            bucket.remove(&room.id.name);
        }
        gone
    }

    /// Tells the log of a room that is gone.
    fn forget_in_log(&self, room: &Room) {
        if let Some(log) = self.log.get().filter(|_| room.is_logged()) {
            log.forgotten(&room.id, room.lock().history.cursor().epoch);
        }
    }

    /// Forgets all rooms that nothing holds any more; answers how many.
    pub(super) fn sweep(&self) -> usize {
        let mut forgotten = 0;
        for bucket in &self.buckets {
            let rooms: Vec<_> = bucket.lock().values().cloned().collect();
            for room in rooms {
                // What is kept beside an inbox goes after it, and not while that comes back.
                let inbox = room.id.name.strip_prefix(BESIDE);
                let _nothing_is_kept = inbox.map(|_| self.acknowledging.lock());
                let orphan = inbox.is_some_and(|inbox| self.find(inbox).is_none());
                let mut bucket = bucket.lock();
                if self.forget(&mut bucket, &room, orphan) {
                    self.forget_in_log(&room);
                    forgotten += 1;
                }
            }
        }
        forgotten
    }

    /// All rooms, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Room>> {
        self.buckets.iter().flat_map(|b| b.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// From here on `follow` is offered the events of rooms whose names a pattern takes in.
    pub(super) fn follow(&self, patterns: &[String], follow: Arc<dyn Follow>) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let patterns = patterns.iter().map(|p| p.as_str().into()).collect();
        self.followers.write().push(Follower { number, patterns, follow: Arc::clone(&follow) });
        self.changes.note();
        for room in self.all() {
            let takes = self.followers.read().iter().any(|f| f.number == number && f.takes(&room.id.name));
            let mut state = room.lock();
            if takes && !state.followers.iter().any(|(n, _)| *n == number) {
                state.followers.push((number, Arc::clone(&follow)));
            }
        }
        number
    }

    /// Undoes [`follow`](Self::follow).
    pub(super) fn unfollow(&self, number: u64) {
        self.followers.write().retain(|f| f.number != number);
        for room in self.all() {
            room.lock().followers.retain(|(n, _)| *n != number);
        }
    }
}
