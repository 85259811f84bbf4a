//! Counts by a word of the program's own: a dialect, a reason.

use std::sync::OnceLock;

use super::counter::{Count, Counter};

/// Words of one table at most; those beyond are counted as [`OTHER`].
const MOST: usize = 20;
const OTHER: &str = "other";

/// A counter for each word that was counted, found by looking through them: there are few, and none is looked for on
/// the hot path.
#[derive(Debug)]
pub struct ByLabel<C = Count>([(OnceLock<&'static str>, C); MOST]);

impl<C: Counter> Default for ByLabel<C> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| (OnceLock::new(), C::default())))
    }
}

impl<C: Counter> ByLabel<C> {
    /// Has `label` shown though nothing of it was counted yet.
    pub fn know(&self, label: &'static str) {
        self.add(label, 0);
    }

    /// One more of `label`.
    pub fn count(&self, label: &'static str) {
        self.add(label, 1);
    }

    fn add(&self, label: &'static str, n: u64) {
        let (last, others) = (&self.0[MOST - 1], &self.0[..MOST - 1]);
        let found = others.iter().find(|(word, _)| *word.get_or_init(|| label) == label);
        let (_, counter) = found.unwrap_or_else(|| {
            last.0.get_or_init(|| OTHER);
            last
        });
        counter.add(n);
    }

    /// All that were counted.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().filter_map(|(word, counter)| Some((*word.get()?, counter.get())))
    }

    /// All together.
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|(_, counter)| counter.get()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Total;
    use super::*;

    #[test]
    fn threads_count_the_same_words() {
        let words: ByLabel<Total> = ByLabel::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..999).for_each(|i| words.count(["a", "b", "c"][i % 3])));
            }
        });
        let mut all: Vec<_> = words.all().collect();
        all.sort_unstable();
        assert_eq!(all, [("a", 1332), ("b", 1332), ("c", 1332)]);
        assert_eq!(words.sum(), 3996);
    }

    #[test]
    fn what_does_not_fit_is_counted_together() {
        let words: ByLabel = ByLabel::default();
        words.know("0");
        assert_eq!(words.all().collect::<Vec<_>>(), [("0", 0)]);
        for number in 0..MOST + 5 {
            words.count(Box::leak(number.to_string().into_boxed_str()));
        }
        assert_eq!(words.all().last(), Some((OTHER, 6)));
        assert_eq!(words.sum(), MOST as u64 + 5);
    }
}
