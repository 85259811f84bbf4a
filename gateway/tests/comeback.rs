//! Many clients that lose their connections at once and come back while events go on: each ends with the whole sequence,
//! and who never left hears of it in time.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};
use tokio::task::JoinSet;

const ROOMS: usize = 40;
const EACH: usize = 10;
const BEFORE: u64 = 20;
const AWAY: u64 = 150;
const AFTER: u64 = 20;

fn gateway() -> Gateway {
    let history = "room=[{prefix=\"kept:\",history={size=1000,ttl=\"1h\"}}]";
    Options::new().set("shards=2").set(history).start(env!("CARGO_BIN_EXE_tidegate"))
}

fn room(number: usize) -> String {
    format!("kept:{number}")
}

async fn session(gateway: &Gateway) -> Socket {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session
}

async fn publish(gateway: &Gateway, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let rooms = (0..ROOMS).map(room);
        let event = |room| json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
        let batch: Vec<Value> = rooms.map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    }
}

/// Reads events from number `next` to the last before `end`: none missing, none twice.
async fn read(session: &mut Socket, next: u64, end: u64) -> Value {
    let mut last = Value::Null;
    for number in next..end {
        let event = session.next().await;
        assert_eq!((&event["data"]["n"], &event["offset"]), (&json!(number), &json!(number + 1)), "{event}");
        last = json!({ "epoch": event["epoch"], "offset": event["offset"] });
    }
    last
}

#[tokio::test]
async fn all_who_come_back_at_once_have_the_whole_sequence() {
    let gateway = Arc::new(gateway());
    let mut members = Vec::new();
    for number in 0..ROOMS * EACH {
        let mut member = session(&gateway).await;
        let room = room(number % ROOMS);
        assert_eq!(member.ask(&json!({ "action": "join", "room": room })).await["success"], true);
        members.push((member, room));
    }
    let mut stays = session(&gateway).await;
    stays.ask(&json!({ "action": "join", "room": room(0) })).await;
    publish(&gateway, 0..BEFORE).await;
    let mut seen = Vec::new();
    for (mut member, room) in members {
        seen.push((read(&mut member, 0, BEFORE).await, room)); // and it is gone
    }
    publish(&gateway, BEFORE..BEFORE + AWAY).await;
    let mut coming = JoinSet::new();
    for (since, room) in seen {
        let gateway = Arc::clone(&gateway);
        coming.spawn(async move {
            let mut member = session(&gateway).await;
            let join = json!({ "action": "join", "room": room, "data": { "since": since } });
            let joined = member.ask(&join).await;
            assert_eq!(
                (&joined["data"]["recovered"], &joined["data"]["offset"]),
                (&json!(true), &json!(BEFORE))
            );
            read(&mut member, BEFORE, BEFORE + AWAY + AFTER).await;
            assert_eq!(member.ask(&json!({ "action": "ping" })).await["message"], "pong", "and nothing more");
        });
    }
    publish(&gateway, BEFORE + AWAY..BEFORE + AWAY + AFTER).await;
    while let Some(came) = coming.join_next().await {
        came.unwrap();
    }
    read(&mut stays, 0, BEFORE + AWAY + AFTER).await;
    assert_eq!(gateway.metric("tidegate_recoveries_total{result=\"hit\"}").await, (ROOMS * EACH) as f64);
}
