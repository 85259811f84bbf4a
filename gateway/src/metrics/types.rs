//! A count for each event type, without a lock for those who count.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::frame::EventType;

/// Types of one block.
const BLOCK: usize = 64;
/// Blocks at most. What the numbers reach beyond is not counted: no gateway has so many types.
const BLOCKS: usize = 1024;

type Block = [Entry; BLOCK];

#[derive(Debug, Default)]
struct Entry {
    name: OnceLock<Arc<str>>,
    count: AtomicU64,
}

/// Blocks stay where they are once they are there, so that counting is one addition.
#[derive(Debug)]
pub(super) struct ByType([OnceLock<Box<Block>>; BLOCKS]);

impl Default for ByType {
    fn default() -> Self {
        Self(array::from_fn(|_| OnceLock::new()))
    }
}

impl ByType {
    /// One more of this type.
    pub(super) fn count(&self, kind: &EventType) {
        let number = kind.number as usize;
        let Some(block) = self.0.get(number / BLOCK) else { return };
        let block = block.get_or_init(|| Box::new(array::from_fn(|_| Entry::default())));
        let entry = &block[number % BLOCK];
        entry.name.get_or_init(|| Arc::clone(&kind.name));
        entry.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The types that were counted, in the order of their numbers.
    pub(super) fn all(&self) -> Vec<(Arc<str>, u64)> {
        let entries = self.0.iter().filter_map(OnceLock::get).flat_map(|block| block.iter());
        entries.filter_map(|e| Some((Arc::clone(e.name.get()?), e.count.load(Ordering::Relaxed)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: u32, name: &str) -> EventType {
        EventType { number, name: name.into() }
    }

    #[test]
    fn threads_count_the_same_types_and_none_is_lost() {
        let types = ByType::default();
        let kinds = [kind(0, "a"), kind(BLOCK as u32 * 3, "b")];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|i| types.count(&kinds[i % 2])));
            }
        });
        assert_eq!(types.all(), [("a".into(), 2000), ("b".into(), 2000)]);
    }

    #[test]
    fn a_number_beyond_the_table_is_let_go() {
        let types = ByType::default();
        types.count(&kind((BLOCK * BLOCKS) as u32, "far"));
        assert_eq!(types.all(), []);
    }
}
