//! The events of the gateway itself: what there is, and what stands in their data.

mod members;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::frame::{Cursor, Timestamp};
pub use members::{Came, Left, MemberJoined, MemberLeft, MembersChanged};

/// An event type of the gateway's own.
pub struct Own {
    /// Its name.
    pub name: &'static str,
    /// What it tells, in a sentence.
    pub summary: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// The room that it goes to; none: to one session, without a room, or to whichever its publisher says.
    pub room: Option<&'static str>,
    /// What stands in its data; none where each dialect has its own.
    pub schema: Option<fn(&mut SchemaGenerator) -> Schema>,
}

/// All of them.
pub const OWN: [Own; 11] = [
    Own {
        name: "connected",
        summary: "Greets a session, at once",
        source: "connection_manager",
        room: None,
        schema: None,
    },
    Own {
        name: "disconnected",
        summary: "Warns a session before a close that the gateway decides",
        source: "connection_manager",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<Disconnected<'_>>),
    },
    Own {
        name: "error",
        summary: "Tells a session that something went wrong which is no answer to a request",
        source: "gateway",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<Value>),
    },
    Own {
        name: "gap",
        summary: "Tells a session that events of a room are missing: its state there must be loaded anew",
        source: "gateway",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<Gap<'_>>),
    },
    Own {
        name: "health_changed",
        summary: "A part of the gateway, or of what it serves, is well no longer, or again",
        source: "gateway",
        room: Some("system"),
        schema: Some(SchemaGenerator::subschema_for::<HealthChanged<'_>>),
    },
    Own {
        name: "metrics_updated",
        summary: "The gauges, every `metrics.publish`",
        source: "gateway",
        room: Some("system"),
        schema: Some(SchemaGenerator::subschema_for::<MetricsUpdated>),
    },
    Own {
        name: "member_joined",
        summary: "A session came into a room whose rule has `join_leave`, or says something else of itself",
        source: "gateway",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<MemberJoined<'_>>),
    },
    Own {
        name: "member_left",
        summary: "A session left such a room",
        source: "gateway",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<MemberLeft<'_>>),
    },
    Own {
        name: "members_changed",
        summary: "Many came into such a room or left it within a moment",
        source: "gateway",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<MembersChanged<'_>>),
    },
    Own {
        name: "alert_triggered",
        summary: "Something wants attention; published by clients and over HTTP",
        source: "api",
        room: None,
        schema: Some(SchemaGenerator::subschema_for::<Value>),
    },
    Own {
        name: "plugin_changed",
        summary: "A plugin has started, stopped or failed",
        source: "gateway",
        room: Some("system"),
        schema: Some(SchemaGenerator::subschema_for::<PluginChanged<'_>>),
    },
];

/// Why a session is about to be closed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{ "code": 1012, "reason": "{\"retry_after_ms\":250}" }]))]
pub struct Disconnected<'a> {
    /// The close code that follows.
    pub code: u16,
    /// The reason that follows.
    pub reason: Cow<'a, str>,
    /// When it follows, where that is some time off: a token that expires can be renewed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The same in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<i64>,
}

/// Events of a room that a session does not get, told where they are missing: behind the last of the room that
/// it got, and before the next. Where they tell of members (`member_joined` and so on) the epoch is none of the room's:
/// who is there must be asked for anew.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "room": "agents", "count": 3,
    "from": { "epoch": "31e9b05e9ae4b9c6", "offset": 41 }, "to": { "epoch": "31e9b05e9ae4b9c6", "offset": 44 }
}]))]
pub struct Gap<'a> {
    /// The room; none for events without one.
    pub room: Option<&'a str>,
    /// How many are missing of those that it would have got; of all, where the room's history no longer has them.
    pub count: u64,
    /// They come after this one.
    pub from: At,
    /// The last of them.
    pub to: At,
}

/// A cursor on the wire.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cursor")]
pub struct At {
    /// One life of the room; opaque.
    pub epoch: String,
    /// Grows with each event of the room; 0 before the first.
    pub offset: u64,
}

impl From<Cursor> for At {
    fn from(cursor: Cursor) -> Self {
        Self { epoch: cursor.epoch.to_string(), offset: cursor.offset }
    }
}

/// How a part is now, and was.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{ "component": "agents", "old_status": "healthy", "new_status": "degraded" }]))]
pub struct HealthChanged<'a> {
    /// Its name.
    pub component: &'a str,
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    pub old_status: &'a str,
    /// The same now.
    pub new_status: &'a str,
}

/// The state of a plugin now, and before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "plugin": "agents", "old_state": "loaded", "new_state": "started", "version": "0.1.0"
}]))]
pub struct PluginChanged<'a> {
    /// The instance's name.
    pub plugin: &'a str,
    /// `loaded`, `started`, `stopping`, `stopped`, `failed` or `quarantined`.
    pub old_state: &'a str,
    /// The same now.
    pub new_state: &'a str,
    /// The library's version.
    pub version: &'a str,
}

/// The gauges, by their names on the Prometheus page without the prefix.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "connections": 120, "sessions": 118, "rooms": 9, "members": 240, "mailbox_bytes": [0, 4096]
}]))]
pub struct MetricsUpdated {
    /// Open connections.
    pub connections: u64,
    /// Open sessions.
    pub sessions: usize,
    /// Rooms that there are.
    pub rooms: usize,
    /// Sessions in rooms, counted once per room.
    pub members: usize,
    /// What waits for each shard, bytes.
    pub mailbox_bytes: Vec<usize>,
}
