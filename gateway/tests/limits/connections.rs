//! How many sessions there may be of an endpoint, and of clients that are not known yet.

use serde_json::json;
use testkit::Gateway;

use crate::{open, ping, strict, token};

const REFUSED: &str = "tidegate_handshake_failures_total{reason=\"at_capacity\"}";

/// A gateway whose endpoint takes tokens from the first frame, where nobody may come in without.
fn waiting(settings: &[&str]) -> Gateway {
    let closed = ["auth.default.anonymous=false", "auth.default.take_from=[\"header\", \"first_frame\"]"];
    strict(&[&closed[..], settings].concat())
}

#[tokio::test]
async fn an_endpoint_has_so_many_places_over_all_shards_and_others_have_theirs() {
    let gateway = strict(&["endpoint=[{ path = \"/ws\", max_sessions = 3 }, { path = \"/other\" }]"]);
    let mut sessions = vec![open(&gateway).await, open(&gateway).await, open(&gateway).await];
    assert_eq!(gateway.try_connect("/ws", &[]).await.err().unwrap().0, 503);
    gateway.reaches(REFUSED, 1.0).await;
    let mut other = gateway.connect("/other").await;
    other.next().await;
    assert_eq!(other.ask(&ping(1)).await["message"], "pong");
    sessions.pop();
    // A place is free when the session that had it is gone.
    while gateway.try_connect("/ws", &[]).await.is_err() {}
}

#[tokio::test]
async fn who_is_to_be_told_by_a_close_is_told_1013() {
    let gateway = strict(&["endpoint=[{ path = \"/ws\", max_sessions = 1, refuse = \"close\" }]"]);
    let _first = open(&gateway).await;
    let mut second = gateway.connect("/ws").await;
    assert_eq!(second.closed().await, (1013, "at capacity".to_owned()));
}

#[tokio::test]
async fn a_client_may_show_its_token_first_thing_and_gets_nothing_before() {
    let gateway = waiting(&["endpoint.0.auto_join=[\"user:{user_id}\"]"]);
    let mut session = open(&gateway).await;
    let refused = session.ask(&json!({ "action": "join", "room": "r", "id": 1 })).await;
    assert_eq!(
        refused,
        json!({ "success": false, "message": "Authentication required", "data": null, "id": 1 })
    );
    let bearer = format!("Bearer {}", token("api", json!({})));
    let everyone = json!({ "event_type": "error", "data": {} }).to_string();
    let post = testkit::request("POST", "/api/v1/publish", &[("authorization", &bearer)], Some(&everyone));
    let answer = testkit::exchange(gateway.address(), &post).await;
    assert_eq!((answer.status, &answer.json()["sent"]), (200, &json!(0)), "{}", answer.body);
    let ada = token("ada", json!({}));
    let known = session.ask(&json!({ "action": "auth", "data": { "token": ada } })).await;
    assert_eq!((&known["message"], &known["data"]["user_id"]), (&json!("Authenticated"), &json!("ada")));
    let info = session.ask(&json!({ "action": "info" })).await;
    assert_eq!(info["data"]["rooms"], json!(["user:ada"]));
    let answer = testkit::exchange(gateway.address(), &post).await;
    assert_eq!(answer.json()["sent"], 1, "now it takes what is for everyone");
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_the_only_attempt() {
    let gateway = waiting(&[]);
    let mut session = open(&gateway).await;
    let refused = session.ask(&json!({ "action": "auth", "data": { "token": "a.b.c" } })).await;
    assert_eq!(refused["success"], false);
    assert_eq!(session.next().await["event_type"], "disconnected");
    assert_eq!(session.closed().await, (1008, "authentication failed".to_owned()));
}

#[tokio::test]
async fn who_does_not_show_a_token_is_closed_in_time_and_too_many_are_not_let_in() {
    let gateway = waiting(&["limits.unauthenticated={ sessions = 2, timeout = \"1s\" }"]);
    let (mut one, _two) = (open(&gateway).await, open(&gateway).await);
    assert_eq!(gateway.try_connect("/ws", &[]).await.err().unwrap().0, 503);
    let ada = token("ada", json!({}));
    let known = one.ask(&json!({ "action": "auth", "data": { "token": ada } })).await;
    assert_eq!(known["success"], true);
    let mut three = open(&gateway).await; // the first has given its place back
    assert_eq!(three.next().await["data"]["reason"], "authentication timeout");
    assert_eq!(three.closed().await, (1008, "authentication timeout".to_owned()));
    assert_eq!(one.ask(&ping(1)).await["message"], "pong", "who is known stays");
}

#[tokio::test]
async fn an_endpoint_that_has_no_word_for_a_token_lets_nobody_wait() {
    let gateway = waiting(&["endpoint=[{ path = \"/echo\", dialect = \"echo\" }]"]);
    assert_eq!(gateway.try_connect("/echo", &[]).await.err().unwrap().0, 401);
}
