//! What the views answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// A fitted change that is so small beside the values themselves is none but for rounding.
const STILL: f64 = 1e-9;

/// A number, which is written without a point where it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Up to 2^53 every whole number is itself.
        if self.0.fract() == 0.0 && self.0.abs() < 9_007_199_254_740_992.0 {
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        f64::json_schema(generator)
    }
}

/// All figures.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MetricsStatistics", extend("examples" = [{
    "timestamp": "2026-01-01T12:00:00.000Z", "window_seconds": 60, "collection_count": 3600,
    "uptime_seconds": 3600.5, "counters": { "events_delivered_total": 1543 }, "gauges": { "sessions": 5 },
    "time_series_aggregations": {
        "sessions": { "count": 60, "min": 4, "max": 5, "avg": 4.5, "p50": 4, "p95": 5, "p99": 5 }
    },
    "last_collections": { "sessions": "2026-01-01T11:59:59.600Z" }
}]))]
pub struct Statistics {
    /// When this was said: RFC 3339.
    pub timestamp: String,
    /// Seconds back from now that the aggregations are over.
    pub window_seconds: u64,
    /// Samples taken since the gateway was started, one a second.
    pub collection_count: u64,
    /// Seconds since the gateway was started.
    pub uptime_seconds: f64,
    /// By counter: how far it has come since it was reset or the gateway was started. The unit is in the name;
    /// where there is none they are pieces.
    pub counters: BTreeMap<String, Number>,
    /// By gauge: its value now, in the unit that its name ends with.
    pub gauges: BTreeMap<String, Number>,
    /// By series: how its samples in the window were spread.
    pub time_series_aggregations: BTreeMap<String, Aggregation>,
    /// By series: when it was last sampled, RFC 3339.
    pub last_collections: BTreeMap<String, String>,
}

/// The names of all series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MetricsList", extend("examples" = [{ "total_metrics": 2, "metrics": ["events_delivered_total", "sessions"] }]))]
pub struct List {
    /// How many there are.
    pub total_metrics: usize,
    /// Their names, in order.
    pub metrics: Vec<String>,
}

/// How a series' samples in a window were spread, in the series' own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MetricAggregation", extend("examples" = [{ "count": 60, "min": 4, "max": 5, "avg": 4.5, "p50": 4, "p95": 5, "p99": 5 }]))]
pub struct Aggregation {
    /// Samples.
    pub count: usize,
    /// The smallest.
    pub min: Number,
    /// The largest.
    pub max: Number,
    /// Their mean.
    pub avg: Number,
    /// The sample that half of them are not above.
    pub p50: Number,
    /// The sample that 95 of a hundred are not above.
    pub p95: Number,
    /// The sample that 99 of a hundred are not above.
    pub p99: Number,
}

impl Aggregation {
    /// None where there is no value.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let rank = |share: f64| {
            let rank = (values.len() as f64 * share).ceil() as usize;
            Number(values[rank.clamp(1, values.len()) - 1])
        };
        Some(Self {
            count: values.len(),
            min: Number(min),
            max: Number(max),
            avg: Number(values.iter().sum::<f64>() / values.len() as f64),
            p50: rank(0.50),
            p95: rank(0.95),
            p99: rank(0.99),
        })
    }
}

/// Where a series goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MetricDirection")]
pub enum Direction {
    /// Up.
    Increasing,
    /// Down.
    Decreasing,
    /// Nowhere.
    Stable,
}

/// The straight line that fits a series' samples in a window best, by least squares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MetricTrend", extend("examples" = [{ "direction": "increasing", "slope": 0.25, "data_points": 300, "window_seconds": 300 }]))]
pub struct Trend {
    /// Where it goes.
    pub direction: Direction,
    /// How steeply: in the series' own unit, per second.
    pub slope: Number,
    /// Samples.
    pub data_points: usize,
    /// Seconds back from now that they are from.
    pub window_seconds: u64,
}

impl Trend {
    /// Of values with their times in seconds; none where there is none.
    pub(super) fn of(points: &[(f64, f64)], window_seconds: u64) -> Option<Self> {
        let count = points.len() as f64;
        let (first, last) = (points.first()?, points.last()?);
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (mean_time, mean_value) = (mean(|point| point.0), mean(|point| point.1));
        let (mut together, mut alone) = (0.0, 0.0);
        for (time, value) in points {
            together += (time - mean_time) * (value - mean_value);
            alone += (time - mean_time).powi(2);
        }
        let slope = if alone > 0.0 { together / alone } else { 0.0 };
        let largest = points.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
        let change = slope * (last.0 - first.0);
        let (direction, slope) = match change {
            change if change.abs() <= largest * STILL => (Direction::Stable, 0.0),
            change if change > 0.0 => (Direction::Increasing, slope),
            _ => (Direction::Decreasing, slope),
        };
        Some(Self { direction, slope: Number(slope), data_points: points.len(), window_seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let all = Aggregation::of(values).unwrap();
        let ranks = [all.min, all.p50, all.p95, all.p99, all.max, all.avg];
        assert_eq!(ranks.map(|n| n.0), [1.0, 50.0, 95.0, 99.0, 100.0, 50.5]);
        let one = Aggregation::of(vec![7.0]).unwrap();
        assert_eq!((one.count, one.p50, one.p99), (1, Number(7.0), Number(7.0)));
        assert!(Aggregation::of(vec![]).is_none());
    }

    #[test]
    fn a_trend_is_the_line_that_fits_best() {
        let trend = |values: &[f64]| {
            let points: Vec<_> =
                values.iter().enumerate().map(|(n, value)| (1000.0 + n as f64, *value)).collect();
            Trend::of(&points, 60).map(|trend| (trend.direction, trend.slope.0))
        };
        assert_eq!(trend(&[1.0, 3.0, 5.0]), Some((Direction::Increasing, 2.0)));
        assert_eq!(trend(&[5.0, 4.0, 4.5, 3.0]), Some((Direction::Decreasing, -0.55)));
        assert_eq!(trend(&[0.1; 10]), Some((Direction::Stable, 0.0)), "but for rounding");
        assert_eq!((trend(&[9.0]), trend(&[])), (Some((Direction::Stable, 0.0)), None));
    }

    #[test]
    fn whole_numbers_have_no_point() {
        let text = serde_json::to_string(&[3.0, -1.0, 0.5, 1e300].map(Number)).unwrap();
        assert_eq!(text, "[3,-1,0.5,1e+300]");
    }
}
