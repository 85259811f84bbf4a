//! Requests: `{"action", "room"?, "data"?, "id"?}`, other keys ignored.

mod past;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::{Asked, Malformed, Publish, Request, Undecoded};
use super::action::Action;
use crate::frame::json::{DEEPEST, is_too_deep};
use crate::frame::{Cursor, Epoch, Since};

/// Bytes of a request's `id` at most, since answers repeat it.
const LONGEST_ID: usize = 200;
/// Event types of one `subscribe` at most.
const MOST_TYPES: usize = 100;
/// Members of a room in one answer at most.
const MOST_MEMBERS: usize = 1000;
/// Bytes that a session may say of itself when it joins.
const LONGEST_INFO: usize = 1024;
/// Bytes of an event type or pattern at most.
const LONGEST_TYPE: usize = 200;

/// A request's keys, each JSON of whatever shape.
#[derive(Default, Deserialize)]
struct Keys<'a> {
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    room: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

type Decoded<T> = Result<T, Malformed>;

/// What a frame wants.
pub(super) fn decode(frame: &[u8]) -> Result<Asked<'_>, Undecoded<'_>> {
    let keys = keys(frame).map_err(|malformed| (None, malformed))?;
    let id = keys.id.map(Cow::Borrowed);
    if keys.id.is_some_and(|id| id.get().len() > LONGEST_ID) {
        return Err((None, shape("id: at most 200 bytes")));
    }
    if is_too_deep(frame) {
        return Err((id, shape(format!("nested deeper than {DEEPEST} levels"))));
    }
    match request(&keys) {
        Ok(request) => Ok(Asked { id, request }),
        Err(malformed) => Err((id, malformed)),
    }
}

/// The keys, or whether it is not JSON at all, or JSON of the wrong shape.
fn keys(frame: &[u8]) -> Decoded<Keys<'_>> {
    let text = std::str::from_utf8(frame).map_err(|_| Malformed::Syntax)?;
    // A struct would be read from a list, too.
    let parsed =
        if first_byte(frame) == Some(b'{') { serde_json::from_str(text) } else { Err(not_an_object()) };
    parsed.map_err(|error| match serde_json::from_str::<IgnoredAny>(text) {
        Err(_) => Malformed::Syntax,
        Ok(_) if error.to_string().starts_with("duplicate field") => shape("a key is there twice"),
        Ok(_) => shape("expected a JSON object"),
    })
}

fn not_an_object() -> serde_json::Error {
    serde::de::Error::custom("not an object")
}

fn first_byte(frame: &[u8]) -> Option<u8> {
    frame.iter().find(|byte| !byte.is_ascii_whitespace()).copied()
}

fn request<'a>(keys: &Keys<'a>) -> Decoded<Request<'a>> {
    let action = text(keys.action, "action")?.ok_or_else(|| shape("action: a string is required"))?;
    let action = action.to_lowercase();
    let room = || text(keys.room, "room");
    Ok(match Action::named(&action) {
        Some(Action::Ping) => Request::Ping,
        Some(Action::Join) => join(room()?, keys.data)?,
        Some(Action::Leave) => Request::Leave(room()?),
        Some(Action::Subscribe) => subscribe(keys.data)?,
        Some(Action::Unsubscribe) => Request::Unsubscribe(event_types(keys.data)?),
        Some(Action::Info) => Request::Info,
        Some(Action::Publish) => Request::Publish(publish(room()?, keys.data)?),
        Some(Action::Presence) => presence(room()?, keys.data)?,
        Some(Action::Ack) => past::ack(room()?, keys.data)?,
        Some(Action::State) => Request::State(room()?),
        Some(Action::History) => past::history(room()?, keys.data)?,
        Some(Action::Auth) => Request::Auth { token: token(keys.data)? },
        Some(Action::Cancel) => Request::Cancel,
        None => Request::Call {
            name: action,
            room: room()?,
            data: Cow::Borrowed(keys.data.unwrap_or(RawValue::NULL)),
            streamed: true,
        },
    })
}

