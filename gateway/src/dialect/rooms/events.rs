//! The `rooms` dialect as `text/event-stream` has it: its events, named by their types, and nothing that a client could
//! ask. It has asked for all when its session begins; what it would be answered it is told by events `joined`.

use std::ops::Range;

use serde_json::value::RawValue;

use super::super::{Answer, Asked, Dialect, Malformed, Message, Notice, Request, Undecoded, Welcome};
use super::GREETER;
use super::event::RoomsFrame;
use super::shapes::{Greeted, Joined, Place};
use crate::frame::{Bookmark, Encode, Form, Posted};
use crate::transport::{Framing, event_stream};

/// What names the event that tells of a room which the session is in.
const JOINED: &str = "joined";

/// See the module's documentation.
pub struct Events(pub Form);

/// `event: <type>`, and the dialect's event as `data`.
pub struct EventsFrame {
    /// Where the room keeps history, `id: <cursor>` stands first: for clients that are in one such room.
    pub with_ids: bool,
}

impl Encode for EventsFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        if self.with_ids && posted.kept {
            let mut bookmark = Bookmark::default();
            bookmark.put(&posted.room.name, posted.cursor);
            event_stream::field(out, "id", &bookmark.to_string());
        }
        event_stream::field(out, "event", &posted.kind.name);
        RoomsFrame(Framing::EventStream).encode(posted, payload, out)
    }
}

impl Dialect for Events {
    fn name(&self) -> &'static str {
        "rooms"
    }

    fn form(&self) -> Option<Form> {
        Some(self.0)
    }

    fn takes_tokens(&self) -> bool {
        false
    }

    fn decode<'a>(&self, _: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        Ok(Asked { id: None, request: Request::Nothing }) // nothing comes
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        let data = serde_json::to_vec(&Greeted::new(welcome)).ok()?;
        Some(Notice::Event { event_type: "connected", source: GREETER, data })
    }

    fn answer(&self, _: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        if let Answer::Joined { room, cursor, recovered } = answer {
            let joined = Joined { place: Place::new(room, *cursor), recovered: *recovered };
            event_stream::field(out, "event", JOINED);
            Framing::EventStream.text(out, &serde_json::to_vec(&joined).unwrap_or_default());
        }
    }

    fn malformed(&self, _: Option<&RawValue>, _: &Malformed, _: &mut Vec<u8>) {
        // Nothing comes that could be.
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::frame::{Cursor, Epoch, Event, EventType, RoomId, Timestamp};

    fn frame(with_ids: bool, kept: bool, data: &'static str) -> (String, Option<Range<usize>>) {
        let event = Event::new(
            EventType { number: 0, name: "agent_created".into() },
            data.into(),
            "s".into(),
            Timestamp(1_700_000_000_123),
        );
        let room = RoomId { number: 1, name: "a".into(), class: 0 };
        let posted = Posted::new(event, room, Cursor { epoch: Epoch(255), offset: 7 }, kept, Instant::now());
        let mut out = Vec::new();
        let range = EventsFrame { with_ids }.encode(&posted, data.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), range)
    }

    #[test]
    fn an_event_is_named_by_its_type_and_its_data_is_the_dialects() {
        let before = r#"data: {"event_type":"agent_created","timestamp":"2023-11-14T22:13:20.123Z","data":"#;
        let (text, range) = frame(true, true, r#"{"n":1}"#);
        assert_eq!(&text[range.unwrap()], r#"{"n":1}"#);
        let cursor = r#","epoch":"00000000000000ff","offset":7"#;
        let behind = format!(r#","source":"s","room":"a"{cursor}}}"#);
        let id = "id: 00000000000000ff:7@c1d04330\n";
        assert_eq!(text, format!("{id}event: agent_created\n{before}{{\"n\":1}}{behind}\n\n"));
        let (text, _) = frame(false, true, "{}");
        assert_eq!(text, format!("event: agent_created\n{before}{{}}{behind}\n\n"), "with several rooms");
        let (text, _) = frame(true, false, "{}");
        assert!(text.starts_with("event: agent_created\n"), "a room without history: {text}");
    }

    #[test]
    fn data_may_stand_on_several_lines() {
        let (text, range) = frame(false, false, "{\n\"n\":1\r}");
        assert!(text.contains("\"data\":{\ndata: \"n\":1\ndata: },\"source\""), "{text}");
        assert_eq!(range, None);
    }

    #[test]
    fn a_room_is_told_as_the_reply_to_a_join_would() {
        let (mut out, cursor) = (Vec::new(), Cursor { epoch: Epoch(255), offset: 7 });
        let events = Events(crate::frame::Forms::default().add(EventsFrame { with_ids: true }));
        events.answer(None, &Answer::Joined { room: "a", cursor, recovered: Some(false) }, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "event: joined\ndata: {\"room\":\"a\",\"epoch\":\"00000000000000ff\",\"offset\":7,\"recovered\":false}\n\n"
        );
    }
}
