//! Gateways, requests and sessions, in the words of the contract.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Socket};

use crate::{is_time, ok, text};

/// The fields of a task, all of them.
pub(crate) const TASK: [&str; 16] = [
    "task_id",
    "task_type",
    "status",
    "priority",
    "assigned_agent",
    "target",
    "parameters",
    "timeout",
    "result",
    "error",
    "created_at",
    "assigned_at",
    "started_at",
    "completed_at",
    "duration",
    "retries",
];

/// The fields of a proposal, all of them.
pub(crate) const PROPOSAL: [&str; 13] = [
    "proposal_id",
    "proposal_type",
    "proposal_data",
    "proposer_id",
    "status",
    "votes_for",
    "votes_against",
    "votes_abstain",
    "total_voters",
    "approval_rate",
    "created_at",
    "decided_at",
    "decision_duration",
];

/// A gateway on two shards, so that what is asked on one is told on the other.
pub(crate) fn gateway() -> Gateway {
    start(Options::new())
}

pub(crate) fn start(options: Options) -> Gateway {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/immune.toml");
    options.config(profile).set("shards=2").start(program().to_str().unwrap())
}

/// The gateway's binary, beside which are the plugins' libraries: cargo builds none of them for this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("tidegate");
    assert!(program.exists(), "{} is missing: run `cargo build --workspace` first", program.display());
    for plugin in ["agents", "coordination"] {
        let library = folder.join(format!("libtidegate_{plugin}.so"));
        assert!(library.exists(), "{} is missing: run `cargo build --workspace` first", library.display());
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(plugin);
        for source in sources(&package) {
            let (library, source) = (&library, &source);
            assert!(
                modified(source) <= modified(library),
                "{} is older than {}: run `cargo build --workspace` first",
                library.display(),
                source.display()
            );
        }
    }
    program
}

fn modified(file: &Path) -> SystemTime {
    file.metadata().unwrap().modified().unwrap()
}

/// What a library is built from.
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

/// A new agent of that id, inactive.
pub(crate) async fn create(gateway: &Gateway, id: &str) {
    create_with(gateway, id, json!({})).await;
}

async fn create_with(gateway: &Gateway, id: &str, config: Value) {
    let body = json!({ "agent_type": "macrophage", "agent_id": id, "config": config });
    let answer = gateway.post("/agents/", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A new agent that is active.
pub(crate) async fn active(gateway: &Gateway, id: &str) {
    create(gateway, id).await;
    act(gateway, id, "start").await;
}

/// A new agent that is active and votes like that.
pub(crate) async fn voter(gateway: &Gateway, id: &str, vote: &str) {
    create_with(gateway, id, json!({ "vote": vote })).await;
    act(gateway, id, "start").await;
}

/// Does something to an agent.
pub(crate) async fn act(gateway: &Gateway, id: &str, action: &str) {
    ok(gateway.post(&format!("/agents/{id}/actions"), &json!({ "action": action })).await);
}

pub(crate) async fn patch(gateway: &Gateway, id: &str, body: Value) {
    ok(gateway.request("PATCH", &format!("/agents/{id}"), Some(&body.to_string())).await);
}

pub(crate) async fn heartbeat(gateway: &Gateway, id: &str, body: Value) {
    ok(gateway.post(&format!("/agents/{id}/heartbeat"), &body).await);
}

pub(crate) async fn delete(gateway: &Gateway, path: &str) -> Answer {
    gateway.request("DELETE", path, None).await
}

/// Deletes an agent, which is there.
pub(crate) async fn remove(gateway: &Gateway, id: &str) {
    assert_eq!(delete(gateway, &format!("/agents/{id}")).await.status, 204);
}

/// A new task.
pub(crate) async fn task(gateway: &Gateway, body: Value) -> Value {
    let answer = gateway.post("/coordination/tasks", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// The id of a new task of the type `scan`.
pub(crate) async fn scan(gateway: &Gateway) -> String {
    text(&task(gateway, json!({ "task_type": "scan" })).await["task_id"])
}

/// Asks for an action on a task.
pub(crate) async fn ask(gateway: &Gateway, task: &str, body: Value) -> Answer {
    gateway.post(&format!("/coordination/tasks/{task}/actions"), &body).await
}

/// Does something to a task, with all that any of the actions takes; the task.
pub(crate) async fn step(gateway: &Gateway, task: &str, action: &str) -> Value {
    ok(ask(gateway, task, json!({ "action": action, "result": { "found": 3 }, "error": "boom" })).await)
}

/// The task as it is.
pub(crate) async fn show(gateway: &Gateway, task: &str) -> Value {
    ok(gateway.get(&format!("/coordination/tasks/{task}")).await)
}

pub(crate) async fn election(gateway: &Gateway) -> Value {
    ok(gateway.get("/coordination/election").await)
}

/// Has a leader elected.
pub(crate) async fn trigger(gateway: &Gateway) -> Value {
    ok(gateway.request("POST", "/coordination/election/trigger", None).await)
}

/// Proposes something with these further fields; the proposal.
pub(crate) async fn propose(gateway: &Gateway, more: Value) -> Value {
    let mut body =
        json!({ "proposal_type": "quarantine", "proposal_data": { "zone": 7 }, "proposer_id": "p" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = gateway.post("/coordination/consensus/propose", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// Votes over REST.
pub(crate) async fn vote(gateway: &Gateway, proposal: &str, voter: &str, vote: &str) -> Answer {
    let path = format!("/coordination/consensus/proposals/{proposal}/votes");
    gateway.post(&path, &json!({ "voter_id": voter, "vote": vote })).await
}

/// The proposal as it is.
pub(crate) async fn proposal(gateway: &Gateway, id: &str) -> Value {
    ok(gateway.get(&format!("/coordination/consensus/proposals/{id}")).await)
}

pub(crate) async fn status(gateway: &Gateway) -> Value {
    ok(gateway.get("/coordination/status").await)
}

/// A session that is in these rooms.
pub(crate) async fn member(gateway: &Gateway, rooms: &[&str]) -> Socket {
    let mut session = gateway.connect("/ws").await;
    assert_eq!(session.next().await["event_type"], "connected");
    for room in rooms {
        let joined = session.ask(&json!({ "action": "join", "room": room })).await;
        assert_eq!(joined["success"], true, "{joined}");
    }
    session
}

/// The next event, which must be one of that type in that room, from this plugin; its data.
pub(crate) async fn next(session: &mut Socket, room: &str, kind: &str) -> Value {
    let mut frame = session.next().await;
    let head = ["event_type", "room", "source"].map(|name| frame[name].clone());
    assert_eq!(json!(head), json!([kind, room, "coordination_service"]), "{frame}");
    assert!(is_time(&frame["timestamp"]), "{frame}");
    frame["data"].take()
}

/// That nothing has come so far: the next frame is the answer to a request.
pub(crate) async fn quiet(session: &mut Socket) {
    let reply = session.ask(&json!({ "action": "ping" })).await;
    assert_eq!(reply["message"], "pong", "{reply}");
}
