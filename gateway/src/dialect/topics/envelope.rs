//! What stands around the data of every frame.

use std::fmt;
use std::io::Write;
use std::ops::Range;

use serde::{Serialize, Serializer};
use uuid::{Builder, Uuid, Variant};

use crate::frame::json::put_string;
use crate::frame::{Cursor, Encode, Posted, Tags, Timestamp, is_unnamed};
use crate::transport::Framing;

/// `{"event_type","data","timestamp","message_id","target_user_id","target_role","topic"}` in this order.
pub struct TopicsFrame(pub Framing);

impl Encode for TopicsFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        let data = Data::of(payload);
        let range = self.0.around(
            out,
            |out| {
                before_data(out, &posted.kind.name);
                out.extend_from_slice(data.before);
            },
            data.json,
            |out| {
                out.extend_from_slice(data.behind);
                let micros = posted.tags.as_ref().map_or(0, Tags::micros);
                let time = Zoneless { time: posted.time, micros };
                behind_data(out, time, id_of(posted), Target::of(&posted.room.name));
            },
        );
        // What was put in its place is not the payload.
        range.filter(|_| data.json.len() == payload.len())
    }

    /// A message's id is the same in all its rooms: a client that got it for each of them would have it twice.
    fn names_room(&self) -> bool {
        false
    }
}

/// Data as its clients take them: an object in any case.
struct Data<'a> {
    before: &'static [u8],
    json: &'a [u8],
    behind: &'static [u8],
}

