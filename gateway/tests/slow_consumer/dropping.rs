//! Rooms whose rule drops the oldest events: who keeps up gets everything, who does not is told exactly what it misses.

use serde_json::{Value, json};
use testkit::{Authority, Gateway, Options, TlsDialer, Wire, opcode};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

const READERS: usize = 18;
const STALLED: usize = 2;
const BATCH: u64 = 20;
const MOST_EVENTS: u64 = 6000;
const ROOMS: &str = "room=[{prefix=\"drop:\", slow=\"drop_oldest\", history={size=1}}, \
                     {prefix=\"firm:\", history={size=1}}]";
const DROPPED: &str = "tidegate_events_dropped_total{event_type=\"alert_triggered\",room_class=\"drop:*\"}";

/// A gateway, and how its clients come to it.
struct House {
    gateway: Gateway,
    dialer: Option<TlsDialer>,
}

impl House {
    fn new(tls: bool) -> Self {
        let authority = Authority::new("test authority");
        let issued = authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
        let (certificate, key) = (issued.certificate.display(), issued.key.display());
        let listeners = format!(
            "listener=[{{name=\"plain\"}}, {{name=\"tls\", address=\"127.0.0.1:0\", \
             tls={{certificate=\"{certificate}\", key=\"{key}\"}}}}]"
        );
        let bounds =
            ["shards=2", "limits.message=\"32 KiB\"", "limits.backlog_per_session=\"64 KiB\"", ROOMS];
        let options = bounds.iter().fold(Options::new().set(&listeners), |options, set| options.set(set));
        let gateway = options.start(env!("CARGO_BIN_EXE_tidegate"));
        Self { gateway, dialer: tls.then(|| authority.client().ready()) }
    }

    async fn join(&self, rooms: &[&str], narrow: bool) -> Wire {
        let mut wire = match (&self.dialer, narrow) {
            (Some(dialer), narrow) => self.gateway.tls_wire("/ws", dialer, narrow.then_some(4096)).await,
            (None, true) => self.gateway.narrow_wire("/ws", 4096).await,
            (None, false) => self.gateway.wire("/ws").await,
        };
        wire.next().await;
        for room in rooms {
            assert_eq!(wire.ask(&json!({ "action": "join", "room": room })).await["success"], true);
        }
        wire
    }

    /// Publishes so many events, numbered from `first` on, to both rooms.
    async fn publish(&self, first: u64, count: u64) {
        let event = |number| {
            let data = json!({ "n": number, "text": "x".repeat(4000) });
            json!({ "rooms": ["drop:r", "firm:r"], "event_type": "alert_triggered", "data": data })
        };
        let batch: Vec<Value> = (first..first + count).map(event).collect();
        assert_eq!(self.gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
    }
}

/// Reads the events of both rooms, none missing, none twice, to the end of the session; tells each time that a batch is whole.
async fn keep_up(mut wire: Wire, whole: UnboundedSender<()>) {
    let mut next = [0, 0];
    loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            assert_eq!(frame.close().0, 1012, "it has kept up");
            return;
        }
        let event = frame.json();
        if event["event_type"] == "disconnected" {
            continue;
        }
        let number = &mut next[usize::from(event["room"] == "drop:r")];
        assert_eq!(
            (&event["data"]["n"], &event["offset"]),
            (&json!(*number), &json!(*number + 1)),
            "{event}"
        );
        *number += 1;
        if next[0] == next[1] && next[0] % BATCH == 0 {
            let _nobody_waits_any_more = whole.send(());
        }
    }
}

/// What a client that was slow in `drop:r` has got, and what it was told that it has not.
#[derive(Debug, Default)]
struct Got {
    events: u64,
    gaps: u64,
    missing: u64,
}

/// Reads up to event number `last`, with no hole that is not told where it is.
async fn read_with_gaps(wire: &mut Wire, last: u64) -> Got {
    let (mut got, mut next) = (Got::default(), 0);
    while next <= last {
        let event = wire.next().await.json();
        assert_eq!(event["room"], "drop:r");
        let data = &event["data"];
        if event["event_type"] == "gap" {
            let (from, to) =
                (data["from"]["offset"].as_u64().unwrap(), data["to"]["offset"].as_u64().unwrap());
            assert_eq!((&data["room"], from), (&json!("drop:r"), next), "{event}");
            assert_eq!(data["count"], to - from);
            assert_eq!(data["from"]["epoch"], data["to"]["epoch"]);
            (got.gaps, got.missing, next) = (got.gaps + 1, got.missing + to - from, to);
        } else {
            assert_eq!((&data["n"], &event["offset"]), (&json!(next), &json!(next + 1)), "a hole");
            (got.events, next) = (got.events + 1, next + 1);
        }
    }
    got
}

