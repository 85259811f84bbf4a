//! Families of time series as they are at one moment: what the Prometheus page shows and the JSON views sample.

use std::borrow::Cow;
use std::sync::Arc;

/// How a family's values move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never goes back.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// Samples under one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// Starts with `tidegate_`; a counter's is without `_total`.
    pub name: Cow<'static, str>,
    /// One sentence, with the unit where the name does not say it.
    pub help: Cow<'static, str>,
    /// How its values move.
    pub kind: Kind,
    /// With different labels.
    pub samples: Vec<Sample>,
}

/// One value and what tells it from others of its family.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names and values.
    pub labels: Vec<(Cow<'static, str>, Arc<str>)>,
    /// The value.
    pub value: Value,
}

/// A sample's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Distribution(Distribution),
}

/// What a histogram has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Upper bounds, ascending.
    pub bounds: Vec<f64>,
    /// By bound: values up to it and above the one before; behind the last one what is above all.
    pub counts: Vec<u64>,
    /// All values added up.
    pub sum: f64,
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds another one of the same scale.
    pub fn merge(&mut self, other: Self) {
        if self.bounds.is_empty() {
            *self = other;
            return;
        }
        self.counts.iter_mut().zip(other.counts).for_each(|(ours, theirs)| *ours += theirs);
        self.sum += other.sum;
    }
}

impl Family {
    /// A family without samples.
    pub fn new(kind: Kind, name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), help: help.into(), kind, samples: Vec::new() }
    }

    /// A counter with one sample.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::new(Kind::Counter, name, help).with([], value as f64)
    }

    /// A gauge with one sample.
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::new(Kind::Gauge, name, help).with([], value)
    }

    /// Adds a sample.
    pub fn push<const N: usize>(&mut self, labels: [(&'static str, Arc<str>); N], value: f64) {
        let labels = labels.map(|(name, text)| (Cow::Borrowed(name), text)).into();
        self.samples.push(Sample { labels, value: Value::Number(value) });
    }

    /// The same with a sample more.
    #[must_use]
    pub fn with<const N: usize>(mut self, labels: [(&'static str, Arc<str>); N], value: f64) -> Self {
        self.push(labels, value);
        self
    }

    /// Adds a sample of a histogram.
    pub fn observe<const N: usize>(&mut self, labels: [(&'static str, Arc<str>); N], seen: Distribution) {
        let labels = labels.map(|(name, text)| (Cow::Borrowed(name), text)).into();
        self.samples.push(Sample { labels, value: Value::Distribution(seen) });
    }
}
