//! What a run must not be: `p99>5ms`.

use std::fmt;
use std::str::FromStr;

use super::report::Report;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Microseconds.
    Time,
    Number,
    /// Bytes.
    Size,
}

/// A figure of a report.
struct Metric {
    name: &'static str,
    unit: Unit,
    /// None where it was not measured.
    read: fn(&Report) -> Option<f64>,
}

/// The figures that there are.
static METRICS: &[Metric] = {
    const fn metric(name: &'static str, unit: Unit, read: fn(&Report) -> Option<f64>) -> Metric {
        Metric { name, unit, read }
    }
    &[
        metric("p50", Unit::Time, |report| Some(report.latency.times.as_ref()?.p50_us)),
        metric("p90", Unit::Time, |report| Some(report.latency.times.as_ref()?.p90_us)),
        metric("p99", Unit::Time, |report| Some(report.latency.times.as_ref()?.p99_us)),
        metric("p99.9", Unit::Time, |report| Some(report.latency.times.as_ref()?.p999_us)),
        metric("max", Unit::Time, |report| Some(report.latency.times.as_ref()?.max_us)),
        metric("mean", Unit::Time, |report| Some(report.latency.times.as_ref()?.mean_us)),
        metric("connect_p50", Unit::Time, |report| Some(report.connections.times.as_ref()?.p50_us)),
        metric("connect_p99", Unit::Time, |report| Some(report.connections.times.as_ref()?.p99_us)),
        metric("connect_max", Unit::Time, |report| Some(report.connections.times.as_ref()?.max_us)),
        metric("connects_per_s", Unit::Number, |report| Some(report.connections.per_s)),
        metric("refused", Unit::Number, |report| Some(report.connections.refused as f64)),
        metric("closed", Unit::Number, |report| Some(report.closed() as f64)),
        metric("deliveries", Unit::Number, |report| Some(report.deliveries.total as f64)),
        metric("deliveries_per_s", Unit::Number, |report| Some(report.deliveries.per_s)),
        metric("published_per_s", Unit::Number, |report| Some(report.published.per_s)),
        metric("publish_refused", Unit::Number, |report| Some(report.published.refused as f64)),
        metric("unsent", Unit::Number, |report| Some(report.published.unsent as f64)),
        metric("missing", Unit::Number, |report| Some(report.integrity.missing as f64)),
        metric("doubled", Unit::Number, |report| Some(report.integrity.doubled as f64)),
        metric("torn", Unit::Number, |report| Some(report.integrity.torn as f64)),
        metric("disordered", Unit::Number, |report| Some(report.integrity.disordered as f64)),
        metric("strayed", Unit::Number, |report| Some(report.integrity.strayed as f64)),
        metric("gaps", Unit::Number, |report| Some(report.integrity.gaps as f64)),
        metric("cpu", Unit::Time, |report| report.server.as_ref()?.cpu_us_per_delivery),
        metric("server_cores", Unit::Number, |report| Some(report.server.as_ref()?.cores)),
        metric("memory", Unit::Size, |report| report.server.as_ref()?.bytes_per_connection),
        metric("late_p99", Unit::Time, |report| Some(report.generator.late.as_ref()?.p99_us)),
        metric("late_max", Unit::Time, |report| Some(report.generator.late.as_ref()?.max_us)),
        metric("generator_cores", Unit::Number, |report| Some(report.generator.cores)),
    ]
};

/// The names of all figures.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|metric| metric.name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    NotEqual,
}

impl Operator {
    const ALL: [(&'static str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

/// Why an expression is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadThreshold {
    /// Nothing compares.
    #[error("'{0}' compares nothing; it needs one of > >= < <= == !=, as in p99>5ms")]
    NoOperator(String),
    /// No such figure.
    #[error("'{name}' in '{text}' is no figure of a run; there are {}", names().collect::<Vec<_>>().join(", "))]
    Metric {
        /// The expression.
        text: String,
        /// What stands in place of a figure's name.
        name: String,
    },
    /// The bound cannot be read.
    #[error("'{bound}' in '{text}' is no {expected}")]
    Bound {
        /// The expression.
        text: String,
        /// What stands behind the operator.
        bound: String,
        /// What should.
        expected: &'static str,
    },
}

/// What a run must not be.
#[derive(Clone)]
pub struct Threshold {
    text: String,
    metric: &'static Metric,
    operator: Operator,
    bound: f64,
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Threshold").field(&self.text).finish()
    }
}

/// What has become of a threshold.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Verdict {
    /// As it was given.
    pub threshold: String,
    /// Whether the run failed it.
    pub failed: bool,
    /// What the figure is, in words, or why there is none. A figure that was not measured fails the run, as nobody knows.
    pub was: String,
}

impl FromStr for Threshold {
    type Err = BadThreshold;

