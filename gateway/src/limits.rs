//! How often something may be done, and by whom: rules, and meters that keep them.
//!
//! A [`Rule`] says how much there may be, a [`Meter`] holds what one party has used of it, a limiter has a
//! meter for each party of its kind (an address, a user, a room …) and forgets those that have been quiet. [`Limits`]
//! has them all, and may share what its parties use with other nodes.

mod house;
mod limiter;
mod meter;
mod own;
mod publish;
mod recent;
mod settings;
mod shared;
mod told;

use std::time::Duration;

pub use house::Limits;
pub use meter::{Clock, Meter, Moment};
pub use own::{Asking, Own};
pub use publish::Publication;
pub use recent::{Party, Recent};
pub use settings::{Class, Publishes, Settings};
pub use shared::{BadStore, Store};
pub use told::{EXCEEDED, label, problem};

use crate::units::{ByteRate, Rate, Size};

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

/// The longest stretch in nanoseconds, nearly a hundred and fifty years: two of them are less than a clock can say.
const LONGEST: u64 = 1 << 62;

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
        Some(Self::of(count, per, burst, window, dry_run))
    }

    /// The same for bytes, whose window is a bucket: there what is owed for a large one is known exactly.
    pub fn of_bytes(rate: ByteRate, burst: Size, dry_run: bool) -> Option<Self> {
        let (count, per) = rate.get()?;
        let burst = u32::try_from(burst.bytes()).unwrap_or(u32::MAX);
        Some(Self::of(count, per, burst, Window::Bucket, dry_run))
    }

    fn of(count: u32, per: Duration, burst: u32, window: Window, dry_run: bool) -> Self {
        let capacity = if burst == 0 { count } else { burst };
        let span = per.as_nanos() * u128::from(capacity) / u128::from(count);
        Self { capacity, span: u64::try_from(span).unwrap_or(u64::MAX).clamp(1, LONGEST), window, dry_run }
    }

    /// Nanoseconds in which so much comes back.
    fn time_of(&self, cost: u32) -> u64 {
        let nanos = u128::from(cost) * u128::from(self.span) / u128::from(self.capacity);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Verdict {
    /// Whether it may pass.
    pub const fn passes(&self) -> bool {
        self.retry_after.is_none()
    }
}
