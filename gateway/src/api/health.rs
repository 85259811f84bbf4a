//! Health: alive, ready, and how the parts are; all of it from memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Answered, Api, Request};
use crate::drain::Phase;
use crate::frame::Timestamp;
use crate::frame::json::shorten;
use crate::health::{Component, Status};
use crate::web::{self, Problem};

/// That requests are answered at all.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthLive")]
pub(super) struct Live {
    /// `alive`.
    status: &'static str,
}

/// Whether balancers should send clients here.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthReady")]
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
#[schemars(rename = "HealthSummary")]
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
#[schemars(rename = "HealthComponents")]
pub(super) struct Components {
    /// How many there are.
    total_components: usize,
    /// By name: how it is.
    components_status: BTreeMap<Arc<str>, Status>,
    /// By name: when it was checked last, RFC 3339; null before the first check.
    last_checks: BTreeMap<Arc<str>, Option<String>>,
}

pub(super) async fn live(_: &Api, _: &Request) -> Answered {
    Ok(web::json(StatusCode::OK, &Live { status: "alive" }))
}

pub(super) async fn ready(api: &Api, _: &Request) -> Answered {
    let critical: Vec<_> = api.health.components().into_iter().filter(|part| part.critical).collect();
    let mut reasons = Vec::new();
    if api.drain.phase() > Phase::Serving {
        reasons.push("draining".to_owned());
    }
    let down = critical.iter().filter(|part| matches!(part.status, Status::Unhealthy | Status::Unknown));
    reasons.extend(down.map(|part| format!("{}: {}", part.name, part.reason)));
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = Ready {
        ready,
        status: if ready { "ready" } else { "not_ready" },
        timestamp: Timestamp::now().to_string(),
        critical_components: critical.into_iter().map(|part| part.name).collect(),
        reasons,
    };
    Ok(web::json(code, &answer))
}

pub(super) async fn summary(api: &Api, _: &Request) -> Answered {
    let parts = api.health.components();
    let count = |status| parts.iter().filter(|part| part.status == status).count();
    let summary = Counts {
        total_components: parts.len(),
        healthy: count(Status::Healthy),
        degraded: count(Status::Degraded),
        unhealthy: count(Status::Unhealthy),
        unknown: count(Status::Unknown),
    };
    let answer = Summary {
        status: parts.iter().map(|part| part.status).max().unwrap_or(Status::Unknown),
        timestamp: Timestamp::now().to_string(),
        summary,
        components: parts.into_iter().map(|part| (Arc::clone(&part.name), part)).collect(),
    };
    Ok(web::json(StatusCode::OK, &answer))
}

pub(super) async fn components(api: &Api, _: &Request) -> Answered {
    let parts = api.health.components();
    let answer = Components {
        total_components: parts.len(),
        components_status: parts.iter().map(|part| (Arc::clone(&part.name), part.status)).collect(),
        last_checks: parts.into_iter().map(|part| (part.name, part.last_check)).collect(),
    };
    Ok(web::json(StatusCode::OK, &answer))
}

pub(super) async fn component(api: &Api, request: &Request) -> Answered {
    let name = request.params.first().map_or("", String::as_str);
    match api.health.component(name) {
        Some(component) => Ok(web::json(StatusCode::OK, &component)),
        None => {
            let name = shorten(name);
            Err(Problem::new(StatusCode::NOT_FOUND, format!("Component '{name}' not found")))
        }
    }
}
