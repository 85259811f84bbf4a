//! What clients send, and what answers it.

use serde_json::{Value, json};
use testkit::{Gateway, Options, opcode};

use crate::{PATH, enter, judge, nothing_else, open, options, start, subscribe};

/// With the plugin `echo` answering the two calls.
fn with_calls() -> Options {
    options()
        .set("plugins.echo.enabled=true")
        .set("plugins.echo.calls=[\"dashboard_update\",\"metrics_update\"]")
}

#[tokio::test]
async fn a_subscription_is_confirmed_with_the_number_of_its_entries() {
    let gateway = start(options());
    let mut session = open(&gateway).await;
    for (data, entries) in [
        (json!({ "events": ["task_created", " alert ", "", "  ", 5, null, "alert"] }), 7),
        (json!({ "events": [] }), 0),
        (json!({}), 0),
        (Value::Null, 0),
    ] {
        session.send(&json!({ "event_type": "subscribe", "data": data })).await;
        let answer = judge(&session.next_text().await);
        let expected = json!({
            "title": "Suscripción confirmada",
            "content": format!("Suscrito a {entries} tipos de eventos"),
            "level": "info",
        });
        assert_eq!((&answer["event_type"], &answer["data"]), (&json!("notification"), &expected), "{data}");
    }
    assert_eq!(gateway.get("/ws/stats").await.json()["rooms"], json!({ "alert": 1, "task_created": 1 }));
}

#[tokio::test]
async fn an_unsubscription_has_no_answer_and_leaves_what_is_the_sessions_own() {
    let gateway = start(options().set("endpoint.0.auto_join=[\"lobby\"]"));
    let mut session = enter(&gateway, json!({ "user_id": 7 })).await;
    subscribe(&mut session, &["a", "b", "c"]).await;
    let events = json!([" a ", "b", "nowhere", "lobby", "user:7", "role:LEVEL_1", 5]);
    session.send(&json!({ "event_type": "unsubscribe", "data": { "events": events } })).await;
    nothing_else(&mut session).await;
    let rooms = gateway.get("/ws/stats").await.json()["rooms"].clone();
    assert_eq!(rooms, json!({ "c": 1, "lobby": 1, "user:7": 1, "role:LEVEL_1": 1 }));
}

