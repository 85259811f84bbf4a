//! What is said to one session: answers as acknowledgements or events, and what entering leads to.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::Start;
use super::event::prefix;
use super::recovery::Pid;
use super::{Answer, Greeting, Notice, Place, Settings, State, Welcome, binary};
use crate::frame::Timestamp;
use crate::frame::json::put_string;
use crate::identity::Refusal;
use crate::transport::Framing;

/// The answer to who is in a namespace now.
#[derive(Serialize)]
struct Entered<'a> {
    sid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<&'a str>,
}

/// The answer to who is not.
#[derive(Serialize)]
struct Rejected<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Code>,
}

#[derive(Serialize)]
struct Code {
    code: &'static str,
}

#[derive(Serialize)]
struct Established<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    source: Option<&'a str>,
    data: Connection<'a>,
}

#[derive(Serialize)]
struct Connection<'a> {
    connection_id: &'a str,
    user_id: Option<&'a str>,
    timestamp: Timestamp,
    protocol_version: &'static str,
}

/// What a request is acknowledged with that no plugin answers.
#[derive(Default, Serialize)]
struct Status<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl<'a> Status<'a> {
    fn error(message: &'a str) -> Self {
        Self { status: "error", message: Some(message), ..Self::default() }
    }
}

/// Plain data, whose writing does not fail.
fn told(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

/// What Socket.IO's own server says to whom a middleware has refused.
const REJECTED: &str = "Connection rejected by server";

fn namespace(settings: &Settings, number: usize) -> &str {
    settings.namespaces.get(number).map_or("/", |(name, _)| name)
}

fn text(out: &mut Vec<u8>, packet: &str) {
    Framing::EngineIo.text(out, packet.as_bytes());
}

/// The session is in the namespace that it wanted to enter.
///
/// Its events come in the first namespace that it enters, so it is there that it goes on once it has lost its connection.
pub(super) fn entered(settings: &Settings, state: &mut State, start: Option<&Start>, out: &mut Vec<u8>) {
    let Some((number, said)) = state.entering.take() else { return };
    let first = state.entered.is_empty();
    let sid: Box<str> = match first {
        true => state.connection_id.clone(),
        false => uuid::Uuid::new_v4().simple().to_string().into(),
    };
    if first {
        let same = state.pid.take().filter(|_| start.is_some_and(|start| start.recovered));
        state.pid = start.map(|start| same.unwrap_or_else(|| Pid::new(&start.reached)));
    }
    let pid = state.pid.as_ref().map(Pid::text).filter(|_| first);
    let name = namespace(settings, number);
    text(out, &format!("{}{}", prefix('0', name), told(&Entered { sid: &sid, pid })));
    if settings.greeting == Greeting::Auth {
        text(out, &format!(r#"{}["auth",{}]"#, prefix('2', name), said.get()));
    }
    state.entered.push((number, sid));
}

/// It is not.
pub(super) fn rejected(settings: &Settings, state: &mut State, refusal: Option<Refusal>, out: &mut Vec<u8>) {
    let Some((number, _)) = state.entering.take() else { return };
    let code = match refusal {
        Some(Refusal::Missing) => "AUTH_MISSING",
        Some(Refusal::Expired) => "AUTH_EXPIRED",
        _ => "AUTH_FAILED",
    };
    let rejected = Rejected { message: REJECTED, data: Some(Code { code }) };
    text(out, &format!("{}{}", prefix('4', namespace(settings, number)), told(&rejected)));
}

/// There is no such namespace; `name` is JSON.
pub(super) fn no_namespace(name: &RawValue, why: &str, out: &mut Vec<u8>) {
    let name: String = serde_json::from_str(name.get()).unwrap_or_default();
    text(out, &format!("{}{}", prefix('4', &name), told(&Rejected { message: why, data: None })));
}

/// The session is put out of all its namespaces.
pub(super) fn disconnects(settings: &Settings, state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, _) in &state.entered {
        text(&mut out, &prefix('1', namespace(settings, *number)));
    }
    out
}

/// The event behind the answer to who enters.
pub(super) fn welcome(settings: &Settings, state: &State, welcome: &Welcome<'_>) -> Option<Notice> {
    let (number, sid) = state.entered.last()?;
    if settings.greeting != Greeting::Established {
        return None;
    }
    let established = told(&Established {
        kind: "connection.established",
        timestamp: welcome.timestamp,
        source: None,
        data: Connection {
            connection_id: sid,
            user_id: welcome.user_id,
            timestamp: welcome.timestamp,
            protocol_version: "1.0",
        },
    });
    let mut frame = Vec::new();
    let prefix = prefix('2', namespace(settings, *number));
    text(&mut frame, &format!(r#"{prefix}["connection_established",{established}]"#));
    Some(Notice::Frame(frame))
}

/// The event whose argument the client shows when it has lost its connection.
pub(super) fn reached(settings: &Settings, state: &State, place: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    if let Some((number, _)) = state.entered.first() {
        let prefix = prefix('2', namespace(settings, *number));
        text(&mut frame, &format!(r#"{prefix}["offset",{}]"#, told(&place)));
    }
    frame
}

/// The answer to a request: an acknowledgement, where it wants one, or an event, where the endpoint says so.
pub(super) fn put(settings: &Settings, place: Place, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let name = match (place.ack, answer) {
        (None, Answer::Call { name, success: true, .. }) => {
            settings.answers.iter().find(|(call, _)| call == name)
        }
        (None, _) => return,
        (Some(_), _) => None,
    };
    if place.ack.is_none() && name.is_none() {
        return;
    }
    let Some(arguments) = arguments(place, answer) else { return };
    let (kind, mut list) = match place.ack {
        Some(id) => (('3', '6'), (Some(id), vec![b'['])),
        None => (('2', '5'), (None, vec![b'['])),
    };
    if let Some((_, event)) = name {
        put_string(&mut list.1, event);
        if !arguments.is_empty() {
            list.1.push(b',');
        }
    }
    list.1.extend_from_slice(&arguments);
    list.1.push(b']');
    packet(namespace(settings, place.namespace), kind, list.0, &list.1, out);
}

/// Writes a packet, and behind it what of it is binary.
fn packet(namespace: &str, (plain, mixed): (char, char), id: Option<u64>, list: &[u8], out: &mut Vec<u8>) {
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let whole = |prefix: String, list: &[u8]| [prefix.as_bytes(), id.as_bytes(), list].concat();
    match binary::split(list) {
        None => Framing::EngineIo.text(out, &whole(prefix(plain, namespace), list)),
        Some((list, attachments)) => {
            let space = if namespace == "/" { String::new() } else { format!("{namespace},") };
            let prefix = format!("{mixed}{}-{space}", attachments.len());
            Framing::EngineIo.text(out, &whole(prefix, &list));
            attachments.iter().for_each(|attachment| Framing::EngineIo.binary(out, attachment));
        }
    }
}

/// What an answer says, as arguments; none where it says nothing.
fn arguments(place: Place, answer: &Answer<'_>) -> Option<Vec<u8>> {
    let status = match answer {
        Answer::Pong(_) => Status { status: "pong", ..Status::default() },
        Answer::Joined { room, .. } | Answer::Left(room) | Answer::NotLeft(room) => {
            Status { status: "success", room: Some(room), ..Status::default() }
        }
        Answer::NotJoined { .. } => Status::error("Access denied"),
        Answer::RoomRequired => Status::error("Room not specified"),
        Answer::Unknown => Status::error("Unauthorized"),
        Answer::Call { success: true, data, .. } => return Some(spread(place, data)),
        Answer::Call { message, .. } | Answer::Refused(message) => Status::error(message),
        Answer::Busy { message, retry_after_ms } | Answer::Limited { message, retry_after_ms } => {
            Status { retry_after_ms: Some(*retry_after_ms), ..Status::error(message) }
        }
        _ => return None,
    };
    Some(told(&status).into_bytes())
}

/// A plugin's answer as arguments: a list of them, where the request had not exactly one and it is a list.
fn spread(place: Place, data: &[u8]) -> Vec<u8> {
    match data.trim_ascii() {
        [b'[', inner @ .., b']'] if !place.single => inner.to_vec(),
        [] => b"null".to_vec(),
        data => data.to_vec(),
    }
}
