//! Engine.IO: polls, WebSockets, and the change from the one to the other, with several shards.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Socket, request};
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
/// What a poll begins with that begins a session.
const BASE: &str = "/engine.io/?EIO=4&transport=polling";

/// A gateway whose endpoints speak Engine.IO: one sends everything back, the other is for rooms.
fn gateway(more: &[&str]) -> Gateway {
    let endpoints = r#"endpoint=[
        {path="/engine.io/", transport="engineio", dialect="echo", message=1000000, heartbeat={interval="10s", timeout="5s"}},
        {path="/rooms", transport="engineio", dialect="rooms"}]"#;
    let options = Options::new().set("shards=2").set(&endpoints.replace('\n', ""));
    more.iter().fold(options, |options, setting| options.set(setting)).start(PROGRAM)
}

async fn open(gateway: &Gateway, path: &str) -> Value {
    let answer = gateway.request("GET", &format!("{path}?EIO=4&transport=polling"), None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=UTF-8")));
    serde_json::from_str(answer.body.strip_prefix('0').unwrap()).unwrap()
}

async fn session(gateway: &Gateway, path: &str) -> String {
    open(gateway, path).await["sid"].as_str().unwrap().to_owned()
}

async fn poll(gateway: &Gateway, path: &str, sid: &str) -> Answer {
    gateway.request("GET", &format!("{path}?EIO=4&transport=polling&sid={sid}"), None).await
}

async fn post(gateway: &Gateway, path: &str, sid: &str, payload: &str) -> Answer {
    let path = format!("{path}?EIO=4&transport=polling&sid={sid}");
    let bytes = request("POST", &path, &[("content-type", "text/plain;charset=UTF-8")], Some(payload));
    gateway.raw(bytes).await
}

async fn socket(gateway: &Gateway, path: &str, sid: &str) -> Socket {
    let sid = if sid.is_empty() { String::new() } else { format!("&sid={sid}") };
    gateway.connect(&format!("{path}?EIO=4&transport=websocket{sid}")).await
}

/// The next text that is no ping.
async fn next(socket: &mut Socket) -> String {
    loop {
        let text = socket.next_text().await;
        if text != "2" {
            return text;
        }
    }
}

#[tokio::test]
async fn a_session_begins_with_what_its_client_must_know() {
    let gateway = gateway(&[]);
    let polled = open(&gateway, "/engine.io/").await;
    assert!(polled["sid"].as_str().unwrap().len() >= 20);
    let rest = json!({"sid": polled["sid"], "upgrades": ["websocket"], "pingInterval": 10_000, "pingTimeout": 5000, "maxPayload": 1_000_000});
    assert_eq!(polled, rest);
    let first = next(&mut socket(&gateway, "/engine.io/", "").await).await;
    let open: Value = serde_json::from_str(first.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(open["upgrades"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_as_nodes_server_does() {
    let gateway = gateway(&[]);
    let told = async |method: &str, query: &str| {
        let answer = gateway.request(method, &format!("/engine.io/?{query}"), None).await;
        (
            answer.status,
            answer.json()["code"].as_i64().unwrap(),
            answer.json()["message"].as_str().unwrap().to_owned(),
        )
    };
    for (method, query, code, message) in [
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=abc", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=nobodys", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling&sid=nobodys", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
    ] {
        assert_eq!(told(method, query).await, (400, code, message.to_owned()), "{method} {query}");
    }
}

#[tokio::test]
async fn polls_and_posts_bear_text_and_binary_in_order() {
    let gateway = gateway(&[]);
    let sid = session(&gateway, "/engine.io/").await;
    let answer = post(&gateway, "/engine.io/", &sid, "4hello\u{1e}bAQIDBA==\u{1e}4wörld").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    let polled = poll(&gateway, "/engine.io/", &sid).await;
    assert_eq!((polled.status, polled.body.as_str()), (200, "4hello\u{1e}bAQIDBA==\u{1e}4wörld"));
    // A message of another kind of size, which reaches its poll whole.
    let long = "x".repeat(300_000);
    assert_eq!(post(&gateway, "/engine.io/", &sid, &format!("4{long}\u{1e}4end")).await.status, 200);
    let mut got = poll(&gateway, "/engine.io/", &sid).await.body;
    while !got.ends_with("4end") {
        got = format!("{got}\u{1e}{}", poll(&gateway, "/engine.io/", &sid).await.body);
    }
    assert_eq!(got, format!("4{long}\u{1e}4end"));
    let over = post(&gateway, "/engine.io/", &sid, &format!("4{}", "x".repeat(1_000_000))).await;
    assert_eq!(over.status, 413);
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_loses_its_session() {
    let gateway = gateway(&[]);
    let sid = session(&gateway, "/engine.io/").await;
    assert_eq!(post(&gateway, "/engine.io/", &sid, "abc").await.status, 400);
    assert_eq!(poll(&gateway, "/engine.io/", &sid).await.status, 400);

    let sid = session(&gateway, "/engine.io/").await;
    let first = poll(&gateway, "/engine.io/", &sid);
    let second = async {
        gateway.reaches("tidegate_sessions{dialect=\"echo\"}", 1.0).await;
        tokio::time::sleep(Duration::from_millis(20)).await; // behind the first
        poll(&gateway, "/engine.io/", &sid).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, first.body.as_str(), second.status), (200, "1", 400));
    assert_eq!(poll(&gateway, "/engine.io/", &sid).await.status, 400);

    let mut socket = socket(&gateway, "/engine.io/", "").await;
    next(&mut socket).await;
    socket.send_text("abc").await;
    socket.closed().await;
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_session() {
    let gateway = gateway(&[]);
    let sid = session(&gateway, "/engine.io/").await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let path = format!("{BASE}&sid={sid}");
    stream.writable().await.unwrap();
    stream.try_write(&request("GET", &path, &[], None)).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await; // it waits there
    drop(stream);
    gateway.reaches("tidegate_sessions{dialect=\"echo\"}", 0.0).await;
    assert_eq!(poll(&gateway, "/engine.io/", &sid).await.status, 400);
}

#[tokio::test]
async fn either_side_closes() {
    let gateway = gateway(&[]);
    let sid = session(&gateway, "/engine.io/").await;
    let (polled, posted) = tokio::join!(poll(&gateway, "/engine.io/", &sid), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        post(&gateway, "/engine.io/", &sid, "1").await
    });
    assert_eq!((polled.status, polled.body.as_str(), posted.status), (200, "6", 200));
    assert_eq!(poll(&gateway, "/engine.io/", &sid).await.status, 400);
    let mut socket = socket(&gateway, "/engine.io/", "").await;
    next(&mut socket).await;
    socket.send_text("1").await;
    socket.closed().await;
}

#[tokio::test]
async fn who_answers_no_ping_is_gone() {
    let beat = r#"endpoint=[{path="/engine.io/", transport="engineio", dialect="echo", heartbeat={interval="300ms", timeout="200ms"}}]"#;
    let gateway = Options::new().set("shards=2").set(beat).start(PROGRAM);
    let alive = session(&gateway, "/engine.io/").await;
    let silent = session(&gateway, "/engine.io/").await;
    for _ in 0..3 {
        assert_eq!(poll(&gateway, "/engine.io/", &alive).await.body, "2");
        assert_eq!(post(&gateway, "/engine.io/", &alive, "3").await.status, 200);
    }
    assert_eq!(poll(&gateway, "/engine.io/", &silent).await.status, 400);
    let mut socket = socket(&gateway, "/engine.io/", "").await;
    socket.closed().await;
}

#[tokio::test]
async fn a_websocket_takes_over_and_nothing_is_lost_or_doubled() {
    let gateway = gateway(&["room=[{prefix=\"\",history={size=10}}]"]);
    let mut shards = std::collections::BTreeSet::new();
    let mut rounds = 0..64;
    while rounds.start < 8 || shards.len() < 2 {
        let round = rounds.next().expect("sessions were on both shards, and their sockets came to either");
        let sid = session(&gateway, "/rooms").await;
        let welcome = poll(&gateway, "/rooms", &sid).await.body;
        assert!(welcome.starts_with(r#"4{"event_type":"connected""#), "{welcome}");
        let room = format!("r{round}");
        let join = json!({"action": "join", "room": room});
        assert_eq!(post(&gateway, "/rooms", &sid, &format!("4{join}")).await.status, 200);
        let joined = poll(&gateway, "/rooms", &sid).await.body;
        assert!(joined.contains("Joined room"), "{joined}");
        publish(&gateway, &room, 0..5).await;
        // A connection that is held makes the next one come to the other shard.
        let mut beside = Vec::new();
        for _ in 0..round % 3 {
            beside.push(gateway.connect("/rooms?EIO=4&transport=websocket").await);
        }
        let mut over = socket(&gateway, "/rooms", &sid).await;
        over.send_text("2probe").await;
        assert_eq!(over.next_text().await, "3probe");
        publish(&gateway, &room, 5..10).await;
        let mut got = numbers(&poll(&gateway, "/rooms", &sid).await.body);
        publish(&gateway, &room, 10..15).await;
        over.send_text("5").await;
        // Right behind it, perhaps in one segment.
        over.send_text(&format!("4{}", json!({"action": "info"}))).await;
        publish(&gateway, &room, 15..20).await;
        while got.last() != Some(&19) {
            let text = next(&mut over).await;
            if let Some(info) = text.strip_prefix("4").filter(|text| text.contains("Connection information"))
            {
                let info: Value = serde_json::from_str(info).unwrap();
                assert_eq!(info["data"]["rooms"], json!([room]));
            } else {
                got.extend(numbers(&text));
            }
        }
        assert_eq!(got, (0..20).collect::<Vec<_>>());
        assert_eq!(poll(&gateway, "/rooms", &sid).await.status, 400, "it is polled no more");
        assert!(
            gateway.try_connect(&format!("/rooms?EIO=4&transport=websocket&sid={sid}"), &[]).await.is_err()
        );
        let listed = gateway.get("/api/v1/sessions").await.json();
        for one in listed["sessions"].as_array().unwrap() {
            shards.insert(one["shard"].as_u64().unwrap());
        }
    }
}

async fn publish(gateway: &Gateway, room: &str, numbers: std::ops::Range<u64>) {
    let events: Vec<_> =
        numbers.map(|n| json!({"room": room, "event_type": "alert_triggered", "data": {"n": n}})).collect();
    assert_eq!(gateway.post("/api/v1/publish", &json!(events)).await.status, 200);
}

/// The numbers of the events in a payload.
fn numbers(payload: &str) -> Vec<u64> {
    let events = payload.split('\u{1e}').filter_map(|packet| packet.strip_prefix('4'));
    events.filter_map(|text| serde_json::from_str::<Value>(text).unwrap()["data"]["n"].as_u64()).collect()
}

#[tokio::test]
async fn a_probe_that_fails_leaves_the_session_to_its_polls() {
    let gateway = gateway(&[]);
    let sid = session(&gateway, "/engine.io/").await;
    let mut probe = socket(&gateway, "/engine.io/", &sid).await;
    probe.send_text("2probe").await;
    assert_eq!(probe.next_text().await, "3probe");
    assert_eq!(poll(&gateway, "/engine.io/", &sid).await.body, "6");
    drop(probe);
    assert_eq!(post(&gateway, "/engine.io/", &sid, "4still here").await.status, 200);
    let mut polled = poll(&gateway, "/engine.io/", &sid).await.body;
    while polled == "6" {
        polled = poll(&gateway, "/engine.io/", &sid).await.body;
    }
    assert_eq!(polled, "4still here");
}
