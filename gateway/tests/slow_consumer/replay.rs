//! A replay is as long as its history: whoever reads it, at its own pace, gets all of it.

use serde_json::{Value, json};
use testkit::{Gateway, Options};

/// Events of a batch.
const BATCH: u64 = 100;

fn gateway() -> Gateway {
    Options::new()
        .set("shards=1")
        .set("limits.backlog_per_session=\"1 MiB\"")
        .set("room=[{prefix=\"h:\",history={size=3000,ttl=\"1h\"}}]")
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

/// Publishes so many events with `text` into `room`, numbered from 1 as their offsets are.
async fn publish(gateway: &Gateway, room: &str, events: u64, text: &str) {
    let event = |n: u64| json!({ "room": room, "event_type": "gap", "data": { "n": n, "text": text } });
    for first in (1..=events).step_by(BATCH as usize) {
        let batch: Vec<Value> = (first..first + BATCH).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    }
}

fn join(room: &str) -> String {
    json!({ "action": "join", "room": room, "data": { "since": "start" } }).to_string()
}

#[tokio::test]
async fn a_replay_of_thousands_of_small_events_comes_whole() {
    const EVENTS: u64 = 2500;
    let gateway = gateway();
    publish(&gateway, "h:r", EVENTS, "").await;
    let mut wire = gateway.wire("/ws").await;
    wire.next().await;
    wire.send_text(&join("h:r")).await;
    assert_eq!(wire.next().await.json()["data"]["recovered"], true);
    for offset in 1..=EVENTS {
        assert_eq!(wire.next().await.json()["offset"], offset);
    }
}

#[tokio::test]
async fn whoever_reads_many_histories_at_once_is_not_taken_for_slow() {
    const ROOMS: usize = 20;
    const EVENTS: u64 = 100;
    let gateway = gateway();
    let text = "x".repeat(8000);
    for room in 0..ROOMS {
        publish(&gateway, &format!("h:{room}"), EVENTS, &text).await;
    }
    let mut wire = gateway.narrow_wire("/ws", 4096).await;
    wire.next().await;
    for room in 0..ROOMS {
        wire.send_text(&join(&format!("h:{room}"))).await;
    }
    let (mut seen, mut joined) = (vec![0; ROOMS], 0);
    while joined < ROOMS || seen.iter().any(|seen| *seen < EVENTS) {
        let frame = wire.next().await.json();
        if frame["data"]["recovered"] == true {
            joined += 1;
            continue;
        }
        let room: usize = frame["room"].as_str().unwrap()[2..].parse().unwrap();
        seen[room] += 1;
        assert_eq!(frame["offset"], seen[room], "{frame}");
    }
    assert_eq!(gateway.metric("tidegate_slow_closes_total").await, 0.0);
}
