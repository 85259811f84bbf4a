//! Whatever a client sends, whatever a plugin says and whatever is published: what a client gets is a valid envelope, by the
//! schema that the gateway tells of itself, with every field of it there.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Instant;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tidegate::dialect::envelope::told;
use tidegate::dialect::{Answer, Asked, Dialect, Envelope, EnvelopeFrame, Message, Request, Welcome};
use tidegate::frame::{Cursor, Encode, Epoch, Event, EventType, Form, Forms, Posted, RoomId, Timestamp};
use tidegate::transport::Framing;

static SCHEMAS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
    let schema = |told: tidegate::dialect::envelope::Told| {
        (told.kind.name(), jsonschema::validator_for(&told.schema).unwrap())
    };
    told().into_iter().map(schema).collect()
});

/// The frames in `out`, each of which is a text.
fn frames(mut out: &[u8]) -> Vec<Value> {
    let mut frames = Vec::new();
    while let [0x81, length, rest @ ..] = out {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            length => (usize::from(*length), rest),
        };
        frames.push(serde_json::from_slice(&rest[..length]).unwrap());
        out = &rest[length..];
    }
    assert!(out.is_empty(), "{out:?}");
    frames
}

/// Holds a frame to its schema; answers its type.
#[track_caller]
fn hold(frame: &Value) -> String {
    let kind = crate::checked(frame)["message_type"].as_str().unwrap();
    let schema = &SCHEMAS[kind];
    if let Err(error) = schema.validate(frame) {
        panic!("{error} in {frame}");
    }
    kind.to_owned()
}

fn dialect() -> Envelope {
    Envelope::new(form(), Framing::WebSocket, false)
}

fn form() -> Form {
    Forms::default().add(EnvelopeFrame(Framing::WebSocket))
}

fn greeted() -> Envelope {
    let dialect = dialect();
    let welcome = Welcome {
        connection_id: "c\"",
        taken: None,
        message: "w\\",
        timestamp: Timestamp::now(),
        heartbeat: 20,
        user_id: Some("ü"),
        only: None,
    };
    assert!(dialect.welcome(&welcome).is_some());
    dialect
}

/// Has the dialect answer a message, and a plugin say `said` where it is a call.
fn converse(dialect: &Envelope, message: &[u8], said: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    match dialect.decode(Message { payload: message, text: false }) {
        Err((id, malformed)) => dialect.malformed(id.as_deref(), &malformed, &mut out),
        Ok(Asked { id, request }) => match request {
            Request::Call { name, data, streamed, .. } => {
                let data: Value = serde_json::from_str(data.get()).unwrap();
                assert!(name == "chat" && data["content"].is_string(), "{data}");
                assert!(!streamed || data["metadata"]["stream"] == true, "{data}");
                let said: Vec<_> = said.iter().map(Value::to_string).collect();
                let (last, parts) = said.split_last().unwrap();
                for (seq, part) in parts.iter().enumerate().filter(|_| streamed) {
                    let part = Answer::Part { name: "chat", seq: seq as u64, data: part.as_bytes() };
                    dialect.answer(id.as_deref(), &part, &mut out);
                }
                let (message, data, success) = ("", last.as_bytes(), last.len() % 5 > 0);
                let answer = Answer::Call { name: "chat", success, message, data, streamed };
                dialect.answer(id.as_deref(), &answer, &mut out);
            }
            Request::Ping => dialect.answer(id.as_deref(), &Answer::Pong(Timestamp::now()), &mut out),
            Request::Status => {
                let status = Answer::Status { connections: 1, uptime: Default::default(), messages: 2 };
                dialect.answer(id.as_deref(), &status, &mut out);
            }
            Request::Nothing | Request::Auth { .. } => {}
            other => panic!("none of this dialect's: {other:?}"),
        },
    }
    frames(&out)
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2.0..2.0_f64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            objects(inner).prop_map(Value::from),
        ]
    })
}

