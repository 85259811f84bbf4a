//! Rooms whose history is in the log: what was acknowledged is there after a kill, in order, once; and what can no longer be
//! told from what is gone is said.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Gateway, Options, Socket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

fn rooms(fsync: &str) -> String {
    let history = format!("history={{size=100000,ttl=\"1h\",durable=true,fsync=\"{fsync}\"}}");
    format!("room=[{{prefix=\"log:\",{history}}},{{prefix=\"memory:\",history={{size=100000,ttl=\"1h\"}}}}]")
}

fn start(data: &Path, fsync: &str) -> Gateway {
    options(data, fsync).start(PROGRAM)
}

fn options(data: &Path, fsync: &str) -> Options {
    Options::new().data(data).set("shards=2").set(&rooms(fsync))
}

async fn session(gateway: &Gateway) -> Socket {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session
}

fn event(rooms: &[&str], number: u64) -> Value {
    json!({ "rooms": rooms, "event_type": "alert_triggered", "data": { "n": number } })
}

async fn publish(gateway: &Gateway, rooms: &[&str], number: u64) -> Value {
    let answer = gateway.post("/api/v1/publish", &event(rooms, number)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Joins for all that is kept; answers the reply and the numbers of the events up to its room's last.
async fn replay(session: &mut Socket, room: &str, count: usize) -> (Value, Vec<u64>) {
    let reply = session.ask(&json!({ "action": "join", "room": room, "data": { "since": "start" } })).await;
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(session.next().await["data"]["n"].as_u64().unwrap());
    }
    (reply["data"].clone(), numbers)
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it_in_order_and_once() {
    for fsync in ["always", "interval", "os"] {
        let data = TempDir::new().unwrap();
        let gateway = start(data.path(), fsync);
        let mut publishers = Vec::new();
        for publisher in 0..4 {
            let mut session = session(&gateway).await;
            let room = format!("log:{publisher}");
            publishers.push(tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                // As long as there is anybody who answers.
                for number in 0_u64.. {
                    let data = json!({ "event_type": "alert_triggered", "data": { "n": number } });
                    let request = json!({ "action": "publish", "room": room, "data": data }).to_string();
                    let Some(reply) = session.try_ask(&request).await else { break };
                    acknowledged.push(reply["data"]["offset"].as_u64().unwrap());
                }
                acknowledged
            }));
        }
        while gateway.metric("tidegate_log_events_total").await < 400.0 {}
        gateway.kill();
        let gateway = start(data.path(), fsync);
        for (publisher, acknowledged) in publishers.into_iter().enumerate() {
            let acknowledged = acknowledged.await.unwrap();
            let count = acknowledged.len();
            assert!(count > 0 && acknowledged.iter().copied().eq(1..=count as u64), "{fsync}");
            let (joined, numbers) =
                replay(&mut session(&gateway).await, &format!("log:{publisher}"), count).await;
            assert_eq!(joined["recovered"], true);
            assert!(numbers.into_iter().eq(0..count as u64), "{fsync}: each once, in order");
        }
    }
}

#[tokio::test]
async fn a_cursor_holds_over_a_restart_and_names_one_event() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), "interval");
    let mut member = session(&gateway).await;
    let epoch = member.ask(&json!({ "action": "join", "room": "log:r" })).await["data"]["epoch"].clone();
    for number in 0..10 {
        publish(&gateway, &["log:r"], number).await;
    }
    assert!(gateway.terminate().success());
    let gateway = start(data.path(), "interval");
    let mut member = session(&gateway).await;
    let since = json!({ "since": { "epoch": epoch, "offset": 7 } });
    let joined = member.ask(&json!({ "action": "join", "room": "log:r", "data": since })).await;
    assert_eq!((&joined["data"]["recovered"], &joined["data"]["epoch"]), (&json!(true), &epoch));
    publish(&gateway, &["log:r"], 10).await;
    for number in 7..=10 {
        let event = member.next().await;
        assert_eq!((&event["data"]["n"], &event["offset"]), (&json!(number), &json!(number + 1)));
        assert_eq!(event["epoch"], epoch);
    }
}

