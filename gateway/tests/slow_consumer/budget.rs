//! The node's budget: past it the session that is furthest behind goes first, by its room's policy.

use serde_json::{Value, json};
use testkit::{Gateway, Options, Wire, opcode};

const MOST_EVENTS: u64 = 8000;
const BATCH: u64 = 20;
const HELD: &str = "tidegate_backlog_held_bytes";
const TOTAL: f64 = 512.0 * 1024.0;

fn config(total: &str) -> String {
    format!(
        "[limits]\nmessage = \"32 KiB\"\nbacklog_per_session = \"64 MiB\"\nbacklog_total = \"{total}\"\n\
         [[room]]\nprefix = \"drop:\"\nslow = \"drop_oldest\"\nhistory = {{ size = 1, ttl = \"0s\" }}\n"
    )
}

async fn join(gateway: &Gateway, room: &str) -> Wire {
    let mut wire = gateway.narrow_wire("/ws", 4096).await;
    wire.next().await;
    assert_eq!(wire.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    wire
}

/// Waits until the shards have handed out what was published.
async fn handed_out(gateway: &Gateway) {
    let waits = |line: &str| line.starts_with("tidegate_mailbox_bytes{") && !line.ends_with(" 0");
    while gateway.get("/metrics").await.body.lines().any(waits) {}
}

/// Publishes to `room`, from event number `first` on, until `enough`; answers which number is next.
async fn publish_until(gateway: &Gateway, room: &str, first: u64, enough: impl AsyncFn() -> bool) -> u64 {
    let mut number = first;
    while !enough().await {
        assert!(number < MOST_EVENTS, "it is never enough");
        let event = |number| {
            let data = json!({ "n": number, "text": "x".repeat(4000) });
            json!({ "room": room, "event_type": "alert_triggered", "data": data })
        };
        let batch: Vec<Value> = (number..number + BATCH).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        handed_out(gateway).await;
        number += BATCH;
    }
    number
}

async fn decided(gateway: &Gateway, policy: &str) -> f64 {
    gateway.metric(&format!("tidegate_slow_decisions_total{{bound=\"node\",policy=\"{policy}\"}}")).await
}

#[tokio::test]
async fn past_the_nodes_budget_those_go_first_that_are_furthest_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tidegate.toml");
    std::fs::write(&file, config("512 KiB")).unwrap();
    let gateway = Options::new().set("shards=2").config(&file).start(env!("CARGO_BIN_EXE_tidegate"));
    let (mut first, second) = (join(&gateway, "drop:a").await, join(&gateway, "b").await);
    let slow = async |count: f64| gateway.metric("tidegate_slow_sessions").await == count;
    let held = async || gateway.metric(HELD).await;
    // Who has to give way does so a moment later.
    let gave_way = async |policy| {
        while held().await > TOTAL {}
        decided(&gateway, policy).await > 0.0
    };
    let published =
        publish_until(&gateway, "drop:a", 0, async || slow(1.0).await && held().await > TOTAL / 4.0).await;
    // Another falls behind after it: that what waits for both is too much is the first one's loss.
    publish_until(&gateway, "b", 0, async || gave_way("drop_oldest").await).await;
    assert_eq!(decided(&gateway, "disconnect").await, 0.0, "the one that has waited for less long stays");
    // Once nothing of the first is left to drop, it is the other's turn, whose room does not drop.
    publish_until(&gateway, "b", 0, async || gave_way("disconnect").await).await;
    assert!(held().await <= TOTAL, "{} bytes are held", held().await);
    let (mut events, mut missing) = (0, 0);
    while events + missing < published {
        let event = first.next().await.json();
        match event["event_type"].as_str().unwrap() {
            "gap" => {
                assert_eq!(event["data"]["from"]["offset"], events + missing);
                missing += event["data"]["count"].as_u64().unwrap();
                assert_eq!(event["data"]["to"]["offset"], events + missing);
            }
            _ => {
                assert_eq!(event["data"]["n"], events + missing, "a hole");
                events += 1;
            }
        }
    }
    assert!(events > 0 && missing > 0);
    assert_eq!(first.ask(&json!({ "action": "ping" })).await["message"], "pong", "it is still there");
    assert_eq!(read_to_the_close(second).await, (1013, "slow consumer".to_owned()));
    gateway.reaches(HELD, 0.0).await;
}

