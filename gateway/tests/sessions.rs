//! What a session's client is promised, over a socket of its own: replies that name what is wrong, figures that add
//! up, and a way out that is never blocked.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::time::Duration;

use serde_json::json;
use testkit::{Gateway, Options};

const GATEWAY: &str = env!("CARGO_BIN_EXE_tidegate");

fn start() -> Gateway {
    Options::new().start(GATEWAY)
}

#[tokio::test]
async fn only_the_unknown_types_of_a_request_are_called_unknown() {
    let gateway = start();
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(socket.next().await["event_type"], "connected");
    for action in ["subscribe", "unsubscribe"] {
        let types = json!(["gap", "nope", "error", "neither"]);
        let reply = socket.ask(&json!({"action": action, "data": {"event_types": types}})).await;
        assert_eq!(reply["message"], "Invalid event type: 'nope' is not a known event type");
        assert_eq!(reply["data"], json!({"unknown": ["nope", "neither"]}));
    }
    let info = socket.ask(&json!({"action": "info"})).await;
    assert_eq!(info["data"]["subscriptions"], json!([]), "nothing has changed");
}

#[tokio::test]
async fn a_warning_before_the_close_counts_as_an_event_and_the_welcome_apart() {
    let gateway = start();
    let mut socket = gateway.connect("/ws?client_id=one").await;
    socket.next().await;
    gateway.request("DELETE", "/api/v1/sessions/one", None).await;
    assert_eq!(socket.next().await["event_type"], "disconnected");
    socket.closed().await;
    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!(
        (&stats["messages_sent"], &stats["stats"]["metrics"]["total_messages_sent"]),
        (&json!(2), &json!(1))
    );
}

/// A gateway with the plugin `echo`, whose library stands beside the program.
fn with_echo(settings: &[&str]) -> Gateway {
    let options = Options::new().set("plugins.echo.enabled=true");
    settings.iter().fold(options, |options, setting| options.set(setting)).start(GATEWAY)
}

#[tokio::test]
async fn a_stream_waits_for_a_client_that_does_not_read() {
    const BOUND: u64 = 1 << 20;
    let gateway = with_echo(&["limits.backlog_per_session=1MiB"]);
    let mut socket = gateway.connect("/ws").await;
    let endless = json!({"data": "x".repeat(20_000), "pieces": 0});
    socket.send(&json!({"action": "echo_stream", "id": 1, "data": endless})).await;
    let backlog = async || {
        let sessions = gateway.get("/api/v1/sessions").await.json();
        sessions["sessions"][0]["backlog"]["bytes"].as_u64().unwrap()
    };
    let filled = async { while backlog().await <= BOUND / 2 {} };
    tokio::time::timeout(Duration::from_secs(20), filled).await.expect("the stream goes on by itself");
    for _ in 0..100 {
        assert!(backlog().await <= BOUND, "the plugin is told to wait before the bound");
    }
}

#[tokio::test]
async fn who_waits_for_a_plugin_is_not_taken_for_gone() {
    let gateway = with_echo(&["endpoint.0.heartbeat.interval=250ms", "endpoint.0.heartbeat.timeout=500ms"]);
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    // Without an id the session reads nothing, pongs included, until the answer has come.
    let slow = json!({"pieces": 1, "every_ms": 1500});
    let part = socket.ask(&json!({"action": "echo_stream", "data": slow})).await;
    assert_eq!(part["seq"], 0);
    assert_eq!(socket.next().await["success"], true);
    assert_eq!(socket.ask(&json!({"action": "ping"})).await["message"], "pong");
}

#[tokio::test]
async fn the_gauges_come_to_the_room_system_as_often_as_is_configured() {
    let gateway = Options::new().set("metrics.publish=50ms").start(GATEWAY);
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    socket.ask(&json!({"action": "join", "room": "system"})).await;
    for _ in 0..2 {
        let event = socket.next().await;
        assert_eq!((&event["event_type"], &event["room"]), (&json!("metrics_updated"), &json!("system")));
        let gauges = &event["data"];
        assert_eq!(
            (&gauges["sessions"], &gauges["rooms"], &gauges["members"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert!(gauges["mailbox_bytes"].is_array());
    }
}
