//! Events of which many alike become few: the first at once, then at most one in a period, the last one at its end.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::rules::{Alike, Made};

/// Kinds of alike events that are told apart at most; those beyond go out as they come.
const MOST: usize = 10_000;

/// Events that wait for the end of their period.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    slots: HashMap<Alike, Slot>,
}

#[derive(Debug)]
struct Slot {
    ends: Instant,
    period: Duration,
    held: Option<(u64, Made)>,
}

impl Coalescer {
    /// Takes an event of the batch of that number; answers it where it may go out now.
    pub(super) fn take(&mut self, made: Made, batch: u64, now: Instant) -> Option<Made> {
        let Some((period, alike)) = &made.coalesce else { return Some(made) };
        let period = *period;
        if let Some(slot) = self.slots.get_mut(alike) {
            if slot.held.is_some() || now < slot.ends {
                // The one that was held is past: this one says what is.
                slot.held = Some((batch, made));
                return None;
            }
            slot.ends = now + period;
            return Some(made);
        }
        if self.slots.len() == MOST {
            self.slots.retain(|_, slot| slot.held.is_some() || now < slot.ends);
        }
        if self.slots.len() < MOST {
            self.slots.insert(alike.clone(), Slot { ends: now + period, period, held: None });
        }
        Some(made)
    }

    /// When the next one that is held goes out.
    pub(super) fn due(&self) -> Option<Instant> {
        self.slots.values().filter(|slot| slot.held.is_some()).map(|slot| slot.ends).min()
    }

    /// What is due, in the order of the changes.
    pub(super) fn release(&mut self, now: Instant) -> Vec<Made> {
        self.release_where(now, |slot| slot.ends <= now)
    }

    /// All that is held.
    pub(super) fn release_all(&mut self, now: Instant) -> Vec<Made> {
        self.release_where(now, |_| true)
    }

    fn release_where(&mut self, now: Instant, is_due: impl Fn(&Slot) -> bool) -> Vec<Made> {
        let due = self.slots.values_mut().filter(|slot| is_due(slot));
        let mut released: Vec<_> = due
            .filter_map(|slot| {
                let held = slot.held.take()?;
                slot.ends = now + slot.period;
                Some(held)
            })
            .collect();
        released.sort_by_key(|(batch, _)| *batch);
        released.into_iter().map(|(_, made)| made).collect()
    }

    /// The oldest batch of which something is held.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.slots.values().filter_map(|slot| slot.held.as_ref()).map(|(batch, _)| *batch).min()
    }
}
