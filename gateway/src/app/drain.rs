//! The drain: from the top down, within the configured times.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::house::House;
use crate::audit::Deed;
use crate::drain::Phase;
use crate::hub::{Cause, Order};

/// Between two groups of sessions that are told.
const STEP: Duration = Duration::from_millis(50);
/// Sessions of a group at least: a few are told at once.
const GROUP: usize = 100;
/// Clients come back within so many milliseconds, spread evenly.
const COME_BACK: u64 = 5000;

impl House {
    /// Brings everything to its end.
    pub(super) async fn drain(self) {
        let times = &self.config.drain;
        tracing::info!("draining");
        self.phase.advance(Phase::Notice);
        sleep(times.notice.get()).await;
        self.phase.advance(Phase::Closing);
        let end = Instant::now() + times.period.get() + times.grace.get();
        if timeout_at(end, self.end_sessions(times.period.get())).await.is_err() {
            tracing::warn!(
                connections = self.permits.open(),
                "the grace period is over: connections are cut"
            );
        }
        self.plugins.stop(times.grace.get()).await;
        self.phase.advance(Phase::Stopped);
        for shard in self.shards {
            if shard.join().is_err() {
                tracing::error!("a shard has panicked");
            }
        }
        self.hub.close_log();
        self.hub.audit().record(Deed::Stopped, |entry| entry);
        self.hub.audit().finish();
        tracing::info!("stopped");
    }

    /// Tells all sessions, group by group over `period`, and waits until every connection is closed.
    async fn end_sessions(&self, period: Duration) {
        let slots = self.hub.directory().all();
        let steps = (period.as_millis() / STEP.as_millis()).max(1) as usize;
        let group = slots.len().div_ceil(steps).max(GROUP);
        let mut next = Instant::now();
        for (number, slot) in slots.iter().enumerate() {
            if number > 0 && number % group == 0 {
                next += STEP;
                sleep_until(next).await;
            }
            // Spread by the number: neighbours come back at different times.
            let retry_after_ms = number as u64 * 7919 % COME_BACK;
            self.hub.order_slot(*slot, Order::Close(Cause::Drain { retry_after_ms }));
        }
        self.permits.all_returned().await;
    }
}
