//! `/ws/stats`: both shapes, exactly, and right after an event was received.

use serde_json::{Value, json};

use crate::gateway;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn both_shapes_are_served_at_both_paths() {
    let gateway = gateway();
    for path in ["/ws/stats", "/ws/stats/", "/api/v1/websocket/stats"] {
        let mut stats = gateway.get(path).await.json();
        assert!(stats["timestamp"].as_str().unwrap().ends_with('Z'));
        stats.as_object_mut().unwrap().remove("timestamp");
        assert_eq!(
            stats,
            json!({
                "active_connections": 0, "total_connections": 0, "total_disconnections": 0, "total_rooms": 0,
                "messages_sent": 0, "messages_received": 0, "rooms": {}, "status": "ok",
                "stats": {
                    "total_connections": 0, "connections_by_role": {}, "unique_users": 0,
                    "heartbeat_active": true, "heartbeat_interval": 25,
                    "metrics": {
                        "total_messages_sent": 0, "total_broadcasts": 0, "total_send_errors": 0,
                        "last_broadcast_at": null,
                    },
                },
            })
        );
    }
    assert_eq!(keys(&gateway.get("/ws/stats").await.json()["stats"]).len(), 6);
}

#[tokio::test]
async fn the_figures_hold_right_after_an_event_was_received() {
    let gateway = gateway();
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = gateway.connect("/ws").await;
        session.next().await;
        session.ask(&json!({ "action": "join", "room": "agents" })).await;
        sessions.push(session);
    }
    let event = json!({ "room": "agents", "event_type": "alert_triggered", "data": {} });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 3);
    for session in &mut sessions {
        assert_eq!(session.next().await["room"], "agents");
    }
    let stats = gateway.get("/ws/stats").await.json();
    let picked =
        ["active_connections", "total_connections", "total_rooms", "messages_sent", "messages_received"];
    let figures: Vec<_> = picked.iter().map(|name| stats[name].as_u64().unwrap()).collect();
    assert_eq!(figures, [3, 3, 1, 6, 3]);
    assert_eq!(stats["rooms"], json!({ "agents": 3 }));
    let metrics = &stats["stats"]["metrics"];
    assert_eq!((&metrics["total_messages_sent"], &metrics["total_broadcasts"]), (&json!(3), &json!(1)));
    assert!(metrics["last_broadcast_at"].is_string());
}
