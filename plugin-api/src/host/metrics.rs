//! The gateway's metrics.
#![allow(unsafe_code, reason = "a series' description is lent to the callback")]

use std::time::Duration;

use super::bridge::pairs;
use crate::abi::{self, Metric, MetricSpec, Str};
use crate::{Host, Result};

/// The gateway's metrics. A series is shown as `tidegate_plugin_<name>` with the label `plugin`; the same name and labels again are
/// the same series; under a name that the gateway or another kind of series has already nothing is shown. Names are `[a-z][a-z0-9_]*`; labels should be few and of few values.
#[derive(Debug, Clone)]
pub struct Metrics(pub(crate) Host);

/// A number that only grows.
#[derive(Debug, Clone)]
pub struct Counter(Series);

/// A number that goes up and down.
#[derive(Debug, Clone)]
pub struct Gauge(Series);

/// How often which duration was seen.
#[derive(Debug, Clone)]
pub struct Histogram(Series);

#[derive(Debug, Clone)]
struct Series {
    host: Host,
    metric: Metric,
}

impl Series {
    /// A series counts on while the plugin is stopped by whoever stops it: there is nobody to tell of a failure.
    fn record(&self, value: i64) {
        let _ = self.host.bridge().record(self.metric, value);
    }
}

impl Metrics {
    /// A number that only grows, shown with `_total` behind its name.
    ///
    /// # Errors
    /// `INVALID` for a bad name or label, `CONFLICT` where the name is of another kind.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Counter> {
        self.open(abi::METRIC_COUNTER, name, help, labels, 1).map(Counter)
    }

    /// A number that goes up and down.
    ///
    /// # Errors
    /// As [`Metrics::counter`].
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Gauge> {
        self.open(abi::METRIC_GAUGE, name, help, labels, 1).map(Gauge)
    }

    /// A histogram of durations, shown in seconds.
    ///
    /// # Errors
    /// As [`Metrics::counter`].
    pub fn histogram(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Histogram> {
        self.open(abi::METRIC_HISTOGRAM, name, help, labels, 1_000_000).map(Histogram)
    }

    fn open(
        &self,
        kind: u32,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        per_unit: u64,
    ) -> Result<Series> {
        let labels = pairs(labels);
        let spec = MetricSpec {
            kind,
            reserved: 0,
            name: Str::new(name),
            help: Str::new(help),
            labels: labels.as_ptr(),
            labels_len: labels.len() as u64,
            per_unit,
            buckets: std::ptr::null(),
            buckets_len: 0,
        };
        // SAFETY: all that it leads to is in `name`, `help` and `labels`.
        let metric = unsafe { self.0.bridge().metric(&spec) }?;
        Ok(Series { host: self.0.clone(), metric })
    }
}

impl Counter {
    /// Adds.
    pub fn add(&self, n: u32) {
        self.0.record(n.into());
    }
}

impl Gauge {
    /// Sets.
    pub fn set(&self, value: i64) {
        self.0.record(value);
    }
}

impl Histogram {
    /// Observes a duration.
    pub fn observe(&self, duration: Duration) {
        self.0.record(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX));
    }
}
