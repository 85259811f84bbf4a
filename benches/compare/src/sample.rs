//! One run of one server: started, filled with clients, flooded, stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::load::{self, Aim, Crew, Generator, Measured, Pace, Plan};
use crate::place::Place;
use crate::process;
use crate::servers::{self, Entrant, Server};

/// One room with one publisher outside it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Members.
    pub connections: usize,
    /// How fast it is published.
    pub pace: Pace,
    /// Bytes of each event's data.
    pub size: usize,
    /// How long.
    pub plan: Plan,
}

/// What clients have cost that only came.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Connections a second, one after the other.
    pub per_second: f64,
    /// Microseconds of the server's processor time for each.
    pub cpu: f64,
    /// Bytes of the server's memory for each.
    pub memory: f64,
}

/// Why there is no figure.
#[derive(Debug, Error)]
pub enum Error {
    /// The server does not run.
    #[error(transparent)]
    Server(#[from] servers::Error),
    /// The load ended.
    #[error("{name}: {source}")]
    Load {
        /// The server's name.
        name: String,
        /// Why.
        source: load::Error,
    },
    /// The gateway's own figures could not be had, or a certificate, or a file.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// An error of the load on this server.
    pub fn of(name: &str) -> impl Fn(load::Error) -> Self {
        move |source| Self::Load { name: name.to_owned(), source }
    }
}

/// Starts `entrant`, and measures it in a case.
///
/// # Errors
/// Where it does not run, or does not take the load.
pub fn measure(place: &Place, entrant: &Entrant, case: &Case) -> Result<(Entry, Measured), Error> {
    let server = entrant.start(place)?;
    let error = Error::of(entrant.name);
    let mut load = Generator::new(server.target()).map_err(&error)?;
    let crew = Crew::of(&server.wire.subscriber, case.connections);
    let entry = enter(&server, &mut load, &crew).map_err(&error)?;
    let aim = aim(&server, case, 0);
    let measured = load.aim(aim).and_then(|()| load.settle()).and_then(|()| load.run(case.plan));
    Ok((entry, measured.map_err(error)?))
}

/// The publisher of a case, who publishes to all members of this crew in one room.
pub fn aim(server: &Server, case: &Case, crew: usize) -> Aim {
    Aim {
        side: server.wire.publisher.clone(),
        template: server.wire.template.clone(),
        size: case.size,
        pace: case.pace,
        crew,
        rooms: 1,
        fanout: case.connections,
    }
}

/// Lets a crew in, and says what it has cost.
///
/// # Errors
/// Where a member is not let in.
pub fn enter(server: &Server, load: &mut Generator, crew: &Crew) -> Result<Entry, load::Error> {
    let resident =
        || process::resident(server.pid()).map_err(|source| load::Error::System { what: "/proc", source });
    let (memory, cpu) = (resident()?, load.server_cpu()?);
    let took = load.enter(crew)?;
    load.settle()?;
    let each = |all: f64| all / crew.members.max(1) as f64;
    Ok(Entry {
        per_second: crew.members as f64 / took.as_secs_f64(),
        cpu: each(load.server_cpu()?.saturating_sub(cpu).as_secs_f64() * 1e6),
        memory: each(resident()? as f64 - memory as f64),
    })
}

impl Case {
    /// A flood with so many events of 200 bytes in flight.
    pub fn flood(connections: usize, window: u64, seconds: f64) -> Self {
        Self { connections, pace: Pace::Window(window), size: 200, plan: Plan::of(seconds) }
    }
}

impl Plan {
    /// So many seconds after half a second that is not counted.
    pub fn of(seconds: f64) -> Self {
        Self { warm_up: Duration::from_millis(500), measured: Duration::from_secs_f64(seconds) }
    }
}
