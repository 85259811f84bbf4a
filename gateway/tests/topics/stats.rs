//! What is counted.

use serde_json::json;

use crate::{enter, open, options, start, subscribe};

#[tokio::test]
async fn greetings_answers_and_pings_are_no_messages() {
    let gateway = start(options().set("endpoint.0.heartbeat={ interval = \"250ms\", timeout = \"20s\" }"));
    let (mut one, mut two) = (open(&gateway).await, enter(&gateway, json!({ "user_id": 7 })).await);
    loop {
        if one.next().await["event_type"] == "ping" {
            break;
        }
    }
    one.send(&json!({ "event_type": "subscribe", "data": { "events": ["a"] } })).await;
    while one.next().await["event_type"] != "notification" {}
    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!(stats["stats"]["metrics"]["total_messages_sent"], 0);
    assert_eq!(stats["stats"]["metrics"]["total_broadcasts"], 0);
    assert!(stats["stats"]["metrics"]["last_broadcast_at"].is_null());
    assert_eq!((&stats["messages_sent"], &stats["messages_received"]), (&json!(2), &json!(1)));
    let noticed = gateway.post("/ws/_test/broadcast", &json!({})).await.json();
    for session in [&mut one, &mut two] {
        while session.next().await["event_type"] != "notification" {}
    }
    assert_eq!(noticed["metrics"]["total_broadcasts"], 1);
    assert!(noticed["metrics"]["last_broadcast_at"].is_string());
    let stats = gateway.get("/ws/stats").await.json()["stats"].clone();
    assert_eq!(stats["metrics"]["total_messages_sent"], 2);
    assert_eq!((&stats["unique_users"], &stats["total_connections"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn the_heartbeat_of_the_profile_is_30_s() {
    let gateway = start(options());
    let mut session = open(&gateway).await;
    subscribe(&mut session, &[]).await;
    let stats = gateway.get("/ws/stats").await.json()["stats"].clone();
    assert_eq!((&stats["heartbeat_active"], &stats["heartbeat_interval"]), (&json!(true), &json!(30)));
    assert_eq!(stats.as_object().unwrap().len(), 6, "{stats}");
}

#[tokio::test]
async fn the_types_of_its_clients_are_known() {
    let gateway = start(options());
    let answer = gateway.post("/ws/broadcast", &json!({ "event_type": "nope", "data": {} })).await.json();
    let known = answer["available_types"].as_array().unwrap().clone();
    for kind in tidegate::dialect::topics::TYPES {
        assert!(known.contains(&json!(kind)), "{kind}");
        let answer = gateway.post("/ws/broadcast", &json!({ "event_type": kind, "data": {} })).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
    assert_eq!(tidegate::dialect::topics::TYPES.len(), 17);
}
