//! `GET /`.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::{Api, Request};
use crate::documents::{Operation, Tag};
use crate::web::Problem;

/// What is served here, and where to read on.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "name": "Active Immune Core API", "version": "1.0.0", "status": "operational",
    "docs": "/docs", "health": "/health", "metrics": "/metrics"
}]))]
pub(super) struct Root {
    /// The service's name.
    name: String,
    /// The service's version.
    version: String,
    /// `operational`.
    status: &'static str,
    /// Where the documents are shown.
    docs: &'static str,
    /// Where the service says how it is.
    health: &'static str,
    /// Where it says what it measures.
    metrics: &'static str,
}

pub(super) fn told() -> Operation {
    Operation::new("root", Tag::Gateway, "Show what is served here").good("The service")
}

pub(super) async fn root(api: &Api, _: &Request) -> Result<Json<Root>, Problem> {
    Ok(Json(Root {
        name: api.face.name.clone(),
        version: api.face.version.clone(),
        status: "operational",
        docs: "/docs",
        health: "/health",
        metrics: "/metrics",
    }))
}
