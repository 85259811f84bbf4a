//! What idle members hold and cost.

use std::time::Duration;

use super::entry::entry;
use super::verdict::cores;
use super::{Figure, Limit, Settings, Verdict};
use crate::load::{Crew, Generator};
use crate::process;
use crate::sample::{Error, enter};
use crate::servers::{Server, entrant, gateway_tls};
use crate::statistics::median;
use crate::tls::Identity;

const MEMBERS: usize = 10_000;
/// How often what they hold is told while others come and go.
const PARTS: u32 = 6;
/// Connections that come and go together.
const WAVE: usize = 500;

fn gateway(settings: &Settings) -> Result<Server, Error> {
    let gateway = entrant("tidegate").ok_or_else(|| Error::Other("no gateway".to_owned()))?;
    Ok(gateway.start(&settings.place)?)
}

pub(super) fn members(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let identity = Identity::new(&settings.place)?;
    let (mut plain, mut secured) = (Vec::new(), Vec::new());
    for _ in 0..settings.goes {
        plain.push(entry(&gateway(settings)?, "tidegate", MEMBERS)?);
        secured.push(entry(&gateway_tls(&settings.place, &identity)?, "tidegate", MEMBERS)?);
    }
    // A kilobyte is taken as a thousand bytes, the less of the two.
    for (what, goes, limit) in [("plain", &plain, 1500.0), ("TLS", &secured, 10_000.0)] {
        let memory = goes.iter().map(|go| go.0.memory).collect();
        let own = median(goes.iter().map(|go| go.1)).unwrap_or_default();
        let what = format!("memory of each of {MEMBERS} idle members, {what}");
        verdict.hold(Figure::new(what, memory, Limit::AtMost(limit), " bytes").load(cores(own)));
    }
    churn(settings, verdict)
}

/// Others come, join and go beside the members; what the members hold is told before, meanwhile and after.
fn churn(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let server = gateway(settings)?;
    let error = Error::of("tidegate");
    let resident = || process::resident(server.pid()).map_err(|error| Error::Other(error.to_string()));
    let empty = resident()?;
    let mut members = Generator::new(server.target()).map_err(&error)?;
    enter(&server, &mut members, &Crew::of(&server.wire.subscriber, MEMBERS)).map_err(&error)?;
    let own = process::own_cpu();
    let part = (settings.churn * 1e9) as u64 / u64::from(PARTS);
    let mut come = 0;
    let wave = |come: &mut usize| {
        let mut wave = Generator::new(server.target()).map_err(&error)?;
        *come += WAVE;
        wave.enter(&Crew::of(&server.wire.subscriber, WAVE)).map_err(&error)
    };
    wave(&mut come)?; // the first one needs room for itself
    members.settle().map_err(&error)?;
    let before = resident()?;
    let mut meanwhile = Vec::new();
    for _ in 0..PARTS {
        let end = process::now() + part;
        while process::now() < end {
            wave(&mut come)?;
            members.idle(Duration::from_millis(1)).map_err(&error)?; // answers to heartbeats
        }
        members.settle().map_err(&error)?;
        meanwhile.push(resident()?);
    }
    let each = |resident: u64| resident.saturating_sub(empty) as f64 / MEMBERS as f64;
    let course: Vec<_> = meanwhile.iter().map(|resident| format!("{:.0}", each(*resident))).collect();
    let what =
        format!("memory of each member after {come} others have come and gone in {:.0} s", settings.churn);
    let own = (process::own_cpu() - own).as_secs_f64() / settings.churn.max(0.1);
    let after = meanwhile.last().copied().unwrap_or(before);
    // "Flat": not more than measuring scatters by, once the heap has made room for those that come and go.
    let limit = Limit::AtMost(each(*meanwhile.first().unwrap_or(&before)) * 1.05 + 20.0);
    let figure = Figure::new(what, vec![each(after)], limit, " bytes").load(cores(own));
    verdict.hold(figure.note(format!("{:.0} bytes before, {} meanwhile", each(before), course.join(", "))));
    Ok(())
}

pub(super) fn heartbeats(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let mut goes = Vec::new();
    let mut own_cores = Vec::new();
    for _ in 0..settings.goes {
        let server = gateway(settings)?;
        let error = Error::of("tidegate");
        let mut load = Generator::new(server.target()).map_err(&error)?;
        enter(&server, &mut load, &Crew::of(&server.wire.subscriber, MEMBERS)).map_err(&error)?;
        let (before, own) = (load.server_cpu().map_err(&error)?, process::own_cpu());
        load.idle(Duration::from_secs_f64(settings.idle)).map_err(&error)?;
        let spent = load.server_cpu().map_err(&error)?.saturating_sub(before);
        goes.push(spent.as_secs_f64() / settings.idle * 100.0);
        own_cores.push((process::own_cpu() - own).as_secs_f64() / settings.idle);
    }
    let what =
        format!("{MEMBERS} idle sessions over {:.0} s with a heartbeat each 25 s, of a core", settings.idle);
    let own = median(own_cores).unwrap_or_default();
    verdict.hold(Figure::new(what, goes, Limit::AtMost(0.5), " %").load(cores(own)));
    Ok(())
}
