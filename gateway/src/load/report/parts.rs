//! The parts of a report. The names of fields are those of the JSON.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::times::Times;
use crate::load::plan::{Pace, Plan};
use crate::load::tally::Account;

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Without its query.
    pub url: String,
    /// By name.
    pub dialect: &'static str,
    /// Subscribers.
    pub connections: u32,
    /// Connections that publish.
    pub publishers: u32,
    /// Rooms.
    pub rooms: u32,
    /// Rooms of each subscriber.
    pub joins: u32,
    /// `even` or `zipf`.
    pub spread: &'static str,
    /// What the rooms' names begin with.
    pub room_prefix: String,
    /// What subscribers subscribe to, in turn; none: everything.
    pub filters: Vec<Vec<String>>,
    /// The type of what is published.
    pub event_type: String,
    /// Bytes of an event's payload.
    pub payload: usize,
    /// `rate`, `in_flight` or `idle`.
    pub pace: &'static str,
    /// Events a second, or in flight.
    pub at: f64,
    /// New connections a second; 0: as fast as they are taken.
    pub ramp: f64,
    /// Before it counts.
    pub warm_up_s: f64,
    /// What is to be measured.
    pub duration_s: f64,
    /// How long what is on its way at the end is waited for.
    pub drain_s: f64,
    /// How long a connection may take.
    pub connect_timeout_s: f64,
    /// The share of subscribers that stop reading, 0 to 1.
    pub slow: f64,
    /// Subscribers that leave and come back, a second.
    pub churn: f64,
    /// How many tokens are shown in turn.
    pub tokens: usize,
    /// The names of the headers that each handshake has.
    pub headers: Vec<String>,
    /// Of the generator.
    pub threads: u32,
}

impl Asked {
    pub(super) fn new(plan: &Plan) -> Self {
        let (pace, at) = match plan.pace {
            Pace::Rate(rate) => ("rate", rate),
            Pace::InFlight(window) => ("in_flight", f64::from(window)),
            Pace::Idle => ("idle", 0.0),
        };
        Self {
            url: plan.target.to_string(),
            dialect: plan.dialect.name(),
            connections: plan.connections,
            publishers: plan.publishers,
            rooms: plan.rooms,
            joins: plan.joins,
            spread: plan.spread.name(),
            room_prefix: plan.room_prefix.clone(),
            filters: plan.filters.clone(),
            event_type: plan.event_type.clone(),
            payload: plan.payload,
            pace,
            at,
            ramp: plan.ramp,
            warm_up_s: plan.warm_up.as_secs_f64(),
            duration_s: plan.duration.as_secs_f64(),
            drain_s: plan.drain.as_secs_f64(),
            connect_timeout_s: plan.patience.as_secs_f64(),
            slow: plan.slow,
            churn: plan.churn,
            tokens: plan.tokens.len(),
            headers: plan.headers.iter().map(|(name, _)| name.clone()).collect(),
            threads: plan.threads,
        }
    }
}

/// How connections were made.
#[derive(Clone, Debug, Serialize)]
pub struct Connections {
    /// Subscribers and publishers that were ready when connecting had come to its end.
    pub ready: u64,
    /// Subscribers that were connected at the end, slow ones included.
    pub at_end: u64,
    /// Not made, or not let into their rooms.
    pub refused: u64,
    /// Why.
    pub reasons: BTreeMap<String, u64>,
    /// From the first to the last.
    pub seconds: f64,
    /// On average over that.
    pub per_s: f64,
    /// Publishers among those that were asked for that were never ready, or that the server has closed.
    pub publishers_lost: u64,
    /// From when a connection was to be made to the upgrade's answer, TLS included; joins are not. Without a ramp it is to
    /// be made when there is a place for it: so many are made at a time.
    pub times: Option<Times>,
}

/// What was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// From the first to the last, warm-up included.
    pub total: u64,
    /// In the measured time.
    pub measured: u64,
    /// Of these.
    pub per_s: f64,
    /// By the server.
    pub refused: u64,
    /// Why.
    pub reasons: BTreeMap<String, u64>,
    /// Never answered.
    pub unanswered: u64,
    /// Open loop: due by the end and never sent, as the server did not take them, or as their publisher was not there.
    pub unsent: u64,
    /// Closed loop: how often all events in flight were given up, as none came for two seconds.
    pub given_up: u64,
}