/// The string in `value`; none where it is missing or null.
fn text<'a>(value: Option<&'a RawValue>, field: &str) -> Decoded<Option<Cow<'a, str>>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(value) = value else { return Ok(None) };
    match serde_json::from_str::<Text<'_>>(value.get()) {
        Ok(Text(text)) => Ok(Some(text)),
        Err(_) => Err(shape(format!("{field}: expected a string"))),
    }
}

/// The keys of `data`, which is an object where it is there.
fn data<'a, T: Deserialize<'a> + Default>(data: Option<&'a RawValue>) -> Decoded<T> {
    let Some(data) = data else { return Ok(T::default()) };
    if !data.get().starts_with('{') {
        return Err(shape("data: expected an object"));
    }
    serde_json::from_str(data.get()).map_err(|_| shape("data: a key is there twice"))
}

fn join<'a>(room: Option<Cow<'a, str>>, value: Option<&'a RawValue>) -> Decoded<Request<'a>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        info: Option<&'a RawValue>,
        #[serde(borrow, default)]
        since: Option<&'a RawValue>,
        #[serde(borrow, default)]
        last: Option<&'a RawValue>,
        #[serde(borrow, default)]
        slow: Option<&'a RawValue>,
    }
    let wanted: Wanted<'_> = data(value)?;
    let since = if let Some(last) = wanted.last {
        Since::Last(last.get().parse().map_err(|_| shape("data.last: expected a whole number, 0 or more"))?)
    } else {
        wanted.since.map_or(Ok(Since::Now), from)?
    };
    let info = match wanted.info {
        Some(info) if !info.get().starts_with('{') => return Err(shape("data.info: expected an object")),
        Some(info) if info.get().len() > LONGEST_INFO => {
            return Err(shape(format!("data.info: at most {LONGEST_INFO} bytes")));
        }
        info => info,
    };
    let slow = wanted.slow.map(|slow| serde_json::from_str(slow.get())).transpose();
    let slow = slow.map_err(|_| shape("data.slow: expected disconnect, drop_oldest, latest or catch_up"))?;
    Ok(Request::Join { room, since, info, slow })
}

/// From where on, where that is said.
fn from(since: &RawValue) -> Decoded<Since> {
    #[derive(Deserialize)]
    struct At<'a> {
        #[serde(borrow)]
        epoch: Cow<'a, str>,
        offset: u64,
    }

    if since.get() == r#""start""# {
        return Ok(Since::Start);
    }
    let at = Some(since.get())
        .filter(|text| text.starts_with('{'))
        .and_then(|text| serde_json::from_str(text).ok());
    let at: At<'_> =
        at.ok_or_else(|| shape(r#"data.since: expected {"epoch": string, "offset": integer} or "start""#))?;
    // An epoch that we never gave is one that is gone: the answer says that nothing was recovered.
    let epoch = at.epoch.parse().unwrap_or(Epoch(0));
    Ok(Since::After(Cursor { epoch, offset: at.offset }))
}

fn subscribe(value: Option<&RawValue>) -> Decoded<Request<'_>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default, rename = "where", deserialize_with = "even_null")]
        criterion: Option<&'a RawValue>,
    }

    let types = event_types(value)?;
    let wanted: Wanted<'_> = data(value)?;
    let criterion = match wanted.criterion {
        Some(null) if null.get() == "null" => Some("".into()),
        given => text(given, "data.where")?,
    };
    Ok(Request::Subscribe { types, criterion })
}

fn event_types(value: Option<&RawValue>) -> Decoded<Vec<Cow<'_, str>>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        event_types: Option<&'a RawValue>,
    }

    let wanted: Wanted<'_> = data(value)?;
    let Some(list) = wanted.event_types else { return Ok(Vec::new()) };
    let list: Vec<&RawValue> = serde_json::from_str(list.get())
        .map_err(|_| shape("data.event_types: expected a list of strings"))?;
    if list.len() > MOST_TYPES {
        return Err(shape(format!("data.event_types: at most {MOST_TYPES} entries")));
    }
    list.into_iter().enumerate().map(|(index, value)| type_name(index, value)).collect()
}

