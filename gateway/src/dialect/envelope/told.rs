//! What documents tell of the dialect, made of the tables and encoders that serve it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::event::SENT;
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

/// A message: the request that it is or answers, its payload, who says it, what it is there for, and fields of one.
type Row = (&'static str, Kind, Part, &'static str, &'static [(&'static str, &'static str)]);

/// Requests, and what answers them.
const ROWS: [Row; 11] = [
    (
        "chat",
        Kind::ChatMessage,
        Part::Request,
        "What a user says, for the plugin that answers `chat`",
        &[("content", "\"Hello\"")],
    ),
    (
        "chat",
        Kind::AgentResponse,
        Part::Reply,
        "What the plugin answers",
        &[("content", "\"Hello yourself\"")],
    ),
    ("chat", Kind::StreamStart, Part::Reply, "An answer in pieces begins", &[]),
    (
        "chat",
        Kind::StreamChunk,
        Part::Reply,
        "A piece of it",
        &[("chunk", "\"Hello \""), ("chunk_index", "0")],
    ),
    (
        "chat",
        Kind::StreamEnd,
        Part::Reply,
        "It has ended",
        &[("total_chunks", "2"), ("full_content", "\"Hello yourself\"")],
    ),
    ("health_check", Kind::HealthCheck, Part::Request, "Is anybody there?", &[("status", "\"ping\"")]),
    ("health_check", Kind::HealthCheck, Part::Reply, "Somebody is", &[("status", "\"pong\"")]),
    (
        "system_event",
        Kind::SystemEvent,
        Part::Request,
        "`ping`, or `status`: how is the gateway?",
        &[("event_name", "\"status\"")],
    ),
    (
        "system_event",
        Kind::SystemEvent,
        Part::Reply,
        "How the gateway is",
        &[("event_name", "\"server_status\"")],
    ),
    ("system_event", Kind::HealthCheck, Part::Reply, "Somebody is there", &[("status", "\"pong\"")]),
    (
        "any",
        Kind::ErrorEvent,
        Part::Reply,
        "What is wrong with a message, or with its answer",
        &[("error_code", "\"processing_error\""), ("error_message", "\"Message processing failed\"")],
    ),
];

/// All messages.
pub fn told() -> Vec<Told> {
    let told = |(of, kind, part, about, fields): Row| {
        let example = example(kind, fields);
        Told { of, kind, part, about, schema: schema(kind), example }
    };
    let events =
        SENT.map(|kind| (kind.name(), kind, Part::Event, "An event of this name and shape", happened(kind)));
    ROWS.into_iter().chain(events).map(told).collect()
}

/// What is shown of an event of this kind.
fn happened(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::ChatMessage | Kind::AgentResponse => &[("content", "\"Done\"")],
        Kind::StreamStart => &[],
        Kind::StreamChunk => &[("chunk", "\"Done\""), ("chunk_index", "0")],
        Kind::StreamEnd => &[("total_chunks", "1"), ("full_content", "\"Done\"")],
        Kind::SystemEvent => &[("event_name", "\"connection_established\"")],
        Kind::ErrorEvent => &[("error_code", "\"back_end\""), ("error_message", "\"It does not answer\"")],
        Kind::ConnectionEvent => &[("event_type", "\"reconnected\"")],
        Kind::HealthCheck => &[("status", "\"pong\"")],
    }
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
