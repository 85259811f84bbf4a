//! Deliveries of the kind `pull_request`.

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::Result;

use super::{Delivery, Meant, User, or_default, subject};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct PullRequest {
    number: u64,
    title: String,
    body: Option<String>,
    /// None: a user that is there no more.
    user: Option<User>,
    head: Branch,
    html_url: String,
    state: String,
    #[serde(default, deserialize_with = "or_default")]
    merged: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    draft: bool,
    created_at: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Branch {
    #[serde(rename = "ref")]
    name: String,
}

/// A new one is `pr.created`, one that is closed or merged `pr.closed`, and all else has changed it.
pub(super) fn mean(delivery: &Delivery<'_>, project: &str) -> Result<Meant> {
    let pull: PullRequest = subject(delivery.pull_request, "pull_request")?;
    let status = match &pull {
        PullRequest { merged: Some(true), .. } => "merged",
        PullRequest { draft: true, state, .. } if state == "open" => "draft",
        PullRequest { state, .. } => state,
    };
    let mut data = json!({
        "pr_id": pull.number.to_string(), "project_id": project, "title": pull.title, "status": status,
    });
    let kind = match delivery.action.as_str() {
        "opened" => {
            data["description"] = json!(pull.body);
            data["author"] = json!(pull.user.map_or_else(|| "ghost".to_owned(), |user| user.login));
            data["branch"] = json!(pull.head.name);
            data["github_url"] = json!(pull.html_url);
            data["created_at"] = json!(pull.created_at);
            "pr.created"
        }
        "closed" => "pr.closed",
        _ => "pr.updated",
    };
    Ok((kind, data))
}
