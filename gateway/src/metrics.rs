//! What is counted. On the hot path each shard counts for itself, with one writer and no read-modify-write; who
//! reads adds up.

mod connections;
pub mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use connections::{Answers, Connections, Total};

use crate::frame::{EventType, Timestamp};

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
    /// Writes that the socket refused with an error.
    pub send_errors: Count,
    /// Sessions closed because their backlog was full.
    pub slow_closes: Count,
    /// Bytes in backlogs come, and gone.
    pub backlog_in: Count,
    /// See `backlog_in`.
    pub backlog_out: Count,
}

/// What all shards and threads count.
#[derive(Debug)]
pub struct Metrics {
    /// TCP connections.
    pub connections: Connections,
    /// Answers to HTTP requests.
    pub answers: Answers,
    shards: Box<[Arc<ShardCounters>]>,
    broadcasts: AtomicU64,
    published: Mutex<Vec<(Arc<str>, u64)>>,
    last_broadcast: AtomicU64,
}

impl Metrics {
    /// For so many shards.
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: Connections::default(),
            answers: Answers::default(),
            shards: (0..shards).map(|_| Arc::default()).collect(),
            broadcasts: AtomicU64::new(0),
            published: Mutex::default(),
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
        let mut published = self.published.lock();
        let index = kind.number as usize;
        if published.len() <= index {
            published.resize(index + 1, ("".into(), 0));
        }
        let entry = &mut published[index];
        if entry.1 == 0 {
            entry.0 = Arc::clone(&kind.name);
        }
        entry.1 += 1;
        drop(published);
        if reached {
            self.broadcasts.fetch_add(1, Ordering::Relaxed);
            self.last_broadcast.store(Timestamp::now().0 as u64, Ordering::Relaxed);
        }
    }

    /// Events published, by type.
    pub fn published_by_type(&self) -> Vec<(Arc<str>, u64)> {
        self.published.lock().iter().filter(|(_, n)| *n > 0).cloned().collect()
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
