//! Times, by their magnitude: what percentiles are taken of.

use std::time::Duration;

/// Steps between a power of two and the next: a percentile is right to less than two hundredths.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
const BUCKETS: usize = ((u64::BITS - STEP_BITS + 1) as usize) << STEP_BITS;

/// A histogram of nanoseconds: one addition per time.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The time that this share of all, 0 to 1, is not above; zero of none.
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        Duration::from_nanos(reached.map_or(0, lowest))
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let magnitude = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = nanoseconds >> magnitude; // below 2 * STEPS
    (u64::from(magnitude) * STEPS + step) as usize
}

/// The least time of a bucket.
fn lowest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let magnitude = (bucket / STEPS).saturating_sub(1);
    (bucket - magnitude * STEPS) << magnitude
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{BUCKETS, Histogram, bucket, lowest};

    #[test]
    fn percentiles_are_the_times_at_these_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), Duration::ZERO);
        (1..=100).for_each(|time| histogram.record(time));
        let at = |share| histogram.percentile(share).as_nanos();
        assert_eq!((histogram.count(), at(0.0), at(0.5), at(0.99), at(1.0)), (100, 1, 50, 99, 100));
    }

    #[test]
    fn the_longest_time_has_a_place() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn a_bucket_is_right_to_two_hundredths(time: u64) {
            let lowest = lowest(bucket(time));
            prop_assert!(lowest <= time && time - lowest <= time / 64, "{time} counts as {lowest}");
        }
    }
}
