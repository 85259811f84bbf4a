//! What each kind of message is answered with.

use serde_json::{Value, json};
use testkit::Socket;

use crate::{checked, envelope, open, profile, protocol_error, start};

fn system(id: &str, name: &str) -> Value {
    envelope(id, json!({ "message_type": "system_event", "event_name": name }))
}

fn ping(id: &str) -> Value {
    envelope(id, json!({ "message_type": "health_check", "status": "ping" }))
}

/// Asks, and then for a pong, which must be what comes next.
async fn says_nothing(socket: &mut Socket, frame: &Value) {
    socket.send(frame).await;
    assert_eq!(socket.ask(&ping("after")).await["correlation_id"], "after", "{frame}");
}

#[tokio::test]
async fn both_pings_are_answered_with_a_pong() {
    let gateway = start(profile());
    let (mut socket, session) = open(&gateway).await;
    let by_default = envelope("3", json!({ "message_type": "health_check" }));
    for frame in [system("1", "ping"), ping("2"), by_default] {
        let pong = socket.ask(&frame).await;
        let payload = checked(&pong);
        assert_eq!((&payload["message_type"], &payload["status"]), (&json!("health_check"), &json!("pong")));
        assert!(payload["timestamp"].is_f64() && payload["timestamp"].as_f64().unwrap() > 1.6e9, "{pong}");
        assert_eq!(payload["metrics"], json!(null));
        assert_eq!((&pong["session_id"], &pong["user_id"]), (&json!(session), &json!("anonymous_user")));
        assert_eq!(pong["correlation_id"], frame["id"]);
    }
    let nameless = json!({ "type": "health_check", "payload": { "message_type": "health_check" } });
    crate::assert_uuid(&socket.ask(&nameless).await["correlation_id"]);
    socket.send_binary(ping("binary").to_string().as_bytes()).await;
    assert_eq!(socket.next().await["correlation_id"], "binary");
}

#[tokio::test]
async fn a_status_says_how_the_gateway_is() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    let (_other, _) = open(&gateway).await;
    let status = socket.ask(&system("s", "status")).await;
    let payload = checked(&status);
    assert_eq!(payload["event_name"], "server_status");
    assert_eq!(
        (&payload["description"], &payload["severity"]),
        (&json!("Current server status"), &json!("info"))
    );
    let data = payload["data"].as_object().unwrap();
    assert_eq!((data.len(), &data["connections"], &data["messages_processed"]), (3, &json!(2), &json!(1)));
    assert!(data["uptime"].is_u64(), "{status}");
    assert_eq!(status["correlation_id"], "s");
}

#[tokio::test]
async fn other_events_are_met_with_silence() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    says_nothing(&mut socket, &system("1", "user_typing")).await;
    says_nothing(&mut socket, &system("2", "PING")).await;
}

#[tokio::test]
async fn what_is_well_formed_and_no_request_is_unknown() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    let pong = json!({ "message_type": "health_check", "status": "pong", "timestamp": 1.5, "metrics": {} });
    for (kind, payload) in [
        ("health_check", pong),
        ("agent_response", json!({ "message_type": "agent_response", "content": "x", "confidence": 1 })),
        ("connection_event", json!({ "message_type": "connection_event", "event_type": "reconnected" })),
        ("error_event", json!({ "message_type": "error_event", "error_code": "a", "error_message": "b" })),
        ("chat_message", json!({ "message_type": "system_event", "event_name": "ping" })),
        ("bogus", json!({ "message_type": "health_check" })),
    ] {
        let error = socket.ask(&json!({ "type": kind, "id": "x", "payload": payload })).await;
        let details = protocol_error(&error, "unknown_event", &format!("Unknown envelope type: {kind}"));
        assert_eq!(*details, json!(null));
    }
}

