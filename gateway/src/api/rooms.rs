//! Rooms: lists and one.

use http::StatusCode;
use serde_json::{Value, json};

use super::fields::Page;
use super::{Answered, Api, Request};
use crate::hub::RoomInfo;
use crate::web::{self, Problem};

pub(super) async fn list(api: &Api, request: &Request) -> Answered {
    let page = Page::of(request.query.as_deref())?;
    let rooms = api.hub.rooms();
    let total = rooms.len();
    let rooms: Vec<_> = page.cut(rooms).iter().map(show_one).collect();
    Ok(web::json(StatusCode::OK, &json!({ "total": total, "rooms": rooms })))
}

pub(super) async fn show(api: &Api, request: &Request) -> Answered {
    let name = request.params.first().map_or("", String::as_str);
    match api.hub.room(name) {
        Some(room) => Ok(web::json(StatusCode::OK, &show_one(&room))),
        None => Err(Problem::new(StatusCode::NOT_FOUND, format!("Room '{name}' not found"))),
    }
}

fn show_one(room: &RoomInfo) -> Value {
    json!({
        "room": &*room.name,
        "members": room.members,
        "epoch": room.cursor.epoch.to_string(),
        "offset": room.cursor.offset,
        "history": room.history,
    })
}
