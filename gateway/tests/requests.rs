//! The `rooms` dialect row by row: what each request answers, what it answers when it is wrong, and that no mistake
//! of a client's ends its session.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "requests/criteria.rs"]
mod criteria;
#[path = "requests/filters.rs"]
mod filters;
#[path = "requests/history.rs"]
mod history;
#[path = "requests/mistakes.rs"]
mod mistakes;
#[path = "requests/recovery.rs"]
mod recovery;
#[path = "requests/replies.rs"]
mod replies;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// Rooms whose names begin with `h:` keep five events.
fn gateway() -> Gateway {
    start(
        "room=[{prefix=\"h:\",history={size=5,ttl=\"1h\"}},{prefix=\"closed:\",join=\"nobody\",publish=\"nobody\"}]",
    )
}

fn start(setting: &str) -> Gateway {
    Options::new().set("shards=2").set(setting).start(env!("CARGO_BIN_EXE_tidegate"))
}

/// A session that has had its welcome.
async fn session(gateway: &Gateway) -> Socket {
    let mut session = gateway.connect("/ws").await;
    assert_eq!(session.next().await["event_type"], "connected");
    session
}

/// Publishes an event with a number as a session.
async fn publish(session: &mut Socket, room: &str, kind: &str, number: u64) {
    let data = json!({ "event_type": kind, "data": { "n": number } });
    let reply = session.ask(&json!({ "action": "publish", "room": room, "data": data })).await;
    assert_eq!(reply["message"], "Published", "{reply}");
}

fn refusal(message: &str) -> Value {
    json!({ "success": false, "message": message, "data": null })
}

/// The session answers as ever.
async fn assert_alive(session: &mut Socket, after: &str) {
    let pong = session.ask(&json!({ "action": "ping", "id": "alive?" })).await;
    assert_eq!((&pong["message"], &pong["id"]), (&json!("pong"), &json!("alive?")), "after {after}");
}
