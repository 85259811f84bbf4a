//! Counters for each event type, without a lock for those who count.

use std::array;
use std::sync::{Arc, OnceLock};

use crate::frame::EventType;

/// Types of one block.
const BLOCK: usize = 64;
/// Blocks at most.
const BLOCKS: usize = 64;
/// What the numbers reach beyond the table is counted together, as its last entry.
const LAST: usize = BLOCK * BLOCKS - 1;
const OTHER: &str = "other";

#[derive(Debug, Default)]
struct Entry<T> {
    name: OnceLock<Arc<str>>,
    value: T,
}

/// Blocks stay where they are once they are there, so that who counts holds on to nothing.
#[derive(Debug)]
pub(super) struct ByType<T>([OnceLock<Box<[Entry<T>; BLOCK]>>; BLOCKS]);

impl<T> Default for ByType<T> {
    fn default() -> Self {
        Self(array::from_fn(|_| OnceLock::new()))
    }
}

impl<T: Default> ByType<T> {
    /// The counters of a type.
    pub(super) fn of(&self, kind: &EventType) -> &T {
        let entry = self.entry(kind.number);
        entry
            .name
            .get_or_init(|| if kind.number as usize >= LAST { OTHER.into() } else { Arc::clone(&kind.name) });
        &entry.value
    }

    /// The same by the type's number; it is not shown until it has been named by [`of`](Self::of).
    pub(super) fn at(&self, number: u32) -> &T {
        &self.entry(number).value
    }

    fn entry(&self, number: u32) -> &Entry<T> {
        let number = (number as usize).min(LAST);
        let block = self.0[number / BLOCK].get_or_init(|| Box::new(array::from_fn(|_| Entry::default())));
        &block[number % BLOCK]
    }

    /// The types that were counted, in the order of their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        let entries = self.0.iter().filter_map(OnceLock::get).flat_map(|block| block.iter());
        entries.filter_map(|entry| Some((entry.name.get()?, &entry.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Total;
    use super::*;

    fn kind(number: u32, name: &str) -> EventType {
        EventType { number, name: name.into() }
    }

    fn all(types: &ByType<Total>) -> Vec<(&str, u64)> {
        types.all().map(|(name, count)| (&**name, count.get())).collect()
    }

    #[test]
    fn threads_count_the_same_types_and_none_is_lost() {
        let types: ByType<Total> = ByType::default();
        let kinds = [kind(0, "a"), kind(BLOCK as u32 * 3, "b")];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|i| types.of(&kinds[i % 2]).add(1)));
            }
        });
        types.at(0).add(1);
        assert_eq!(all(&types), [("a", 2001), ("b", 2000)]);
    }

    #[test]
    fn what_is_beyond_the_table_is_counted_together() {
        let types: ByType<Total> = ByType::default();
        for number in [LAST as u32, LAST as u32 + 1, u32::MAX] {
            types.of(&kind(number, "far")).add(1);
        }
        assert_eq!(all(&types), [("other", 3)]);
    }
}
