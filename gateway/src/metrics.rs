//! What is counted. On the hot path each shard counts for itself, with one writer and no read-modify-write; who
//! reads adds up.
//!
//! Whoever shows figures makes [`Family`]s of them, which are written as one page or sampled into a history.

mod bus;
mod classes;
mod compression;
mod connections;
mod counter;
mod encodings;
mod family;
mod histogram;
mod labels;
mod link;
mod own;
pub mod page;
mod process;
mod refusals;
mod shard;
mod tls;
mod types;
mod views;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use bus::Bus;
pub use compression::Compression;
pub use connections::{Answers, Connections};
pub use counter::{Balance, Count, Counter, Level, Total};
pub use encodings::{Encodings, Wire};
pub use family::{Distribution, Family, Kind, Sample, Value};
pub use histogram::{Histogram, SIZES, Scale, TIMES};
pub use labels::ByLabel;
pub use link::Link;
pub use own::{Gauges, Log, families};
pub use refusals::Refusals;
pub use shard::{ClassCounters, FrameCounts, ShardCounters, Slow, SlowCounts};
pub use tls::{Certificates, Handshake, Tls};
pub use views::{Aggregation, Direction, List, Number, Statistics, Trend, Views};

use crate::frame::{EventType, Timestamp};
use classes::ClassTotals;

/// What all shards and threads count.
#[derive(Debug)]
pub struct Metrics {
    /// TCP connections.
    pub connections: Connections,
    /// TLS under them.
    pub tls: Tls,
    /// Answers to HTTP requests.
    pub answers: Answers,
    /// Requests of known principals, by how these are known.
    pub proofs: ByLabel<Total>,
    /// Compressed messages.
    pub compression: Compression,
    /// Encoded events.
    pub encodings: Encodings,
    /// Lines of the audit log.
    pub audit: AuditLines,
    /// Credentials that did not hold.
    pub refusals: Refusals,
    /// Requests for a session that were refused, by reason.
    pub handshakes: ByLabel<Total>,
    /// What limits have refused, or would have in a dry run, by limit.
    pub limited: ByLabel<Total>,
    /// Where nodes count together what limits have let pass.
    pub limit_store: Link,
    /// Events of other processes.
    pub bus: Bus,
    /// Publishes refused, as a mailbox was full.
    pub busy: Total,
    /// Bytes of memory that wait for slow sessions, what several share once.
    pub backlog_held: Balance,
    shards: Box<[Arc<ShardCounters>]>,
    broadcasts: AtomicU64,
    last_broadcast: AtomicU64,
    /// By number of the class.
    classes: OnceLock<Box<[ClassTotals]>>,
}

/// Lines of the audit log.
#[derive(Debug, Default)]
pub struct AuditLines {
    /// In the file.
    pub written: Total,
    /// Not there: too many at once, or the file could not be written.
    pub dropped: Total,
}

impl Metrics {
    /// For how long there has been something to count.
    pub fn age(&self) -> Duration {
        self.shards.first().map_or(Duration::ZERO, |shard| shard.begun.elapsed())
    }

    /// For so many shards.
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: Connections::default(),
            tls: Tls::default(),
            answers: Answers::default(),
            proofs: ByLabel::default(),
            compression: Compression::default(),
            encodings: Encodings::default(),
            audit: AuditLines::default(),
            refusals: Refusals::default(),
            handshakes: ByLabel::default(),
            limited: ByLabel::default(),
            limit_store: Link::default(),
            bus: Bus::default(),
            busy: Total::default(),
            backlog_held: Balance::default(),
            shards: (0..shards).map(|_| Arc::new(ShardCounters::new())).collect(),
            broadcasts: AtomicU64::new(0),
            last_broadcast: AtomicU64::new(0),
            classes: OnceLock::new(),
        })
    }

    /// Says which classes of rooms there are, by their numbers: what their names start with, and whether they keep
    /// history. The hub's to call, once, before anything is published.
    pub fn set_classes(&self, classes: impl IntoIterator<Item = (String, bool)>) {
        let classes = self.classes.get_or_init(|| {
            classes.into_iter().map(|(prefix, keeps)| ClassTotals::new(&prefix, keeps)).collect()
        });
        self.shards.iter().for_each(|shard| shard.set_classes(classes.len()));
    }

    fn classes(&self) -> &[ClassTotals] {
        self.classes.get().map_or(&[], |classes| classes)
    }

    /// A shard's own counters.
    pub fn shard(&self, index: usize) -> &Arc<ShardCounters> {
        &self.shards[index]
    }

    /// The counters of all shards.
    pub fn shards(&self) -> impl Iterator<Item = &ShardCounters> {
        self.shards.iter().map(|shard| &**shard)
    }

    /// Adds up something of all shards.
    pub fn sum(&self, of: impl Fn(&ShardCounters) -> u64) -> u64 {
        self.shards().map(of).sum()
    }

    /// Event frames given to sessions, one per receiver.
    pub fn delivered(&self) -> u64 {
        let types = self.shards().flat_map(|shard| shard.classes()).flat_map(|class| class.all());
        types.map(|(_, frames)| frames.delivered.get()).sum()
    }

    /// An event has got a place in a room of this class, or went to one that nobody is in.
    pub fn published(&self, kind: &EventType, class: u16) {
        if let Some(class) = self.classes().get(usize::from(class)) {
            class.count(kind);
        }
    }

    /// A publish has reached at least one session.
    pub fn reached(&self) {
        self.broadcasts.fetch_add(1, Ordering::Relaxed);
        self.last_broadcast.store(Timestamp::now().0 as u64, Ordering::Relaxed);
    }

    /// Publishes that reached at least one session.
    pub fn broadcasts(&self) -> u64 {
        self.broadcasts.load(Ordering::Relaxed)
    }

    /// When the last of them was.
    pub fn last_broadcast(&self) -> Option<Timestamp> {
        let ms = self.last_broadcast.load(Ordering::Relaxed);
        (ms > 0).then_some(Timestamp(ms as i64))
    }
}