#[tokio::test]
async fn a_room_that_nobody_has_published_to_keeps_its_epoch_too() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), "os");
    let join = json!({ "action": "join", "room": "log:r" });
    let epoch = session(&gateway).await.ask(&join).await["data"]["epoch"].clone();
    assert!(gateway.terminate().success());
    let gateway = start(data.path(), "os");
    assert_eq!(session(&gateway).await.ask(&join).await["data"]["epoch"], epoch);
}

#[tokio::test]
async fn an_id_is_known_after_a_restart() {
    let data = TempDir::new().unwrap();
    let mut body = event(&["log:r"], 1);
    body["id"] = json!("order-1");
    let gateway = start(data.path(), "always");
    let first = gateway.post("/api/v1/publish", &body).await.json();
    gateway.kill();
    let gateway = start(data.path(), "always");
    let again = gateway.post("/api/v1/publish", &body).await.json();
    let place = |answer: &Value| (answer[0]["epoch"].clone(), answer[0]["offset"].clone());
    assert_eq!(place(&first), place(&again), "{first} {again}");
    assert_eq!(publish(&gateway, &["log:r"], 2).await[0]["offset"], 2);
}

#[tokio::test]
async fn after_a_crash_of_the_machine_only_rooms_that_are_always_synced_keep_their_epochs() {
    for (fsync, recovered) in [("always", true), ("interval", false), ("os", false)] {
        let data = TempDir::new().unwrap();
        let gateway = start(data.path(), fsync);
        let placed = publish(&gateway, &["log:r"], 0).await;
        gateway.kill();
        // As another boot of the machine leaves it.
        let state = data.path().join("rooms/state");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let text = fs::read_to_string(&state).unwrap();
        assert!(text.contains(boot.trim()), "{text}");
        fs::write(&state, text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000")).unwrap();

        let gateway = start(data.path(), fsync);
        let since = json!({ "since": { "epoch": placed[0]["epoch"], "offset": 0 } });
        let mut member = session(&gateway).await;
        let joined = member.ask(&json!({ "action": "join", "room": "log:r", "data": since })).await;
        assert_eq!(joined["data"]["recovered"], recovered, "{fsync}");
        assert_eq!(joined["data"]["epoch"] == placed[0]["epoch"], recovered, "{fsync}");
        // What is there can be read by whoever asks for all of it.
        assert_eq!(replay(&mut session(&gateway).await, "log:r", 1).await.1, [0]);
        assert!(gateway.log().contains("the machine has crashed"), "{}", gateway.log());
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_told() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), "always");
    for number in 0..5 {
        publish(&gateway, &["log:r"], number).await;
    }
    gateway.kill();
    let segment = data.path().join("rooms/0000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(&[7; 100]);
    fs::write(&segment, bytes).unwrap();
    let gateway = start(data.path(), "always");
    assert_eq!(replay(&mut session(&gateway).await, "log:r", 5).await.1, [0, 1, 2, 3, 4]);
    let log = gateway.log();
    assert!(log.contains("0000000000000001.log") && log.contains("100 bytes"), "{log}");
    assert_eq!(publish(&gateway, &["log:r"], 5).await[0]["offset"], 6);
    gateway.kill();
    assert!(fs::metadata(&segment).unwrap().len() > whole as u64);
}

#[tokio::test]
async fn what_memory_may_not_hold_is_read_from_the_disk_without_a_hole() {
    let data = TempDir::new().unwrap();
    let gateway = options(data.path(), "os").set("hub.history=\"64 KiB\"").start(PROGRAM);
    const COUNT: u64 = 4000;
    for first in (0..COUNT).step_by(500) {
        let batch: Vec<Value> = (first..first + 500).map(|number| event(&["log:r"], number)).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    }
    let mut reader = session(&gateway).await;
    let reply = reader.ask(&json!({ "action": "join", "room": "log:r", "data": { "since": "start" } })).await;
    assert_eq!(reply["data"]["recovered"], true);
    publish(&gateway, &["log:r"], COUNT).await;
    for number in 0..=COUNT {
        let event = reader.next().await;
        assert_eq!((&event["data"]["n"], &event["offset"]), (&json!(number), &json!(number + 1)));
    }
    assert!(gateway.metric("tidegate_history_memory_bytes").await <= 80.0 * 1024.0);
}

#[tokio::test]
async fn a_publish_to_rooms_of_both_kinds_comes_to_all_of_them() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), "always");
    let mut member = session(&gateway).await;
    for room in ["log:a", "memory:b", "log:c", "plain"] {
        member.ask(&json!({ "action": "join", "room": room })).await;
    }
    for number in 0..20 {
        let placed = publish(&gateway, &["plain", "log:a", "nobody", "memory:b", "log:c"], number).await;
        let rooms: Vec<_> =
            placed.as_array().unwrap().iter().map(|place| place["room"].as_str().unwrap()).collect();
        assert_eq!(rooms, ["plain", "log:a", "nobody", "memory:b", "log:c"], "in the order of the request");
        let mut got: Vec<_> = Vec::new();
        for _ in 0..4 {
            let event = member.next().await;
            assert_eq!(event["data"]["n"], number);
            got.push(event["room"].as_str().unwrap().to_owned());
        }
        got.sort();
        assert_eq!(got, ["log:a", "log:c", "memory:b", "plain"]);
    }
}

