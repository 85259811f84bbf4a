//! The bars that the gateway is held to: each measures what it names, says its figure, and whether it is met.

mod cost;
mod entry;
mod filters;
mod hot;
mod latency;
mod memory;
mod slow;

use crate::place::Place;
use crate::sample::Error;

/// What all bars go by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything is.
    pub place: Place,
    /// How often each is measured.
    pub goes: usize,
    /// How long each run is measured.
    pub seconds: f64,
    /// How long connections come and go.
    pub churn: f64,
    /// How long heartbeats are watched.
    pub idle: f64,
}

/// What the measuring of a bar has come to.
#[derive(Debug, Default)]
pub struct Verdict {
    missed: usize,
}

impl Verdict {
    /// Holds a figure to its limit, and tells of it with what the load itself took.
    fn hold(&mut self, what: &str, figure: f64, limit: f64, unit: &str, own_cores: f64) {
        let met = figure <= limit;
        let said = if met { "met" } else { "MISSED" };
        println!(
            "{what}: {figure:.3}{unit} (bar: at most {limit:.3}{unit}): {said}; load itself {own_cores:.2} cores"
        );
        self.missed += usize::from(!met);
    }

    /// Whether nothing was over its limit.
    pub fn met(&self) -> bool {
        self.missed == 0
    }
}

/// The bars that can be measured.
pub const BARS: [(u8, &str); 11] = [
    (1, "processor time per delivery against the floor"),
    (2, "the same against uWebSockets, from 100 to 10,000 connections"),
    (3, "memory of an idle member, plain and with TLS, and after connections have come and gone"),
    (4, "growth of the cost from 100 to 10,000 connections"),
    (5, "processor time of a connection against uWebSockets, and with TLS against a bare accept loop"),
    (6, "times at half the rate that saturates uWebSockets, and until the last of 10,000 members"),
    (7, "small rooms beside a flooded one"),
    (8, "a tenth of the members stop to read"),
    (11, "filters"),
    (13, "10,000 idle sessions with heartbeats"),
    (14, "two shards on two cores against the floor"),
];

/// Measures a bar.
///
/// # Errors
/// Where there is no such bar, or a server does not run or take the load.
pub fn measure(bar: u8, settings: &Settings) -> Result<Verdict, Error> {
    let mut verdict = Verdict::default();
    let into = &mut verdict;
    match bar {
        1 => cost::floor(settings, into),
        2 => cost::uwebsockets(settings, into),
        3 => memory::members(settings, into),
        4 => cost::growth(settings, into),
        5 => entry::connections(settings, into),
        6 => latency::times(settings, into),
        7 => hot::rooms(settings, into),
        8 => slow::readers(settings, into),
        11 => filters::filters(settings, into),
        13 => memory::heartbeats(settings, into),
        14 => cost::two_shards(settings, into),
        _ => Err(Error::Other(format!("bar {bar} is not measured here"))),
    }?;
    Ok(verdict)
}