fn type_name(index: usize, value: &RawValue) -> Decoded<Cow<'_, str>> {
    let field = format!("data.event_types[{index}]");
    let name = text(Some(value), &field)?.ok_or_else(|| shape(format!("{field}: expected a string")))?;
    match name.len() {
        0..=LONGEST_TYPE => Ok(name),
        _ => Err(shape(format!("{field}: at most {LONGEST_TYPE} bytes"))),
    }
}

fn publish<'a>(room: Option<Cow<'a, str>>, value: Option<&'a RawValue>) -> Decoded<Publish<'a>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        event_type: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "even_null")]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        key: Option<&'a RawValue>,
    }

    let wanted: Wanted<'_> = data(value)?;
    let event_type = text(wanted.event_type, "data.event_type")?
        .ok_or_else(|| shape("data.event_type: a string is required"))?;
    let data = wanted.data.ok_or_else(|| shape("data.data: a value is required"))?;
    Ok(Publish { room, event_type, data, key: text(wanted.key, "data.key")? })
}

fn presence<'a>(room: Option<Cow<'a, str>>, value: Option<&'a RawValue>) -> Decoded<Request<'a>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        skip: Option<&'a RawValue>,
        #[serde(borrow, default)]
        limit: Option<&'a RawValue>,
    }

    let wanted: Wanted<'_> = data(value)?;
    let number =
        |value: Option<&RawValue>, default: usize| value.map_or(Some(default), |v| v.get().parse().ok());
    let skip =
        number(wanted.skip, 0).ok_or_else(|| shape("data.skip: expected a whole number, 0 or more"))?;
    let limit = number(wanted.limit, MOST_MEMBERS).filter(|limit| *limit <= MOST_MEMBERS);
    let wrong = || shape(format!("data.limit: expected a whole number from 0 to {MOST_MEMBERS}"));
    Ok(Request::Presence { room, skip, limit: limit.ok_or_else(wrong)? })
}

fn token(value: Option<&RawValue>) -> Decoded<Cow<'_, str>> {
    #[derive(Default, Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        token: Option<&'a RawValue>,
    }

    let wanted: Wanted<'_> = data(value)?;
    text(wanted.token, "data.token")?.ok_or_else(|| shape("data.token: a string is required"))
}

/// Null is a value here, which an `Option` would take for none.
fn even_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

