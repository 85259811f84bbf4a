//! Rooms whose slow members get the newest of each key, or all of it again from history.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Wire, opcode};

const KEYS: u64 = 8;
const BATCH: u64 = 40;
const MOST_EVENTS: u64 = 12_000;
const ROOMS: &str = "room=[{prefix=\"latest:\", slow=\"latest\", history={size=1}}, \
                     {prefix=\"again:\", slow=\"catch_up\", history={size=20000}}, \
                     {prefix=\"short:\", slow=\"catch_up\", history={size=50}}, \
                     {prefix=\"choice:\", slow_choice=[\"latest\"], history={size=1}}]";

fn gateway() -> Gateway {
    let bounds = ["shards=2", "limits.message=\"32 KiB\"", "limits.backlog_per_session=\"64 KiB\"", ROOMS];
    let options = bounds.iter().fold(Options::new(), |options, set| options.set(set));
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn narrow(gateway: &Gateway, room: &str) -> Wire {
    narrow_with(gateway, room, &json!({})).await
}

async fn narrow_with(gateway: &Gateway, room: &str, data: &Value) -> Wire {
    let mut wire = gateway.narrow_wire("/ws", 4096).await;
    wire.next().await;
    let reply = wire.ask(&json!({ "action": "join", "room": room, "data": data })).await;
    assert_eq!(reply["success"], true, "{reply}");
    wire
}

/// Publishes events, numbered from 0 and with a key in turn each, until the policy has had to decide about ten times.
async fn flood(gateway: &Gateway, room: &str, policy: &str) -> u64 {
    let decisions = format!("tidegate_slow_decisions_total{{bound=\"session\",policy=\"{policy}\"}}");
    let mut published = 0;
    while gateway.metric(&decisions).await < if policy == "latest" { 10.0 } else { 1.0 } {
        assert!(published < MOST_EVENTS, "{published} events fit into the backlog");
        let event = |number: u64| {
            let data = json!({ "n": number, "text": "x".repeat(3000) });
            json!({ "room": room, "event_type": "alert_triggered", "key": format!("k{}", number % KEYS), "data": data })
        };
        let batch: Vec<Value> = (published..published + BATCH).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        published += BATCH;
    }
    published
}

/// What comes up to event number `last`: events, and the sum and the last cursor of gaps.
#[derive(Default)]
struct Got {
    numbers: Vec<u64>,
    missing: u64,
    gaps: Vec<(u64, u64)>,
}

async fn read(wire: &mut Wire, last: u64) -> Got {
    let mut got = Got::default();
    while got.numbers.last() != Some(&last) {
        let frame = wire.next().await;
        assert_ne!(frame.opcode, opcode::CLOSE, "{:?}", frame.close());
        let event = frame.json();
        let data = &event["data"];
        if event["event_type"] == "gap" {
            let offset = |at: &str| data[at]["offset"].as_u64().unwrap();
            got.gaps.push((offset("from"), offset("to")));
            got.missing += data["count"].as_u64().unwrap();
        } else {
            got.numbers.push(data["n"].as_u64().unwrap());
        }
    }
    got
}

#[tokio::test]
async fn of_what_waits_the_newest_of_each_key_comes_and_how_many_are_missing() {
    let gateway = gateway();
    let mut slow = narrow(&gateway, "latest:r").await;
    let published = flood(&gateway, "latest:r", "latest").await;
    let got = read(&mut slow, published - 1).await;
    assert!(got.numbers.is_sorted() && !got.gaps.is_empty());
    assert_eq!(got.numbers.len() as u64 + got.missing, published, "each is there or counted");
    let newest: BTreeMap<u64, u64> = got.numbers.iter().map(|number| (number % KEYS, *number)).collect();
    let expected: BTreeMap<u64, u64> = (published - KEYS..published).map(|n| (n % KEYS, n)).collect();
    assert_eq!(newest, expected, "of each key the newest");
    // A gap says within which cursors: what comes before it is not in it.
    assert!(got.gaps.iter().all(|(from, to)| from < to && *to <= published), "{:?}", got.gaps);
    assert_eq!(slow.ask(&json!({ "action": "ping" })).await["message"], "pong", "it is still there");
}

#[tokio::test]
async fn what_did_not_fit_is_read_again_from_history_without_a_hole_and_live_events_follow() {
    let gateway = gateway();
    let mut slow = narrow(&gateway, "again:r").await;
    let published = flood(&gateway, "again:r", "catch_up").await;
    let got = read(&mut slow, published - 1).await;
    assert_eq!(got.numbers, (0..published).collect::<Vec<_>>());
    assert!(got.gaps.is_empty());
    for number in published..published + 3 {
        let event = json!({ "room": "again:r", "event_type": "alert_triggered", "data": { "n": number } });
        assert_eq!(
            gateway.post("/api/v1/publish", &event).await.json()["sent"],
            1,
            "it is a member as before"
        );
        assert_eq!(read(&mut slow, number).await.numbers, [number]);
    }
}

#[tokio::test]
async fn what_history_no_longer_has_either_is_told_as_a_gap() {
    let gateway = gateway();
    let mut slow = narrow(&gateway, "short:r").await;
    let mut published = flood(&gateway, "short:r", "catch_up").await;
    // Far more than the history keeps, all of it before the client reads on.
    for _ in 0..4 {
        let event = |number: u64| json!({ "room": "short:r", "event_type": "alert_triggered", "data": { "n": number } });
        let batch: Vec<Value> = (published..published + BATCH).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        published += BATCH;
    }
    let (mut next, mut told) = (0, false);
    while next < published {
        let event = slow.next().await.json();
        if event["event_type"] == "gap" {
            let data = &event["data"];
            let (from, to) =
                (data["from"]["offset"].as_u64().unwrap(), data["to"]["offset"].as_u64().unwrap());
            assert_eq!((from, data["count"].as_u64().unwrap()), (next, to - from), "{event}");
            (next, told) = (to, true);
        } else {
            assert_eq!(event["offset"], next + 1, "a hole");
            next += 1;
        }
    }
    assert!(told);
}

#[tokio::test]
async fn a_member_chooses_for_itself_what_its_room_lets_it() {
    let gateway = gateway();
    let mut slow = narrow_with(&gateway, "choice:r", &json!({ "slow": "latest" })).await;
    let published = flood(&gateway, "choice:r", "latest").await;
    let got = read(&mut slow, published - 1).await;
    assert_eq!(got.numbers.len() as u64 + got.missing, published, "each is there or counted");
    let mut other = gateway.connect("/ws").await;
    other.next().await;
    for (policy, message) in [
        ("catch_up", "The members of this room may not choose this policy for slow sessions"),
        (
            "never",
            "Error processing message: data.slow: expected disconnect, drop_oldest, latest or catch_up",
        ),
    ] {
        let join = json!({ "action": "join", "room": "choice:r", "data": { "slow": policy } });
        assert_eq!(other.ask(&join).await["message"], message);
    }
}

#[tokio::test]
async fn a_replay_that_another_rooms_events_push_out_is_read_again_without_a_hole() {
    let gateway = gateway();
    const KEPT: u64 = 2400; // more than kernels hold between two sockets
    let event = |room: &str, number: u64| {
        let data = json!({ "n": number, "text": "x".repeat(3000) });
        json!({ "room": room, "event_type": "alert_triggered", "data": data })
    };
    for first in (0..KEPT).step_by(40) {
        let batch: Vec<Value> = (first..first + 40).map(|number| event("again:r", number)).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    }
    let mut slow = narrow(&gateway, "latest:r").await;
    let join = json!({ "action": "join", "room": "again:r", "data": { "since": "start" } });
    assert_eq!(slow.ask(&join).await["success"], true);
    let mut next = 0;
    // Whole frames of the replay wait before anything else does, and not only the rest of one: else the client reads on a little.
    while gateway.metric("tidegate_backlog_bytes").await < 9000.0 {
        replayed(&slow.next().await.json(), &mut next);
    }
    let decisions = "tidegate_slow_decisions_total{bound=\"session\",policy=\"catch_up\"}";
    let mut flooded = 0;
    while gateway.metric(decisions).await < 1.0 {
        assert!(flooded < MOST_EVENTS, "{flooded} events fit beside the replay");
        let batch: Vec<Value> = (flooded..flooded + 40).map(|number| event("latest:r", number)).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        flooded += 40;
    }
    while next < KEPT {
        let event = slow.next().await.json();
        if event["room"] == "again:r" {
            replayed(&event, &mut next);
        }
    }
}

/// The event of a replay that is next, of those numbered from 0.
fn replayed(event: &Value, next: &mut u64) {
    assert_ne!(event["event_type"], "gap", "{event}");
    assert_eq!((&event["data"]["n"], &event["offset"]), (&json!(*next), &json!(*next + 1)), "a hole");
    *next += 1;
}
