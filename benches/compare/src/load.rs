//! A load: crews of subscribers and the publishers that publish to them, on one thread.

mod connection;
mod crowd;
mod generator;
mod publisher;
mod slices;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use crowd::Crowd;
pub use generator::Generator;

/// Where a server is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Target {
    /// On loopback.
    pub address: SocketAddr,
    /// Its process, whose figures are taken.
    pub pid: u32,
    /// How TLS is spoken, where it is.
    pub tls: Option<Arc<ClientConfig>>,
}

/// How a client of one kind connects.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// What it asks for: a path, which may have a query.
    pub path: String,
    /// Text frames that it sends at once. `%R` stands for the number of its room, `%N` for its own.
    pub hello: Vec<String>,
    /// What comes when it is in; empty: nothing does.
    pub ready: String,
}

/// What a server of one kind is told.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// By a subscriber.
    pub subscriber: Side,
    /// By a publisher.
    pub publisher: Side,
    /// The text frame that publishes: `%T` stands for the marker and what fills it up, `%R` for the number of the room.
    pub template: String,
}

/// Subscribers of one kind.
#[derive(Clone, Debug)]
pub struct Crew {
    /// How they connect.
    pub side: Side,
    /// How many there are.
    pub members: usize,
    /// How many rooms they are in, one each, in turn.
    pub rooms: usize,
    /// Whether they read what comes.
    pub reads: bool,
}

impl Crew {
    /// So many who read, in one room.
    pub fn of(side: &Side, members: usize) -> Self {
        Self { side: side.clone(), members, rooms: 1, reads: true }
    }
}

/// What a publisher publishes, and to whom.
#[derive(Clone, Debug)]
pub struct Aim {
    /// How it connects.
    pub side: Side,
    /// As in [`Wire`].
    pub template: String,
    /// Bytes that stand for `%T`.
    pub size: usize,
    /// How fast.
    pub pace: Pace,
    /// The number of the crew that gets the events, in the order in which they came.
    pub crew: usize,
    /// Rooms, which take turns.
    pub rooms: usize,
    /// Members of the crew that an event goes to.
    pub fanout: usize,
}

/// How fast a publisher publishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as the crew gets it, with so many events in flight at most.
    Window(u64),
    /// So many events a second, whatever the crew gets.
    Rate(f64),
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What is not counted.
    pub warm_up: Duration,
    /// What is.
    pub measured: Duration,
}

/// What a load has found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// How long it was measured.
    pub seconds: f64,
    /// Processor time of the server.
    pub server_cpu: f64,
    /// Processor time of the load itself; all of it with a [rate](Pace::Rate), as it looks at the clock all the time.
    pub own_cpu: f64,
    /// Bytes that the server's process has in memory at the end.
    pub resident: u64,
    /// Of each crew.
    pub crews: Vec<Figures>,
    /// Whether events came at a [rate](Pace::Rate).
    pub paced: bool,
    /// By how much events went out later than a [rate](Pace::Rate) asks for, in microseconds: 99th percentile.
    pub late_p99: f64,
}

/// What one crew has got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// While it was measured.
    pub deliveries: u64,
    /// Deliveries of the whole load that had not come a while after the last event was sent.
    pub missing: u64,
    /// Those that came again, or after a later one.
    pub doubled: u64,
    /// Microseconds from the publisher to each member.
    pub each: Percentiles,
    /// The same of a usual slice of 50 ms: what a pause of the machine changes nothing of. Older results have none.
    #[serde(default)]
    pub usual: Percentiles,
    /// Microseconds from the publisher to the last member.
    pub last: Percentiles,
    /// Members that the server has sent away; of a crew that does not read.
    pub closed: usize,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are not above it.
    pub p50: f64,
    /// 99 of a hundred.
    pub p99: f64,
    /// 999 of a thousand.
    pub p999: f64,
}

impl Measured {
    /// Deliveries of all crews.
    pub fn deliveries(&self) -> u64 {
        self.crews.iter().map(|crew| crew.deliveries).sum()
    }

    /// Microseconds of the server's processor time for each delivery.
    pub fn cost(&self) -> f64 {
        self.server_cpu * 1e6 / self.deliveries().max(1) as f64
    }

    /// Deliveries too few or too many.
    pub fn wrong(&self) -> u64 {
        self.crews.iter().map(|crew| crew.missing + crew.doubled).sum()
    }

    /// Deliveries a second.
    pub fn rate(&self) -> f64 {
        self.deliveries() as f64 / self.seconds
    }
}

/// Nanoseconds up to a minute (what took longer counts as that), right to a hundredth.
fn times() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2)
        .expect("these bounds are in order, and two digits are few")
}

/// The microseconds that this share of the times is not above; zero of none.
fn micros(times: &Histogram<u64>, share: f64) -> f64 {
    times.value_at_quantile(share) as f64 / 1e3
}

/// Why a load ended before its time.
#[derive(Debug, Error)]
pub enum Error {
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// A client was not let in.
    #[error("not let in, or not in time; the server's answer: {0:.400}")]
    Refused(String),
    /// A client that reads was sent away.
    #[error("the server closed the connection of a {0}")]
    Closed(&'static str),
    /// Nothing came although events are in flight.
    #[error("nothing came for {} s while {in_flight} events were in flight", generator::PATIENCE.as_secs())]
    Stalled {
        /// Of all publishers.
        in_flight: u64,
    },
}

/// An error of a system call, with what was tried.
fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::System { what, source }
}
