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

/// Filters of one kind; `%R` is the number of each.
struct Kind {
    name: &'static str,
    /// Lets the events through, with a part of its own.
    open: &'static str,
    /// Holds them back.
    shut: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "filters",
        open: r#"{"action":"subscribe","data":{"event_types":["alert_triggered","other_%R_*"]}}"#,
        shut: r#"{"action":"subscribe","data":{"event_types":["other_%R_*"]}}"#,
    },
    Kind {
        name: "criteria",
        open: r#"{"action":"subscribe","data":{"where":"data.other == \"%R\" or exists(data)"}}"#,
        shut: r#"{"action":"subscribe","data":{"where":"data.other == \"%R\""}}"#,
    },
];

/// Members of the one room, who have a hundred filters among them, or none.
fn crew(wire: &Wire, filter: Option<&str>, members: usize) -> Crew {
    let join = wire.subscriber.hello.iter().map(|frame| frame.replace("%R", "0"));
    let hello = filter.map(str::to_owned).into_iter().chain(join).collect();
    let side = Side { hello, ..wire.subscriber.clone() };
    Crew { rooms: DISTINCT, ..Crew::of(&side, members) }
}

/// So many get the events, through the first filter; so many have one that holds them back, the second.
fn run(
    settings: &Settings,
    filters: [Option<&str>; 2],
    getting: usize,
    held: usize,
) -> Result<Measured, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut crews = Generator::new(server.target()).map_err(&error)?;
    for (filter, members) in filters.into_iter().zip([getting, held]) {
        enter(&server, &mut crews, &crew(&server.wire, filter, members)).map_err(&error)?;
    }
    let case = Case::flood(getting, IN_FLIGHT, settings.seconds);
    crews.aim(aim(&server, &case, 0)).and_then(|()| crews.settle()).map_err(&error)?;
    crews.run(case.plan).map_err(error)
}

/// Nanoseconds of the server's processor time for each event that goes to so many.
fn event(measured: &Measured, getting: usize) -> f64 {
    measured.cost() * 1e3 * getting as f64
}

pub(super) fn filters(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    KINDS.iter().try_for_each(|kind| of_a_kind(kind, settings, verdict))
}

fn of_a_kind(kind: &Kind, settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let (mut delivered, mut held, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    let filters = [Some(kind.open), Some(kind.shut)];
    for _ in 0..settings.goes {
        let plain = run(settings, [None; 2], MEMBERS, 0)?;
        let open = run(settings, filters, MEMBERS, 0)?;
        let few = run(settings, filters, FEW, 0)?;
        let shut = run(settings, filters, FEW, MEMBERS - FEW)?;
        delivered.push(open.cost() / plain.cost());
        held.push((event(&shut, FEW) - event(&few, FEW)) / (MEMBERS - FEW) as f64);
        runs.push([plain, open, few, shut]);
    }
    let middle = |of: usize| median(runs.iter().map(|go| go[of].cost())).unwrap_or(f64::NAN);
    let busy = |of: usize| load(runs.iter().map(|go| &go[of]));
    let what = format!("{DISTINCT} {} among {MEMBERS} members, a delivery against one without", kind.name);
    let figure = Figure::new(what, delivered, Limit::AtMost(1.1), "×").load(busy(1));
    verdict.hold(figure.note(format!("{:.3} µs, {:.3} µs a delivery", middle(1), middle(0))));
    let what = format!("an event that is held back by one of {DISTINCT} {}", kind.name);
    verdict.hold(Figure::new(what, held, Limit::AtMost(60.0), " ns").load(busy(3)));
    verdict.complete(runs.iter().flatten());
    Ok(())
}
