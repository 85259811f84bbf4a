//! What a run is to do.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::dialect::Dialect;
use super::layout::{Layout, Spread};
use super::marker::MARK;
use super::server;
use super::target::Target;

/// How fast events are published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many a second over all publishers, whatever becomes of them (open loop).
    Rate(f64),
    /// So many on their way at a time, over all publishers (closed loop): as fast as that lets them.
    InFlight(u32),
    /// None: the connections are held.
    Idle,
}

/// A run.
#[derive(Clone)]
pub struct Plan {
    /// Where it goes.
    pub target: Target,
    /// How TLS is spoken there, where it is.
    pub tls: Option<Arc<ClientConfig>>,
    /// What subscribers speak; publishers speak `rooms`.
    pub dialect: &'static dyn Dialect,
    /// Path and query of the endpoint that publishers connect to.
    pub publish_path: String,
    /// Subscribers.
    pub connections: u32,
    /// Connections that publish, besides.
    pub publishers: u32,
    /// Threads that all these are dealt to.
    pub threads: u32,
    /// How many rooms.
    pub rooms: u32,
    /// Rooms of one subscriber.
    pub joins: u32,
    /// How subscribers are spread over rooms.
    pub spread: Spread,
    /// What rooms' names begin with; a number follows.
    pub room_prefix: String,
    /// What subscribers subscribe to, dealt in turn; none: everything.
    pub filters: Vec<Vec<String>>,
    /// The type of what is published.
    pub event_type: String,
    /// Bytes of what is published.
    pub payload: usize,
    /// How fast.
    pub pace: Pace,
    /// New connections a second; 0: as fast as they are taken.
    pub ramp: f64,
    /// What is published before it counts.
    pub warm_up: Duration,
    /// What is measured.
    pub duration: Duration,
    /// How long events that are on their way are waited for.
    pub drain: Duration,
    /// How long a connection may take to be made.
    pub patience: Duration,
    /// The share of subscribers that stop reading, 0 to 1.
    pub slow: f64,
    /// Subscribers that leave and come back, a second.
    pub churn: f64,
    /// Tokens to show, dealt in turn.
    pub tokens: Vec<String>,
    /// Headers of each handshake.
    pub headers: Vec<(String, String)>,
    /// The gateway's processes, as far as they are given.
    pub pids: Vec<u32>,
}

/// What a plan cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BadPlan {
    /// Out of its bounds.
    #[error("{what} is {given}; it may be {bounds}")]
    Bounds {
        /// The option.
        what: &'static str,
        /// What it is.
        given: String,
        /// What it may be.
        bounds: String,
    },
    /// It would be more than a load tester should take.
    #[error(
        "{connections} subscribers, each with {tracks} streams of events to keep account of, would take more memory than \
         a load tester should: at most {most} such streams in all. Fewer publishers or rooms per subscriber will do"
    )]
    Tracks {
        /// Subscribers.
        connections: u32,
        /// Of each.
        tracks: usize,
        /// Of all.
        most: usize,
    },
    /// Nobody is there to look at.
    #[error("--pid {0}: there is no such process")]
    Process(u32),
    /// Two options that say different things.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// Subscribers, or publishers, at most.
const MOST_CONNECTIONS: u32 = 1_000_000;
/// Streams at most: their number has 16 bits.
const MOST_STREAMS: u32 = 65_535;
/// Bytes of a payload at most.
const MOST_PAYLOAD: usize = 1 << 20;
/// Connections from one address to one other: as many ports as the kernel gives by default.
const PORTS: u32 = 28_000;
/// The longest of each of a run's times.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Rooms of one subscriber at most.
const MOST_JOINS: u32 = 1000;
/// Streams that account is kept of, over all subscribers: some 50 bytes each.
const MOST_TRACKS: usize = 8_000_000;

impl Plan {
    /// Who is where.
    pub(super) fn layout(&self) -> Layout {
        Layout::new(self.connections, self.rooms, self.joins, self.publishers, self.spread)
    }