    fn from_str(text: &str) -> Result<Self, BadThreshold> {
        let at = text.find(['<', '>', '=', '!']);
        let found = at.and_then(|at| {
            let (name, rest) = text.split_at(at);
            let (sign, operator) = Operator::ALL.into_iter().find(|(sign, _)| rest.starts_with(sign))?;
            Some((name.trim(), operator, rest[sign.len()..].trim()))
        });
        let (name, operator, bound) = found.ok_or_else(|| BadThreshold::NoOperator(text.into()))?;
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let metric = metric.ok_or_else(|| BadThreshold::Metric { text: text.into(), name: name.into() })?;
        let expected = match metric.unit {
            Unit::Time => "time, such as 5ms or 250us",
            Unit::Number => "number",
            Unit::Size => "size, such as 1.5KiB",
        };
        let value = match metric.unit {
            Unit::Time => time(bound),
            Unit::Number => bound.parse().ok().filter(|number: &f64| number.is_finite()),
            Unit::Size => bound.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64),
        };
        let value =
            value.ok_or_else(|| BadThreshold::Bound { text: text.into(), bound: bound.into(), expected })?;
        Ok(Self { text: text.into(), metric, operator, bound: value })
    }
}

/// Microseconds of a time with its unit; it may have a fraction.
fn time(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "ns" => 0.001,
        "us" | "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" | "min" => 60e6,
        "h" => 3600e6,
        _ => return None,
    };
    Some(number * factor)
}

impl Threshold {
    /// Holds a run against it.
    pub fn judge(&self, report: &Report) -> Verdict {
        let (failed, was) = match (self.metric.read)(report) {
            None => (true, format!("{} was not measured", self.metric.name)),
            Some(value) => (self.operator.holds(value, self.bound), self.words(value)),
        };
        Verdict { threshold: self.text.clone(), failed, was }
    }

    fn words(&self, value: f64) -> String {
        let name = self.metric.name;
        match self.metric.unit {
            Unit::Time => format!("{name} is {}", micros(value)),
            Unit::Number if value.fract() == 0.0 => format!("{name} is {value}"),
            Unit::Number => format!("{name} is {value:.2}"),
            Unit::Size => format!("{name} is {value:.0} bytes"),
        }
    }
}

/// Microseconds as people read them.
pub(super) fn micros(value: f64) -> String {
    match value {
        1e6.. => format!("{:.2} s", value / 1e6),
        1e4.. => format!("{:.1} ms", value / 1e3),
        1e3.. => format!("{:.2} ms", value / 1e3),
        10.0.. => format!("{value:.0} µs"),
        _ => format!("{value:.2} µs"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Threshold>().unwrap_err().to_string()
    }

    #[test]
    fn expressions_are_read() {
        let cases = [
            ("p99>5ms", Operator::Above, 5000.0),
            ("p99.9 >= 1.5 s", Operator::AtLeast, 1.5e6),
            ("cpu>800ns", Operator::Above, 0.8),
            ("max>1h", Operator::Above, 3.6e9),
            ("connect_p99<250us", Operator::Below, 250.0),
            ("missing>0", Operator::Above, 0.0),
            ("deliveries_per_s <= 1e5", Operator::AtMost, 1e5),
            ("memory>1.5KiB", Operator::Above, 1536.0),
            ("closed==0", Operator::Equal, 0.0),
            ("late_p99>1ms", Operator::Above, 1000.0),
            ("refused!=0", Operator::NotEqual, 0.0),
        ];
        for (text, operator, bound) in cases {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!((threshold.operator, threshold.bound), (operator, bound), "{text}");
            assert!(text.starts_with(threshold.metric.name));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_there_is() {
        assert_eq!(error("p99"), "'p99' compares nothing; it needs one of > >= < <= == !=, as in p99>5ms");
        assert!(
            error("p98>5ms").starts_with("'p98' in 'p98>5ms' is no figure of a run; there are p50, p90, p99")
        );
        assert_eq!(error("p99>5"), "'5' in 'p99>5' is no time, such as 5ms or 250us");
        assert_eq!(error("missing>many"), "'many' in 'missing>many' is no number");
        assert_eq!(error("missing>NaN"), "'NaN' in 'missing>NaN' is no number");
        assert_eq!(
            error("p99=5ms"),
            "'p99=5ms' compares nothing; it needs one of > >= < <= == !=, as in p99>5ms"
        );
        assert_eq!(
            error("p99=>5ms"),
            "'p99=>5ms' compares nothing; it needs one of > >= < <= == !=, as in p99>5ms"
        );
    }

    #[test]
    fn times_read_as_people_write_them() {
        let shown = [0.25, 12.0, 1234.0, 56_789.0, 2_500_000.0].map(micros);
        assert_eq!(shown, ["0.25 µs", "12 µs", "1.23 ms", "56.8 ms", "2.50 s"]);
    }

    proptest! {
        #[test]
        fn any_text_may_be_given(text in "\\PC*") {
            if let Ok(threshold) = text.parse::<Threshold>() {
                prop_assert!(threshold.bound.is_finite());
            }
        }

        #[test]
        fn an_expression_of_parts_is_read(
            metric in 0..METRICS.len(), operator in 0..Operator::ALL.len(), number in 0.0..1e9_f64, space in " ?"
        ) {
            let (metric, (sign, operator)) = (&METRICS[metric], Operator::ALL[operator]);
            let unit = match metric.unit { Unit::Time => "us", Unit::Number | Unit::Size => "" };
            let number = number.round();
            let text = format!("{}{space}{sign}{space}{number}{unit}", metric.name);
            let threshold: Threshold = text.parse().unwrap();
            prop_assert_eq!((threshold.metric.name, threshold.operator), (metric.name, operator));
            prop_assert!((threshold.bound - number).abs() < 1e-6 * number.max(1.0));
        }
    }
}
