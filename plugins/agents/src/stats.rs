//! What an agent's tasks came to, counted from the events of room `tasks`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::Record;
use crate::time::Timestamp;

/// An agent's tasks, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) assigned: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// Of the completed ones, seconds in all.
    pub(crate) seconds: f64,
}

/// What is read of a task in an event.
#[derive(Debug, Deserialize)]
pub(crate) struct Task {
    #[serde(default)]
    pub(crate) assigned_agent: Option<String>,
    #[serde(default)]
    pub(crate) duration: Option<f64>,
}

impl Tally {
    /// Counts an event; `false` where it changes nothing.
    pub(crate) fn count(&mut self, kind: &str, duration: Option<f64>) -> bool {
        match kind {
            "task_assigned" => self.assigned += 1,
            "task_completed" => {
                self.completed += 1;
                self.seconds += duration.unwrap_or(0.0);
            }
            "task_failed" => self.failed += 1,
            _ => return false,
        }
        true
    }

    fn share(part: f64, whole: u64) -> f64 {
        if whole == 0 { 0.0 } else { part / whole as f64 }
    }
}

/// The statistics of an agent.
pub(crate) fn of(record: &Record, now: Timestamp) -> Value {
    let (agent, tasks) = (&record.agent, &record.tasks);
    json!({
        "agent_id": agent.agent_id,
        "agent_type": agent.agent_type,
        "total_tasks": tasks.assigned,
        "tasks_completed": tasks.completed,
        "tasks_failed": tasks.failed,
        "success_rate": Tally::share(tasks.completed as f64, tasks.completed + tasks.failed),
        "average_task_duration": Tally::share(tasks.seconds, tasks.completed),
        "detections_total": agent.counters.deteccoes_total,
        "neutralizations_total": agent.counters.neutralizacoes_total,
        "false_positives": agent.counters.falsos_positivos,
        "uptime_seconds": (now.0 - agent.created_at.0).max(0) as f64 / 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_by_their_events() {
        let mut tally = Tally::default();
        assert!(tally.count("task_assigned", None) && tally.count("task_completed", Some(2.0)));
        assert!(tally.count("task_failed", None) && !tally.count("task_created", None));
        assert_eq!(tally, Tally { assigned: 1, completed: 1, failed: 1, seconds: 2.0 });
    }
}