impl<'a> Data<'a> {
    fn of(payload: &'a [u8]) -> Self {
        match payload.trim_ascii() {
            [b'{', ..] => Self { before: b"", json: payload, behind: b"" },
            [] | b"null" => Self { before: b"", json: b"{}", behind: b"" },
            _ => Self { before: br#"{"value":"#, json: payload, behind: b"}" },
        }
    }
}

/// Appends data that are for one session alone.
pub(super) fn put_data(out: &mut Vec<u8>, payload: &[u8]) {
    let Data { before, json, behind } = Data::of(payload);
    [before, json, behind].into_iter().for_each(|part| out.extend_from_slice(part));
}

/// Whom an event is for, by its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// Everybody, or the one session that gets it.
    None,
    /// The sessions of a user.
    User(&'a str),
    /// Those of a role.
    Role(&'a str),
    /// Those that have a topic.
    Topic(&'a str),
}

impl<'a> Target<'a> {
    fn of(room: &'a str) -> Self {
        match (is_unnamed(room), room.strip_prefix("user:"), room.strip_prefix("role:")) {
            (true, ..) => Self::None,
            (_, Some(user), _) => Self::User(user),
            (_, _, Some(role)) => Self::Role(role),
            _ => Self::Topic(room),
        }
    }
}

/// Appends what stands before the data.
pub(super) fn before_data(out: &mut Vec<u8>, event_type: &str) {
    out.extend_from_slice(br#"{"event_type":"#);
    match event_type.chars().any(char::is_uppercase) {
        true => put_string(out, &event_type.to_lowercase()),
        false => put_string(out, event_type),
    }
    out.extend_from_slice(br#","data":"#);
}

/// Appends what stands behind them. Writing to memory does not fail.
pub(super) fn behind_data(out: &mut Vec<u8>, time: Zoneless, id: Uuid, target: Target<'_>) {
    let _infallible = write!(out, r#","timestamp":"{time}","message_id":"{id}""#);
    out.extend_from_slice(br#","target_user_id":"#);
    match target {
        Target::User(user) => put_user(out, user),
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(br#","target_role":"#);
    match target {
        Target::Role(role) => put_string(out, role),
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(br#","topic":"#);
    match target {
        Target::Topic(topic) => put_string(out, topic),
        _ => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// All digits are a number, which begins with no zero that means nothing.
fn put_user(out: &mut Vec<u8>, user: &str) {
    if user.is_empty() || !user.bytes().all(|byte| byte.is_ascii_digit()) {
        return put_string(out, user);
    }
    let digits = user.trim_start_matches('0');
    out.extend_from_slice(if digits.is_empty() { b"0" } else { digits.as_bytes() });
}

/// A message's id: the one that its publisher has given it, where that is such an id, or else one that follows from its
/// place, so that it is the same on every shard, in every room of its publish, and when it is read again from a history. What
/// is for one session alone has no place.
fn id_of(posted: &Posted) -> Uuid {
    let given = posted.id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
    let is_ours = |id: &Uuid| id.get_version_num() == 4 && id.get_variant() == Variant::RFC4122;
    match given.filter(is_ours) {
        Some(id) => id,
        None if posted.room.number == 0 => Uuid::new_v4(),
        None => id_at(posted.first),
    }
}

/// The words of a cursor, well mixed: a permutation of all pairs, of which the six bits that say what kind of id it is go.
fn id_at(cursor: Cursor) -> Uuid {
    let (mut left, mut right) = (cursor.epoch.0, cursor.offset);
    for round in 0..4 {
        (left, right) = (right, left ^ mixed(right.wrapping_add(round)));
    }
    let bytes = (u128::from(left) << 64 | u128::from(right)).to_be_bytes();
    Builder::from_random_bytes(bytes).into_uuid()
}

/// The last step of splitmix64: each bit of the word changes half of the others.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// A moment as its clients parse it: ISO 8601 without zone, UTC, microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zoneless {
    time: Timestamp,
    /// Beyond its milliseconds.
    micros: u16,
}

impl From<Timestamp> for Zoneless {
    fn from(time: Timestamp) -> Self {
        Self { time, micros: 0 }
    }
}

impl fmt::Display for Zoneless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.time.to_string();
        write!(f, "{}{:03}", text.trim_end_matches('Z'), self.micros)
    }
}

impl Serialize for Zoneless {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;
    use crate::frame::{Epoch, Event, EventType, RoomId};

    fn posted(room: &str, id: Option<&str>, data: &str) -> Posted {
        posted_in(1, room, id, data)
    }

    fn posted_in(number: u64, room: &str, id: Option<&str>, data: &str) -> Posted {
        let event = Event {
            id: id.map(Into::into),
            ..Event::new(
                EventType { number: 0, name: "Task_Created".into() },
                data.to_owned().into(),
                "api".into(),
                Timestamp(1_700_000_000_123),
            )
        };
        let room = RoomId { number, name: room.into(), class: 0 };
        Posted::new(event, room, Cursor { epoch: Epoch(255), offset: 7 }, false, Instant::now())
    }

    fn text(posted: &Posted) -> String {
        let (mut out, payload) = (Vec::new(), posted.payload());
        let range = TopicsFrame(Framing::WebSocket).encode(posted, &payload, &mut out);
        if let Some(range) = range {
            assert_eq!(out[range], *payload, "the payload stands in the frame as it was");
        }
        String::from_utf8(out[4..].to_vec()).unwrap()
    }

    fn frame(room: &str, data: &str) -> Value {
        serde_json::from_str(&text(&posted(room, None, data))).unwrap()
    }

    #[test]
    fn an_envelope_has_seven_keys_in_their_order() {
        let id = "0b0ee2fc-8c0a-4d3f-8a34-ae2f1e1f6a11";
        assert_eq!(
            text(&posted("news", Some(id), r#"{"a": 1}"#)),
            format!(
                r#"{{"event_type":"task_created","data":{{"a": 1}},"timestamp":"2023-11-14T22:13:20.123000","message_id":"{id}","target_user_id":null,"target_role":null,"topic":"news"}}"#
            )
        );
    }

    #[test]
    fn the_room_shows_as_user_role_or_topic() {
        for (room, user, role, topic) in [
            ("", json!(null), json!(null), json!(null)),
            ("user:42", json!(42), json!(null), json!(null)),
            ("user:007", json!(7), json!(null), json!(null)),
            ("user:0", json!(0), json!(null), json!(null)),
            ("user:ana", json!("ana"), json!(null), json!(null)),
            ("user:4x", json!("4x"), json!(null), json!(null)),
            ("user:", json!(""), json!(null), json!(null)),
            ("role:LEVEL_1", json!(null), json!("LEVEL_1"), json!(null)),
            ("tasks", json!(null), json!(null), json!("tasks")),
        ] {
            let frame = frame(room, "{}");
            let shown = (&frame["target_user_id"], &frame["target_role"], &frame["topic"]);
            assert_eq!(shown, (&user, &role, &topic), "{room}");
        }
    }

    #[test]
    fn data_are_an_object_in_any_case() {
        for (data, shown) in [
            (r#"{"n":1}"#, json!({ "n": 1 })),
            (" {} ", json!({})),
            ("null", json!({})),
            ("", json!({})),
            ("[1]", json!({ "value": [1] })),
            ("5", json!({ "value": 5 })),
        ] {
            assert_eq!(frame("r", data)["data"], shown, "{data}");
        }
    }

    #[test]
    fn ids_follow_from_places_and_are_of_version_4() {
        let id = |frame: &Value| Uuid::parse_str(frame["message_id"].as_str().unwrap()).unwrap();
        let (one, again) = (id(&frame("r", "{}")), id(&frame("other", "[]")));
        assert_eq!(one, again, "of one place");
        assert_eq!((one.get_version_num(), one.get_variant()), (4, Variant::RFC4122));
        let places = (0..100u64).flat_map(|epoch| (0..100u64).map(move |offset| (epoch, offset)));
        let ids: HashSet<Uuid> =
            places.map(|(epoch, offset)| id_at(Cursor { epoch: Epoch(epoch), offset })).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn an_id_that_is_no_uuid_of_version_4_is_the_publishers_own_affair() {
        let derived = frame("r", "{}")["message_id"].clone();
        for id in ["order-7", "a8098c1a-f86e-11da-bd1a-00112444be1e"] {
            let frame: Value = serde_json::from_str(&text(&posted("r", Some(id), "{}"))).unwrap();
            assert_eq!(frame["message_id"], derived, "{id}");
        }
    }

    #[test]
    fn what_is_for_one_session_alone_has_an_id_of_its_own() {
        let alone = || id_of(&posted_in(0, "", None, "{}"));
        assert_ne!(alone(), alone());
    }
}
