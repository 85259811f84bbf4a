//! Time series that plugins open.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::metrics::page::escaped;

/// Series of one instance at most: labels of many values are a mistake that must not cost memory.
pub(super) const MOST: usize = 1000;
/// Upper bounds of durations in microseconds, where a plugin gives none.
pub(super) const DURATIONS: [i64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

/// What a series does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A time series.
pub(super) struct Series {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) help: String,
    per_unit: f64,
    value: AtomicI64,
    /// Upper bounds, with how many were seen up to each and above the one before.
    buckets: Vec<(i64, AtomicU64)>,
    /// Seen above the last bound.
    above: AtomicU64,
}

impl Series {
    pub(super) fn new(
        kind: Kind,
        name: String,
        help: String,
        labels: Vec<(String, String)>,
        per_unit: u64,
        bounds: Vec<i64>,
    ) -> Self {
        let buckets = bounds.into_iter().map(|bound| (bound, AtomicU64::new(0))).collect();
        let (value, above) = (AtomicI64::new(0), AtomicU64::new(0));
        Self { kind, name, labels, help, per_unit: per_unit as f64, value, buckets, above }
    }

    /// Adds, sets or observes; `false` where the kind does not take the value.
    pub(super) fn record(&self, value: i64) -> bool {
        match self.kind {
            Kind::Counter if value < 0 => return false,
            Kind::Counter => drop(self.value.fetch_add(value, Ordering::Relaxed)),
            Kind::Gauge => self.value.store(value, Ordering::Relaxed),
            Kind::Histogram => {
                self.value.fetch_add(value, Ordering::Relaxed);
                let bucket = self.buckets.iter().find(|(bound, _)| value <= *bound);
                bucket.map_or(&self.above, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
            }
        }
        true
    }
}

/// Writes the series of all instances, family by family. Writing to memory does not fail.
pub(super) fn write(page: &mut String, instances: &[(Arc<str>, Vec<&Series>)]) {
    let mut families: Vec<(&str, &Series)> = Vec::new();
    for (_, series) in instances {
        for one in series {
            if !families.iter().any(|(name, _)| *name == one.name) {
                families.push((&one.name, one));
            }
        }
    }
    for (name, first) in families {
        let (suffix, kind) = match first.kind {
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram => ("", "histogram"),
        };
        let name = format!("tidegate_plugin_{name}{suffix}");
        let help = first.help.replace(['\n', '\\'], " ");
        let _infallible = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (plugin, series) in instances {
            for one in series.iter().filter(|one| one.name == first.name && one.kind == first.kind) {
                sample(page, &name, plugin, one);
            }
        }
    }
}

/// Writes a family of the host's own: one sample for each plugin.
pub(super) fn family(page: &mut String, name: &str, kind: &str, help: &str, samples: &[(Arc<str>, f64)]) {
    let name = format!("tidegate_plugin_{name}");
    let _infallible = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (plugin, value) in samples {
        let _infallible = writeln!(page, "{name}{{plugin=\"{plugin}\"}} {value}");
    }
}

fn sample(page: &mut String, name: &str, plugin: &str, series: &Series) {
    let mut labels = format!("plugin=\"{plugin}\"");
    for (label, text) in &series.labels {
        let text = escaped(text);
        let _infallible = write!(labels, ",{label}=\"{text}\"");
    }
    let value = series.value.load(Ordering::Relaxed) as f64 / series.per_unit;
    if series.kind != Kind::Histogram {
        let _infallible = writeln!(page, "{name}{{{labels}}} {value}");
        return;
    }
    let mut seen = 0;
    for (bound, count) in &series.buckets {
        seen += count.load(Ordering::Relaxed);
        let bound = *bound as f64 / series.per_unit;
        let _infallible = writeln!(page, "{name}_bucket{{{labels},le=\"{bound}\"}} {seen}");
    }
    seen += series.above.load(Ordering::Relaxed);
    let _infallible = writeln!(page, "{name}_bucket{{{labels},le=\"+Inf\"}} {seen}");
    let _infallible = writeln!(page, "{name}_sum{{{labels}}} {value}\n{name}_count{{{labels}}} {seen}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let series =
            Series::new(Kind::Histogram, "lag".into(), "Lag.".into(), vec![], 1000, vec![1000, 2000]);
        [500, 1500, 2000, 9000].into_iter().for_each(|value| assert!(series.record(value)));
        let mut page = String::new();
        write(&mut page, &[("p".into(), vec![&series])]);
        assert!(page.contains("tidegate_plugin_lag_bucket{plugin=\"p\",le=\"1\"} 1\n"), "{page}");
        assert!(
            page.contains("le=\"2\"} 3\n")
                && page.contains("le=\"+Inf\"} 4\n")
                && page.contains("_sum{plugin=\"p\"} 13\n")
        );
    }

    #[test]
    fn a_counter_never_goes_back() {
        let series = Series::new(Kind::Counter, "rows".into(), "Rows.".into(), vec![], 1, vec![]);
        assert!(series.record(2) && !series.record(-1));
        let mut page = String::new();
        write(&mut page, &[("p".into(), vec![&series])]);
        assert!(page.contains("tidegate_plugin_rows_total{plugin=\"p\"} 2\n"), "{page}");
    }
}
