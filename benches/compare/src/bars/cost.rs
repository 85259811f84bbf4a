//! What a delivery costs.

use super::{Settings, Verdict};
use crate::grid::{Grid, Sample};
use crate::sample::Error;
use crate::servers::{Entrant, entrant};
use crate::statistics::median;
use crate::summary::{cell, cost};

const WINDOWS: [u64; 3] = [1, 16, 64];

/// All goes of these servers; it is an error if one of them has no figures, or an event has not come.
fn samples(settings: &Settings, servers: &[&str], connections: &[usize]) -> Result<Vec<Sample>, Error> {
    let servers: Vec<&'static Entrant> = servers.iter().filter_map(|name| entrant(name)).collect();
    let grid = Grid {
        servers,
        connections: connections.to_vec(),
        windows: WINDOWS.to_vec(),
        rate: 0.0,
        size: 200,
        goes: settings.goes,
        seconds: settings.seconds,
        everything: true,
    };
    let (samples, failed) = grid.measure(&settings.place);
    if let Some((name, reason)) = failed.first() {
        return Err(Error::Other(format!("{name}: {reason}")));
    }
    let lost = samples.iter().find(|sample| sample.measured.crews.iter().any(|crew| crew.missing != 0));
    match lost {
        Some(sample) => Err(Error::Other(format!("{}: not every event has come once", sample.server))),
        None => Ok(samples),
    }
}

/// Holds the ratio of `server` to `other` to a limit at each window.
fn hold(
    samples: &[Sample],
    (server, other): (&str, &str),
    connections: usize,
    limits: [f64; 3],
    verdict: &mut Verdict,
) {
    for (window, limit) in WINDOWS.into_iter().zip(limits) {
        let Some(cell) = cell(samples, server, connections, Some(window)) else { continue };
        let Some(ratio) = cell.against(other, cost) else { continue };
        let what = format!("{server} against {other}, {connections} connections, {window} in flight");
        let own = cell.median(|sample| sample.measured.own_cpu / sample.measured.seconds);
        verdict.hold(&what, ratio, limit, "×", own);
    }
}

pub(super) fn floor(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate"], &[1000])?;
    hold(&samples, ("tidegate", "floor"), 1000, [1.10, 1.0, 1.0], verdict);
    Ok(())
}

pub(super) fn uwebsockets(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let connections = [100, 1000, 10_000];
    let samples = samples(settings, &["tidegate", "uwebsockets"], &connections)?;
    for connections in connections {
        hold(&samples, ("tidegate", "uwebsockets"), connections, [1.0; 3], verdict);
    }
    Ok(())
}

pub(super) fn two_shards(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate-2"], &[1000])?;
    hold(&samples, ("tidegate-2", "floor"), 1000, [1.1, 1.35, 1.35], verdict);
    Ok(())
}

pub(super) fn growth(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate"], &[100, 10_000])?;
    for window in WINDOWS {
        let of = |connections, go| {
            let here: Vec<Sample> = samples.iter().filter(|sample| sample.go == go).cloned().collect();
            cell(&here, "tidegate", connections, Some(window))?.against("floor", cost)
        };
        let goes = (0..settings.goes).filter_map(|go| Some(of(10_000, go)? / of(100, go)?));
        let own = cell(&samples, "tidegate", 10_000, Some(window));
        let own =
            own.map_or(0.0, |cell| cell.median(|sample| sample.measured.own_cpu / sample.measured.seconds));
        let what = format!("10,000 connections over 100, each relative to the floor, {window} in flight");
        verdict.hold(&what, median(goes).unwrap_or(f64::NAN), 1.15, "×", own);
    }
    Ok(())
}
