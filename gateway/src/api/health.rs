//! Health: alive, ready, and how the parts are; all of it from memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Good, Json};
use super::{Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::drain::Phase;
use crate::frame::Timestamp;
use crate::frame::json::shorten;
use crate::health::{Component, Status};
use crate::web::{self, Problem, Response};

/// That requests are answered at all.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthLive", extend("examples" = [{ "status": "alive" }]))]
pub(super) struct Live {
    /// `alive`.
    status: &'static str,
}

/// Whether balancers should send clients here.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthReady", extend("examples" = [{
    "ready": false, "status": "not_ready", "timestamp": "2026-01-01T12:00:00.000Z",
    "critical_components": ["api", "hub", "store"], "reasons": ["draining"]
}]))]
pub(super) struct Ready {
    /// Whether it is ready.
    ready: bool,
    /// `ready` or `not_ready`.
    status: &'static str,
    /// When this was said: RFC 3339.
    timestamp: String,
    /// The components that it cannot be ready without.
    #[schemars(with = "Vec<String>")]
    critical_components: Vec<Arc<str>>,
    /// Why it is not ready; empty where it is.
    reasons: Vec<String>,
}

/// How everything is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthSummary", extend("examples" = [{
    "status": "healthy", "timestamp": "2026-01-01T12:00:00.000Z",
    "summary": { "total_components": 1, "healthy": 1, "degraded": 0, "unhealthy": 0, "unknown": 0 },
    "components": { "store": {
        "name": "store", "status": "healthy", "details": { "round_trip_ms": 0 },
        "last_check": "2026-01-01T11:59:58.000Z", "last_healthy": "2026-01-01T11:59:58.000Z",
        "consecutive_failures": 0, "failure_rate": 0.0, "time_since_healthy": 2.0
    } }
}]))]
pub(super) struct Summary {
    /// The status of the component that is worst off.
    status: Status,
    /// When this was said: RFC 3339.
    timestamp: String,
    /// How many components are how.
    summary: Counts,
    /// The components by name.
    components: BTreeMap<Arc<str>, Component>,
}

/// How many components have which status.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthCounts")]
struct Counts {
    /// All of them.
    total_components: usize,
    /// As they should be.
    healthy: usize,
    /// Working, with something wrong.
    degraded: usize,
    /// Not working.
    unhealthy: usize,
    /// Not checked yet.
    unknown: usize,
}

/// The components in short.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthComponents", extend("examples" = [{
    "total_components": 1, "components_status": { "store": "healthy" },
    "last_checks": { "store": "2026-01-01T11:59:58.000Z" }
}]))]
pub(super) struct Components {
    /// How many there are.
    total_components: usize,
    /// By name: how it is.
    components_status: BTreeMap<Arc<str>, Status>,
    /// By name: when it was checked last, RFC 3339; null before the first check.
    last_checks: BTreeMap<Arc<str>, Option<String>>,
}

/// 503 where it is not ready.
impl Good for Ready {
    fn into_response(self) -> Response {
        let code = if self.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        web::json(code, &self)
    }

    fn tell(operation: Operation) -> Operation {
        let not_ready = "It does not; `reasons` says why";
        operation.first(StatusCode::OK, Content::json::<Self>()).answer(
            StatusCode::SERVICE_UNAVAILABLE,
            not_ready,
            Content::json::<Self>(),
        )
    }
}

pub(super) fn told_live() -> Operation {
    Operation::new("live", Tag::Health, "Ask whether the process serves").good("It does")
}

pub(super) async fn live(_: &Api, _: &Request) -> Result<Json<Live>, Problem> {
    Ok(Json(Live { status: "alive" }))
}

pub(super) fn told_ready() -> Operation {
    Operation::new("ready", Tag::Health, "Ask whether the gateway takes clients")
        .more("Not while it drains, nor while a component that it cannot do without is down.")
        .good("It does")
}

pub(super) async fn ready(api: &Api, _: &Request) -> Result<Ready, Problem> {
    let critical: Vec<_> = api.health.components().into_iter().filter(|part| part.critical).collect();
    let mut reasons = Vec::new();
    if api.drain.phase() > Phase::Serving {
        reasons.push("draining".to_owned());
    }
    let down = critical.iter().filter(|part| matches!(part.status, Status::Unhealthy | Status::Unknown));
    reasons.extend(down.map(|part| format!("{}: {}", part.name, part.reason)));
    let ready = reasons.is_empty();
    Ok(Ready {
        ready,
        status: if ready { "ready" } else { "not_ready" },
        timestamp: Timestamp::now().to_string(),
        critical_components: critical.into_iter().map(|part| part.name).collect(),
        reasons,
    })
}

pub(super) fn told_summary() -> Operation {
    Operation::new("health", Tag::Health, "Show how the gateway and its parts are").good("How they are")
}

pub(super) async fn summary(api: &Api, _: &Request) -> Result<Json<Summary>, Problem> {
    let parts = api.health.components();
    let count = |status| parts.iter().filter(|part| part.status == status).count();
    let summary = Counts {
        total_components: parts.len(),
        healthy: count(Status::Healthy),
        degraded: count(Status::Degraded),
        unhealthy: count(Status::Unhealthy),
        unknown: count(Status::Unknown),
    };
    Ok(Json(Summary {
        status: parts.iter().map(|part| part.status).max().unwrap_or(Status::Unknown),
        timestamp: Timestamp::now().to_string(),
        summary,
        components: parts.into_iter().map(|part| (Arc::clone(&part.name), part)).collect(),
    }))
}

pub(super) fn told_components() -> Operation {
    Operation::new("listComponents", Tag::Health, "List the parts of the gateway, and how they are")
        .good("The parts")
}

pub(super) async fn components(api: &Api, _: &Request) -> Result<Json<Components>, Problem> {
    let parts = api.health.components();
    Ok(Json(Components {
        total_components: parts.len(),
        components_status: parts.iter().map(|part| (Arc::clone(&part.name), part.status)).collect(),
        last_checks: parts.into_iter().map(|part| (part.name, part.last_check)).collect(),
    }))
}

pub(super) fn told_component() -> Operation {
    Operation::new("showComponent", Tag::Health, "Show how a part of the gateway is and has been")
        .path("name", "The part's name", "hub")
        .good("The part")
        .problem(StatusCode::NOT_FOUND, "There is no such part")
}

pub(super) async fn component(api: &Api, request: &Request) -> Result<Json<Component>, Problem> {
    let name = request.params.first().map_or("", String::as_str);
    match api.health.component(name) {
        Some(component) => Ok(Json(component)),
        None => {
            let name = shorten(name);
            Err(Problem::new(StatusCode::NOT_FOUND, format!("Component '{name}' not found")))
        }
    }
}
