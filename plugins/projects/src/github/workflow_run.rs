//! Deliveries of the kind `workflow_run`.

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::Result;

use super::{Delivery, Meant, subject};

/// How often GitHub tells of a run: these are the steps that are told.
const STEPS: u32 = 3;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Run {
    id: u64,
    /// How it has ended; none while it has not.
    conclusion: Option<String>,
}

/// A run is requested, goes on, and ends.
pub(super) fn mean(delivery: &Delivery<'_>, project: &str) -> Result<Meant> {
    let run: Run = subject(delivery.workflow_run, "workflow_run")?;
    let conclusion = run.conclusion.as_deref();
    let (kind, status, step) = match (delivery.action.as_str(), conclusion) {
        ("requested", _) => ("workflow.started", "pending", 1),
        ("completed", Some("success" | "neutral" | "skipped")) => ("workflow.completed", "completed", STEPS),
        ("completed", Some("cancelled" | "stale")) => ("workflow.failed", "cancelled", STEPS),
        ("completed", _) => ("workflow.failed", "failed", STEPS),
        _ => ("workflow.progress", "running", 2),
    };
    let failed = if kind == "workflow.failed" { conclusion } else { None };
    let data = json!({
        "workflow_id": run.id.to_string(),
        "status": status,
        "progress": (step - 1) * 100 / (STEPS - 1),
        "current_step": delivery.action,
        "total_steps": STEPS,
        "errors": failed.map(|conclusion| [conclusion]),
        "project_id": project,
    });
    Ok((kind, data))
}
