//! The whole contract of the plugin, asked of a real gateway from outside: in a process of its own, with the profile
//! `config/immune.toml`, on a new store, with the plugin loaded from its library; without the plugin `coordination`, which tells of
//! agents in room `system`, too.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod contract {
    mod actions;
    mod agents;
    mod clones;
    mod collections;
    mod durability;
    mod events;
    mod heartbeat;
    mod parallel;
    mod temperature;
    mod validation;
}

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Socket};

/// A gateway on two shards, so that what is asked on one is told on the other.
fn gateway() -> Gateway {
    start(Options::new())
}

fn start(options: Options) -> Gateway {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/immune.toml");
    let alone = "plugins.coordination.enabled=false";
    options.config(profile).set("shards=2").set(alone).start(program().to_str().unwrap())
}

/// The gateway's binary, beside which is the plugin's library: cargo builds neither for this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let (program, library) = (folder.join("tidegate"), folder.join("libtidegate_agents.so"));
    for file in [&program, &library] {
        assert!(file.exists(), "{} is missing: run `cargo build --workspace` first", file.display());
    }
    let built = modified(&library);
    for entry in sources(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        let (library, source) = (library.display(), entry.display());
        assert!(
            modified(&entry) <= built,
            "{library} is older than {source}: run `cargo build --workspace` first"
        );
    }
    program
}

fn modified(file: &Path) -> SystemTime {
    file.metadata().unwrap().modified().unwrap()
}

/// What the library is built from.
fn sources(package: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![package.join("manifest.json")], vec![package.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    // Tests beside the code do not go into the library.
    found.retain(|path| !path.ends_with("tests.rs"));
    found
}

/// A session that is in these rooms.
async fn member(gateway: &Gateway, rooms: &[&str]) -> Socket {
    let mut session = gateway.connect("/ws").await;
    assert_eq!(session.next().await["event_type"], "connected");
    for room in rooms {
        let joined = session.ask(&json!({ "action": "join", "room": room })).await;
        assert_eq!(joined["success"], true, "{joined}");
    }
    session
}

/// The next event: its type, its room and its data. The source of all is the same.
async fn event(session: &mut Socket) -> (String, String, Value) {
    let mut frame = session.next().await;
    assert_eq!(frame["source"], "agent_service", "{frame}");
    assert!(is_time(&frame["timestamp"]), "{frame}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&frame["event_type"]), text(&frame["room"]), frame["data"].take())
}

/// The next event, which must be one of that type in that room; its data.
#[track_caller]
fn expect(event: (String, String, Value), kind: &str, room: &str) -> Value {
    assert_eq!((event.0.as_str(), event.1.as_str()), (kind, room), "{}", event.2);
    event.2
}

/// That nothing has come so far: the next frame is the answer to a request.
async fn quiet(session: &mut Socket) {
    let reply = session.ask(&json!({ "action": "ping" })).await;
    assert_eq!(reply["message"], "pong", "{reply}");
}

/// A new agent of that id.
async fn create(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.post("/agents/", &json!({ "agent_type": "macrophage", "agent_id": id })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn patch(gateway: &Gateway, id: &str, body: Value) -> Answer {
    gateway.request("PATCH", &format!("/agents/{id}"), Some(&body.to_string())).await
}

async fn act(gateway: &Gateway, id: &str, action: &str) -> Answer {
    gateway.post(&format!("/agents/{id}/actions"), &json!({ "action": action })).await
}

async fn heartbeat(gateway: &Gateway, id: &str, body: Value) -> Answer {
    gateway.post(&format!("/agents/{id}/heartbeat"), &body).await
}

async fn delete(gateway: &Gateway, path: &str) -> Answer {
    gateway.request("DELETE", path, None).await
}

/// A body that was answered with success.
#[track_caller]
fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// Problem details of that status, with that text.
#[track_caller]
fn problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!((&body["status"], &body["detail"]), (&json!(status), &json!(detail)));
    assert!(body["type"].is_string() && body["title"].is_string(), "{body}");
}

/// Problem details that name exactly these fields.
#[track_caller]
fn unprocessable(answer: &Answer, locs: &[Value]) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.iter().map(|error| error["loc"].clone()).collect::<Vec<_>>(), locs, "{body}");
    assert!(errors.iter().all(|error| error["msg"].is_string() && error["type"].is_string()), "{body}");
}

/// RFC 3339 in UTC with milliseconds and `Z`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

fn ids(list: &Value) -> Vec<&str> {
    list["agents"].as_array().unwrap().iter().map(|agent| agent["agent_id"].as_str().unwrap()).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
