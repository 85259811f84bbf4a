//! Metrics: what was done is counted, right after it was done; the page is what a strict reader takes; and the JSON
//! views tell the same.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod metrics {
    mod counts;
    pub(crate) mod exposition;
    mod formats;
    mod views;
}

use metrics::exposition::Page;
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// On two shards, so that what is counted on each is added up; rooms of the class `news:*` keep history.
fn gateway() -> Gateway {
    start(Options::new())
}

fn start(options: Options) -> Gateway {
    let rules = "room=[{prefix=\"news:\", history={size=10, ttl=\"1h\"}}]";
    options.set("shards=2").set(rules).start(env!("CARGO_BIN_EXE_tidegate"))
}

/// The page, checked.
async fn page(gateway: &Gateway) -> Page {
    Page::text(&gateway.get("/metrics").await.body)
}

/// Sessions in a room, half of them on each shard.
async fn members(gateway: &Gateway, room: &str, count: usize) -> Vec<Socket> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let mut session = gateway.connect("/ws").await;
        session.next().await;
        assert_eq!(session.ask(&json!({ "action": "join", "room": room })).await["success"], true);
        sessions.push(session);
    }
    sessions
}

fn event(room: &str, kind: &str) -> Value {
    json!({ "room": room, "event_type": kind, "data": {} })
}

async fn publish(gateway: &Gateway, events: &Value) {
    assert_eq!(gateway.post("/api/v1/publish", events).await.status, 200);
}
