//! A plugin that watches sessions is told of their moments: what it asked for, in the order of each session.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// A gateway with the plugin of `plugin_host/watcher.c`, and a session that sees what that is told.
async fn watched(folder: &Path) -> (Gateway, Socket) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]);
    cc.arg("-I").arg(root.join("../plugin-api/include"));
    cc.arg("-o").arg(folder.join("libtidegate_watcher.so")).arg(root.join("tests/plugin_host/watcher.c"));
    assert!(cc.status().unwrap().success());
    let options = Options::new().set("shards=2").set(&format!("plugins.directory={folder:?}"));
    let gateway = options.set("plugins.watcher.enabled=true").start(env!("CARGO_BIN_EXE_tidegate"));
    let mut eye = gateway.connect("/ws?client_id=eye").await;
    assert_eq!(eye.next().await["event_type"], "connected");
    let joined = eye.ask(&json!({"action": "join", "room": "watched"})).await;
    assert_eq!(joined["success"], true, "{joined}");
    (gateway, eye)
}

/// The next moment of that session.
async fn moment(eye: &mut Socket, who: &str) -> Value {
    loop {
        let event = eye.next().await;
        if event["event_type"] == "seen" && event["data"]["who"] == who {
            return event["data"].clone();
        }
    }
}

fn seen(what: &str, who: &str, code: u16) -> Value {
    json!({"what": what, "who": who, "user": "", "endpoint": "/ws", "code": code, "session": true})
}

#[tokio::test]
async fn what_a_session_does_is_told_in_its_order_and_its_rooms_are_left_before_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, mut eye) = watched(folder.path()).await;
    let mut ada = gateway.connect("/ws?client_id=ada").await;
    assert_eq!(ada.next().await["event_type"], "connected");
    for room in ["apples", "bears", "ants"] {
        ada.ask(&json!({"action": "join", "room": room})).await;
    }
    ada.ask(&json!({"action": "leave", "room": "apples"})).await;
    drop(ada);
    let expected =
        [("open ", 0), ("join apples", 0), ("join ants", 0), ("leave apples", 0), ("leave ants", 0)];
    for (what, code) in expected {
        assert_eq!(moment(&mut eye, "ada").await, seen(what, "ada", code));
    }
    assert_eq!(moment(&mut eye, "ada").await, seen("close ", "ada", 1006));
}

#[tokio::test]
async fn a_session_that_is_closed_has_the_code_that_its_client_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, mut eye) = watched(folder.path()).await;
    let mut bob = gateway.connect("/ws?client_id=bob").await;
    assert_eq!(bob.next().await["event_type"], "connected");
    let answer = gateway.request("DELETE", "/api/v1/sessions/bob", None).await;
    assert!(answer.status < 300, "{answer:?}");
    let (code, _) = bob.closed().await;
    assert_eq!(moment(&mut eye, "bob").await, seen("open ", "bob", 0));
    assert_eq!(moment(&mut eye, "bob").await, seen("close ", "bob", code));
}
