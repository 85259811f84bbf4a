//! `/asyncapi.json`: what clients send and get over WebSocket, AsyncAPI 3.0.

use serde_json::{Map, Value, json};

use super::channels::Channels;
use super::messages::Messages;
use super::schemas::Schemas;
use super::{Dialect, Endpoint, Subject, Transport};

/// The document.
pub fn asyncapi(subject: &Subject<'_>) -> Value {
    let mut schemas = Schemas::default();
    let channels = |endpoint: &&Endpoint| endpoint.transport == Transport::Channel;
    let endpoints: Vec<_> = subject.face.endpoints.iter().filter(channels).collect();
    let has = |dialect| endpoints.iter().any(|endpoint| endpoint.dialect == dialect);
    let mut messages = Messages::new(&mut schemas);
    if has(Dialect::Rooms) {
        messages.add_rooms(subject);
    }
    if has(Dialect::Envelope) {
        messages.add_envelope();
    }
    if has(Dialect::Topics) {
        messages.add_topics(subject);
    }
    if has(Dialect::Stream) {
        messages.add_stream(subject);
    }
    if has(Dialect::Echo) {
        messages.add_echo();
    }
    let messages = messages.finish();
    let mut channels = Channels::new(&subject.face.servers);
    for endpoint in endpoints.iter().copied() {
        channels.add(endpoint, &messages);
    }
    let (channels, operations) = channels.finish();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": subject.face.name,
            "version": subject.face.version,
            "description": INTRODUCTION,
            "tags": tags(subject),
        },
        "defaultContentType": "application/json",
        "servers": servers(subject),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages.iter().map(|message| (message.name.clone(), message.body.clone())).collect::<Map<_, _>>(),
            "schemas": schemas.finish(),
            "correlationIds": {
                "request": {
                    "description": "The `id` of a request, which its replies bear, too.",
                    "location": "$message.payload#/id",
                },
                "stream": {
                    "description": "The `id` of the call that a piece belongs to.",
                    "location": "$message.payload#/stream",
                },
            },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "token": { "type": "httpApiKey", "in": "query", "name": "token" },
            },
        },
    })
}

const INTRODUCTION: &str = "Clients connect by WebSocket, join rooms, and get the events that are published to them. \
The document is the gateway's: what it receives are clients' requests, what it sends are replies and events. \
The HTTP API is in `/openapi.json`.";

fn tags(subject: &Subject<'_>) -> Value {
    let own = [
        ("requests", "What clients ask the gateway."),
        ("control", "What one session is told of itself."),
        ("system", "What the gateway tells of itself, in the room `system`."),
        ("known", "What clients of some endpoint know, and no plugin declares."),
    ];
    let own = own.map(|(name, about)| json!({ "name": name, "description": about }));
    let plugins =
        subject.plugins.iter().filter(|plugin| !plugin.events.is_empty() || !plugin.calls.is_empty());
    let plugins = plugins.map(|p| json!({ "name": super::plugins::tag(p), "description": p.description }));
    own.into_iter().chain(plugins).collect()
}

fn servers(subject: &Subject<'_>) -> Value {
    let anonymous = subject.face.endpoints.iter().any(|endpoint: &Endpoint| endpoint.anonymous);
    let server = |server: &super::Server| {
        let protocol = if server.tls { "wss" } else { "ws" };
        let description = format!("The listener `{}`", server.name);
        let mut value = json!({ "host": server.host, "protocol": protocol, "description": description });
        if !anonymous {
            value["security"] = json!([
                { "$ref": "#/components/securitySchemes/bearer" },
                { "$ref": "#/components/securitySchemes/token" },
            ]);
        }
        (super::schemas::component(&server.name), value)
    };
    subject.face.servers.iter().map(server).collect::<Map<_, _>>().into()
}
