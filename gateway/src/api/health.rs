//! Health: alive, ready, and how the parts are.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answered, Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::drain::Phase;
use crate::frame::Timestamp;
use crate::web::{self, HealthStatus, PluginInfo};

/// A mailbox that is so full, in per cent, makes the hub degraded.
const FULL: usize = 90;

/// How a part is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Healthy,
    Unknown,
    Degraded,
    Unhealthy,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

pub(super) fn told_live() -> Operation {
    Operation::new("live", Tag::Health, "Ask whether the process serves").answer(
        StatusCode::OK,
        "It does",
        Content::json::<Value>(),
    )
}

pub(super) fn told_ready() -> Operation {
    Operation::new("ready", Tag::Health, "Ask whether the gateway takes clients")
        .answer(StatusCode::OK, "It does", Content::json::<Value>())
        .answer(StatusCode::SERVICE_UNAVAILABLE, "It does not; `reasons` says why", Content::json::<Value>())
}

pub(super) fn told_summary() -> Operation {
    Operation::new("health", Tag::Health, "Show how the gateway and its parts are").answer(
        StatusCode::OK,
        "How they are",
        Content::json::<Value>(),
    )
}

pub(super) async fn live(_: &Api, _: &Request) -> Answered {
    Ok(web::json(StatusCode::OK, &json!({ "status": "alive" })))
}

pub(super) async fn ready(api: &Api, _: &Request) -> Answered {
    let mut reasons = Vec::new();
    if api.drain.phase() > Phase::Serving {
        reasons.push("draining".to_owned());
    }
    let critical: Vec<_> = api.plugins.list().into_iter().filter(|plugin| plugin.critical).collect();
    for plugin in critical.iter().filter(|plugin| status_of(plugin) == Status::Unhealthy) {
        reasons.push(format!("plugin '{}' is {}", plugin.name, plugin.state));
    }
    let mut components = vec!["hub".to_owned()];
    components.extend(critical.iter().map(|plugin| plugin.name.to_string()));
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(web::json(
        code,
        &json!({
            "ready": ready,
            "status": if ready { "ready" } else { "not_ready" },
            "timestamp": Timestamp::now().to_string(),
            "critical_components": components,
            "reasons": reasons,
        }),
    ))
}

pub(super) async fn summary(api: &Api, _: &Request) -> Answered {
    let parts = parts(api);
    let count = |status| parts.values().filter(|part| part.0 == status).count();
    let worst = parts.values().map(|part| part.0).max().unwrap_or(Status::Unknown);
    let components: BTreeMap<&String, Value> = parts
        .iter()
        .map(|(name, (status, details))| (name, json!({ "status": status.name(), "details": details })))
        .collect();
    Ok(web::json(
        StatusCode::OK,
        &json!({
            "status": worst.name(),
            "timestamp": Timestamp::now().to_string(),
            "summary": {
                "total_components": parts.len(),
                "healthy": count(Status::Healthy),
                "degraded": count(Status::Degraded),
                "unhealthy": count(Status::Unhealthy),
                "unknown": count(Status::Unknown),
            },
            "components": components,
        }),
    ))
}

fn parts(api: &Api) -> BTreeMap<String, (Status, Value)> {
    let phase = api.drain.phase();
    let serving = if phase == Phase::Serving { Status::Healthy } else { Status::Degraded };
    let (bytes, limit) = api.hub.fullest_mailbox();
    let hub = if bytes * 100 >= limit * FULL { Status::Degraded } else { Status::Healthy };
    let mut parts = BTreeMap::from([
        ("api".to_owned(), (serving, json!({ "phase": phase.name() }))),
        ("hub".to_owned(), (hub, json!({ "fullest_mailbox_bytes": bytes, "limit_bytes": limit }))),
    ]);
    for plugin in api.plugins.list() {
        let said = plugin.health.as_ref().map(|health| &health.details);
        let details = json!({ "state": plugin.state, "last_error": plugin.last_error, "plugin": said });
        parts.insert(plugin.name.to_string(), (status_of(&plugin), details));
    }
    parts
}

fn status_of(plugin: &PluginInfo) -> Status {
    match plugin.status() {
        Some(HealthStatus::Healthy) => Status::Healthy,
        Some(HealthStatus::Unhealthy) => Status::Unhealthy,
        Some(HealthStatus::Degraded) | None => Status::Degraded,
    }
}
