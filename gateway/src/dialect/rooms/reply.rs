//! Answers as replies: `{"success","message","data"}`, and the request's `id` where it had one.

use std::borrow::Cow;
use std::io::Write;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::json::put_string;
use super::super::{Answer, Info};
use super::ACTIONS;
use crate::frame::json::shorten;
use crate::frame::{Cursor, Timestamp};
use crate::transport::websocket::frames::{self, Kind};

/// A reply's parts.
struct Reply<'a> {
    success: bool,
    message: Cow<'a, str>,
    data: Data<'a>,
}

enum Data<'a> {
    None,
    Value(Value),
    Info(&'a Info),
    /// JSON.
    Raw(&'a [u8]),
}

/// Appends the frame of `answer` to `out`.
pub(super) fn put(id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let mut text = Vec::with_capacity(128);
    match answer {
        Answer::Part { seq, data } => put_part(id, *seq, data, &mut text),
        answer => put_reply(id, reply(answer), &mut text),
    }
    frames::data(out, Kind::Text, &text);
}

// Writing to memory does not fail.
fn put_part(id: Option<&RawValue>, seq: u64, data: &[u8], text: &mut Vec<u8>) {
    let _infallible = write!(text, r#"{{"stream":{},"seq":{seq},"data":"#, id.map_or("null", RawValue::get));
    text.extend_from_slice(data);
    text.push(b'}');
}

fn put_reply(id: Option<&RawValue>, reply: Reply<'_>, text: &mut Vec<u8>) {
    let _infallible = write!(text, r#"{{"success":{},"message":"#, reply.success);
    put_string(text, &reply.message);
    text.extend_from_slice(br#","data":"#);
    let _infallible = match reply.data {
        Data::None => text.write_all(b"null"),
        Data::Value(value) => serde_json::to_writer(&mut *text, &value).map_err(Into::into),
        Data::Info(info) => serde_json::to_writer(&mut *text, info).map_err(Into::into),
        Data::Raw(json) => text.write_all(json),
    };
    if let Some(id) = id {
        let _infallible = write!(text, r#","id":{}"#, id.get());
    }
    text.push(b'}');
}

fn reply<'a>(answer: &'a Answer<'_>) -> Reply<'a> {
    match answer {
        Answer::Pong => done("pong", json!({ "timestamp": Timestamp::now().to_string() })),
        Answer::Joined { room, cursor, recovered } => joined(room, *cursor, *recovered),
        Answer::Left(room) => done(format!("Left room '{room}'"), json!({ "room": room })),
        Answer::NotLeft(room) => Reply {
            success: false,
            message: format!("Failed to leave room '{}'", shorten(room)).into(),
            data: Data::Value(json!({ "room": shorten(room) })),
        },
        Answer::Subscribed(types) => {
            done(format!("Subscribed to {} event types", types.len()), json!({ "event_types": types }))
        }
        Answer::Unsubscribed(types) => {
            done(format!("Unsubscribed from {} event types", types.len()), json!({ "event_types": types }))
        }
        Answer::UnknownTypes(types) => unknown_types(types),
        Answer::Info(info) => {
            Reply { success: true, message: "Connection information".into(), data: Data::Info(info) }
        }
        Answer::Published { room, cursor } => done("Published", place(room, *cursor)),
        Answer::Authenticated { user_id, roles, expires_at } => done(
            "Authenticated",
            json!({
                "user_id": user_id,
                "roles": roles,
                "expires_at": expires_at.map(|at| at.to_string()),
            }),
        ),
        Answer::RoomRequired => refused("Room name is required"),
        Answer::UnknownAction { name, calls } => {
            let mut actions: Vec<&str> = ACTIONS.to_vec();
            actions.extend(calls.iter().map(|call| &**call));
            Reply {
                success: false,
                message: format!("Unknown action: {}", shorten(name)).into(),
                data: Data::Value(json!({ "available_actions": actions })),
            }
        }
        Answer::Call { success, message, data } => {
            let data = if data.is_empty() { Data::None } else { Data::Raw(data) };
            Reply { success: *success, message: Cow::Borrowed(message), data }
        }
        Answer::Cancelled => done("Cancelled", Value::Null),
        Answer::Refused(why) => refused(why),
        Answer::Busy { message, retry_after_ms } => Reply {
            success: false,
            message: Cow::Borrowed(message),
            data: Data::Value(json!({ "retry_after_ms": retry_after_ms })),
        },
        Answer::Part { data, .. } => Reply { success: true, message: "".into(), data: Data::Raw(data) },
        Answer::Echo(message) => {
            Reply { success: true, message: "".into(), data: Data::Raw(message.payload) }
        }
    }
}

fn done<'a>(message: impl Into<Cow<'a, str>>, data: Value) -> Reply<'a> {
    Reply { success: true, message: message.into(), data: Data::Value(data) }
}

fn refused(message: &str) -> Reply<'_> {
    Reply { success: false, message: message.into(), data: Data::None }
}

fn joined<'a>(room: &str, cursor: Cursor, recovered: Option<bool>) -> Reply<'a> {
    let mut data = place(room, cursor);
    if let Some(recovered) = recovered {
        data["recovered"] = recovered.into();
    }
    done(format!("Joined room '{room}'"), data)
}

fn place(room: &str, cursor: Cursor) -> Value {
    json!({ "room": room, "epoch": cursor.epoch.to_string(), "offset": cursor.offset })
}

fn unknown_types<'a>(types: &[&str]) -> Reply<'a> {
    let unknown: Vec<_> = types.iter().map(|name| shorten(name)).collect();
    Reply {
        success: false,
        message: format!(
            "Invalid event type: '{}' is not a known event type",
            unknown.first().unwrap_or(&"")
        )
        .into(),
        data: Data::Value(json!({ "unknown": unknown })),
    }
}
