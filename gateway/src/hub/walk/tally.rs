//! What a walk counts of each delivery: by the events' types.

use smallvec::SmallVec;

use super::Part;
use crate::metrics::{FrameCounts, ShardCounters};

/// Where a part's events are counted. They are of one type mostly, so that a delivery is one addition.
pub(super) struct Tally<'a> {
    /// All events, a bit each.
    all: u64,
    types: SmallVec<[OfType<'a>; 1]>,
}

struct OfType<'a> {
    /// The events of this type, a bit each, and how many they are.
    events: u64,
    count: u64,
    frames: &'a FrameCounts,
}

impl<'a> Tally<'a> {
    pub(super) fn new(part: &Part, counters: &'a ShardCounters) -> Self {
        let class = counters.class(part.room.id.class);
        let mut types: SmallVec<[OfType<'a>; 1]> = SmallVec::new();
        for (bit, posted) in part.events.iter().enumerate() {
            let (event, frames) = (1 << bit, class.of(&posted.kind));
            match types.iter_mut().find(|of| std::ptr::eq(of.frames, frames)) {
                Some(of) => {
                    of.events |= event;
                    of.count += 1;
                }
                None => types.push(OfType { events: event, count: 1, frames }),
            }
        }
        Self { all: part.all(), types }
    }

    /// One session is given these events.
    pub(super) fn count(&self, mask: u64) {
        if mask != self.all {
            return self.count_some(mask);
        }
        for of in &self.types {
            of.frames.delivered.add(of.count);
        }
    }

    /// Out of the way of those that take everything: counting bits is most of the work.
    #[cold]
    fn count_some(&self, mask: u64) {
        for of in &self.types {
            of.frames.delivered.add(u64::from((mask & of.events).count_ones()));
        }
    }
}
