//! `GET /`.

use http::StatusCode;
use serde_json::json;

use super::{Answered, Api, Request};
use crate::web;

pub(super) async fn root(api: &Api, _: &Request) -> Answered {
    Ok(web::json(
        StatusCode::OK,
        &json!({
            "name": api.about.name,
            "version": api.about.version,
            "status": "operational",
            "docs": "/docs",
            "health": "/health",
            "metrics": "/metrics",
        }),
    ))
}
