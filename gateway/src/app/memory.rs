//! Memory of sessions that are gone, given back to the system. Their own heap does so by itself; the C library's, which TLS and plugins
//! take from, has to be asked.
#![allow(unsafe_code, reason = "asks the C library's allocator")]

use crate::metrics::Metrics;

/// Sessions that have to close before it is worth the allocator's time: it looks through all that it holds.
const WORTH: u64 = 1000;

/// Gives back what the C library's allocator keeps of many sessions that have closed: glibc holds on to it in the shards'
/// arenas, wherever a single block above it is still in use.
#[derive(Default)]
pub(super) struct GiveBack {
    /// Sessions that had closed when memory was last given back, and when it was last looked at.
    given: u64,
    seen: u64,
}

impl GiveBack {
    /// Looks whether many have closed since the last time, and no more do now; called about once a second.
    pub(super) fn look(&mut self, metrics: &Metrics) {
        let closed = metrics.sum(|shard| shard.closed.sum());
        let quiet = closed == std::mem::replace(&mut self.seen, closed);
        if quiet && closed - self.given >= WORTH {
            self.given = closed;
            trim();
        }
    }
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: glibc documents it as safe to call at any time, from any thread; it touches free memory alone.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}
