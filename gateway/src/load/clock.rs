//! Times of a run, all of them nanoseconds of the monotonic clock.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Now.
pub(super) fn now() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// The processor time that this process has taken.
pub(super) fn own_cpu() -> Duration {
    Duration::from_nanos(nanoseconds(clock_gettime(ClockId::ProcessCPUTime)))
}

/// The processor time that this thread has taken, nanoseconds.
pub(super) fn thread_cpu() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// When what happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The first event.
    pub(super) start: u64,
    /// From here on it counts.
    pub(super) warm: u64,
    /// Here publishing ends.
    pub(super) end: u64,
}

impl Schedule {
    /// Begins in a moment, so that every thread begins with the first event.
    pub(super) fn soon(warm_up: Duration, duration: Duration) -> Self {
        let start = now() + 5_000_000;
        let warm = start + warm_up.as_nanos() as u64;
        Self { start, warm, end: warm + duration.as_nanos() as u64 }
    }

    /// The same where nothing is to happen after `cut`.
    pub(super) fn until(self, cut: u64) -> Self {
        Self { start: self.start.min(cut), warm: self.warm.min(cut), end: self.end.min(cut) }
    }

    /// Whether a moment counts.
    pub(super) fn measures(&self, time: u64) -> bool {
        (self.warm..self.end).contains(&time)
    }
}
