//! What an agent's tasks and reports come to.

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Cursor, FollowedEvent};

use crate::model::Record;
use crate::time::Timestamp;

/// What the tasks of an agent came to, kept with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Tasks that it was given; one that is given again after a failure counts again.
    assigned: u64,
    completed: u64,
    failed: u64,
    /// Of the tasks that ended and said how long they took: how many, and the seconds together.
    timed: u64,
    seconds: f64,
    /// The last event that was counted, so that none counts twice: `(epoch, offset)`.
    last: Option<(String, u64)>,
}

/// The answer of `GET /agents/{id}/stats`.
#[derive(Debug, Serialize)]
pub(crate) struct Stats<'a> {
    agent_id: &'a str,
    agent_type: &'a str,
    total_tasks: u64,
    tasks_completed: u64,
    tasks_failed: u64,
    /// Of the tasks that ended: the share that was completed.
    success_rate: f64,
    /// Seconds.
    average_task_duration: f64,
    detections_total: u64,
    neutralizations_total: u64,
    false_positives: u64,
    uptime_seconds: f64,
}

/// What an event of room `tasks` means for an agent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskEvent {
    /// Whose task it is.
    pub(crate) agent_id: String,
    what: TaskMoment,
    cursor: Cursor,
}

/// A moment in the life of a task that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum TaskMoment {
    Assigned,
    /// With the seconds that it took, where they are known.
    Completed(Option<f64>),
    Failed(Option<f64>),
}

/// What is read of a task.
#[derive(Deserialize)]
struct Task {
    assigned_agent: Option<String>,
    duration: Option<f64>,
}

impl TaskEvent {
    /// What `event` means; `None` where it does not count, or is not about an agent's task.
    pub(crate) fn read(event: &FollowedEvent) -> Option<Self> {
        Self::parse(&event.kind, &event.data, event.cursor.clone())
    }

    fn parse(kind: &str, data: &[u8], cursor: Cursor) -> Option<Self> {
        if !matches!(kind, "task_assigned" | "task_completed" | "task_failed") {
            return None;
        }
        let task: Task = serde_json::from_slice(data).ok()?;
        let took = task.duration.filter(|seconds| *seconds >= 0.0);
        let what = match kind {
            "task_assigned" => TaskMoment::Assigned,
            "task_completed" => TaskMoment::Completed(took),
            _ => TaskMoment::Failed(took),
        };
        Some(Self { agent_id: task.assigned_agent?, what, cursor })
    }
}

impl Tally {
    /// Counts an event, unless it has been counted.
    pub(crate) fn count(&mut self, event: &TaskEvent) {
        let Cursor { epoch, offset } = &event.cursor;
        if self.last.as_ref().is_some_and(|last| last.0 == *epoch && last.1 >= *offset) {
            return;
        }
        self.last = Some((epoch.clone(), *offset));
        let took = match event.what {
            TaskMoment::Assigned => {
                self.assigned += 1;
                None
            }
            TaskMoment::Completed(took) => {
                self.completed += 1;
                took
            }
            TaskMoment::Failed(took) => {
                self.failed += 1;
                took
            }
        };
        if let Some(seconds) = took {
            self.timed += 1;
            self.seconds += seconds;
        }
    }
}

impl<'a> Stats<'a> {
    /// What is known of an agent by now.
    pub(crate) fn of(record: &'a Record, now: Timestamp) -> Self {
        let Record { agent, tasks, .. } = record;
        let ended = tasks.completed + tasks.failed;
        Self {
            agent_id: &agent.agent_id,
            agent_type: &agent.agent_type,
            // Of a task that was assigned while we were not there, we may have seen the end alone.
            total_tasks: tasks.assigned.max(ended),
            tasks_completed: tasks.completed,
            tasks_failed: tasks.failed,
            success_rate: share(tasks.completed as f64, ended),
            average_task_duration: share(tasks.seconds, tasks.timed),
            detections_total: agent.counters.deteccoes_total,
            neutralizations_total: agent.counters.neutralizacoes_total,
            false_positives: agent.counters.falsos_positivos,
            uptime_seconds: (now.0 - agent.created_at.0).max(0) as f64 / 1000.0,
        }
    }
}

/// `part / whole`, and 0 of nothing.
fn share(part: f64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::model::Seed;

    fn event(kind: &str, offset: u64, duration: Option<f64>) -> TaskEvent {
        let data =
            json!({"task_id": "task_scan_001", "assigned_agent": "a", "duration": duration}).to_string();
        TaskEvent::parse(kind, data.as_bytes(), Cursor { epoch: "e".into(), offset }).unwrap()
    }

    fn record() -> Record {
        let seed = Seed {
            agent_id: "a".into(),
            agent_type: "b_cell".into(),
            config: Map::new(),
            especializacao: None,
        };
        Record::new(seed, 1, Timestamp(1000))
    }

    #[test]
    fn rates_are_zero_without_tasks() {
        let record = record();
        let stats = serde_json::to_value(Stats::of(&record, Timestamp(3500))).unwrap();
        let expected = json!({"agent_id": "a", "agent_type": "b_cell", "total_tasks": 0, "tasks_completed": 0,
            "tasks_failed": 0, "success_rate": 0.0, "average_task_duration": 0.0, "detections_total": 0,
            "neutralizations_total": 0, "false_positives": 0, "uptime_seconds": 2.5});
        assert_eq!(stats, expected);
    }

    #[test]
    fn tasks_count_when_assigned_and_when_they_end() {
        let mut record = record();
        let events = [
            event("task_assigned", 1, None),
            event("task_completed", 2, Some(3.0)),
            event("task_assigned", 3, None),
            event("task_failed", 4, Some(1.0)),
            event("task_assigned", 5, None),
        ];
        events.iter().for_each(|event| record.tasks.count(event));
        let stats = Stats::of(&record, Timestamp(1000));
        assert_eq!((stats.total_tasks, stats.tasks_completed, stats.tasks_failed), (3, 1, 1));
        assert_eq!((stats.success_rate, stats.average_task_duration), (0.5, 2.0));
    }

    #[test]
    fn an_event_that_comes_again_counts_once_but_another_epoch_is_new() {
        let mut tally = Tally::default();
        tally.count(&event("task_completed", 2, None));
        tally.count(&event("task_completed", 2, None));
        tally.count(&event("task_assigned", 1, None));
        assert_eq!((tally.completed, tally.assigned, tally.timed), (1, 0, 0));
        let mut other = event("task_completed", 1, None);
        other.cursor.epoch = "f".into();
        tally.count(&other);
        assert_eq!(tally.completed, 2);
    }

    #[test]
    fn events_of_other_kinds_and_shapes_are_passed_over() {
        let cursor = Cursor { epoch: "e".into(), offset: 1 };
        let parse = |kind, data: &str| TaskEvent::parse(kind, data.as_bytes(), cursor.clone());
        assert_eq!(parse("task_created", r#"{"assigned_agent":"a"}"#), None);
        assert_eq!(parse("task_failed", r#"{"assigned_agent":null}"#), None);
        assert_eq!(parse("task_failed", "{}"), None);
        assert_eq!(parse("task_failed", "[1]"), None);
        assert!(parse("task_failed", r#"{"assigned_agent":"a"}"#).is_some());
    }
}
