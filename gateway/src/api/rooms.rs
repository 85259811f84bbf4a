//! Rooms: lists and one.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::fields::Page;
use super::{Api, Request};
use crate::documents::{Operation, Tag};
use crate::hub::{Presence, Present, RoomInfo};
use crate::web::Problem;

/// A page of a list of rooms.
#[derive(Serialize, JsonSchema)]
pub(super) struct RoomList {
    /// How many there are on all pages.
    total: usize,
    /// Those of this page.
    rooms: Vec<Room>,
}

/// A room.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "room": "agents", "members": 8, "epoch": "31e9b05e9ae4b9c6", "offset": 42, "history": 0
}]))]
pub(super) struct Room {
    /// Its exact name.
    room: Arc<str>,
    /// Sessions in it.
    members: usize,
    /// One life of the room; opaque.
    epoch: String,
    /// The place of its last event; 0 before the first.
    offset: u64,
    /// Events that are kept.
    history: usize,
}

pub(super) fn told_list() -> Operation {
    Operation::new("listRooms", Tag::Rooms, "List the rooms")
        .more("A room is there while it has members, or keeps events.")
        .query::<Page>()
        .good("A page of the rooms")
}

pub(super) async fn list(api: &Api, request: &Request) -> Result<Json<RoomList>, Problem> {
    let page = Page::of(request.query.as_deref())?;
    let mut rooms = api.hub.rooms();
    rooms.retain(|room| request.principal.may_in("read", &room.name));
    let total = rooms.len();
    Ok(Json(RoomList { total, rooms: page.cut(rooms).into_iter().map(Room::from).collect() }))
}

pub(super) fn told_show() -> Operation {
    Operation::new("showRoom", Tag::Rooms, "Show a room")
        .path("room", "The room's exact name", "agents")
        .good("The room")
        .problem(StatusCode::NOT_FOUND, "There is no such room")
}

pub(super) async fn show(api: &Api, request: &Request) -> Result<Json<Room>, Problem> {
    let name = request.params.first().map_or("", String::as_str);
    request.reads(name)?;
    match api.hub.room(name) {
        Some(room) => Ok(Json(room.into())),
        None => Err(Problem::new(StatusCode::NOT_FOUND, format!("Room '{name}' not found"))),
    }
}

/// A page of the sessions in a room.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Presence")]
pub(super) struct Members {
    /// How many there are on all pages.
    count: usize,
    /// Those of this page, in no particular order. One whose members say much of themselves may end before `limit`.
    members: Vec<Present>,
}

pub(super) fn told_presence() -> Operation {
    Operation::new("roomPresence", Tag::Rooms, "List who is in a room")
        .more("Nobody is in a room that is not there. Who comes or goes between two pages may be missing, or be there twice.")
        .path("room", "The room's exact name", "agents")
        .query::<Page>()
        .good("A page of its members")
}

pub(super) async fn presence(api: &Api, request: &Request) -> Result<Json<Members>, Problem> {
    let name = request.params.first().map_or("", String::as_str);
    request.reads(name)?;
    let page = Page::of(request.query.as_deref())?;
    let Presence { count, members } = api.hub.presence(name, page.skip, page.limit).await;
    Ok(Json(Members { count, members }))
}

impl From<RoomInfo> for Room {
    fn from(room: RoomInfo) -> Self {
        let RoomInfo { name, cursor, members, history } = room;
        Self { room: name, members, epoch: cursor.epoch.to_string(), offset: cursor.offset, history }
    }
}