#[tokio::test]
async fn a_disk_that_is_full_refuses_what_it_cannot_keep_and_takes_it_when_there_is_space() {
    let data = TempDir::new().unwrap();
    let gateway = options(data.path(), "interval").with_full_disk().start(PROGRAM);
    let mut member = session(&gateway).await;
    member.ask(&json!({ "action": "join", "room": "log:r" })).await;
    publish(&gateway, &["log:r"], 0).await;
    assert_eq!(member.next().await["data"]["n"], 0);
    gateway.fill_disk();
    let refused = gateway.post("/api/v1/publish", &event(&["log:r"], 1)).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("cannot be written"), "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    let said = json!({ "event_type": "alert_triggered", "data": {} });
    let reply = member.ask(&json!({ "action": "publish", "room": "log:r", "data": said })).await;
    assert_eq!(reply["success"], false);
    assert!(reply["message"].as_str().unwrap().contains("cannot be written"), "{reply}");
    let health = gateway.get("/health/").await;
    assert!(health.body.contains("rooms") && health.body.contains("degraded"), "{}", health.body);
    // Rooms in memory do not mind.
    assert_eq!(gateway.post("/api/v1/publish", &event(&["memory:r"], 1)).await.status, 200);
    gateway.free_disk();
    while gateway.post("/api/v1/publish", &event(&["log:r"], 2)).await.status != 200 {
        tokio::task::yield_now().await;
    }
    let event = member.next().await;
    assert_eq!(
        (&event["data"]["n"], &event["offset"]),
        (&json!(2), &json!(2)),
        "what was refused has no place"
    );
}

/// What the gateway says instead of starting.
fn refused(data: &Path) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(["--set", &rooms("always")]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_and_nothing_starts() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), "always");
    publish(&gateway, &["log:r"], 0).await;
    let held = refused(data.path());
    assert!(held.contains("data") || held.contains("rooms"), "another process has it: {held}");
    gateway.kill();

    let segment = data.path().join("rooms/0000000000000001.log");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, b"this is somebody's letter, and no log at all").unwrap();
    let foreign = refused(data.path());
    assert!(foreign.contains("0000000000000001.log"), "{foreign}");
    fs::write(&segment, bytes).unwrap();
    assert_eq!(replay(&mut session(&start(data.path(), "always")).await, "log:r", 1).await.1, [0]);
}

