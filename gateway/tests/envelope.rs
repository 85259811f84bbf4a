//! The dialect `envelope` against the gateway itself: each row of what clients send and get, in words that they compare.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "envelope/answers.rs"]
mod answers;
#[path = "envelope/auth.rs"]
mod auth;
#[path = "envelope/chat.rs"]
mod chat;
#[path = "envelope/events.rs"]
mod events;
#[path = "envelope/life.rs"]
mod life;
#[path = "envelope/rate.rs"]
mod rate;
#[path = "envelope/schema.rs"]
mod schema;

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// The shipped profile, on free ports, with an assistant that says what it is told.
pub(crate) fn profile() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/chat.toml");
    let options = Options::new().config(profile).set("plugins.echo.enabled=true");
    let options = options.set("plugins.qa-chat.enabled=false").set("plugins.parrot.enabled=true");
    options.set("listener.chat.address=127.0.0.1:0").set("shards=2")
}

pub(crate) fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// A session that has had its welcome, and its id.
pub(crate) async fn open(gateway: &Gateway) -> (Socket, String) {
    let mut socket = gateway.connect("/ws/chat").await;
    let welcome = socket.next().await;
    assert_eq!(welcome["payload"]["event_name"], "connection_established", "{welcome}");
    (socket, welcome["session_id"].as_str().unwrap().to_owned())
}

/// An envelope whose type is that of its payload.
pub(crate) fn envelope(id: &str, payload: Value) -> Value {
    json!({ "type": payload["message_type"], "id": id, "payload": payload })
}

/// A chat message.
pub(crate) fn chat(id: &str, content: &str, metadata: Value) -> Value {
    envelope(id, json!({ "message_type": "chat_message", "content": content, "metadata": metadata }))
}

/// Holds what the gateway sends to what every frame of it has; answers its payload.
#[track_caller]
pub(crate) fn checked(frame: &Value) -> &Value {
    let mut keys: Vec<_> = frame.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let all = ["correlation_id", "id", "payload", "session_id", "ts", "type", "user_id", "version"];
    assert_eq!(keys, all, "{frame}");
    assert_eq!(frame["type"], frame["payload"]["message_type"], "{frame}");
    assert_eq!(frame["version"], "2.0");
    assert_uuid(&frame["id"]);
    assert!(frame["ts"].as_i64().is_some_and(|ts| ts > 1_600_000_000_000), "{frame}");
    &frame["payload"]
}

/// Holds an id to the form of a UUID of version 4.
#[track_caller]
pub(crate) fn assert_uuid(id: &Value) {
    let id: Vec<_> = id.as_str().unwrap().split('-').collect();
    assert_eq!(id.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id:?}");
    assert!(id[2].starts_with('4') && id.concat().chars().all(|c| c.is_ascii_hexdigit()), "{id:?}");
}

/// Holds a frame to be an error of the protocol; answers its details.
#[track_caller]
pub(crate) fn protocol_error<'a>(frame: &'a Value, code: &str, message: &str) -> &'a Value {
    let payload = checked(frame);
    assert_eq!(
        (&payload["error_code"], &payload["error_message"]),
        (&json!(code), &json!(message)),
        "{frame}"
    );
    assert_eq!((&payload["stack_trace"], &payload["retry_count"]), (&json!(null), &json!(0)));
    let whom = (&frame["session_id"], &frame["user_id"], &frame["correlation_id"]);
    assert_eq!(whom, (&json!("unknown"), &json!("unknown"), &json!(null)));
    &payload["details"]
}
