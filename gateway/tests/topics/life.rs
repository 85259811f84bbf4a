//! From the first frame to the last.

use serde_json::json;
use testkit::opcode;

use crate::{PATH, closed, judge, judge_time, nothing_else, open, options, start, token};

const FAST: &str = "endpoint.0.heartbeat={ interval = \"250ms\", timeout = \"20s\" }";

#[tokio::test]
async fn the_first_frame_acknowledges_the_connection() {
    let gateway = start(options());
    let mut session = gateway.connect(PATH).await;
    let ack = judge(&session.next_text().await);
    assert_eq!(ack["event_type"], "connection_ack");
    let data = ack["data"].as_object().unwrap();
    assert_eq!(data.len(), 3, "{ack}");
    assert!(!data["connection_id"].as_str().unwrap().is_empty());
    judge_time(data["connected_at"].as_str().unwrap());
    judge_time(data["server_time"].as_str().unwrap());
    for target in ["target_user_id", "target_role", "topic"] {
        assert!(ack[target].is_null(), "{ack}");
    }
}

#[tokio::test]
async fn a_ping_event_comes_beside_each_ping_and_never_first() {
    let gateway = start(options().set(FAST));
    let mut wire = gateway.wire(PATH).await;
    assert_eq!(wire.next().await.json()["event_type"], "connection_ack");
    for _ in 0..2 {
        let (one, other) = (wire.next().await, wire.next().await);
        assert_eq!(one.opcode, opcode::PING);
        let ping = judge(std::str::from_utf8(&other.payload).unwrap());
        assert_eq!((&ping["event_type"], ping["data"].as_object().unwrap().len()), (&json!("ping"), 1));
        judge_time(ping["data"]["server_time"].as_str().unwrap());
        wire.send(opcode::FIN | opcode::PONG, b"").await;
        wire.send_text(r#"{"event_type":"pong","data":{}}"#).await;
    }
}

#[tokio::test]
async fn a_pong_event_alone_keeps_a_session_alive() {
    let heartbeat = "endpoint.0.heartbeat={ interval = \"250ms\", timeout = \"1s\" }";
    let gateway = start(options().set(heartbeat));
    let mut wire = gateway.wire(PATH).await;
    let mut pings = 0;
    while pings < 8 {
        let frame = wire.next().await;
        assert_ne!(frame.opcode, opcode::CLOSE, "{frame:?}");
        if frame.opcode == opcode::PING {
            pings += 1;
            wire.send_text(r#"{"event_type":"pong"}"#).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let heartbeat = "endpoint.0.heartbeat={ interval = \"250ms\", timeout = \"500ms\" }";
    let gateway = start(options().set(heartbeat));
    let mut wire = gateway.wire(PATH).await;
    loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            assert_eq!(frame.close().0, 1011);
            break;
        }
    }
}

#[tokio::test]
async fn a_token_that_ends_is_told_by_a_warning_and_then_by_the_close() {
    let gateway = start(closed());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = token(&json!({ "user_id": 7, "exp": now + 3 }));
    let mut session = gateway.connect(&format!("{PATH}?token={token}")).await;
    assert_eq!(session.next().await["event_type"], "connection_ack");
    let warning = judge(&session.next_text().await);
    assert_eq!(warning["event_type"], "warning");
    let data = json!({ "title": "Disconnection", "content": "token expired", "level": "warning" });
    assert_eq!(warning["data"], data);
    assert_eq!(session.closed().await, (1008, "token expired".to_owned()));
}

#[tokio::test]
async fn a_drain_closes_with_1012_and_sends_no_event_of_a_type_that_clients_do_not_know() {
    let gateway = start(options().set("drain={ period = \"0s\" }"));
    let mut session = open(&gateway).await;
    nothing_else(&mut session).await;
    gateway.signal(testkit::Signal::TERM);
    let (code, reason) = session.closed().await;
    assert_eq!(code, 1012);
    assert!(reason.contains("retry_after_ms"), "{reason}");
}
