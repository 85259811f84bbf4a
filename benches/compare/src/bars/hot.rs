//! One room is flooded, small ones are beside it.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::figures::Page;
use crate::load::{Aim, Crew, Generator, Measured, Pace, Plan, Wire};
use crate::sample::{Error, enter};
use crate::servers::{self, entrant};
use crate::statistics::median;

const CROWD: usize = 10_000;
const ROOMS: usize = 200;
const MEMBERS: usize = 5;
/// Events a second into the small rooms together.
const RATE: f64 = 400.0;
const IN_FLIGHT: u64 = 64;
/// The least milliseconds that are held against them.
const LEAST: f64 = 2.0;

/// What one run has found.
struct Found {
    /// Of the small rooms, milliseconds from publish to socket, by the gateway itself.
    p99: f64,
    /// Publishes that were refused.
    refused: f64,
    measured: Measured,
}

/// The small rooms beside the large one, which is flooded or not.
fn run(settings: &Settings, flooded: bool) -> Result<Found, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut crews = Generator::new(server.target()).map_err(&error)?;
    let (small, large) = (servers::rooms("small:"), &server.wire);
    let members = Crew { rooms: ROOMS, ..Crew::of(&small.subscriber, ROOMS * MEMBERS) };
    enter(&server, &mut crews, &members).map_err(&error)?;
    enter(&server, &mut crews, &Crew::of(&large.subscriber, CROWD)).map_err(&error)?;
    let aim = |wire: &Wire, pace, crew, rooms, fanout| Aim {
        side: wire.publisher.clone(),
        template: wire.template.clone(),
        size: 200,
        pace,
        crew,
        rooms,
        fanout,
    };
    crews.aim(aim(&small, Pace::Rate(RATE), 0, ROOMS, MEMBERS)).map_err(&error)?;
    if flooded {
        crews.aim(aim(large, Pace::Window(IN_FLIGHT), 1, 1, CROWD)).map_err(&error)?;
    }
    crews.settle().map_err(&error)?;
    let before = Page::get(server.address())?;
    let measured = crews.run(Plan::of(settings.seconds.max(2.0))).map_err(&error)?;
    let after = Page::get(server.address())?;
    let name = "tidegate_publish_to_socket_seconds";
    let p99 = after.percentile_since(&before, name, r#"room_class="small:*""#, 0.99);
    let refused = ["tidegate_publishes_busy_total", "tidegate_limit_refusals_total"];
    Ok(Found {
        p99: p99.ok_or_else(|| Error::Other("/metrics tell nothing of small:*".to_owned()))? * 1e3,
        refused: refused.iter().map(|name| after.sum(name) - before.sum(name)).sum(),
        measured,
    })
}

pub(super) fn rooms(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let (mut quiet, mut loud) = (Vec::new(), Vec::new());
    for _ in 0..settings.goes {
        quiet.push(run(settings, false)?);
        loud.push(run(settings, true)?);
    }
    let middle = |goes: &[Found], of: fn(&Found) -> f64| median(goes.iter().map(of)).unwrap_or(f64::NAN);
    let alone = middle(&quiet, |found| found.p99);
    let flood = middle(&loud, |found| found.measured.crews[1].deliveries as f64 / found.measured.seconds);
    let what =
        format!("p99 from publish to socket in {ROOMS} rooms of {MEMBERS} beside a flooded one of {CROWD}");
    let note = format!("{alone:.3} ms without; the flood is {:.0}k deliveries a second", flood / 1e3);
    let limit = Limit::AtMost((5.0 * alone).max(LEAST));
    let each = |of: fn(&Found) -> f64| loud.iter().map(of).collect::<Vec<f64>>();
    let busy = load(loud.iter().map(|found| &found.measured));
    verdict.hold(Figure::new(what, each(|found| found.p99), limit, " ms").note(note).load(busy));
    verdict.hold(Figure::new("publishes refused", each(|found| found.refused), Limit::Each(0.0), ""));
    verdict.complete(loud.iter().map(|found| &found.measured));
    Ok(())
}
