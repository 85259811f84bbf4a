//! What is told of requests for what a room keeps.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::super::super::{Answer, NO_READING, NOT_ITS_INBOX};
use super::super::shapes::{AckData, HistoryData, Place};
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

pub(super) fn ack() -> Told {
    let room = "user:u-17";
    let example =
        json!({ "room": room, "data": { "epoch": CURSOR.epoch.to_string(), "offset": CURSOR.offset } });
    Told::new("Has the gateway keep how far its user has got in its inbox", example)
        .takes::<AckData>(true)
        .reply::<Place<'_>>(
            "It is kept; how far it was before, where that was further",
            &Answer::Acknowledged { room, cursor: CURSOR },
        )
        .plain("The request names no room", &Answer::RoomRequired)
        .plain("It is not the user's own", &Answer::Refused(NOT_ITS_INBOX))
        .plain("The room is no inbox", &Answer::Refused("This room keeps no inbox"))
        .plain("There is no such event", &Answer::Refused("No event of this room has this cursor"))
}

fn posted(room: &str) -> Arc<Posted> {
    let event = Event::new(
        EventType { number: 0, name: "alert_triggered".into() },
        r#"{"disk":"97 %"}"#.into(),
        "client".into(),
        THEN,
    );
    let room = RoomId { number: 0, name: room.into(), class: 0 };
    Arc::new(Posted::new(event, room, CURSOR, true, Instant::now()))
}
