//! A plugin that breaks the contract gets a status for it, and never a crash; one that is loaded twice or goes on after its end
//! harms nobody. The plugin stands on the bare table, as one in another language does.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

use serde_json::{Value, json};
use tidegate_plugin::testing::TestHost;

fn start(place: &str, deed: &str) -> TestHost {
    try_start(place, deed).unwrap()
}

fn try_start(place: &str, deed: &str) -> Result<TestHost, String> {
    TestHost::of_table(tidegate_hostile::table())
        .config(json!({"place": place, "deed": deed, "millis": 20}))
        .start()
}

/// What its callbacks were answered.
fn seen(host: &TestHost) -> Vec<String> {
    serde_json::from_value(host.call("hostile_seen", &()).data).unwrap()
}

#[test]
fn a_second_answer_is_closed() {
    for (place, ask) in [("call", true), ("http", false)] {
        let host = start(place, "twice");
        if ask {
            assert_eq!(host.call("hostile", &()).data, 1);
        } else {
            assert_eq!(host.http("POST", "/hostile", "").json(), 1);
        }
        assert_eq!(seen(&host), ["first answer: OK", "second answer: CLOSED"]);
        host.stop();
    }
}

#[test]
fn an_answer_the_wrong_way_is_invalid_and_the_right_one_still_counts() {
    let host = start("call", "wrong_way");
    assert_eq!(host.call("hostile", &()).data, 2);
    assert_eq!(seen(&host), ["wrong answer: INVALID", "right answer: OK"]);
    host.stop();
    let host = start("http", "wrong_way");
    assert_eq!(host.http("POST", "/hostile", "").json(), 2);
    assert_eq!(seen(&host), ["wrong answer: INVALID", "right answer: OK"]);
    host.stop();
}

#[test]
fn an_answer_to_a_number_that_never_was_is_not_found() {
    let host = start("call", "strangers");
    assert_eq!(host.call("hostile", &()).data, 1);
    assert_eq!(seen(&host), ["answer to a stranger: NOT_FOUND"; 3]);
    host.stop();
}

#[test]
fn what_is_no_json_is_invalid_in_events_and_answers() {
    let host = start("call", "bad_json");
    assert_eq!(host.call("hostile", &()).data, 1);
    assert_eq!(seen(&host), ["publish no JSON: INVALID", "answer no JSON: INVALID", "answer JSON: OK"]);
    assert_eq!(host.stop().events, []);
}

#[test]
fn an_undeclared_type_is_invalid() {
    let host = start("http", "undeclared");
    assert_eq!(host.http("POST", "/hostile", "").status, 200);
    assert_eq!(seen(&host), ["publish undeclared: INVALID"]);
    host.stop();
}

#[test]
fn an_answer_after_a_cancel_is_closed() {
    let host = start("call", "late");
    host.begin_call("hostile", &()).cancel();
    while seen(&host).len() < 2 {
        std::thread::yield_now();
    }
    let seen = seen(&host);
    assert!(seen.contains(&"answer after a cancel: CLOSED".to_owned()), "{seen:?}");
    assert!(seen.contains(&"late answer: CLOSED".to_owned()), "{seen:?}");
    host.stop();
}

#[test]
fn a_thread_that_goes_on_after_stop_is_told_closed_until_destroy_has_waited_for_it() {
    let host = start("stop", "linger");
    let log: Vec<_> = host.stop().log.into_iter().map(|line| line.message).collect();
    let expected = [
        "publish after stop: CLOSED",
        "finish after stop: CLOSED",
        "store after stop: CLOSED",
        "clock after stop: CLOSED",
        "destroyed with 0 buffers not released",
    ];
    assert_eq!(log, expected);
}

#[test]
fn every_buffer_is_released_on_the_hook_thread_and_before_destroy() {
    let host = start("none", "behave");
    for _ in 0..20 {
        assert!(host.call("hostile", &()).success);
        assert_eq!(host.http("POST", "/hostile", "").status, 200);
    }
    assert_eq!(host.health(), json!({"status": "healthy"}));
    let stopped = host.stop();
    assert_eq!(stopped.events.len(), 40);
    assert_eq!(stopped.log.last().unwrap().message, "destroyed with 0 buffers not released");
    assert!(!stopped.log.iter().any(|line| line.message.contains("another thread")));
}

#[test]
fn a_failure_a_panic_or_nonsense_in_a_life_cycle_hook_refuses_the_instance() {
    for place in ["create", "declare", "start"] {
        for deed in ["panic", "fail", "unknown_status"] {
            let error = try_start(place, deed).map(drop).unwrap_err();
            assert!(error.ends_with("on purpose"), "{place} {deed}: {error}");
        }
    }
}

#[test]
fn a_hook_that_fails_answers_its_request_and_keeps_nothing() {
    for deed in ["panic", "fail", "busy", "unknown_status"] {
        let host = start("call", deed);
        assert!(!host.call("hostile", &json!([1])).success);
        assert_eq!(host.unreleased().1, 0, "what was refused is still the host's");
        assert_eq!(host.panics().len(), usize::from(deed == "panic"));
        host.stop();
    }
}

#[test]
fn two_instances_of_one_library_know_nothing_of_each_other() {
    let (one, two) = (start("call", "twice"), start("none", "behave"));
    let _ = (one.call("hostile", &()), two.call("hostile", &()));
    assert_eq!((seen(&one).len(), seen(&two)), (2, Vec::<String>::new()));
    one.stop();
    assert_eq!(two.call("hostile", &Value::Null).data, 1);
    two.stop();
}
