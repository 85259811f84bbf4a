//! Start, stop, start again; and what is left where it is.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate::hub::calls::Answer;

use super::house::{House, PATIENCE, built, compile, hostile, hostile_for, instance};

#[tokio::test]
async fn a_failure_in_a_hook_of_its_start_is_told_and_the_others_start() {
    for place in ["create", "declare", "start"] {
        for deed in ["panic", "fail", "busy", "unknown_status"] {
            let house =
                House::start(vec![hostile("bad", place, deed), instance("echo", built("echo"), json!({}))])
                    .await;
            let (state, error) = house.state("bad");
            assert!(state == "failed" && error.ends_with("on purpose"), "{place} {deed}: {state} {error}");
            assert_eq!(house.info("bad").panics, u64::from(deed == "panic"), "{place}");
            assert_eq!(house.call("echo", &json!([1])).await, (true, json!([1])));
        }
    }
}

#[tokio::test]
async fn a_create_that_answers_no_instance_is_a_failure() {
    let house = House::start(vec![hostile("bad", "create", "null_instance")]).await;
    assert_eq!(house.state("bad").0, "failed");
}

#[tokio::test]
async fn a_plugin_may_watch_sessions() {
    let house = House::start(vec![hostile("watcher", "session", "behave")]).await;
    assert_eq!(house.state("watcher"), ("started", String::new()));
}

#[tokio::test]
async fn stopped_its_calls_are_unavailable_and_started_again_they_are_answered() {
    let house = House::start(vec![hostile("it", "none", "behave")]).await;
    assert_eq!(house.post("/hostile", &Value::Null).await, (200, json!(1)));
    house.stop("it").await;
    assert_eq!(house.state("it"), ("stopped", String::new()));
    let refused = house.ask(http::Method::POST, "/hostile", "").await.unwrap_err();
    assert_eq!(refused.to_string(), "the plugin 'it' is not available");
    house.start_again("it").await.unwrap();
    assert_eq!(house.state("it").0, "started");
    assert_eq!(house.post("/hostile", &Value::Null).await, (200, json!(1)));
    assert_eq!(house.info("it").restarts, 0);
}

#[tokio::test]
async fn what_failed_is_counted_when_it_is_started_again() {
    let house = House::start(vec![hostile("bad", "start", "fail")]).await;
    let error = house.start_again("bad").await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert_eq!(house.info("bad").restarts, 1);
}

#[tokio::test]
async fn a_plugin_that_says_twice_that_it_has_stopped_has_stopped() {
    let house = House::start(vec![hostile("it", "stop", "stopped_twice")]).await;
    house.stop("it").await;
    assert_eq!(house.state("it"), ("stopped", String::new()));
}

#[tokio::test]
async fn threads_that_go_on_after_the_stop_harm_nobody() {
    let house = House::start(vec![hostile("it", "stop", "linger")]).await;
    house.stop("it").await;
    assert_eq!(house.state("it"), ("stopped", String::new()));
}

#[tokio::test]
async fn one_that_never_stops_is_left_where_it_is_and_its_callers_are_answered() {
    let house = House::start(vec![hostile_for("it", "stop", "never_stopped", 0)]).await;
    house.stop_all(Duration::from_millis(100)).await;
    let (state, error) = house.state("it");
    assert!(state == "failed" && error.contains("left where it is"), "{state} {error}");
    let page = house.page();
    assert!(page.contains("tidegate_plugin_left_total{plugin=\"it\"} 1\n"), "{page}");
}

#[tokio::test]
async fn a_hook_that_does_not_return_ends_with_its_thread_given_up_and_its_callers_answered() {
    let house = House::start(vec![hostile_for("it", "call", "hang", 5_000)]).await;
    let mut answers = house.begin("hostile", &Value::Null);
    house.stop_all(Duration::from_millis(50)).await;
    let (state, error) = house.state("it");
    assert!(state == "failed" && error.contains("did not return"), "{state} {error}");
    let answer = tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap();
    assert!(matches!(answer, Some(Answer::Failed { .. })), "{answer:?}");
}

#[tokio::test]
async fn unanswered_requests_are_answered_when_their_plugin_stops() {
    let house = House::start(vec![hostile("it", "call", "never")]).await;
    let mut answers = house.begin("hostile", &Value::Null);
    // In order behind it: the plugin has it.
    house.call("hostile_seen", &Value::Null).await;
    house.stop("it").await;
    let answer = tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap();
    assert!(matches!(answer, Some(Answer::Failed { .. })), "{answer:?}");
    assert_eq!(house.state("it").0, "stopped");
}

#[tokio::test]
async fn changes_are_told_to_the_room_system() {
    let folder = tempfile::tempdir().unwrap();
    let teller = compile(folder.path(), "flood", "flood.c", &["FOLLOWS=\"system\""]);
    let house =
        House::start(vec![instance("teller", teller, json!({})), hostile("it", "none", "behave")]).await;
    house.stop("it").await;
    house
        .until("four changes", async || house.call("counts", &Value::Null).await.1["followed"] == json!(4))
        .await; // it started itself; the other started, is stopping, has stopped
}

#[tokio::test]
async fn two_instances_of_one_library_know_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = compile(folder.path(), "flood", "flood.c", &["NO_DECLARATIONS"]);
    let settings = vec![instance("one", &path, json!({})), instance("two", &path, json!({}))];
    let house = House::start(settings).await;
    assert_eq!((house.state("one").0, house.state("two").0), ("started", "started"));
    house.stop("one").await;
    assert_eq!((house.state("one").0, house.state("two").0), ("stopped", "started"));
}
