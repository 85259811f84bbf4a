//! What is counted. On the hot path each shard counts for itself, with one writer and no read-modify-write; who
//! reads adds up.

mod connections;
pub mod page;
mod refusals;
mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use connections::{Answers, Connections, Total};
pub use refusals::Refusals;

use crate::frame::{EventType, Timestamp};
use types::ByType;

/// A counter with one writing thread.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`; only ever called by the thread that owns the counter.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard counts.
#[derive(Debug, Default)]
pub struct ShardCounters {
    /// Sessions opened.
    pub opened: Count,
    /// Sessions closed.
    pub closed: Count,
    /// Event frames given to sessions, one per receiver.
    pub delivered: Count,
    /// Welcomes given to sessions.
    pub welcomes: Count,
    /// Data frames received from clients, bad ones too.
    pub received: Count,
    /// Bytes of frames handed to sockets or backlogs.
    pub bytes_out: Count,
    /// Sessions whose socket refused a write with an error.
    pub send_errors: Count,
    /// Sessions closed because their backlog was full.
    pub slow_closes: Count,
}

/// What all shards and threads count.
#[derive(Debug)]
pub struct Metrics {
    /// TCP connections.
    pub connections: Connections,
    /// Answers to HTTP requests.
    pub answers: Answers,
    /// Credentials that did not hold.
    pub refusals: Refusals,
    shards: Box<[Arc<ShardCounters>]>,
    broadcasts: AtomicU64,
    published: ByType,
    last_broadcast: AtomicU64,
}

impl Metrics {
    /// For so many shards.
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: Connections::default(),
            answers: Answers::default(),
            refusals: Refusals::default(),
            shards: (0..shards).map(|_| Arc::default()).collect(),
            broadcasts: AtomicU64::new(0),
            published: ByType::default(),
            last_broadcast: AtomicU64::new(0),
        })
    }

    /// A shard's own counters.
    pub fn shard(&self, index: usize) -> &Arc<ShardCounters> {
        &self.shards[index]
    }

    /// Adds up one counter of all shards.
    pub fn sum(&self, counter: impl Fn(&ShardCounters) -> &Count) -> u64 {
        self.shards.iter().map(|shard| counter(shard).get()).sum()
    }

    /// An event was published, and reached at least one session or none.
    pub fn published(&self, kind: &EventType, reached: bool) {
        self.published.count(kind);
        if reached {
            self.broadcasts.fetch_add(1, Ordering::Relaxed);
            self.last_broadcast.store(Timestamp::now().0 as u64, Ordering::Relaxed);
        }
    }

    /// Events published, by type.
    pub fn published_by_type(&self) -> Vec<(Arc<str>, u64)> {
        self.published.all()
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
