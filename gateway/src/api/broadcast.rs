//! `POST /ws/broadcast` in both of its forms, and the test broadcast of development.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::Json;
use super::fields::{Fields, is_object, json as parse};
use super::publish::{BUSY, EventTypeName, LIMITED, check_rights, event, problem, record, throttle};
use super::{Answered, Api, Request, stats};
use crate::documents::{Content, Operation, Tag};
use crate::frame::Event;
use crate::frame::json::shorten;
use crate::hub::{PublishError, Receipt, check_name};
use crate::limits::Publication;
use crate::web::{self, Invalid, Problem, query_pairs};

/// The dialect whose clients know system notices.
const TOPICS: &str = "topics";

/// What is to be broadcast: the event's type and data, and the room.
struct Wanted {
    event_type: String,
    room: Option<String>,
    data: Bytes,
}

/// An event with its type and, perhaps, its room.
#[derive(JsonSchema)]
#[schemars(extend("examples" = [{
    "event_type": "alert_triggered", "data": { "disk": "97 %" }, "room": "agents"
}]))]
#[expect(dead_code, reason = "read by hand")]
struct BroadcastBody {
    /// What happened.
    event_type: EventTypeName,
    /// What there is to say of it.
    data: Map<String, Value>,
    /// The room that it goes to; empty or left out: everyone.
    room: Option<RoomOrNone>,
}

/// The name of a room; empty: none.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct RoomOrNone(
    #[schemars(length(max = 200), regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$"))]
    #[expect(dead_code, reason = "read by hand")]
    String,
);

/// How many sessions took an event.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "success": true, "message": "Event broadcast to 8 connections", "sent_count": 8,
    "event_type": "alert_triggered", "room": "agents"
}]))]
pub(super) struct Broadcast {
    /// True.
    success: bool,
    /// The same for people.
    message: String,
    /// How many sessions took it.
    sent_count: usize,
    /// Its type.
    event_type: String,
    /// Its room; null: everyone.
    room: Option<String>,
}

/// The problem of an event type that nobody declares.
#[derive(Serialize, JsonSchema)]
struct UnknownType {
    /// False.
    success: bool,
    /// The same as `detail`.
    message: String,
    /// The types that there are.
    available_types: Vec<Arc<str>>,
}

pub(super) fn told() -> Operation {
    Operation::new("broadcast", Tag::Events, "Publish an event to a room, or to everyone")
        .more(
            "A second form takes `?event_type=E&room=R` in the query, and the whole body, any object, is the event's data \
             then. A room that nobody is in is no error: 0 sessions took the event.",
        )
        .body::<BroadcastBody>()
        .good("The event was published")
        .answer(StatusCode::BAD_REQUEST, "Nobody declares such an event type", Content::problem::<UnknownType>())
        .problem(StatusCode::SERVICE_UNAVAILABLE, BUSY)
        .problem(StatusCode::TOO_MANY_REQUESTS, LIMITED)
}

pub(super) async fn broadcast(api: &Api, request: &Request) -> Result<Json<Broadcast>, Problem> {
    let wanted = wanted(request)?;
    let Some(kind) = api.hub.types().find(&wanted.event_type) else {
        return Err(unknown_type(api, &wanted.event_type));
    };
    let targets: Vec<&str> = wanted.room.as_deref().into_iter().collect();
    let event_type = &wanted.event_type;
    check_rights(request, &targets, event_type).await?;
    throttle(api, Publication { rooms: &targets, event_type, key: None, bytes: wanted.data.len() })?;
    let event = event(kind, wanted.data, "api_broadcast");
    let sent = publish(api, &targets, &event).await?;
    record(api, request, &event, std::iter::once(wanted.room.as_deref().unwrap_or_default()));
    Ok(Json(Broadcast {
        success: true,
        message: format!("Event broadcast to {sent} connections"),
        sent_count: sent,
        event_type: wanted.event_type,
        room: wanted.room,
    }))
}

/// Answers how many sessions the event was sent to.
async fn publish(api: &Api, targets: &[&str], event: &Event) -> Result<usize, Problem> {
    sent(api.hub.publish(targets, event)).await
}

async fn sent(published: Result<Receipt, PublishError>) -> Result<usize, Problem> {
    let placed = published.map_err(problem)?.committed().await.map_err(|error| problem(error.into()))?;
    Ok(placed.iter().map(|placed| placed.sent).sum())
}

