//! How long something took, over all times that it was done.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Percentiles, microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// Half of all are below it.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
    /// On average.
    pub mean_us: f64,
    /// How many.
    pub samples: u64,
    /// All of them: pairs of a time and how many took as long or less, and longer than the pair before. Exact to 1 %.
    pub histogram: Vec<(f64, u64)>,
}

impl Times {
    /// Of nanoseconds; none where there are none.
    pub(super) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1e3,
            mean_us: histogram.mean() / 1e3,
            samples: histogram.len(),
            histogram: pairs(histogram),
        })
    }
}

/// Each step at most a hundredth above the one before, as far as something is in it.
fn pairs(histogram: &Histogram<u64>) -> Vec<(f64, u64)> {
    let mut pairs: Vec<(f64, u64)> = Vec::new();
    let mut begin = 0;
    for step in histogram.iter_recorded() {
        let (end, count) = (step.value_iterated_to(), step.count_at_value());
        match pairs.last_mut() {
            Some(last) if end <= begin + begin / 100 => *last = (end as f64 / 1e3, last.1 + count),
            _ => {
                begin = end;
                pairs.push((end as f64 / 1e3, count));
            }
        }
    }
    pairs
}
