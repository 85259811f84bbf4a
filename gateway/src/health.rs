//! How the parts of the gateway are: found out in the background, told from memory.
//!
//! Every part is checked again and again, side by side and each within a time, so that one that hangs is unhealthy
//! itself and makes nobody wait. What a part knows of itself at any moment, as that it was stopped, is looked at
//! whenever somebody asks, so that it shows at once.

mod record;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::frame::Timestamp;
pub use record::Component;
use record::Record;

const TIMES: Times = Times { every: Duration::from_secs(5), patience: Duration::from_secs(3) };

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "HealthState")]
pub enum Status {
    /// As it should be.
    Healthy,
    /// It has not been checked yet.
    Unknown,
    /// It works, and something is wrong.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl Status {
    /// The word in answers and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How a part is, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it is.
    pub status: Status,
    /// For people; an object.
    pub details: Map<String, Value>,
    /// Why, in a few words, where it is not healthy.
    pub reason: String,
}

impl Report {
    /// All is well.
    pub fn healthy(details: Map<String, Value>) -> Self {
        Self { status: Status::Healthy, details, reason: String::new() }
    }

    /// It does not work, for this reason.
    pub fn unhealthy(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let details = Map::from_iter([("error".to_owned(), reason.as_str().into())]);
        Self { status: Status::Unhealthy, details, reason }
    }
}

/// How a check goes.
pub type Checking = Pin<Box<dyn Future<Output = Report> + Send>>;

/// A part of the gateway.
pub trait Part: Send + Sync {
    /// How it is by what is known at this moment; none where only a check tells. Never waits.
    fn look(&self) -> Option<Report>;

    /// Finds out how it is.
    fn check(self: Arc<Self>) -> Checking {
        let report = self.look().unwrap_or_else(|| Report::unhealthy("it cannot be checked"));
        Box::pin(std::future::ready(report))
    }
}

/// A component has another status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The component.
    pub component: Arc<str>,
    /// Its status before.
    pub old_status: Status,
    /// Its status now.
    pub new_status: Status,
}

/// What is told of changes, in their order for each component.
pub type Tell = Box<dyn Fn(&Change) + Send + Sync>;

/// All parts, and how they are.
pub struct Health {
    parts: Vec<Entry>,
    tell: Tell,
    times: Times,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Between two checks of a part.
    every: Duration,
    /// How long a check may take.
    patience: Duration,
}

struct Entry {
    name: Arc<str>,
    critical: bool,
    part: Arc<dyn Part>,
    record: Mutex<Record>,
}

impl Health {
    /// With its parts by name, and whether the gateway is not ready without them. Nothing is checked yet.
    pub fn new(parts: impl IntoIterator<Item = (Arc<str>, bool, Arc<dyn Part>)>, tell: Tell) -> Arc<Self> {
        let entry =
            |(name, critical, part)| Entry { name, critical, part, record: Mutex::new(Record::default()) };
        Arc::new(Self { parts: parts.into_iter().map(entry).collect(), tell, times: TIMES })
    }

    /// Checks all parts, side by side; returns when each has answered, or its time is up.
    pub async fn check(self: &Arc<Self>) {
        let mut checks = JoinSet::new();
        for index in 0..self.parts.len() {
            let ours = Arc::clone(self);
            checks.spawn(async move { ours.check_one(&ours.parts[index]).await });
        }
        checks.join_all().await;
    }

    async fn check_one(&self, entry: &Entry) {
        let check = AssertUnwindSafe(Arc::clone(&entry.part).check()).catch_unwind();
        let report = match timeout(self.times.patience, check).await {
            Ok(Ok(report)) => report,
            Ok(Err(_)) => Report::unhealthy("its check panicked"),
            Err(_) => Report::unhealthy(format!("no answer within {:?}", self.times.patience)),
        };
        self.note(entry, report, true);
    }

    /// Checks all parts again and again, and looks at them whenever something has `changed`; never ends.
    pub async fn watch(self: Arc<Self>, changed: Arc<Notify>) {
        let mut ticks = interval(self.times.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let checking = async {
            loop {
                ticks.tick().await;
                self.check().await;
            }
        };
        let looking = async {
            loop {
                changed.notified().await;
                self.parts.iter().for_each(|entry| self.look(entry));
            }
        };
        tokio::join!(checking, looking);
    }

    /// How all parts are, by name.
    pub fn components(&self) -> Vec<Component> {
        let mut all: Vec<_> = self.parts.iter().map(|entry| self.component_of(entry)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// How one part is.
    pub fn component(&self, name: &str) -> Option<Component> {
        self.parts.iter().find(|entry| *entry.name == *name).map(|entry| self.component_of(entry))
    }

    fn component_of(&self, entry: &Entry) -> Component {
        self.look(entry);
        entry.record.lock().show(&entry.name, entry.critical, Timestamp::now())
    }

    fn look(&self, entry: &Entry) {
        if let Some(report) = entry.part.look() {
            self.note(entry, report, false);
        }
    }

    /// Told under the record's lock, so that changes are told in their order.
    fn note(&self, entry: &Entry, report: Report, checked: bool) {
        let mut record = entry.record.lock();
        if let Some((old_status, new_status)) = record.note(report, checked, Timestamp::now()) {
            let component = Arc::clone(&entry.name);
            tracing::warn!(%component, "its health: {} → {}", old_status.name(), new_status.name());
            (self.tell)(&Change { component, old_status, new_status });
        }
    }
}

#[cfg(test)]
mod tests;
