//! Numbers that threads count in.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What tables and histograms count with: [`Count`] or [`Total`].
pub trait Counter: Default {
    /// Adds `n`.
    fn add(&self, n: u64);
    /// Its value.
    fn get(&self) -> u64;
}

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

/// A counter with many writing threads, off the hot path.
#[derive(Debug, Default)]
pub struct Total(AtomicU64);

impl Total {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What there is now, with one writing thread.
#[derive(Debug, Default)]
pub struct Level(AtomicU64);

impl Level {
    /// So much more; only ever called by the thread that owns the level.
    pub fn rise(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// So much less; only ever called by the thread that owns the level.
    pub fn fall(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(n), Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What there is now, with many writing threads, off the hot path. Threads may give back what others have added, and
/// a moment before these have.
#[derive(Debug, Default)]
pub struct Balance(AtomicI64);

impl Balance {
    /// So much more.
    pub fn rise(&self, n: u64) {
        self.0.fetch_add(n as i64, Ordering::Relaxed);
    }

    /// So much less.
    pub fn fall(&self, n: u64) {
        self.0.fetch_sub(n as i64, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed).max(0) as u64
    }
}

impl Counter for Count {
    fn add(&self, n: u64) {
        self.add(n);
    }

    fn get(&self) -> u64 {
        self.get()
    }
}

impl Counter for Total {
    fn add(&self, n: u64) {
        self.add(n);
    }

    fn get(&self) -> u64 {
        self.get()
    }
}
