//! Every request gets one answer, whatever the plugin does with it.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod probe;

use probe::{Probe, start};
use serde_json::{Value, json};
use tidegate_plugin::testing::TestHost;

#[test]
fn a_call_is_answered_with_message_and_data() {
    let host = start(json!({}));
    let answer = host.call("echo", &json!({"a": [1, null]}));
    assert!(answer.success);
    assert_eq!((answer.message.as_str(), answer.data), ("as you say", json!({"a": [1, null]})));
    let answer = host.call("late", &1);
    assert_eq!(answer.data, 1, "a call that only its configuration declared");
    host.stop();
}

#[test]
fn an_error_is_told_to_the_caller_and_a_fault_of_ours_to_the_log_alone() {
    let host = start(json!({}));
    let answer = host.call("fail", &());
    assert_eq!((answer.success, answer.message.as_str(), answer.data), (false, "no", json!({"why": 1})));
    let answer = host.call("bug", &());
    assert_eq!((answer.success, answer.message.as_str()), (false, "the plugin failed"));
    assert!(host.log().iter().any(|line| line.message == "call 'bug': a secret of ours"));
    let response = host.http("GET", "/probe/bug", "");
    assert_eq!((response.status, response.json()["detail"].as_str()), (500, Some("the plugin failed")));
    host.stop();
}

#[test]
fn a_route_gets_its_parameters_decoded_and_answers_json_or_a_problem() {
    let host = start(json!({}));
    let response = host.http("GET", "/probe/a%20b?q=x+y", "");
    assert_eq!((response.status, response.json()), (200, json!({"what": "a b", "q": "x y"})));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(host.http("GET", "/probe/fixed", "").json(), json!({"route": 2}));
    let response = host.http_json("POST", "/probe", &json!({"n": 5}));
    assert_eq!((response.status, response.header("x-n"), response.json()), (201, Some("5"), json!(5)));
    let response = host.http("GET", "/probe/400", "");
    let problem =
        json!({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "Invalid action"});
    assert_eq!((response.status, response.json()), (400, problem));
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    host.stop();
}

#[test]
fn a_body_that_does_not_validate_is_422_and_says_where() {
    let host = start(json!({}));
    let errors = |body: &str| {
        let response = host.http("POST", "/probe/", body.to_owned());
        assert_eq!(response.status, 422);
        response.json()["errors"][0].clone()
    };
    assert_eq!(errors("{}"), json!({"loc": ["body", "n"], "msg": "Field required", "type": "missing"}));
    assert_eq!(errors("")["type"], "missing");
    assert_eq!(errors("[]")["type"], "dict_type");
    assert_eq!(errors("{")["type"], "json_invalid");
    host.stop();
}

#[test]
fn a_streamed_answer_waits_for_its_reader_and_resume_may_cross_the_busy() {
    let host = start(json!({}));
    host.refuse_answers(2);
    let answer = host.call("stream", &());
    assert_eq!((answer.pieces, answer.data), (vec![json!(0), json!(1), json!(2)], json!("done")));
    host.refuse_answers(3);
    let response = host.http("GET", "/probe/stream", "");
    assert_eq!(response.body, "data: 1\n\ndata: 2\n\n");
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    host.refuse_answers(1);
    assert!(host.call("echo", &1).success);
    host.stop();
}

#[test]
fn a_cancelled_request_is_told_and_its_stream_ends() {
    let host = start(json!({}));
    host.begin_call("until_cancelled", &()).cancel();
    let endless = host.begin_call("endless", &());
    endless.wait_for_pieces(2);
    endless.cancel();
    let seen = loop {
        let seen = host.call("seen", &()).data;
        if seen.as_array().unwrap().contains(&json!("cancelled")) {
            break seen;
        }
    };
    assert_eq!(seen[0], "call until_cancelled");
    host.stop();
}

#[test]
fn an_answer_that_the_host_refuses_becomes_an_internal_error() {
    let host = start(json!({}));
    assert_eq!(host.http("GET", "/probe/bad-status", "").status, 500);
    assert!(host.log().iter().any(|line| line.message.contains("the host refused the answer: INVALID")));
    host.stop();
}

#[test]
fn requests_run_beside_each_other_unless_the_plugin_asks_for_order() {
    let concurrent = start(json!({}));
    let waits = concurrent.begin_call("until_cancelled", &());
    assert!(concurrent.call("echo", &()).success, "answered while another is not");
    waits.cancel();

    let ordered = TestHost::of::<Probe<true>>().start().unwrap();
    let slow = ordered.begin_call("slow", &());
    let _ = ordered.call("echo", &());
    let _ = slow.answer();
    let seen = ordered.call("seen", &()).data;
    assert_eq!(seen, json!(["call slow", "slow is done", "call echo", "call seen"]));
}

#[test]
fn a_request_sees_every_event_that_was_handed_over_before_it() {
    let host = start(json!({}));
    for n in 0..3 {
        assert!(host.follow("agents", "agent_created", &json!({ "n": n })).is_ok());
    }
    host.gap("agents", 2, 3, 5);
    let seen = host.call("seen", &()).data;
    let expected = json!([
        "event agents agent_created {\"n\":0} @1",
        "event agents agent_created {\"n\":1} @2",
        "event agents agent_created {\"n\":2} @3",
        "gap agents Some(2) 3..5",
        "call seen"
    ]);
    assert_eq!(seen, expected);
    host.stop();
}

#[test]
fn moments_of_sessions_and_health_arrive() {
    let host = start(json!({}));
    let session = host.open_session("ws_1", Some("u"));
    host.watch(session, "ws_1", &tidegate_plugin::Moment::Open);
    host.watch(session, "ws_1", &tidegate_plugin::Moment::Join("r".into()));
    let close = tidegate_plugin::Moment::Close { code: 1000, reason: "bye".into() };
    host.watch(session, "ws_1", &close);
    let seen = host.call("seen", &()).data;
    assert_eq!(seen[0], "ws_1 Open");
    assert_eq!(seen[1], "ws_1 Join(\"r\")");
    assert_eq!(seen[2], "ws_1 Close { code: 1000, reason: \"bye\" }");
    assert_eq!(host.health(), json!({"status": "degraded", "details": {"restored": Value::Null}}));
    host.stop();
}
