//! Time series that plugins open.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::metrics::{Distribution, Family, Kind as Shown, Sample, Value};

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

/// The series of all instances, family by family. Where two would be written under one name, or one under a name of
/// `own`, the first stays: a page with a name twice is none that a reader takes.
pub(super) fn families(instances: &[(Arc<str>, Vec<&Series>)], own: &[Family]) -> Vec<Family> {
    let mut taken: HashSet<String> =
        own.iter().flat_map(|family| written(family.kind, &family.name)).collect();
    let mut families: Vec<Family> = Vec::new();
    for (plugin, series) in instances {
        for one in series {
            let name = format!("tidegate_plugin_{}", one.name);
            let kind = one.kind.shown();
            let found = families.iter().position(|family| family.name == name && family.kind == kind);
            let family = match found {
                Some(index) => &mut families[index],
                None if written(kind, &name).iter().any(|name| taken.contains(name)) => continue,
                None => {
                    taken.extend(written(kind, &name));
                    families.push(Family::new(kind, name, one.help.clone()));
                    families.last_mut().unwrap_or_else(|| unreachable!("it was put there"))
                }
            };
            family.samples.push(one.sample(plugin));
        }
    }
    families
}

/// The names under which a family's samples are written.
fn written(kind: Shown, name: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        Shown::Counter => &["_total"],
        Shown::Gauge => &[""],
        Shown::Histogram => &["", "_bucket", "_sum", "_count"],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

impl Kind {
    fn shown(self) -> Shown {
        match self {
            Self::Counter => Shown::Counter,
            Self::Gauge => Shown::Gauge,
            Self::Histogram => Shown::Histogram,
        }
    }
}

impl Series {
    fn sample(&self, plugin: &Arc<str>) -> Sample {
        let own = self.labels.iter().map(|(label, text)| (label.clone().into(), text.as_str().into()));
        let labels = [("plugin".into(), Arc::clone(plugin))].into_iter().chain(own).collect();
        let shown = |value: i64| value as f64 / self.per_unit;
        let sum = shown(self.value.load(Ordering::Relaxed));
        let value = match self.kind {
            Kind::Counter | Kind::Gauge => Value::Number(sum),
            Kind::Histogram => Value::Distribution(Distribution {
                bounds: self.buckets.iter().map(|(bound, _)| shown(*bound)).collect(),
                counts: (self.buckets.iter().map(|(_, count)| count))
                    .chain([&self.above])
                    .map(|count| count.load(Ordering::Relaxed))
                    .collect(),
                sum,
            }),
        };
        Sample { labels, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::page::{Format, write};

    fn page(instances: &[(Arc<str>, Vec<&Series>)], own: &[Family]) -> String {
        write(&families(instances, own), Format::Text)
    }

    fn series(kind: Kind, name: &str, bounds: Vec<i64>) -> Series {
        Series::new(kind, name.into(), "Help.".into(), vec![], 1000, bounds)
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let lag = series(Kind::Histogram, "lag", vec![1000, 2000]);
        [500, 1500, 2000, 9000].into_iter().for_each(|value| assert!(lag.record(value)));
        let page = page(&[("p".into(), vec![&lag])], &[]);
        assert!(page.contains("tidegate_plugin_lag_bucket{plugin=\"p\",le=\"1.0\"} 1\n"), "{page}");
        assert!(
            page.contains("le=\"2.0\"} 3\n")
                && page.contains("le=\"+Inf\"} 4\n")
                && page.contains("_sum{plugin=\"p\"} 13\n")
        );
    }

    #[test]
    fn a_counter_never_goes_back() {
        let rows = series(Kind::Counter, "rows", vec![]);
        assert!(rows.record(2000) && !rows.record(-1));
        let page = page(&[("p".into(), vec![&rows])], &[]);
        assert!(page.contains("tidegate_plugin_rows_total{plugin=\"p\"} 2\n"), "{page}");
    }

    #[test]
    fn no_name_is_written_twice() {
        let rows = series(Kind::Counter, "rows", vec![]);
        let (gauge, other) =
            (series(Kind::Gauge, "rows_total", vec![]), series(Kind::Counter, "rows", vec![]));
        let (up, count) = (series(Kind::Gauge, "up", vec![]), series(Kind::Gauge, "t_count", vec![]));
        let instances = [("p".into(), vec![&rows, &up]), ("q".into(), vec![&gauge, &other, &count])];
        let own = [
            Family::new(Shown::Gauge, "tidegate_plugin_up", ""),
            Family::new(Shown::Histogram, "tidegate_plugin_t", ""),
        ];
        let all = families(&instances, &own);
        assert_eq!((all.len(), &*all[0].name, all[0].samples.len()), (1, "tidegate_plugin_rows", 2));
    }
}