#[tokio::test]
async fn the_rules_say_which_topics_a_client_may_have_and_each_request_is_answered() {
    let gateway = start(options().set("limits.rooms_per_session=5"));
    let mut session = enter(&gateway, json!({ "user_id": 7 })).await;
    let long = "x".repeat(300);
    subscribe(&mut session, &["user:8", "role:CHIEF", &long, "fine"]).await;
    let many: Vec<String> = (0..50).map(|n| format!("t{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    subscribe(&mut session, &many).await;
    let stats = gateway.get("/ws/stats").await.json();
    let rooms: Vec<&String> = stats["rooms"].as_object().unwrap().keys().collect();
    assert_eq!(rooms, ["fine", "role:LEVEL_1", "t0", "t1", "t2", "t3", "user:7"]);
}

#[tokio::test]
async fn types_that_ask_for_nothing_are_met_with_silence() {
    let gateway = start(options());
    let mut session = open(&gateway).await;
    for event_type in ["pong", "ping", "SUBSCRIBE", "chat", "notification", "connection_ack", ""] {
        session.send(&json!({ "event_type": event_type, "data": { "events": ["a"] } })).await;
    }
    session.send_binary(br#"{"event_type":"pong"}"#).await;
    nothing_else(&mut session).await;
}

#[tokio::test]
async fn mistakes_are_told_and_the_session_stays() {
    let gateway = start(options());
    let mut session = open(&gateway).await;
    for frame in ["", "nope", "{", "{\"event_type\":\"pong\"}}"] {
        session.send_text(frame).await;
        let answer = judge(&session.next_text().await);
        assert_eq!(answer["event_type"], "error");
        assert_eq!(answer["data"], json!({ "error": "Invalid JSON format" }), "{frame}");
    }
    for frame in [
        "[]",
        "null",
        "7",
        "\"pong\"",
        "{}",
        "{\"event_type\":7}",
        "{\"event_type\":\"subscribe\",\"data\":[]}",
    ] {
        session.send_text(frame).await;
        let answer = session.next().await;
        let error = answer["data"]["error"].as_str().unwrap();
        assert!(error.starts_with("Error processing message: "), "{frame}: {error}");
    }
    for bytes in [&b"\xff\xfe\x00"[..], b"nope", b""] {
        session.send_binary(bytes).await;
        let answer = session.next().await;
        let error = answer["data"]["error"].as_str().unwrap();
        assert!(error.starts_with("Error processing message: "), "{bytes:?}: {error}");
    }
    nothing_else(&mut session).await;
    session.send_binary(br#"{"event_type":"subscribe","data":{"events":["b"]}}"#).await;
    assert_eq!(session.next().await["data"]["content"], "Suscrito a 1 tipos de eventos");
    assert_eq!(gateway.get("/ws/stats").await.json()["messages_received"], 16);
}

#[tokio::test]
async fn a_call_is_answered_by_the_plugin_that_declares_it() {
    let gateway = start(with_calls());
    let mut session = enter(&gateway, json!({ "user_id": 7 })).await;
    for (name, data, shown) in [
        ("dashboard_update", json!({ "n": 1 }), json!({ "n": 1 })),
        ("metrics_update", json!({}), json!({})),
        ("metrics_update", Value::Null, json!({})),
    ] {
        session.send(&json!({ "event_type": name, "data": data })).await;
        let answer = judge(&session.next_text().await);
        assert_eq!((&answer["event_type"], &answer["data"]), (&json!(name), &shown));
        assert!(answer["target_user_id"].is_null() && answer["topic"].is_null());
    }
}

#[tokio::test]
async fn a_call_of_who_is_nobody_or_that_nobody_declares_is_met_with_silence() {
    let gateway = start(with_calls());
    let mut nobody = open(&gateway).await;
    nobody.send(&json!({ "event_type": "dashboard_update", "data": {} })).await;
    nothing_else(&mut nobody).await;
    let gateway = start(options());
    let mut user = enter(&gateway, json!({ "user_id": 7 })).await;
    user.send(&json!({ "event_type": "dashboard_update", "data": {} })).await;
    nothing_else(&mut user).await;
}

#[tokio::test]
async fn a_call_that_fails_is_an_error() {
    let gateway = start(with_calls());
    let mut session = enter(&gateway, json!({ "user_id": 7 })).await;
    assert_eq!(gateway.request("POST", "/api/v1/plugins/echo/stop", None).await.status, 200);
    session.send(&json!({ "event_type": "dashboard_update" })).await;
    let answer = judge(&session.next_text().await);
    assert_eq!(answer["event_type"], "error");
    let error = answer["data"]["error"].as_str().unwrap();
    assert!(error.starts_with("Error processing message: "), "{error}");
    nothing_else(&mut session).await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_so() {
    let limit = "limits.requests={ per_session = \"1/day\", burst = 2 }";
    let gateway = start(options().set("limits.exempt=[]").set(limit));
    let mut session = open(&gateway).await;
    subscribe(&mut session, &["a"]).await;
    subscribe(&mut session, &["b"]).await;
    let answer = session.ask(&json!({ "event_type": "subscribe" })).await;
    let error = json!({ "error": "Error processing message: Rate limit exceeded" });
    assert_eq!((&answer["event_type"], &answer["data"]), (&json!("error"), &error));
}

/// Whatever a client sends, it is answered or it is closed: never is it open and dead.
#[tokio::test]
async fn no_frame_leaves_a_session_open_and_dead() {
    let gateway: Gateway = start(options());
    let mut wire = gateway.wire(PATH).await;
    wire.next().await;
    let deep = format!(
        r#"{{"event_type":"subscribe","data":{{"events":{}{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let many = format!(r#"{{"event_type":"subscribe","data":{{"events":[{}1]}}}}"#, "\"a\",".repeat(15_000));
    for text in [
        deep.as_str(),
        many.as_str(),
        r#"{"event_type":"\ud800"}"#,
        "\u{0}",
        r#"{"event_type":"subscribe","data":{"events":["\ud800","\u0000"]}}"#,
    ] {
        wire.send_text(text).await;
        let kind = wire.next().await.json()["event_type"].clone();
        assert!(kind == "error" || kind == "notification", "{kind}");
    }
    wire.send(opcode::FIN | opcode::TEXT, b"\xff").await;
    while wire.frame().await.is_some() {}
}
