//! What stands in `data`, of requests and of replies. The replies' are what is written; the requests' are read by hand
//! (`request.rs`), so that an error names the field, and stand here for the documents.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::{Member, Slow, Welcome};
use crate::frame::{Cursor, Timestamp};

/// The version of the dialect, in the welcome.
const PROTOCOL: u32 = 1;

/// From where on a room's events are wanted; nothing: from now on.
#[derive(JsonSchema)]
#[schemars(rename = "JoinData", extend("examples" = [{ "since": { "epoch": "31e9b05e9ae4b9c6", "offset": 41 } }]))]
pub(super) struct JoinData {
    /// After which event: what a client saw last, or `"start"` for all that is kept.
    #[expect(dead_code, reason = "read by hand")]
    since: Option<SinceData>,
    /// The last so many events, whatever came before.
    #[expect(dead_code, reason = "read by hand")]
    last: Option<usize>,
    /// What others in the room are to see of the session: an object of at most 1,024 bytes. Where its token says something of
    /// the same names, that holds.
    #[expect(dead_code, reason = "read by hand")]
    info: Option<Value>,
    /// What is to happen where the session is too slow for the room's events, if the room's rule lets it choose that.
    #[expect(dead_code, reason = "read by hand")]
    slow: Option<Slow>,
}

/// After which event.
#[derive(JsonSchema)]
#[schemars(rename = "Since", untagged)]
#[expect(dead_code, reason = "read by hand")]
enum SinceData {
    /// The one at this cursor.
    After(CursorData),
    /// None: everything that is kept.
    Start(Start),
}

/// The word for the beginning.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by hand")]
enum Start {
    /// Everything that is kept.
    Start,
}

/// The place of an event in its room.
#[derive(JsonSchema)]
#[schemars(rename = "Cursor")]
#[expect(dead_code, reason = "read by hand")]
struct CursorData {
    /// One life of the room; opaque.
    epoch: String,
    /// Grows with each event of the room.
    offset: u64,
}

/// Event types, as they are or with `*` at their end for all that begin so.
#[derive(JsonSchema)]
#[schemars(rename = "EventTypes", extend("examples" = [{ "event_types": ["agent_*", "gap"] }]))]
pub(super) struct TypesData {
    /// At most 100.
    #[schemars(length(max = 100))]
    #[expect(dead_code, reason = "read by hand")]
    event_types: Vec<String>,
}

/// Which events are wanted: both must let one through.
#[derive(JsonSchema)]
#[schemars(
    rename = "SubscribeData",
    extend("examples" = [{ "event_types": ["alert_*"], "where": "data.severity in [\"high\",\"critical\"] and not exists(data.muted)" }])
)]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct SubscribeData {
    /// Event types, as they are or with `*` at their end for all that begin so; they come to those subscribed to before.
    #[schemars(length(max = 100))]
    event_types: Option<Vec<String>>,
    /// What an event has to be like, whatever its room; instead of what was said before. Null or empty: nothing. Fields:
    /// `event_type`, `source`, `key`, `room`, `data` with `.name`, `["any name"]` and `[0]` further on, and `tags` for
    /// those that a plugin has given the event, or else for `data.tags`. Comparisons with strings, numbers, true, false and null: `== != < <= > >=`, `in [..]`, `not in [..]`, and
    /// `exists(..)`; joined by `and`, `or`, `not` and brackets. What is of another type, or not there, is equal to nothing.
    #[schemars(rename = "where", length(max = 2000))]
    criterion: Option<String>,
}

/// An event to publish.
#[derive(JsonSchema)]
#[schemars(rename = "PublishData", extend("examples" = [{ "event_type": "alert_triggered", "data": { "disk": "97 %" } }]))]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct PublishData {
    /// What happened: a type that the gateway or a plugin declares.
    event_type: String,
    /// Any JSON.
    data: Value,
    /// What it is about, for receivers that keep only the newest of each.
    key: Option<String>,
}

/// Another token for the session.
#[derive(JsonSchema)]
#[schemars(rename = "AuthData", extend("examples" = [{ "token": "eyJhbGciOi…" }]))]
pub(super) struct AuthData {
    /// The token, of the same user.
    #[expect(dead_code, reason = "read by hand")]
    token: String,
}

/// Who the session is by, and for how long.
#[derive(Serialize, JsonSchema)]
pub(super) struct Authenticated<'a> {
    /// The user.
    pub(super) user_id: Option<&'a str>,
    /// The user's roles.
    pub(super) roles: &'a [Arc<str>],
    /// When the token ceases to hold; null: never.
    pub(super) expires_at: Option<Timestamp>,
}

