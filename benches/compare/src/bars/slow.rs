//! Some members stop reading.

use super::verdict::load;
use super::{Figure, Limit, Settings, Verdict};
use crate::figures::Page;
use crate::load::{Aim, Crew, Generator, Measured, Pace, Plan};
use crate::process;
use crate::sample::{Error, enter};
use crate::servers::{self, entrant};
use crate::statistics::median;

/// Those whom it is about, and those who stop.
const READERS: usize = 900;
const STALLED: usize = 100;
const IN_FLIGHT: u64 = 16;
/// Bytes of an event: enough that what is not read is soon more than the kernel holds.
const SIZE: usize = 2000;
/// `limits.backlog_total`, in MiB: less than what may wait for all the stalled ones by themselves, where they wait for
/// different events.
const BUDGET: u32 = 8;
const MIB: f64 = (1 << 20) as f64;

/// Which rooms they are in.
struct Case {
    /// The start of their names, for which the configuration has a rule.
    start: &'static str,
    /// Whether the rule keeps who does not read.
    keeps: bool,
    /// How many there are: with one, all stalled members wait for the same events.
    rooms: usize,
    what: &'static str,
}

const CASES: [Case; 4] = [
    Case { start: "disconnect:", keeps: false, rooms: 1, what: "disconnect, one room" },
    Case { start: "disconnect:", keeps: false, rooms: 100, what: "disconnect, 100 rooms" },
    Case { start: "drop:", keeps: true, rooms: 1, what: "drop_oldest, one room" },
    Case { start: "drop:", keeps: true, rooms: 100, what: "drop_oldest, 100 rooms" },
];

/// What one run has found.
struct Found {
    measured: Measured,
    /// MiB that the process has had at most beyond what it had with all members.
    grown: f64,
    /// MiB that wait for the stalled ones at the end, by the gateway itself.
    held: f64,
    /// Stalled ones that it has sent away: they see it when they read, or when it waits no longer for that.
    away: f64,
    /// Gaps that it has told when the stalled ones have read again.
    told: f64,
}

/// Some read, and the others do so, too, or have stopped.
fn run(settings: &Settings, case: &Case, stall: bool) -> Result<Found, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let budget = format!("limits.backlog_total={BUDGET} MiB");
    let server = gateway.start_with(&settings.place, &["--set", &budget])?;
    let error = Error::of("tidegate");
    let mut load = Generator::new(server.target()).map_err(&error)?;
    let wire = servers::rooms(case.start);
    let crew = |members, reads| Crew { rooms: case.rooms, reads, ..Crew::of(&wire.subscriber, members) };
    enter(&server, &mut load, &crew(READERS, true)).map_err(&error)?;
    enter(&server, &mut load, &crew(STALLED, !stall)).map_err(&error)?;
    let aim = Aim {
        side: wire.publisher.clone(),
        template: wire.template.clone(),
        size: SIZE,
        pace: Pace::Window(IN_FLIGHT),
        crew: 0,
        rooms: case.rooms,
        fanout: READERS / case.rooms,
    };
    load.aim(aim).and_then(|()| load.settle()).map_err(&error)?;
    let bytes = |of: fn(u32) -> std::io::Result<u64>| {
        of(server.pid()).map_err(|error| Error::Other(error.to_string()))
    };
    let before = bytes(process::resident)?;
    let measured = load.run(Plan::of(settings.seconds.max(3.0))).map_err(&error)?;
    let grown = bytes(process::peak)?.saturating_sub(before) as f64 / MIB;
    let page = Page::get(server.address())?;
    let held = page.sum("tidegate_backlog_held_bytes") / MIB;
    if stall && page.sum("tidegate_slow_decisions_total") == 0.0 {
        let why = "what the stalled ones did not read was not yet more than may wait: measure for longer (--seconds)";
        return Err(Error::Other(format!("{}: {why}", case.what)));
    }
    if stall && case.keeps {
        load.read_on(1).map_err(&error)?;
    }
    let told = Page::get(server.address())?.sum("tidegate_gaps_total");
    Ok(Found { measured, grown, held, away: page.sum("tidegate_slow_closes_total"), told })
}

pub(super) fn readers(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    for case in &CASES {
        let mut goes = Vec::new();
        for _ in 0..settings.goes {
            goes.push([run(settings, case, false)?, run(settings, case, true)?]);
        }
        judge(case, &goes, verdict);
    }
    Ok(())
}

fn judge(case: &Case, goes: &[[Found; 2]], verdict: &mut Verdict) {
    let Case { what, .. } = case;
    let some = || goes.iter().map(|[_, some]| some);
    let middle = |of: fn(&[Found; 2]) -> f64| median(goes.iter().map(of)).unwrap_or(f64::NAN);
    let p99 = |found: &Found| found.measured.crews[0].usual.p99;
    let rate = |found: &Found| found.measured.crews[0].deliveries as f64 / found.measured.seconds;
    let slower = goes.iter().map(|[all, some]| (1.0 - rate(some) / rate(all)) * 100.0);
    let later = goes.iter().map(|[all, some]| (p99(some) / p99(all) - 1.0) * 100.0);
    let busy = load(some().map(|found| &found.measured));

    let note = format!(
        "{:.0}k deliveries a second when all read",
        median(goes.iter().map(|[all, _]| rate(all))).unwrap_or(f64::NAN) / 1e3
    );
    let figure = Figure::new(
        format!("{what}: the others' throughput is less by"),
        slower.collect(),
        Limit::AtMost(5.0),
        " %",
    );
    verdict.hold(figure.note(note).load(busy));
    fn of(found: &Found) -> (f64, f64) {
        (found.measured.crews[0].usual.p99 / 1e3, found.measured.crews[0].each.p99 / 1e3)
    }
    let note = format!(
        "{:.2} ms when all read; over the whole time {:.2} ms, and {:.2} ms when all read",
        middle(|go| of(&go[0]).0),
        middle(|go| of(&go[1]).1),
        middle(|go| of(&go[0]).1),
    );
    let figure = Figure::new(
        format!("{what}: the others' p99, of a usual slice of 50 ms, is more by"),
        later.collect(),
        Limit::AtMost(10.0),
        " %",
    );
    verdict.hold(figure.note(note));

    let limit = Limit::Each(f64::from(BUDGET));
    let held = some().map(|found| found.held).collect();
    let gone = middle(|go| go[1].away);
    let figure = Figure::new(format!("{what}: what waits at the end, by the gateway"), held, limit, " MiB");
    verdict.hold(figure.note(format!("{gone:.0} of {STALLED} stalled sent away")));
    let grown = goes.iter().map(|[all, some]| some.grown - all.grown).collect();
    let what_grew = format!("{what}: memory at most, beyond the same load's when all read");
    verdict.hold(Figure::new(what_grew, grown, limit, " MiB"));
    if case.keeps {
        let kept = some().map(|found| found.measured.crews[1].closed as f64).collect();
        verdict.hold(Figure::new(format!("{what}: sent away"), kept, Limit::Each(0.0), ""));
        let untold = some().map(|found| (STALLED as f64 - found.told).max(0.0)).collect();
        let what = format!("{what}: stalled ones that were told of no gap when they read again");
        verdict.hold(Figure::new(what, untold, Limit::Each(0.0), ""));
    }
    verdict.complete(some().map(|found| &found.measured));
}
