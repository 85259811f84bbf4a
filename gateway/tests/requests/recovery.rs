//! Recovery: who comes back with a cursor gets what it missed, or is told that it cannot; no gap, no duplicate.

use serde_json::{Value, json};
use testkit::Socket;

use crate::{gateway, publish, session};

async fn join(client: &mut Socket, room: &str, data: &Value) -> Value {
    let reply = client.ask(&json!({ "action": "join", "room": room, "data": data })).await;
    assert_eq!(reply["success"], true, "{reply}");
    reply["data"].clone()
}

/// Reads events with these numbers, which stand at these offsets.
async fn expect(client: &mut Socket, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let event = client.next().await;
        assert_eq!((&event["data"]["n"], &event["offset"]), (&json!(number), &json!(number)), "{event}");
        assert!(event["epoch"].is_string());
    }
}

#[tokio::test]
async fn a_join_since_a_cursor_replays_what_came_after_it() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    for number in 1..=8 {
        publish(&mut publisher, "h:r", "alert_triggered", number).await;
    }
    // Five are kept: 4 to 8.
    let mut client = session(&gateway).await;
    let now = join(&mut client, "h:r", &Value::Null).await;
    assert_eq!(
        (&now["offset"], now.get("recovered")),
        (&json!(8), None),
        "without a cursor nothing is recovered"
    );
    let epoch = now["epoch"].clone();
    for (offset, recovered) in [(8, true), (7, true), (3, true), (2, false), (0, false), (9, false)] {
        let mut client = session(&gateway).await;
        let since = json!({ "since": { "epoch": epoch, "offset": offset } });
        let joined = join(&mut client, "h:r", &since).await;
        let from = if recovered { offset } else { 8 };
        let expected = json!({ "room": "h:r", "epoch": epoch, "offset": from, "recovered": recovered });
        assert_eq!(joined, expected, "since {offset}");
        expect(&mut client, from + 1..=8).await;
        crate::assert_alive(&mut client, "its replay").await;
    }
    for epoch in ["ffffffffffffffff", "another gateway's", ""] {
        let mut client = session(&gateway).await;
        let since = json!({ "since": { "epoch": epoch, "offset": 8 } });
        let joined = join(&mut client, "h:r", &since).await;
        assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(false), &json!(8)), "{epoch}");
        crate::assert_alive(&mut client, "another epoch").await;
    }
}

#[tokio::test]
async fn a_join_may_ask_for_all_or_the_last_that_is_kept() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    for number in 1..=8 {
        publish(&mut publisher, "h:r", "alert_triggered", number).await;
    }
    for (data, first) in [
        (json!({ "since": "start" }), 4),
        (json!({ "last": 0 }), 9),
        (json!({ "last": 1 }), 8),
        (json!({ "last": 5 }), 4),
        (json!({ "last": 1000 }), 4),
    ] {
        let mut client = session(&gateway).await;
        let joined = join(&mut client, "h:r", &data).await;
        assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(true), &json!(first - 1)), "{data}");
        expect(&mut client, first..=8).await;
        crate::assert_alive(&mut client, "its replay").await;
    }
    // A room that has had nothing yet.
    let mut client = session(&gateway).await;
    let joined = join(&mut client, "h:new", &json!({ "since": "start" })).await;
    assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(true), &json!(0)));
    publish(&mut publisher, "h:new", "alert_triggered", 1).await;
    expect(&mut client, 1..=1).await;
}

#[tokio::test]
async fn a_room_without_history_recovers_only_who_missed_nothing() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut member = session(&gateway).await;
    let epoch = join(&mut member, "r", &Value::Null).await["epoch"].clone();
    publish(&mut publisher, "r", "alert_triggered", 1).await;
    let event = member.next().await;
    assert_eq!((event.get("epoch"), event.get("offset")), (None, None), "no cursor without history");
    for (offset, recovered) in [(1, true), (0, false)] {
        let mut client = session(&gateway).await;
        let joined = join(&mut client, "r", &json!({ "since": { "epoch": epoch, "offset": offset } })).await;
        assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(recovered), &json!(1)));
    }
}

#[tokio::test]
async fn a_replay_passes_the_filter_too() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    for (number, kind) in (1..=4).zip(["gap", "alert_triggered"].into_iter().cycle()) {
        publish(&mut publisher, "h:r", kind, number).await;
    }
    let mut client = session(&gateway).await;
    client.ask(&json!({ "action": "subscribe", "data": { "event_types": ["alert_triggered"] } })).await;
    join(&mut client, "h:r", &json!({ "since": "start" })).await;
    expect(&mut client, 2..=2).await;
    expect(&mut client, 4..=4).await;
    crate::assert_alive(&mut client, "its replay").await;
}

#[tokio::test]
async fn coming_and_going_under_load_leaves_no_gap_and_makes_no_duplicate() {
    const EVENTS: u64 = 600;
    const CLIENTS: usize = 6;
    let gateway = std::sync::Arc::new(crate::start("room=[{prefix=\"h:\",history={size=1000,ttl=\"1h\"}}]"));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let gateway = std::sync::Arc::clone(&gateway);
        clients.spawn(async move {
            let (mut seen, mut data) = (0, json!({ "since": "start" }));
            let mut visits = 0;
            while seen < EVENTS {
                let mut session = session(&gateway).await;
                let joined = join(&mut session, "h:r", &data).await;
                assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(true), &json!(seen)));
                // A few events, then the connection breaks.
                for _ in 0..20 + client {
                    seen += 1;
                    expect(&mut session, seen..=seen).await;
                    if seen == EVENTS {
                        break;
                    }
                }
                data = json!({ "since": { "epoch": joined["epoch"], "offset": seen } });
                visits += 1;
            }
            visits
        });
    }
    let mut publisher = session(&gateway).await;
    for number in 1..=EVENTS {
        publish(&mut publisher, "h:r", "alert_triggered", number).await;
    }
    for visits in clients.join_all().await {
        assert!(visits > 20);
    }
}

#[tokio::test]
async fn a_room_with_history_keeps_its_cursor_while_nobody_is_there_and_one_without_comes_back_new() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    publish(&mut publisher, "h:r", "alert_triggered", 1).await;
    let mut client = session(&gateway).await;
    let mut epochs = Vec::new();
    for room in ["h:r", "r", "h:r", "r"] {
        let joined = join(&mut client, room, &Value::Null).await;
        assert_eq!(joined["offset"], if room == "h:r" { 1 } else { 0 });
        epochs.push(joined["epoch"].clone());
        assert_eq!(client.ask(&json!({ "action": "leave", "room": room })).await["success"], true);
    }
    assert_eq!(epochs[0], epochs[2], "kept");
    assert_ne!(epochs[1], epochs[3], "gone when it was empty");
    let rooms = gateway.get("/api/v1/rooms").await.json();
    assert_eq!(rooms["rooms"][0]["room"], "h:r", "{rooms}");
    assert_eq!(rooms["total"], 1);
}
