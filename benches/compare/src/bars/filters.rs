//! Members that filter.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::load::{Crew, Generator, Measured, Side, Wire};
use crate::sample::{Case, Error, aim, enter};
use crate::servers::entrant;
use crate::statistics::median;

const MEMBERS: usize = 10_000;
/// Filters that they have among them.
const DISTINCT: usize = 100;
/// Members that get the events where all others hold them back.
const FEW: usize = 100;
const IN_FLIGHT: u64 = 16;

/// A filter that lets the events through, each with a part of its own.
const OPEN: &str = r#"{"action":"subscribe","data":{"event_types":["alert_triggered","other_%R_*"]}}"#;
/// One that holds them back.
const SHUT: &str = r#"{"action":"subscribe","data":{"event_types":["other_%R_*"]}}"#;

/// Members of the one room, who have a hundred filters among them, or none.
fn crew(wire: &Wire, filter: Option<&str>, members: usize) -> Crew {
    let join = wire.subscriber.hello.iter().map(|frame| frame.replace("%R", "0"));
    let hello = filter.map(str::to_owned).into_iter().chain(join).collect();
    let side = Side { hello, ..wire.subscriber.clone() };
    Crew { rooms: DISTINCT, ..Crew::of(&side, members) }
}

/// So many get the events, through this filter; so many have filters that hold them back.
fn run(settings: &Settings, filter: Option<&str>, getting: usize, held: usize) -> Result<Measured, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut crews = Generator::new(server.target()).map_err(&error)?;
    enter(&server, &mut crews, &crew(&server.wire, filter, getting)).map_err(&error)?;
    enter(&server, &mut crews, &crew(&server.wire, Some(SHUT), held)).map_err(&error)?;
    let case = Case::flood(getting, IN_FLIGHT, settings.seconds);
    crews.aim(aim(&server, &case, 0)).and_then(|()| crews.settle()).map_err(&error)?;
    crews.run(case.plan).map_err(error)
}

/// Nanoseconds of the server's processor time for each event that goes to so many.
fn event(measured: &Measured, getting: usize) -> f64 {
    measured.cost() * 1e3 * getting as f64
}

pub(super) fn filters(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let (mut delivered, mut held, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..settings.goes {
        let plain = run(settings, None, MEMBERS, 0)?;
        let open = run(settings, Some(OPEN), MEMBERS, 0)?;
        let few = run(settings, Some(OPEN), FEW, 0)?;
        let shut = run(settings, Some(OPEN), FEW, MEMBERS - FEW)?;
        delivered.push(open.cost() / plain.cost());
        held.push((event(&shut, FEW) - event(&few, FEW)) / (MEMBERS - FEW) as f64);
        runs.push([plain, open, few, shut]);
    }
    let middle = |of: usize| median(runs.iter().map(|go| go[of].cost())).unwrap_or(f64::NAN);
    let busy = |of: usize| load(runs.iter().map(|go| &go[of]));
    let what = format!("{DISTINCT} filters among {MEMBERS} members, a delivery against one without");
    let figure = Figure::new(what, delivered, Limit::AtMost(1.1), "×").load(busy(1));
    verdict.hold(figure.note(format!("{:.3} µs, {:.3} µs a delivery", middle(1), middle(0))));
    let what = "an event that a member's filter holds back";
    verdict.hold(Figure::new(what, held, Limit::AtMost(60.0), " ns").load(busy(3)));
    verdict.complete(runs.iter().flatten());
    Ok(())
}
