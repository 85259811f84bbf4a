//! `POST /api/v1/publish`: one event, or a batch that is checked whole before anything is published.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Json;
use super::fields::{Fields, json as parse, text};
use super::{Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::frame::json::shorten;
use crate::frame::{Event, EventType, Timestamp};
use crate::hub::{self, PublishError, check_name};
use crate::web::{Invalid, Problem};

/// Events of one batch at most.
const MOST: usize = 1000;
/// Bytes of a key or id at most.
const LONGEST: usize = 200;
/// Seconds after which a refused publish may be tried again.
const RETRY_AFTER: u16 = 1;

/// An event with where it goes.
struct Wanted {
    rooms: Vec<String>,
    /// Several rooms were asked for: the answer is a list.
    several: bool,
    event: Event,
}

/// The name of a room: 1 to 200 bytes without control characters.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(super) struct RoomName(
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"))]
    #[expect(dead_code, reason = "read by hand")]
    String,
);

/// An event type that the gateway or a plugin declares.
#[derive(JsonSchema)]
#[schemars(transparent, rename = "EventType")]
pub(super) struct EventTypeName(#[expect(dead_code, reason = "read by hand")] String);

/// One event, or up to a thousand.
#[derive(JsonSchema)]
#[schemars(untagged, extend("examples" = [{
    "room": "agents", "event_type": "alert_triggered", "data": { "disk": "97 %" }
}]))]
#[expect(dead_code, reason = "read by hand")]
enum PublishBody {
    /// One event.
    One(PublishEvent),
    /// Several: all are checked before the first is published.
    Several(#[schemars(length(min = 1, max = 1000))] Vec<PublishEvent>),
}

/// An event, and where it goes: at most one of `room`, `rooms`, `user` and `role`; none of them: to everyone.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by hand")]
struct PublishEvent {
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

/// A user's id, or a role.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by hand")]
enum Person {
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
pub(super) enum Published {
    /// One event, to one target.
    One(Placed),
    /// One event, to several rooms: one for each.
    Rooms(Vec<Placed>),
    /// A batch: one for each event.
    Batch(Vec<Published>),
}

/// The place of an event.
#[derive(Serialize, JsonSchema)]
pub(super) struct Placed {
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
struct CutShort {
    /// Of a batch: one for each event before the one that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Vec<Published>>,
}

pub(super) fn told() -> Operation {
    Operation::new("publish", Tag::Events, "Publish an event, or a batch of events")
        .more(
            "The answer comes when the events are as safe as their rooms promise: `{room, epoch, offset, sent}` for one \
             target, a list of these for `rooms`, a list with one such answer for each event of a batch.",
        )
        .body::<PublishBody>()
        .good("The events have their places")
        .answer(StatusCode::SERVICE_UNAVAILABLE, BUSY, Content::problem::<CutShort>())
}

/// When publishing is refused with 503.
pub(super) const BUSY: &str = "The gateway has too much to do";

/// One target answers `{room, epoch, offset, sent}`, `rooms` a list of these, a batch a list with one such answer
/// for each event.
pub(super) async fn publish(api: &Api, request: &Request) -> Result<Json<Published>, Problem> {
    let body = parse(&request.body)?;
    if !body.get().trim_start().starts_with('[') {
        let wanted = wanted(api, body, vec!["body".into()])?;
        return Ok(Json(place(api, wanted).await?));
    }
    let batch: Vec<&RawValue> = serde_json::from_str(body.get()).unwrap_or_default();
    if batch.is_empty() || batch.len() > MOST {
        let msg = format!("expected 1 to {MOST} events").into();
        return Err(Problem::invalid(vec![Invalid { loc: vec!["body".into()], msg, kind: "list_length" }]));
    }
    let mut published = Vec::new();
    for wanted in check_all(api, &batch)? {
        match place(api, wanted).await {
            Ok(answer) => published.push(answer),
            Err(problem) => return Err(problem.with_all(&CutShort { published: Some(published) })),
        }
    }
    Ok(Json(Published::Batch(published)))
}

fn check_all(api: &Api, batch: &[&RawValue]) -> Result<Vec<Wanted>, Problem> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for (index, value) in batch.iter().enumerate() {
        match wanted(api, value, vec!["body".into(), index.into()]) {
            Ok(wanted) => all.push(wanted),
            Err(problem) => errors.extend(problem.errors),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(Problem::invalid(errors)) }
}

async fn place(api: &Api, wanted: Wanted) -> Result<Published, Problem> {
    let targets: Vec<&str> = wanted.rooms.iter().map(String::as_str).collect();
    let placed = api.hub.publish(&targets, &wanted.event).map_err(problem)?.committed().await;
    let mut answers: Vec<Placed> = placed.into_iter().map(Placed::from).collect();
    Ok(if wanted.several { Published::Rooms(answers) } else { Published::One(answers.swap_remove(0)) })
}

impl From<hub::Placed> for Placed {
    fn from(placed: hub::Placed) -> Self {
        let hub::Placed { room, cursor, sent } = placed;
        let room = Some(room).filter(|room| !room.is_empty());
        Self { room, epoch: cursor.epoch.to_string(), offset: cursor.offset, sent }
    }
}

fn wanted(api: &Api, value: &RawValue, place: Vec<Value>) -> Result<Wanted, Problem> {
    let mut body = Fields::of(value, place)?;
    let (rooms, several) = targets(&mut body);
    let kind = body.required_string("event_type").and_then(|name| {
        let kind = api.hub.types().find(&name);
        if kind.is_none() {
            let shown = shorten(&name);
            body.wrong("event_type", format!("'{shown}' is not a known event type"), "event_type");
        }
        kind
    });
    let data = body.required("data");
    let (key, id) = (short(&mut body, "key"), short(&mut body, "id"));
    body.check()?;
    let (Some(kind), Some(data)) = (kind, data) else { unreachable!("both were checked") };
    let event = event(kind, Bytes::copy_from_slice(data.get().as_bytes()), "api");
    Ok(Wanted { rooms, several, event: Event { key, id, ..event } })
}

/// The rooms that one of `room`, `rooms`, `user` and `role` says; none of them: everyone.
fn targets(body: &mut Fields<'_>) -> (Vec<String>, bool) {
    let given: Vec<_> =
        ["room", "rooms", "user", "role"].into_iter().filter(|f| body.raw(f).is_some()).collect();
    if given.len() > 1 {
        body.wrong(given[1], format!("'{}' says already where to", given[0]), "one_target");
    }
    let (rooms, several): (Vec<String>, bool) = match given.first() {
        None => (Vec::new(), false),
        Some(&"room") => (body.string("room").into_iter().map(Cow::into_owned).collect(), false),
        Some(&"rooms") => {
            (body.strings("rooms").unwrap_or_default().into_iter().map(Cow::into_owned).collect(), true)
        }
        Some(prefix) => {
            (person(body, prefix).into_iter().map(|id| format!("{prefix}:{id}")).collect(), false)
        }
    };
    if given.first() == Some(&"rooms") && rooms.is_empty() {
        body.wrong("rooms", "at least one room", "list_length");
    }
    for room in &rooms {
        if let Err(error) = check_name(room) {
            body.wrong(given[0], error.to_string(), "room_name");
        }
    }
    (rooms, several)
}

/// A user's id or a role: a string, or a whole number.
fn person(body: &mut Fields<'_>, name: &str) -> Option<String> {
    let value = body.raw(name)?;
    let number = value.get().bytes().all(|byte| byte.is_ascii_digit()).then(|| value.get().to_owned());
    let found = text(value).map(Cow::into_owned).or(number).filter(|text| !text.is_empty());
    if found.is_none() {
        body.wrong(name, "expected a string or a whole number", "string_type");
    }
    found
}

fn short(body: &mut Fields<'_>, name: &str) -> Option<Box<str>> {
    let text = body.string(name)?;
    if text.len() > LONGEST {
        body.wrong(name, format!("at most {LONGEST} bytes"), "string_too_long");
    }
    Some(text.into())
}

/// An event of the API.
pub(super) fn event(kind: EventType, data: Bytes, source: &str) -> Event {
    Event { kind, data, source: source.into(), key: None, id: None, time: Timestamp::now() }
}

/// What a refused publish answers.
pub(super) fn problem(error: PublishError) -> Problem {
    match error {
        PublishError::Busy(busy) => Problem::busy(busy.to_string(), RETRY_AFTER),
        PublishError::Name(bad) => {
            Problem::invalid(vec![Invalid::at("body", "room", bad.to_string(), "room_name")])
        }
    }
}
