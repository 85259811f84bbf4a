//! Publishing: in order, told of once safe, busy is waited for, nothing is copied twice or lost silently.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod probe;

use probe::{Probe, start};
use serde_json::json;
use tidegate_plugin::Status;
use tidegate_plugin::testing::TestHost;

#[test]
fn an_event_arrives_as_it_was_given_with_a_cursor_for_each_room() {
    let host = start(json!({}));
    assert_eq!(host.call("publish", &json!({"x": "é"})).data, json!([1, 1]));
    let events = host.events();
    let event = &events[0];
    assert_eq!(event.rooms, ["a", "b"]);
    assert_eq!((event.kind.as_str(), event.source.as_str(), event.time), ("said", "me", 7));
    assert_eq!((event.key.as_str(), event.id.as_str(), event.origin.as_str()), ("k", "once", "o"));
    assert_eq!((&event.tags, &event.data), (&vec![("t".into(), "v".into())], &json!({"x": "é"})));
    assert_eq!(host.call("publish", &json!(2)).data, json!([1, 1]), "the same id answers the first cursors");
    assert_eq!(host.stop().events.len(), 1);
}

#[test]
fn a_batch_that_busy_cuts_goes_on_after_resume_in_order_even_when_they_cross() {
    let host = start(json!({}));
    host.refuse_publishes(4, 3);
    assert_eq!(host.call("publish_many", &10).data, json!((1..=10).collect::<Vec<_>>()));
    let data: Vec<_> = host.events().iter().map(|e| e.data.as_u64().unwrap()).collect();
    assert_eq!(data, (0..10).collect::<Vec<_>>());
    host.refuse_publishes(3, 0);
    assert_eq!(host.call("publish_many", &1).data, json!([11]));
    host.stop();
}

#[test]
fn publish_answers_only_once_the_events_are_safe() {
    let host = start(json!({}));
    host.hold_commits(true);
    let waits = host.begin_call("publish_many", &2);
    let _ = host.wait_for_events(2);
    assert!(host.call("echo", &()).success, "others go on");
    host.hold_commits(false);
    assert_eq!(waits.answer().data, json!([1, 2]));
    host.stop();
}

#[test]
fn events_that_were_taken_and_lost_are_told_as_lost() {
    let host = start(json!({}));
    host.lose_commits(Status::TIMEOUT);
    let told = host.call("publish_many", &2).data;
    assert_eq!(told, json!({"status": "TIMEOUT", "lost": 2, "rest": 0}));
    host.stop();
}

#[test]
fn an_event_that_is_refused_comes_back_with_those_behind_it() {
    let host = start(json!({}));
    let reason = "INVALID: event 'unheard-of': its type is not declared";
    assert_eq!(host.call("try_publish", &()).data, json!({"status": "INVALID", "rest": 2, "reason": reason}));
    assert_eq!(host.stop().events.len(), 1);
}

#[cfg(not(miri))]
#[test]
fn an_event_against_its_schema_is_refused_with_the_field_and_what_is_wrong_with_it() {
    let host = start(json!({}));
    host.open_session("c", None);
    let flaw = "INVALID: event 'counted': n: \"x\" is not of type \"integer\"";
    let told = host.call("publish_counted", &json!({"n": "x"})).data;
    assert_eq!(told, json!([format!("publish: {flaw}"), format!("send to a session: {flaw}")]));
    host.stop();
    // A gateway of ABI 1.0 has the status alone.
    let host = TestHost::of::<Probe>().without("tidegate.refusal/1").start().unwrap();
    host.open_session("c", None);
    let told = host.call("publish_counted", &json!({"n": "x"})).data;
    assert_eq!(told, json!(["publish: INVALID", "send to a session: INVALID"]));
    host.stop();
}

#[test]
fn every_buffer_is_released_by_the_end_of_the_request() {
    let host = start(json!({}));
    for _ in 0..5 {
        host.refuse_publishes(1, 1);
        let _ = host.call("publish_many", &3);
        let _ = host.call("try_publish", &());
        let _ = host.call("stream", &());
        let _ = host.http_json("POST", "/probe/", &json!({"n": 1}));
        let _ = host.follow("r", "t", &json!({}));
    }
    let _ = host.call("echo", &());
    // Stop waits until both are zero, and fails where they are not.
    host.stop();
}
