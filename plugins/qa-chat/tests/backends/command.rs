//! A program that answers lines.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_plugin::testing::TestHost;

use crate::{ask, ask_for_pieces, start};

/// The settings of a shell script, which runs in `folder`.
fn script(folder: &TempDir, text: &str) -> Value {
    json!({
        "backend": "command", "retries": {"most": 0},
        "command": {"program": "sh", "args": ["-c", text], "folder": folder.path(), "env": {"NAME": "it's me"}},
    })
}

fn program(text: &str) -> (TempDir, TestHost) {
    let folder = tempfile::tempdir().unwrap();
    let settings = script(&folder, text);
    (folder, start(settings))
}

/// Waits until that process is no more.
fn ended(file: &Path) {
    let begun = Instant::now();
    loop {
        let pid = fs::read_to_string(file).unwrap_or_default();
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if !pid.trim().is_empty() && (state.is_empty() || state.contains(") Z ")) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "process {pid} lives on: {state}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_program_answers_question_after_question() {
    let (_folder, host) = program(
        r#"while read -r line; do n=$((n + 1)); echo "{\"delta\": \"$$ \"}"; echo; echo "{\"delta\": \"$NAME $n\"}"; echo '{"done": true}'; done"#,
    );
    let (first, second) = (ask_for_pieces(&host, "hi"), ask(&host, "ho"));
    assert_eq!(first.pieces.len(), 2);
    let said = |answer: &Value| answer["content"].as_str().unwrap().to_owned();
    let (first, second) = (said(&first.data), said(&second.data));
    assert!(first.ends_with(" it's me 1") && second.ends_with(" it's me 2"), "{first} {second}");
    assert_eq!(first.split(' ').next(), second.split(' ').next(), "the same process");
    host.stop();
}

#[test]
fn what_it_says_behind_its_answer_is_nobodys_answer() {
    let (folder, host) = program(
        r#"read -r line; echo '{"content": "first"}'; sleep 0.1; echo '{"content": "extra"}'; : > said; read -r line; echo '{"content": "late"}'"#,
    );
    assert_eq!(ask(&host, "one").data["content"], "first");
    let begun = Instant::now();
    while !folder.path().join("said").exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it says no more");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ask(&host, "two").data["content"], "first", "of another one");
    host.stop();
}

#[test]
fn it_gets_the_question_and_no_secret_of_ours() {
    let (folder, host) =
        program(r#"read -r line; printf '%s' "$line" > asked; env > environment; echo '{"content": "so"}'"#);
    assert!(ask(&host, "a \"quoted\"\nline").success);
    let asked: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("asked")).unwrap()).unwrap();
    assert_eq!((&asked["content"], &asked["user"]), (&json!("a \"quoted\"\nline"), &Value::Null));
    let environment = fs::read_to_string(folder.path().join("environment")).unwrap();
    assert!(environment.contains("NAME=it's me") && !environment.contains("CARGO"), "{environment}");
    host.stop();
}

#[test]
fn a_crash_in_the_middle_is_the_trouble_of_one_question_alone() {
    let (_folder, host) = program(
        r#"read -r line; if [ -e there ]; then echo '{"content": "again"}'; exit; fi; touch there; echo '{"delta": "a"}'; echo oh no >&2; sleep 0.1; kill -9 $$"#,
    );
    let crashed = ask_for_pieces(&host, "hi");
    assert!(!crashed.success && crashed.message.contains("broke off"), "{}", crashed.message);
    assert!(host.log().iter().any(|line| line.message.contains("oh no")), "{:?}", host.log());
    assert_eq!(ask(&host, "hi").data["content"], "again");
    assert_eq!(
        ask(&host, "hi").data["content"],
        "again",
        "one that has ended behind its answer is not asked"
    );
    host.stop();
}

#[test]
fn a_cancel_kills_it_with_all_that_it_has_started() {
    let (folder, host) = program(
        r#"read -r line; sleep 1000 & echo $! > grandchild; echo $$ > child; echo '{"delta": "a"}'; wait"#,
    );
    let asking = host.begin_call("chat", &json!({"content": "hi", "metadata": {"stream": true}}));
    asking.wait_for_pieces(1);
    asking.cancel();
    ended(&folder.path().join("child"));
    ended(&folder.path().join("grandchild"));
    host.stop();
}

#[test]
fn one_that_is_too_slow_or_floods_is_killed_too() {
    let (folder, host) = program("echo $$ > child; sleep 1000 & echo $! > grandchild; wait");
    let answer = ask(&host, "hi");
    assert!(answer.message.contains("nothing came within"), "{}", answer.message);
    ended(&folder.path().join("child"));
    ended(&folder.path().join("grandchild"));
    host.stop();
    for flood in [r#"yes '{"delta": "aaaaaaaaaaaaaaaa"}'"#, "yes | tr -d '\\n'", "yes ''"] {
        let (folder, host) = program(&format!("echo $$ > child; {flood}"));
        assert!(!ask(&host, "hi").success, "{flood}");
        ended(&folder.path().join("child"));
        host.stop();
    }
}

#[test]
fn its_end_is_that_of_all_programs() {
    let (folder, host) =
        program(r#"echo $$ > child; while read -r line; do echo '{"content": "so"}'; done; sleep 1000"#);
    assert!(ask(&host, "hi").success);
    host.stop();
    ended(&folder.path().join("child"));
}

#[test]
fn one_that_is_not_there_is_told_without_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = script(&folder, "");
    settings["command"]["program"] = json!("/nowhere/assistant");
    let host = start(settings);
    let answer = ask(&host, "hi");
    assert_eq!(answer.message, "The assistant cannot answer: its back end cannot be reached");
    assert!(host.log().iter().any(|line| line.message.contains("/nowhere/assistant")));
    host.stop();
}
