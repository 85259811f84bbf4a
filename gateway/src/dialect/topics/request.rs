//! Requests: `{"event_type", "data"?}`, other keys ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::dialect::{Malformed, Message, Request};
use crate::frame::json::{DEEPEST, is_too_deep};

/// A request's keys, each JSON of whatever shape.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow, default)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// A string as it was sent.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

type Decoded<T> = Result<T, Malformed>;

/// What a frame wants.
pub(super) fn decode(message: Message<'_>) -> Decoded<Request<'_>> {
    let Keys { event_type, data } = keys(message)?;
    if is_too_deep(message.payload) {
        return Err(shape(format!("nested deeper than {DEEPEST} levels")));
    }
    let event_type = event_type.ok_or_else(|| shape("event_type: a string is required"))?;
    let event_type: Text<'_> =
        serde_json::from_str(event_type.get()).map_err(|_| shape("event_type: expected a string"))?;
    Ok(match &*event_type.0 {
        "subscribe" => {
            let (rooms, entries) = events(data)?;
            Request::JoinThose { rooms, entries }
        }
        "unsubscribe" => Request::LeaveThose(events(data)?.0),
        name @ ("dashboard_update" | "metrics_update") => {
            let data = Cow::Borrowed(data.unwrap_or(RawValue::NULL));
            Request::Call { name: name.to_owned(), room: None, data, streamed: false }
        }
        // `pong` says that somebody is there, as every frame does; of another type nothing is known.
        _ => Request::Nothing,
    })
}

/// The keys, or whether it is not JSON at all, or JSON of the wrong shape. Of a binary frame nobody said that it is JSON.
fn keys(message: Message<'_>) -> Decoded<Keys<'_>> {
    let no_json = || match message.text {
        true => Malformed::Syntax,
        false => shape("expected JSON in the binary frame"),
    };
    let text = std::str::from_utf8(message.payload).map_err(|_| no_json())?;
    // A struct would be read from a list, too.
    let is_object = text.trim_start().starts_with('{');
    let parsed = is_object.then(|| serde_json::from_str(text));
    match parsed {
        Some(Ok(keys)) => Ok(keys),
        _ if serde_json::from_str::<IgnoredAny>(text).is_err() => Err(no_json()),
        Some(Err(_)) => Err(shape("a key is there twice")),
        None => Err(shape("expected a JSON object")),
    }
}

/// The names in `data.events`, trimmed, and how many entries there are: what is no name counts, and does nothing.
fn events(data: Option<&RawValue>) -> Decoded<(Vec<Cow<'_, str>>, usize)> {
    #[derive(Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow, default)]
        events: Option<&'a RawValue>,
    }

    let Some(data) = data else { return Ok((Vec::new(), 0)) };
    if !data.get().starts_with('{') {
        return Err(shape("data: expected an object"));
    }
    let wanted: Wanted<'_> =
        serde_json::from_str(data.get()).map_err(|_| shape("data: a key is there twice"))?;
    let Some(list) = wanted.events else { return Ok((Vec::new(), 0)) };
    let list: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|_| shape("data.events: expected a list of strings"))?;
    let names = list.iter().copied().filter_map(name).collect();
    Ok((names, list.len()))
}

/// A string's text without the white space around it, where there is any.
fn name(entry: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(entry.get()).ok()?;
    let trimmed = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!trimmed.is_empty()).then_some(trimmed)
}

