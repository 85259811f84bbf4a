//! The JSON views: figures now, over the last five minutes by the second, and over the last hour by twelve.
//!
//! A series is a counter or a gauge, its samples added up over all labels; a histogram is two counters, `_count` and
//! `_sum`. It is called as on the Prometheus page, without `tidegate_`.

mod answers;
mod figures;
mod ring;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::family::Family;
use crate::frame::Timestamp;
pub use answers::{Aggregation, Direction, List, Number, Statistics, Trend};
use figures::figures;
use ring::Ring;

/// See the module's documentation. Answers take up to milliseconds to work out: not on a shard's thread.
#[derive(Debug)]
pub struct Views {
    begun: Instant,
    state: Mutex<State>,
}

/// How many samples come to one of the hour's.
const SPARSE: u64 = 12;

#[derive(Debug, Default)]
struct State {
    /// Every sample.
    ring: Ring,
    /// One in [`SPARSE`], for what `ring` has forgotten.
    hour: Ring,
    /// Samples taken.
    collections: u64,
    /// By counter: what it stood at when the counters were reset.
    zero: BTreeMap<String, f64>,
}

impl Default for Views {
    fn default() -> Self {
        Self { begun: Instant::now(), state: Mutex::default() }
    }
}

impl Views {
    /// Takes a sample: `families` as they are now.
    pub fn sample(&self, families: &[Family]) {
        self.sample_at(self.begun.elapsed(), families);
    }

    fn sample_at(&self, at: Duration, families: &[Family]) {
        let mut state = self.state.lock();
        let (now, figures) = (Timestamp::now(), figures(families));
        if state.collections.is_multiple_of(SPARSE) {
            state.hour.push(at, now, &figures);
        }
        state.collections += 1;
        state.ring.push(at, now, &figures);
    }

    /// When the last `window` seconds began.
    fn since(&self, window: u64) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_secs(window))
    }

    /// Everything at once: `families` as they are now, and the samples of the last `window` seconds.
    pub fn statistics(&self, families: &[Family], window: u64) -> Statistics {
        let (since, state) = (self.since(window), self.state.lock());
        let (counters, gauges): (Vec<_>, Vec<_>) = figures(families).into_iter().partition(|f| f.counter);
        let aggregations = state
            .ring
            .names()
            .filter_map(|name| Some((name.to_owned(), Aggregation::of(state.values(name, since)?)?)));
        Statistics {
            timestamp: Timestamp::now().to_string(),
            window_seconds: window,
            collection_count: state.collections,
            uptime_seconds: self.begun.elapsed().as_secs_f64(),
            counters: counters.into_iter().map(|f| state.since_reset(f.name, f.value)).collect(),
            gauges: gauges.into_iter().map(|f| (f.name, Number(f.value))).collect(),
            time_series_aggregations: aggregations.collect(),
            last_collections: state.ring.last().map(|(name, at)| (name.to_owned(), at.to_string())).collect(),
        }
    }

    /// By counter: how much it grew per second, from the first sample of the last `window` seconds to the last.
    pub fn rates(&self, window: u64) -> BTreeMap<String, Number> {
        let (since, state) = (self.since(window), self.state.lock());
        let rate = |name: &str| {
            let points = state.series(name, since)?;
            let ((from, first), (to, last)) = (*points.first()?, *points.last()?);
            Some(if to > from { (last - first) / (to - from) } else { 0.0 })
        };
        let counters = state.ring.names().filter(|name| state.ring.is_counter(name));
        counters.map(|name| (name.to_owned(), Number(rate(name).unwrap_or(0.0)))).collect()
    }

    /// The names of all series.
    pub fn list(&self) -> List {
        let mut metrics: Vec<String> = self.state.lock().ring.names().map(str::to_owned).collect();
        metrics.sort_unstable();
        List { total_metrics: metrics.len(), metrics }
    }

    /// Where a series goes; nowhere where it has no sample in the last `window` seconds.
    pub fn trend(&self, name: &str, window: u64) -> Trend {
        let (since, state) = (self.since(window), self.state.lock());
        Trend::of(&state.points(name, since).unwrap_or_default(), window)
    }

    /// How a series was spread; none where it has no sample in the last `window` seconds.
    pub fn aggregation(&self, name: &str, window: u64) -> Option<Aggregation> {
        let (since, state) = (self.since(window), self.state.lock());
        Aggregation::of(state.values(name, since)?)
    }

    /// Has the views count from here on: `families` as they are now are their zero.
    pub fn reset_counters(&self, families: &[Family]) {
        let counters = figures(families).into_iter().filter(|figure| figure.counter);
        self.state.lock().zero = counters.map(|figure| (figure.name, figure.value)).collect();
    }

    /// Forgets all samples.
    pub fn clear_history(&self) {
        let mut state = self.state.lock();
        state.ring.clear();
        state.hour.clear();
    }
}

impl State {
    fn since_reset(&self, name: String, value: f64) -> (String, Number) {
        let zero = self.zero.get(&name).copied().unwrap_or(0.0);
        (name, Number((value - zero).max(0.0)))
    }

    /// A series' samples with their times in seconds: of evenly spaced ones those that reach far enough.
    fn series(&self, name: &str, since: Duration) -> Option<Vec<(f64, f64)>> {
        if self.ring.reaches(since) { self.ring.series(name, since) } else { self.hour.series(name, since) }
    }

