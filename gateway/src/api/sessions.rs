//! Sessions: lists, and what operators do to them from outside.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use super::answer::{Done, Json};
use super::fields::{Fields, Page};
use super::publish::RoomName;
use super::{Api, Request};
use crate::audit::Deed;
use crate::documents::{Operation, Tag};
use crate::hub::{Cause, JoinError, Order, SessionInfo};
use crate::web::{Invalid, Problem};

/// A page of a list of sessions.
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionList {
    /// How many there are on all pages.
    total: usize,
    /// Those of this page.
    sessions: Vec<SessionInfo>,
}

/// How many sessions were closed.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("examples" = [{ "closed": 2 }]))]
pub(super) struct Closed {
    /// How many.
    closed: usize,
}

/// The room that a session is to join.
#[derive(JsonSchema)]
#[schemars(extend("examples" = [{ "room": "agents" }]))]
struct JoinBody {
    /// Its name.
    #[expect(dead_code, reason = "read by hand")]
    room: RoomName,
}

/// A session in a room.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("examples" = [{ "connection_id": "ws_b24d33ea36ef", "room": "agents" }]))]
pub(super) struct Joined {
    /// The session's id.
    connection_id: String,
    /// The room's name.
    room: String,
}

pub(super) fn told_list() -> Operation {
    Operation::new("listSessions", Tag::Sessions, "List the sessions in the order in which they came")
        .query::<Page>()
        .good("A page of the sessions")
}

pub(super) async fn list(api: &Api, request: &Request) -> Result<Json<SessionList>, Problem> {
    request.reads_all()?;
    let page = Page::of(request.query.as_deref())?;
    let mut sessions = api.hub.sessions().await;
    sessions.sort_by(|a, b| (&a.connected_at, &a.connection_id).cmp(&(&b.connected_at, &b.connection_id)));
    let total = sessions.len();
    Ok(Json(SessionList { total, sessions: page.cut(sessions) }))
}

pub(super) fn told_close() -> Operation {
    told("closeSession", "Close a session")
        .good("It is being closed")
        .problem(StatusCode::NOT_FOUND, NO_SESSION)
}

pub(super) async fn close(api: &Api, request: &Request) -> Result<Done, Problem> {
    let id = param(request, 0);
    if api.hub.order(id, Order::Close(Cause::Administrator)) {
        request.record(api, Deed::SessionClosed, |entry| entry.session(id));
        return Ok(Done);
    }
    Err(no_session(id))
}

pub(super) fn told_close_user() -> Operation {
    Operation::new("closeUser", Tag::Sessions, "Close all sessions of a user")
        .path("id", "The user's id", "u-17")
        .good("How many were closed, which may be none")
}

/// All sessions of a user; answers how many.
pub(super) async fn close_user(api: &Api, request: &Request) -> Result<Json<Closed>, Problem> {
    let slots = api.hub.directory().of_user(param(request, 0));
    for slot in &slots {
        api.hub.order_slot(*slot, Order::Close(Cause::Administrator));
    }
    request.record(api, Deed::SessionClosed, |entry| entry.target(&format!("user:{}", param(request, 0))));
    Ok(Json(Closed { closed: slots.len() }))
}

pub(super) fn told_join() -> Operation {
    told("joinRoom", "Put a session into a room")
        .more("What is published to the room after the answer reaches the session.")
        .body::<JoinBody>()
        .good("The session is in the room")
        .problem(StatusCode::NOT_FOUND, NO_SESSION)
        .problem(StatusCode::CONFLICT, "The room is full, or the session is in too many")
}

/// What is published to the room after the answer reaches the session.
pub(super) async fn join(api: &Api, request: &Request) -> Result<Json<Joined>, Problem> {
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
    request.record(api, Deed::Joined, |entry| entry.session(id).target(&room));
    Ok(Json(Joined { connection_id: id.to_owned(), room: room.into_owned() }))
}

pub(super) fn told_leave() -> Operation {
    told("leaveRoom", "Take a session out of a room")
        .path("room", "The room's exact name", "agents")
        .good("The session has left the room")
        .problem(StatusCode::NOT_FOUND, "There is no such session, or it is not in the room")
}

pub(super) async fn leave(api: &Api, request: &Request) -> Result<Done, Problem> {
    let (id, room) = (param(request, 0), param(request, 1));
    let (done, left) = oneshot::channel();
    if !api.hub.order(id, Order::Leave(room.into(), done)) {
        return Err(no_session(id));
    }
    match left.await {
        Ok(true) => {
            request.record(api, Deed::RoomLeft, |entry| entry.session(id).target(room));
            Ok(Done)
        }
        Ok(false) => {
            Err(Problem::new(StatusCode::NOT_FOUND, format!("Session '{id}' is not in room '{room}'")))
        }
        Err(_) => Err(no_session(id)),
    }
}

const NO_SESSION: &str = "There is no such session";

/// What is told of all routes of one session.
fn told(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, Tag::Sessions, summary).path(
        "id",
        "The session's id, as it was told",
        "ws_b24d33ea36ef",
    )
}

fn param(request: &Request, index: usize) -> &str {
    request.params.get(index).map_or("", String::as_str)
}

fn no_session(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("Session '{id}' not found"))
}
