//! Sessions from outside: on two shards, so that orders cross threads.

use serde_json::json;

use crate::gateway;

#[tokio::test]
async fn sessions_of_all_shards_are_listed() {
    let gateway = gateway();
    let mut open = Vec::new();
    for name in ["a", "b", "c"] {
        let mut session = gateway.connect(&format!("/ws?client_id={name}")).await;
        session.next().await;
        open.push(session);
    }
    let list = gateway.get("/api/v1/sessions?limit=2").await.json();
    assert_eq!((&list["total"], list["sessions"].as_array().unwrap().len()), (&json!(3), 2));
    let all = gateway.get("/api/v1/sessions").await.json();
    let shards: std::collections::BTreeSet<_> =
        all["sessions"].as_array().unwrap().iter().map(|session| session["shard"].as_u64()).collect();
    assert_eq!(shards.len(), 2);
    let first = &list["sessions"][0];
    for key in [
        "connection_id",
        "user_id",
        "endpoint",
        "dialect",
        "connected_at",
        "rooms",
        "subscriptions",
        "backlog",
    ] {
        assert!(first.get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn a_session_is_closed_from_whatever_shard() {
    let gateway = gateway();
    for name in ["a", "b", "c", "d"] {
        let mut session = gateway.connect(&format!("/ws?client_id={name}")).await;
        session.next().await;
        assert_eq!(gateway.request("DELETE", &format!("/api/v1/sessions/{name}"), None).await.status, 204);
        session.closed().await;
    }
    assert_eq!(gateway.request("DELETE", "/api/v1/sessions/nope", None).await.status, 404);
    let user = gateway.request("DELETE", "/api/v1/users/nobody", None).await;
    assert_eq!((user.status, user.json()), (200, json!({ "closed": 0 })));
}

#[tokio::test]
async fn who_joins_a_session_and_then_publishes_reaches_it() {
    let gateway = gateway();
    for name in ["a", "b", "c", "d"] {
        let mut session = gateway.connect(&format!("/ws?client_id={name}")).await;
        session.next().await;
        let path = format!("/api/v1/sessions/{name}/rooms");
        assert_eq!(gateway.post(&path, &json!({ "room": name })).await.status, 200);
        let event = json!({ "room": name, "event_type": "alert_triggered", "data": {} });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 1);
        assert_eq!(session.next().await["room"], name);
        let left = gateway.request("DELETE", &format!("{path}/{name}"), None).await;
        assert_eq!(left.status, 204);
        assert_eq!(gateway.request("DELETE", &format!("{path}/{name}"), None).await.status, 404);
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 0);
    }
    assert_eq!(gateway.post("/api/v1/sessions/nope/rooms", &json!({ "room": "a" })).await.status, 404);
    assert_eq!(gateway.post("/api/v1/sessions/a/rooms", &json!({})).await.status, 422);
}
