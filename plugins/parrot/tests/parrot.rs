//! What it answers.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use serde_json::{Value, json};
use tidegate_parrot::Parrot;
use tidegate_plugin::testing::TestHost;

fn start() -> TestHost {
    TestHost::of_table(Box::leak(Box::new(tidegate_plugin::table::<Parrot>()))).start().unwrap()
}

#[test]
fn it_says_what_it_is_told_whole() {
    let host = start();
    let answer = host.call("chat", &json!({"content": "Hello there", "metadata": {"theme": "dark"}}));
    assert!(answer.success && answer.pieces.is_empty());
    assert_eq!(answer.data["content"], "Hello there");
    assert_eq!((&answer.data["response_type"], &answer.data["metadata"]), (&json!("text"), &Value::Null));
    let other = host.call("chat", &json!({"content": "Hello", "metadata": {"answer": "Bye"}}));
    assert_eq!(other.data["content"], "Bye");
    host.stop();
}

#[test]
fn it_says_it_word_by_word_and_then_whole() {
    let host = start();
    let answer = host.call("chat", &json!({"content": "One two  three", "metadata": {"stream": true}}));
    assert_eq!(answer.pieces, ["One ", "two ", " ", "three"].map(Value::from));
    assert_eq!(answer.data["content"], "One two  three");
    host.stop();
}

#[test]
fn it_stops_to_speak_when_nobody_listens() {
    let host = start();
    let said = json!({"content": "a b c", "metadata": {"stream": true, "every_ms": 60_000}});
    let speaking = host.begin_call("chat", &said);
    speaking.wait_for_pieces(1);
    speaking.cancel();
    host.stop();
}

#[test]
fn what_it_cannot_read_is_refused_with_the_place() {
    let host = start();
    for wrong in [json!({}), json!(7), json!({"content": "x", "metadata": {"every_ms": 60_001}})] {
        let answer = host.call("chat", &wrong);
        assert!(!answer.success && answer.message.contains("data"), "{wrong}: {}", answer.message);
    }
    host.stop();
}

#[test]
fn the_manifest_names_this_version() {
    let manifest: Value = serde_json::from_str(include_str!("../parrot.json")).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}
