//! An envelope as other processes write it: that of the dialect `topics`.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::frame::Timestamp;
use crate::frame::json::{DEEPEST, is_too_deep};
use crate::units::moment;

/// Bytes of a message at most.
const LONGEST: usize = 1024 * 1024;
/// Bytes of a message's id at most.
const LONGEST_ID: usize = 200;

/// An event of another process.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What happened, in lower case.
    pub event_type: String,
    /// JSON: an object.
    pub data: Bytes,
    /// When; none where it does not say.
    pub time: Option<Timestamp>,
    /// The microseconds of that beyond its milliseconds.
    pub micros: u16,
    /// By which it is known again.
    pub message_id: Option<String>,
    /// Whom it is for; none: everybody.
    pub room: Option<String>,
}

/// Why a message is no envelope.
#[derive(Debug, thiserror::Error)]
pub enum NoEnvelope {
    /// Longer than one may be.
    #[error("it has more than {LONGEST} bytes")]
    Long,
    /// Readers in many languages recurse.
    #[error("it nests deeper than {DEEPEST} levels")]
    Deep,
    /// No JSON, or not of this shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A field, and what is expected of it.
    #[error("{0}: expected {1}")]
    Field(&'static str, &'static str),
}

/// Its keys; others are ignored.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message_id: Option<Cow<'a, str>>,
    #[serde(default)]
    target_user_id: Option<User>,
    #[serde(borrow, default)]
    target_role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    topic: Option<Cow<'a, str>>,
}

/// A user's id.
#[derive(Deserialize)]
#[serde(untagged)]
enum User {
    Number(serde_json::Number),
    Text(String),
}

impl Envelope {
    /// Reads a message.
    ///
    /// # Errors
    /// [`NoEnvelope`].
    pub fn read(message: &[u8]) -> Result<Self, NoEnvelope> {
        if message.len() > LONGEST {
            return Err(NoEnvelope::Long);
        }
        // A struct would be read from a list, too.
        if message.trim_ascii_start().first() == Some(&b'[') {
            return Err(NoEnvelope::Field("the message", "an object"));
        }
        let keys: Keys<'_> = serde_json::from_slice(message)?;
        if is_too_deep(message) {
            return Err(NoEnvelope::Deep);
        }
        let data = keys.data.map_or("{}", RawValue::get);
        if !data.starts_with('{') {
            return Err(NoEnvelope::Field("data", "an object"));
        }
        let at = keys.timestamp.as_deref().filter(|text| !text.is_empty()).map(time).transpose()?;
        let message_id = named(keys.message_id);
        if message_id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Err(NoEnvelope::Field("message_id", "at most 200 bytes"));
        }
        let user = keys.target_user_id.map(|user| match user {
            User::Number(id) => id.to_string(),
            User::Text(id) => id,
        });
        // The narrowest counts.
        let user = user.filter(|user| !user.is_empty()).map(|user| format!("user:{user}"));
        let role = || named(keys.target_role).map(|role| format!("role:{role}"));
        Ok(Self {
            event_type: keys.event_type.to_lowercase(),
            data: Bytes::copy_from_slice(data.as_bytes()),
            time: at.map(|since| Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))),
            micros: at.map_or(0, |since| (since.subsec_micros() % 1000) as u16),
            message_id,
            room: user.or_else(role).or_else(|| named(keys.topic)),
        })
    }
}

