//! Plugins: lists, and starting and stopping them.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::{Api, Request};
use crate::audit::Deed;
use crate::documents::{Operation, Tag};
use crate::web::{AdminError, PluginInfo, Problem};

/// All plugins that are configured.
#[derive(Serialize, JsonSchema)]
pub(super) struct PluginList {
    /// How many there are.
    total: usize,
    /// The plugins, by name.
    plugins: Vec<PluginInfo>,
}

pub(super) fn told_list() -> Operation {
    Operation::new("listPlugins", Tag::Plugins, "List the plugins").good("The plugins, running or not")
}

pub(super) async fn list(api: &Api, request: &Request) -> Result<Json<PluginList>, Problem> {
    request.reads_all()?;
    let plugins = api.plugins.list();
    Ok(Json(PluginList { total: plugins.len(), plugins }))
}

pub(super) fn told_start() -> Operation {
    told("startPlugin", "Start a plugin that is stopped or failed").more("One that is started stays so.")
}

pub(super) async fn start(api: &Api, request: &Request) -> Result<Json<PluginInfo>, Problem> {
    answer(api, request, Deed::PluginStart, api.plugins.start(name(request)).await)
}

pub(super) fn told_stop() -> Operation {
    told("stopPlugin", "Stop a plugin")
        .more("Until it is started again, its routes answer 503 and are not in the documents.")
}

pub(super) async fn stop(api: &Api, request: &Request) -> Result<Json<PluginInfo>, Problem> {
    answer(api, request, Deed::PluginStop, api.plugins.stop(name(request)).await)
}

fn told(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, Tag::Plugins, summary)
        .path("instance", "The instance's name, its table's in the configuration", "hostload")
        .good("The plugin as it is now")
        .problem(StatusCode::NOT_FOUND, "There is none of that name")
        .problem(StatusCode::CONFLICT, "Its state does not allow it")
}

fn name(request: &Request) -> &str {
    request.params.first().map_or("", String::as_str)
}

fn answer(
    api: &Api,
    request: &Request,
    deed: Deed,
    outcome: Result<PluginInfo, AdminError>,
) -> Result<Json<PluginInfo>, Problem> {
    let how = if outcome.is_ok() { "ok" } else { "failed" };
    request.record(api, deed, |entry| entry.target(name(request)).outcome(how));
    outcome.map(Json).map_err(|error| {
        let status = match error {
            AdminError::NotFound(_) => StatusCode::NOT_FOUND,
            AdminError::State { .. } => StatusCode::CONFLICT,
            AdminError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, error.to_string())
    })
}
