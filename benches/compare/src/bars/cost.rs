//! What a delivery costs.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::grid::{Grid, Sample};
use crate::sample::Error;
use crate::servers::{Entrant, entrant};
use crate::summary::{Cell, cell, cost};

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
    match samples.iter().find(|sample| sample.measured.wrong() > 0) {
        Some(sample) => Err(Error::Other(format!("{}: not every event has come once", sample.server))),
        None => Ok(samples),
    }
}

/// How busy the load was with these.
fn busy(cell: &Cell<'_>) -> String {
    load(cell.samples().iter().map(|sample| &sample.measured))
}

/// Holds the ratio of `server` to `other` to a limit at each window.
fn hold(
    samples: &[Sample],
    (server, other): (&str, &str),
    connections: usize,
    limits: [Limit; 3],
    verdict: &mut Verdict,
) {
    for (window, limit) in WINDOWS.into_iter().zip(limits) {
        let of = |server| cell(samples, server, connections, Some(window));
        let (Some(one), Some(two)) = (of(server), of(other)) else { continue };
        let what = format!("{server} against {other}, {connections} connections, {window} in flight");
        let sides = format!("{:.3} µs, {:.3} µs a delivery", one.median(cost), two.median(cost));
        let figure = Figure::new(what, one.against(other, cost), limit, "×");
        verdict.hold(figure.note(sides).load(busy(&one)));
    }
}

pub(super) fn floor(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate"], &[1000])?;
    hold(&samples, ("tidegate", "floor"), 1000, [1.10, 1.0, 1.0].map(Limit::AtMost), verdict);
    Ok(())
}

pub(super) fn uwebsockets(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let connections = [100, 1000, 10_000];
    let samples = samples(settings, &["tidegate", "uwebsockets"], &connections)?;
    for connections in connections {
        hold(&samples, ("tidegate", "uwebsockets"), connections, [Limit::Below(1.0); 3], verdict);
    }
    Ok(())
}

pub(super) fn two_shards(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate-2"], &[1000])?;
    hold(&samples, ("tidegate-2", "floor"), 1000, [1.1, 1.35, 1.35].map(Limit::AtMost), verdict);
    Ok(())
}

pub(super) fn growth(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let samples = samples(settings, &["floor", "tidegate"], &[100, 10_000])?;
    for window in WINDOWS {
        let of = |connections| cell(&samples, "tidegate", connections, Some(window));
        let (Some(few), Some(many)) = (of(100), of(10_000)) else { continue };
        // Of the same goes in the same order: where one has failed, there are none at all.
        let pairs = many.against("floor", cost).into_iter().zip(few.against("floor", cost));
        let goes = pairs.map(|(many, few)| many / few).collect();
        let what = format!("10,000 connections over 100, each relative to the floor, {window} in flight");
        let sides = format!("{:.3} µs, {:.3} µs a delivery", many.median(cost), few.median(cost));
        verdict.hold(Figure::new(what, goes, Limit::AtMost(1.15), "×").note(sides).load(busy(&many)));
    }
    Ok(())
}
