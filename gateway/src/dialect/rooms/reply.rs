//! Answers as replies: `{"success","message","data"}`, and the request's `id` where it had one.

use std::borrow::Cow;
use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::Answer;

use super::action::Action;
use super::shapes::{
    Actions, Authenticated, Joined, Left, Members, Place, Pong, Retry, Subscribed, Types, Unknown,
};
use crate::frame::json::{put_string, shorten};
use crate::frame::shown;
use crate::transport::Framing;

/// A reply's parts.
struct Reply<'a> {
    success: bool,
    message: Cow<'a, str>,
    data: Data<'a>,
}

enum Data<'a> {
    None,
    /// JSON.
    Raw(&'a [u8]),
    /// JSON that was written for it.
    Written(Vec<u8>),
}

/// Appends the frame of `answer` to `out`.
pub(super) fn put(framing: Framing, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let mut text = Vec::with_capacity(128);
    match answer {
        Answer::Part { seq, data, .. } => put_part(id, *seq, data, &mut text),
        answer => put_reply(id, reply(answer), &mut text),
    }
    framing.text(out, &text);
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
        Data::Raw(json) => text.write_all(json),
        Data::Written(json) => text.write_all(&json),
    };
    if let Some(id) = id {
        let _infallible = write!(text, r#","id":{}"#, id.get());
    }
    text.push(b'}');
}

fn reply<'a>(answer: &'a Answer<'_>) -> Reply<'a> {
    match answer {
        Answer::Pong(timestamp) => done("pong", &Pong { timestamp: *timestamp }),
        Answer::Joined { room, cursor, recovered } => {
            let joined = Joined { place: Place::new(room, *cursor), recovered: *recovered };
            done(format!("Joined room '{room}'"), &joined)
        }
        Answer::NotJoined { why, .. } => refused(why),
        Answer::Left(room) => done(format!("Left room '{room}'"), &Left { room }),
        Answer::NotLeft(room) => {
            let room = shorten(room);
            failed(format!("Failed to leave room '{room}'"), &Left { room })
        }
        Answer::JoinedThose(entries) => {
            Reply { success: true, message: format!("Joined {entries} rooms").into(), data: Data::None }
        }
        Answer::Only(types) => {
            done(format!("Subscribed to {} event types", types.len()), &Types { event_types: types })
        }
        Answer::Subscribed { types, criterion } => {
            let subscribed =
                Subscribed { types: Types { event_types: types }, criterion: criterion.as_deref() };
            done(format!("Subscribed to {} event types", types.len()), &subscribed)
        }
        Answer::BadCriterion(why) => {
            Reply { success: false, message: format!("Invalid criterion: {why}").into(), data: Data::None }
        }
        Answer::Unsubscribed(types) => {
            done(format!("Unsubscribed from {} event types", types.len()), &Types { event_types: types })
        }
        Answer::UnknownTypes(types) => {
            let unknown: Vec<_> = types.iter().map(|name| shorten(name)).collect();
            let first = unknown.first().unwrap_or(&"");
            let message = format!("Invalid event type: '{first}' is not a known event type");
            failed(message, &Unknown { unknown })
        }
        Answer::Info(info) => done("Connection information", info),
        Answer::Status { .. } => Reply { success: true, message: "".into(), data: Data::None }, // asked elsewhere
        Answer::Published { room, cursor } => done("Published", &Place::new(room, *cursor)),
        Answer::Presence { room, count, members } => {
            done(format!("Presence in room '{room}'"), &Members { count: *count, members })
        }
        Answer::History { room, cursor, recovered, events, more } => Reply {
            success: true,
            message: format!("History of room '{room}'").into(),
            data: Data::Written(shown::page(*cursor, *recovered, events, *more)),
        },
        Answer::State { room, cursor, events } => Reply {
            success: true,
            message: format!("State of room '{room}'").into(),
            data: Data::Written(shown::page(*cursor, None, events, false)),
        },
        Answer::Acknowledged { room, cursor } => done("Acknowledged", &Place::new(room, *cursor)),
        Answer::Authenticated { user_id, roles, expires_at, .. } => {
            done("Authenticated", &Authenticated { user_id: *user_id, roles, expires_at: *expires_at })
        }
        Answer::Unproven { why, .. } => refused(why),
        Answer::Unknown => refused("Authentication required"),
        Answer::RoomRequired => refused("Room name is required"),
        Answer::UnknownAction { name, calls } => {
            let own = Action::ALL.map(Action::name);
            let available_actions = own.into_iter().chain(calls.iter().map(|call| &**call)).collect();
            failed(format!("Unknown action: {}", shorten(name)), &Actions { available_actions })
        }
        Answer::Call { success, message, data, .. } => {
            let data = if data.is_empty() { Data::None } else { Data::Raw(data) };
            Reply { success: *success, message: Cow::Borrowed(message), data }
        }
        Answer::Cancelled => Reply { success: true, message: "Cancelled".into(), data: Data::None },
        Answer::Refused(why) => refused(why),
        Answer::Busy { message, retry_after_ms } | Answer::Limited { message, retry_after_ms } => {
            failed(*message, &Retry { retry_after_ms: *retry_after_ms })
        }
        Answer::Part { data, .. } => Reply { success: true, message: "".into(), data: Data::Raw(data) },
        Answer::Echo(message) => {
            Reply { success: true, message: "".into(), data: Data::Raw(message.payload) }
        }
    }
}

fn done<'a>(message: impl Into<Cow<'a, str>>, data: &impl Serialize) -> Reply<'a> {
    Reply { success: true, message: message.into(), data: written(data) }
}

fn failed<'a>(message: impl Into<Cow<'a, str>>, data: &impl Serialize) -> Reply<'a> {
    Reply { success: false, message: message.into(), data: written(data) }
}

fn refused(message: &str) -> Reply<'_> {
    Reply { success: false, message: message.into(), data: Data::None }
}

/// Plain data, whose writing does not fail.
fn written<'a>(data: &impl Serialize) -> Data<'a> {
    serde_json::to_vec(data).map_or(Data::None, Data::Written)
}
