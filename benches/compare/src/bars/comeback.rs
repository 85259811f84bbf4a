//! Thousands lose their connections at once and come back at once, while others go on.

use std::time::Duration;

use super::verdict::cores;
use super::{Figure, Limit, Settings, Verdict};
use crate::figures::Page;
use crate::load::{Aim, Crowd, Pace};
use crate::process;
use crate::sample::Error;
use crate::servers::{self, Server, entrant};
use crate::statistics::median;

/// Rooms whose members go and come back, with so many in each, and events a second into all of them.
const ROOMS: usize = 500;
const EACH: usize = 10;
const RATE: f64 = 10_000.0;
/// Rooms whose members stay.
const LIVE_ROOMS: usize = 50;
const LIVE_RATE: f64 = 500.0;
/// Waves of a go, with as many times without one.
const WAVES: usize = 3;
/// The least milliseconds that are held against the rooms whose members stay.
const LEAST: f64 = 20.0;

/// What was found of a span of time.
#[derive(Clone, Copy, Default)]
struct Span {
    seconds: f64,
    /// Milliseconds from publish to socket in rooms whose members stay, by the gateway itself.
    p99: f64,
    /// Cores that the gateway took, and the load.
    server: f64,
    own: f64,
}

fn span(
    server: &Server,
    crowd: &mut Crowd,
    pass: impl FnOnce(&mut Crowd) -> Result<(), Error>,
) -> Result<Span, Error> {
    let cpu = || process::cpu(server.pid()).map_err(|error| Error::Other(error.to_string()));
    let before = Page::get(server.address())?;
    let (start, used, own) = (process::now(), cpu()?, process::own_cpu());
    pass(crowd)?;
    let seconds = (process::now() - start) as f64 / 1e9;
    let (used, own) = ((cpu()? - used).as_secs_f64(), (process::own_cpu() - own).as_secs_f64());
    let after = Page::get(server.address())?;
    let p99 =
        after.percentile_since(&before, "tidegate_publish_to_socket_seconds", r#"room_class="live:*""#, 0.99);
    let p99 = p99.ok_or_else(|| Error::Other("/metrics tell nothing of live:*".to_owned()))? * 1e3;
    Ok(Span { seconds, p99, server: used / seconds, own: own / seconds })
}

/// Times without a wave, times with one, and deliveries that were wrong.
fn go(settings: &Settings, quiet: &mut Vec<Span>, waves: &mut Vec<Span>) -> Result<f64, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut crowd = Crowd::new(server.target()).map_err(&error)?;
    crowd.enter("live:", LIVE_ROOMS, EACH).map_err(&error)?;
    crowd.enter("kept:", ROOMS, EACH).map_err(&error)?;
    for (start, rooms, rate) in [("live:", LIVE_ROOMS, LIVE_RATE), ("kept:", ROOMS, RATE)] {
        let wire = servers::rooms(start);
        let (side, template, pace) = (wire.publisher, wire.template, Pace::Rate(rate));
        let aim = Aim { side, template, size: 200, pace, crew: 0, rooms, fanout: EACH };
        crowd.aim(aim).map_err(&error)?;
    }
    let second = Duration::from_secs(1);
    for _ in 0..WAVES {
        crowd.go(second).map_err(&error)?;
        let time = Duration::from_secs_f64(settings.seconds);
        quiet.push(span(&server, &mut crowd, |crowd| crowd.go(time).map_err(&error))?);
        let wave = |crowd: &mut Crowd| crowd.wave(LIVE_ROOMS * EACH).map(drop).map_err(&error);
        waves.push(span(&server, &mut crowd, wave)?);
        let told = |span: &Span| {
            format!(
                "{:.3} ms, {:.2} s, gateway {:.2} and load {:.2} cores",
                span.p99, span.seconds, span.server, span.own
            )
        };
        let last = [quiet.last(), waves.last()].map(|span| span.map(told).unwrap_or_default());
        eprintln!("without a wave: {}; with one: {}", last[0], last[1]);
    }
    crowd.end().map(|wrong| wrong as f64).map_err(error)
}

pub(super) fn wave(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let (mut quiet, mut waves, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..settings.goes {
        wrong.push(go(settings, &mut quiet, &mut waves)?);
    }
    let middle = |spans: &[Span], of: fn(&Span) -> f64| median(spans.iter().map(of)).unwrap_or(f64::NAN);
    let each = |of: fn(&Span) -> f64| waves.iter().map(of).collect::<Vec<f64>>();
    let (alone, cpu) = (middle(&quiet, |span| span.p99), middle(&quiet, |span| span.server));
    let many = ROOMS * EACH;
    let what =
        format!("p99 from publish to socket in rooms whose members stay, while {many} others come back");
    let note = format!(
        "{alone:.3} ms without a wave; the gateway took {:.2} cores, and {cpu:.2} without",
        middle(&waves, |span| span.server)
    );
    let figure = Figure::new(what, each(|span| span.p99), Limit::AtMost((5.0 * alone).max(LEAST)), " ms");
    verdict.hold(figure.note(note).load(cores(middle(&waves, |span| span.own))));
    let what = format!("until the last of {many} has all that it has missed, at {RATE} events a second");
    verdict.hold(Figure::new(what, each(|span| span.seconds), Limit::AtMost(10.0), " s"));
    verdict.hold(Figure::new("deliveries too few, too many, or out of order", wrong, Limit::Each(0.0), ""));
    Ok(())
}
