//! The dialect `stream`, by the profile of the agents & coordination service: events of the types that a client names.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

const USUAL: [&str; 7] = [
    "cytokine",
    "hormone",
    "agent_state",
    "threat_detection",
    "clone_creation",
    "homeostatic_state",
    "system_health",
];

fn start(settings: &[&str]) -> Gateway {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/immune.toml");
    let options = Options::new().config(profile).set("shards=2");
    let options = settings.iter().fold(options, |options, setting| options.set(setting));
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// A session, and the types that its welcome names.
async fn open(gateway: &Gateway, query: &str) -> (Socket, Value) {
    let mut session = gateway.connect(&format!("/ws/events{query}")).await;
    let welcome = session.next().await;
    assert_eq!(welcome["event"], "connected");
    (session, welcome["data"]["subscriptions"].clone())
}

async fn broadcast(gateway: &Gateway, event_type: &str, data: Value) -> u64 {
    let answer = gateway.post("/ws/broadcast", &json!({ "event_type": event_type, "data": data })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["sent_count"].as_u64().unwrap()
}

/// Has the session name types, and takes the answer.
async fn name(session: &mut Socket, list: &str) -> Value {
    session.send_text(&format!("subscribe:{list}")).await;
    let answer = session.next().await;
    assert_eq!(answer["event"], "subscription_updated", "{answer}");
    assert_eq!(answer["data"]["message"], "Subscriptions updated successfully");
    answer["data"]["subscriptions"].clone()
}

#[tokio::test]
async fn the_welcome_names_the_types_of_the_query_or_the_usual_ones() {
    let gateway = start(&[]);
    let mut session = gateway.connect("/ws/events").await;
    let welcome = session.next().await;
    assert_eq!(welcome.as_object().unwrap().keys().collect::<Vec<_>>(), ["data", "event"]);
    let data = &welcome["data"];
    assert_eq!(data["message"], "Connected to Active Immune Core Event Stream");
    assert_eq!(data["subscriptions"], json!(USUAL));
    assert!(data["timestamp"].is_string() && data.as_object().unwrap().len() == 3, "{welcome}");
    for (query, names) in [
        ("?subscriptions=", json!(USUAL)),
        ("?subscriptions=hormone,cytokine", json!(["hormone", "cytokine"])),
        ("?subscriptions=%20hormone%20,,%20nobody%20knows%20it", json!(["hormone", "nobody knows it"])),
    ] {
        assert_eq!(open(&gateway, query).await.1, names, "{query}");
    }
}

#[tokio::test]
async fn a_session_gets_events_of_the_types_that_it_has_named_and_no_others() {
    let gateway = start(&[]);
    let ((mut all, _), (mut some, _)) =
        (open(&gateway, "").await, open(&gateway, "?subscriptions=hormone").await);
    broadcast(&gateway, "cytokine", json!({ "n": 1 })).await;
    broadcast(&gateway, "alert_triggered", json!({ "n": 2 })).await;
    broadcast(&gateway, "hormone", json!({ "n": 3 })).await;
    assert_eq!(all.next_text().await, r#"{"event":"cytokine","data":{"n":1}}"#);
    assert_eq!(all.next_text().await, r#"{"event":"hormone","data":{"n":3}}"#);
    assert_eq!(some.next_text().await, r#"{"event":"hormone","data":{"n":3}}"#);
}

#[tokio::test]
async fn a_text_replaces_the_types_and_an_empty_set_lets_nothing_through() {
    let gateway = start(&[]);
    let (mut session, _) = open(&gateway, "").await;
    assert_eq!(
        name(&mut session, " hormone , agent_state ,hormone").await,
        json!(["hormone", "agent_state"])
    );
    broadcast(&gateway, "cytokine", json!({})).await;
    broadcast(&gateway, "agent_state", json!({})).await;
    assert_eq!(session.next().await["event"], "agent_state");
    assert_eq!(name(&mut session, "").await, json!([]));
    for event_type in USUAL {
        broadcast(&gateway, event_type, json!({})).await;
    }
    broadcast(&gateway, "alert_triggered", json!({})).await;
    assert_eq!(name(&mut session, "*").await, json!(["*"]));
    broadcast(&gateway, "hormone", json!({})).await;
    assert_eq!(
        name(&mut session, "alert_triggered").await,
        json!(["alert_triggered"]),
        "a name is no pattern"
    );
    broadcast(&gateway, "alert_triggered", json!({ "n": 7 })).await;
    assert_eq!(session.next().await, json!({ "event": "alert_triggered", "data": { "n": 7 } }));
}

#[tokio::test]
async fn what_is_no_such_text_is_ignored() {
    let gateway = start(&[]);
    let (mut session, _) = open(&gateway, "").await;
    for text in ["", "hello", "Subscribe:hormone", " subscribe:hormone", "{}", "unsubscribe:hormone"] {
        session.send_text(text).await;
    }
    session.send_binary(b"subscribe:hormone").await;
    session.send_binary(b"\xff").await;
    assert_eq!(name(&mut session, "cytokine").await, json!(["cytokine"]));
}

#[tokio::test]
async fn events_of_its_rooms_come_once_however_many_they_are() {
    let endpoint = "endpoint=[{ path = \"/ws/events\", dialect = \"stream\", auto_join = [\"a\", \"b\"], broadcasts = false, \
                    stream = { events = [\"pulse\"] } }]";
    let gateway = start(&[endpoint]);
    let (mut session, names) = open(&gateway, "").await;
    assert_eq!(names, json!(["pulse"]));
    assert_eq!(broadcast(&gateway, "pulse", json!({})).await, 0);
    for n in 1..=2 {
        let body = json!({ "rooms": ["a", "b"], "event_type": "pulse", "data": { "n": n } });
        assert_eq!(gateway.post("/api/v1/publish", &body).await.status, 200);
    }
    assert_eq!(session.next().await["data"]["n"], 1);
    assert_eq!(session.next().await["data"]["n"], 2);
}

#[tokio::test]
async fn plugins_events_come_to_who_names_them() {
    let gateway = start(&["plugins.echo.enabled=true", "endpoint.1.auto_join=[\"lobby\"]"]);
    let (mut session, _) = open(&gateway, "?subscriptions=echoed").await;
    assert_eq!(gateway.post("/echo/lobby", &json!({ "hello": "world" })).await.status, 200);
    assert_eq!(session.next().await, json!({ "event": "echoed", "data": { "hello": "world" } }));
}
