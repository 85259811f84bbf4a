//! Events as `text/event-stream`: what a reader gets, how it comes again, and what it may.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod sse {
    mod browser;
    mod ends;
    mod http2;
    mod rights;
    mod rooms;
    mod slow;
}

use serde_json::{Value, json};
use testkit::{Answer, EventStream, Gateway, Options};

/// Rooms whose names begin with `k` keep history.
const KEEPS: &str = r#"room=[{prefix="k",history={size=1000,ttl="10m"}}]"#;

fn options() -> Options {
    Options::new().set("shards=2").set(KEEPS)
}

fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// Publishes an event of this number.
async fn publish(gateway: &Gateway, room: &str, number: u64) -> Answer {
    let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
    let answer = gateway.post("/api/v1/publish", &event).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// What keeps nobody from coming again from where it was.
fn resuming(id: &str) -> [(&str, &str); 1] {
    [("last-event-id", id)]
}

async fn open(gateway: &Gateway, path: &str) -> EventStream {
    EventStream::joined(gateway.address(), path, &[]).await.0
}

#[tokio::test]
async fn an_event_is_a_block_of_its_place_its_type_and_the_rooms_dialects_event() {
    let gateway = start(options());
    let mut events = EventStream::open(gateway.address(), "/events?rooms=k", &[]).await;
    for (header, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(events.head.header(header), Some(value));
    }
    let first = events.block().await.unwrap();
    assert_eq!((first.retry.as_deref(), first.event), (Some("2000"), None));
    let connected = events.block().await.unwrap();
    assert_eq!((connected.id.as_deref(), connected.event.as_deref()), (None, Some("connected")));
    assert_eq!(connected.json()["data"]["protocol"], 1);
    let joined = events.block().await.unwrap();
    assert_eq!(joined.event.as_deref(), Some("joined"));
    let place = joined.json();
    assert_eq!((&place["room"], &place["offset"], place.get("recovered")), (&json!("k"), &json!(0), None));
    let id = events.block().await.unwrap();
    assert!(id.event.is_none() && id.id.unwrap().contains(place["epoch"].as_str().unwrap()));

    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    socket.ask(&json!({ "action": "join", "room": "k" })).await;
    publish(&gateway, "k", 7).await;
    let event = events.block().await.unwrap();
    assert_eq!(event.event.as_deref(), Some("alert_triggered"));
    assert!(event.id.as_ref().unwrap().starts_with(&format!("{}:1", place["epoch"].as_str().unwrap())));
    assert_eq!(event.json(), socket.next().await, "the same as over WebSocket");
}

#[tokio::test]
async fn a_room_without_history_has_no_ids() {
    let gateway = start(options());
    let mut events = EventStream::open(gateway.address(), "/events?rooms=r", &[]).await;
    publish(&gateway, "r", 1).await;
    loop {
        let block = events.block().await.unwrap();
        assert_eq!(block.id, None, "{block:?}");
        if block.event.as_deref() == Some("alert_triggered") {
            return;
        }
    }
}

#[tokio::test]
async fn an_end_of_a_line_inside_data_begins_another_line_of_data() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=r").await;
    for data in ["{\n\"n\":\r\n1\r}", "[\n\n\n1]", "\"\\n\""] {
        let body = format!("{{\"room\":\"r\",\"event_type\":\"alert_triggered\",\"data\":{data}}}");
        let answer = gateway.request("POST", "/api/v1/publish", Some(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let block = events.next().await;
        assert_eq!(block.json()["data"], serde_json::from_str::<Value>(data).unwrap());
        let lines = data.replace("\r\n", "\n").matches(['\r', '\n']).count();
        assert_eq!(block.data.unwrap().lines().count(), lines + 1);
    }
}

#[tokio::test]
async fn types_let_only_those_events_through() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=r&types=alert_*,health_changed").await;
    for kind in ["metrics_updated", "health_changed", "plugin_changed", "alert_triggered"] {
        let event = json!({ "room": "r", "event_type": kind, "data": {} });
        gateway.post("/api/v1/publish", &event).await;
    }
    assert_eq!(events.next().await.event.as_deref(), Some("health_changed"));
    assert_eq!(events.next().await.event.as_deref(), Some("alert_triggered"));
}

#[tokio::test]
async fn a_stream_is_a_session_as_every_other() {
    let gateway = start(options().set("room.0.presence=anyone"));
    let (mut events, _) =
        EventStream::joined(gateway.address(), "/events?rooms=k&client_id=reader", &[]).await;
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 1.0).await;
    let listed = gateway.get("/api/v1/sessions").await.json()["sessions"][0].clone();
    assert_eq!((&listed["endpoint"], &listed["rooms"]), (&json!("/events"), &json!(["k"])));
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    let presence = socket.ask(&json!({ "action": "presence", "room": "k" })).await;
    assert_eq!(presence["data"]["members"][0]["connection_id"], "reader");
    // The server's joining and sending reach it, too.
    let put = gateway.post("/api/v1/sessions/reader/rooms", &json!({ "room": "other" })).await;
    assert!(put.status < 300, "{put:?}");
    publish(&gateway, "other", 3).await;
    assert_eq!(events.next().await.json()["room"], "other");
}

#[tokio::test]
async fn without_rooms_there_are_those_of_the_endpoint_and_broadcasts() {
    let endpoint = r#"endpoint=[{path="/events",transport="sse",auto_join=["kept","plain"]}]"#;
    let gateway = start(options().set(endpoint));
    let (mut events, rooms) = EventStream::joined(gateway.address(), "/events", &[]).await;
    assert_eq!(rooms.iter().map(|room| &room["room"]).collect::<Vec<_>>(), ["kept", "plain"]);
    publish(&gateway, "plain", 1).await;
    assert_eq!(events.next().await.number(), 1);
    let event = json!({ "event_type": "alert_triggered", "data": { "n": 2 } });
    gateway.post("/ws/broadcast", &event).await;
    let broadcast = events.next().await;
    assert_eq!((broadcast.number(), &broadcast.json()["room"]), (2, &Value::Null));
    publish(&gateway, "kept", 3).await;
    assert_eq!(events.next().await.number(), 3);
    // What its endpoint puts it in is resumed as well.
    let id = events.blocks.last_id.clone();
    drop(events);
    publish(&gateway, "kept", 4).await;
    let (mut again, rooms) = EventStream::joined(gateway.address(), "/events", &resuming(&id)).await;
    assert_eq!((&rooms[0]["recovered"], rooms[1].get("recovered")), (&json!(true), None));
    assert_eq!(again.next().await.number(), 4);
}

#[tokio::test]
async fn what_an_idle_stream_sends_is_comments() {
    let endpoint = r#"endpoint=[{path="/e",transport="sse",heartbeat={interval="250ms",timeout="700ms"}}]"#;
    let gateway = start(options().set(endpoint).set("http.answer_timeout=1s").set("http.head_timeout=1s"));
    let mut events = open(&gateway, "/e?rooms=r").await;
    // Longer than any of these times: it is not taken for dead, nor is its connection.
    for _ in 0..10 {
        assert!(events.block().await.unwrap().comment);
    }
    publish(&gateway, "r", 1).await;
    assert_eq!(events.next().await.number(), 1);
}
