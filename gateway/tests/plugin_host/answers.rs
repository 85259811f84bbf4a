//! Requests, calls and streams.

use serde_json::{Value, json};
use tidegate::hub::calls::Answer;

use super::house::{House, PATIENCE, built, hostile, hostile_for, instance};

async fn seen(house: &House) -> Vec<String> {
    serde_json::from_value(house.call("hostile_seen", &Value::Null).await.1).unwrap()
}

#[tokio::test]
async fn a_hook_that_does_not_take_a_request_has_answered_it() {
    for (deed, status) in [("panic", 500), ("fail", 500), ("busy", 503), ("unknown_status", 500)] {
        let house = House::start(vec![hostile("it", "http", deed)]).await;
        assert_eq!(house.post("/hostile", &Value::Null).await.0, status, "{deed}");
        assert_eq!(house.info("it").panics, u64::from(deed == "panic"));
        let house = House::start(vec![hostile("it", "call", deed)]).await;
        assert!(!house.call("hostile", &Value::Null).await.0, "{deed}");
        assert_eq!(house.state("it").0, "started");
    }
}

#[tokio::test]
async fn a_panic_in_any_other_hook_is_counted_and_nothing_stops() {
    for place in ["cancelled", "event", "committed", "health"] {
        let house = House::start(vec![hostile("it", place, "panic")]).await;
        // Publishes, which is committed; is cancelled; and is handed an event.
        assert!(house.call("hostile", &Value::Null).await.0);
        drop(house.begin("hostile", &Value::Null));
        let kind = house.hub.types().find("said").unwrap();
        let (data, source, time) = ("1".into(), "test".into(), tidegate::frame::Timestamp(1));
        let event = tidegate::frame::Event::new(kind, data, source, time);
        house.hub.publish(&["hostile"], &event).unwrap();
        house.plugins.ask("it").await;
        assert_eq!(seen(&house).await.iter().filter(|line| line.contains("publish")).count(), 0);
        if place != "cancelled" {
            house.until("the panic is counted", async || house.info("it").panics > 0).await;
        }
        assert_eq!(house.post("/hostile", &Value::Null).await, (200, json!(1)), "{place}");
    }
}

#[tokio::test]
async fn a_second_answer_is_closed_a_strangers_not_found_and_one_of_the_wrong_kind_invalid() {
    let expected = [
        ("twice", vec!["first answer: OK", "second answer: CLOSED"]),
        ("strangers", vec!["answer to a stranger: NOT_FOUND"; 3]),
        ("wrong_way", vec!["wrong answer: INVALID", "right answer: OK"]),
        ("undeclared", vec!["publish undeclared: INVALID"]),
    ];
    for (deed, expected) in expected {
        for place in ["http", "call"] {
            let house = House::start(vec![hostile("it", place, deed)]).await;
            if place == "http" {
                assert_eq!(house.post("/hostile", &Value::Null).await.0, 200, "{deed}");
            } else {
                assert!(house.call("hostile", &Value::Null).await.0, "{deed}");
            }
            assert_eq!(seen(&house).await, expected, "{place} {deed}");
        }
    }
    let house = House::start(vec![hostile("it", "call", "bad_json")]).await;
    house.call("hostile", &Value::Null).await;
    let expected = ["publish no JSON: INVALID", "answer no JSON: INVALID", "answer JSON: OK"];
    assert_eq!(seen(&house).await, expected);
}

#[tokio::test]
async fn a_cancelled_request_is_told_and_its_late_answer_closed() {
    let house = House::start(vec![hostile_for("it", "call", "late", 50)]).await;
    let answers = house.begin("hostile", &Value::Null);
    assert_eq!(seen(&house).await, [""; 0]); // in order: the plugin has the call
    drop(answers);
    house
        .until("both answers", async || {
            let seen = seen(&house).await;
            seen.contains(&"answer after a cancel: CLOSED".into())
                && seen.contains(&"late answer: CLOSED".into())
        })
        .await;
}

#[tokio::test]
async fn a_stream_whose_reader_is_slow_waits_and_ends_when_the_reader_goes() {
    let house = House::start(vec![hostile("it", "call", "endless")]).await;
    let mut answers = house.begin("hostile", &Value::Null);
    for _ in 0..100 {
        let part = tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap();
        assert!(matches!(part, Some(Answer::Part(ref data)) if **data == *b"\"again\""), "{part:?}");
    }
    drop(answers);
    house.until("the end", async || seen(&house).await.contains(&"stream: CLOSED".into())).await;
    house.until("all is released", async || house.info("it").given_away_bytes == 0).await;
}

#[tokio::test]
async fn a_streamed_call_comes_in_pieces_and_ends() {
    let house = House::start(vec![instance("echo", built("echo"), json!({}))]).await;
    let mut answers = house.begin("echo_stream", &json!({"data": "x", "pieces": 40}));
    let mut parts = 0;
    let end = loop {
        match tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap() {
            Some(Answer::Part(_)) => parts += 1,
            end => break end,
        }
    };
    assert!(parts == 40 && matches!(end, Some(Answer::Done { .. })), "{end:?} after {parts}");
}

#[tokio::test]
async fn data_against_the_schema_of_a_call_never_reaches_the_plugin() {
    let house = House::start(vec![instance("echo", built("echo"), json!({}))]).await;
    let (success, why) = house.call("echo_stream", &json!({"pieces": -1, "every_ms": "x"})).await;
    let why = why.as_str().unwrap().to_owned();
    assert!(!success && why.contains("pieces: ") && why.contains("every_ms: "), "{why}");
}

#[tokio::test]
async fn a_hook_that_hangs_keeps_no_other_plugin_waiting() {
    let house = House::start(vec![
        hostile_for("it", "call", "hang", 2_000),
        instance("echo", built("echo"), json!({})),
    ])
    .await;
    let _answers = house.begin("hostile", &Value::Null);
    let begun = std::time::Instant::now();
    for n in 0..50 {
        assert_eq!(house.call("echo", &json!(n)).await, (true, json!(n)));
    }
    assert!(begun.elapsed().as_millis() < 1_500, "{:?}", begun.elapsed());
}