/// Which part of a room's members is wanted.
#[derive(JsonSchema)]
#[schemars(rename = "PresenceData", extend("examples" = [{ "skip": 0, "limit": 100 }]))]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct PresenceData {
    /// How many members to leave out; 0 where it is not there.
    skip: Option<usize>,
    /// How many to show; 1000 where it is not there, and at most; 0 asks for their number alone. A page whose members say much of themselves may end
    /// before.
    #[schemars(range(min = 0, max = 1000))]
    limit: Option<usize>,
}

/// Who is in a room, in no particular order.
#[derive(Serialize, JsonSchema)]
pub(super) struct Members<'a> {
    /// How many there are on all pages.
    pub(super) count: usize,
    /// Those of this page.
    pub(super) members: &'a [Member],
}

/// Which of a room's events are wanted.
#[derive(JsonSchema)]
#[schemars(rename = "HistoryData", extend("examples" = [{ "limit": 20, "reverse": true }]))]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct HistoryData {
    /// After which event; `"start"`, or nothing: all that are kept.
    since: Option<SinceData>,
    /// How many to show; 100 where it is not there. An answer whose events are large may end before.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Whether the newest come first, and the oldest are left out where there are too many.
    reverse: Option<bool>,
}

/// How far a user has got in its inbox.
#[derive(JsonSchema)]
#[schemars(rename = "AckData", extend("examples" = [{ "epoch": "31e9b05e9ae4b9c6", "offset": 42 }]))]
#[expect(dead_code, reason = "read by hand")]
pub(super) struct AckData {
    /// The life of the room that the event is of.
    epoch: String,
    /// The last event that was taken care of.
    offset: u64,
}

/// The answer to a ping.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pong {
    /// The gateway's time.
    pub(super) timestamp: Timestamp,
}

/// The place of an event in a room.
#[derive(Serialize, JsonSchema)]
pub(super) struct Place<'a> {
    /// The room.
    room: &'a str,
    /// One life of the room; opaque.
    epoch: String,
    /// Grows with each event of the room; 0 before the first.
    offset: u64,
}

impl<'a> Place<'a> {
    pub(super) fn new(room: &'a str, cursor: Cursor) -> Self {
        Self { room, epoch: cursor.epoch.to_string(), offset: cursor.offset }
    }
}

/// A room that was joined, and the cursor behind which its events follow.
#[derive(Serialize, JsonSchema)]
pub(super) struct Joined<'a> {
    #[serde(flatten)]
    pub(super) place: Place<'a>,
    /// Whether nothing is missing since the cursor that was asked for; left out where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recovered: Option<bool>,
}

/// A room.
#[derive(Serialize, JsonSchema)]
pub(super) struct Left<'a> {
    /// Its name.
    pub(super) room: &'a str,
}

/// Event types, as they were sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct Types<'a> {
    /// The types and patterns.
    pub(super) event_types: &'a [Cow<'a, str>],
}

/// What was subscribed to.
#[derive(Serialize, JsonSchema)]
pub(super) struct Subscribed<'a> {
    #[serde(flatten)]
    pub(super) types: Types<'a>,
    /// What events have to be like, in its normal form; left out where the request says nothing of it.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub(super) criterion: Option<&'a str>,
}

/// Event types that nobody declares.
#[derive(Serialize, JsonSchema)]
pub(super) struct Unknown<'a> {
    /// The types.
    pub(super) unknown: Vec<&'a str>,
}

/// What a client may ask for instead.
#[derive(Serialize, JsonSchema)]
pub(super) struct Actions<'a> {
    /// The requests of the gateway's own, then the plugins' calls.
    pub(super) available_actions: Vec<&'a str>,
}

/// When the same request may pass.
#[derive(Serialize, JsonSchema)]
pub(super) struct Retry {
    /// Milliseconds to wait.
    pub(super) retry_after_ms: u64,
}

/// What a session is greeted with.
#[derive(Serialize, JsonSchema)]
pub(super) struct Greeted<'a> {
    /// The session's id.
    connection_id: &'a str,
    /// The endpoint's text.
    message: &'a str,
    /// When it was opened.
    timestamp: Timestamp,
    /// The version of this protocol.
    protocol: u32,
    /// Seconds between the gateway's pings.
    heartbeat: u64,
    /// Who authenticated.
    user_id: Option<&'a str>,
    /// The `client_id` that was asked for, where another session has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_client_id: Option<&'a str>,
}

impl<'a> Greeted<'a> {
    pub(super) fn new(welcome: &Welcome<'a>) -> Self {
        Self {
            connection_id: welcome.connection_id,
            message: welcome.message,
            timestamp: welcome.timestamp,
            protocol: PROTOCOL,
            heartbeat: welcome.heartbeat,
            user_id: welcome.user_id,
            requested_client_id: welcome.taken,
        }
    }
}