fn shape(what: impl Into<String>) -> Malformed {
    Malformed::Shape(what.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(payload: &[u8], text: bool) -> Message<'_> {
        Message { payload, text }
    }

    fn ask(frame: &str) -> Request<'_> {
        decode(message(frame.as_bytes(), true)).unwrap_or_else(|error| panic!("{frame}: {error}"))
    }

    fn error(frame: &str) -> String {
        decode(message(frame.as_bytes(), true)).expect_err(frame).to_string()
    }

    #[test]
    fn what_is_not_json_is_told_from_json_of_the_wrong_shape() {
        for frame in ["", " ", "{", "nope", r#"{"event_type":"pong"}x"#, "NaN"] {
            assert_eq!(error(frame), "Invalid JSON format", "{frame}");
        }
        for (frame, what) in [
            ("[]", "expected a JSON object"),
            ("null", "expected a JSON object"),
            ("5", "expected a JSON object"),
            (r#""pong""#, "expected a JSON object"),
            ("{}", "event_type: a string is required"),
            (r#"{"event_type":null}"#, "event_type: a string is required"),
            (r#"{"event_type":5}"#, "event_type: expected a string"),
            (r#"{"event_type":"pong","event_type":"pong"}"#, "a key is there twice"),
            (r#"{"event_type":"subscribe","data":[]}"#, "data: expected an object"),
            (r#"{"event_type":"subscribe","data":"a"}"#, "data: expected an object"),
            (
                r#"{"event_type":"subscribe","data":{"events":"a"}}"#,
                "data.events: expected a list of strings",
            ),
            (
                r#"{"event_type":"unsubscribe","data":{"events":{}}}"#,
                "data.events: expected a list of strings",
            ),
        ] {
            assert_eq!(error(frame), format!("Error processing message: {what}"), "{frame}");
        }
    }

    #[test]
    fn a_binary_frame_may_be_json_and_is_told_what_it_is_where_it_is_not() {
        assert!(matches!(decode(message(br#"{"event_type":"pong"}"#, false)), Ok(Request::Nothing)));
        for bytes in [&b"\xff\x00"[..], b"nope", b""] {
            let error = decode(message(bytes, false)).unwrap_err().to_string();
            assert_eq!(error, "Error processing message: expected JSON in the binary frame");
        }
    }

    #[test]
    fn entries_are_trimmed_and_what_is_no_name_counts_all_the_same() {
        let frame =
            r#"{"event_type":"subscribe","data":{"events":["a","  b c\t","","  ",5,null,"\u0061","é"]}}"#;
        let Request::JoinThose { rooms, entries } = ask(frame) else { panic!("no join") };
        assert_eq!((rooms, entries), (vec!["a".into(), "b c".into(), "a".into(), "é".into()], 8));
        for frame in [
            r#"{"event_type":"subscribe"}"#,
            r#"{"event_type":"subscribe","data":null}"#,
            r#"{"event_type":"subscribe","data":{}}"#,
            r#"{"event_type":"subscribe","data":{"events":null}}"#,
            r#"{"event_type":"subscribe","data":{"events":[]}}"#,
        ] {
            assert!(matches!(ask(frame), Request::JoinThose { entries: 0, .. }), "{frame}");
        }
        let Request::LeaveThose(rooms) = ask(r#"{"event_type":"unsubscribe","data":{"events":[" a "]}}"#)
        else {
            panic!("no leave")
        };
        assert_eq!(rooms, ["a"]);
    }

    #[test]
    fn only_two_types_are_calls_and_the_rest_wants_nothing() {
        for name in ["dashboard_update", "metrics_update"] {
            let frame = format!(r#"{{"event_type":"{name}","data":{{"n":1}}}}"#);
            assert!(matches!(ask(&frame), Request::Call { name: called, data, .. }
                if called == name && data.get() == r#"{"n":1}"#));
        }
        for frame in [
            r#"{"event_type":"pong","data":{}}"#,
            r#"{"event_type":"ping"}"#,
            r#"{"event_type":"Subscribe","data":{"events":["a"]}}"#,
            r#"{"event_type":"chat","data":5}"#,
            r#"{"event_type":"","data":[]}"#,
        ] {
            assert!(matches!(ask(frame), Request::Nothing), "{frame}");
        }
    }

    #[test]
    fn deep_json_is_refused() {
        let deep = format!(r#"{{"event_type":"pong","data":{}{}}}"#, "[".repeat(9000), "]".repeat(9000));
        assert!(error(&deep).ends_with("nested deeper than 64 levels"));
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(frame in proptest::collection::vec(any::<u8>(), 0..200), text: bool) {
            let _either = decode(message(&frame, text));
        }

        #[test]
        fn no_json_makes_it_panic(
            name in "(subscribe|unsubscribe|pong|dashboard_update|\\PC{0,8})",
            data in "(null|\\{\\}|\\[1\\]|\\{\"events\":(1|\"a\"|null|\\[(null|\" a \"|1|\\{\\})?\\])\\})",
        ) {
            let name = serde_json::to_string(&name).unwrap();
            let frame = format!(r#"{{"event_type":{name},"data":{data}}}"#);
            let _either = decode(message(frame.as_bytes(), true));
        }
    }
}
