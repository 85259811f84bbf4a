//! Filters: what sessions let through, each distinct one judged once per event.

use std::sync::Arc;

use hashbrown::HashMap;
use slab::Slab;

use super::types::matches;
use crate::frame::Posted;

/// A filter of a shard; [`FilterId::ALL`] lets everything through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterId(u32);

impl FilterId {
    /// No filter.
    pub const ALL: Self = Self(0);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Sorted patterns without doubles: equal sets are one filter.
pub(crate) type Patterns = Arc<[Arc<str>]>;

struct Entry {
    patterns: Patterns,
    holders: usize,
    /// By number of the event type, judged when one is first met.
    verdicts: Vec<Option<bool>>,
    /// The batch that it was asked about last, and what it has answered.
    judged: (u64, u64),
}

/// The filters of one shard's sessions.
pub(crate) struct Filters {
    /// The number of the batch that is judged now, from 1.
    batch: u64,
    entries: Slab<Entry>,
    by_patterns: HashMap<Patterns, u32, foldhash::fast::RandomState>,
}

impl Default for Filters {
    fn default() -> Self {
        let mut entries = Slab::new();
        entries.insert(Entry::new(Arc::new([]))); // FilterId::ALL
        Self { batch: 0, entries, by_patterns: HashMap::default() }
    }
}

impl Filters {
    /// The filter that lets through what one of `patterns` takes in, for one more holder.
    pub(crate) fn hold(&mut self, mut patterns: Vec<Arc<str>>) -> FilterId {
        patterns.sort();
        patterns.dedup();
        let patterns: Patterns = patterns.into();
        if let Some(&number) = self.by_patterns.get(&patterns) {
            self.entries[number as usize].holders += 1;
            return FilterId(number);
        }
        let number = self.entries.insert(Entry::new(Arc::clone(&patterns))) as u32;
        self.by_patterns.insert(patterns, number);
        FilterId(number)
    }

    /// One holder less.
    pub(crate) fn release(&mut self, filter: FilterId) {
        if filter == FilterId::ALL {
            return;
        }
        let entry = &mut self.entries[filter.index()];
        entry.holders -= 1;
        if entry.holders == 0 {
            let entry = self.entries.remove(filter.index());
            self.by_patterns.remove(&entry.patterns);
        }
    }

    /// The patterns of a filter; none for [`FilterId::ALL`].
    pub(crate) fn patterns(&self, filter: FilterId) -> Patterns {
        Arc::clone(&self.entries[filter.index()].patterns)
    }

    /// From here on [`judge`](Self::judge) is asked about another batch.
    pub(crate) fn begin_batch(&mut self) {
        self.batch += 1;
    }

    /// Which events of `batch` (64 at most) the filter lets through, a bit each; looked at once, however often
    /// it is asked.
    pub(crate) fn judge(&mut self, filter: FilterId, batch: &[Arc<Posted>]) -> u64 {
        let entry = &mut self.entries[filter.index()];
        if entry.judged.0 != self.batch {
            let bits = batch.iter().enumerate().map(|(bit, posted)| u64::from(entry.lets(posted)) << bit);
            let mask = bits.fold(0, |mask, bit| mask | bit);
            entry.judged = (self.batch, mask);
        }
        entry.judged.1
    }

    /// Whether the filter lets an event through.
    pub(crate) fn lets(&mut self, filter: FilterId, posted: &Posted) -> bool {
        filter == FilterId::ALL || self.entries[filter.index()].lets(posted)
    }
}

impl Entry {
    fn new(patterns: Patterns) -> Self {
        Self { patterns, holders: 1, verdicts: Vec::new(), judged: (0, 0) }
    }

    fn lets(&mut self, posted: &Posted) -> bool {
        let number = posted.kind.number as usize;
        if number >= self.verdicts.len() {
            self.verdicts.resize(number + 1, None);
        }
        *self.verdicts[number]
            .get_or_insert_with(|| self.patterns.iter().any(|p| matches(p, &posted.kind.name)))
    }
}