#[tokio::test]
async fn what_a_room_shows_to_who_joins_is_there_after_a_restart() {
    let data = TempDir::new().unwrap();
    let history = "history={size=100,ttl=\"1h\",durable=true}";
    let room = format!("room=[{{prefix=\"state:\",cache=\"last_per_key\",{history}}}]");
    let start = || Options::new().data(data.path()).set(&room).start(PROGRAM);
    let gateway = start();
    for (key, value) in
        [("a", json!(1)), ("b", json!(2)), ("a", json!(3)), ("c", json!(4)), ("b", json!(null))]
    {
        let event = json!({ "room": "state:r", "event_type": "alert_triggered", "key": key, "data": value });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    }
    gateway.kill();
    let gateway = start();
    let mut member = session(&gateway).await;
    assert_eq!(member.ask(&json!({ "action": "join", "room": "state:r" })).await["success"], true);
    for (key, value, offset) in [("a", 3, 3), ("c", 4, 4)] {
        let event = member.next().await;
        assert_eq!(
            (&event["key"], &event["data"], &event["offset"]),
            (&json!(key), &json!(value), &json!(offset))
        );
    }
    assert_eq!(member.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn the_last_of_each_key_outlives_the_history_and_restarts() {
    let data = TempDir::new().unwrap();
    let history = "history={size=2,ttl=\"1h\",durable=true,fsync=\"os\"}";
    let room = format!("room=[{{prefix=\"state:\",cache=\"last_per_key\",{history}}}]");
    let start = || Options::new().data(data.path()).set(&room).start(PROGRAM);
    let publish = async |gateway: &Gateway, key: &str, value: Value| {
        let event = json!({ "room": "state:r", "event_type": "alert_triggered", "key": key, "data": value });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    };
    let state = async |gateway: &Gateway| {
        let state: Value =
            serde_json::from_str(&gateway.get("/api/v1/rooms/state:r/state").await.body).unwrap();
        let shown = state["events"].as_array().unwrap().iter();
        shown
            .map(|event| (event["key"].as_str().unwrap().to_owned(), event["data"].clone()))
            .collect::<Vec<_>>()
    };
    let gateway = start();
    for (key, value) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("b", 5)] {
        publish(&gateway, key, json!(value)).await;
    }
    publish(&gateway, "c", Value::Null).await;
    let expected = [("a", 1), ("d", 4), ("b", 5)].map(|(key, value)| (key.to_owned(), json!(value)));
    assert_eq!(state(&gateway).await, expected);
    gateway.kill();
    for number in 0..3 {
        let gateway = start();
        assert_eq!(state(&gateway).await, expected, "after restart {number}");
        gateway.kill();
    }
    let gateway = start();
    publish(&gateway, "a", json!(6)).await;
    gateway.terminate();
    assert_eq!(
        state(&start()).await,
        [("d", 4), ("b", 5), ("a", 6)].map(|(key, v)| (key.to_owned(), json!(v)))
    );
}

#[tokio::test]
async fn a_history_on_the_disk_is_told_without_a_join_too() {
    let data = TempDir::new().unwrap();
    let gateway = options(data.path(), "os").set("hub.history=\"16 KiB\"").start(PROGRAM);
    let batch: Vec<Value> = (0..500).map(|number| event(&["log:r"], number)).collect();
    assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    let numbers = |page: &Value| -> Vec<u64> {
        page["events"].as_array().unwrap().iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
    };
    let first = gateway.get("/api/v1/rooms/log:r/history?limit=100").await.json();
    assert_eq!(numbers(&first), (0..100).collect::<Vec<_>>());
    let last = gateway.get("/api/v1/rooms/log:r/history?limit=300&reverse=true").await.json();
    assert_eq!(numbers(&last), (200..500).rev().collect::<Vec<_>>());
}
