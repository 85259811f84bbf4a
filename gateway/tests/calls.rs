//! Calls to plugins: answered in order without an id, beside other requests with one, whole or streamed, cancelled.

use serde_json::json;
use testkit::{Gateway, Options, Socket};

async fn start() -> (Gateway, Socket) {
    let gateway = Options::new().set("plugins.echo.enabled=true").start(env!("CARGO_BIN_EXE_tidegate"));
    let mut session = gateway.connect("/ws").await;
    assert_eq!(session.next().await["event_type"], "connected");
    (gateway, session)
}

#[tokio::test]
async fn a_call_without_an_id_is_answered_before_the_next_request() {
    let (_gateway, mut session) = start().await;
    session.send(&json!({"action": "echo", "data": {"n": 1}})).await;
    session.send(&json!({"action": "ping", "id": 2})).await;
    assert_eq!(session.next().await, json!({"success": true, "message": "echo", "data": {"n": 1}}));
    assert_eq!(session.next().await["id"], 2);
    let bare = session.ask(&json!({"action": "Echo"})).await;
    assert_eq!(bare, json!({"success": true, "message": "echo", "data": null}));
}

#[tokio::test]
async fn a_stream_comes_in_pieces_and_ends_with_the_answer() {
    let (_gateway, mut session) = start().await;
    session.send(&json!({"action": "echo_stream", "id": "s", "data": {"data": 7, "pieces": 2}})).await;
    assert_eq!(session.next().await, json!({"stream": "s", "seq": 0, "data": 7}));
    assert_eq!(session.next().await, json!({"stream": "s", "seq": 1, "data": 7}));
    let end = session.next().await;
    assert_eq!((&end["success"], &end["data"], &end["id"]), (&json!(true), &json!(7), &json!("s")));
}

#[tokio::test]
async fn a_call_that_is_cancelled_ends_and_the_session_goes_on() {
    let (_gateway, mut session) = start().await;
    let endless =
        json!({"action": "echo_stream", "id": 1, "data": {"data": 7, "pieces": 100_000, "every_ms": 10}});
    session.send(&endless).await;
    assert_eq!(session.next().await["seq"], 0);
    session.send(&json!({"action": "cancel", "id": 1})).await;
    let ended = loop {
        let frame = session.next().await;
        if frame.get("success").is_some() {
            break frame;
        }
    };
    assert_eq!(ended, json!({"success": false, "message": "Call cancelled", "data": null, "id": 1}));
    assert_eq!(session.next().await, json!({"success": true, "message": "Cancelled", "data": null, "id": 1}));
    assert_eq!(session.ask(&json!({"action": "cancel", "id": 1})).await["success"], false);
    assert_eq!(session.ask(&json!({"action": "ping"})).await["message"], "pong");
}

#[tokio::test]
async fn only_so_many_calls_are_open_at_once() {
    let (_gateway, mut session) = start().await;
    for id in 0..17 {
        let slow =
            json!({"action": "echo_stream", "id": id, "data": {"data": 0, "pieces": 1000, "every_ms": 1000}});
        session.send(&slow).await;
    }
    let refused = loop {
        let frame = session.next().await;
        if frame.get("success").is_some() {
            break frame;
        }
    };
    assert_eq!((&refused["success"], &refused["id"]), (&json!(false), &json!(16)));
}

#[tokio::test]
async fn calls_of_a_stopped_plugin_are_refused_until_it_is_started_again() {
    let (gateway, mut session) = start().await;
    let call = json!({"action": "echo", "data": 1});
    assert_eq!(gateway.request("POST", "/api/v1/plugins/echo/stop", None).await.status, 200);
    assert_eq!(session.ask(&call).await["success"], false);
    assert_eq!(gateway.request("POST", "/echo/room", Some("{}")).await.status, 503);
    assert_eq!(gateway.request("POST", "/api/v1/plugins/echo/start", None).await.status, 200);
    assert_eq!(session.ask(&call).await["success"], true);
    assert_eq!(gateway.request("POST", "/echo/room", Some("{}")).await.status, 200);
}
