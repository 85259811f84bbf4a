//! What the plugin promises whatever answers: its wire, what it remembers, whom it tells, and documents that change.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_plugin::testing::{StoreContent, TestHost};
use tidegate_plugin::{Plugin, Principal};
use tidegate_qa_chat::QaChat;

fn start(settings: Value) -> TestHost {
    TestHost::of::<QaChat>().name("qa-chat").config(settings).start().unwrap()
}

fn ask(host: &TestHost, content: &str) -> Value {
    let answer = host.call("chat", &json!({ "content": content }));
    assert!(answer.success, "{}", answer.message);
    answer.data
}

fn user(id: &str) -> Principal {
    Principal { user: Some(id.into()), ..Principal::default() }
}

fn manifest() -> Value {
    serde_json::from_str(QaChat::manifest().json()).unwrap()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_manifest_names_this_version_and_answers_are_as_it_says() {
    assert_eq!(manifest()["version"], env!("CARGO_PKG_VERSION"));
    let mut schema = manifest()["routes"][0]["responses"]["200"].clone();
    tidegate_plugin::schema::lend(manifest()["$defs"].as_object().unwrap(), &mut schema);
    let schema = jsonschema::validator_for(&schema).unwrap();
    let host = start(json!({}));
    for question in ["How do I write a plugin?", "What is the capital of France?"] {
        let answer = host.http_json("POST", "/chat", &json!({ "content": question }));
        assert_eq!(answer.status, 200);
        assert!(schema.is_valid(&answer.json()), "{}", answer.json());
    }
    host.stop();
}

#[test]
fn an_answer_comes_whole_or_in_pieces_or_as_an_event_stream() {
    let host = start(json!({}));
    let question = json!({"content": "How do I write a plugin?", "metadata": {"stream": true}});
    let streamed = host.call("chat", &question);
    let text: String = streamed.pieces.iter().map(|piece| piece.as_str().unwrap()).collect();
    assert!(streamed.pieces.len() > 1 && streamed.data["content"] == text);
    host.set_headers(&[("accept", "text/event-stream")]);
    let stream = host.http_json("POST", "/chat", &question);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let events = String::from_utf8(stream.body.to_vec()).unwrap();
    let last = events.trim_end().rsplit("data: ").next().unwrap();
    assert_eq!(serde_json::from_str::<Value>(last).unwrap()["content"], text);
    assert_eq!(events.matches("data: {\"delta\":").count(), streamed.pieces.len());
    host.set_headers(&[("accept", "application/json;q=1, text/event-stream;q=0.1")]);
    let whole = host.http_json("POST", "/chat", &question);
    assert_eq!(
        (whole.header("content-type"), &whole.json()["content"]),
        (Some("application/json"), &json!(text))
    );
    host.stop();
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let host = start(json!({}));
    let wrong = json!({"content": "", "attachments": [{}], "metadata": 7});
    let answer = host.http_json("POST", "/chat", &wrong);
    let places: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|e| e["loc"].clone()).collect();
    let expected =
        [json!(["body", "content"]), json!(["body", "attachments", "0"]), json!(["body", "metadata"])];
    assert_eq!((answer.status, places.as_slice()), (422, &expected[..]));
    let call = host.call("chat", &json!({"content": "x", "attachments": [7]}));
    assert_eq!(
        (call.success, call.message.as_str()),
        (false, "data.attachments.0: Input should be an object")
    );
    host.stop();
}

#[test]
fn a_user_is_told_in_the_users_room_and_nobody_of_who_is_nobody() {
    let host = start(json!({}));
    ask(&host, "How do I write a plugin?");
    host.set_principal(user("ada"));
    let answer = ask(&host, "How do I write a plugin?");
    let events = host.stop().events;
    let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.rooms.as_slice())).collect();
    let room = ["user:ada".to_owned()];
    assert_eq!(told, [("chat_message", &room[..]), ("agent_response", &room[..])]);
    assert_eq!((&events[0].data["content"], &events[1].data), (&json!("How do I write a plugin?"), &answer));
}

#[test]
fn a_users_other_sessions_are_told_where_that_is_wanted() {
    let host = start(json!({"tell": "others"}));
    assert!(host.log().iter().any(|line| line.message.contains("one without a user has no others")));
    let (first, second) = (host.open_session("c1", Some("ada")), host.open_session("c2", Some("ada")));
    let other = host.open_session("c3", Some("bob"));
    host.set_principal(user("ada"));
    ask(&host, "How do I write a plugin?");
    wait_until("they are told", || host.commands(second).len() == 2);
    assert!(
        host.commands(first)[0].starts_with("send chat_message "),
        "a call without a session is nobody's own"
    );
    assert!(host.commands(first)[1].starts_with("send agent_response ") && host.commands(other).is_empty());
    assert!(host.stop().events.is_empty());
}

