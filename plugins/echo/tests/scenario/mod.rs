//! What an echo plugin does, in whatever language it is written.

use serde_json::{Value, json};
use tidegate_plugin::abi;
use tidegate_plugin::testing::TestHost;

fn start(table: &'static abi::Plugin, config: Value) -> TestHost {
    TestHost::of_table(table).config(config).start().unwrap()
}

/// What an operator can have it do.
pub(crate) fn command(table: &'static abi::Plugin) {
    let ran = TestHost::of_table(table).command("say", &["hello", "wörld"]);
    assert_eq!((ran.printed.as_str(), ran.outcome), ("hello wörld\n", Ok(())));
    let ran = TestHost::of_table(table).interrupt_after(3).command("say", &["--again", "a", "b"]);
    assert_eq!((ran.printed.as_str(), ran.outcome), ("a b\na b\na b\n", Ok(())));
    for nothing in [&[][..], &["--again"]] {
        let ran = TestHost::of_table(table).command("say", nothing);
        assert_eq!((ran.printed.as_str(), ran.outcome), ("", Err("INVALID: say what?".to_owned())));
    }
}

/// All of it, from one start to one stop.
pub(crate) fn play(table: &'static abi::Plugin) {
    publishes_what_it_is_sent(table);
    refuses_what_is_no_json(table);
    answers_a_busy_gateway_or_waits_for_it(table);
    answers_calls(table);
    streams_and_can_be_cancelled(table);
    answers_by_more_names_when_configured(table);
    ends_its_streams_when_it_is_stopped(table);
}

fn publishes_what_it_is_sent(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    for offset in 1..4 {
        let answer = host.http("POST", "/echo/a%20room", format!("{{\"n\": {offset}}}"));
        assert_eq!((answer.status, answer.json()), (200, json!({"epoch": "test", "offset": offset})));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let event = &host.events()[2];
    assert_eq!((event.kind.as_str(), event.rooms.as_slice()), ("echoed", ["a room".to_owned()].as_slice()));
    assert_eq!((&event.data, event.source.as_str()), (&json!({"n": 3}), "test"));
    host.stop();
}

fn refuses_what_is_no_json(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    assert_eq!(host.http("POST", "/echo/r", "{").status, 422);
    assert_eq!(host.http("POST", "/echo/r", "").status, 422);
    assert_eq!(host.stop().events, []);
}

fn answers_a_busy_gateway_or_waits_for_it(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    host.refuse_publishes(1, 0);
    let status = host.http("POST", "/echo/r", "1").status;
    assert!(status == 200 || status == 503, "{status}");
    host.lose_commits(tidegate_plugin::Status::TIMEOUT);
    assert_eq!(host.http("POST", "/echo/r", "1").status, 504);
    host.stop();
}

fn answers_calls(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    let said = json!({"text": "é", "list": [1, 2.5, null, true, {"deep": []}]});
    let answer = host.call("echo", &said);
    assert_eq!((answer.success, answer.message.as_str(), answer.data), (true, "echo", said));
    host.stop();
}

fn streams_and_can_be_cancelled(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    host.refuse_answers(2);
    let answer = host.call("echo_stream", &json!({"other": "\"data\":1", "data": {"x": ["]"]}}));
    assert_eq!((answer.pieces.len(), answer.data), (3, json!({"x": ["]"]})));
    let answer = host.call("echo_stream", &json!({"pieces": 2, "every_ms": 1, "data": "é"}));
    assert_eq!((answer.pieces, answer.data), (vec![json!("é"); 2], json!("é")));
    assert_eq!(host.call("echo_stream", &json!({"pieces": 1})).data, Value::Null);
    for wrong in [json!({"every_ms": 60_001}), json!({"pieces": "x"}), json!({"pieces": -1}), json!(7)] {
        assert!(!host.call("echo_stream", &wrong).success, "{wrong}");
    }
    let endless = host.begin_call("echo_stream", &json!({"pieces": 0, "data": 1}));
    endless.wait_for_pieces(5);
    endless.cancel();
    let waiting = host.begin_call("echo_stream", &json!({"pieces": 0, "every_ms": 60_000}));
    waiting.wait_for_pieces(1);
    waiting.cancel();
    host.stop();
}

fn answers_by_more_names_when_configured(table: &'static abi::Plugin) {
    let host = start(table, json!({"calls": ["chat", "a \"name\""]}));
    assert_eq!(host.call("chat", &json!([1])).data, json!([1]));
    assert_eq!(host.call("a \"name\"", &1).data, 1);
    host.stop();
}

fn ends_its_streams_when_it_is_stopped(table: &'static abi::Plugin) {
    let host = start(table, json!({}));
    let short = host.begin_call("echo_stream", &json!({"pieces": 2, "every_ms": 1}));
    short.wait_for_pieces(1);
    // Fails where a request is left without an answer.
    host.stop();
}
