//! Families as plain figures, without labels.

use super::super::family::{Distribution, Family, Kind, Value};

/// A series' value at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) name: String,
    /// It never goes back.
    pub(super) counter: bool,
    pub(super) value: f64,
}

pub(super) fn figures(families: &[Family]) -> Vec<Figure> {
    let mut all = Vec::with_capacity(families.len());
    for family in families {
        let name = family.name.strip_prefix("tidegate_").unwrap_or(&family.name);
        let mut put = |suffix: &str, counter, value| {
            all.push(Figure { name: format!("{name}{suffix}"), counter, value });
        };
        match family.kind {
            Kind::Counter => put("_total", true, sum(family)),
            Kind::Gauge => put("", false, sum(family)),
            Kind::Histogram => {
                put("_count", true, seen(family).map(|seen| seen.count() as f64).sum());
                put("_sum", true, seen(family).map(|seen| seen.sum).sum());
            }
        }
    }
    all
}

fn sum(family: &Family) -> f64 {
    let number = |value: &Value| match value {
        Value::Number(number) => *number,
        Value::Distribution(_) => 0.0,
    };
    family.samples.iter().map(|sample| number(&sample.value)).sum()
}

fn seen(family: &Family) -> impl Iterator<Item = &Distribution> {
    family.samples.iter().filter_map(|sample| match &sample.value {
        Value::Distribution(seen) => Some(seen),
        Value::Number(_) => None,
    })
}