fn shape(what: impl Into<String>) -> Malformed {
    Malformed::Shape(what.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(frame: &str) -> String {
        decode(frame.as_bytes()).expect_err(frame).1.to_string()
    }

    fn ask(frame: &str) -> Request<'_> {
        decode(frame.as_bytes()).unwrap_or_else(|(_, error)| panic!("{frame}: {error}")).request
    }

    #[test]
    fn what_is_not_json_is_told_from_json_of_the_wrong_shape() {
        for frame in ["", "  ", "{", "nope", "{\"action\":\"ping\"", "{\"action\":\"ping\"}x"] {
            assert_eq!(error(frame), "Invalid JSON format", "{frame}");
        }
        assert_eq!(decode(b"{\"action\":\"\xff\"}").unwrap_err().1.to_string(), "Invalid JSON format");
        for (frame, what) in [
            ("[]", "expected a JSON object"),
            ("null", "expected a JSON object"),
            (r#"["ping"]"#, "expected a JSON object"),
            ("{}", "action: a string is required"),
            (r#"{"action":null}"#, "action: a string is required"),
            (r#"{"action":5}"#, "action: expected a string"),
            (r#"{"action":"join","room":5}"#, "room: expected a string"),
            (r#"{"action":"join","room":"a","data":[]}"#, "data: expected an object"),
            (r#"{"action":"join","action":"leave"}"#, "a key is there twice"),
            (
                r#"{"action":"join","room":"a","data":{"last":-1}}"#,
                "data.last: expected a whole number, 0 or more",
            ),
            (r#"{"action":"join","room":"a","data":{"info":"Ada"}}"#, "data.info: expected an object"),
            (
                r#"{"action":"subscribe","data":{"event_types":"x"}}"#,
                "data.event_types: expected a list of strings",
            ),
            (
                r#"{"action":"subscribe","data":{"event_types":["a",5]}}"#,
                "data.event_types[1]: expected a string",
            ),
            (
                r#"{"action":"presence","room":"a","data":{"skip":-1}}"#,
                "data.skip: expected a whole number, 0 or more",
            ),
            (
                r#"{"action":"presence","room":"a","data":{"limit":1001}}"#,
                "data.limit: expected a whole number from 0 to 1000",
            ),
            (r#"{"action":"publish","room":"a"}"#, "data.event_type: a string is required"),
            (r#"{"action":"publish","data":{"event_type":"x"}}"#, "data.data: a value is required"),
        ] {
            assert_eq!(error(frame), format!("Error processing message: {what}"), "{frame}");
        }
    }

    #[test]
    fn an_error_bears_the_requests_id() {
        let (id, _) = decode(br#"{"action":5,"id":{"a":1}}"#).unwrap_err();
        assert_eq!(id.unwrap().get(), r#"{"a":1}"#);
        let long = format!(r#"{{"action":"ping","id":"{}"}}"#, "x".repeat(300));
        assert!(error(&long).ends_with("id: at most 200 bytes"));
    }

    #[test]
    fn actions_ignore_case_and_further_keys() {
        assert!(matches!(ask(r#"{"action":"PiNG","x":1,"room":null}"#), Request::Ping));
        assert!(
            matches!(ask(r#"{"action":"Vote"}"#), Request::Call { name, data, .. } if name == "vote" && data.get() == "null")
        );
    }

    #[test]
    fn a_join_says_from_where_on() {
        let since = |data: &str| match ask(&format!(r#"{{"action":"join","room":"a","data":{data}}}"#)) {
            Request::Join { since, .. } => since,
            other => panic!("{other:?}"),
        };
        assert_eq!(since("null"), Since::Now);
        assert_eq!(since(r#"{"since":"start"}"#), Since::Start);
        assert_eq!(since(r#"{"last":3}"#), Since::Last(3));
        let at = Cursor { epoch: Epoch(16), offset: 4 };
        assert_eq!(since(r#"{"since":{"epoch":"0000000000000010","offset":4}}"#), Since::After(at));
        let lost = Cursor { epoch: Epoch(0), offset: 4 };
        assert_eq!(since(r#"{"since":{"epoch":"another gateway's","offset":4}}"#), Since::After(lost));
    }

    #[test]
    fn published_data_is_passed_on_as_it_came() {
        let frame =
            r#"{"action":"publish","room":"a","data":{"event_type":"gap","data":{ "n": 1.50 },"key":"k"}}"#;
        let Request::Publish(publish) = ask(frame) else { panic!("a publish") };
        assert_eq!(publish.data.get(), r#"{ "n": 1.50 }"#);
        let null = r#"{"action":"publish","room":"a","data":{"event_type":"gap","data":null}}"#;
        let Request::Publish(publish) = ask(null) else { panic!("a publish") };
        assert_eq!(publish.data.get(), "null");
    }

    #[test]
    fn deep_json_is_refused() {
        let deep = format!(r#"{{"action":"ping","data":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
        assert!(error(&deep).ends_with("nested deeper than 64 levels"));
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = decode(&frame);
        }

        #[test]
        fn no_json_makes_it_panic(
            action in "(join|leave|publish|subscribe|\\PC{0,8})",
            data in "(null|\\{\\}|\\[1\\]|\\{\"(since|last|event_types|event_type|data)\":(1|\"start\"|\\[\\]|null)\\})",
        ) {
            let action = serde_json::to_string(&action).unwrap();
            let frame = format!(r#"{{"action":{action},"room":"r","data":{data}}}"#);
            let _either = decode(frame.as_bytes());
        }
    }
}
