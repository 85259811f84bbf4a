//! Sessions: lists, and what operators do to them from outside.

use http::StatusCode;
use serde_json::json;
use tokio::sync::oneshot;

use super::fields::{Fields, Page};
use super::{Answered, Api, Request};
use crate::hub::{Cause, JoinError, Order};
use crate::web::{self, Invalid, Problem};

pub(super) async fn list(api: &Api, request: &Request) -> Answered {
    let page = Page::of(request.query.as_deref())?;
    let mut sessions = api.hub.sessions().await;
    sessions.sort_by(|a, b| (&a.connected_at, &a.connection_id).cmp(&(&b.connected_at, &b.connection_id)));
    let total = sessions.len();
    Ok(web::json(StatusCode::OK, &json!({ "total": total, "sessions": page.cut(sessions) })))
}

pub(super) async fn close(api: &Api, request: &Request) -> Answered {
    let id = param(request, 0);
    if api.hub.order(id, Order::Close(Cause::Administrator)) {
        return Ok(web::empty(StatusCode::NO_CONTENT));
    }
    Err(no_session(id))
}

/// All sessions of a user; answers how many.
pub(super) async fn close_user(api: &Api, request: &Request) -> Answered {
    let slots = api.hub.directory().of_user(param(request, 0));
    for slot in &slots {
        api.hub.order_slot(*slot, Order::Close(Cause::Administrator));
    }
    Ok(web::json(StatusCode::OK, &json!({ "closed": slots.len() })))
}

/// What is published to the room after the answer reaches the session.
pub(super) async fn join(api: &Api, request: &Request) -> Answered {
    let id = param(request, 0);
    let mut body = Fields::of_body(&request.body)?;
    let room = body.required_string("room");
    body.check()?;
    let room = room.unwrap_or_default();
    let refused = |error: JoinError| match error {
        JoinError::NoSession => no_session(id),
        JoinError::Name(bad) => {
            Problem::invalid(vec![Invalid::at("body", "room", bad.to_string(), "room_name")])
        }
        error => Problem::new(StatusCode::CONFLICT, error.to_string()),
    };
    let joined = api.hub.join(id, &room).map_err(refused)?;
    joined.await.unwrap_or(Err(JoinError::NoSession)).map_err(refused)?;
    Ok(web::json(StatusCode::OK, &json!({ "connection_id": id, "room": room })))
}

pub(super) async fn leave(api: &Api, request: &Request) -> Answered {
    let (id, room) = (param(request, 0), param(request, 1));
    let (done, left) = oneshot::channel();
    if !api.hub.order(id, Order::Leave(room.into(), done)) {
        return Err(no_session(id));
    }
    match left.await {
        Ok(true) => Ok(web::empty(StatusCode::NO_CONTENT)),
        Ok(false) => {
            Err(Problem::new(StatusCode::NOT_FOUND, format!("Session '{id}' is not in room '{room}'")))
        }
        Err(_) => Err(no_session(id)),
    }
}

fn param(request: &Request, index: usize) -> &str {
    request.params.get(index).map_or("", String::as_str)
}

fn no_session(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("Session '{id}' not found"))
}