/// A text that says something.
fn named(text: Option<Cow<'_, str>>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// Since 1970; ISO 8601, UTC where it names no zone.
fn time(text: &str) -> Result<Duration, NoEnvelope> {
    let wrong = NoEnvelope::Field("timestamp", "a time as \"2026-01-01T12:00:00.000000\"");
    moment(text).and_then(|at| at.duration_since(UNIX_EPOCH).ok()).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(message: &Value) -> Envelope {
        Envelope::read(message.to_string().as_bytes()).unwrap_or_else(|error| panic!("{message}: {error}"))
    }

    #[test]
    fn an_envelope_is_read_with_all_that_it_says() {
        let message = json!({
            "event_type": "Task_Created", "data": {"n": 1}, "timestamp": "2023-11-14T22:13:20.123456",
            "message_id": "m", "target_user_id": null, "target_role": null, "topic": "tasks", "further": [],
        });
        let expected = Envelope {
            event_type: "task_created".into(),
            data: r#"{"n":1}"#.into(),
            time: Some(Timestamp(1_700_000_000_123)),
            micros: 456,
            message_id: Some("m".into()),
            room: Some("tasks".into()),
        };
        assert_eq!(read(&message), expected);
    }

    #[test]
    fn what_is_missing_or_null_is_not_there() {
        let bare = read(&json!({ "event_type": "alert" }));
        assert_eq!((&*bare.data, bare.time, &bare.message_id, &bare.room), (&b"{}"[..], None, &None, &None));
        let nulls = json!({
            "event_type": "alert", "data": null, "timestamp": null, "message_id": null, "target_user_id": null,
            "target_role": null, "topic": null,
        });
        assert_eq!(read(&nulls), bare);
        let empty = json!({
            "event_type": "alert", "timestamp": "", "message_id": "", "target_user_id": "", "target_role": "",
            "topic": "",
        });
        assert_eq!(read(&empty), bare);
    }

    #[test]
    fn the_narrowest_target_counts() {
        let room = |user: Value, role: Value, topic: Value| {
            let message =
                json!({ "event_type": "alert", "target_user_id": user, "target_role": role, "topic": topic });
            read(&message).room.unwrap_or_default()
        };
        assert_eq!(room(json!(7), json!("r"), json!("t")), "user:7");
        assert_eq!(room(json!("ana"), json!(null), json!(null)), "user:ana");
        assert_eq!(room(json!(null), json!("r"), json!("t")), "role:r");
        assert_eq!(room(json!(null), json!(null), json!("t")), "t");
        assert_eq!(room(json!(null), json!(null), json!(null)), "");
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_its_reason() {
        for (message, reason) in [
            ("", "EOF"),
            ("nope", "expected"),
            (r#" ["alert"]"#, "the message: expected an object"),
            ("5", "invalid type"),
            ("{}", "missing field `event_type`"),
            (r#"{"event_type":5}"#, "invalid type"),
            (r#"{"event_type":"alert","data":[]}"#, "data: expected an object"),
            (r#"{"event_type":"alert","timestamp":"soon"}"#, "timestamp: expected a time"),
            (r#"{"event_type":"alert","timestamp":5}"#, "invalid type"),
            (r#"{"event_type":"alert","target_user_id":{}}"#, "did not match"),
            (r#"{"event_type":"alert","topic":7}"#, "invalid type"),
        ] {
            let error = Envelope::read(message.as_bytes()).expect_err(message).to_string();
            assert!(error.contains(reason), "{message}: {error}");
        }
        let deep = format!(r#"{{"event_type":"alert","data":{{"a":{}{}}}}}"#, "[".repeat(70), "]".repeat(70));
        assert!(matches!(Envelope::read(deep.as_bytes()), Err(NoEnvelope::Deep)));
        let long = format!(r#"{{"event_type":"{}"}}"#, "x".repeat(LONGEST));
        assert!(matches!(Envelope::read(long.as_bytes()), Err(NoEnvelope::Long)));
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = Envelope::read(&message);
        }

        #[test]
        fn no_json_makes_it_panic(
            key in "(event_type|data|timestamp|message_id|target_user_id|target_role|topic)",
            value in "(null|\\{\\}|\\[1\\]|\"\\PC{0,9}\"|-?[0-9]{1,20})",
        ) {
            let _either = Envelope::read(format!(r#"{{"event_type":"a","{key}":{value}}}"#).as_bytes());
        }
    }
}