fn objects(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name =
        prop_oneof![4 => prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec((name, inner), 0..5).prop_map(|members| members.into_iter().collect())
}

/// Words that mean something here.
const WORDS: [&str; 32] = [
    "type",
    "version",
    "id",
    "ts",
    "payload",
    "message_type",
    "content",
    "metadata",
    "stream",
    "attachments",
    "status",
    "ping",
    "pong",
    "event_name",
    "severity",
    "info",
    "data",
    "timestamp",
    "confidence",
    "tools_used",
    "chunk",
    "2.0",
    "chat_message",
    "agent_response",
    "system_event",
    "health_check",
    "connection_event",
    "error_event",
    "language",
    "execution_time",
    "response_type",
    "full_content",
];

/// An envelope that is right but for what else is laid over it.
fn envelopes() -> impl Strategy<Value = Value> {
    let payload = prop_oneof![
        4 => Just(json!({ "message_type": "chat_message", "content": "hi" })),
        2 => Just(json!({ "message_type": "chat_message", "content": "hi", "metadata": { "stream": true } })),
        1 => Just(json!({ "message_type": "system_event", "event_name": "ping" })),
        1 => Just(json!({ "message_type": "system_event", "event_name": "status" })),
        1 => Just(json!({ "message_type": "health_check" })),
        1 => objects(values()).prop_map(Value::from),
    ];
    let over = || prop_oneof![2 => Just(Map::new()), 1 => objects(values())];
    (payload, over(), over()).prop_map(|(mut payload, inner, outer)| {
        payload.as_object_mut().unwrap().extend(inner);
        let mut envelope = json!({ "type": payload["message_type"], "id": "i", "payload": payload });
        envelope.as_object_mut().unwrap().extend(outer);
        envelope
    })
}

proptest! {
    #[test]
    fn every_answer_is_an_envelope(
        messages in prop::collection::vec(prop_oneof![6 => envelopes(), 1 => values()], 1..8),
        said in prop::collection::vec(values(), 1..5),
    ) {
        let dialect = greeted();
        for message in messages {
            for frame in converse(&dialect, message.to_string().as_bytes(), &said) {
                hold(&frame);
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        for dialect in [dialect(), greeted()] {
            for message in [&bytes[..], text.as_bytes()] {
                let answers = converse(&dialect, message, &[json!(null)]);
                prop_assert_eq!(hold(&answers[0]), "error_event");
            }
        }
    }

    #[test]
    fn every_event_is_an_envelope(
        name in prop_oneof![prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned), "\\PC{1,12}"],
        source in "\\PC{0,12}",
        data in values(),
        time in any::<i64>(),
    ) {
        let kind = EventType { number: 0, name: name.as_str().into() };
        let time = Timestamp(time.rem_euclid(1 << 42) + 1_600_000_000_001);
        let event = Event::new(kind, data.to_string().into(), source.as_str().into(), time);
        let room = RoomId { number: 1, name: "r".into(), class: 0 };
        let posted = Posted::new(event, room, Cursor { epoch: Epoch(1), offset: 1 }, false, Instant::now());
        let mut out = Vec::new();
        let place = EnvelopeFrame(Framing::WebSocket).encode(&posted, &posted.payload(), &mut out);
        if let Some(place) = place {
            prop_assert_eq!(&out[place], &posted.payload()[..]);
        }
        let frames = frames(&out);
        prop_assert_eq!(frames.len(), 1);
        let kind = hold(&frames[0]);
        if kind == "system_event" && name != "system_event" {
            prop_assert_eq!(&frames[0]["payload"]["event_name"], &json!(name));
        } else {
            prop_assert_eq!(kind, name);
        }
    }
}

#[test]
fn a_long_answer_in_pieces_is_kept_to_a_bound() {
    let dialect = greeted();
    let mut out = Vec::new();
    let piece = json!("x".repeat(100_000)).to_string();
    for seq in 0..10 {
        dialect.answer(None, &Answer::Part { name: "chat", seq, data: piece.as_bytes() }, &mut out);
        out.clear();
    }
    let whole = |data| Answer::Call { name: "chat", success: true, message: "", data, streamed: true };
    dialect.answer(None, &whole(b""), &mut out);
    assert_eq!(
        hold(&frames(&out)[0]),
        "error_event",
        "nobody has said the whole, and it is too long to be kept"
    );
    out.clear();
    dialect.answer(None, &Answer::Part { name: "chat", seq: 0, data: b"\"a\"" }, &mut out);
    dialect.answer(None, &Answer::Part { name: "chat", seq: 1, data: br#"{"chunk":"b"}"# }, &mut out);
    dialect.answer(None, &whole(b"{}"), &mut out);
    let frames: Vec<_> = frames(&out);
    assert_eq!(
        frames.last().unwrap()["payload"]["full_content"],
        "ab",
        "what was said in pieces is the whole"
    );
    frames.iter().for_each(|frame| assert_eq!(frame["correlation_id"], frames[0]["correlation_id"]));
}
