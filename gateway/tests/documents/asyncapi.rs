//! `/asyncapi.json`: whole, and right by what is really sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::Gateway;

use super::document::{Document, object};
use crate::{chat, options, start};

#[tokio::test]
async fn every_message_has_words_and_an_example_that_fits() {
    for options in [options(), chat()] {
        examples_fit(&start(options)).await;
    }
}

async fn examples_fit(gateway: &Gateway) {
    let document = Document::of(gateway, "/asyncapi.json").await;
    for (name, message) in object(&document.0["components"]["messages"]) {
        for word in ["name", "title", "summary"] {
            assert!(!message[word].as_str().unwrap().is_empty(), "{name}: no {word}");
        }
        let examples = message["examples"].as_array().unwrap_or_else(|| panic!("{name}: no example"));
        for example in examples {
            document.fits(&message["payload"], &example["payload"], name);
        }
    }
}

#[tokio::test]
async fn every_request_and_every_event_type_has_an_operation() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/asyncapi.json").await;
    let operations = object(&document.0["operations"]);
    let told = |action: &str| -> BTreeSet<String> {
        let of_action = of_rooms(operations.values()).filter(|operation| operation["action"] == action);
        let name = |operation: &Value| {
            let message = document.follow(&operation["messages"][0]);
            message["examples"][0]["payload"][if action == "send" { "event_type" } else { "action" }]
                .as_str()
                .unwrap()
                .to_owned()
        };
        of_action.map(name).collect()
    };
    let unknown = json!({ "event_type": "no such type", "data": {} });
    let types = gateway.post("/ws/broadcast", &unknown).await.json()["available_types"].clone();
    let types: BTreeSet<String> = serde_json::from_value(types).unwrap();
    assert_eq!(told("send"), types);
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let actions =
        session.ask(&json!({ "action": "no such action" })).await["data"]["available_actions"].clone();
    let actions: BTreeSet<String> = serde_json::from_value(actions).unwrap();
    assert_eq!(told("receive"), actions);
}

/// The same of envelopes, whose requests bear no name of a reply.
#[tokio::test]
async fn envelopes_are_answered_as_it_is_told() {
    let gateway = start(chat());
    let document = Document::of(&gateway, "/asyncapi.json").await;
    let mut asked = 0;
    for (name, operation) in object(&document.0["operations"]) {
        if operation["action"] != "receive" {
            continue;
        }
        let mut session = gateway.connect("/ws/chat").await;
        session.next().await;
        for request in operation["messages"].as_array().unwrap() {
            let reply = session.ask(&document.follow(request)["examples"][0]["payload"]).await;
            let replies = operation["reply"]["messages"].as_array().unwrap();
            let fits = |told: &Value| document.schema(&document.follow(told)["payload"]).is_valid(&reply);
            assert!(replies.iter().any(fits), "{name}: {reply}");
            assert_ne!(reply["type"], "error_event", "{name}");
            asked += 1;
        }
    }
    assert_eq!(asked, 2 * 3, "both endpoints");
}

/// Each example request is sent, and its reply is one of those that its operation tells of.
#[tokio::test]
async fn what_is_replied_is_what_is_told() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/asyncapi.json").await;
    for (name, operation) in object(&document.0["operations"]) {
        if operation["action"] != "receive" || of_rooms(std::iter::once(operation)).next().is_none() {
            continue;
        }
        let request = &document.follow(&operation["messages"][0])["examples"][0]["payload"];
        let mut session = gateway.connect("/ws").await;
        session.next().await;
        session.send(request).await;
        let replies = operation["reply"]["messages"].as_array().unwrap();
        loop {
            let frame = session.next().await;
            let fits = |reply: &Value| document.schema(&document.follow(reply)["payload"]).is_valid(&frame);
            assert!(replies.iter().any(fits), "{name}: {frame}");
            if frame.get("success").is_some() {
                break;
            }
        }
    }
}

/// The operations of the dialect `rooms`.
fn of_rooms<'a>(operations: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = &'a Value> {
    operations.filter(|operation| operation["channel"]["$ref"] == "#/channels/ws")
}

/// The events that a session gets, by their types, fit what is told of them.
async fn judge_events(gateway: &Gateway, document: &Document, wanted: &[&str]) {
    let mut session = gateway.connect("/ws").await;
    let mut frames = vec![session.next().await];
    for room in ["agents", "system", "lobby"] {
        session.ask(&json!({ "action": "join", "room": room })).await;
    }
    let agent = json!({ "agent_id": "a", "agent_type": "macrophage" });
    for (method, path, body) in [
        ("POST", "/agents/", agent),
        ("POST", "/agents/a/actions", json!({ "action": "start" })),
        ("PATCH", "/agents/a", json!({ "load": 0.5 })),
        ("POST", "/lymphnode/clone", json!({ "agent_id": "a" })),
        ("DELETE", "/agents/a", json!({})),
        ("POST", "/echo/lobby", json!({ "hello": "world" })),
        ("POST", "/api/v1/plugins/agents/stop", json!({})),
    ] {
        let answer = gateway.request(method, path, Some(&body.to_string())).await;
        assert!(answer.status < 400, "{method} {path}: {answer:?}");
    }
    let mut missing: BTreeSet<&str> = wanted.iter().copied().collect();
    while !missing.is_empty() {
        let frame = frames.pop().unwrap_or_default();
        let kind = frame["event_type"].as_str().unwrap_or_default().to_owned();
        if missing.remove(&*kind) {
            let operations = object(&document.0["operations"]).values();
            let mut of_type = operations.map(|operation| document.follow(&operation["messages"][0]));
            let message =
                of_type.find(|message| message["name"] == *kind).unwrap_or_else(|| panic!("{kind}"));
            document.fits(&message["payload"], &frame, &kind);
        }
        if !missing.is_empty() {
            frames.push(session.next().await);
        }
    }
}

#[tokio::test]
async fn the_events_that_come_are_those_that_are_told() {
    let gateway = start(options());
    let document = Document::of(&gateway, "/asyncapi.json").await;
    let wanted = [
        "connected",
        "agent_created",
        "agent_action",
        "agent_status_changed",
        "agent_updated",
        "agent_cloned",
        "agent_deleted",
        "homeostatic_state_changed",
        "echoed",
        "plugin_changed",
    ];
    judge_events(&gateway, &document, &wanted).await;
}
