//! The walk's share of a shard that has much else to do.

use std::time::{Duration, Instant};

use super::{Guest, SLICE, Shard};

/// What the walk gets at one time at most: about what the tasks of a round take at worst, so that it has half of the shard.
const MOST: Duration = Duration::from_millis(5);

impl<G: Guest> Shard<G> {
    /// Called each time that the shard's loop comes round, which it does after some dozens of tasks at most. Where events
    /// wait, the walk gets as much time as these tasks have taken: in the line of all tasks it would have a slice after thousands
    /// of handshakes, and live events would wait for all of them.
    pub fn keep_pace(&self) {
        if self.mailbox.bytes() == 0 {
            return self.paced.set(None);
        }
        let now = Instant::now();
        let taken = self.paced.get().map_or(Duration::ZERO, |last| now.duration_since(last));
        if taken <= 2 * SLICE {
            return self.paced.set(Some(now)); // its own task has its turn in time
        }
        self.slice(taken.min(MOST));
        self.paced.set(Some(Instant::now()));
    }
}
