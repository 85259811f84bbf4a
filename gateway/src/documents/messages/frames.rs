//! The frames of the dialect `rooms`, around the data that is told of elsewhere.

use serde_json::{Value, json};

use super::super::schemas::reference;

/// A message that is an event.
pub(super) fn event_message(
    kind: &str,
    summary: &str,
    tag: &str,
    data: Value,
    shown: Value,
    room: Option<&str>,
) -> Value {
    let mut body = json!({
        "name": kind,
        "title": kind,
        "summary": if summary.is_empty() { kind } else { summary },
        "tags": [{ "name": tag }],
        "payload": {
            "allOf": [
                reference("Event"),
                { "type": "object", "properties": { "event_type": { "const": kind }, "data": data } },
            ],
        },
        "examples": [{ "name": kind, "payload": shown }],
    });
    if let Some(room) = room {
        body["x-room"] = room.into();
    }
    body
}

/// What all events have.
pub(super) fn event_schema() -> Value {
    json!({
        "type": "object",
        "description": "An event, as members of its room get it.",
        "required": ["event_type", "timestamp", "data", "source", "room"],
        "properties": {
            "event_type": { "type": "string", "description": "What happened." },
            "timestamp": { "type": "string", "format": "date-time", "description": "When, by the publisher's clock." },
            "data": { "description": "What its type says." },
            "source": { "type": "string", "description": "Who says so." },
            "room": { "type": ["string", "null"], "description": "The room that it was published to; null: none." },
            "epoch": { "type": "string", "description": "Where the room keeps history: one life of it, opaque." },
            "offset": { "type": "integer", "minimum": 1, "description": "Where the room keeps history: the event's place in it." },
            "key": { "type": "string", "description": "What it is about, for receivers that keep only the newest of each." },
            "origin": { "type": "string", "description": "Its place where its source has it from, in the source's own terms." },
        },
    })
}

/// A request's frame.
pub(super) fn request_schema(action: &str, room: bool, data: Option<(Value, bool)>) -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": { "const": action, "description": "In any case." },
            "id": { "description": "Any JSON of at most 200 bytes; the replies bear it, too." },
        },
    });
    let mut required = vec!["action"];
    if room {
        schema["properties"]["room"] =
            json!({ "type": "string", "minLength": 1, "description": "The exact name, at most 200 bytes." });
        required.push("room");
    }
    if let Some((data, needed)) = data {
        schema["properties"]["data"] = data;
        if needed {
            required.push("data");
        }
    }
    schema["required"] = required.into();
    schema
}

/// A reply's frame; `success`: what it says, where it is known.
pub(super) fn reply_schema(success: Option<bool>, data: Option<Value>) -> Value {
    let success = match success {
        Some(success) => json!({ "const": success, "description": "Whether it was done." }),
        None => json!({ "type": "boolean", "description": "Whether it was done." }),
    };
    json!({
        "type": "object",
        "required": ["success", "message", "data"],
        "properties": {
            "success": success,
            "message": { "type": "string", "description": "For people." },
            "data": data.unwrap_or_else(|| json!({ "type": "null" })),
            "id": { "description": "The request's, where it had one." },
        },
    })
}

/// The frame of a piece of an answer.
pub(super) fn part_schema() -> Value {
    json!({
        "type": "object",
        "required": ["stream", "seq", "data"],
        "properties": {
            "stream": { "description": "The request's `id`." },
            "seq": { "type": "integer", "minimum": 0, "description": "Counts the pieces from 0." },
            "data": { "description": "The piece." },
        },
    })
}
