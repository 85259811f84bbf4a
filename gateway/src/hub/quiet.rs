//! Rooms that nobody is in and that keep nothing: an event to one is counted, and that is all that comes of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Hub;
use crate::frame::{Cursor, EventType};

/// A room as it was looked up: while nothing has changed since that could make one matter, it need not be again.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    class: u16,
    seen: u64,
}

/// Counts what may make a room matter that did not: rooms that come to be, followers, rules.
#[derive(Debug, Default)]
pub(super) struct Changes(AtomicU64);

impl Changes {
    /// To be called when it has happened, and before whoever did it goes on: what they publish after that is not quiet.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn seen(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Hub {
    /// Looks up whether an event to the room `name` would reach nobody and leave nothing; none where it might,
    /// and where that is no room's name.
    pub fn quiet(&self, name: &str) -> Option<Quiet> {
        let seen = self.registry.changes.seen(); // before the look
        let quiet = super::check_name(name).is_ok() && self.target(name, false).is_none();
        quiet.then(|| Quiet { class: self.rules().find(name).class, seen })
    }

    /// Whether the room is sure to be quiet still.
    pub fn is_still(&self, room: &Quiet) -> bool {
        self.registry.changes.seen() == room.seen
    }

    /// Publishes an event without an id to a room that [is quiet still](Self::is_still).
    pub fn publish_quietly(&self, room: &Quiet, kind: &EventType) -> Cursor {
        self.metrics().published(kind, room.class);
        self.registry.passing()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Config, Follow, Rule, Rules};
    use super::*;
    use crate::frame::{Forms, Posted};
    use crate::history::Keep;
    use crate::metrics::Metrics;

    struct Follower;

    impl Follow for Follower {
        fn offer(&self, _: &Arc<Posted>) {}
    }

    fn kept(prefix: &str) -> Rule {
        let keep = Keep { size: 1, ttl: Duration::ZERO };
        Rule { prefix: prefix.into(), keep, ..Rule::default() }
    }

    fn hub() -> Hub {
        let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 1 };
        Hub::new(config, Rules::new([kept("kept:")]), Forms::default(), Metrics::new(1))
    }

    #[test]
    fn a_room_is_quiet_where_nobody_is_in_and_nothing_is_kept() {
        let hub = hub();
        hub.follow(&["followed:*".to_owned()], Arc::new(Follower));
        hub.registry.find_or_create("there");
        assert!(hub.quiet("nobody's").is_some());
        for loud in ["kept:a", "followed:a", "there", "", "\n"] {
            assert!(hub.quiet(loud).is_none(), "{loud:?}");
        }
    }

    #[test]
    fn it_is_sure_to_be_until_a_room_comes_to_be_or_a_follower_or_rules() {
        let hub = hub();
        let changes: [&dyn Fn(); 3] = [
            &|| drop(hub.registry.find_or_create("another's")),
            &|| {
                hub.follow(&["nobody's".to_owned()], Arc::new(Follower));
            },
            &|| hub.set_rules([kept("nobody's")]),
        ];
        for change in changes {
            let quiet = hub.quiet("a").unwrap();
            assert!(hub.is_still(&quiet) && hub.is_still(&hub.quiet("a").unwrap()));
            change();
            assert!(!hub.is_still(&quiet));
        }
        assert!(hub.quiet("nobody's").is_none());
    }
}
