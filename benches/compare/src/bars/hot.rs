//! One room is flooded, small ones are beside it.

use super::{Settings, Verdict};
use crate::figures::Page;
use crate::load::{Aim, Crew, Generator, Measured, Pace, Plan, Side};
use crate::sample::{Error, enter};
use crate::servers::entrant;
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

impl Found {
    /// Deliveries too few or too many.
    fn missing(&self) -> f64 {
        self.measured.crews.iter().map(|crew| crew.missing.unsigned_abs()).sum::<u64>() as f64
    }
}

/// A side whose rooms are called otherwise.
fn side(side: &Side, room: &str) -> Side {
    Side { hello: side.hello.iter().map(|frame| frame.replace("room:", room)).collect(), ..side.clone() }
}

/// The small rooms beside the large one, which is flooded or not.
fn run(settings: &Settings, flooded: bool) -> Result<Found, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut load = Generator::new(server.target()).map_err(&error)?;
    let wire = server.wire.clone();
    let small = Crew { rooms: ROOMS, ..Crew::of(&side(&wire.subscriber, "small:"), ROOMS * MEMBERS) };
    enter(&server, &mut load, &small).map_err(&error)?;
    enter(&server, &mut load, &Crew::of(&wire.subscriber, CROWD)).map_err(&error)?;
    let aim = |room: &str, pace, crew, rooms, fanout| Aim {
        side: wire.publisher.clone(),
        template: wire.template.replace("room:", room),
        size: 200,
        pace,
        crew,
        rooms,
        fanout,
    };
    load.aim(aim("small:", Pace::Rate(RATE), 0, ROOMS, MEMBERS)).map_err(&error)?;
    if flooded {
        load.aim(aim("room:", Pace::Window(IN_FLIGHT), 1, 1, CROWD)).map_err(&error)?;
    }
    load.settle().map_err(&error)?;
    let before = Page::get(server.address())?;
    let measured = load.run(Plan::of(settings.seconds.max(2.0))).map_err(&error)?;
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
    let own = middle(&loud, |found| found.measured.own_cpu / found.measured.seconds);
    let flood = middle(&loud, |found| found.measured.crews[1].deliveries as f64 / found.measured.seconds);
    let what = format!(
        "p99 from publish to socket in {ROOMS} rooms of {MEMBERS} beside a flood of {:.0}k deliveries a second ({alone:.3} ms without)",
        flood / 1e3
    );
    verdict.hold(&what, middle(&loud, |found| found.p99), (5.0 * alone).max(LEAST), " ms", own);
    let most = |of: fn(&Found) -> f64| loud.iter().map(of).fold(0.0, f64::max);
    verdict.hold("publishes refused", most(|found| found.refused), 0.0, "", own);
    verdict.hold("deliveries too few or too many", most(Found::missing), 0.0, "", own);
    Ok(())
}
