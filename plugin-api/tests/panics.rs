//! A panic in any hook is caught inside the plugin, told to the host, answered, and the instance lives on.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod probe;

use probe::{Probe, start};
use serde_json::json;
use tidegate_plugin::testing::TestHost;

/// Starting with a panic there, which fails.
fn refused(place: &str) -> String {
    TestHost::of::<Probe>().config(json!({ "panic_in": place })).start().map(drop).unwrap_err()
}

#[test]
fn a_panic_over_the_configuration_in_declare_or_at_start_refuses_the_instance() {
    assert_eq!(refused("declare"), "INTERNAL: ");
    assert_eq!(refused("start"), "INTERNAL: it panicked at start");
    struct Bad;
    impl<'de> serde::Deserialize<'de> for Bad {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("on purpose")
        }
    }
    struct Never;
    impl tidegate_plugin::Plugin for Never {
        type Config = Bad;
        fn manifest() -> tidegate_plugin::Manifest {
            tidegate_plugin::Manifest::from_json("{}")
        }
        async fn start(_: tidegate_plugin::Host, _: Bad) -> tidegate_plugin::Result<Self> {
            Ok(Self)
        }
    }
    let error = TestHost::of::<Never>().start().unwrap_err();
    assert_eq!(error, "INTERNAL: it panicked over its configuration");
}

#[test]
fn a_panic_in_a_call_or_route_is_an_internal_error_and_the_next_request_is_served() {
    let host = start(json!({}));
    let answer = host.call("panic", &());
    assert_eq!((answer.success, answer.message.as_str()), (false, "the plugin failed"));
    assert_eq!(host.http("GET", "/probe/panic", "").status, 500);
    assert!(host.call("echo", &()).success);
    assert_eq!(host.panics(), ["call 'panic': on purpose", "GET /probe/panic: on purpose"]);
    host.stop();
}

#[test]
fn a_panic_while_an_answer_is_streamed_cuts_it() {
    let host = start(json!({}));
    let answer = host.call("panicking_stream", &());
    assert_eq!((answer.success, answer.pieces), (false, vec![json!(0)]));
    let response = host.http("GET", "/probe/stream-panic", "");
    assert_eq!((response.status, response.pieces.len()), (500, 1));
    assert_eq!(host.panics().len(), 2);
    host.stop();
}

#[test]
fn a_panic_over_an_event_a_gap_a_session_health_pause_unpause_or_stop_is_told_and_survived() {
    for place in ["follow", "gap", "watch", "health", "pause", "unpause", "stop"] {
        let host = start(json!({ "panic_in": place }));
        let _ = host.follow("r", "t", &());
        host.gap("r", 0, 1, 2);
        host.watch(host.open_session("ws_1", None), "ws_1", &tidegate_plugin::Moment::Open);
        assert_eq!(host.health().is_null(), place == "health");
        assert_eq!(host.pause().is_none(), place == "pause");
        assert!(host.unpause().is_ok());
        assert!(host.call("echo", &()).success);
        assert_eq!(host.stop().panics, [format!("{place}: on purpose")]);
    }
}

#[test]
fn an_error_in_a_hook_that_nobody_waits_for_goes_to_the_log() {
    for place in ["follow", "gap", "watch", "unpause", "stop"] {
        let host = start(json!({ "fail_in": place }));
        let _ = host.follow("r", "t", &());
        host.gap("r", 0, 1, 2);
        host.watch(host.open_session("ws_1", None), "ws_1", &tidegate_plugin::Moment::Open);
        let _ = host.unpause();
        let log = host.stop().log;
        assert!(log.iter().any(|line| line.message == format!("{place}: on purpose")), "{place}: {log:?}");
    }
}
