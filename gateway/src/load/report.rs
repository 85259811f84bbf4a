//! What a run has shown. The names of fields are those of the JSON report.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::clock::Schedule;
use super::dialect::Publishing;
use super::plan::Plan;
use super::server::{Look, Server};
use super::tally::Tally;
use super::threshold::{Threshold, Verdict};

mod parts;
mod text;
mod times;
mod warnings;

use parts::{
    Asked, Churn, Connections, Deliveries, Generator, Integrity, Latency, Published, ServerCost, Slow,
};
use times::Times;

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The load tester's version, with the commit that it is built from.
    pub tidegate: &'static str,
    /// When it began, in UTC.
    pub begun: String,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// What was measured.
    pub measured_s: f64,
    /// What was asked for.
    pub plan: Asked,
    /// How they were made.
    pub connections: Connections,
    /// What was sent.
    pub published: Published,
    /// What came to subscribers that read.
    pub deliveries: Deliveries,
    /// How long that took.
    pub latency: Latency,
    /// Whether it was what was sent.
    pub integrity: Integrity,
    /// Sessions of subscribers that read, and of publishers, that the server has ended, by code and reason.
    pub closes: BTreeMap<String, u64>,
    /// Subscribers that stopped reading, where there were some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Subscribers that left and came back, where some did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// The load tester itself.
    pub generator: Generator,
    /// The gateway, where its processes are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerCost>,
    /// What makes these figures doubtful.
    pub warnings: Vec<String>,
    /// What the run was held against.
    pub thresholds: Vec<Verdict>,
}

/// What was looked at while a run went on.
pub(super) struct Observed {
    pub(super) connecting: Duration,
    pub(super) ready: u64,
    pub(super) schedule: Schedule,
    pub(super) interrupted: bool,
    /// Whether nobody was connected any more, which ended it.
    pub(super) deserted: bool,
    /// Deliveries that were still on their way when they were given up.
    pub(super) left: u64,
    pub(super) given_up: u64,
    /// At the measured time's begin and end.
    pub(super) own_cpu: [Duration; 2],
    pub(super) server: Option<Server>,
    /// Before the connections, with them, at the measured time's begin, and at its end.
    pub(super) looks: [Option<Look>; 4],
}

impl Report {
    /// Sessions that the server has ended, those of slow readers aside.
    pub fn closed(&self) -> u64 {
        self.closes.values().sum()
    }

    /// Whether there were subscribers, and the gateway, or its end, has cut off all of them.
    pub fn lost_all(&self) -> bool {
        !self.interrupted && self.connections.ready > 0 && self.connections.at_end == 0
    }

    /// Whether it failed a threshold.
    pub fn failed(&self) -> bool {
        self.thresholds.iter().any(|verdict| verdict.failed)
    }

    /// Holds it against thresholds.
    pub fn judge(&mut self, thresholds: &[Threshold]) {
        self.thresholds = thresholds.iter().map(|threshold| threshold.judge(self)).collect();
    }

    pub(super) fn new(plan: &Plan, begun: SystemTime, tally: Tally, observed: Observed) -> Self {
        let seconds = (observed.schedule.end - observed.schedule.warm) as f64 / 1e9;
        let mut report = Self {
            tidegate: concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BUILD_COMMIT"), ")"),
            begun: humantime::format_rfc3339_seconds(begun).to_string(),
            interrupted: observed.interrupted,
            measured_s: seconds,
            plan: Asked::new(plan),
            connections: connections(plan, &tally, &observed),
            published: published(&tally, &observed, seconds),
            deliveries: Deliveries {
                total: tally.readers.deliveries,
                measured: tally.readers.measured,
                per_s: per(tally.readers.measured as f64, seconds),
            },
            latency: Latency::new(plan.pace, tally.published_measured, &tally.latency),
            integrity: Integrity::from(&tally.readers),
            closes: closes(&tally),
            slow: (plan.slow > 0.0).then(|| Slow {
                subscribers: tally.slow.ready,
                at_end: tally.slow.at_end,
                deliveries: tally.slow.deliveries,
                closes: tally.slow.closes.clone(),
                integrity: Integrity::from(&tally.slow),
            }),
            churn: (plan.churn > 0.0).then_some(Churn { left: tally.left, came_back: tally.came_back }),
            generator: Generator {
                threads: plan.threads,
                cores: per((observed.own_cpu[1] - observed.own_cpu[0]).as_secs_f64(), seconds),
                busiest_thread: tally.busiest,
                late: Times::of(&tally.late),
            },
            server: server(plan, &tally, &observed, seconds),
            warnings: Vec::new(),
            thresholds: Vec::new(),
        };
        report.warnings = warnings::of(&report, plan, &tally, &observed);
        report
    }
}

/// An amount by the measured time, of which there is none where the run was interrupted before.
fn per(amount: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

fn connections(plan: &Plan, tally: &Tally, observed: &Observed) -> Connections {
    let closed: u64 = tally.publisher_closes.values().sum();
    Connections {
        ready: observed.ready,
        at_end: tally.readers.at_end + tally.slow.at_end,
        refused: tally.failures.values().sum(),
        reasons: tally.failures.clone(),
        seconds: observed.connecting.as_secs_f64(),
        per_s: observed.ready as f64 / observed.connecting.as_secs_f64().max(1e-6),
        publishers_lost: u64::from(plan.publishers).saturating_sub(tally.publishers) + closed,
        times: Times::of(&tally.connect),
    }
}

fn published(tally: &Tally, observed: &Observed, seconds: f64) -> Published {
    Published {
        total: tally.published,
        measured: tally.published_measured,
        per_s: per(tally.published_measured as f64, seconds),
        refused: tally.refused.values().sum(),
        reasons: tally.refused.clone(),
        unanswered: tally.unanswered,
        unsent: tally.unsent,
        given_up: observed.given_up,
    }
}

fn closes(tally: &Tally) -> BTreeMap<String, u64> {
    let publishers = &tally.publisher_closes;
    let publishers = publishers.iter().map(|(reason, times)| (format!("publisher: {reason}"), *times));
    tally.readers.closes.clone().into_iter().chain(publishers).collect()
}

fn server(plan: &Plan, tally: &Tally, observed: &Observed, seconds: f64) -> Option<ServerCost> {
    let [before, connected, begin, end] = observed.looks;
    let (before, connected, begin, end) = (before?, connected?, begin?, end?);
    let server = observed.server.as_ref()?;
    let cpu = end.cpu.saturating_sub(begin.cpu).as_secs_f64();
    let held_back = plan.filters.iter().any(|filter| !Publishing::lets(filter, &plan.event_type));
    let delivers_alone = plan.slow == 0.0 && plan.churn == 0.0 && !held_back;
    let deliveries = tally.readers.measured;
    let added = connected.resident as f64 - before.resident as f64;
    Some(ServerCost {
        pids: server.pids().to_vec(),
        names: server.names(),
        cores: per(cpu, seconds),
        cpu_us_per_delivery: (delivers_alone && deliveries > 0).then(|| cpu * 1e6 / deliveries as f64),
        resident_before: before.resident,
        resident_connected: connected.resident,
        resident_after: end.resident,
        bytes_per_connection: (observed.ready > 0).then(|| added.max(0.0) / observed.ready as f64),
    })
}
