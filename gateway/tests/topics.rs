//! The dialect `topics`, by the profile of the operations dashboard: who comes in, what is greeted and answered, whom events
//! reach, and how they look.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "topics/auth.rs"]
mod auth;
#[path = "topics/bus.rs"]
mod bus;
#[path = "topics/clients.rs"]
mod clients;
#[path = "topics/documents.rs"]
mod documents;
#[path = "topics/life.rs"]
mod life;
#[path = "topics/requests.rs"]
mod requests;
#[path = "topics/stats.rs"]
mod stats;
#[path = "topics/targets.rs"]
mod targets;

use std::path::{Path, PathBuf};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// The secret of the profile's tokens here.
const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";
/// Where its clients connect.
pub(crate) const PATH: &str = "/ws/connect";

pub(crate) fn profile() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/operations.toml")
}

/// The shipped profile on two shards, without its database.
pub(crate) fn options() -> Options {
    let options = Options::new().config(profile()).set("shards=2").set("plugins.db-listener.enabled=false");
    options.set(&format!("auth.operations.secret={SECRET}"))
}

/// The same, where nobody comes in without a token.
pub(crate) fn closed() -> Options {
    options().set("auth.operations.anonymous=false")
}

pub(crate) fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A session that has had its acknowledgement.
pub(crate) async fn open(gateway: &Gateway) -> Socket {
    let mut socket = gateway.connect(PATH).await;
    assert_eq!(socket.next().await["event_type"], "connection_ack");
    socket
}

/// The same with a token of these claims.
pub(crate) async fn enter(gateway: &Gateway, claims: Value) -> Socket {
    let bearer = format!("Bearer {}", token(&claims));
    let mut socket = gateway.try_connect(PATH, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.next().await["event_type"], "connection_ack");
    socket
}

/// Has the session subscribe to topics, and takes the confirmation.
pub(crate) async fn subscribe(session: &mut Socket, topics: &[&str]) {
    let request = json!({ "event_type": "subscribe", "data": { "events": topics } });
    let answer = session.ask(&request).await;
    let content = format!("Suscrito a {} tipos de eventos", topics.len());
    assert_eq!(answer["data"]["content"], content, "{answer}");
}

/// Nothing has come to the session before this: what it asks is answered next.
pub(crate) async fn nothing_else(session: &mut Socket) {
    subscribe(session, &[]).await;
}

/// The keys of an envelope, in their order on the wire, which values have a type that clients expect.
#[track_caller]
pub(crate) fn judge(text: &str) -> Value {
    let frame: Value = serde_json::from_str(text).unwrap();
    let keys = ["event_type", "data", "timestamp", "message_id", "target_user_id", "target_role", "topic"];
    let places: Vec<_> =
        keys.map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}: {text}"))).to_vec();
    assert_eq!(frame.as_object().unwrap().len(), keys.len(), "{text}");
    assert!(places[0] < places[1] && places[2..].is_sorted() && places[1] < places[2], "{text}");
    assert!(frame["data"].is_object(), "{text}");
    judge_time(frame["timestamp"].as_str().unwrap());
    let id = uuid::Uuid::parse_str(frame["message_id"].as_str().unwrap()).unwrap();
    assert_eq!((id.get_version_num(), id.get_variant()), (4, uuid::Variant::RFC4122), "{text}");
    frame
}

/// As `2026-01-01T12:00:00.123456`.
#[track_caller]
pub(crate) fn judge_time(time: &str) {
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000", "{time}");
}
