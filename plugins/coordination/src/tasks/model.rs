//! A task, and how it goes from status to status.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_plugin::{Error, Result};

use crate::collection::Record;
use crate::time::Timestamp;
use crate::validate::NewTask;

/// A task, as answers and events show it; the fields in the order of the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) task_id: String,
    pub(crate) task_type: String,
    pub(crate) status: Status,
    /// 1 to 10.
    pub(crate) priority: u8,
    pub(crate) assigned_agent: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) parameters: Map<String, Value>,
    /// Seconds from `started_at`.
    pub(crate) timeout: Option<f64>,
    pub(crate) result: Value,
    pub(crate) error: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) assigned_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended, in whatever way.
    pub(crate) completed_at: Option<Timestamp>,
    /// Seconds from start to end; none where it ended before it was started.
    pub(crate) duration: Option<f64>,
    pub(crate) retries: u64,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Nobody's yet.
    Pending,
    /// An agent's, who has not started.
    Assigned,
    /// Started.
    Running,
    /// Done.
    Completed,
    /// Given up, or its time was up.
    Failed,
    /// Not wanted any more.
    Cancelled,
}

/// One step of a task.
#[derive(Clone, Debug)]
pub(crate) enum Step<'a> {
    /// To that agent.
    Assign(Cow<'a, str>),
    Start,
    /// With that result.
    Complete(&'a Value),
    /// For that reason.
    Fail(Option<&'a str>),
    Retry,
    Cancel,
}

/// What tasks are listed by.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) status: Status,
    pub(crate) task_type: Rc<str>,
}

impl Status {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether one step leads from here to there.
    fn leads_to(self, to: Self) -> bool {
        use Status::{Assigned, Cancelled, Completed, Failed, Pending, Running};
        matches!(
            (self, to),
            (Pending, Assigned)
                | (Assigned, Running)
                | (Running, Completed)
                | (Assigned | Running, Failed)
                | (Failed, Pending)
                | (Pending | Assigned | Running, Cancelled)
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Step<'_> {
    /// Where it leads to.
    fn to(&self) -> Status {
        match self {
            Self::Assign(_) => Status::Assigned,
            Self::Start => Status::Running,
            Self::Complete(_) => Status::Completed,
            Self::Fail(_) => Status::Failed,
            Self::Retry => Status::Pending,
            Self::Cancel => Status::Cancelled,
        }
    }

    /// The type of the event that tells of it.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::Assign(_) => "task_assigned",
            Self::Start => "task_started",
            Self::Complete(_) => "task_completed",
            Self::Fail(_) => "task_failed",
            Self::Retry => "task_retried",
            Self::Cancel => "task_cancelled",
        }
    }
}

impl Task {
    /// A new task: nobody's yet.
    pub(crate) fn new(wanted: &NewTask, number: u64, now: Timestamp) -> Self {
        let wanted = wanted.clone();
        Self {
            task_id: format!("task_{}_{number:03}", wanted.task_type),
            task_type: wanted.task_type,
            status: Status::Pending,
            priority: wanted.priority,
            assigned_agent: None,
            target: wanted.target,
            parameters: wanted.parameters,
            timeout: wanted.timeout,
            result: Value::Null,
            error: None,
            created_at: now,
            assigned_at: None,
            started_at: None,
            completed_at: None,
            duration: None,
            retries: 0,
        }
    }

    /// Whether it may go to that status.
    ///
    /// # Errors
    /// 409 that says from where to where.
    pub(crate) fn allows(&self, to: Status) -> Result<()> {
        if self.status.leads_to(to) {
            return Ok(());
        }
        let (id, from) = (&self.task_id, self.status);
        Err(Error::conflict(format!("Task '{id}' cannot go from '{from}' to '{to}'")))
    }

    /// Takes a step.
    ///
    /// # Errors
    /// 409 that says from where to where.
    pub(crate) fn take(&mut self, step: &Step<'_>, now: Timestamp) -> Result<()> {
        self.allows(step.to())?;
        match step {
            Step::Assign(agent) => {
                self.assigned_agent = Some(agent.to_string());
                self.assigned_at = Some(now);
            }
            Step::Start => self.started_at = Some(now),
            Step::Complete(result) => {
                self.result = (*result).clone();
                self.end(now);
            }
            Step::Fail(error) => {
                self.error = error.map(str::to_owned);
                self.end(now);
            }
            Step::Cancel => self.end(now),
            Step::Retry => self.begin_anew(),
        }
        self.status = step.to();
        Ok(())
    }

    fn end(&mut self, now: Timestamp) {
        self.completed_at = Some(now);
        self.duration = self.started_at.map(|started| now.seconds_since(started));
    }

    /// As it was made, but for when that was and how often it has failed.
    fn begin_anew(&mut self) {
        self.assigned_agent = None;
        self.assigned_at = None;
        self.started_at = None;
        self.completed_at = None;
        self.duration = None;
        self.error = None;
        self.retries += 1;
    }
}

impl Record for Task {
    type Card = Card;
    const PREFIX: &'static str = "shared/task/";
    const COUNTER: &'static str = "number/task";

    fn name(&self) -> &str {
        &self.task_id
    }

    fn card(&self) -> Card {
        Card { status: self.status, task_type: self.task_type.as_str().into() }
    }

    fn expiry(&self) -> Option<Timestamp> {
        let started = self.started_at.filter(|_| self.status == Status::Running)?;
        self.timeout.map(|seconds| started.after(seconds))
    }

    fn is_over(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Failed | Status::Cancelled)
    }
}

#[cfg(test)]
mod tests;
