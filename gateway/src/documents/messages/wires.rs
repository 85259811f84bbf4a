//! The messages of the dialects `topics` and `stream`.

use serde_json::{Value, json};

use super::super::{Dialect, Subject};
use super::{Message, Role};
use crate::dialect::{stream, topics};

/// All of the dialect `topics`.
pub(super) fn topics(subject: &Subject<'_>) -> Vec<Message> {
    let message =
        |name: String, operation: &str, role, title: &str, summary: &str, payload, example: Value| {
            let body = json!({
                "name": name,
                "title": title,
                "summary": summary,
                "tags": [{ "name": if role == Role::Event { "control" } else { "requests" } }],
                "payload": payload,
                "examples": [{ "name": name, "payload": example }],
            });
            Message { name, operation: operation.to_owned(), dialect: Dialect::Topics, role, body }
        };
    let mut all = Vec::new();
    for told in topics::requests() {
        let (name, summary) = (told.name, told.summary);
        let asked = format!("topics.{name}");
        all.push(message(asked, name, Role::Request, name, summary, request(name), told.example));
        if let Some(reply) = told.reply {
            let kind = reply["event_type"].as_str().unwrap_or_default().to_owned();
            let replied = format!("topics.{name}.reply");
            all.push(message(
                replied,
                name,
                Role::Reply,
                &kind,
                "What answers it",
                envelope(&[&kind]),
                reply,
            ));
        }
    }
    let failed = "The frame is no JSON, or of the wrong shape, or what it asks for fails";
    let payload = envelope(&["error"]);
    all.push(message("topics.error".into(), "any", Role::Reply, "error", failed, payload, topics::error()));
    for told in topics::own_events() {
        let name = format!("topics.{}", told.name);
        let payload = envelope(&[told.name]);
        all.push(message(name, told.name, Role::Event, told.name, told.summary, payload, told.example));
    }
    let types: Vec<&str> = subject.types.iter().map(|name| &**name).collect();
    let shown =
        topics::shown("notification", &json!({ "title": "T", "content": "C", "level": "info" }), None);
    let about = "An event: of a topic that the session has, for its user or a role, or for everybody";
    let name = "topics.event".to_owned();
    all.push(message(name, "event", Role::Event, "Any event", about, envelope(&types), shown));
    all
}

/// All of the dialect `stream`.
pub(super) fn stream(subject: &Subject<'_>) -> Vec<Message> {
    let message = |name: &str, operation: &str, role, summary: &str, payload, example: Value| {
        let name = format!("stream.{name}");
        let body = json!({
            "name": name,
            "title": operation,
            "summary": summary,
            "contentType": if role == Role::Request { "text/plain" } else { "application/json" },
            "tags": [{ "name": if role == Role::Event { "control" } else { "requests" } }],
            "payload": payload,
            "examples": [{ "name": name, "payload": example }],
        });
        Message { name, operation: operation.to_owned(), dialect: Dialect::Stream, role, body }
    };
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let text = json!({ "type": "string" });
    let updated = json!({
        "type": "object",
        "required": ["subscriptions", "message"],
        "properties": { "subscriptions": names, "message": text },
    });
    let greeted = json!({
        "type": "object",
        "required": ["message", "subscriptions", "timestamp"],
        "properties": { "message": text, "subscriptions": names, "timestamp": { "type": "string", "format": "date-time" } },
    });
    let said = "Subscriptions updated successfully";
    let update =
        stream::shown("subscription_updated", &json!({ "subscriptions": ["hormone"], "message": said }));
    let greeting = json!({
        "message": "Connected", "subscriptions": ["cytokine", "hormone"], "timestamp": "2026-01-01T12:00:00.000Z",
    });
    let types: Vec<&str> = subject.types.iter().map(|name| &**name).collect();
    let any = stream::shown("hormone", &json!({ "hormone_type": "cortisol", "level": 0.7 }));
    vec![
        message(
            "subscribe",
            "subscribe",
            Role::Request,
            "To get events of the types that are named, between commas, and of no others",
            json!({ "type": "string", "pattern": "^subscribe:" }),
            json!("subscribe:hormone"),
        ),
        message(
            "subscription_updated",
            "subscribe",
            Role::Reply,
            "The types that are named now",
            frame(&["subscription_updated"], updated),
            update,
        ),
        message(
            "connected",
            "connected",
            Role::Event,
            "Greets a session, at once",
            frame(&["connected"], greeted),
            stream::shown("connected", &greeting),
        ),
        message(
            "event",
            "event",
            Role::Event,
            "An event of a type that the session has named",
            frame(&types, json!({})),
            any,
        ),
    ]
}

/// A frame of `stream`, of one of these types.
fn frame(types: &[&str], data: Value) -> Value {
    json!({
        "type": "object",
        "required": ["event", "data"],
        "properties": { "event": { "enum": types }, "data": data },
    })
}

/// A request of `topics`.
fn request(event_type: &str) -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["event_type"],
        "properties": { "event_type": { "const": event_type }, "data": {} },
    });
    if event_type.ends_with("subscribe") {
        let events = json!({ "type": "array", "description": "Topics: exact names of rooms." });
        schema["properties"]["data"] = json!({ "type": "object", "properties": { "events": events } });
    }
    schema
}

/// An envelope of `topics`, of one of these types.
fn envelope(types: &[&str]) -> Value {
    json!({
        "type": "object",
        "required": [
            "event_type", "data", "timestamp", "message_id", "target_user_id", "target_role", "topic",
        ],
        "properties": {
            "event_type": { "enum": types, "description": "What happened." },
            "data": { "type": "object", "description": "What its type says." },
            "timestamp": {
                "type": "string",
                "description": "When: UTC, ISO 8601 without zone, microseconds.",
                "examples": [topics::moment()],
            },
            "message_id": { "type": "string", "format": "uuid", "description": "The same for all receivers." },
            "target_user_id": {
                "type": ["integer", "string", "null"], "description": "The user whose sessions get it.",
            },
            "target_role": { "type": ["string", "null"], "description": "The role whose users get it." },
            "topic": { "type": ["string", "null"], "description": "The topic that it is published to." },
        },
    })
}
