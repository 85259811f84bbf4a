//! An event as a text message of the `rooms` dialect.

use std::ops::Range;

use crate::frame::shown::{before_data, behind_data};
use crate::frame::{Encode, Posted};
use crate::transport::Framing;

/// `{"event_type","timestamp","data","source","room"}` in this order, then `"epoch","offset"` where the room
/// keeps history, then `"key"` where the event has one; the frame's header stands in front.
pub struct RoomsFrame(pub Framing);

impl Encode for RoomsFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        self.0.around(out, |out| before_data(out, posted), payload, |out| behind_data(out, posted))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::frame::{Cursor, Epoch, Event, EventType, RoomId, Timestamp};

    fn posted(room: &str, kept: bool, key: Option<&str>, data: &str) -> Posted {
        let event = Event {
            key: key.map(Into::into),
            ..Event::new(
                EventType { number: 0, name: "agent_created".into() },
                data.to_owned().into(),
                "agent_service".into(),
                Timestamp(1_700_000_000_123),
            )
        };
        let room = RoomId { number: 1, name: room.into(), class: 0 };
        Posted::new(event, room, Cursor { epoch: Epoch(255), offset: 7 }, kept, Instant::now())
    }

    fn encode(posted: &Posted) -> (String, String) {
        let mut out = b"before".to_vec();
        let payload = posted.payload();
        let range = RoomsFrame(Framing::WebSocket).encode(posted, &payload, &mut out).unwrap();
        let head = if out[7] < 126 { 2 } else { 4 };
        let text = String::from_utf8(out[6 + head..].to_vec()).unwrap();
        assert_eq!(out[range], *payload, "the payload stands in the frame as it was");
        (text, String::from_utf8_lossy(&out[..6]).into())
    }

    #[test]
    fn fields_stand_in_the_protocols_order() {
        let (text, before) = encode(&posted("agents", true, Some("k\"1"), r#"{"a": 1}"#));
        assert_eq!(before, "before");
        assert_eq!(
            text,
            r#"{"event_type":"agent_created","timestamp":"2023-11-14T22:13:20.123Z","data":{"a": 1},"source":"agent_service","room":"agents","epoch":"00000000000000ff","offset":7,"key":"k\"1"}"#
        );
    }

    #[test]
    fn an_event_without_a_room_says_null_and_one_without_history_bears_no_cursor() {
        let (text, _) = encode(&posted("", false, None, "{}"));
        assert!(text.ends_with(r#""data":{},"source":"agent_service","room":null}"#), "{text}");
    }

    #[test]
    fn the_header_fits_every_length() {
        for len in [0, 100, 200, 65_400, 70_000] {
            let posted = posted("r", false, None, &format!("\"{}\"", "x".repeat(len)));
            let mut out = Vec::new();
            let range = RoomsFrame(Framing::WebSocket).encode(&posted, &posted.payload(), &mut out).unwrap();
            let (head, length) = match out[1] {
                126 => (4, usize::from(u16::from_be_bytes([out[2], out[3]]))),
                127 => (10, u64::from_be_bytes(out[2..10].try_into().unwrap()) as usize),
                short => (2, usize::from(short)),
            };
            assert_eq!(head + length, out.len());
            assert_eq!(out[range].len(), len + 2);
        }
    }
}
