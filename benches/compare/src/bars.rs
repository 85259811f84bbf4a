//! The bars that the gateway is held to: each measures what it names, says its figures, and whether it is met.

mod comeback;
mod cost;
mod entry;
mod filters;
mod hot;
mod latency;
mod memory;
mod plugin;
mod programs;
mod slow;
mod verdict;

use crate::place::Place;
use crate::sample::Error;

pub use verdict::{Figure, Limit, Verdict, number};

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

/// The bars that can be measured. Bar 12 is of compression, and not measured here.
pub const BARS: [(u8, &str); 15] = [
    (1, "processor time per delivery against the floor"),
    (2, "the same against uWebSockets, from 100 to 10,000 connections"),
    (3, "memory of an idle member, plain and with TLS, and after connections have come and gone"),
    (4, "growth of the cost from 100 to 10,000 connections"),
    (5, "processor time of a connection against uWebSockets, and with TLS against a bare accept loop"),
    (6, "times at half the rate that saturates uWebSockets, and until the last of 10,000 members"),
    (7, "small rooms beside a flooded one"),
    (8, "a tenth of the members stop reading"),
    (9, "from a plugin into the hub"),
    (10, "nothing allocated or copied for a delivery"),
    (11, "filters"),
    (13, "10,000 idle sessions with heartbeats"),
    (14, "two shards on two cores against the floor"),
    (15, "what the systems claim that the gateway replaces"),
    (16, "5,000 members who lose their connections and come back at once"),
];

/// Measures a bar, and tells of each figure as it is found. What was found until something failed is in the verdict, too.
pub fn measure(bar: u8, settings: &Settings) -> Verdict {
    let mut verdict = Verdict::default();
    let into = &mut verdict;
    let measured = match bar {
        1 => cost::floor(settings, into),
        2 => cost::uwebsockets(settings, into),
        3 => memory::members(settings, into),
        4 => cost::growth(settings, into),
        5 => entry::connections(settings, into),
        6 => latency::times(settings, into),
        7 => hot::rooms(settings, into),
        8 => slow::readers(settings, into),
        9 => plugin::publish(settings, into),
        10 => programs::zero_copy(settings, into),
        11 => filters::filters(settings, into),
        13 => memory::heartbeats(settings, into),
        14 => cost::two_shards(settings, into),
        15 => programs::claims(settings, into),
        16 => comeback::wave(settings, into),
        _ => Err(Error::Other(format!("bar {bar} is not measured here"))),
    };
    if let Err(error) = measured {
        eprintln!("compare: bar {bar}: {error}");
        verdict.failed = Some(error.to_string());
    }
    verdict
}
