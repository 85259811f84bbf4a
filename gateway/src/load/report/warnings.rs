//! What makes a run's figures doubtful, said where somebody reads them.

use super::text::plural;
use super::{Observed, Report};
use crate::load::plan::{Pace, Plan};
use crate::load::tally::Tally;
use crate::load::threshold::micros;

/// The share of a core that a thread may take before its figures are more about itself.
const BUSY: f64 = 0.85;
/// The part of a latency that the load tester's own lateness may be.
const LATE: f64 = 0.25;
/// The part of the churn that may be left undone.
const BEHIND: f64 = 0.1;
/// Of fewer events than this a 99th percentile is the fate of a single one.
const FEW: u64 = 100;

/// All that there are, the run's own end first.
pub(super) fn of(report: &Report, plan: &Plan, tally: &Tally, observed: &Observed) -> Vec<String> {
    let closed = tally.readers.closes.values().sum();
    let mut said = ended_early(report, observed);
    said.extend(of_the_generator(report));
    said.extend(of_the_connections(report, closed));
    said.extend(of_the_events(report, plan, observed));
    if observed.server.is_some() && report.server.is_none() {
        said.push("a process of the gateway ended while it was looked at".into());
    }
    said
}

fn ended_early(report: &Report, observed: &Observed) -> Vec<String> {
    let why = match observed {
        Observed { interrupted: true, .. } => Some("interrupted"),
        Observed { deserted: true, .. } => Some("nobody was connected any more"),
        _ => None,
    };
    let ended = why.map(|why| {
        format!("{why}: {:.2} s of {} s were measured", report.measured_s, report.plan.duration_s)
    });
    let waited = (observed.left > 0).then(|| {
        format!(
            "deliveries that had not come when waiting for them ended (--drain is {} s): {}",
            report.plan.drain_s, observed.left
        )
    });
    ended.into_iter().chain(waited).collect()
}

fn of_the_generator(report: &Report) -> Vec<String> {
    let mut said = Vec::new();
    if cfg!(debug_assertions) {
        said.push("this load tester is a debug build: a release build takes a fraction of its time".into());
    }
    if let Some(busy) = report.generator.busiest_thread.filter(|busy| *busy > BUSY) {
        said.push(format!(
            "a thread of the generator was busy for {:.0} % of the time: latencies and rates tell of it as much as of \
             the gateway. More --threads, on cores of their own, or less load will do",
            busy * 100.0
        ));
    }
    if let (Some(late), Some(latency)) = (&report.generator.late, &report.latency.times)
        && late.p99_us > LATE * latency.p99_us
    {
        said.push(format!(
            "the generator sent late (p99 {}), and that is in the latencies: it has no core of its own, or too much to do",
            micros(late.p99_us)
        ));
    }
    said
}

fn of_the_connections(report: &Report, closed: u64) -> Vec<String> {
    let mut said = Vec::new();
    let made = &report.connections;
    if made.refused > 0 {
        let refused = plural(made.refused, "connection");
        said.push(format!("{refused} could not be made: this is a run with the others"));
    }
    if made.publishers_lost > 0 {
        said.push(format!(
            "{} of {} publishers were not let in, or closed: what they should have sent is 'unsent'",
            made.publishers_lost, report.plan.publishers
        ));
    }
    if closed > 0 {
        let closed = plural(closed, "subscriber");
        said.push(format!(
            "{closed} closed by the gateway: what they would have got from then on is not 'missing'"
        ));
    }
    if let Some(churn) = &report.churn {
        let asked = report.plan.churn * (report.measured_s + report.plan.warm_up_s);
        if !report.interrupted && (churn.left as f64) < asked * (1.0 - BEHIND) - 1.0 {
            said.push(format!(
                "{} subscribers left where {asked:.0} were to: those before them were not back in time",
                churn.left
            ));
        }
    }
    said
}

fn of_the_events(report: &Report, plan: &Plan, observed: &Observed) -> Vec<String> {
    let mut said = Vec::new();
    if report.published.refused > 0 {
        said.push(format!(
            "{} of {} events were refused by the gateway: nobody got them",
            report.published.refused, report.published.total
        ));
    }
    if report.published.unsent > 0 {
        said.push(format!("{} due and not sent", plural(report.published.unsent, "event")));
    }
    if observed.given_up > 0 {
        said.push(format!(
            "the events in flight were given up, as none came for two seconds ({} times): where they came after all, \
             more than --in-flight were on their way from then on",
            observed.given_up
        ));
    }
    if plan.pace != Pace::Idle && report.latency.times.is_some() && report.latency.events < FEW {
        said.push(format!(
            "the 99th percentile is that of {} events, however often each was delivered: a longer run will do",
            report.latency.events
        ));
    }
    said
}
