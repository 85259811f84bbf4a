//! Deliveries of the kind `issues`.

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::Result;

use super::{Delivery, Meant, User, or_default, subject};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Issue {
    number: u64,
    title: String,
    body: Option<String>,
    state: Option<String>,
    assignee: Option<User>,
    #[serde(default, deserialize_with = "or_default")]
    labels: Vec<Label>,
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Label {
    name: String,
}

/// A new one is `issue.created`; one that is closed, or is there no more, `issue.closed`; and all else has changed it.
pub(super) fn mean(delivery: &Delivery<'_>, project: &str) -> Result<Meant> {
    let issue: Issue = subject(delivery.issue, "issue")?;
    let action = delivery.action.as_str();
    let (kind, status) = match action {
        "deleted" | "transferred" => ("issue.closed", Some(action)),
        "closed" => ("issue.closed", None),
        "opened" => ("issue.created", None),
        _ => ("issue.updated", None),
    };
    let status = status.or(issue.state.as_deref()).unwrap_or("open");
    let data = json!({
        "issue_id": issue.number.to_string(),
        "project_id": project,
        "title": issue.title,
        "description": issue.body,
        "status": status,
        "priority": issue.labels.iter().find_map(Label::priority),
        "assigned_to": issue.assignee.map(|user| user.login),
        "updated_at": issue.updated_at,
    });
    Ok((kind, data))
}

impl Label {
    /// What it says of the priority, as `priority: high` or `priority/high`.
    fn priority(&self) -> Option<&str> {
        let (word, rest) = self.name.split_once([':', '/'])?;
        word.trim().eq_ignore_ascii_case("priority").then_some(rest.trim()).filter(|rest| !rest.is_empty())
    }
}
