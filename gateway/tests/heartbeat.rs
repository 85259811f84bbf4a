//! Heartbeat and idleness: pings come, a client that is gone is given up, one that answers stays.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Gateway, Options, Wire, opcode};

const INTERVAL: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_millis(1250);
/// The heartbeat goes by steps of this length.
const STEP: Duration = Duration::from_millis(250);

fn gateway(idle_timeout: &str) -> Gateway {
    Options::new()
        .set("endpoint.0.heartbeat={interval=\"500ms\",timeout=\"1250ms\"}")
        .set(&format!("endpoint.0.idle_timeout=\"{idle_timeout}\""))
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn open(gateway: &Gateway) -> Wire {
    let mut wire = gateway.wire("/ws").await;
    assert_eq!(wire.next().await.json()["event_type"], "connected");
    wire
}

async fn ping(wire: &mut Wire) {
    let frame = wire.next().await;
    assert_eq!((frame.opcode, frame.payload.len()), (opcode::PING, 0));
}

/// Reads the warning and the close, and answers it.
async fn closed(mut wire: Wire, code: u16, reason: &str) {
    let warning = wire.next().await.json();
    assert_eq!(warning["event_type"], "disconnected");
    assert_eq!(warning["data"], json!({ "code": code, "reason": reason }));
    assert_eq!(wire.next().await.close(), (code, reason));
    wire.send_close(code, "").await;
    wire.ended().await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_given_up() {
    let gateway = gateway("0s");
    let begin = Instant::now();
    let mut wire = open(&gateway).await;
    ping(&mut wire).await;
    assert!(begin.elapsed() >= INTERVAL - STEP, "{:?}", begin.elapsed());
    ping(&mut wire).await;
    closed(wire, 1011, "keepalive timeout").await;
    let took = begin.elapsed();
    assert!(took >= TIMEOUT - STEP && took < TIMEOUT * 3, "{took:?}");
}

#[tokio::test]
async fn a_client_that_shows_any_sign_of_life_stays() {
    let gateway = gateway("0s");
    let begin = Instant::now();
    let (mut pongs, mut asks, mut half) = (open(&gateway).await, open(&gateway).await, open(&gateway).await);
    while begin.elapsed() < TIMEOUT * 2 {
        for wire in [&mut pongs, &mut asks, &mut half] {
            ping(wire).await;
        }
        pongs.send(opcode::FIN | opcode::PONG, b"").await;
        asks.send_text(r#"{"action":"ping"}"#).await;
        assert_eq!(asks.next().await.json()["message"], "pong");
        half.send(opcode::FIN | opcode::PING, b"and you?").await;
        let pong = half.next().await;
        assert_eq!((pong.opcode, &*pong.payload), (opcode::PONG, &b"and you?"[..]));
    }
    // All are there still, and one that falls silent now is given up like any other.
    for wire in [&mut pongs, &mut asks, &mut half] {
        wire.send_text(r#"{"action":"ping"}"#).await;
        while wire.next().await.opcode == opcode::PING {}
    }
    ping(&mut pongs).await;
    ping(&mut pongs).await;
    closed(pongs, 1011, "keepalive timeout").await;
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_is_closed_where_idleness_has_a_limit() {
    let gateway = gateway("1500ms");
    let begin = Instant::now();
    let (mut idle, mut busy) = (open(&gateway).await, open(&gateway).await);
    for _ in 0..2 {
        for wire in [&mut idle, &mut busy] {
            ping(wire).await;
            wire.send(opcode::FIN | opcode::PONG, b"").await;
        }
        busy.send_text(r#"{"action":"ping"}"#).await;
        assert_eq!(busy.next().await.json()["message"], "pong");
    }
    // It may be pinged once more before its time is up.
    let mut last = idle.next().await;
    if last.opcode == opcode::PING {
        last = idle.next().await;
    }
    assert_eq!(last.json()["data"], json!({ "code": 1008, "reason": "idle timeout" }));
    assert_eq!(idle.next().await.close(), (1008, "idle timeout"));
    assert!(begin.elapsed() >= Duration::from_millis(1500) - STEP, "{:?}", begin.elapsed());
    busy.send_text(r#"{"action":"info"}"#).await;
    while busy.next().await.opcode == opcode::PING {}
}

#[tokio::test]
async fn the_welcome_tells_how_often_pings_come() {
    let gateway =
        Options::new().set("endpoint.0.heartbeat.interval=\"7s\"").start(env!("CARGO_BIN_EXE_tidegate"));
    let mut wire = gateway.wire("/ws").await;
    assert_eq!(wire.next().await.json()["data"]["heartbeat"], 7);
}