async fn stall_one_in_ten(tls: bool) {
    let house = House::new(tls);
    let (whole, mut wholes) = unbounded_channel();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let wire = house.join(&["drop:r", "firm:r"], false).await;
        readers.spawn(keep_up(wire, whole.clone()));
    }
    drop(whole);
    let mut dropping = house.join(&["drop:r"], true).await;
    let closing = house.join(&["firm:r"], true).await;
    let mut published = 0;
    let dropped = async || {
        let page = house.gateway.get("/metrics").await.body;
        let line = page.lines().find_map(|line| line.strip_prefix(DROPPED)?.strip_prefix(' '));
        line.map_or(0, |count| count.parse::<f64>().unwrap() as u64)
    };
    while dropped().await < 200 || house.gateway.metric("tidegate_slow_closes_total").await < 1.0 {
        assert!(published < MOST_EVENTS, "{published} events fit into the backlogs");
        house.publish(published, BATCH).await;
        published += BATCH;
        for _ in 0..READERS {
            wholes.recv().await.unwrap(); // as fast as those who keep up do
        }
    }
    assert!(house.gateway.metric("tidegate_slow_sessions").await >= 1.0);

    let got = read_with_gaps(&mut dropping, published - 1).await;
    assert!(got.gaps > 0 && got.events > 0, "{got:?}");
    assert_eq!(got.events + got.missing, published);
    assert_eq!(dropped().await, got.missing);
    assert_eq!(house.gateway.metric("tidegate_gaps_total{cause=\"slow\"}").await, got.gaps as f64);
    assert_eq!(dropping.ask(&json!({ "action": "ping" })).await["message"], "pong", "it is still there");
    assert!(crate::read_what_is_left(closing, 0).await < published);
    let decided = async |policy: &str| {
        let name = format!("tidegate_slow_decisions_total{{bound=\"session\",policy=\"{policy}\"}}");
        house.gateway.metric(&name).await
    };
    assert!(decided("drop_oldest").await >= 1.0);
    assert_eq!(decided("disconnect").await, 1.0);
    house.gateway.reaches("tidegate_slow_sessions", 0.0).await;
    house.gateway.reaches("tidegate_backlog_held_bytes", 0.0).await;
    let open = house.gateway.metric("tidegate_sessions{dialect=\"rooms\"}").await;
    assert_eq!(open, (READERS + STALLED - 1) as f64);
    house.gateway.signal(testkit::Signal::TERM);
    readers.join_all().await;
}

#[tokio::test]
async fn who_keeps_up_gets_everything_and_who_does_not_is_told_what_it_misses() {
    stall_one_in_ten(false).await;
}

#[tokio::test]
async fn the_same_holds_under_tls() {
    stall_one_in_ten(true).await;
}

#[tokio::test]
async fn a_slow_session_may_still_ask_and_what_is_filtered_out_is_not_missing() {
    let house = House::new(false);
    let mut slow = house.join(&["drop:r"], true).await;
    let types = json!({ "action": "subscribe", "data": { "event_types": ["alert_triggered"] } });
    assert_eq!(slow.ask(&types).await["success"], true);
    let event = |kind: &str, number: u64| {
        let data = json!({ "n": number, "text": "x".repeat(4000) });
        json!({ "room": "drop:r", "event_type": kind, "data": data })
    };
    let mut published = 0;
    while house
        .gateway
        .metric("tidegate_slow_decisions_total{bound=\"session\",policy=\"drop_oldest\"}")
        .await
        < 5.0
    {
        assert!(published < MOST_EVENTS);
        let two = |number| [event("alert_triggered", number), event("error", number)];
        let batch: Vec<Value> = (published..published + BATCH).flat_map(two).collect();
        assert_eq!(house.gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        published += BATCH;
    }
    // More than half of its bound waits, but nothing that could not be dropped: what it asks is answered.
    slow.send_text(&json!({ "action": "leave", "room": "drop:r" }).to_string()).await;
    house.gateway.reaches("tidegate_members", 0.0).await;
    let (mut events, mut missing) = (0, 0);
    loop {
        let frame = slow.next().await.json();
        if frame["message"] == "Left room 'drop:r'" {
            break;
        }
        match frame["event_type"].as_str().unwrap() {
            "gap" => missing += frame["data"]["count"].as_u64().unwrap(),
            kind => {
                assert_eq!(kind, "alert_triggered");
                events += 1;
            }
        }
    }
    assert_eq!(events + missing, published);
}
