//! Compressed messages.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::figures::Page;
use crate::load::{Crew, Generator, Measured, Pace, Plan, Side};
use crate::sample::{Case, Error, aim, enter};
use crate::servers::entrant;
use crate::statistics::median;

const MEMBERS: usize = 1000;
const IN_FLIGHT: u64 = 16;
/// Bytes of an event's data: more than either server leaves uncompressed by itself.
const SIZE: usize = 2000;
/// What turns compression on.
const SERVERS: [(&str, &[&str]); 2] =
    [("tidegate", &["--set", "endpoint.0.compression=true"]), ("ws", &["deflate"])];

/// What one run has found.
struct Found {
    measured: Measured,
    /// Compressions for each event; of the gateway alone.
    compressions: Option<f64>,
}

fn run(settings: &Settings, name: &str, arguments: &[&str]) -> Result<Found, Error> {
    let entrant = entrant(name).ok_or_else(|| Error::Other(format!("no {name}")))?;
    let server = entrant.start_with(&settings.place, arguments)?;
    let error = Error::of(name);
    let mut crew = Generator::new(server.target()).map_err(&error)?;
    let side = Side { inflates: true, ..server.wire.subscriber.clone() };
    enter(&server, &mut crew, &Crew::of(&side, MEMBERS)).map_err(&error)?;
    let case = Case {
        connections: MEMBERS,
        pace: Pace::Window(IN_FLIGHT),
        size: SIZE,
        plan: Plan::of(settings.seconds),
    };
    crew.aim(aim(&server, &case, 0)).and_then(|()| crew.settle()).map_err(&error)?;
    let measured = crew.run(case.plan).map_err(&error)?;
    let compressions = match name {
        "tidegate" => {
            let page = Page::get(server.address())?;
            Some(page.sum("tidegate_compressions_total") / page.sum("tidegate_events_published_total"))
        }
        _ => None,
    };
    Ok(Found { measured, compressions })
}

pub(super) fn room(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let mut goes = Vec::new();
    for _ in 0..settings.goes {
        let [one, other] = SERVERS;
        goes.push([run(settings, one.0, one.1)?, run(settings, other.0, other.1)?]);
    }
    let middle = |of: usize| median(goes.iter().map(|go| go[of].measured.cost())).unwrap_or(f64::NAN);
    let what = format!(
        "processor time of a delivery by ws (Node), against the gateway's: {MEMBERS} members, {SIZE} bytes"
    );
    let ratios = goes.iter().map(|[own, ws]| ws.measured.cost() / own.measured.cost()).collect();
    let note = format!("{:.3} µs, {:.3} µs a delivery, {IN_FLIGHT} in flight", middle(1), middle(0));
    let busy = load(goes.iter().map(|go| &go[0].measured));
    verdict.hold(Figure::new(what, ratios, Limit::AtLeast(5.0), "×").note(note).load(busy));
    let each = goes.iter().filter_map(|go| go[0].compressions).collect();
    verdict.hold(Figure::new("compressions of an event", each, Limit::Each(1.0), ""));
    verdict.complete(goes.iter().flatten().map(|found| &found.measured));
    Ok(())
}
