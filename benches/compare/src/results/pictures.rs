//! The pictures.

use super::Findings;
use super::tables::{TIMES, Time};
use crate::plot::{Plot, Series};
use crate::summary::{cell, cost};

/// The pictures' files, and what they show.
pub(super) const NAMES: [(&str, &str); 4] = [
    ("windows.svg", "Processor time per delivery over events in flight"),
    ("growth.svg", "Processor time per delivery over connections"),
    ("latency.svg", "Percentiles of the time from the publisher to each member"),
    ("memory.svg", "Memory per connection"),
];

/// Each with its file.
pub(super) fn all(findings: &Findings) -> [(&'static str, String); 4] {
    let pictures = [
        windows(findings).lines(),
        growth(findings).lines(),
        latency(findings).lines(),
        memory(findings).bars(),
    ];
    let mut pictures = pictures.into_iter();
    NAMES.map(|(file, _)| (file, pictures.next().unwrap_or_default())) // there are as many
}

const COST: &str = "server's CPU per delivery, µs";

/// Numbers, as far apart as their magnitudes.
fn magnitudes(numbers: impl Iterator<Item = u64>) -> Vec<(f64, String)> {
    numbers.map(|number| ((number as f64).log10(), number.to_string())).collect()
}

impl Findings {
    /// A series of each server, whose values `values` finds.
    fn series(&self, values: impl Fn(&str) -> Vec<(usize, f64)>) -> Vec<Series> {
        let series = |(style, entrant): (usize, &'static crate::servers::Entrant)| Series {
            name: entrant.title.to_owned(),
            style,
            strong: entrant.name == "tidegate",
            values: values(entrant.name),
        };
        self.servers().map(series).filter(|series| !series.values.is_empty()).collect()
    }
}

fn windows(findings: &Findings) -> Plot {
    let usual = findings.usual();
    let values = |name: &str| {
        let found = findings.windows.iter().enumerate().filter_map(|(case, &window)| {
            Some((case, cell(&findings.samples, name, usual, Some(window))?.median(cost)))
        });
        found.collect()
    };
    Plot {
        title: format!("What a delivery costs, {usual} connections"),
        across: "events in flight".to_owned(),
        up: COST.to_owned(),
        cases: magnitudes(findings.windows.iter().copied()),
        series: findings.series(values),
    }
}

fn growth(findings: &Findings) -> Plot {
    let window = crate::grid::MIDDLE;
    let window =
        findings.windows.iter().copied().find(|&known| known == window).or(findings.windows.last().copied());
    let values = |name: &str| {
        let found = findings.connections.iter().enumerate().filter_map(|(case, &connections)| {
            let cell = cell(&findings.samples, name, connections, window)?;
            (cell.connected() == connections).then(|| (case, cell.median(cost)))
        });
        found.collect()
    };
    Plot {
        title: format!("What a delivery costs, {} events in flight", window.unwrap_or_default()),
        across: "connections".to_owned(),
        up: COST.to_owned(),
        cases: magnitudes(findings.connections.iter().map(|&connections| connections as u64)),
        series: findings.series(values),
    }
}

fn latency(findings: &Findings) -> Plot {
    let usual = findings.usual();
    let times: [(&str, Time); 3] = [TIMES[0], TIMES[1], TIMES[2]];
    let values = |name: &str| {
        let Some(cell) = cell(&findings.samples, name, usual, None) else { return Vec::new() };
        times.iter().enumerate().map(|(case, (_, time))| (case, cell.median(time))).collect()
    };
    let cases = times.iter().enumerate().map(|(case, (name, _))| (case as f64, (*name).to_owned()));
    Plot {
        title: format!("From the publisher to each of {usual} members, {} events a second", findings.rate),
        across: "percentile".to_owned(),
        up: "milliseconds".to_owned(),
        cases: cases.collect(),
        series: findings.series(values),
    }
}

fn memory(findings: &Findings) -> Plot {
    let window = findings.windows.last().copied();
    let usual = findings.usual();
    let values = |name: &str| {
        let found = cell(&findings.samples, name, usual, window);
        found.map(|cell| (0, cell.median(|sample| sample.entry.memory / 1e3))).into_iter().collect()
    };
    Plot {
        title: format!("Memory per connection, {usual} connections"),
        across: String::new(),
        up: "resident KB per idle connection".to_owned(),
        cases: Vec::new(),
        series: findings.series(values),
    }
}
