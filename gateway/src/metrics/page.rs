//! The Prometheus page, in its own text format 0.0.4 or as OpenMetrics 1.0.0. Writing to memory does not fail.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use super::family::{Distribution, Family, Kind, Sample, Value};

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What every Prometheus reads.
    Text,
    /// Its standardised successor.
    OpenMetrics,
}

impl Format {
    /// The page's content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The whole page.
pub fn write(families: &[Family], format: Format) -> String {
    let mut page = String::with_capacity(16 * 1024);
    for family in families {
        describe(&mut page, family, format);
        let suffix = if family.kind == Kind::Counter { "_total" } else { "" };
        for sample in &family.samples {
            match &sample.value {
                Value::Number(value) => line(&mut page, &family.name, suffix, &sample.labels, None, *value),
                Value::Distribution(seen) => distribution(&mut page, &family.name, sample, seen),
            }
        }
    }
    if format == Format::OpenMetrics {
        page.push_str("# EOF\n");
    }
    page
}

/// OpenMetrics describes a counter by its name without `_total`, and gives the unit that a name ends with.
fn describe(page: &mut String, family: &Family, format: Format) {
    let (kind, suffix) = match family.kind {
        Kind::Counter => ("counter", "_total"),
        Kind::Gauge => ("gauge", ""),
        Kind::Histogram => ("histogram", ""),
    };
    let suffix = if format == Format::Text { suffix } else { "" };
    let (name, help) = (&family.name, escaped_help(&family.help, format));
    let _infallible = writeln!(page, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
    let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
    if let Some(unit) = unit.filter(|_| format == Format::OpenMetrics) {
        let _infallible = writeln!(page, "# UNIT {name} {unit}");
    }
}

fn distribution(page: &mut String, name: &str, sample: &Sample, seen: &Distribution) {
    let mut up_to = 0;
    let bounds = seen.bounds.iter().copied().chain([f64::INFINITY]);
    for (bound, count) in bounds.zip(&seen.counts) {
        up_to += count;
        line(page, name, "_bucket", &sample.labels, Some(bound), up_to as f64);
    }
    line(page, name, "_sum", &sample.labels, None, seen.sum);
    line(page, name, "_count", &sample.labels, None, up_to as f64);
}

fn line(
    page: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(Cow<'static, str>, Arc<str>)],
    bound: Option<f64>,
    value: f64,
) {
    let _infallible = write!(page, "{name}{suffix}");
    let mut separator = '{';
    for (label, text) in labels {
        let _infallible = write!(page, "{separator}{label}=\"{}\"", escaped(text));
        separator = ',';
    }
    if let Some(bound) = bound {
        let _infallible = write!(page, "{separator}le=\"{}\"", float(bound));
        separator = ',';
    }
    let end = if separator == '{' { "" } else { "}" };
    let _infallible = writeln!(page, "{end} {value}");
}

/// A bound as both formats write it: a float, even where it is whole.
fn float(bound: f64) -> String {
    if bound.is_infinite() {
        return "+Inf".to_owned();
    }
    let text = bound.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// A label's value as it stands between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn escaped_help(text: &str, format: Format) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if format == Format::OpenMetrics { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let mut times = Family::new(Kind::Histogram, "tidegate_t_seconds", "Times.");
        let seen = Distribution { bounds: vec![0.5, 1.0], counts: vec![1, 2, 3], sum: 9.5 };
        times.observe([("shard", "0".into())], seen);
        let events = Family::new(Kind::Counter, "tidegate_events", "Events \"seen\".\nAll.");
        vec![
            events.with([("event_type", "a\"b\\c\nd".into())], 7.0),
            Family::gauge("tidegate_rooms", "Rooms.", 2.0),
            times,
        ]
    }

    #[test]
    fn the_text_format() {
        let page = concat!(
            "# HELP tidegate_events_total Events \"seen\".\\nAll.\n",
            "# TYPE tidegate_events_total counter\n",
            "tidegate_events_total{event_type=\"a\\\"b\\\\c\\nd\"} 7\n",
            "# HELP tidegate_rooms Rooms.\n",
            "# TYPE tidegate_rooms gauge\n",
            "tidegate_rooms 2\n",
            "# HELP tidegate_t_seconds Times.\n",
            "# TYPE tidegate_t_seconds histogram\n",
            "tidegate_t_seconds_bucket{shard=\"0\",le=\"0.5\"} 1\n",
            "tidegate_t_seconds_bucket{shard=\"0\",le=\"1.0\"} 3\n",
            "tidegate_t_seconds_bucket{shard=\"0\",le=\"+Inf\"} 6\n",
            "tidegate_t_seconds_sum{shard=\"0\"} 9.5\n",
            "tidegate_t_seconds_count{shard=\"0\"} 6\n",
        );
        assert_eq!(write(&families(), Format::Text), page);
    }

    #[test]
    fn openmetrics_names_counters_and_units_and_ends() {
        let page = write(&families(), Format::OpenMetrics);
        assert!(page.starts_with(
            "# HELP tidegate_events Events \\\"seen\\\".\\nAll.\n# TYPE tidegate_events counter\ntidegate_events_total{"
        ));
        assert!(page.contains("# TYPE tidegate_t_seconds histogram\n# UNIT tidegate_t_seconds seconds\n"));
        assert!(page.ends_with("_count{shard=\"0\"} 6\n# EOF\n"));
    }
}
