//! What the benches share: a house with one shard, guests to fan out to, and a clock that stops while queues are emptied.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up says so by panicking")]

mod guest;
mod house;
mod publisher;

use std::time::{Duration, Instant};

use criterion::Bencher;
use criterion::measurement::WallTime;

pub use guest::{Loopback, Member, Outlet, Sink};
pub use house::{House, TYPE, event};
pub use publisher::{Into, Payload, Publisher, ROOM, schema};

/// Bytes of JSON in each event: what the project's figures are quoted at.
pub const PAYLOAD: usize = 200;
/// Events that are in flight at once: one at a time, and batches as busy rooms have them. A turn takes 64 at most.
pub const WINDOWS: [usize; 3] = [1, 16, 64];

/// Measures `work` alone: `settle` empties what it filled, while the clock stands.
pub fn measure(bencher: &mut Bencher<'_, WallTime>, mut work: impl FnMut(), mut settle: impl FnMut()) {
    bencher.iter_custom(|rounds| {
        let mut spent = Duration::ZERO;
        for _ in 0..rounds {
            let start = Instant::now();
            work();
            spent += start.elapsed();
            settle();
        }
        spent
    });
}
