//! A client that does not read is closed; it costs the gateway what its backlog may hold, and the others nothing.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod slow_consumer {
    mod budget;
    mod dropping;
    mod policies;
    mod replay;
}

use serde_json::{Value, json};
use testkit::{Gateway, Options, Wire, opcode};
use tokio::task::JoinSet;

/// Bytes of an event's data, more or less.
const EVENT: usize = 8000;
/// Kernels hold some MiB between two sockets.
const MOST_EVENTS: u64 = 4000;
const MIB: f64 = 1024.0 * 1024.0;
const CLOSES: &str = "tidegate_slow_closes_total";
const MEMORY: &str = "tidegate_process_resident_memory_bytes";

fn gateway() -> Gateway {
    let bounds = ["limits.message=\"32 KiB\"", "limits.backlog_per_session=\"64 KiB\""];
    let options = bounds.iter().fold(Options::new().set("shards=2"), |options, bound| options.set(bound));
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn join(mut wire: Wire) -> Wire {
    wire.next().await;
    assert_eq!(wire.ask(&json!({ "action": "join", "room": "r" })).await["success"], true);
    wire
}

fn event(number: u64) -> Value {
    let data = json!({ "n": number, "text": "x".repeat(EVENT) });
    json!({ "room": "r", "event_type": "alert_triggered", "data": data })
}

/// Publishes until `closes` sessions in all were too slow, and each reader has got each event. Answers how many
/// events that took.
async fn publish_until(gateway: &Gateway, readers: &mut Vec<Wire>, first: u64, closes: f64) -> u64 {
    for number in first..MOST_EVENTS {
        assert_eq!(gateway.post("/api/v1/publish", &event(number)).await.status, 200);
        let mut reading = JoinSet::new();
        for mut wire in readers.drain(..) {
            reading.spawn(async move {
                assert_eq!(wire.next().await.json()["data"]["n"], number);
                wire
            });
        }
        readers.extend(reading.join_all().await);
        if number % 8 == 0 && gateway.metric(CLOSES).await == closes {
            return number + 1;
        }
    }
    panic!("{MOST_EVENTS} events fit into the backlog");
}

/// Reads again: whole events without a hole, then the close, and nothing behind it.
async fn read_what_is_left(mut wire: Wire, first: u64) -> u64 {
    for number in first.. {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            assert_eq!(frame.close(), (1013, "slow consumer"));
            wire.send_close(1013, "").await;
            wire.ended().await;
            return number;
        }
        assert_eq!(frame.json()["data"]["n"], number, "a hole");
    }
    unreachable!("the close never comes")
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_all_others_get_everything() {
    let gateway = gateway();
    let mut readers = Vec::new();
    for _ in 0..4 {
        readers.push(join(gateway.wire("/ws").await).await);
    }
    let slow = join(gateway.narrow_wire("/ws", 4096).await).await;
    let published = publish_until(&gateway, &mut readers, 0, 1.0).await;
    let got = read_what_is_left(slow, 0).await;
    assert!(got > 0 && got < published, "{got} of {published}");

    // It may come back, and the others have not noticed anything.
    let mut again = join(gateway.wire("/ws").await).await;
    assert_eq!(gateway.post("/api/v1/publish", &event(published)).await.json()["sent"], 5);
    readers.push(again);
    for wire in &mut readers {
        assert_eq!(wire.next().await.json()["data"]["n"], published);
    }
    again = readers.pop().unwrap();
    assert_eq!(again.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn what_slow_clients_cost_is_bounded() {
    let gateway = gateway();
    let mut readers = vec![join(gateway.wire("/ws").await).await];
    let first = publish_until(&gateway, &mut readers, 0, 0.0).await;
    let before = gateway.metric(MEMORY).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(join(gateway.narrow_wire("/ws", 4096).await).await);
    }
    publish_until(&gateway, &mut readers, first, 20.0).await;
    let grown = gateway.metric(MEMORY).await - before;
    // Their backlogs refer to the same frames: 64 KiB in all, not each.
    assert!(grown < 8.0 * MIB, "{grown} bytes");
    assert_eq!(
        gateway.metric("tidegate_sessions{dialect=\"rooms\"}").await,
        1.0,
        "who is closed is no member any more"
    );
}

#[tokio::test]
async fn a_close_is_counted_once_however_many_events_meet_the_full_backlog() {
    let gateway = gateway();
    let slow = join(gateway.narrow_wire("/ws", 4096).await).await;
    // A batch is walked in few turns, so that many events come behind the one that was too much.
    let mut published = 0;
    while gateway.metric(CLOSES).await == 0.0 {
        assert!(published < MOST_EVENTS, "{published} events fit into the backlog");
        let batch: Vec<_> = (published..published + 100).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        published += 100;
    }
    assert_eq!(gateway.metric(CLOSES).await, 1.0);
    assert!(read_what_is_left(slow, 0).await < published);
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_read_the_answers_stops_being_read() {
    const REQUESTS: usize = 20_000;
    let gateway = gateway();
    let mut wire = gateway.narrow_wire("/ws", 4096).await;
    wire.next().await;
    let before = gateway.metric(MEMORY).await;
    let pad = "x".repeat(180);
    let requests: Vec<String> =
        (0..REQUESTS).map(|number| format!(r#"{{"action":"info","id":"{number}{pad}"}}"#)).collect();
    let sender = wire.sender();
    let asking = tokio::spawn(async move {
        for request in requests {
            sender.send_text(&request).await;
        }
    });
    // Half of the backlog's bound is full of answers, and so no further request is read.
    let backlog =
        async || gateway.get("/api/v1/sessions").await.json()["sessions"][0]["backlog"]["bytes"].as_u64();
    while backlog().await <= Some(32 * 1024) {}
    assert!(gateway.metric("tidegate_frames_received_total").await < REQUESTS as f64);
    let grown = gateway.metric(MEMORY).await - before;
    assert!(grown < 8.0 * MIB, "{grown} bytes");
    for number in 0..REQUESTS {
        assert_eq!(wire.next().await.json()["id"], format!("{number}{pad}"));
    }
    asking.await.unwrap();
}
