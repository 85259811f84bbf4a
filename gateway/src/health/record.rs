//! What is remembered of a part's checks.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Report, Status};
use crate::frame::Timestamp;

/// Checks that the failure rate is taken over: as many as a word has bits.
const WINDOW: u32 = u128::BITS;

/// How a part is and has been.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "HealthComponent", extend("examples" = [{
    "name": "agents", "status": "degraded", "details": { "state": "started", "last_error": null, "plugin": null },
    "last_check": "2026-01-01T12:00:00.000Z", "last_healthy": "2026-01-01T11:59:30.000Z",
    "consecutive_failures": 0, "failure_rate": 0.0078125, "time_since_healthy": 31.5
}]))]
pub struct Component {
    /// Its name: `api`, `hub`, `store`, or that of a plugin's instance.
    #[schemars(with = "String")]
    pub name: Arc<str>,
    /// How it is.
    pub status: Status,
    /// What there is to say about it; the keys are the component's own.
    pub details: Map<String, Value>,
    /// When it was checked last: RFC 3339; null before the first check.
    pub last_check: Option<String>,
    /// When it was found healthy last: RFC 3339; null where it never was.
    pub last_healthy: Option<String>,
    /// Checks in a row, up to the last one, that found it unhealthy.
    pub consecutive_failures: u64,
    /// The share of its last checks, 128 at most, that found it unhealthy: 0 to 1.
    pub failure_rate: f64,
    /// Seconds since it was found healthy last; null where it never was.
    pub time_since_healthy: Option<f64>,
    /// Whether the gateway is not ready without it.
    #[serde(skip)]
    pub critical: bool,
    /// Why it is not healthy, in a few words.
    #[serde(skip)]
    pub reason: String,
}

#[derive(Default)]
pub(super) struct Record {
    /// The last one; none before the first check.
    last: Option<Report>,
    last_check: Option<Timestamp>,
    last_healthy: Option<Timestamp>,
    consecutive_failures: u64,
    /// A bit for each check, the last one lowest: whether it failed.
    failures: u128,
    checks: u32,
}

impl Record {
    /// Takes a report in: a check's, or, where it is not `checked`, what was seen meanwhile, which counts as a check
    /// where it changes the status. Answers the old status and the new one, where it has changed and was known.
    pub(super) fn note(&mut self, report: Report, checked: bool, now: Timestamp) -> Option<(Status, Status)> {
        let (old, new) = (self.last.as_ref().map(|last| last.status), report.status);
        self.last = Some(report);
        if checked || old != Some(new) {
            let failed = new == Status::Unhealthy;
            self.failures = self.failures << 1 | u128::from(failed);
            self.checks = (self.checks + 1).min(WINDOW);
            self.consecutive_failures = if failed { self.consecutive_failures + 1 } else { 0 };
            self.last_check = Some(now);
            if new == Status::Healthy {
                self.last_healthy = Some(now);
            }
        }
        old.filter(|old| *old != new).map(|old| (old, new))
    }

    pub(super) fn show(&self, name: &Arc<str>, critical: bool, now: Timestamp) -> Component {
        let last = self.last.as_ref();
        let seconds = |since: Timestamp| (now.0 - since.0).max(0) as f64 / 1000.0;
        Component {
            name: Arc::clone(name),
            status: last.map_or(Status::Unknown, |last| last.status),
            details: last.map(|last| last.details.clone()).unwrap_or_default(),
            last_check: self.last_check.map(|at| at.to_string()),
            last_healthy: self.last_healthy.map(|at| at.to_string()),
            consecutive_failures: self.consecutive_failures,
            failure_rate: f64::from(self.failures.count_ones()) / f64::from(self.checks.max(1)),
            time_since_healthy: self.last_healthy.map(seconds),
            critical,
            reason: last.map_or_else(|| "it has not been checked yet".to_owned(), |last| last.reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(record: &Record, now: i64) -> Component {
        record.show(&"p".into(), true, Timestamp(now))
    }

    #[test]
    fn before_the_first_check_nothing_is_known() {
        let shown = show(&Record::default(), 0);
        assert_eq!((shown.status, shown.last_check, shown.time_since_healthy), (Status::Unknown, None, None));
        assert_eq!((shown.failure_rate, shown.consecutive_failures), (0.0, 0));
    }

    #[test]
    fn failures_are_counted_in_a_row_and_over_a_window() {
        let mut record = Record::default();
        let mut note = |report: Report, at| record.note(report, true, Timestamp(at));
        assert_eq!(note(Report::healthy(Map::new()), 1000), None, "the first is no change");
        assert_eq!(note(Report::unhealthy("x"), 2000), Some((Status::Healthy, Status::Unhealthy)));
        assert_eq!(note(Report::unhealthy("x"), 3000), None);
        let shown = show(&record, 4500);
        assert_eq!((shown.consecutive_failures, shown.failure_rate), (2, 2.0 / 3.0));
        assert_eq!(shown.time_since_healthy, Some(3.5));
        assert_eq!(shown.last_check.as_deref(), Some("1970-01-01T00:00:03.000Z"));
        for _ in 0..WINDOW {
            record.note(Report::healthy(Map::new()), true, Timestamp(5000));
        }
        let shown = show(&record, 5000);
        assert_eq!((shown.consecutive_failures, shown.failure_rate), (0, 0.0));
    }

    #[test]
    fn what_is_seen_between_checks_counts_where_it_is_new() {
        let mut record = Record::default();
        record.note(Report::healthy(Map::new()), true, Timestamp(1000));
        record.note(Report::healthy(Map::new()), false, Timestamp(2000));
        assert_eq!(show(&record, 2000).last_check.as_deref(), Some("1970-01-01T00:00:01.000Z"));
        let change = record.note(Report::unhealthy("stopped"), false, Timestamp(3000));
        assert_eq!(change, Some((Status::Healthy, Status::Unhealthy)));
        record.note(Report::unhealthy("still"), false, Timestamp(4000));
        let shown = show(&record, 4000);
        assert_eq!((shown.consecutive_failures, shown.failure_rate, &*shown.reason), (1, 0.5, "still"));
    }
}