/// What came to subscribers that read.
#[derive(Clone, Debug, Serialize)]
pub struct Deliveries {
    /// From the first to the last, warm-up and what came late included.
    pub total: u64,
    /// In the measured time; what came twice counts once.
    pub measured: u64,
    /// Of these.
    pub per_s: f64,
}

/// How long deliveries took.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// None where nothing came.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Of so many events: what slows down one of them slows down its delivery to each member.
    pub events: u64,
    /// Whether they are corrected for coordinated omission.
    pub corrected: bool,
    /// What they are counted from.
    pub counted_from: &'static str,
}

impl Latency {
    /// In an open loop an event's time is that when it should have been sent: had the server held up the publisher, that
    /// wait is in the latency of each event behind it. A closed loop has no such time, as an event is not due until
    /// another has come: nothing can be corrected, and nothing is invented.
    pub(super) fn new(pace: Pace, events: u64, histogram: &Histogram<u64>) -> Self {
        let (corrected, counted_from) = match pace {
            Pace::Rate(_) => (true, "the moment when each event should have been sent"),
            Pace::InFlight(_) => {
                (false, "the moment when each event was sent: in a closed loop none is due at another")
            }
            Pace::Idle => (false, "nothing: no events were published"),
        };
        Self { times: Times::of(histogram), events, corrected, counted_from }
    }
}

/// Whether what came was what was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Integrity {
    /// Events that did not come to a subscriber that was there for them, and that no gap told of.
    pub missing: u64,
    /// That came more than once.
    pub doubled: u64,
    /// Events and frames that were not whole.
    pub torn: u64,
    /// That came after later ones.
    pub disordered: u64,
    /// That came to a subscriber that had not asked for them.
    pub strayed: u64,
    /// Of other runs; they count nowhere else.
    pub foreign: u64,
    /// Notices of events that were dropped.
    pub gaps: u64,
    /// Events in these.
    pub in_gaps: u64,
}

/// Subscribers that stopped reading, and read what was left at the end.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    /// How many.
    pub subscribers: u64,
    /// Still there at the end.
    pub at_end: u64,
    /// Events that they got in the end.
    pub deliveries: u64,
    /// What the server has ended, by code and reason. The close frame stands behind all that was sent before it: who
    /// is cut off before reading that far sees none.
    pub closes: BTreeMap<String, u64>,
    /// Of what they got, and of those at the end, of what they should have got.
    pub integrity: Integrity,
}

/// Subscribers that left and came back.
#[derive(Clone, Debug, Serialize)]
pub struct Churn {
    /// Left.
    pub left: u64,
    /// Were ready again.
    pub came_back: u64,
}

/// The load tester itself.
#[derive(Clone, Debug, Serialize)]
pub struct Generator {
    /// That it had.
    pub threads: u32,
    /// Processor time over the measured time.
    pub cores: f64,
    /// Of the busiest thread; none where the measured time was too short.
    pub busiest_thread: Option<f64>,
    /// Open loop: how late events were sent after they were due, by the load tester's own fault and not because the server
    /// took none. It is in their latency.
    pub late: Option<Times>,
}

/// The gateway's processes.
#[derive(Clone, Debug, Serialize)]
pub struct ServerCost {
    /// Which.
    pub pids: Vec<u32>,
    /// What they are called.
    pub names: Vec<String>,
    /// Processor time over the measured time.
    pub cores: f64,
    /// None where nothing came, and where they had other work besides: with slow readers, churn, or filters that hold
    /// events back.
    pub cpu_us_per_delivery: Option<f64>,
    /// Resident, before the first connection.
    pub resident_before: u64,
    /// Resident, with all of them idle.
    pub resident_connected: u64,
    /// Resident, after the measured time.
    pub resident_after: u64,
    /// What the connections have added, while idle. None where nothing was added: a process that has served others before
    /// has memory left for them.
    pub bytes_per_connection: Option<f64>,
}

impl From<&Account> for Integrity {
    fn from(account: &Account) -> Self {
        Self {
            missing: account.missing,
            doubled: account.doubled,
            torn: account.torn,
            disordered: account.disordered,
            strayed: account.strayed,
            foreign: account.foreign,
            gaps: account.gaps,
            in_gaps: account.in_gaps,
        }
    }
}