    /// The same; those of a counter from before it was reset are 0.
    fn points(&self, name: &str, since: Duration) -> Option<Vec<(f64, f64)>> {
        let mut points = self.series(name, since)?;
        if let Some(zero) = self.zero.get(name) {
            points.iter_mut().for_each(|(_, value)| *value = (*value - zero).max(0.0));
        }
        Some(points)
    }

    fn values(&self, name: &str, since: Duration) -> Option<Vec<f64>> {
        Some(self.points(name, since)?.into_iter().map(|(_, value)| value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Distribution, Kind};
    use super::*;

    /// A gauge and a counter, both with two samples, and a histogram.
    fn families(gauge: f64, counter: f64) -> Vec<Family> {
        let mut times = Family::new(Kind::Histogram, "tidegate_t_seconds", "");
        times.observe([], Distribution { bounds: vec![1.0], counts: vec![2, 1], sum: 4.5 });
        let two = |kind, name: &'static str, value: f64| {
            let labels = |label: &'static str| [("l", label.into())];
            Family::new(kind, name, "").with(labels("a"), value - 1.0).with(labels("b"), 1.0)
        };
        vec![two(Kind::Gauge, "tidegate_rooms", gauge), two(Kind::Counter, "tidegate_events", counter), times]
    }

    /// Sampled in each of the last seconds.
    fn sampled(values: &[(f64, f64)]) -> Views {
        let views = Views { begun: Instant::now() - Duration::from_secs(1000), ..Views::default() };
        for (ago, (gauge, counter)) in (0..values.len()).rev().zip(values) {
            views.sample_at(Duration::from_secs(1000 - ago as u64), &families(*gauge, *counter));
        }
        views
    }

    #[test]
    fn series_are_added_up_over_labels_and_named_as_on_the_page() {
        let views = sampled(&[(3.0, 10.0)]);
        assert_eq!(views.list().metrics, ["events_total", "rooms", "t_seconds_count", "t_seconds_sum"]);
        let all = views.statistics(&families(4.0, 12.0), 60);
        assert_eq!((all.collection_count, all.window_seconds), (1, 60));
        assert_eq!(all.counters["events_total"], Number(12.0), "now, not when it was sampled");
        assert_eq!(
            (all.counters["t_seconds_count"], all.counters["t_seconds_sum"]),
            (Number(3.0), Number(4.5))
        );
        assert_eq!(all.gauges["rooms"], Number(4.0));
        assert_eq!(all.time_series_aggregations["rooms"].avg, Number(3.0));
        assert_eq!(all.last_collections.len(), 4);
        assert!(all.uptime_seconds >= 1000.0);
    }

    #[test]
    fn a_window_takes_the_last_seconds_and_no_more() {
        let views = sampled(&[(1.0, 0.0), (2.0, 5.0), (3.0, 10.0), (4.0, 20.0)]);
        let count = |window| views.aggregation("rooms", window).map(|a| a.count);
        assert_eq!((count(u64::MAX), count(60)), (Some(4), Some(4)));
        assert!(count(2).unwrap() < 4);
        assert_eq!(views.rates(60)["events_total"], Number(20.0 / 3.0));
        assert_eq!(views.rates(60).len(), 3, "counters alone");
        assert_eq!(views.trend("rooms", 60).direction, Direction::Increasing);
        assert!(views.trend("nothing", 60).data_points == 0 && views.aggregation("nothing", 60).is_none());
    }

    #[test]
    fn an_hour_is_remembered_by_fewer_samples() {
        let values: Vec<_> = (0..999).map(|second| (f64::from(second), 0.0)).collect();
        let views = sampled(&values);
        let count = |window| views.aggregation("rooms", window).unwrap().count;
        assert_eq!(count(u64::MAX), 84);
        assert!(count(60) > 12, "the last minutes are told by the second");
        let (whole, last) = (views.trend("rooms", u64::MAX), views.trend("rooms", 60));
        assert_eq!((whole.slope, last.slope), (Number(1.0), Number(1.0)));
    }

    #[test]
    fn a_reset_begins_at_zero_and_no_rate_goes_back() {
        let views = sampled(&[(1.0, 10.0), (1.0, 20.0)]);
        views.reset_counters(&families(1.0, 20.0));
        let all = views.statistics(&families(1.0, 23.0), 60);
        assert_eq!((all.counters["events_total"], all.gauges["rooms"]), (Number(3.0), Number(1.0)));
        assert_eq!(views.aggregation("events_total", 60).unwrap().max, Number(0.0));
        assert_eq!(views.rates(60)["events_total"], Number(10.0));
    }

    #[test]
    fn a_history_that_is_cleared_is_empty_and_goes_on() {
        let views = sampled(&[(1.0, 10.0), (2.0, 20.0)]);
        views.clear_history();
        assert!(views.aggregation("rooms", 60).is_none() && views.trend("rooms", 60).data_points == 0);
        assert_eq!((views.list().total_metrics, views.rates(60)["events_total"]), (4, Number(0.0)));
        assert!(views.statistics(&families(1.0, 1.0), 60).time_series_aggregations.is_empty());
        views.sample(&families(5.0, 30.0));
        assert_eq!(views.aggregation("rooms", 60).unwrap().count, 1);
    }
}
