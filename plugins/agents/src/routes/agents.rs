//! Routes under `/agents`.

use tidegate_plugin::{HttpResponse, Result};

use super::Ask;
use crate::actions::Action;
use crate::agents::Page;
use crate::service::{Service, not_found};
use crate::stats::Stats;
use crate::validate::{self, Create, Heartbeat, List, Patch};
use crate::world::World;

/// `POST /agents/`
pub(super) async fn create<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let wanted = Create::parse(ask.body, &service.settings)?;
    HttpResponse::json(201, &service.create(wanted).await?)
}

/// `GET /agents/`
pub(super) fn list<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let list = List::parse(ask.query)?;
    HttpResponse::json(200, &Page::of(&service.registry.index(), &list))
}

/// `GET /agents/{id}`
pub(super) async fn get<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    service.registry.find(&service.world, ask.name).await?;
    let index = service.registry.index();
    let known = index.get(ask.name).ok_or_else(|| not_found(ask.name))?;
    HttpResponse::json(200, &known.record.agent)
}

/// `PATCH /agents/{id}`
pub(super) async fn patch<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let patch = Patch::parse(ask.body)?;
    HttpResponse::json(200, &service.patch(ask.name, patch).await?)
}

/// `DELETE /agents/{id}`
pub(super) async fn delete<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    service.delete(ask.name).await?;
    Ok(HttpResponse::empty(204))
}

/// `GET /agents/{id}/stats`
pub(super) async fn stats<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    service.registry.find(&service.world, ask.name).await?;
    let index = service.registry.index();
    let known = index.get(ask.name).ok_or_else(|| not_found(ask.name))?;
    HttpResponse::json(200, &Stats::of(&known.record, service.world.now().wall))
}

/// `POST /agents/{id}/actions`
pub(super) async fn act<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let action = Action::named(&validate::action(ask.body)?)?;
    HttpResponse::json(200, &service.act(ask.name, action).await?)
}

/// `POST /agents/{id}/heartbeat`
pub(super) async fn heartbeat<W: World>(service: &Service<W>, ask: &Ask<'_>) -> Result<HttpResponse> {
    let beat = Heartbeat::parse(ask.body)?;
    HttpResponse::json(200, &service.heartbeat(ask.name, &beat).await?)
}

/// `GET /agents/types/available`
pub(super) fn types<W: World>(service: &Service<W>) -> Result<HttpResponse> {
    HttpResponse::json(200, &service.settings.available_types().collect::<Vec<_>>())
}