    /// The name of a room.
    pub(super) fn room(&self, number: u32) -> String {
        format!("{}{number}", self.room_prefix)
    }

    /// Judges a plan.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn judge(&self) -> Result<(), BadPlan> {
        let within = |what, given: u64, least: u64, most: u64| match (least..=most).contains(&given) {
            true => Ok(()),
            false => {
                Err(BadPlan::Bounds { what, given: given.to_string(), bounds: format!("{least} to {most}") })
            }
        };
        within("--connections", self.connections.into(), 1, MOST_CONNECTIONS.into())?;
        within("--publishers", self.publishers.into(), 0, MOST_STREAMS.into())?;
        within("--threads", self.threads.into(), 1, 256)?;
        within("--rooms", self.rooms.into(), 1, MOST_STREAMS.into())?;
        within("--joins", self.joins.into(), 1, self.rooms.min(MOST_JOINS).into())?;
        within("--payload", self.payload as u64, MARK as u64, MOST_PAYLOAD as u64)?;
        self.judge_rates()?;
        if !self.filters.is_empty() && !self.dialect.filters() {
            return Err(BadPlan::Contradiction(
                "--filter: clients of this dialect cannot say which types they want",
            ));
        }
        let tracks = self.layout().tracks();
        if self.connections as usize * tracks > MOST_TRACKS {
            return Err(BadPlan::Tracks { connections: self.connections, tracks, most: MOST_TRACKS });
        }
        self.judge_times()?;
        if let Some(pid) = self.pids.iter().find(|pid| !server::is_there(**pid)) {
            return Err(BadPlan::Process(*pid));
        }
        let ports = self.connections.saturating_add(self.publishers);
        match (self.pace, self.publishers) {
            (Pace::Idle, 1..) => Err(BadPlan::Contradiction("publishers need a pace: --rate or --in-flight")),
            (Pace::Rate(_) | Pace::InFlight(_), 0) => Err(BadPlan::Contradiction(
                "--rate and --in-flight need a publisher; without any, connections are held",
            )),
            _ if self.target.address.is_ipv6() && self.target.others.is_empty() && ports > PORTS => {
                Err(BadPlan::Contradiction(
                    "an IPv6 address has ports for 28,000 connections from this machine; 127.0.0.1 takes more of them",
                ))
            }
            _ if self.duration.is_zero() => {
                Err(BadPlan::Contradiction("--duration 0 s would measure nothing"))
            }
            _ => Ok(()),
        }
    }

    fn judge_times(&self) -> Result<(), BadPlan> {
        let times = [
            ("--duration", self.duration),
            ("--warm-up", self.warm_up),
            ("--drain", self.drain),
            ("--connect-timeout", self.patience),
        ];
        match times.into_iter().find(|(_, time)| *time > LONGEST) {
            None => Ok(()),
            Some((what, time)) => Err(BadPlan::Bounds {
                what,
                given: humantime::format_duration(time).to_string(),
                bounds: "30days at most".into(),
            }),
        }
    }

    fn judge_rates(&self) -> Result<(), BadPlan> {
        let within = |what, given: f64, range: std::ops::RangeInclusive<f64>, bounds: &str| match range
            .contains(&given)
        {
            true => Ok(()),
            false => Err(BadPlan::Bounds { what, given: given.to_string(), bounds: bounds.into() }),
        };
        within("--ramp", self.ramp, 0.0..=1e6, "0 to 1000000 a second")?;
        within("--churn", self.churn, 0.0..=1e5, "0 to 100000 a second")?;
        if !(0.0..=1.0).contains(&self.slow) {
            let given = format!("{}%", self.slow * 100.0);
            return Err(BadPlan::Bounds { what: "--slow", given, bounds: "0% to 100%".into() });
        }
        match self.pace {
            Pace::Rate(rate) => within("--rate", rate, 0.001..=1e7, "0.001 to 10000000 events a second"),
            Pace::InFlight(window) => within("--in-flight", window.into(), 1.0..=1e6, "1 to 1000000"),
            Pace::Idle => Ok(()),
        }
    }
}
