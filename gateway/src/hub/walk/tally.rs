//! What a walk counts of each delivery: by the events' types.

use smallvec::SmallVec;

use super::Part;
use crate::metrics::{FrameCounts, ShardCounters};

/// Where a part's events are counted. They are of one type mostly, and a member takes them all: then a delivery is one
/// addition, and everything else stands out of the way.
pub(super) struct Tally<'a> {
    /// All events, a bit each.
    all: u64,
    first: OfType<'a>,
    others: SmallVec<[OfType<'a>; 1]>,
}

struct OfType<'a> {
    /// The events of this type, a bit each, and how many they are.
    events: u64,
    count: u64,
    frames: &'a FrameCounts,
}

impl<'a> Tally<'a> {
    /// None where the part has no event.
    pub(super) fn new(part: &Part, counters: &'a ShardCounters) -> Option<Self> {
        let class = counters.class(part.room.id.class);
        let mut tally: Option<Self> = None;
        for (bit, posted) in part.events.iter().enumerate() {
            let of = OfType { events: 1 << bit, count: 1, frames: class.of(&posted.kind) };
            match &mut tally {
                Some(tally) => tally.add(of),
                None => tally = Some(Self { all: part.all(), first: of, others: SmallVec::new() }),
            }
        }
        tally
    }

    fn add(&mut self, of: OfType<'a>) {
        let mut known = std::iter::once(&mut self.first).chain(&mut self.others);
        match known.find(|known| std::ptr::eq(known.frames, of.frames)) {
            Some(known) => {
                known.events |= of.events;
                known.count += 1;
            }
            None => self.others.push(of),
        }
    }

    /// One session is given these events.
    #[inline]
    pub(super) fn count(&self, mask: u64) {
        if mask == self.all && self.others.is_empty() {
            return self.first.frames.delivered.add(self.first.count);
        }
        self.count_each(mask);
    }

    #[cold]
    fn count_each(&self, mask: u64) {
        for of in std::iter::once(&self.first).chain(&self.others) {
            of.frames.delivered.add(u64::from((mask & of.events).count_ones()));
        }
    }
}