#[test]
fn telling_waits_for_nobody_and_nobody_for_it() {
    let host = start(json!({}));
    host.set_principal(user("ada"));
    host.hold_commits(true);
    (0..5).for_each(|_| drop(ask(&host, "How do I write a plugin?")));
    host.hold_commits(false);
    assert_eq!(host.stop().events.len(), 10);
}

/// The turns that are kept of a conversation.
fn turns(store: &StoreContent, key: &str) -> Vec<Value> {
    let json: Value = serde_json::from_slice(store.get(key).unwrap()).unwrap();
    json["turns"].as_array().unwrap().clone()
}

#[test]
fn conversations_are_kept_within_their_bounds() {
    let host = start(json!({"conversations": {"turns": 4, "bytes": 2000, "per_user": 2}}));
    host.set_principal(user("ada"));
    for number in 0..4 {
        ask(&host, &format!("question {number}: what is the capital of France?"));
    }
    let kept = turns(&host.stored(), "conversation/ada/default");
    assert_eq!(kept.len(), 4);
    assert!(kept[0]["content"].as_str().unwrap().starts_with("question 2") && kept[1]["role"] == "assistant");
    let room_for_three = start(json!({"conversations": {"turns": 3}}));
    room_for_three.set_principal(user("ada"));
    (0..3).for_each(|_| drop(ask(&room_for_three, "hi there")));
    let roles: Vec<_> = turns(&room_for_three.stop().store, "conversation/ada/default")
        .into_iter()
        .map(|t| t["role"].clone())
        .collect();
    assert_eq!(roles, ["user", "assistant"], "it begins with a question");
    ask(&host, &"long ".repeat(1500));
    let question = turns(&host.stored(), "conversation/ada/default").remove(0)["content"].clone();
    assert!(
        question.as_str().unwrap().starts_with("long ") && question.as_str().unwrap().ends_with(" […]"),
        "{question}"
    );
    let bytes: usize = turns(&host.stored(), "conversation/ada/default")
        .iter()
        .map(|t| t["content"].as_str().unwrap().len())
        .sum();
    assert!(bytes <= 2000, "{bytes}");
    for name in ["b", "c"] {
        host.advance_clock(Duration::from_secs(1));
        assert!(host.call("chat", &json!({"content": "hi", "conversation": name})).success);
    }
    let keys: Vec<_> = host.stored().keys().map(str::to_owned).collect();
    assert_eq!(keys, ["conversation/ada/b", "conversation/ada/c"], "the oldest is forgotten");
    host.stop();
}

#[test]
fn nothing_is_kept_of_who_is_nobody_or_where_nothing_is_to_be() {
    let host = start(json!({}));
    ask(&host, "hi there");
    assert_eq!(host.stop().store.keys().count(), 0);
    let host = start(json!({"conversations": {"turns": 0}}));
    host.set_principal(user("ada"));
    ask(&host, "hi there");
    assert_eq!(host.stop().store.keys().count(), 0);
}

#[test]
fn a_folder_is_answered_from_and_read_again_when_it_changes() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("docs");
    fs::create_dir_all(folder.join("below")).unwrap();
    let file = folder.join("below/bread.md");
    fs::write(&file, "# Bread\n\n## Sourdough\n\nBake sourdough for an hour.\n").unwrap();
    fs::write(folder.join("image.png"), "sourdough").unwrap();
    let host = start(json!({"docs": {"path": folder, "title": "the cookbook", "poll": "10ms"}}));
    let answer = ask(&host, "How do I bake sourdough?");
    let citations = json!([{"file": "below/bread.md", "heading": "Bread › Sourdough", "line": 5}]);
    assert_eq!(answer["metadata"]["citations"], citations);
    assert_eq!(ask(&host, "How do I bake cakes?")["content"], "I found nothing about that in the cookbook.");
    fs::write(folder.join("cake.txt"), "Bake cakes for forty minutes.").unwrap();
    wait_until("the new file is found", || ask(&host, "How do I bake cakes?")["confidence"] != 0.0);
    fs::remove_file(&file).unwrap();
    wait_until("the old one is gone", || ask(&host, "What about sourdough?")["confidence"] == 0.0);
    // At once: file by file, it would be read again while it is empty.
    fs::rename(&folder, place.path().join("gone")).unwrap();
    wait_until("that it is gone is said", || host.health()["status"] == "degraded");
    assert!(ask(&host, "How do I bake cakes?")["confidence"] != 0.0, "answers are from what was there");
    host.stop();
}
