//! What one shard counts: with one writer, before the write to the socket where an event is counted.

use std::sync::OnceLock;
use std::time::Instant;

use super::counter::{Count, Level};
use super::histogram::{Histogram, SIZES, TIMES};
use super::labels::ByLabel;
use super::types::ByType;
use crate::frame::EventType;

/// See the module's documentation.
#[derive(Debug)]
pub struct ShardCounters {
    /// Sessions opened, by dialect.
    pub opened: ByLabel,
    /// Sessions closed, by dialect.
    pub closed: ByLabel,
    /// Sessions closed, by reason.
    pub endings: ByLabel,
    /// Welcomes given to sessions.
    pub welcomes: Count,
    /// Data frames received from clients, bad ones too.
    pub received: Count,
    /// Bytes of their payloads.
    pub bytes_in: Count,
    /// Bytes of frames handed to sockets or backlogs.
    pub bytes_out: Count,
    /// Sessions whose socket refused a write with an error.
    pub send_errors: Count,
    /// Sessions closed because their backlog was full.
    pub slow_closes: Count,
    /// What was done where too much waited for a session.
    pub slow: Slow,
    /// Gaps told to sessions whose events were dropped.
    pub gaps_dropped: Count,
    /// Gaps told to sessions that a history has overtaken.
    pub gaps_overtaken: Count,
    /// Sessions for which something waits.
    pub slow_sessions: Level,
    /// Joins that asked for what came since a cursor and got all of it.
    pub recovered: Count,
    /// Joins that asked for more than the history still had.
    pub lost: Count,
    /// Criteria evaluated for an event, one per distinct criterion and event.
    pub criteria_evaluated: Count,
    /// Events whose data were read for criteria, once for all of them.
    pub criteria_read: Count,
    /// Frames, events and replies alike, that sockets have not taken.
    pub backlog_frames: Level,
    /// Their bytes.
    pub backlog_bytes: Level,
    /// Nanoseconds of each walk, from its beginning to its end; other rooms have had turns in it where it was cut.
    pub walk_time: Histogram,
    /// By walk: the sessions that it gave frames to.
    pub walk_size: Histogram,
    /// By tick of the shard's wheel: nanoseconds that it came late.
    pub lag: Histogram,
    /// Milliseconds from [`begun`](Self::begun) to the last tick; 0 before the first.
    ticked: Count,
    pub(super) begun: Instant,
    /// By number of the class.
    classes: OnceLock<Box<[ClassCounters]>>,
}

/// What one shard counts of the rooms of one class.
#[derive(Debug)]
pub struct ClassCounters {
    types: ByType<FrameCounts>,
    /// A sample for each event that this shard has walked to members: nanoseconds from its place in the room's order to
    /// the end of its walk, when the last member here had it on its socket or in its backlog.
    pub latency: Histogram,
}

/// Event frames of one type.
#[derive(Debug, Default)]
pub struct FrameCounts {
    /// Given to sessions, one per receiver.
    pub delivered: Count,
    /// Thrown away, as the session's backlog was full; may have been counted as given.
    pub dropped: Count,
}

/// How often too much waited for a session, by what it was too much for, and what was done.
#[derive(Debug, Default)]
pub struct Slow {
    /// For the session's own bound.
    pub session: SlowCounts,
    /// For the node's budget.
    pub node: SlowCounts,
}

/// What was done where too much waited for a session.
#[derive(Debug, Default)]
pub struct SlowCounts {
    /// Its oldest events were dropped.
    pub drops: Count,
    /// All but the newest of each key were dropped.
    pub latest: Count,
    /// Its events were left to be read from history.
    pub catches_up: Count,
    /// It was closed.
    pub closes: Count,
}

impl ShardCounters {
    pub(super) fn new() -> Self {
        Self {
            opened: ByLabel::default(),
            closed: ByLabel::default(),
            endings: ByLabel::default(),
            welcomes: Count::default(),
            received: Count::default(),
            bytes_in: Count::default(),
            bytes_out: Count::default(),
            send_errors: Count::default(),
            slow_closes: Count::default(),
            slow: Slow::default(),
            gaps_dropped: Count::default(),
            gaps_overtaken: Count::default(),
            slow_sessions: Level::default(),
            recovered: Count::default(),
            lost: Count::default(),
            criteria_evaluated: Count::default(),
            criteria_read: Count::default(),
            backlog_frames: Level::default(),
            backlog_bytes: Level::default(),
            walk_time: Histogram::new(&TIMES),
            walk_size: Histogram::new(&SIZES),
            lag: Histogram::new(&TIMES),
            ticked: Count::default(),
            begun: Instant::now(),
            classes: OnceLock::new(),
        }
    }

    /// Makes place for so many classes, once.
    pub(super) fn set_classes(&self, count: usize) {
        self.classes.get_or_init(|| (0..count).map(|_| ClassCounters::new()).collect());
    }

    pub(super) fn classes(&self) -> &[ClassCounters] {
        self.classes.get().map_or(&[], |classes| classes)
    }

    /// What is counted of a class of rooms.
    ///
    /// # Panics
    /// Where the hub has no such class: it gives the numbers.
    pub fn class(&self, class: u16) -> &ClassCounters {
        &self.classes()[usize::from(class)]
    }

    /// A frame of an event of type number `kind`, in a room of this class, is thrown away.
    pub fn dropped(&self, class: u16, kind: u32) {
        self.class(class).types.at(kind).dropped.add(1);
    }

    /// The shard's wheel has turned, which it should have done at `due`.
    pub fn tick(&self, due: Instant) {
        let now = Instant::now();
        self.lag.observe(now.saturating_duration_since(due).as_nanos() as u64);
        let since = now.duration_since(self.begun).as_millis() as u64;
        self.ticked.add(since.max(1).saturating_sub(self.ticked.get()));
    }

    /// Milliseconds since the shard's wheel turned last; none before it did.
    pub fn silent_for(&self) -> Option<u64> {
        let ticked = self.ticked.get();
        (ticked > 0).then(|| (self.begun.elapsed().as_millis() as u64).saturating_sub(ticked))
    }
}

impl ClassCounters {
    fn new() -> Self {
        Self { types: ByType::default(), latency: Histogram::new(&TIMES) }
    }

    /// What is counted of an event type.
    pub fn of(&self, kind: &EventType) -> &FrameCounts {
        self.types.of(kind)
    }

    /// All types that were counted.
    pub(super) fn all(&self) -> impl Iterator<Item = (&std::sync::Arc<str>, &FrameCounts)> {
        self.types.all()
    }
}
