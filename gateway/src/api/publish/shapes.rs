//! What publishing takes and answers. Bodies are read by hand, so that all that is wrong is said at once, and
//! stand here for the documents.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::TARGETS;
use crate::hub;

/// The name of a room: 1 to 200 bytes without control characters.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(in crate::api) struct RoomName(
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"))]
    #[expect(dead_code, reason = "read by hand")]
    String,
);

/// An event type that the gateway or a plugin declares.
#[derive(JsonSchema)]
#[schemars(transparent, rename = "EventType")]
pub(in crate::api) struct EventTypeName(#[expect(dead_code, reason = "read by hand")] String);

/// One event, or up to a thousand.
#[derive(JsonSchema)]
#[schemars(untagged, extend("examples" = [{
    "room": "agents", "event_type": "alert_triggered", "data": { "disk": "97 %" }
}]))]
#[expect(dead_code, reason = "read by hand")]
pub(super) enum PublishBody {
    /// One event.
    One(PublishEvent),
    /// Several: all are checked before the first is published.
    Several(#[schemars(length(min = 1, max = 1000))] Vec<PublishEvent>),
}

/// An event, and where it goes: at most one of `room`, `rooms`, `user` and `role`; none of them: to everyone.
#[derive(JsonSchema)]
#[schemars(extend("not" = two_targets()))]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct PublishEvent {
    /// What happened.
    #[schemars(rename = "event_type")]
    event_type: EventTypeName,
    /// Any JSON.
    data: Value,
    /// The room that it goes to.
    room: Option<RoomName>,
    /// Rooms that it goes to, each with a cursor of its own.
    #[schemars(length(min = 1))]
    rooms: Option<Vec<RoomName>>,
    /// The user whose sessions it goes to.
    user: Option<Person>,
    /// The role whose sessions it goes to.
    role: Option<Person>,
    /// What it is about, for receivers that keep only the newest of each; at most 200 bytes.
    #[schemars(length(max = 200))]
    key: Option<String>,
    /// Makes it idempotent: published again, it answers what it answered first; at most 200 bytes.
    #[schemars(length(max = 200))]
    id: Option<String>,
}

/// What fits where two of the targets are there; null is as good as none.
fn two_targets() -> Value {
    let there =
        |name: &str| json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } });
    let pairs = TARGETS
        .iter()
        .enumerate()
        .flat_map(|(at, one)| TARGETS[at + 1..].iter().map(move |other| (one, other)));
    let both: Vec<Value> = pairs.map(|(one, other)| json!({ "allOf": [there(one), there(other)] })).collect();
    json!({ "anyOf": both })
}

/// A user's id, or a role.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by hand")]
pub(super) enum Person {
    /// As text.
    Text(
        #[schemars(length(min = 1, max = 190), regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"))] String,
    ),
    /// As a whole number.
    Number(u64),
}

/// What publishing answers.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("examples" = [{
    "room": "agents", "epoch": "31e9b05e9ae4b9c6", "offset": 42, "sent": 8
}]))]
pub(in crate::api) enum Published {
    /// One event, to one target.
    One(Placed),
    /// One event, to several rooms: one for each.
    Rooms(Vec<Placed>),
    /// A batch: one for each event.
    Batch(Vec<Published>),
}

/// The place of an event.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Placed {
    /// The room; null: everyone.
    room: Option<Arc<str>>,
    /// One life of the room; opaque.
    epoch: String,
    /// The event's place in the room.
    offset: u64,
    /// Sessions that took it.
    sent: usize,
}

/// What a batch that was cut short has published.
#[derive(Serialize, JsonSchema)]
pub(super) struct CutShort {
    /// Of a batch: one for each event before the one that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Vec<Published>>,
}

impl From<hub::Placed> for Placed {
    fn from(placed: hub::Placed) -> Self {
        let hub::Placed { room, cursor, sent } = placed;
        let room = Some(room).filter(|room| !room.is_empty());
        Self { room, epoch: cursor.epoch.to_string(), offset: cursor.offset, sent }
    }
}
