//! What the page `/playground` has to know of the gateway before it connects: the endpoints, and how each is to be spoken to.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::{Api, Request};
use crate::documents::{Operation, Tag};
use crate::web::Problem;

/// The endpoints that a page can try: those whose path it knows.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Playground", extend("examples" = [{
    "name": "Active Immune Core API",
    "endpoints": [{
        "path": "/ws", "transport": "websocket", "dialect": "rooms",
        "anonymous": false, "tokens": ["header", "query", "subprotocol"], "namespaces": []
    }]
}]))]
pub struct Playground {
    /// The service's name.
    pub name: String,
    /// In the order of the configuration.
    pub endpoints: Vec<Playable>,
}

/// An endpoint, as a page tries it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlaygroundEndpoint")]
pub struct Playable {
    /// Its path, from its slash.
    pub path: String,
    /// What carries its frames, by the configuration's word.
    pub transport: String,
    /// What they mean, by the configuration's word.
    pub dialect: String,
    /// Whether a client that shows no token is let in.
    pub anonymous: bool,
    /// Where a token may stand, by the configuration's words, in the order of the looks for it.
    pub tokens: Vec<String>,
    /// Namespaces of Socket.IO that a client may enter; empty for other dialects.
    pub namespaces: Vec<String>,
}

pub(super) fn told() -> Operation {
    Operation::new("playgroundEndpoints", Tag::Gateway, "List the endpoints that `/playground` can try")
        .good("The endpoints")
}

/// `GET /playground/endpoints`.
pub(super) async fn endpoints(api: &Api, _: &Request) -> Result<Json<Playground>, Problem> {
    Ok(Json(api.playground.clone()))
}
