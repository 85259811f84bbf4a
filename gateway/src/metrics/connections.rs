//! What is counted of connections and requests, off the hot path: by any thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with many writing threads.
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

/// TCP connections, before it is known what they are for.
#[derive(Debug, Default)]
pub struct Connections {
    /// Accepted and handed to a shard.
    pub opened: Total,
    /// Ended.
    pub closed: Total,
    /// Closed at once: there are as many as there may be.
    pub refused_all: Total,
    /// Closed at once: there are as many from that address.
    pub refused_address: Total,
    /// Errors of `accept`, those for want of descriptors among them.
    pub accept_errors: Total,
}

/// Answers to HTTP requests.
#[derive(Debug, Default)]
pub struct Answers {
    classes: [Total; 5],
    /// Handlers that panicked.
    pub panics: Total,
    /// Requests that were no HTTP as it is spoken here.
    pub malformed: Total,
    /// Requests of an origin that is not listed.
    pub origins: Total,
}

impl Answers {
    /// Counts an answer.
    pub fn count(&self, status: u16) {
        if let Some(class) = self.classes.get(usize::from(status / 100).wrapping_sub(1)) {
            class.add(1);
        }
    }

    /// Answers by class: `1xx` (upgrades) to `5xx`.
    pub fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.classes.iter().map(Total::get))
    }
}
