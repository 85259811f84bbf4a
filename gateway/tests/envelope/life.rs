//! How a session begins and how it ends.

use serde_json::json;
use testkit::{Signal, Socket, opcode};

use crate::auth::{closed, entered, token};
use crate::{assert_uuid, checked, envelope, open, profile, protocol_error, start};

#[tokio::test]
async fn a_session_is_welcomed_as_anybody_where_nobody_has_to_say_who_it_is() {
    let gateway = start(profile());
    let mut ids = Vec::new();
    for path in ["/ws/chat", "/ws/chat?client_id=mine"] {
        let mut socket = gateway.connect(path).await;
        let welcome = socket.next().await;
        assert_eq!(
            *checked(&welcome),
            json!({
                "message_type": "system_event", "event_name": "connection_established",
                "description": "Connected to QA Intelligence WebSocket", "severity": "info", "data": null,
            })
        );
        assert_eq!(
            (&welcome["user_id"], &welcome["correlation_id"]),
            (&json!("anonymous_user"), &json!(null))
        );
        assert_uuid(&welcome["session_id"]);
        ids.push((welcome["session_id"].clone(), socket));
    }
    assert_ne!(ids[0].0, ids[1].0, "a fresh one each, whatever the client wishes");
    let listed = gateway.get("/api/v1/sessions").await.json().to_string();
    assert!(listed.contains(ids[0].0.as_str().unwrap()), "operators know it by the same: {listed}");
}

#[tokio::test]
async fn the_welcomes_words_are_the_endpoints() {
    let gateway = start(profile().set("endpoint.0.welcome=\"Hola\""));
    let welcome = gateway.connect("/ws/chat").await.next().await;
    assert_eq!(welcome["payload"]["description"], "Hola");
}

#[tokio::test]
async fn the_listener_of_its_own_takes_any_path() {
    let gateway = start(profile());
    for path in ["/", "/ws", "/anything/at/all?x=1"] {
        let address = gateway.addresses()[1];
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut socket = Socket::open(stream, &format!("ws://{address}{path}"), &[]).await.unwrap();
        assert_eq!(socket.next().await["payload"]["event_name"], "connection_established", "{path}");
        let pong = socket.ask(&envelope("p", json!({ "message_type": "health_check" }))).await;
        assert_eq!(pong["payload"]["status"], "pong");
    }
}

#[tokio::test]
async fn at_capacity_a_client_is_told_so_and_closed() {
    let gateway = start(profile().set("endpoint.0.max_sessions=1"));
    let (first, _) = open(&gateway).await;
    let mut second = gateway.connect("/ws/chat").await;
    let error = second.next().await;
    assert_eq!(*protocol_error(&error, "max_connections", "Server at capacity"), json!(null));
    assert_eq!(second.closed().await, (1013, "Server at capacity".to_owned()));
    drop(first);
    gateway.reaches("tidegate_sessions{dialect=\"envelope\"}", 0.0).await;
    open(&gateway).await;
}

#[tokio::test]
async fn a_stopping_gateway_says_so_and_closes() {
    for strange in [false, true] {
        let gateway = start(if strange { closed() } else { profile() }.set("drain.period=0s"));
        let mut socket = gateway.connect("/ws/chat").await;
        if !strange {
            socket.next().await;
        }
        gateway.signal(Signal::TERM);
        let warning = socket.next().await;
        let payload = checked(&warning);
        assert_eq!(
            (&payload["event_name"], &payload["severity"]),
            (&json!("server_shutdown"), &json!("warning"))
        );
        assert!(payload["data"]["reason"].is_string() && payload["data"].as_object().unwrap().len() == 1);
        assert_eq!(warning["session_id"].is_null(), strange);
        assert_eq!(socket.closed().await.0, 1012);
    }
}

#[tokio::test]
async fn a_message_over_a_mebibyte_closes() {
    let gateway = start(profile());
    let mut wire = gateway.wire("/ws/chat").await;
    wire.next().await;
    let most = vec![b' '; 1 << 20];
    wire.send(opcode::FIN | opcode::TEXT, &most).await;
    protocol_error(&wire.next().await.json(), "processing_error", "Message processing failed");
    wire.send(opcode::FIN | opcode::TEXT, &[&most[..], b" "].concat()).await;
    let close = wire.next().await;
    assert_eq!((close.opcode, &close.payload[..2]), (opcode::CLOSE, &1009_u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn who_answers_no_ping_is_closed() {
    let gateway = start(profile().set("endpoint.0.heartbeat={interval=\"500ms\",timeout=\"1s\"}"));
    let mut wire = gateway.wire("/ws/chat").await;
    let mut pings = 0;
    let close = loop {
        let frame = wire.next().await;
        match frame.opcode {
            opcode::CLOSE => break frame.payload,
            opcode::PING => pings += 1,
            _ => {}
        }
    };
    assert!(pings > 0);
    assert_eq!(close[..2], 1011_u16.to_be_bytes());
    assert_eq!(&close[2..], b"keepalive ping timeout");
}

#[tokio::test]
async fn pings_come_each_twenty_seconds_and_may_take_as_long() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/chat.toml");
    let sources = tidegate::config::Sources { file: Some(file), ..Default::default() };
    let config = tidegate::config::load(&sources).unwrap().config;
    for endpoint in &config.endpoint {
        assert_eq!(endpoint.heartbeat.interval.get().as_secs(), 20);
        assert_eq!(endpoint.heartbeat.timeout.get().as_secs(), 40);
        assert_eq!(endpoint.message.unwrap().bytes(), 1 << 20);
    }
}

#[tokio::test]
async fn an_operator_ends_a_session_with_a_warning() {
    let gateway = start(closed().set("auth.chat.max_per_user=1"));
    let mut socket = entered(&gateway, &token("ada")).await;
    let mut second = gateway.connect("/ws/chat").await;
    second.send(&json!({ "token": token("ada") })).await;
    let error = second.next().await;
    let why = "Authentication error: Too many sessions of this user";
    protocol_error(&error, "authentication_failed", why);
    assert_eq!(second.closed().await, (1008, "Authentication failed".to_owned()));
    let pong = socket.ask(&envelope("p", json!({ "message_type": "health_check" }))).await;
    assert_eq!(pong["payload"]["status"], "pong");
}
