//! What a run has shown. The names of fields are those of the JSON report.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::clock::Schedule;
use super::plan::{Pace, Plan};
use super::server::{Look, Server};
use super::tally::Tally;
use super::threshold::{Threshold, Verdict};

mod text;

/// The share of its threads that a generator may take before its figures are more about itself.
const BUSY: f64 = 0.85;

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
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
    /// Bytes of an event's payload.
    pub payload: usize,
    /// `rate`, `in_flight` or `idle`.
    pub pace: &'static str,
    /// Events a second, or in flight.
    pub at: f64,
    /// Before it counts.
    pub warm_up_s: f64,
    /// What is measured.
    pub duration_s: f64,
    /// Of the generator.
    pub threads: u32,
}

/// Percentiles, microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// Half of all are below it.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
    /// On average.
    pub mean_us: f64,
    /// How many.
    pub samples: u64,
}

/// How connections were made.
#[derive(Clone, Debug, Serialize)]
pub struct Connections {
    /// Ready at the first attempt or a later one: subscribers and publishers.
    pub ready: u64,
    /// Not made, or not let into their rooms.
    pub refused: u64,
    /// Why.
    pub reasons: BTreeMap<String, u64>,
    /// From the first to the last.
    pub seconds: f64,
    /// On average over that.
    pub per_s: f64,
    /// From the first packet to the upgrade's answer, TLS included; joins are not.
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
    /// Open loop: due by the end and not taken by the server by then.
    pub unsent: u64,
    /// Closed loop: how often all events in flight were given up, as none came for two seconds.
    pub given_up: u64,
}

/// What came to subscribers that read.
#[derive(Clone, Debug, Serialize)]
pub struct Deliveries {
    /// From the first to the last, warm-up and what came late included.
    pub total: u64,
    /// In the measured time.
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
    /// Whether they are corrected for coordinated omission.
    pub corrected: bool,
    /// What they are counted from.
    pub counted_from: &'static str,
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
}

/// The gateway's processes.
#[derive(Clone, Debug, Serialize)]
pub struct ServerCost {
    /// Which.
    pub pids: Vec<u32>,
    /// Processor time over the measured time.
    pub cores: f64,
    /// None where nothing came.
    pub cpu_us_per_delivery: Option<f64>,
    /// Resident, before the first connection.
    pub resident_before: u64,
    /// Resident, with all of them idle.
    pub resident_connected: u64,
    /// Resident, after the measured time.
    pub resident_after: u64,
    /// What the connections have added, while idle. None where nothing was connected.
    pub bytes_per_connection: Option<f64>,
}

/// What was looked at while a run went on.
pub(super) struct Observed {
    pub(super) connecting: Duration,
    pub(super) ready: u64,
    pub(super) schedule: Schedule,
    pub(super) given_up: u64,
    /// At the measured time's begin and end.
    pub(super) own_cpu: [Duration; 2],
    pub(super) server: Option<Server>,
    /// Before the connections, with them, at the measured time's begin, and at its end.
    pub(super) looks: [Option<Look>; 4],
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1e3,
            mean_us: histogram.mean() / 1e3,
            samples: histogram.len(),
        })
    }
}

impl Report {
    /// Sessions that the server has ended, those of slow readers aside.
    pub fn closed(&self) -> u64 {
        self.closes.values().sum()
    }

    /// Whether it failed a threshold.
    pub fn failed(&self) -> bool {
        self.thresholds.iter().any(|verdict| verdict.failed)
    }

    /// Holds it against thresholds.
    pub fn judge(&mut self, thresholds: &[Threshold]) {
        self.thresholds = thresholds.iter().map(|threshold| threshold.judge(self)).collect();
    }

