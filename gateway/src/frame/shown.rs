//! An event as JSON: what its frame shows of it, and what lists show.

use std::io::Write;
use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::Value;

use super::json::put_string;
use super::{Cursor, Posted, Timestamp};

/// Events that a room keeps, as [`page`] writes them.
#[derive(JsonSchema)]
#[schemars(rename = "RoomEvents")]
#[expect(dead_code, reason = "says what is written by hand")]
pub struct Events {
    /// One life of the room; opaque.
    epoch: String,
    /// The place of the room's last event, whether it is among these or not; 0 before the first.
    offset: u64,
    /// Whether nothing is missing since the place that was asked for; left out where none was. Where something is, there
    /// are no events.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    /// Those that were asked for.
    events: Vec<Shown>,
    /// True: there are more of them, which the answer has no space for. Left out where there are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// An answer to a poll.
#[derive(JsonSchema)]
#[schemars(rename = "PolledEvents", extend("examples" = [{
    "events": [], "cursor": "31e9b05e9ae4b9c6:41@1a86f347", "recovered": true
}]))]
#[expect(dead_code, reason = "says what is written by hand")]
pub struct Polled {
    /// Room by room in the order of the request, and of each room in its order.
    events: Vec<Shown>,
    /// How far the client has got with these: for the next poll.
    cursor: String,
    /// Whether nothing is missing since the cursor that was shown; left out where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    /// The rooms of which something is missing: what was made of their events must be loaded anew. They go on behind their
    /// last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Vec<String>>,
    /// True: there are others already, for which the answer has no space.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// An event that a room keeps.
#[derive(JsonSchema)]
#[schemars(rename = "KeptEvent")]
#[expect(dead_code, reason = "says what is written by hand")]
struct Shown {
    /// What happened.
    event_type: String,
    /// When, by the publisher's clock.
    timestamp: Timestamp,
    /// What its type says.
    data: Value,
    /// Who says so.
    source: String,
    /// The room that it was published to.
    room: String,
    /// Where the room keeps history: one life of it, opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Where the room keeps history: the event's place in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// What it is about; left out where it says nothing of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Its place where its source has it from, in the source's own terms, as a place in a database's log; left out where it says
    /// nothing of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

/// Events of a room that stands at `cursor`: `{"epoch","offset","recovered"?,"events","more"?}`. By hand, so that no
/// event's JSON is read again.
pub fn page(cursor: Cursor, recovered: Option<bool>, events: &[Arc<Posted>], more: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + events.iter().map(|posted| posted.size()).sum::<usize>());
    // Writing to memory does not fail, here and below.
    let _infallible = write!(out, r#"{{"epoch":"{}","offset":{}"#, cursor.epoch, cursor.offset);
    if let Some(recovered) = recovered {
        let _infallible = write!(out, r#","recovered":{recovered}"#);
    }
    out.extend_from_slice(br#","events":["#);
    for (index, posted) in events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        before_data(&mut out, posted);
        out.extend_from_slice(&posted.payload());
        behind_data(&mut out, posted);
    }
    out.extend_from_slice(if more { br#"],"more":true}"# } else { b"]}" });
    out
}

/// What stands before the event's data: `{"event_type","timestamp","data":`.
pub fn before_data(out: &mut Vec<u8>, posted: &Posted) {
    out.extend_from_slice(br#"{"event_type":"#);
    put_string(out, &posted.kind.name);
    let _infallible = write!(out, r#","timestamp":"{}","data":"#, posted.time);
}

/// What stands behind it: `"source","room"`, then `"epoch","offset"` where the room keeps history, then `"key"` and
/// `"origin"` where the event has them.
pub fn behind_data(out: &mut Vec<u8>, posted: &Posted) {
    out.extend_from_slice(br#","source":"#);
    put_string(out, &posted.source);
    out.extend_from_slice(br#","room":"#);
    match &*posted.room.name {
        "" => out.extend_from_slice(b"null"),
        name => put_string(out, name),
    }
    if posted.kept {
        let cursor = posted.cursor;
        let _infallible = write!(out, r#","epoch":"{}","offset":{}"#, cursor.epoch, cursor.offset);
    }
    if let Some(key) = &posted.key {
        out.extend_from_slice(br#","key":"#);
        put_string(out, key);
    }
    if let Some(origin) = &posted.origin {
        out.extend_from_slice(br#","origin":"#);
        put_string(out, origin);
    }
    out.push(b'}');
}
