//! Routes under `/lymphnode`.

use tidegate_plugin::{HttpResponse, Result};

use super::Ask;
use crate::service::Service;
use crate::validate::Clone;
use crate::world::World;

/// `POST /lymphnode/clone`
pub(super) async fn clone_agent<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let wanted = Clone::parse(ask.body)?;
    HttpResponse::json(201, &service.clone_agent(wanted).await?)
}

/// `DELETE /lymphnode/clones/{especializacao}`
pub(super) async fn destroy_clones<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    HttpResponse::json(200, &service.destroy_clones(ask.name).await?)
}

/// `GET /lymphnode/metrics`
pub(super) fn metrics<W: World>(service: &Service<W>) -> Result<HttpResponse> {
    HttpResponse::json(200, &service.metrics())
}

/// `GET /lymphnode/homeostatic-state`
pub(super) fn homeostasis<W: World>(service: &Service<W>) -> Result<HttpResponse> {
    HttpResponse::json(200, &service.homeostasis())
}
