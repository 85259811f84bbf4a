//! Some members stop to read.

use super::{Settings, Verdict};
use crate::figures::Page;
use crate::load::{Crew, Generator, Measured};
use crate::process;
use crate::sample::{Case, Error, aim, enter};
use crate::servers::entrant;
use crate::statistics::median;

const MEMBERS: usize = 1000;
const STALLED: usize = MEMBERS / 10;
const IN_FLIGHT: u64 = 16;
/// Bytes of an event: enough that what is not read is soon more than the kernel holds.
const SIZE: usize = 2000;
/// `limits.backlog_total` as it ships, in MiB.
const BUDGET: f64 = 512.0;

/// What one run has found.
struct Found {
    measured: Measured,
    /// MiB that the process has held at most beyond what it held with all members.
    held: f64,
}

/// So many members read and so many do not.
fn run(settings: &Settings, readers: usize, stalled: usize) -> Result<Found, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    let server = gateway.start(&settings.place)?;
    let error = Error::of("tidegate");
    let mut load = Generator::new(server.target()).map_err(&error)?;
    let case = Case { size: SIZE, ..Case::flood(readers, IN_FLIGHT, settings.seconds.max(3.0)) };
    enter(&server, &mut load, &Crew::of(&server.wire.subscriber, readers)).map_err(&error)?;
    let idle = Crew { reads: false, ..Crew::of(&server.wire.subscriber, stalled) };
    enter(&server, &mut load, &idle).map_err(&error)?;
    load.aim(aim(&server, &case, 0)).and_then(|()| load.settle()).map_err(&error)?;
    let bytes = |of: fn(u32) -> std::io::Result<u64>| {
        of(server.pid()).map_err(|error| Error::Other(error.to_string()))
    };
    let before = bytes(process::resident)?;
    let measured = load.run(case.plan).map_err(&error)?;
    let held = bytes(process::peak)?.saturating_sub(before) as f64 / f64::from(1 << 20);
    let waits = Page::get(server.address())?.sum("tidegate_backlog_bytes");
    if stalled > 0 && waits == 0.0 && measured.crews[1].closed == 0 {
        let why =
            "the kernel has held all that the stalled ones did not read: measure for longer (--seconds)";
        return Err(Error::Other(why.to_owned()));
    }
    eprintln!(
        "{stalled} of {MEMBERS} stalled: {:.0}k deliveries a second, p99 {:.1} ms, {held:.1} MiB more at most, {} sent away",
        measured.rate() / 1e3,
        measured.crews[0].each.p99 / 1e3,
        measured.crews[1].closed
    );
    Ok(Found { measured, held })
}

pub(super) fn readers(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let mut goes = Vec::new();
    for _ in 0..settings.goes {
        // Equally many read, so that only the stalled ones make the difference.
        goes.push((run(settings, MEMBERS - STALLED, 0)?, run(settings, MEMBERS - STALLED, STALLED)?));
    }
    let middle = |of: fn(&Found, &Found) -> f64| {
        median(goes.iter().map(|(all, some)| of(all, some))).unwrap_or(f64::NAN)
    };
    let own = middle(|_, some| some.measured.own_cpu / some.measured.seconds);
    let slower = middle(|all, some| (1.0 - some.measured.rate() / all.measured.rate()) * 100.0);
    verdict.hold("the others' throughput is less by", slower, 5.0, " %", own);
    let later =
        middle(|all, some| (some.measured.crews[0].each.p99 / all.measured.crews[0].each.p99 - 1.0) * 100.0);
    verdict.hold("the others' p99 is more by", later, 10.0, " %", own);
    let most = goes.iter().map(|(_, some)| some.held).fold(0.0, f64::max);
    verdict.hold("memory at most beyond the members'", most, BUDGET, " MiB", own);
    let missing = goes.iter().map(|(_, some)| some.measured.crews[0].missing.unsigned_abs()).max();
    verdict.hold(
        "the others' deliveries too few or too many",
        missing.unwrap_or_default() as f64,
        0.0,
        "",
        own,
    );
    Ok(())
}
