//! Percentiles of short slices of time: a pause of the machine is in one or two of them, and in the percentiles of
//! the whole time alone.

use hdrhistogram::Histogram;

use super::{Percentiles, micros, times};
use crate::statistics::median;

/// Nanoseconds.
const LENGTH: u64 = 50_000_000;

/// Times by when they were taken.
pub(super) struct Slices {
    times: Histogram<u64>,
    /// The number of the slice that they are of.
    number: u64,
    /// Of the slices that are over.
    over: Vec<Percentiles>,
}

impl Slices {
    pub(super) fn new() -> Self {
        Self { times: times(), number: 0, over: Vec::new() }
    }

    /// Takes a time at `now`; both in nanoseconds.
    pub(super) fn record(&mut self, time: u64, now: u64) {
        let number = now / LENGTH;
        if number != self.number {
            self.end();
            self.number = number;
        }
        self.times.saturating_record(time);
    }

    fn end(&mut self) {
        if !self.times.is_empty() {
            self.over.push(Percentiles::of(&self.times));
            self.times.reset();
        }
    }

    /// Of each percentile the median over the slices that are over; zeros of none.
    pub(super) fn usual(&self) -> Percentiles {
        let middle = |of: fn(&Percentiles) -> f64| median(self.over.iter().map(of)).unwrap_or_default();
        Percentiles { p50: middle(|p| p.p50), p99: middle(|p| p.p99), p999: middle(|p| p.p999) }
    }
}

impl Percentiles {
    /// Of times in nanoseconds.
    pub(super) fn of(times: &Histogram<u64>) -> Self {
        let at = |share| micros(times, share);
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_does_not_change_what_is_usual() {
        let mut slices = Slices::new();
        for number in 1..=9 {
            for _ in 0..100 {
                slices.record(1_000_000, number * LENGTH);
            }
        }
        slices.record(40_000_000, 9 * LENGTH); // in the last slice that is over
        slices.record(1, 10 * LENGTH);
        let usual = slices.usual();
        assert!((usual.p99 - 1000.0).abs() < 10.0, "{usual:?}");
    }

    #[test]
    fn nothing_of_no_times() {
        assert!(Slices::new().usual().p99.abs() < f64::EPSILON);
    }
}