    pub(super) fn new(plan: &Plan, tally: Tally, observed: Observed) -> Self {
        let seconds = (observed.schedule.end - observed.schedule.warm) as f64 / 1e9;
        let per_s = |count: u64| count as f64 / seconds;
        let readers = &tally.readers;
        let mut closes = readers.closes.clone();
        closes.extend(
            tally.publisher_closes.iter().map(|(reason, times)| (format!("publisher: {reason}"), *times)),
        );
        let mut report = Self {
            plan: Asked::new(plan),
            connections: Connections {
                ready: observed.ready,
                refused: tally.failures.values().sum(),
                reasons: tally.failures.clone(),
                seconds: observed.connecting.as_secs_f64(),
                per_s: observed.ready as f64 / observed.connecting.as_secs_f64().max(1e-6),
                times: Times::of(&tally.connect),
            },
            published: Published {
                total: tally.published,
                measured: tally.published_measured,
                per_s: per_s(tally.published_measured),
                refused: tally.refused.values().sum(),
                reasons: tally.refused.clone(),
                unanswered: tally.unanswered,
                unsent: tally.unsent,
                given_up: observed.given_up,
            },
            deliveries: Deliveries {
                total: readers.deliveries,
                measured: readers.measured,
                per_s: per_s(readers.measured),
            },
            latency: Latency::new(plan.pace, &tally.latency),
            integrity: integrity(readers),
            closes,
            slow: (plan.slow > 0.0).then(|| Slow {
                subscribers: tally.slow.ready,
                at_end: tally.slow.at_end,
                deliveries: tally.slow.deliveries,
                closes: tally.slow.closes.clone(),
                integrity: integrity(&tally.slow),
            }),
            churn: (plan.churn > 0.0).then_some(Churn { left: tally.left, came_back: tally.came_back }),
            generator: Generator {
                threads: plan.threads,
                cores: observed.own_cpu[1].saturating_sub(observed.own_cpu[0]).as_secs_f64() / seconds,
            },
            server: ServerCost::new(&observed, readers.measured, seconds),
            warnings: Vec::new(),
            thresholds: Vec::new(),
        };
        report.warn(&observed);
        report
    }

    fn warn(&mut self, observed: &Observed) {
        let (cores, threads) = (self.generator.cores, f64::from(self.generator.threads));
        if cores > BUSY * threads {
            self.warnings.push(format!(
                "the generator took {cores:.2} cores of its {threads} threads: latencies and rates tell of it as much \
                 as of the gateway. More --threads, on cores of their own, or less load will do"
            ));
        }
        if self.published.unsent > 0 {
            let unsent = self.published.unsent;
            self.warnings
                .push(format!("{unsent} events that were due were not taken by the gateway in time"));
        }
        if self.published.given_up > 0 {
            let times = self.published.given_up;
            self.warnings.push(format!(
                "{times} times all events in flight were given up: for two seconds none of them came"
            ));
        }
        if observed.server.is_some() && self.server.is_none() {
            self.warnings.push("a process of the gateway ended while it was looked at".into());
        }
    }
}

fn integrity(account: &super::tally::Account) -> Integrity {
    Integrity {
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

impl Asked {
    fn new(plan: &Plan) -> Self {
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
            payload: plan.payload,
            pace,
            at,
            warm_up_s: plan.warm_up.as_secs_f64(),
            duration_s: plan.duration.as_secs_f64(),
            threads: plan.threads,
        }
    }
}

impl Latency {
    /// In an open loop an event's time is that when it should have been sent: had the server held up the publisher, that
    /// wait is in the latency of each event behind it. A closed loop has no such time, as an event is not due until
    /// another has come: nothing can be corrected, and nothing is invented.
    fn new(pace: Pace, histogram: &Histogram<u64>) -> Self {
        let (corrected, counted_from) = match pace {
            Pace::Rate(_) => (true, "the moment when each event should have been sent"),
            Pace::InFlight(_) => {
                (false, "the moment when each event was sent: in a closed loop none is due at another")
            }
            Pace::Idle => (false, "nothing: no events were published"),
        };
        Self { times: Times::of(histogram), corrected, counted_from }
    }
}

impl ServerCost {
    fn new(observed: &Observed, deliveries: u64, seconds: f64) -> Option<Self> {
        let [before, connected, begin, end] = observed.looks;
        let (before, connected, begin, end) = (before?, connected?, begin?, end?);
        let cpu = end.cpu.saturating_sub(begin.cpu).as_secs_f64();
        let added = connected.resident as f64 - before.resident as f64;
        Some(Self {
            pids: observed.server.as_ref()?.pids().to_vec(),
            cores: cpu / seconds,
            cpu_us_per_delivery: (deliveries > 0).then(|| cpu * 1e6 / deliveries as f64),
            resident_before: before.resident,
            resident_connected: connected.resident,
            resident_after: end.resident,
            bytes_per_connection: (observed.ready > 0).then(|| added / observed.ready as f64),
        })
    }
}
