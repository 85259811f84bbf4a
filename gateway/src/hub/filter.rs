//! Filters: what sessions let through, each distinct one judged once per event.

use std::sync::Arc;

use hashbrown::HashMap;
use slab::Slab;

use super::criteria::{Criteria, Criterion, Readings};
use super::types::matches;
use super::walk::MOST_EVENTS;
use crate::frame::Posted;
use crate::metrics::ShardCounters;

/// A filter of a shard; [`FilterId::ALL`] lets everything through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterId(u32);

impl FilterId {
    /// No filter.
    pub const ALL: Self = Self(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a session lets through: events of its types that its criterion holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// None: any.
    types: Option<Arc<[Arc<str>]>>,
    criterion: Option<Arc<Criterion>>,
}

impl Filter {
    /// The filter that lets through what one of `types` takes in, or any type where there are none, and what
    /// `criterion` holds for.
    pub fn new(types: Vec<Arc<str>>, criterion: Option<Arc<Criterion>>) -> Self {
        match types.is_empty() {
            true => Self { types: None, criterion },
            false => Self { criterion, ..Self::only(types) },
        }
    }

    /// The filter that lets through what one of `types` takes in, and nothing where there are none.
    pub fn only(mut types: Vec<Arc<str>>) -> Self {
        types.sort();
        types.dedup();
        Self { types: Some(types.into()), criterion: None }
    }

    /// Types and patterns, sorted, without doubles.
    pub fn types(&self) -> &[Arc<str>] {
        self.types.as_deref().unwrap_or_default()
    }

    /// What events have to be like besides.
    pub fn criterion(&self) -> Option<&Arc<Criterion>> {
        self.criterion.as_ref()
    }

    /// Whether its types let an event of this one through.
    pub fn takes(&self, kind: &str) -> bool {
        let types = self.types.as_deref();
        types.is_none_or(|types| types.iter().any(|pattern| matches(pattern, kind)))
    }

    fn lets_all_through(&self) -> bool {
        self.types.is_none() && self.criterion.is_none()
    }
}

impl From<Vec<Arc<str>>> for Filter {
    fn from(types: Vec<Arc<str>>) -> Self {
        Self::new(types, None)
    }
}

struct Entry {
    filter: Filter,
    /// The number of its criterion.
    criterion: Option<u32>,
    holders: usize,
    /// By number of the event type, judged when one is first met.
    verdicts: Vec<Option<bool>>,
    /// The batch that it was asked about last, and what it has answered.
    judged: (u64, u64),
}

/// The filters of one shard's sessions.
pub struct Filters {
    /// The number of the batch that is judged now, from 1.
    batch: u64,
    entries: Slab<Entry>,
    by_filter: HashMap<Filter, u32, foldhash::fast::RandomState>,
    /// Filters of several types may have one criterion.
    criteria: Criteria,
}

impl Filters {
    /// None but [`FilterId::ALL`].
    pub fn new(counters: Arc<ShardCounters>) -> Self {
        let mut entries = Slab::new();
        entries.insert(Entry::new(Filter::default(), None)); // FilterId::ALL
        Self { batch: 0, entries, by_filter: HashMap::default(), criteria: Criteria::new(counters) }
    }

    /// The number of `filter`, for one more holder.
    pub fn hold(&mut self, filter: Filter) -> FilterId {
        if filter.lets_all_through() {
            return FilterId::ALL;
        }
        if let Some(&number) = self.by_filter.get(&filter) {
            self.entries[number as usize].holders += 1;
            return FilterId(number);
        }
        let criterion = filter.criterion().map(|criterion| self.criteria.hold(criterion));
        let number = self.entries.insert(Entry::new(filter.clone(), criterion)) as u32;
        self.by_filter.insert(filter, number);
        FilterId(number)
    }

    /// One holder less.
    pub fn release(&mut self, filter: FilterId) {
        if filter == FilterId::ALL {
            return;
        }
        let entry = &mut self.entries[filter.index()];
        entry.holders -= 1;
        if entry.holders == 0 {
            let entry = self.entries.remove(filter.index());
            self.by_filter.remove(&entry.filter);
            if let Some(criterion) = entry.criterion {
                self.criteria.release(criterion);
            }
        }
    }

    /// What a filter lets through.
    pub(super) fn filter(&self, filter: FilterId) -> &Filter {
        &self.entries[filter.index()].filter
    }

    /// From here on [`judge`](Self::judge) is asked about another batch.
    pub(super) fn begin_batch(&mut self) {
        self.batch += 1;
    }

    /// Which events of `batch` (64 at most) the filter lets through, a bit each; looked at once, however often
    /// it is asked. `readings` are this batch's, and keep what criteria have found also where it is left and begun anew.
    #[inline]
    pub(super) fn judge(
        &mut self,
        filter: FilterId,
        batch: &[Arc<Posted>],
        readings: &mut Option<Box<Readings>>,
    ) -> u64 {
        let (judged, mask) = self.entries[filter.index()].judged;
        if judged == self.batch { mask } else { self.judge_anew(filter, batch, readings) }
    }

    /// Out of the walk's loop, which mostly asks again.
    #[inline(never)]
    fn judge_anew(
        &mut self,
        filter: FilterId,
        batch: &[Arc<Posted>],
        readings: &mut Option<Box<Readings>>,
    ) -> u64 {
        let entry = &mut self.entries[filter.index()];
        let bits = batch.iter().enumerate().map(|(bit, posted)| u64::from(entry.lets(posted)) << bit);
        let mut mask = bits.fold(0, |mask, bit| mask | bit);
        if let Some(criterion) = entry.criterion.filter(|_| mask != 0) {
            mask = self.criteria.judge(criterion, mask, batch, readings.get_or_insert_default());
        }
        entry.judged = (self.batch, mask);
        mask
    }

    /// Those of `events` that the filter lets through.
    pub fn let_through(&mut self, filter: FilterId, events: &[Arc<Posted>]) -> Vec<Arc<Posted>> {
        if filter == FilterId::ALL {
            return events.to_vec();
        }
        let mut through = Vec::new();
        for batch in events.chunks(MOST_EVENTS) {
            self.begin_batch();
            let mask = self.judge(filter, batch, &mut None);
            let passing = batch.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
            through.extend(passing.map(|(_, posted)| Arc::clone(posted)));
        }
        through
    }
}

impl Entry {
    fn new(filter: Filter, criterion: Option<u32>) -> Self {
        Self { filter, criterion, holders: 1, verdicts: Vec::new(), judged: (0, 0) }
    }

    /// Whether the types let an event through.
    fn lets(&mut self, posted: &Posted) -> bool {
        let number = posted.kind.number as usize;
        if number >= self.verdicts.len() {
            self.verdicts.resize(number + 1, None);
        }
        *self.verdicts[number].get_or_insert_with(|| self.filter.takes(&posted.kind.name))
    }
}
