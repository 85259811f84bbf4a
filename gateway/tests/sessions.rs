//! What a session's client is promised, over a socket of its own: replies that name what is wrong, figures that add
//! up, and a way out that is never blocked.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

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
