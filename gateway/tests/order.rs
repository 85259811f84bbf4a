//! The order of a room's events is one for all its members, whoever publishes at the same time; and an answer to a
//! publish never overtakes its event.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};
use tokio::task::JoinSet;

const MEMBERS: usize = 6;
const PUBLISHERS: usize = 4;
const EVENTS: usize = 60;

fn gateway() -> Gateway {
    Options::new()
        .set("shards=2")
        .set("room=[{prefix=\"h:\",history={size=1000,ttl=\"1h\"}}]")
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn member(gateway: &Gateway, room: &str) -> Socket {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    assert_eq!(session.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    session
}

fn data(publisher: &str, number: usize) -> Value {
    json!({ "from": publisher, "n": number })
}

/// Publishes by REST; answers the offsets that it was told.
async fn by_rest(gateway: Arc<Gateway>, name: String) -> Vec<u64> {
    let mut offsets = Vec::new();
    for number in 0..EVENTS {
        let event = json!({ "room": "h:1", "event_type": "alert_triggered", "data": data(&name, number) });
        offsets.push(gateway.post("/api/v1/publish", &event).await.json()["offset"].as_u64().unwrap());
    }
    offsets
}

/// The same as a client, with all requests on their way at once.
async fn by_websocket(gateway: Arc<Gateway>, name: String) -> Vec<u64> {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    for number in 0..EVENTS {
        let data = json!({ "event_type": "alert_triggered", "data": data(&name, number) });
        session.send(&json!({ "action": "publish", "room": "h:1", "data": data })).await;
    }
    let mut offsets = Vec::new();
    for _ in 0..EVENTS {
        let reply = session.next().await;
        assert_eq!(reply["message"], "Published", "{reply}");
        offsets.push(reply["data"]["offset"].as_u64().unwrap());
    }
    offsets
}

#[tokio::test]
async fn all_members_see_one_order_under_concurrent_publishers() {
    let gateway = Arc::new(gateway());
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(member(&gateway, "h:1").await);
    }
    let all = PUBLISHERS * 2 * EVENTS;
    let mut readers = JoinSet::new();
    for mut session in members {
        readers.spawn(async move {
            let mut events = Vec::new();
            for _ in 0..all {
                events.push(session.next().await);
            }
            events
        });
    }
    let mut publishers = JoinSet::new();
    for number in 0..PUBLISHERS {
        for name in [format!("rest {number}"), format!("session {number}")] {
            let gateway = Arc::clone(&gateway);
            publishers.spawn(async move {
                let offsets = match name.starts_with("rest") {
                    true => by_rest(gateway, name.clone()).await,
                    false => by_websocket(gateway, name.clone()).await,
                };
                (name, offsets)
            });
        }
    }
    let told = publishers.join_all().await;
    let seen = readers.join_all().await;
    let first = &seen[0];
    for other in &seen[1..] {
        assert_eq!(first, other, "two members saw another order");
    }
    for (event, offset) in first.iter().zip(1_u64..) {
        assert_eq!(event["offset"], offset, "offsets grow by one: {event}");
        assert_eq!(event["epoch"], first[0]["epoch"]);
    }
    for (name, offsets) in told {
        assert!(offsets.is_sorted(), "{name} was overtaken by itself: {offsets:?}");
        for (number, offset) in offsets.into_iter().enumerate() {
            assert_eq!(first[offset as usize - 1]["data"], data(&name, number));
        }
    }
}

#[tokio::test]
async fn an_answer_to_a_publish_does_not_overtake_its_event() {
    let gateway = gateway();
    let mut other = gateway.connect("/ws").await;
    other.next().await;
    // One room keeps history, the other none: both are in memory.
    for room in ["h:answers", "answers"] {
        let _keeps_the_room_alive = member(&gateway, room).await;
        for number in 1..=50 {
            let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
            let placed = gateway.post("/api/v1/publish", &event).await.json();
            assert_eq!(placed["offset"], number);
            let joined = other.ask(&json!({ "action": "join", "room": room })).await;
            assert_eq!(
                joined["data"]["offset"], number,
                "who joins after the answer stands behind the event"
            );
            assert_eq!(joined["data"]["epoch"], placed["epoch"]);
            // No event comes in between: this is the next frame.
            assert_eq!(other.ask(&json!({ "action": "leave", "room": room })).await["success"], true);
        }
    }
}

#[tokio::test]
async fn what_a_caller_does_after_the_answer_comes_after_the_event() {
    let gateway = gateway();
    for number in 0..20 {
        let room = format!("last words {number}");
        let mut session = gateway.connect(&format!("/ws?client_id=c{number}")).await;
        session.next().await;
        session.ask(&json!({ "action": "join", "room": room })).await;
        let event = json!({ "room": room, "event_type": "alert_triggered", "data": {} });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 1);
        let closed = gateway.request("DELETE", &format!("/api/v1/sessions/c{number}"), None).await;
        assert_eq!(closed.status, 204);
        assert_eq!(session.next().await["event_type"], "alert_triggered");
        assert_eq!(session.next().await["event_type"], "disconnected");
        assert_eq!(session.closed().await.0, 1008);
    }
}
