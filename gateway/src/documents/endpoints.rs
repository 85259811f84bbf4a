//! Endpoints that are asked over HTTP, an answer each: operations of `/openapi.json`.

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::openapi::operation;
use super::paths::Paths;
use super::schemas::{Schemas, component};
use super::{Content, Endpoint, Face, Operation, Route, Tag, Transport};
use crate::frame::shown::Polled;

/// What a client may say that listens.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by hand")]
struct EventsQuery {
    /// The rooms to be in, 32 at most, with commas between their names. Left out: those that every session of this endpoint
    /// is in.
    #[schemars(extend("examples" = ["agents,system"]))]
    rooms: Option<String>,
    /// The event types to get, with commas between them, or their beginnings as `agent_*`. Left out: all.
    types: Option<String>,
    /// The same as the header `Last-Event-ID`, which comes before it, for clients that cannot set that.
    last_event_id: Option<String>,
    /// The session's id, if no other session has it; left out: one is made.
    client_id: Option<String>,
    /// A token, where the client cannot send the header `Authorization`.
    token: Option<String>,
}

/// What a client may say that polls.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by hand")]
struct PollQuery {
    /// The rooms, 32 at most, with commas between their names. Each must keep history.
    #[schemars(extend("examples" = ["agents"]))]
    rooms: String,
    /// The one of the answer before. Left out: the answer has no events, and comes at once, with a cursor behind the last
    /// ones there are. In a room that it knows nothing of the client is behind the last event, too.
    cursor: Option<String>,
    /// For how many seconds to wait where there is no event yet; more than 60 count as 60.
    #[serde(default = "usual_wait")]
    #[schemars(range(min = 0))]
    timeout: f64,
    /// The event types to get, with commas between them, or their beginnings as `agent_*`. Left out: all.
    types: Option<String>,
    /// Events at most. An answer whose events are large may end before.
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// A token, where the client cannot send the header `Authorization`.
    token: Option<String>,
}

fn usual_wait() -> f64 {
    25.0
}

fn usual_limit() -> usize {
    100
}

/// Adds those of `face` that are no channels.
pub(super) fn add(face: &Face, schemas: &mut Schemas, paths: &mut Paths) {
    for endpoint in &face.endpoints {
        let (told, header) = match endpoint.transport {
            Transport::Channel => continue,
            Transport::Sse => (events(), Some(last_event_id())),
            Transport::Poll => (poll(), None),
        };
        let route = Route { method: Method::GET, path: "", scope: None, operation: told };
        let (_, mut operation) = operation(&route, face, schemas);
        operation["operationId"] = id(endpoint, route.operation.id).into();
        operation["security"] = if endpoint.anonymous { json!([]) } else { json!([{ "bearer": [] }]) };
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.extend(header);
        }
        paths.add(&endpoint.path, &route.method, Vec::new(), operation);
    }
}

/// Of several such endpoints each has a name of its own.
fn id(endpoint: &Endpoint, usual: &str) -> String {
    let words: Vec<&str> = endpoint.path.split('/').filter(|word| !word.is_empty()).collect();
    format!("{usual}_{}", component(&words.join("_")))
}

fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID",
        "in": "header",
        "required": false,
        "description": "The last `id` of the stream before: what came after it in rooms that keep history is sent first. \
                        Browsers send it by themselves.",
        "schema": { "type": "string" },
    })
}

fn events() -> Operation {
    Operation::new("listen", Tag::Events, "Get the events of rooms as they come")
        .more(
            "Server-sent events, as `EventSource` reads them: `event` is the type, `data` the event as JSON. `id` is how \
             far the client has got in the rooms that keep history; with several rooms it is a block of its own, behind \
             the events. `joined` tells of each room which the session is in, and where `recovered` is false, what was \
             made of the room's events must be loaded anew; so it must where `gap` tells that some are missing. A comment \
             is sent every few seconds. `disconnected` comes before an end that the gateway decides.",
        )
        .query::<EventsQuery>()
        .good("The stream, which does not end by itself")
        .first(StatusCode::OK, Content::Other("text/event-stream"))
        .problem(StatusCode::BAD_REQUEST, "No rooms' names, too many, or unknown event types; or a malformed request")
        .problem(StatusCode::UNAUTHORIZED, "No token, or one that does not verify")
        .problem(StatusCode::FORBIDDEN, "One of the rooms is closed to the client, or to pages of its origin")
}

fn poll() -> Operation {
    Operation::new("poll", Tag::Events, "Get the events of rooms since a cursor, or wait for the first")
        .more("For clients that can do nothing else. Nothing of a client is kept between two polls.")
        .query::<PollQuery>()
        .good("The events")
        .first(StatusCode::OK, Content::json::<Polled>())
        .problem(
            StatusCode::BAD_REQUEST,
            "A room that keeps no history, no rooms' names, unknown event types, a cursor that is none; or a malformed \
             request",
        )
        .problem(StatusCode::UNAUTHORIZED, "No token, or one that does not verify")
        .problem(StatusCode::FORBIDDEN, "One of the rooms is closed to the client, or to pages of its origin")
}
