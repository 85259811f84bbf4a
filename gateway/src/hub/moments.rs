//! Moments in the life of sessions, for those who watch them: plugins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::Slot;
use super::types::matches;
use crate::frame::{Timestamp, is_unnamed};
use crate::identity::Principal;

/// What happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there.
    Open,
    /// It came into a room.
    Join(Arc<str>),
    /// It left a room, or leaves it with its end.
    Leave(Arc<str>),
    /// It has ended.
    Close {
        /// The close code; 1006 where the connection was lost.
        code: u16,
        /// The reason that went with it.
        reason: Box<str>,
    },
}

impl Change {
    fn kind(&self) -> Kinds {
        match self {
            Self::Open => Kinds::OPEN,
            Self::Join(_) => Kinds::JOIN,
            Self::Leave(_) => Kinds::LEAVE,
            Self::Close { .. } => Kinds::CLOSE,
        }
    }

    /// Whether something begins with it that another change ends.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Open | Self::Join(_))
    }

    /// The room that it is about.
    pub fn room(&self) -> Option<&Arc<str>> {
        match self {
            Self::Join(room) | Self::Leave(room) => Some(room),
            Self::Open | Self::Close { .. } => None,
        }
    }
}

/// Something that happened to a session.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What.
    pub change: Change,
    /// The session's place.
    pub slot: Slot,
    /// Its name for people.
    pub connection_id: Arc<str>,
    /// The path of its endpoint.
    pub endpoint: Arc<str>,
    /// Whose it is.
    pub principal: Arc<Principal>,
    /// When.
    pub time: Timestamp,
}

/// A set of kinds of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// [`Change::Open`].
    pub const OPEN: Self = Self(1);
    /// [`Change::Join`].
    pub const JOIN: Self = Self(2);
    /// [`Change::Leave`].
    pub const LEAVE: Self = Self(4);
    /// [`Change::Close`].
    pub const CLOSE: Self = Self(8);

    /// The kind of that name: `open`, `join`, `leave`, `close`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::OPEN),
            "join" => Some(Self::JOIN),
            "leave" => Some(Self::LEAVE),
            "close" => Some(Self::CLOSE),
            _ => None,
        }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which moments somebody watches.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Kinds of changes.
    pub kinds: Kinds,
    /// Patterns of rooms for joins and leaves; none: all.
    pub rooms: Option<Vec<String>>,
    /// Paths of endpoints; none: all.
    pub endpoints: Option<Vec<String>>,
}

impl Wanted {
    fn takes(&self, moment: &Moment) -> bool {
        let room = |room: &Arc<str>| match &self.rooms {
            Some(patterns) => patterns.iter().any(|pattern| matches(pattern, room)),
            None => true,
        };
        self.kinds.has(moment.change.kind())
            && moment.change.room().is_none_or(room)
            && self.endpoints.as_ref().is_none_or(|paths| paths.iter().any(|path| **path == *moment.endpoint))
    }
}

/// Is told of moments.
pub trait Watcher: Send + Sync {
    /// Called on the session's shard, in the order of the session: takes it, or does without; never waits.
    fn told(&self, moment: &Arc<Moment>);
}

/// Somebody who watches.
#[derive(Clone)]
struct Entry {
    number: u64,
    wanted: Wanted,
    watcher: Arc<dyn Watcher>,
}

/// Who watches sessions.
#[derive(Default)]
pub struct Moments {
    /// What anybody wants, so that what nobody wants costs one look.
    kinds: AtomicU8,
    numbers: AtomicU64,
    entries: ArcSwap<Vec<Entry>>,
}

impl Moments {
    /// Has `watcher` told of these from now on; the number undoes it.
    pub fn add(&self, wanted: Wanted, watcher: Arc<dyn Watcher>) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let entry = Entry { number, wanted, watcher };
        self.entries.rcu(|entries| entries.iter().cloned().chain([entry.clone()]).collect::<Vec<_>>());
        self.note();
        number
    }

    /// Undoes [`add`](Self::add).
    pub fn remove(&self, number: u64) {
        let others = |entries: &Arc<Vec<Entry>>| -> Vec<Entry> {
            entries.iter().filter(|entry| entry.number != number).cloned().collect()
        };
        self.entries.rcu(others);
        self.note();
    }

    fn note(&self) {
        let kinds = self.entries.load().iter().fold(0, |kinds, entry| kinds | entry.wanted.kinds.0);
        self.kinds.store(kinds, Ordering::Relaxed);
    }

    /// Whether anybody wants to be told of such a change. Nobody wants those of rooms that have no name.
    pub fn want(&self, change: &Change) -> bool {
        Kinds(self.kinds.load(Ordering::Relaxed)).has(change.kind())
            && !change.room().is_some_and(|room| is_unnamed(room))
    }

    /// Tells whoever wants it.
    pub fn tell(&self, moment: Moment) {
        let moment = Arc::new(moment);
        for entry in self.entries.load().iter().filter(|entry| entry.wanted.takes(&moment)) {
            entry.watcher.told(&moment);
        }
    }
}
