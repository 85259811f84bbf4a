//! The drain on SIGTERM: under load every session is told to come back, gets whole frames up to the close, and the
//! process ends with 0 in time. A second signal ends it at once.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Gateway, Options, Signal, Wire, exchange, opcode, request};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const SESSIONS: usize = 60;
const PUBLISHERS: usize = 4;

fn start(options: Options) -> Gateway {
    options.set("shards=2").start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn join(gateway: &Gateway, room: &str) -> Wire {
    // Its kernel takes little, so that the gateway often has half a frame sent.
    let mut wire = gateway.narrow_wire("/ws", 4096).await;
    wire.next().await;
    assert_eq!(wire.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    wire
}

fn event(room: &str) -> Value {
    json!({ "room": room, "event_type": "alert_triggered", "data": { "text": "x".repeat(3000) } })
}

/// Publishes until the gateway is gone.
async fn publish(gateway: Arc<Gateway>) -> usize {
    let request = request("POST", "/api/v1/publish", &[], Some(&event("load").to_string()));
    for published in 0.. {
        let answer = exchange(gateway.address(), &request).await;
        match answer.status {
            200 => assert!(answer.json()["offset"].is_u64(), "a whole answer"),
            0 => return published,
            other => assert_eq!(other, 503, "{answer:?}"),
        }
    }
    unreachable!("the gateway never ends")
}

/// Reads to the end: whole events in order, the warning, the close, the end of the stream.
async fn read_to_the_end(mut wire: Wire, under_load: mpsc::Sender<()>) -> (u64, Value) {
    let mut events = 0;
    let warning = loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::PING {
            continue;
        }
        let event = frame.json();
        match event["event_type"].as_str().unwrap() {
            "alert_triggered" => events += 1,
            "disconnected" => break event,
            other => panic!("{other}"),
        }
        if events == 5 {
            under_load.send(()).await.unwrap();
        }
    };
    let close = wire.next().await;
    let (code, reason) = close.close();
    assert_eq!((code, &warning["data"]["code"]), (1012, &json!(1012)));
    let hint: Value = serde_json::from_str(reason).unwrap();
    wire.send_close(code, "").await;
    wire.ended().await;
    (events, hint["retry_after_ms"].clone())
}

#[tokio::test]
async fn under_load_every_session_gets_whole_frames_up_to_its_close() {
    let gateway = Arc::new(start(Options::new().set("drain.period=1s")));
    let (under_load, mut loaded) = mpsc::channel(SESSIONS);
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let wire = join(&gateway, "load").await;
        sessions.spawn(read_to_the_end(wire, under_load.clone()));
    }
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        publishers.spawn(publish(Arc::clone(&gateway)));
    }
    for _ in 0..SESSIONS {
        loaded.recv().await.unwrap();
    }
    let asked = Instant::now();
    gateway.signal(Signal::TERM);
    let ends = sessions.join_all().await;
    publishers.join_all().await;
    let status = Arc::into_inner(gateway).unwrap().ended();
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let hints: Vec<_> = ends.iter().map(|(_, hint)| hint.as_u64().expect("milliseconds")).collect();
    assert!(hints.iter().any(|hint| *hint != hints[0]), "they do not come back all at once: {hints:?}");
}

#[tokio::test]
async fn a_client_that_does_not_answer_the_close_holds_nobody_up() {
    let mut gateway = start(Options::new().set("drain.period=100ms").set("drain.grace=500ms"));
    let mut wire = join(&gateway, "r").await;
    let asked = Instant::now();
    gateway.signal(Signal::TERM);
    assert_eq!(wire.next().await.json()["event_type"], "disconnected");
    assert_eq!(wire.next().await.close().0, 1012);
    assert_eq!(gateway.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(gateway.log().contains("connections are cut"), "the log says what was cut");
}

#[tokio::test]
async fn during_the_notice_it_is_not_ready_but_serves() {
    let mut gateway = start(Options::new().set("drain.notice=1h"));
    let mut wire = join(&gateway, "r").await;
    assert_eq!(gateway.get("/health/ready").await.status, 200);
    gateway.signal(Signal::TERM);
    while gateway.get("/health/ready").await.status != 503 {}
    assert_eq!(gateway.get("/health/live").await.status, 200);
    assert_eq!(gateway.post("/api/v1/publish", &event("r")).await.json()["sent"], 1);
    assert_eq!(wire.next().await.json()["event_type"], "alert_triggered");
    join(&gateway, "r").await;

    let asked = Instant::now();
    gateway.signal(Signal::INT);
    gateway.ended();
    assert!(asked.elapsed() < Duration::from_secs(2), "a second signal ends it at once");
    assert!(gateway.log().contains("a second signal"));
}

#[tokio::test]
async fn an_idle_gateway_ends_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut gateway = start(Options::new());
        let asked = Instant::now();
        gateway.signal(signal);
        assert_eq!(gateway.ended().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(2));
    }
}
