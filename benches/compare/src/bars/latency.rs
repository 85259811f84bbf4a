//! How long events take.

use super::{Settings, Verdict};
use crate::load::{Measured, Pace, Plan};
use crate::sample::{Case, Error, measure};
use crate::servers::entrant;
use crate::statistics::median;

const CONNECTIONS: usize = 1000;
const CROWD: usize = 10_000;

fn run(settings: &Settings, name: &str, case: &Case) -> Result<Measured, Error> {
    let entrant = entrant(name).ok_or_else(|| Error::Other(format!("no server '{name}'")))?;
    Ok(measure(&settings.place, entrant, case, &[])?.1)
}

/// The most events a second that it gets to all members, whatever the window.
fn saturation(settings: &Settings, name: &str) -> Result<f64, Error> {
    let mut most: f64 = 0.0;
    for window in [1, 16, 64] {
        let measured = run(settings, name, &Case::flood(CONNECTIONS, window, settings.seconds))?;
        most = most.max(measured.rate() / CONNECTIONS as f64);
    }
    Ok(most)
}

/// The median over goes of how a figure of one stands to that of the other.
fn ratio(goes: &[(Measured, Measured)], figure: fn(&Measured) -> f64) -> f64 {
    median(goes.iter().map(|(one, other)| figure(one) / figure(other))).unwrap_or(f64::NAN)
}

fn own(goes: &[(Measured, Measured)]) -> f64 {
    median(goes.iter().map(|(one, _)| one.own_cpu / one.seconds)).unwrap_or_default()
}

pub(super) fn times(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let mut goes = Vec::new();
    for go in 0..settings.goes {
        let rate = saturation(settings, "uwebsockets")? / 2.0;
        let plan = Plan::of(settings.seconds);
        let case = Case { connections: CONNECTIONS, pace: Pace::Rate(rate), size: 200, plan };
        let pair = (run(settings, "tidegate", &case)?, run(settings, "uwebsockets", &case)?);
        for (name, measured) in [("tidegate", &pair.0), ("uWebSockets", &pair.1)] {
            let crew = &measured.crews[0];
            eprintln!(
                "go {go}: {name}, {rate:.0} events a second: p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs; missing {}; sent late by {:.0} µs",
                crew.each.p50, crew.each.p99, crew.each.p999, crew.missing, measured.late_p99
            );
        }
        goes.push(pair);
    }
    let what = "at half the rate that saturates uWebSockets, against it:";
    let cases: [(&str, fn(&Measured) -> f64); 2] =
        [("p99", |measured| measured.crews[0].each.p99), ("p99.9", |measured| measured.crews[0].each.p999)];
    for (name, figure) in cases {
        verdict.hold(&format!("{what} {name}"), ratio(&goes, figure), 1.0, "×", own(&goes));
    }

    let mut goes = Vec::new();
    for go in 0..settings.goes {
        let case = Case::flood(CROWD, 1, settings.seconds);
        let pair = (run(settings, "tidegate", &case)?, run(settings, "floor", &case)?);
        let last = |measured: &Measured| measured.crews[0].last.p50;
        eprintln!(
            "go {go}: the last of {CROWD} after {:.0} µs, against {:.0} µs",
            last(&pair.0),
            last(&pair.1)
        );
        goes.push(pair);
    }
    let what = format!("until the last of {CROWD} members has it, against the floor: p50");
    verdict.hold(&what, ratio(&goes, |measured| measured.crews[0].last.p50), 1.15, "×", own(&goes));
    Ok(())
}