#[tokio::test]
async fn what_is_malformed_is_answered_with_the_field() {
    let gateway = start(profile().set("endpoint.0.envelope.rate=\"0\""));
    let (mut socket, _) = open(&gateway).await;
    let chat = |field: &str, value: Value| {
        let mut payload = json!({ "message_type": "chat_message", "content": "x" });
        payload[field] = value;
        envelope("c", payload)
    };
    let with = |field: &str, value: Value| {
        let mut frame = ping("e");
        frame[field] = value;
        frame
    };
    let health = |field: &str, value: Value| {
        let mut payload = json!({ "message_type": "health_check" });
        payload[field] = value;
        envelope("h", payload)
    };
    for (frame, field) in [
        (chat("content", json!("")), "payload.content"),
        (chat("content", json!("é".repeat(10_001))), "payload.content"),
        (chat("content", json!(7)), "payload.content"),
        (chat("content", json!(null)), "payload.content"),
        (chat("attachments", json!({})), "payload.attachments"),
        (chat("attachments", json!(["x"])), "payload.attachments"),
        (chat("metadata", json!([])), "payload.metadata"),
        (chat("language", json!(1)), "payload.language"),
        (chat("locale", json!(true)), "payload.locale"),
        (chat("timestamp", json!({})), "payload.timestamp"),
        (chat("extra_field", json!(1)), "payload.extra_field"),
        (health("status", json!("pang")), "payload.status"),
        (health("timestamp", json!("now")), "payload.timestamp"),
        (health("metrics", json!(1)), "payload.metrics"),
        (with("version", json!("3.0")), "version"),
        (with("version", json!(2)), "version"),
        (with("id", json!(7)), "id"),
        (with("ts", json!(0)), "ts"),
        (with("ts", json!(-1)), "ts"),
        (with("ts", json!(1.5)), "ts"),
        (with("ts", json!("1.5")), "ts"),
        (with("ts", json!("soon")), "ts"),
        (with("ts", json!(true)), "ts"),
        (with("correlation_id", json!({})), "correlation_id"),
        (with("type", json!(1)), "type"),
        (with("payload", json!("x")), "payload"),
        (with("payload", json!(null)), "payload"),
        (with("payload", json!({})), "payload.message_type"),
        (with("payload", json!({ "message_type": "bogus" })), "payload.message_type"),
        (json!({ "payload": { "message_type": "health_check" } }), "type"),
        (json!({ "type": "health_check" }), "payload"),
        (envelope("s", json!({ "message_type": "system_event" })), "payload.event_name"),
        (json!([]), "object"),
    ] {
        let error = socket.ask(&frame).await;
        let details = protocol_error(&error, "processing_error", "Message processing failed");
        assert!(details.as_str().unwrap().contains(field), "{field} in {details}");
    }
    for text in ["{", "hello", "", "\u{0}", r#"{"type":"health_check"} x"#] {
        socket.send_text(text).await;
        protocol_error(&socket.next().await, "processing_error", "Message processing failed");
    }
    socket.send_binary(&[0xff, 0xfe]).await;
    protocol_error(&socket.next().await, "processing_error", "Message processing failed");
    assert_eq!(socket.ask(&ping("alive")).await["correlation_id"], "alive", "it stays");
}

#[tokio::test]
async fn what_is_left_out_or_of_another_form_is_taken() {
    let gateway = start(profile());
    let (mut socket, session) = open(&gateway).await;
    for (field, value) in [
        ("version", json!("1.0")),
        ("version", json!("1.1")),
        ("ts", json!("1700000000000")),
        ("ts", json!(1)),
        ("ts", json!(null)),
        ("session_id", json!("another")),
        ("session_id", json!(5)),
        ("user_id", json!("root")),
        ("correlation_id", json!("c")),
        ("whatever", json!({ "a": [1] })),
    ] {
        let mut frame = ping("p");
        frame[field] = value;
        let pong = socket.ask(&frame).await;
        assert_eq!(
            (&pong["payload"]["status"], &pong["correlation_id"]),
            (&json!("pong"), &json!("p")),
            "{frame}"
        );
        assert_eq!((&pong["session_id"], &pong["user_id"]), (&json!(session), &json!("anonymous_user")));
    }
}
