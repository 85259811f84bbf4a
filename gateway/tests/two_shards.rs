//! What is asked on one shard happens on the other, in order.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::BTreeMap;

use serde_json::json;
use testkit::{Gateway, Options, Socket};

fn gateway() -> Gateway {
    Options::new().set("shards=2").start(env!("CARGO_BIN_EXE_tidegate"))
}

/// Three sessions on each shard, by the shard's number, with their ids.
async fn three_on_each(gateway: &Gateway) -> BTreeMap<u64, Vec<(String, Socket)>> {
    let mut open = BTreeMap::new();
    for number in 0..6 {
        let id = format!("c{number}");
        let mut session = gateway.connect(&format!("/ws?client_id={id}")).await;
        session.next().await;
        open.insert(id, session);
    }
    let list = gateway.get("/api/v1/sessions").await.json();
    let mut by_shard: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for session in list["sessions"].as_array().unwrap() {
        let id = session["connection_id"].as_str().unwrap().to_owned();
        let socket = open.remove(&id).unwrap();
        by_shard.entry(session["shard"].as_u64().unwrap()).or_default().push((id, socket));
    }
    assert_eq!(by_shard.values().map(Vec::len).collect::<Vec<_>>(), [3, 3], "shares are even");
    by_shard
}

/// Takes two of the shard's sessions away: what comes next is served there, where the fewest connections are.
async fn make_it_the_emptiest(gateway: &Gateway, sessions: &mut Vec<(String, Socket)>) {
    sessions.truncate(1);
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 4.0).await;
    // Besides the sessions' there is the one that asks.
    gateway.reaches("tidegate_connections", 5.0).await;
}

#[tokio::test]
async fn a_session_is_closed_with_1008_from_each_shard() {
    for asking in [0, 1] {
        let gateway = gateway();
        let mut by_shard = three_on_each(&gateway).await;
        make_it_the_emptiest(&gateway, by_shard.get_mut(&asking).unwrap()).await;
        let here = by_shard.get_mut(&asking).unwrap().pop().unwrap();
        let there = by_shard.get_mut(&(1 - asking)).unwrap().pop().unwrap();
        for (id, mut session) in [there, here] {
            let path = format!("/api/v1/sessions/{id}");
            assert_eq!(gateway.request("DELETE", &path, None).await.status, 204);
            let warning = session.next().await;
            assert_eq!(
                (&warning["event_type"], &warning["data"]["code"]),
                (&json!("disconnected"), &json!(1008))
            );
            assert_eq!(session.closed().await, (1008, "closed by an administrator".to_owned()));
            // It is gone for whoever asks next.
            assert_eq!(gateway.request("DELETE", &path, None).await.status, 404);
        }
    }
}

#[tokio::test]
async fn who_joins_a_session_on_the_other_shard_and_publishes_reaches_it() {
    let gateway = gateway();
    let mut by_shard = three_on_each(&gateway).await;
    make_it_the_emptiest(&gateway, by_shard.get_mut(&0).unwrap()).await;
    let (id, session) = &mut by_shard.get_mut(&1).unwrap()[0];
    for round in 0..50 {
        let room = format!("r{round}");
        let path = format!("/api/v1/sessions/{id}/rooms");
        assert_eq!(gateway.post(&path, &json!({ "room": room })).await.status, 200);
        let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": round } });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 1);
        let event = session.next().await;
        assert_eq!((&event["room"], &event["data"]["n"]), (&json!(room), &json!(round)));
        assert_eq!(gateway.request("DELETE", &format!("{path}/{room}"), None).await.status, 204);
    }
}

#[tokio::test]
async fn the_figures_count_an_event_as_soon_as_it_was_received() {
    let gateway = gateway();
    let mut by_shard = three_on_each(&gateway).await;
    let mut sessions: Vec<Socket> =
        by_shard.values_mut().flat_map(|list| list.drain(..)).map(|(_, session)| session).collect();
    for session in &mut sessions {
        session.ask(&json!({ "action": "join", "room": "r" })).await;
    }
    for round in 1..=200 {
        let event = json!({ "room": "r", "event_type": "alert_triggered", "data": {} });
        gateway.post("/api/v1/publish", &event).await;
        for session in &mut sessions {
            assert_eq!(session.next().await["room"], "r");
        }
        let stats = gateway.get("/ws/stats").await.json();
        let metrics = &stats["stats"]["metrics"];
        let counted = (&metrics["total_messages_sent"], &metrics["total_broadcasts"]);
        assert_eq!(counted, (&json!(6 * round), &json!(round)));
        assert_eq!(stats["messages_sent"], 6 + 6 * round, "a welcome and the events each");
    }
}
