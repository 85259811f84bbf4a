//! What is told of requests for what a room keeps.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::super::super::{Answer, NO_READING};
use super::super::shapes::HistoryData;
use super::{CURSOR, THEN, Told};
use crate::frame::shown::Events;
use crate::frame::{Event, EventType, Posted, RoomId};

pub(super) fn history(room: &'static str) -> Told {
    Told::new(
        "Asks for events that a room keeps, without joining it",
        json!({ "room": room, "data": { "limit": 20, "reverse": true } }),
    )
    .takes::<HistoryData>(false)
    .reply::<Events>(
        "Those that are kept, or a part of them; none, where there is no such room",
        &Answer::History { room, cursor: CURSOR, recovered: None, events: &[posted(room)], more: false },
    )
    .plain("The request names no room", &Answer::RoomRequired)
    .plain("The room is closed to it", &Answer::Refused(NO_READING))
    .plain("Nothing is kept there", &Answer::Refused("This room keeps no history"))
}

pub(super) fn state(room: &'static str) -> Told {
    Told::new("Asks for the last event of each key of a room, without joining it", json!({ "room": room }))
        .reply::<Events>(
            "Those that there are, in the order in which they were published; none, where there is no such room",
            &Answer::State { room, cursor: CURSOR, events: &[posted(room)] },
        )
        .plain("The request names no room", &Answer::RoomRequired)
        .plain("The room is closed to it", &Answer::Refused(NO_READING))
        .plain("Nothing is kept there", &Answer::Refused("This room keeps no state"))
}

fn posted(room: &str) -> Arc<Posted> {
    let event = Event {
        kind: EventType { number: 0, name: "alert_triggered".into() },
        data: r#"{"disk":"97 %"}"#.into(),
        source: "client".into(),
        key: None,
        id: None,
        time: THEN,
    };
    let room = RoomId { number: 0, name: room.into(), class: 0 };
    Arc::new(Posted::new(event, room, CURSOR, true, Instant::now()))
}
