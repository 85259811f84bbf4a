//! The gateway's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Host;

/// The time as the gateway counts it; the system's, where the gateway does not answer any more.
#[derive(Debug, Clone)]
pub struct Clock(pub(crate) Host);

impl Clock {
    /// Milliseconds since 1970. May be set back.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.0.bridge().now().map_or_else(system_ms, |now| now.time)
    }

    /// Time since some start; never goes back. `None` once the plugin is stopped.
    #[must_use]
    pub fn monotonic(&self) -> Option<Duration> {
        self.0.bridge().now().map(|now| Duration::from_nanos(now.monotonic_ns))
    }
}

fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
