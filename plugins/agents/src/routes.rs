//! The routes of the manifest, a function for each: what is asked for is validated, then done, then answered.

mod agents;
mod lymphnode;

use serde_json::{Value, json};
use tidegate_plugin::{Error, HttpResponse, Manifest, Query, Result};

use crate::service::Service;
use crate::settings::Settings;
use crate::world::World;

/// What a request asks, but for the route.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The parameter of the path; empty where it has none.
    pub(crate) name: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) body: &'a [u8],
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    CreateAgent,
    ListAgents,
    GetAgent,
    PatchAgent,
    DeleteAgent,
    AgentStats,
    AgentAction,
    AgentHeartbeat,
    AgentTypes,
    Clone,
    DestroyClones,
    Metrics,
    HomeostaticState,
}

/// What the settings make of the route that makes agents: the types that they allow.
pub(crate) fn narrowed(manifest: &Manifest, settings: &Settings) -> Result<Value> {
    let manifest: Value = serde_json::from_str(manifest.json()).map_err(Error::internal)?;
    let route = &manifest["routes"][Route::CreateAgent as usize];
    let mut request = route["request"].clone();
    request["properties"]["agent_type"]["enum"] = json!(settings.agent_types);
    Ok(json!({ "method": route["method"], "path": route["path"], "request": request }))
}

impl Route {
    /// As the manifest lists them.
    const ALL: [Self; 13] = [
        Self::CreateAgent,
        Self::ListAgents,
        Self::GetAgent,
        Self::PatchAgent,
        Self::DeleteAgent,
        Self::AgentStats,
        Self::AgentAction,
        Self::AgentHeartbeat,
        Self::AgentTypes,
        Self::Clone,
        Self::DestroyClones,
        Self::Metrics,
        Self::HomeostaticState,
    ];

    /// The route of that index in the manifest.
    pub(crate) fn at(index: usize) -> Result<Self> {
        Self::ALL.get(index).copied().ok_or_else(|| Error::internal(format!("there is no route {index}")))
    }
}

/// Answers a request.
pub(crate) async fn answer<W: World>(
    service: &Service<W>,
    route: Route,
    ask: &Ask<'_>,
) -> Result<HttpResponse> {
    match route {
        Route::CreateAgent => agents::create(service, ask).await,
        Route::ListAgents => agents::list(service, ask),
        Route::GetAgent => agents::get(service, ask).await,
        Route::PatchAgent => agents::patch(service, ask).await,
        Route::DeleteAgent => agents::delete(service, ask).await,
        Route::AgentStats => agents::stats(service, ask).await,
        Route::AgentAction => agents::act(service, ask).await,
        Route::AgentHeartbeat => agents::heartbeat(service, ask).await,
        Route::AgentTypes => agents::types(service),
        Route::Clone => lymphnode::clone_agent(service, ask).await,
        Route::DestroyClones => lymphnode::destroy_clones(service, ask).await,
        Route::Metrics => lymphnode::metrics(service),
        Route::HomeostaticState => lymphnode::homeostasis(service),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tidegate_plugin::Plugin;

    use super::*;

    #[test]
    fn the_manifest_lists_the_routes_in_this_order() {
        let manifest: Value = serde_json::from_str(crate::Agents::manifest().json()).unwrap();
        let listed = manifest["routes"].as_array().unwrap();
        let listed: Vec<_> =
            listed.iter().map(|r| format!("{} {}", r["method"], r["path"]).replace('"', "")).collect();
        let expected = Route::ALL.map(|route| match route {
            Route::CreateAgent => "POST /agents/",
            Route::ListAgents => "GET /agents/",
            Route::GetAgent => "GET /agents/{id}",
            Route::PatchAgent => "PATCH /agents/{id}",
            Route::DeleteAgent => "DELETE /agents/{id}",
            Route::AgentStats => "GET /agents/{id}/stats",
            Route::AgentAction => "POST /agents/{id}/actions",
            Route::AgentHeartbeat => "POST /agents/{id}/heartbeat",
            Route::AgentTypes => "GET /agents/types/available",
            Route::Clone => "POST /lymphnode/clone",
            Route::DestroyClones => "DELETE /lymphnode/clones/{especializacao}",
            Route::Metrics => "GET /lymphnode/metrics",
            Route::HomeostaticState => "GET /lymphnode/homeostatic-state",
        });
        assert_eq!(listed, expected);
        assert!(Route::at(expected.len()).is_err());
    }
}
