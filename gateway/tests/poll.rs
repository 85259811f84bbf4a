//! Events by long polling: an answer at a time, and nothing lost between two.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod poll {
    mod load;
    mod mistakes;
}

use std::time::Instant;

use serde_json::{Value, json};
use testkit::{Gateway, Options};

/// Rooms whose names begin with `k` keep history.
const KEEPS: &str = r#"room=[{prefix="k",history={size=1000,ttl="10m"}}]"#;

fn options() -> Options {
    Options::new().set("shards=2").set(KEEPS)
}

fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn publish(gateway: &Gateway, room: &str, number: u64) {
    let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
}

/// What a good poll is answered.
async fn poll(gateway: &Gateway, query: &str) -> Value {
    let answer = gateway.get(&format!("/poll?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn cursor(answer: &Value) -> &str {
    answer["cursor"].as_str().unwrap_or_else(|| panic!("no cursor: {answer}"))
}

fn numbers(answer: &Value) -> Vec<u64> {
    answer["events"].as_array().unwrap().iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_first_poll_has_no_events_and_a_cursor_at_once_and_the_next_goes_on_from_there() {
    let gateway = start(options());
    publish(&gateway, "k", 1).await;
    let first = poll(&gateway, "rooms=k").await;
    assert_eq!((&first["events"], first.get("recovered")), (&json!([]), None));
    publish(&gateway, "k", 2).await;
    publish(&gateway, "k", 3).await;
    let second = poll(&gateway, &format!("rooms=k&cursor={}", cursor(&first))).await;
    assert_eq!((numbers(&second), &second["recovered"]), (vec![2, 3], &json!(true)));
    // The event is the dialect's.
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    let since = json!({ "epoch": second["events"][0]["epoch"], "offset": 1 });
    socket.ask(&json!({ "action": "join", "room": "k", "data": { "since": since } })).await;
    assert_eq!(second["events"][0], socket.next().await);
    // A poll that is asked again, as its answer was lost, gets the same.
    let again = poll(&gateway, &format!("rooms=k&cursor={}", cursor(&first))).await;
    assert_eq!(again, second);
}

#[tokio::test]
async fn a_poll_waits_for_the_first_event_and_no_longer_than_it_says() {
    let gateway = start(options());
    let first = poll(&gateway, "rooms=k,k2").await;
    let query = format!("rooms=k,k2&cursor={}", cursor(&first));
    let begun = Instant::now();
    let empty = poll(&gateway, &format!("{query}&timeout=0.3")).await;
    assert!(begun.elapsed().as_millis() >= 300);
    assert_eq!((&empty["events"], cursor(&empty)), (&json!([]), cursor(&first)));
    let (answer, ()) = tokio::join!(poll(&gateway, &query), async {
        gateway.reaches("tidegate_connections", 2.0).await;
        publish(&gateway, "k2", 5).await;
    });
    assert_eq!(numbers(&answer), [5]);
    assert!(begun.elapsed().as_secs() < 20, "it was answered when there was something");
}

#[tokio::test]
async fn no_session_lives_between_two_polls_nor_during_one() {
    let gateway = start(options());
    let first = poll(&gateway, "rooms=k").await;
    let query = format!("rooms=k&cursor={}", cursor(&first));
    let (_, ()) = tokio::join!(poll(&gateway, &query), async {
        gateway.reaches("tidegate_connections", 2.0).await;
        assert_eq!(gateway.metric("tidegate_sessions{dialect=\"rooms\"}").await, 0.0);
        publish(&gateway, "k", 1).await;
    });
    assert_eq!(gateway.get("/api/v1/sessions").await.json()["total"], 0);
}

#[tokio::test]
async fn only_events_of_the_wanted_types_end_a_wait() {
    let gateway = start(options());
    let first = poll(&gateway, "rooms=k").await;
    let query = format!("rooms=k&types=health_*&cursor={}", cursor(&first));
    let (answer, ()) = tokio::join!(poll(&gateway, &query), async {
        gateway.reaches("tidegate_connections", 2.0).await;
        publish(&gateway, "k", 1).await;
        let event = json!({ "room": "k", "event_type": "health_changed", "data": { "n": 2 } });
        gateway.post("/api/v1/publish", &event).await;
    });
    assert_eq!(numbers(&answer), [2]);
    let next = poll(&gateway, &format!("rooms=k&timeout=0&cursor={}", cursor(&answer))).await;
    assert_eq!(next["events"], json!([]), "what was kept back is behind the client, too");
}

#[tokio::test]
async fn an_answer_is_bounded_and_says_that_there_is_more() {
    let gateway = start(options());
    let first = poll(&gateway, "rooms=k1,k2").await;
    for number in 1..=10 {
        publish(&gateway, "k1", number).await;
    }
    publish(&gateway, "k2", 11).await;
    let one = poll(&gateway, &format!("rooms=k1,k2&limit=4&cursor={}", cursor(&first))).await;
    assert_eq!((numbers(&one), &one["more"]), (vec![1, 2, 11], &json!(true)), "each room has its share");
    let two = poll(&gateway, &format!("rooms=k1,k2&limit=100&cursor={}", cursor(&one))).await;
    assert_eq!((numbers(&two), two.get("more")), ((3..=10).collect(), None));
    // By their bytes, too: an answer has a mebibyte of them, about.
    let text = "x".repeat(60_000);
    for number in 0..40 {
        let event =
            json!({ "room": "k1", "event_type": "alert_triggered", "data": { "n": number, "text": text } });
        gateway.post("/api/v1/publish", &event).await;
    }
    let mut answer = two;
    let mut all = Vec::new();
    loop {
        let next = gateway.get(&format!("/poll?rooms=k1&cursor={}", cursor(&answer))).await;
        assert!(next.body.len() < 1_200_000, "{} bytes", next.body.len());
        answer = next.json();
        all.extend(numbers(&answer));
        if answer.get("more").is_none() {
            break;
        }
    }
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_lost_is_said_by_room_and_events_go_on() {
    let gateway = start(options().set("room.0.history.size=2"));
    let first = poll(&gateway, "rooms=k1,k2").await;
    for number in 1..=4 {
        publish(&gateway, "k1", number).await;
    }
    publish(&gateway, "k2", 5).await;
    let answer = poll(&gateway, &format!("rooms=k1,k2&cursor={}", cursor(&first))).await;
    assert_eq!((&answer["recovered"], &answer["lost"]), (&json!(false), &json!(["k1"])));
    assert_eq!(numbers(&answer), [5]);
    publish(&gateway, "k1", 6).await;
    let next = poll(&gateway, &format!("rooms=k1,k2&cursor={}", cursor(&answer))).await;
    assert_eq!((numbers(&next), &next["recovered"], next.get("lost")), (vec![6], &json!(true), None));
    // Of another gateway's life, or another's cursor.
    let gone = "0000000000000001:1@".to_owned() + cursor(&next).split(['@', ',']).nth(1).unwrap();
    let answer = poll(&gateway, &format!("rooms=k1&cursor={gone}")).await;
    assert_eq!((&answer["recovered"], &answer["events"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn a_durable_rooms_cursor_outlives_the_process() {
    let durable = || options().set("room.0.history.durable=true").set("room.0.history.fsync=os");
    let folder = tempfile::tempdir().unwrap();
    let gateway = start(durable().data(folder.path()));
    let first = poll(&gateway, "rooms=k").await;
    for number in 1..=3 {
        publish(&gateway, "k", number).await;
    }
    gateway.kill();
    let gateway = start(durable().data(folder.path()));
    let answer = poll(&gateway, &format!("rooms=k&cursor={}", cursor(&first))).await;
    assert_eq!((numbers(&answer), &answer["recovered"]), (vec![1, 2, 3], &json!(true)));
}

#[tokio::test]
async fn a_drain_answers_those_that_wait() {
    let mut gateway = start(options());
    let first = poll(&gateway, "rooms=k").await;
    let query = format!("/poll?rooms=k&timeout=60&cursor={}", cursor(&first));
    let address = gateway.address();
    let waiting =
        tokio::spawn(
            async move { testkit::exchange(address, &testkit::request("GET", &query, &[], None)).await },
        );
    gateway.reaches("tidegate_connections", 2.0).await;
    gateway.signal(testkit::Signal::TERM);
    assert!(gateway.ended().success());
    assert_eq!(waiting.await.unwrap().json()["events"], json!([]));
}
