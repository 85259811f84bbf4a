//! What documents tell of the dialect, made of the tables and encoders that serve it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::frame::{Address, VERSION, before, behind};
use super::kinds::{Absent, Kind, Of};
use super::payload::put;
use super::request::VERSIONS;
use crate::frame::Timestamp;

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A client.
    Request,
    /// The gateway, when it is asked.
    Reply,
    /// The gateway, when something happens.
    Event,
}

/// A message.
#[derive(Debug)]
pub struct Told {
    /// The request that it is, or answers; an event's name.
    pub of: &'static str,
    /// Its payload.
    pub kind: Kind,
    /// Who says it.
    pub part: Part,
    /// What it is there for.
    pub about: &'static str,
    /// What it looks like: JSON Schema.
    pub schema: Value,
    /// One of them.
    pub example: Value,
}

/// All messages.
pub fn told() -> Vec<Told> {
    use Kind::{
        AgentResponse, ChatMessage, ErrorEvent, HealthCheck, StreamChunk, StreamEnd, StreamStart, SystemEvent,
    };
    use Part::{Event, Reply, Request};
    let welcome = "\"connection_established\"";
    let rows: [(&str, Kind, Part, &str, &[(&str, &str)]); 13] = [
        (
            "chat",
            ChatMessage,
            Request,
            "What a user says, for the plugin that answers `chat`",
            &[("content", "\"Hello\"")],
        ),
        ("chat", AgentResponse, Reply, "What the plugin answers", &[("content", "\"Hello yourself\"")]),
        ("chat", StreamStart, Reply, "An answer in pieces begins", &[]),
        ("chat", StreamChunk, Reply, "A piece of it", &[("chunk", "\"Hello \""), ("chunk_index", "0")]),
        (
            "chat",
            StreamEnd,
            Reply,
            "It has ended",
            &[("total_chunks", "2"), ("full_content", "\"Hello yourself\"")],
        ),
        ("health_check", HealthCheck, Request, "Is anybody there?", &[("status", "\"ping\"")]),
        ("health_check", HealthCheck, Reply, "Somebody is", &[("status", "\"pong\"")]),
        (
            "system_event",
            SystemEvent,
            Request,
            "`ping`, or `status`: how is the gateway?",
            &[("event_name", "\"status\"")],
        ),
        ("system_event", SystemEvent, Reply, "How the gateway is", &[("event_name", "\"server_status\"")]),
        ("system_event", HealthCheck, Reply, "Somebody is there", &[("status", "\"pong\"")]),
        (
            "any",
            ErrorEvent,
            Reply,
            "What is wrong with a message, or with its answer",
            &[("error_code", "\"processing_error\""), ("error_message", "\"Message processing failed\"")],
        ),
        ("system_event", SystemEvent, Event, "The welcome, and events of rooms", &[("event_name", welcome)]),
        (
            "agent_response",
            AgentResponse,
            Event,
            "An answer that a plugin publishes",
            &[("content", "\"Done\"")],
        ),
    ];
    let told = |(of, kind, part, about, fields): (_, Kind, _, _, &[(&str, &'static str)])| {
        let example = example(kind, fields);
        Told { of, kind, part, about, schema: schema(kind), example }
    };
    rows.into_iter().map(told).collect()
}

fn example(kind: Kind, fields: &[(&str, &'static str)]) -> Value {
    let (mut out, now) = (Vec::new(), Timestamp(1_767_268_800_000));
    before(kind, now, &mut out);
    let value =
        |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, json)| Cow::Borrowed(*json));
    put(kind, now, value, &mut out);
    behind(&Address::shared(), &mut out);
    let mut example: Value = serde_json::from_slice(&out).unwrap_or_default();
    example["id"] = "8f14e45f-ceea-467f-a0e6-3c6f0d1b2a77".into(); // the document is the same whenever it is made
    example
}

/// An envelope around a payload of this kind.
fn schema(kind: Kind) -> Value {
    let id = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "required": ["type", "payload"],
        "properties": {
            "type": { "type": "string", "description": "That of the payload." },
            "version": { "enum": VERSIONS, "default": VERSION },
            "id": { "type": "string", "maxLength": 200, "description": "Left out: a UUID." },
            "ts": { "type": ["integer", "string"], "description": "Milliseconds since 1970. Left out: now." },
            "payload": payload(kind),
            "session_id": id,
            "user_id": id,
            "correlation_id": { "type": ["string", "null"], "description": "The `id` of the request that this answers." },
        },
    })
}

fn payload(kind: Kind) -> Value {
    let mut properties = Map::from_iter([("message_type".to_owned(), json!({ "const": kind.name() }))]);
    let mut required = vec!["message_type"];
    for field in kind.fields() {
        let schema = match field.absent {
            Absent::Null => json!({ "anyOf": [of(field.of), { "type": "null" }] }),
            Absent::Refused | Absent::Json(_) | Absent::Now => of(field.of),
        };
        properties.insert(field.name.to_owned(), schema);
        if matches!(field.absent, Absent::Refused) {
            required.push(field.name);
        }
    }
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn of(of: Of) -> Value {
    match of {
        Of::Text { least, most: usize::MAX } => json!({ "type": "string", "minLength": least }),
        Of::Text { least, most } => json!({ "type": "string", "minLength": least, "maxLength": most }),
        Of::Word(words) => json!({ "enum": words }),
        Of::Number => json!({ "type": "number" }),
        Of::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Of::Count => json!({ "type": "integer", "minimum": 0 }),
        Of::Flag => json!({ "type": "boolean" }),
        Of::Object => json!({ "type": "object" }),
        Of::Objects => json!({ "type": "array", "items": { "type": "object" } }),
        Of::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Of::Null => json!({ "type": "null" }),
    }
}
