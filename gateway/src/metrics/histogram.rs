//! Classic histograms: how many values were up to each bound.

use super::counter::{Count, Counter};
use super::family::Distribution;

/// Bounds of one scale at most.
const MOST: usize = 23;

/// The bounds of a histogram's buckets.
#[derive(Debug)]
pub struct Scale {
    /// Upper bounds, ascending, in the unit that is observed.
    bounds: &'static [u64],
    /// How many of that unit make the one that is shown.
    per_unit: f64,
}

/// Times in nanoseconds, shown in seconds: 10 µs, which is a few sends, to 10 s, after which nobody waits.
pub const TIMES: Scale = Scale {
    bounds: &[
        10_000,
        20_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        20_000_000,
        50_000_000,
        100_000_000,
        200_000_000,
        500_000_000,
        1_000_000_000,
        2_000_000_000,
        5_000_000_000,
        10_000_000_000,
    ],
    per_unit: 1e9,
};

/// Numbers of sessions.
pub const SIZES: Scale = Scale {
    bounds: &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000],
    per_unit: 1.0,
};

const _: () = assert!(TIMES.bounds.len() <= MOST && SIZES.bounds.len() <= MOST);

/// Counts values by size. By default with one writing thread.
#[derive(Debug)]
pub struct Histogram<C = Count> {
    scale: &'static Scale,
    /// By bound: values up to it and above the one before; behind the last one what is above all.
    buckets: [C; MOST + 1],
    sum: C,
}

impl<C: Counter> Histogram<C> {
    /// Without values.
    pub fn new(scale: &'static Scale) -> Self {
        Self { scale, buckets: std::array::from_fn(|_| C::default()), sum: C::default() }
    }

    /// Counts a value, in the scale's unit. Looked for from below: most values are small.
    pub fn observe(&self, value: u64) {
        let bounds = self.scale.bounds;
        let bucket = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        self.buckets[bucket].add(1);
        self.sum.add(value);
    }

    /// What was counted.
    pub fn distribution(&self) -> Distribution {
        let shown = |value: u64| value as f64 / self.scale.per_unit;
        Distribution {
            bounds: self.scale.bounds.iter().map(|bound| shown(*bound)).collect(),
            counts: self.buckets[..=self.scale.bounds.len()].iter().map(Counter::get).collect(),
            sum: shown(self.sum.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_up_to_the_first_bound_that_holds_it() {
        let histogram: Histogram = Histogram::new(&SIZES);
        [0, 1, 2, 3, 5, 100_000, 100_001].into_iter().for_each(|value| histogram.observe(value));
        let seen = histogram.distribution();
        assert_eq!((&seen.counts[..4], seen.counts[15], seen.counts[16]), (&[2, 1, 2, 0][..], 1, 1));
        assert_eq!((seen.bounds.len(), seen.counts.len(), seen.sum), (16, 17, 200_012.0));
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let histogram: Histogram = Histogram::new(&TIMES);
        histogram.observe(2_000_000);
        let seen = histogram.distribution();
        assert_eq!((seen.bounds[7], seen.counts[7], seen.sum), (0.002, 1, 0.002));
        assert!(seen.bounds.is_sorted_by(|a, b| a < b));
    }
}
