//! How long events take.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::load::{Measured, Pace, Plan};
use crate::sample::{Case, Error, measure};
use crate::servers::entrant;
use crate::statistics::median;

const CONNECTIONS: usize = 1000;
const CROWD: usize = 10_000;

fn run(settings: &Settings, name: &str, case: &Case) -> Result<Measured, Error> {
    let entrant = entrant(name).ok_or_else(|| Error::Other(format!("no server '{name}'")))?;
    Ok(measure(&settings.place, entrant, case)?.1)
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

/// What one go has found: of the gateway, and of the other.
type Pair = [Measured; 2];

/// A figure of it.
type Of = fn(&Measured) -> f64;

/// How a figure of the gateway stands to that of the other, with both as a note.
fn ratio(what: String, goes: &[Pair], figure: Of, limit: f64) -> Figure {
    let middle = |of: usize| median(goes.iter().map(|go| figure(&go[of]))).unwrap_or(f64::NAN);
    let ratios = goes.iter().map(|[one, other]| figure(one) / figure(other)).collect();
    Figure::new(what, ratios, Limit::AtMost(limit), "×")
        .note(format!("{:.0} µs, {:.0} µs", middle(0), middle(1)))
        .load(load(goes.iter().map(|[one, _]| one)))
}

pub(super) fn times(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let (mut goes, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..settings.goes {
        let rate = saturation(settings, "uwebsockets")? / 2.0;
        let plan = Plan::of(settings.seconds);
        let case = Case { connections: CONNECTIONS, pace: Pace::Rate(rate), size: 200, plan };
        goes.push([run(settings, "tidegate", &case)?, run(settings, "uwebsockets", &case)?]);
        rates.push(rate);
    }
    let rate = median(rates).unwrap_or(f64::NAN);
    let cases: [(&str, Of, Of); 2] = [
        ("p99", |measured| measured.crews[0].usual.p99, |measured| measured.crews[0].each.p99),
        ("p99.9", |measured| measured.crews[0].usual.p999, |measured| measured.crews[0].each.p999),
    ];
    for (name, usual, whole) in cases {
        let what = format!(
            "{name}, of a usual slice of 50 ms, at half the rate that saturates uWebSockets, against it: {rate:.0} \
             events a second to {CONNECTIONS}"
        );
        let over = median(goes.iter().map(|[one, other]| whole(one) / whole(other))).unwrap_or(f64::NAN);
        verdict.hold(ratio(what, &goes, usual, 1.0).also(&format!("over the whole time {over:.3}×")));
    }
    verdict.complete(goes.iter().map(|[one, _]| one));

    let mut goes = Vec::new();
    for _ in 0..settings.goes {
        let case = Case::flood(CROWD, 1, settings.seconds);
        goes.push([run(settings, "tidegate", &case)?, run(settings, "floor", &case)?]);
    }
    let what = format!("p50 until the last of {CROWD} members has it, against the floor");
    verdict.hold(ratio(what, &goes, |measured| measured.crews[0].last.p50, 1.15));
    verdict.complete(goes.iter().map(|[one, _]| one));
    Ok(())
}
