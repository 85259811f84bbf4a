//! What the histories of all rooms hold in memory, and may.
//!
//! Past the limit the oldest events of the node go first, whichever room they are of: of a durable room they are read from
//! the disk from then on, and of another its history reaches back less far. Whoever publishes does not do that for
//! others; but where so much is held that the sweep does not keep up, a room makes its own space.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::Hub;
use super::room::{Room, State};

/// Bytes that a room gives before the next one is looked at.
const PORTION: usize = 256 * 1024;

/// See the module's documentation.
pub(crate) struct Space {
    limit: AtomicUsize,
    held: AtomicUsize,
    short: Notify,
}

impl Default for Space {
    /// Without limit.
    fn default() -> Self {
        Self { limit: AtomicUsize::new(usize::MAX), held: AtomicUsize::new(0), short: Notify::new() }
    }
}

impl Space {
    /// From here on so many bytes may be held.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.short.notify_one();
    }

    /// Bytes that are held, and that may be.
    pub(super) fn figures(&self) -> (usize, usize) {
        (self.held.load(Ordering::Relaxed), self.limit.load(Ordering::Relaxed))
    }

    /// A room holds `now` bytes instead of `before`.
    fn change(&self, before: usize, now: usize) {
        if now > before {
            let held = self.held.fetch_add(now - before, Ordering::Relaxed) + now - before;
            if held > self.limit.load(Ordering::Relaxed) {
                self.short.notify_one();
            }
        } else if now < before {
            self.held.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// Whether more is held than even a sweep that comes too late explains.
    fn is_far_over(&self) -> bool {
        let (held, limit) = self.figures();
        held > limit.saturating_add(limit / 4)
    }
}

impl State {
    /// Notes what the history holds now; what it has just taken goes out again where there is no space at all.
    pub(super) fn settle(&mut self, space: &Space) {
        let now = self.history.held();
        if now > self.accounted && space.is_far_over() {
            self.history.shed(now - self.accounted);
        }
        let now = self.history.held();
        space.change(std::mem::replace(&mut self.accounted, now), now);
    }

    /// The room is forgotten: nothing of it counts any more.
    pub(super) fn give_back(&mut self, space: &Space) {
        space.change(std::mem::take(&mut self.accounted), 0);
    }
}

impl Hub {
    /// With a limit for what histories hold in memory, in bytes; [`make_space`](Self::make_space) sees to it.
    #[must_use]
    pub fn with_memory(self, bytes: usize) -> Self {
        self.set_memory(bytes);
        self
    }

    /// The same from here on.
    pub fn set_memory(&self, bytes: usize) {
        self.dispatch.space.set_limit(bytes);
    }

    /// Bytes that histories hold in memory, and that they may.
    pub fn memory(&self) -> (usize, usize) {
        self.dispatch.space.figures()
    }

    /// Keeps what histories hold within the limit; never ends.
    pub async fn make_space(&self) {
        loop {
            self.dispatch.space.short.notified().await;
            self.shed();
            tokio::task::yield_now().await;
        }
    }

    /// Has rooms let go of the node's oldest events, until an eighth of the limit is free.
    fn shed(&self) {
        let space = &self.dispatch.space;
        let enough = || {
            let (held, limit) = space.figures();
            held <= limit - limit / 8
        };
        let oldest = |room: &Room| room.lock().history.oldest();
        let rooms = self.registry.all();
        let aged = rooms.iter().enumerate().filter_map(|(index, room)| Some(Reverse((oldest(room)?, index))));
        let mut by_age: BinaryHeap<_> = aged.collect();
        while !enough()
            && let Some(Reverse((_, index))) = by_age.pop()
        {
            let room: &Arc<Room> = &rooms[index];
            let mut state = room.lock();
            if state.gone {
                continue;
            }
            state.history.shed(PORTION);
            state.settle(space);
            by_age.extend(state.history.oldest().map(|oldest| Reverse((oldest, index))));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Config, Rule, Rules};
    use crate::frame::{Event, Forms, Timestamp};
    use crate::history::Keep;
    use crate::hub::Hub;
    use crate::metrics::Metrics;

    fn hub(limit: usize) -> Hub {
        let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 1 };
        let keep = Keep { size: 1000, ..Keep::default() };
        let rules = Rules::new([Rule { keep, ..Rule::default() }]);
        Hub::new(config, rules, Forms::default(), Metrics::new(1)).with_memory(limit)
    }

    fn publish(hub: &Hub, room: &str) {
        let kind = hub.types().find("gap").unwrap();
        let data = Bytes::from(vec![b'1'; 1000]);
        let event = Event::new(kind, data, "s".into(), Timestamp(0));
        hub.publish(&[room], &event).unwrap();
    }

    #[test]
    fn the_oldest_of_the_node_go_first_whichever_room_they_are_of() {
        let hub = hub(1 << 20);
        for _ in 0..300 {
            publish(&hub, "old");
        }
        for _ in 0..600 {
            publish(&hub, "new");
        }
        hub.shed();
        let kept = |room: &str| hub.room(room).unwrap().history;
        assert_eq!(kept("new"), 600);
        assert!((1..300).contains(&kept("old")), "{} are left", kept("old"));
        let (held, limit) = hub.memory();
        assert!(held <= limit && held > limit / 2, "{held} of {limit}");
    }

    #[test]
    fn whoever_publishes_is_held_back_where_nobody_makes_space() {
        let hub = hub(100_000);
        for _ in 0..1000 {
            publish(&hub, "flood");
        }
        let (held, limit) = hub.memory();
        assert!(held <= limit + limit / 4 + 2000, "{held} of {limit}");
        hub.shed();
        assert!(hub.memory().0 <= limit);
    }

    #[test]
    fn what_is_forgotten_counts_no_longer() {
        let hub = hub(1 << 20);
        publish(&hub, "a");
        assert!(hub.memory().0 > 0);
        let room = hub.registry.find("a").unwrap();
        room.lock().give_back(&hub.dispatch.space);
        assert_eq!(hub.memory().0, 0);
    }
}
