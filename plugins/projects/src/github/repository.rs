//! Deliveries of the kind `repository`.

use serde_json::{Map, Value, json};
use tidegate_plugin::Result;

use super::{Delivery, Meant, Repository};

/// One that is deleted is `project.deleted`; all else has changed it, and `changes` says what was done.
pub(super) fn mean(delivery: &Delivery<'_>, repository: &Repository, project: &str) -> Result<Meant> {
    let by = delivery.sender()?;
    if delivery.action == "deleted" {
        return Ok(("project.deleted", json!({"project_id": project, "deleted_by": by})));
    }
    let mut changes = delivery.changes.clone();
    changes.insert("action".to_owned(), json!(delivery.action));
    Ok(("project.updated", updated(repository, project, by, Value::Object(changes))))
}

/// The data of `project.updated`.
pub(super) fn updated(repository: &Repository, project: &str, by: &str, changes: Value) -> Value {
    json!({
        "project_id": project,
        "project_name": repository.name,
        "repository_url": repository.html_url,
        "status": repository.status(),
        "updated_by": by,
        "changes": changes,
    })
}

/// What a repository was called before it got another name or owner.
pub(super) fn name_before(repository: &Repository, changes: &Map<String, Value>) -> Option<String> {
    let changes = Value::Object(changes.clone());
    let text = |place: &str| changes.pointer(place).and_then(Value::as_str);
    let (owner, name) = repository.full_name.split_once('/')?;
    let owner_before =
        text("/owner/from/user/login").or_else(|| text("/owner/from/organization/login")).unwrap_or(owner);
    let name_before = text("/repository/name/from").unwrap_or(name);
    (owner_before != owner || name_before != name).then(|| format!("{owner_before}/{name_before}"))
}