/// With `event_type` in the query the whole body is the data; else everything stands in the body.
fn wanted(request: &Request) -> Result<Wanted, Problem> {
    let pairs = query_pairs(request.query.as_deref());
    let pick = |name: &str| pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let named = |room: Option<String>| room.filter(|room| !room.is_empty());
    if let Some(event_type) = pick("event_type") {
        let data = parse(&request.body)?;
        if !is_object(data) {
            return Err(Problem::invalid(vec![Invalid {
                loc: vec!["body".into()],
                msg: "expected an object".into(),
                kind: "object_type",
            }]));
        }
        let data = Bytes::copy_from_slice(data.get().as_bytes());
        return Ok(Wanted { event_type, room: named(pick("room")), data });
    }
    let mut body = Fields::of_body(&request.body)?;
    let event_type = body.required_string("event_type");
    let room = body.string("room").or_else(|| pick("room").map(Into::into));
    let data = body.required("data");
    if data.is_some_and(|data| !is_object(data)) {
        body.wrong("data", "expected an object", "object_type");
    }
    body.check()?;
    Ok(Wanted {
        event_type: event_type.unwrap_or_default().into_owned(),
        room: named(room.map(|room| room.into_owned())),
        data: Bytes::copy_from_slice(data.map_or("", |data| data.get()).as_bytes()),
    })
}

fn unknown_type(api: &Api, name: &str) -> Problem {
    let message = format!("Invalid event type: {}", shorten(name));
    let available_types = api.hub.types().known();
    let members = UnknownType { success: false, message: message.clone(), available_types };
    Problem::new(StatusCode::BAD_REQUEST, message).with_all(&members)
}

/// What the notice says.
#[derive(JsonSchema)]
#[schemars(extend("examples" = [{ "title": "Deploy", "content": "Done", "level": "info" }]))]
#[expect(dead_code, reason = "read by hand")]
struct NoticeBody {
    /// Its title; `Test Broadcast` if left out.
    title: Option<String>,
    /// Its text; `Mensaje de prueba` if left out.
    content: Option<String>,
    /// `info`, `warning`, `error` or `alert`; another is as good as `info`, which holds if it is left out.
    level: Option<String>,
    /// Only to sessions that have this topic.
    topic: Option<RoomOrNone>,
}

/// How many sessions took a notice.
#[derive(Serialize, JsonSchema)]
struct Noticed {
    /// `ok`.
    status: &'static str,
    /// How many sessions took it.
    sent: usize,
    /// As in `stats.metrics` of `/ws/stats`.
    metrics: stats::Counters,
}

/// What production answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NoticeForbidden")]
struct Forbidden {
    /// `forbidden`.
    status: &'static str,
}

pub(super) fn told_test() -> Operation {
    Operation::new("testBroadcast", Tag::Events, "Send a system notice, to try an endpoint out")
        .more("Of sessions of `topics` endpoints. In production it is forbidden.")
        .optional_body::<NoticeBody>()
        .answer(StatusCode::OK, "The notice was sent", Content::json::<Noticed>())
        .answer(StatusCode::FORBIDDEN, "This is production, or too few rights", Content::json::<Forbidden>())
        .problem(StatusCode::SERVICE_UNAVAILABLE, BUSY)
        .problem(StatusCode::TOO_MANY_REQUESTS, LIMITED)
}

/// A system notice, for trying an endpoint out.
pub(super) async fn test_broadcast(api: &Api, request: &Request) -> Answered {
    if api.production {
        return Ok(web::json(StatusCode::FORBIDDEN, &Forbidden { status: "forbidden" }));
    }
    let body = if request.body.is_empty() { Bytes::from_static(b"{}") } else { request.body.clone() };
    let mut body = Fields::of_body(&body)?;
    let title = body.string("title").unwrap_or("Test Broadcast".into());
    let content = body.string("content").unwrap_or("Mensaje de prueba".into());
    let level = body.string("level").unwrap_or("info".into());
    let topic = body.string("topic").filter(|topic| !topic.is_empty());
    if let Some(Err(error)) = topic.as_deref().map(check_name) {
        body.wrong("topic", error.to_string(), "room_name");
    }
    let data = json!({ "title": title, "content": content, "level": level }).to_string();
    body.check()?;
    let name = match &*level {
        "warning" => "warning",
        "error" => "error",
        "alert" => "alert",
        _ => "notification",
    };
    let targets: Vec<&str> = topic.as_deref().into_iter().collect();
    check_rights(request, &targets, name).await?;
    let mut count = 0;
    // The types of notices are known where an endpoint's dialect declares them: elsewhere nobody would get one.
    if let Some(kind) = api.hub.types().find(name) {
        throttle(api, Publication { rooms: &targets, event_type: name, key: None, bytes: data.len() })?;
        let event = event(kind, data.into(), "gateway");
        count = match &targets[..] {
            [] => sent(api.hub.publish_to_audience(TOPICS, &event)).await?,
            targets => publish(api, targets, &event).await?,
        };
    }
    let noticed = Noticed { status: "ok", sent: count, metrics: stats::counters(api) };
    Ok(web::json(StatusCode::OK, &noticed))
}
