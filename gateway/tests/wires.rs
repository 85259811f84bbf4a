//! One room, clients of every wire: each gets the same events in the same order, encoded once for all of a wire.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::{EventStream, Gateway, Options, Socket};
use tokio::task::JoinSet;

/// Of each wire.
const MEMBERS: usize = 200;
const EVENTS: u64 = 100;
/// That publish at once.
const PUBLISHERS: u64 = 4;

/// What WebSocket carries: the dialect, where it is, and what a client says first.
const WIRES: [(&str, &str, &str, Option<&str>); 6] = [
    ("rooms", "websocket", "/ws", None),
    ("topics", "websocket", "/ws/connect", None),
    ("stream", "websocket", "/ws/events?subscriptions=alert_triggered", None),
    ("envelope", "websocket", "/ws/chat", None),
    ("socketio", "engineio", "/socket.io/?EIO=4&transport=websocket", Some("40")),
    ("rooms", "engineio", "/rooms.io/?EIO=4&transport=websocket", None),
];

fn gateway() -> Gateway {
    let endpoint = |rest: &str| format!(r#"{{auto_join=["lobby"], {rest}}}"#);
    let endpoints = [
        r#"path="/ws""#,
        r#"path="/ws/connect", dialect="topics""#,
        r#"path="/ws/events", dialect="stream""#,
        r#"path="/ws/chat", dialect="envelope""#,
        r#"path="/socket.io/", transport="engineio", dialect="socketio", socketio={namespaces=["/"]}"#,
        r#"path="/rooms.io/", transport="engineio""#,
        r#"path="/events", transport="sse""#,
        r#"path="/poll", transport="poll""#,
    ];
    Options::new()
        .set(&format!("endpoint=[{}]", endpoints.map(endpoint).join(",")))
        .set(r#"room=[{prefix="", history={size=1000, ttl="1h"}}]"#)
        .set("shards=2")
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

/// The number that an event bears, whatever its form; none where it is none of ours.
fn number(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(r#""n":"#)?;
    rest.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok()
}

async fn member(gateway: &Gateway, path: &str, first: Option<&str>) -> Socket {
    let mut socket = gateway.connect(path).await;
    if let Some(first) = first {
        socket.next_text().await;
        socket.send_text(first).await;
    }
    socket
}

async fn numbers(mut socket: Socket) -> Vec<u64> {
    let mut got = Vec::new();
    while got.len() < EVENTS as usize {
        got.extend(number(&socket.next_text().await));
    }
    got
}

async fn streamed(mut events: EventStream) -> Vec<u64> {
    let mut got = Vec::new();
    while got.len() < EVENTS as usize {
        got.extend(events.next().await.data.as_deref().and_then(number));
    }
    got
}

async fn polled(gateway: Arc<Gateway>, mut cursor: Value) -> Vec<u64> {
    let mut got = Vec::new();
    while got.len() < EVENTS as usize {
        let path = format!("/poll?rooms=lobby&limit=7&cursor={}", cursor.as_str().unwrap());
        let answer = gateway.get(&path).await.json();
        got.extend(
            answer["events"].as_array().unwrap().iter().filter_map(|event| number(&event.to_string())),
        );
        cursor = answer["cursor"].clone();
    }
    got
}

/// How many events have been encoded for each wire.
async fn encodings(gateway: &Gateway) -> Vec<(String, f64)> {
    let wires = WIRES.iter().map(|(dialect, transport, ..)| (*dialect, *transport)).chain([("rooms", "sse")]);
    let mut all = Vec::new();
    for (dialect, transport) in wires {
        let labels = format!(r#"dialect="{dialect}",transport="{transport}",compressed="no""#);
        let count = gateway.metric(&format!("tidegate_encodings_total{{{labels}}}")).await;
        all.push((labels, count));
    }
    all
}

#[tokio::test]
async fn members_of_each_wire_get_the_same_events_in_the_same_order_and_each_is_encoded_once_for_a_wire() {
    let gateway = Arc::new(gateway());
    let mut clients = JoinSet::new();
    for (_, _, path, first) in WIRES {
        for _ in 0..MEMBERS {
            clients.spawn(numbers(member(&gateway, path, first).await));
        }
    }
    for _ in 0..MEMBERS {
        clients.spawn(streamed(EventStream::open(gateway.address(), "/events?rooms=lobby", &[]).await));
    }
    gateway.reaches("tidegate_members", (MEMBERS * (WIRES.len() + 1)) as f64).await;
    let cursor = gateway.get("/poll?rooms=lobby").await.json()["cursor"].clone();
    clients.spawn(polled(Arc::clone(&gateway), cursor));
    let before = encodings(&gateway).await; // of what welcomed them
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let gateway = Arc::clone(&gateway);
        publishers.spawn(async move {
            for n in (publisher..EVENTS).step_by(PUBLISHERS as usize) {
                let event = json!({"room": "lobby", "event_type": "alert_triggered", "data": {"n": n}});
                assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
            }
        });
    }
    publishers.join_all().await;
    let all = clients.join_all().await;
    let mut sorted = all[0].clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..EVENTS).collect::<Vec<_>>());
    assert_eq!(all.len(), MEMBERS * (WIRES.len() + 1) + 1);
    for other in &all {
        assert_eq!(other, &all[0]);
    }
    for ((wire, before), (_, after)) in before.into_iter().zip(encodings(&gateway).await) {
        assert_eq!(after - before, EVENTS as f64, "{wire}");
    }
}
