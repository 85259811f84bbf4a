//! What tools are told of the dialect: its requests, what answers them, and its envelopes, by examples that its own
//! encoders make.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::envelope::{TopicsFrame, Zoneless};
use super::{Topics, reply};
use crate::dialect::{Answer, Dialect, Malformed, Notice, Welcome};
use crate::frame::{Cursor, Encode, Epoch, Event, EventType, Forms, Posted, RoomId, Timestamp};
use crate::transport::Framing;

/// The moment of all examples.
const THEN: Timestamp = Timestamp(1_767_268_800_000);

/// A request.
pub struct RequestTold {
    /// Its `event_type`.
    pub name: &'static str,
    /// What it wants, in a sentence.
    pub summary: &'static str,
    /// One.
    pub example: Value,
    /// What answers it.
    pub reply: Option<Value>,
}

/// An event that the gateway sends of its own accord.
pub struct EventTold {
    /// Its type.
    pub name: &'static str,
    /// What it tells, in a sentence.
    pub summary: &'static str,
    /// One.
    pub example: Value,
}

/// All requests.
pub fn requests() -> Vec<RequestTold> {
    let request = |name, summary, data: Value, answer: Option<Answer<'_>>| RequestTold {
        name,
        summary,
        example: json!({ "event_type": name, "data": data }),
        reply: answer.map(|answer| answered(&answer)),
    };
    let call = |name| Answer::Call {
        name,
        success: true,
        message: "",
        data: br#"{"alerts_count":2}"#,
        streamed: false,
    };
    let topics = json!({ "events": ["task_created", "alert"] });
    vec![
        request("pong", "The client is there", json!({}), None),
        request(
            "subscribe",
            "To get the events of these topics",
            topics.clone(),
            Some(Answer::JoinedThose(2)),
        ),
        request("unsubscribe", "To get them no longer", topics, None),
        request(
            "dashboard_update",
            "What the plugin says that declares a call of this name; for who is authenticated",
            json!({}),
            Some(call("dashboard_update")),
        ),
        request(
            "metrics_update",
            "What the plugin says that declares a call of this name; for who is authenticated",
            json!({}),
            Some(call("metrics_update")),
        ),
    ]
}

/// What answers a frame that is none of these, or fails.
pub fn error() -> Value {
    let mut out = Vec::new();
    reply::put_error(Framing::WebSocket, &Malformed::Syntax.to_string(), &mut out);
    text(&out)
}

/// What a session is told of its own.
pub fn own_events() -> Vec<EventTold> {
    let topics = Topics::new(Forms::default().add(TopicsFrame(Framing::WebSocket)), Framing::WebSocket);
    let welcome = Welcome {
        connection_id: "ws_b24d33ea36ef",
        taken: None,
        message: "",
        timestamp: THEN,
        heartbeat: 30,
        user_id: None,
        only: None,
    };
    let own = |notice: Option<Notice>| match notice {
        Some(Notice::Event { event_type, data, .. }) => event(event_type, &data, None),
        _ => Value::Null,
    };
    vec![
        EventTold {
            name: "connection_ack",
            summary: "Greets a session, at once",
            example: own(topics.welcome(&welcome)),
        },
        EventTold {
            name: "ping",
            summary: "Beside each ping of the WebSocket",
            example: own(topics.pulse(THEN)),
        },
    ]
}

/// An event as its frame shows it.
pub fn shown(event_type: &str, data: &Value, room: Option<&str>) -> Value {
    event(event_type, data.to_string().as_bytes(), room)
}

/// A moment as envelopes show it.
pub fn moment() -> String {
    Zoneless::from(THEN).to_string()
}

fn answered(answer: &Answer<'_>) -> Value {
    let mut out = Vec::new();
    reply::put(Framing::WebSocket, answer, &mut out);
    text(&out)
}

fn event(event_type: &str, data: &[u8], room: Option<&str>) -> Value {
    let event = Event::new(
        EventType { number: 0, name: event_type.into() },
        data.to_vec().into(),
        super::SOURCE.into(),
        THEN,
    );
    let room = RoomId { number: 1, name: Arc::from(room.unwrap_or_default()), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    let posted = Posted::new(event, room, cursor, false, Instant::now());
    let mut out = Vec::new();
    TopicsFrame(Framing::WebSocket).encode(&posted, &posted.payload(), &mut out);
    text(&out)
}

/// The JSON of an unmasked frame of at most 64 KiB, behind its header.
fn text(frame: &[u8]) -> Value {
    let header = if frame.get(1) == Some(&126) { 4 } else { 2 };
    serde_json::from_slice(frame.get(header..).unwrap_or_default()).unwrap_or_default()
}
