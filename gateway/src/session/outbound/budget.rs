//! What may wait for all slow sessions of the node together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use crate::metrics::Metrics;

/// Nobody waits.
pub(super) const NEVER: u64 = u64::MAX;

/// Memory that backlogs hold, and whose turn it is to give some back. Only what is slow comes here: a frame
/// once a turn and shard, however many keep it, and a backlog where it grows.
pub struct Budget {
    begun: Instant,
    /// Bytes.
    limit: AtomicUsize,
    metrics: Arc<Metrics>,
    shards: Box<[Place]>,
}

/// A shard, as the others see it.
#[derive(Debug)]
struct Place {
    /// Since when the event waits that has waited longest here, by the budget's clock; may have been sent meanwhile.
    oldest: AtomicU64,
    /// The shard is to look whether its sessions have to give way.
    call: Notify,
}

impl Budget {
    /// Of `limit` bytes for the shards that `metrics` counts for.
    pub fn new(limit: usize, metrics: &Arc<Metrics>) -> Arc<Self> {
        let place = |_| Place { oldest: AtomicU64::new(NEVER), call: Notify::new() };
        Arc::new(Self {
            begun: Instant::now(),
            limit: AtomicUsize::new(limit),
            metrics: Arc::clone(metrics),
            shards: metrics.shards().map(place).collect(),
        })
    }

    /// From now on it is of `limit` bytes: what is over it goes at once.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.look();
    }

    /// Nanoseconds of its clock.
    pub(super) fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    pub(super) fn more(&self, bytes: usize) {
        self.metrics.backlog_held.rise(bytes as u64);
        self.look();
    }

    pub(super) fn less(&self, bytes: usize) {
        self.metrics.backlog_held.fall(bytes as u64);
    }

    pub(super) fn is_over(&self) -> bool {
        self.metrics.backlog_held.get() > self.limit.load(Ordering::Relaxed) as u64
    }

    /// Where more is held than may be, calls the shard that has the session furthest behind.
    pub(super) fn look(&self) {
        if self.is_over()
            && let Some(furthest) = self.furthest()
        {
            self.call(furthest);
        }
    }

    /// The shard in which an event has waited longest.
    pub(super) fn furthest(&self) -> Option<usize> {
        let waits = self.shards.iter().map(|place| place.oldest.load(Ordering::Relaxed)).enumerate();
        waits.filter(|(_, since)| *since < NEVER).min_by_key(|(_, since)| *since).map(|(shard, _)| shard)
    }

    pub(super) fn call(&self, shard: usize) {
        self.shards[shard].call.notify_one();
    }

    pub(super) async fn called(&self, shard: usize) {
        self.shards[shard].call.notified().await;
    }

    pub(super) fn set_oldest(&self, shard: usize, since: u64) {
        self.shards[shard].oldest.store(since, Ordering::Relaxed);
    }
}
