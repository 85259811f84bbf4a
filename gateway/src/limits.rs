//! How often something may be done, and by whom: rules, and meters that keep them.
//!
//! A [`Rule`] says how much there may be, a [`Meter`] holds what one party has used of it, a [`Limiter`] has a meter
//! for each party of its kind (an address, a user …) and forgets those that have been quiet.

mod house;
mod limiter;
mod meter;

use std::time::Duration;

pub use house::{Limits, Settings};
pub use limiter::Limiter;
pub use meter::{Clock, Meter, Moment};

use crate::units::Rate;

/// How what was used is forgotten again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// The burst in any stretch of time as long as the rate needs for that many, so that "N a minute" means what it
    /// says. What was used before the present stretch is taken to have been spread evenly.
    #[default]
    Sliding,
    /// A token bucket: the burst at once, then at the rate.
    Bucket,
}

/// How much there may be of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At once; in units of what is counted.
    capacity: u32,
    /// Nanoseconds in which as many come back.
    span: u64,
    window: Window,
    /// Counts what it would refuse, and refuses nothing.
    pub dry_run: bool,
}

/// What a meter says of one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How much there may be at once.
    pub limit: u32,
    /// How much of it is left now.
    pub remaining: u32,
    /// Until all of it is back.
    pub reset: Duration,
    /// Where it was refused: how long until it could pass.
    pub retry_after: Option<Duration>,
}

impl Rule {
    /// `rate` on the long run, and `burst` at once (0: as many as the rate names); none where there is no limit.
    pub fn new(rate: Rate, burst: u32, window: Window, dry_run: bool) -> Option<Self> {
        let (count, per) = rate.get()?;
        let capacity = if burst == 0 { count } else { burst };
        let span = per.as_nanos() * u128::from(capacity) / u128::from(count);
        Some(Self { capacity, span: u64::try_from(span).unwrap_or(u64::MAX).max(1), window, dry_run })
    }
}

impl Verdict {
    /// Whether it may pass.
    pub const fn passes(&self) -> bool {
        self.retry_after.is_none()
    }
}
