//! What a thread's connections have in common.

use std::sync::atomic::Ordering::Relaxed;

use crate::load::clock::{self, Schedule};
use crate::load::dialect::Publishing;
use crate::load::shared::{Shared, Sum};
use crate::load::tally::Tally;

/// Bytes of a message besides its event's payload, at most: as much for the wire's own words.
pub(in crate::load) const BESIDES: usize = 64 * 1024;

/// Accounts, and what is looked at for each delivery.
pub(super) struct Desk<'a> {
    pub(super) shared: &'a Shared,
    /// The thread's number.
    pub(super) thread: usize,
    pub(super) tally: Tally,
    /// What the others are told of it; its settled deliveries are given to all at once, too.
    pub(super) told: Sum,
    pub(super) settled: u64,
    /// When what is being handled has arrived.
    pub(super) now: u64,
    /// Where in a message the last event was found.
    pub(super) hint: usize,
    /// Bytes of a message at most.
    pub(super) longest: usize,
    /// None until it is known.
    pub(super) schedule: Option<Schedule>,
    /// Which filters let events through.
    pub(super) lets: Vec<bool>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(shared: &'a Shared, thread: usize, tally: Tally) -> Self {
        let plan = &shared.plan;
        let lets = plan.filters.iter().map(|filter| Publishing::lets(filter, &plan.event_type)).collect();
        Self {
            shared,
            thread,
            tally,
            told: Sum::default(),
            settled: 0,
            now: clock::now(),
            hint: 0,
            longest: plan.payload + BESIDES,
            schedule: None,
            lets,
        }
    }

    /// Something has arrived now.
    pub(super) fn arrived(&mut self) {
        self.now = clock::now();
    }

    /// Tells the others.
    pub(super) fn tell(&mut self) {
        if self.settled > 0 {
            self.shared.settle(std::mem::take(&mut self.settled), self.thread);
        }
        let live = &self.shared.live[self.thread];
        live.subscribers.store(self.told.subscribers, Relaxed);
        live.publishers.store(self.told.publishers, Relaxed);
        live.settled.store(self.told.settled, Relaxed);
        live.refused.store(self.told.refused, Relaxed);
        live.deliveries.store(self.told.deliveries, Relaxed);
        live.published.store(self.told.published, Relaxed);
        live.answered.store(self.told.answered, Relaxed);
        live.slow.store(self.told.slow, Relaxed);
    }

    /// Which of the filters is a subscriber's; none where there is none. Each room has members with each filter.
    pub(super) fn filter_of(&self, subscriber: u32) -> Option<usize> {
        let filters = self.lets.len();
        (filters > 0).then(|| self.shared.layout.rank(subscriber) as usize % filters)
    }
}
