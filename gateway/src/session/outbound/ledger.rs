//! What the backlogs of one shard have in common: what they hold, and who waits longest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::budget::{Budget, NEVER};
use crate::frame::{EventType, Frames, Yields};
use crate::hub::{Hub, Rules, Slot};
use crate::metrics::ShardCounters;

/// One for each shard.
pub struct Ledger {
    hub: Arc<Hub>,
    budget: Arc<Budget>,
    shard: usize,
    counters: Arc<ShardCounters>,
    /// The type of the event that tells of others which were dropped.
    gap: Option<EventType>,
    /// The sessions that may have to give way. Where one stands here may be too far in front, never too far
    /// behind: what it waits for first only gets later.
    waiting: RefCell<BTreeMap<Key, Slot>>,
    /// The rules for rooms that were looked up last, and how often they were others than before.
    rules: RefCell<(Arc<Rules>, u64)>,
}

/// Since when a session's first event waits, and which session of the shard it is.
pub(super) type Key = (u64, u32);

impl Ledger {
    /// For shard number `shard` of `hub`.
    pub fn new(hub: &Arc<Hub>, shard: usize, budget: &Arc<Budget>) -> Rc<Self> {
        Rc::new(Self {
            counters: Arc::clone(hub.metrics().shard(shard)),
            gap: hub.types().find("gap"),
            hub: Arc::clone(hub),
            budget: Arc::clone(budget),
            shard,
            waiting: RefCell::default(),
            rules: RefCell::new((Arc::clone(&hub.rules()), 0)),
        })
    }

    /// What the shard counts.
    pub fn counters(&self) -> &Arc<ShardCounters> {
        &self.counters
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// One more keeps `frames`: the first one has them counted and their room's rule looked up, for all.
    pub(super) fn hold(&self, frames: &Frames) {
        let holders = frames.held.holders.get();
        frames.held.holders.set(holders + 1);
        if holders == 0 {
            frames.held.since.set(self.budget.now());
            frames.held.yields.set(self.yields(frames));
            let fresh: usize = frames.arenas.iter().map(|arena| arena.hold()).sum();
            self.budget.more(fresh + frames.overhead());
        }
    }

    /// One less keeps them.
    pub(super) fn let_go(&self, frames: &Frames) {
        let holders = frames.held.holders.get() - 1;
        frames.held.holders.set(holders);
        if holders == 0 {
            let freed: usize = frames.arenas.iter().map(|arena| arena.let_go()).sum();
            self.budget.less(freed + frames.overhead());
        }
    }

    /// What is for one session alone is never dropped.
    fn yields(&self, frames: &Frames) -> Yields {
        let from_a_room = frames.origin.as_ref().filter(|origin| origin.room.number > 0);
        let rules = self.hub.rules();
        if !Arc::ptr_eq(&rules, &self.rules.borrow().0) {
            let count = self.rules();
            self.rules.replace((Arc::clone(&rules), count + 1));
        }
        from_a_room.map_or(Yields::Nothing, |origin| rules.find(&origin.room.name).slow.yields())
    }

    /// Counts the rules for rooms by which it was looked up what may be dropped.
    pub(super) fn rules(&self) -> u64 {
        self.rules.borrow().1
    }

    /// Whether these are others than at `before`, which is at the present ones then.
    pub(super) fn rules_since(&self, before: &mut u64) -> bool {
        let now = self.rules();
        std::mem::replace(before, now) != now
    }

    /// Frame number `index` of `frames` will not be sent.
    pub(super) fn dropped(&self, frames: &Frames, index: usize) {
        if let Some(origin) = &frames.origin {
            self.counters.dropped(origin.room.class, frames.marks[index].kind);
        }
    }

    /// A gap in a room of this class was told, in a frame of so many bytes.
    pub(super) fn told_gap(&self, class: u16, bytes: usize) {
        self.counters.gaps_dropped.add(1);
        self.counters.bytes_out.add(bytes as u64);
        if let Some(gap) = &self.gap {
            self.counters.class(class).of(gap).delivered.add(1);
        }
    }

    /// A session stands elsewhere among those that wait than before.
    pub(super) fn place(&self, before: Option<Key>, now: Option<(Key, Slot)>) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(before) = before {
            waiting.remove(&before);
        }
        if let Some((key, slot)) = now {
            waiting.insert(key, slot);
        }
        let oldest = waiting.first_key_value().map_or(NEVER, |((since, _), _)| *since);
        self.budget.set_oldest(self.shard, oldest);
        // Where more was held than may be before anybody stood here to give way, this is the first who can.
        self.budget.look();
    }

    /// Ends when the shard's sessions may have to give way.
    pub async fn called(&self) {
        self.budget.called(self.shard).await;
    }

    /// The session that has to give way, as more is held on this node than may be; none where nothing has to,
    /// or a session of another shard is further behind, which is called then.
    pub fn furthest(&self) -> Option<Slot> {
        if !self.budget.is_over() {
            return None;
        }
        let shard = self.budget.furthest()?;
        if shard != self.shard {
            self.budget.call(shard);
            return None;
        }
        self.waiting.borrow().first_key_value().map(|(_, slot)| *slot)
    }
}
