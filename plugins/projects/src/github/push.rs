//! Deliveries of the kind `push`.

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::Result;

use super::{Meant, Repository, User, or_default, read};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Push {
    #[serde(rename = "ref")]
    name: String,
    before: String,
    after: String,
    #[serde(default, deserialize_with = "or_default")]
    created: bool,
    #[serde(default, deserialize_with = "or_default")]
    deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    forced: bool,
    #[serde(default, deserialize_with = "or_default")]
    commits: Vec<serde::de::IgnoredAny>,
    pusher: Pusher,
    sender: Option<User>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Pusher {
    name: String,
}

/// Every push changes the project: `changes` says what was pushed.
pub(super) fn mean(payload: &[u8], repository: &Repository, project: &str) -> Result<Meant> {
    let push: Push = read(payload, &["body"])?;
    let changes = json!({
        "ref": push.name,
        "before": push.before,
        "after": push.after,
        "created": push.created,
        "deleted": push.deleted,
        "forced": push.forced,
        "commits": push.commits.len(),
    });
    // A deploy key pushes for nobody, and is named for whom it pushes to.
    let by = push.sender.map_or(push.pusher.name, |sender| sender.login);
    Ok(("project.updated", super::repository::updated(repository, project, &by, changes)))
}
