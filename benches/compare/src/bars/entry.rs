//! What a connection costs until it is in.

use super::verdict::cores;
use super::{Figure, Limit, Settings, Verdict};
use crate::load::{Crew, Generator};
use crate::process;
use crate::sample::{Entry, Error, enter};
use crate::servers::{Server, bare_tls, entrant, gateway_tls, uwebsockets_asked};
use crate::statistics::median;
use crate::tls::Identity;

/// Connections of a run.
const CONNECTIONS: usize = 5000;
/// With TLS, where each takes a hundred times as long.
const SECURED: usize = 2000;

/// What each of so many subscribers costs, and the cores that the load took.
pub(super) fn entry(server: &Server, name: &str, connections: usize) -> Result<(Entry, f64), Error> {
    let error = Error::of(name);
    let mut load = Generator::new(server.target()).map_err(&error)?;
    let (own, start) = (process::own_cpu(), process::now());
    let entry = enter(server, &mut load, &Crew::of(&server.wire.subscriber, connections)).map_err(error)?;
    let took = (process::now() - start) as f64 / 1e9;
    Ok((entry, (process::own_cpu() - own).as_secs_f64() / took))
}

pub(super) fn connections(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let place = &settings.place;
    let named = |name: &str| entrant(name).ok_or_else(|| Error::Other(format!("no server '{name}'")));
    let (gateway, other) = (named("tidegate")?, named("uwebsockets")?);
    let identity = Identity::new(place)?;
    let (mut plain, mut asked, mut secured) = (Vec::new(), Vec::new(), Vec::new());
    for go in 0..settings.goes {
        let ratio = |one: &Server, other: &Server, connections, into: &mut Vec<[f64; 3]>| {
            let (first, own) = entry(one, "tidegate", connections)?;
            let (second, _) = entry(other, "the other", connections)?;
            eprintln!("go {go}: {:.1} µs a connection against {:.1} µs", first.cpu, second.cpu);
            into.push([first.cpu, second.cpu, own]);
            Ok::<(), Error>(())
        };
        ratio(&gateway.start(place)?, &other.start(place)?, CONNECTIONS, &mut plain)?;
        ratio(&gateway.start(place)?, &uwebsockets_asked(place)?, CONNECTIONS, &mut asked)?;
        ratio(&gateway_tls(place, &identity)?, &bare_tls(place, &identity)?, SECURED, &mut secured)?;
    }
    let cases = [
        ("plain, against uWebSockets, which has its clients in at once", &plain, 1.35),
        ("plain, against uWebSockets, whose clients ask to be in, too", &asked, 1.35),
        ("TLS 1.3, against a bare rustls accept loop", &secured, 1.2),
    ];
    for (what, goes, limit) in cases {
        let what = format!("processor time of a connection with upgrade and join, {what}");
        let middle = |of: usize| median(goes.iter().map(|go| go[of])).unwrap_or(f64::NAN);
        let ratios = goes.iter().map(|[one, other, _]| one / other).collect();
        let figure = Figure::new(what, ratios, Limit::AtMost(limit), "×");
        verdict.hold(figure.note(format!("{:.1} µs, {:.1} µs", middle(0), middle(1))).load(cores(middle(2))));
    }
    Ok(())
}
