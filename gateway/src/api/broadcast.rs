//! `POST /ws/broadcast` in both of its forms, and the test broadcast of development.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::fields::{Fields, is_object, json as parse};
use super::publish::{check_rights, event, problem};
use super::{Answered, Api, Request, stats};
use crate::frame::json::shorten;
use crate::hub::Receipt;
use crate::web::{self, Invalid, Problem, query_pairs};

/// What is to be broadcast: the event's type and data, and the room.
struct Wanted {
    event_type: String,
    room: Option<String>,
    data: Bytes,
}

pub(super) async fn broadcast(api: &Api, request: &Request) -> Answered {
    let wanted = wanted(request)?;
    let Some(kind) = api.hub.types().find(&wanted.event_type) else {
        return Err(unknown_type(api, &wanted.event_type));
    };
    let targets: Vec<&str> = wanted.room.as_deref().into_iter().collect();
    check_rights(&request.principal, targets.iter().copied())?;
    let event = event(kind, wanted.data, "api_broadcast");
    let sent = sent(api.hub.publish(&targets, &event).map_err(problem)?).await;
    Ok(web::json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": format!("Event broadcast to {sent} connections"),
            "sent_count": sent,
            "event_type": wanted.event_type,
            "room": wanted.room,
        }),
    ))
}

async fn sent(receipt: Receipt) -> usize {
    receipt.committed().await.iter().map(|placed| placed.sent).sum()
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
    let shown = shorten(name);
    let message = format!("Invalid event type: {shown}");
    let known: Vec<_> = api.hub.types().known().iter().map(|name| name.to_string()).collect();
    Problem::new(StatusCode::BAD_REQUEST, message.clone())
        .with("success", false)
        .with("message", message)
        .with("available_types", known)
}

/// A system notice, for trying an endpoint out.
pub(super) async fn test_broadcast(api: &Api, request: &Request) -> Answered {
    if api.production {
        return Ok(web::json(StatusCode::FORBIDDEN, &json!({ "status": "forbidden" })));
    }
    let body = if request.body.is_empty() { Bytes::from_static(b"{}") } else { request.body.clone() };
    let mut body = Fields::of_body(&body)?;
    let title = body.string("title").unwrap_or("Test Broadcast".into());
    let content = body.string("content").unwrap_or("Mensaje de prueba".into());
    let level = body.string("level").unwrap_or("info".into());
    let topic = body.string("topic").filter(|topic| !topic.is_empty());
    let data = json!({ "title": title, "content": content, "level": level }).to_string();
    body.check()?;
    check_rights(&request.principal, topic.as_deref())?;
    let name = match &*level {
        "warning" => "warning",
        "error" => "error",
        "alert" => "alert",
        _ => "notification",
    };
    let mut count = 0;
    // The types of notices are known where an endpoint's dialect declares them: elsewhere nobody would get one.
    if let Some(kind) = api.hub.types().find(name) {
        let targets: Vec<&str> = topic.as_deref().into_iter().collect();
        count = sent(api.hub.publish(&targets, &event(kind, data.into(), "gateway")).map_err(problem)?).await;
    }
    Ok(web::json(StatusCode::OK, &json!({ "status": "ok", "sent": count, "metrics": stats::counters(api) })))
}