async fn read_to_the_close(mut wire: Wire) -> (u16, String) {
    loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            let (code, reason) = frame.close();
            return (code, reason.to_owned());
        }
    }
}

#[tokio::test]
async fn a_smaller_budget_holds_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tidegate.toml");
    std::fs::write(&file, config("512 MiB")).unwrap();
    let gateway = Options::new().config(&file).start(env!("CARGO_BIN_EXE_tidegate"));
    let _slow = join(&gateway, "b").await;
    publish_until(&gateway, "b", 0, async || gateway.metric(HELD).await > TOTAL).await;
    std::fs::write(&file, config("512 KiB")).unwrap();
    let reloaded = gateway.post("/admin/reload", &json!({})).await;
    assert_eq!(reloaded.json()["changed"], json!(["limits.backlog_total"]), "{}", reloaded.body);
    gateway.reaches("tidegate_slow_closes_total", 1.0).await;
}

#[tokio::test]
async fn what_many_wait_for_is_held_once() {
    const SLOW: usize = 12;
    let gateway = Options::new()
        .set("shards=2")
        .set("limits.backlog_per_session=\"64 MiB\"")
        .start(env!("CARGO_BIN_EXE_tidegate"));
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(join(&gateway, "r").await);
    }
    let waits = async || gateway.metric("tidegate_backlog_bytes").await;
    publish_until(&gateway, "r", 0, async || waits().await > 32.0 * 1024.0 * 1024.0).await;
    let (held, waits) = (gateway.metric(HELD).await, waits().await);
    assert!(held < waits / (SLOW as f64 / 2.0), "{held} bytes are held for {waits} that wait");
    // Each has at least what the one has that waits for most.
    assert!(held > waits / SLOW as f64, "{held} bytes are held for {waits} that wait");
}

#[tokio::test]
async fn past_the_nodes_budget_a_room_for_the_newest_keeps_the_newest_of_each_key() {
    const SLOW: usize = 12;
    const LATEST: &str = "tidegate_slow_decisions_total{bound=\"node\",policy=\"latest\"}";
    let gateway = Options::new()
        .set("limits.backlog_total=\"2 MiB\"")
        .set("room=[{prefix=\"latest:\", slow=\"latest\", history={size=1}}]")
        .start(env!("CARGO_BIN_EXE_tidegate"));
    let rooms: Vec<String> = (0..SLOW).map(|number| format!("latest:{number}")).collect();
    let mut members = Vec::new();
    for room in &rooms {
        members.push(join(&gateway, room).await);
    }
    let publish = async |key: &str, number: u64| {
        let event = |room: &String| {
            let data = json!({ "n": number, "text": "x".repeat(8000) });
            json!({ "room": room, "event_type": "alert_triggered", "key": key, "data": data })
        };
        let batch: Vec<Value> = rooms.iter().map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    };
    let mut number = 0;
    while gateway.metric("tidegate_slow_sessions").await < SLOW as f64 {
        publish("busy", number).await;
        number += 1;
        assert!(number < MOST_EVENTS, "never slow");
    }
    publish("rare", 0).await;
    while gateway.metric(LATEST).await < 2.0 * SLOW as f64 {
        publish("busy", number).await;
        number += 1;
        assert!(number < MOST_EVENTS, "never over the budget");
    }
    for wire in &mut members {
        let (mut rare, mut busy) = (0, 0);
        while busy + 1 < number {
            let event = wire.next().await.json();
            match event["key"].as_str() {
                Some("rare") => rare += 1,
                Some("busy") => busy = event["data"]["n"].as_u64().unwrap(),
                _ => assert_eq!(event["event_type"], "gap"),
            }
        }
        assert_eq!(rare, 1, "it is the newest of its key");
    }
    assert_eq!(decided(&gateway, "drop_oldest").await, 0.0);
}
