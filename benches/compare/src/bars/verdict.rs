//! What the measuring of a bar has come to: figures, each held to its limit.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::load::Measured;
use crate::statistics::median;

/// A share of the limit: a median as close to it may be on either side with the next goes.
const NEAR: f64 = 0.05;

/// What a figure is held to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Limit {
    /// The median of the goes is at most so much.
    AtMost(f64),
    /// The median of the goes is less.
    Below(f64),
    /// The median of the goes is at least so much.
    AtLeast(f64),
    /// Each go is at most so much.
    Each(f64),
}

/// A figure and what it is held to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What it is of.
    pub what: String,
    /// One of each go; none is a figure that is not met.
    pub goes: Vec<f64>,
    /// With the space before it where there is one.
    pub unit: String,
    /// What it must be.
    pub limit: Limit,
    /// What helps to judge it, such as the two sides of a ratio.
    pub note: String,
    /// How busy the load itself was.
    pub load: String,
}

/// What the measuring of a bar has come to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// In the order in which they were found.
    pub figures: Vec<Figure>,
    /// What programs have printed that show it by themselves.
    pub shown: String,
    /// Why there are no more figures than these, where something went wrong.
    pub failed: Option<String>,
}

impl Limit {
    fn bound(self) -> f64 {
        let (Self::AtMost(bound) | Self::Below(bound) | Self::AtLeast(bound) | Self::Each(bound)) = self;
        bound
    }

    /// In words, with this unit.
    pub fn told(self, unit: &str) -> String {
        let (words, after) = match self {
            Self::AtMost(_) => ("at most", ""),
            Self::Below(_) => ("below", ""),
            Self::AtLeast(_) => ("at least", ""),
            Self::Each(_) => ("at most", " each time"),
        };
        format!("{words} {}{unit}{after}", number(self.bound()))
    }
}

impl Figure {
    /// One without a note.
    pub fn new(what: impl Into<String>, goes: Vec<f64>, limit: Limit, unit: &str) -> Self {
        let unit = unit.to_owned();
        Self { what: what.into(), goes, unit, limit, note: String::new(), load: String::new() }
    }

    /// The same with a note.
    #[must_use]
    pub fn note(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// The same with more to its note.
    #[must_use]
    pub fn also(self, note: &str) -> Self {
        Self { note: format!("{}; {note}", self.note), ..self }
    }

    /// The same with how busy the load was.
    #[must_use]
    pub fn load(self, load: String) -> Self {
        Self { load, ..self }
    }

    /// What is held against the limit: the median of the goes, or the worst of them where each counts. No number of none.
    pub fn value(&self) -> f64 {
        let found = match self.limit {
            Limit::Each(_) => self.goes.iter().copied().max_by(f64::total_cmp),
            _ => median(self.goes.iter().copied()),
        };
        found.unwrap_or(f64::NAN)
    }

    /// Whether it is as it must be.
    pub fn met(&self) -> bool {
        let value = self.value();
        match self.limit {
            Limit::AtMost(most) | Limit::Each(most) => value <= most,
            Limit::Below(bound) => value < bound,
            Limit::AtLeast(least) => value >= least,
        }
    }

    /// Whether it is met or not.
    pub fn judged(&self) -> &'static str {
        if self.met() { "met" } else { "MISSED" }
    }

    /// Whether more goes may come to another verdict.
    fn near(&self) -> bool {
        let bound = self.limit.bound();
        !matches!(self.limit, Limit::Each(_)) && (self.value() - bound).abs() <= NEAR * bound
    }

    /// The least and the most of the goes, where there are several.
    pub fn spread(&self) -> Option<String> {
        let least = self.goes.iter().copied().min_by(f64::total_cmp)?;
        let most = self.goes.iter().copied().max_by(f64::total_cmp)?;
        (self.goes.len() > 1).then(|| format!("{}–{}", number(least), number(most)))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, unit, note, load, .. } = self;
        let spread = self.spread().map(|spread| format!("{spread}; ")).unwrap_or_default();
        let limit = self.limit.told(unit);
        write!(f, "{what}: {}{unit} ({spread}bar: {limit}): {}", number(self.value()), self.judged())?;
        let notes = [note, load].into_iter().filter(|note| !note.is_empty());
        for note in notes {
            write!(f, "; {note}")?;
        }
        if self.near() { f.write_str("; near its limit: --goes 5") } else { Ok(()) }
    }
}

impl Verdict {
    /// Takes a figure, and tells of it.
    pub(super) fn hold(&mut self, figure: Figure) {
        println!("{figure}");
        self.figures.push(figure);
    }

    /// Holds against the gateway what did not come to those who read, or came twice.
    pub(super) fn complete<'a>(&mut self, runs: impl Iterator<Item = &'a Measured>) {
        let wrong = runs.map(|run| run.wrong() as f64).collect();
        self.hold(Figure::new("deliveries too few or too many", wrong, Limit::Each(0.0), ""));
    }

    /// Whether there is something, nothing is left out, and all of it is as it must be.
    pub fn met(&self) -> bool {
        self.failed.is_none() && !self.figures.is_empty() && self.figures.iter().all(Figure::met)
    }
}

/// As many digits as say something.
pub fn number(value: f64) -> String {
    match value.abs() {
        whole if whole.fract() == 0.0 => format!("{value:.0}"),
        1000.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// How busy the load was in these runs: the cores that it took, or, at a rate, where it always looks at the clock, how late
/// it sent.
pub(super) fn load<'a>(runs: impl Iterator<Item = &'a Measured> + Clone) -> String {
    let middle = |of: fn(&Measured) -> f64| median(runs.clone().map(of)).unwrap_or(f64::NAN);
    if runs.clone().any(|run| run.paced) {
        return format!("sent late by {:.0} µs (p99)", middle(|run| run.late_p99));
    }
    cores(middle(|run| run.own_cpu / run.seconds))
}

/// The same of cores alone.
pub(super) fn cores(cores: f64) -> String {
    format!("load itself {cores:.2} cores")
}

#[cfg(test)]
mod tests {
    use super::{Figure, Limit, Verdict};

    fn figure(goes: &[f64], limit: Limit) -> Figure {
        Figure::new("x", goes.to_vec(), limit, "×")
    }

    #[test]
    fn the_median_is_held_to_the_limit_or_each_go() {
        let met = |goes: &[f64], limit| figure(goes, limit).met();
        assert!(met(&[9.0, 1.0, 1.0], Limit::AtMost(1.0)) && !met(&[9.0, 1.0, 1.0], Limit::Each(1.0)));
        assert!(!met(&[1.0], Limit::Below(1.0)) && met(&[0.99], Limit::Below(1.0)));
        assert!(met(&[3.0], Limit::AtLeast(3.0)) && !met(&[2.9], Limit::AtLeast(3.0)));
        assert!(
            [Limit::AtMost(1.0), Limit::AtLeast(0.0), Limit::Each(1.0)].iter().all(|limit| !met(&[], *limit))
        );
        assert!(!Verdict::default().met());
    }

    #[test]
    fn a_figure_tells_its_spread_and_that_it_is_near() {
        let told = figure(&[0.98, 1.5, 0.2], Limit::AtMost(1.0)).to_string();
        assert_eq!(told, "x: 0.980× (0.200–1.500; bar: at most 1×): met; near its limit: --goes 5");
        assert_eq!(figure(&[2.0], Limit::Each(0.0)).to_string(), "x: 2× (bar: at most 0× each time): MISSED");
    }
}
