//! The plugin as the gateway loads it: REST on one side, sessions on the other, over restarts and under many requests at once.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Signal, Socket};
use tokio::task::JoinSet;

/// The gateway's binary, which is built beside this test's folder.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("tidegate")
}

/// With the profile of the agents & coordination service, but without the plugin that tells of agents in room `system`, too.
fn options() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/immune.toml");
    Options::new().config(profile).set("plugins.coordination.enabled=false")
}

fn start(options: Options) -> Gateway {
    options.start(program().to_str().unwrap())
}

async fn create(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.post("/agents/", &json!({"agent_type": "Macrofago", "agent_id": id})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn send(gateway: &Gateway, method: &str, path: &str, body: Value) -> Answer {
    gateway.request(method, path, Some(&body.to_string())).await
}

/// A session in `rooms`, its welcome and replies read.
async fn member(gateway: &Gateway, rooms: &[&str]) -> Socket {
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(socket.next().await["event_type"], "connected");
    for room in rooms {
        let reply = socket.ask(&json!({"action": "join", "room": room})).await;
        assert_eq!(reply["success"], true, "{reply}");
    }
    socket
}

/// The next event, as its type and room.
async fn heard(socket: &mut Socket) -> (String, String) {
    let event = socket.next().await;
    let text = |key: &str| event[key].as_str().unwrap().to_owned();
    (text("event_type"), text("room"))
}

#[tokio::test]
async fn members_of_a_room_get_what_a_request_did_in_order() {
    let gateway = start(options());
    let mut all = member(&gateway, &["agents", "system"]).await;
    let mut own = member(&gateway, &["agent:a"]).await;

    let agent = create(&gateway, "a").await;
    let event = all.next().await;
    assert_eq!((&event["event_type"], &event["room"]), (&json!("agent_created"), &json!("agents")));
    assert_eq!((&event["source"], &event["data"]), (&json!("agent_service"), &agent));
    let event = own.next().await;
    assert_eq!((&event["room"], &event["data"]), (&json!("agent:a"), &agent));

    let agent = send(&gateway, "PATCH", "/agents/a", json!({"status": "active", "load": 0.5})).await.json();
    assert_eq!(all.next().await["data"], agent);
    let event = all.next().await;
    assert_eq!(event["data"], json!({"agent_id": "a", "old_status": "inactive", "new_status": "active"}));
    let event = all.next().await;
    let expected = json!({"old_state": "REPOUSO", "new_state": "VIGILÂNCIA", "temperatura_regional": 37.0});
    assert_eq!((&event["event_type"], &event["data"]), (&json!("homeostatic_state_changed"), &expected));

    let result = gateway.post("/agents/a/actions", &json!({"action": "pause"})).await.json();
    assert_eq!(all.next().await["data"], json!({"agent_id": "a", "action": "pause", "result": result}));
    assert_eq!(all.next().await["event_type"], "agent_status_changed");
    assert_eq!(all.next().await["event_type"], "homeostatic_state_changed");

    let cloned = gateway.post("/lymphnode/clone", &json!({"agent_id": "a", "num_clones": 2})).await.json();
    for clone in cloned["clone_ids"].as_array().unwrap() {
        let event = all.next().await;
        assert_eq!((&event["event_type"], &event["data"]["agent_id"]), (&json!("agent_created"), clone));
    }
    assert_eq!(all.next().await["data"], cloned);

    assert_eq!(gateway.request("DELETE", "/agents/a", None).await.status, 204);
    assert_eq!(all.next().await["data"], json!({"agent_id": "a"}));
    let expected =
        "agent_updated agent_status_changed agent_action agent_status_changed agent_cloned agent_deleted";
    for kind in expected.split(' ') {
        assert_eq!(heard(&mut own).await, (kind.to_owned(), "agent:a".to_owned()));
    }
}

#[tokio::test]
async fn a_member_that_has_subscribed_gets_only_those_types() {
    let gateway = start(options());
    let mut socket = member(&gateway, &["agents"]).await;
    let types = json!({"event_types": ["agent_deleted", "agent_status_*"]});
    let reply = socket.ask(&json!({"action": "subscribe", "data": types})).await;
    assert_eq!(reply["message"], "Subscribed to 2 event types");
    create(&gateway, "a").await;
    gateway.post("/agents/a/actions", &json!({"action": "start"})).await;
    gateway.request("DELETE", "/agents/a", None).await;
    assert_eq!(heard(&mut socket).await.0, "agent_status_changed");
    assert_eq!(heard(&mut socket).await.0, "agent_deleted");
}

#[tokio::test]
async fn a_killed_gateway_loses_nothing_that_it_has_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = start(options().data(folder.path()));
    for id in ["z", "é %", "a"] {
        create(&gateway, id).await;
    }
    let path = "/agents/%C3%A9%20%25";
    send(&gateway, "PATCH", path, json!({"health": 0.25, "config": {"n": 1}})).await;
    gateway.post("/lymphnode/clone", &json!({"agent_id": "a", "especializacao": "x y"})).await;
    gateway.post(&format!("{path}/heartbeat"), &json!({"counters": {"deteccoes_total": 3}})).await;
    let look = async |gateway: &Gateway| {
        let mut all = Vec::new();
        for path in ["/agents/", path, "/lymphnode/metrics"] {
            all.push(gateway.get(path).await.json());
        }
        all
    };
    let before = look(&gateway).await;
    assert_eq!(before[0]["total"], 4);
    gateway.signal(Signal::KILL);
    gateway.ended();
    let gateway = start(options().data(folder.path()));
    assert_eq!(look(&gateway).await, before);
    let destroyed = gateway.request("DELETE", "/lymphnode/clones/x%20y", None).await.json();
    assert_eq!(destroyed["num_destroyed"], 1);
}

#[tokio::test]
async fn many_requests_on_one_agent_at_once_lose_nothing() {
    let gateway = std::sync::Arc::new(start(options().set("shards=2")));
    let mut socket = member(&gateway, &["agent:a"]).await;
    create(&gateway, "a").await;
    let mut requests = JoinSet::new();
    for n in 0..50 {
        let gateway = gateway.clone();
        requests.spawn(async move {
            send(&gateway, "PATCH", "/agents/a", json!({"config": {n.to_string(): n}})).await.json()
        });
    }
    let answers: Vec<String> = requests.join_all().await.iter().map(Value::to_string).collect();
    let config = gateway.get("/agents/a").await.json()["config"].clone();
    assert_eq!(config.as_object().unwrap().len(), 50);
    assert_eq!(socket.next().await["event_type"], "agent_created");
    let mut told = Vec::new();
    for n in 1..=50 {
        let agent = socket.next().await["data"].clone();
        assert_eq!(agent["config"].as_object().unwrap().len(), n, "events come in the order of the changes");
        told.push(agent.to_string());
    }
    assert_eq!(HashSet::<String>::from_iter(answers), HashSet::from_iter(told));
}

#[tokio::test]
async fn an_id_that_many_ask_for_at_once_is_given_to_one() {
    let gateway = std::sync::Arc::new(start(options()));
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let gateway = gateway.clone();
        let body = json!({"agent_type": "b_cell", "agent_id": "wanted"});
        requests.spawn(async move { gateway.post("/agents/", &body).await.status });
    }
    let statuses = requests.join_all().await;
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(201), count(409)), (1, 49));
    assert_eq!(gateway.get("/agents/").await.json()["total"], 1);
}

#[tokio::test]
async fn a_silent_agent_is_lost_and_its_members_hear_of_it() {
    let gateway = start(options().set("plugins.agents.heartbeat_timeout=\"300ms\""));
    let mut socket = member(&gateway, &["agent:a"]).await;
    create(&gateway, "a").await;
    gateway.post("/agents/a/actions", &json!({"action": "start"})).await;
    for kind in ["agent_created", "agent_action", "agent_status_changed"] {
        assert_eq!(heard(&mut socket).await.0, kind);
    }
    let lost = socket.next().await;
    assert_eq!(lost["data"], json!({"agent_id": "a", "old_status": "active", "new_status": "lost"}));
    assert_eq!(gateway.get("/agents/a").await.json()["status"], "lost");
    let revived = gateway.request("POST", "/agents/a/heartbeat", None).await.json();
    assert_eq!(revived["status"], "active");
    for kind in ["agent_updated", "agent_status_changed"] {
        assert_eq!(heard(&mut socket).await.0, kind);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_in_order_with_its_place() {
    let gateway = start(options());
    let cases = [
        ("POST", "/agents", r#"{"agent_type":"b_cell","agent_id":7}"#, 422, "body.agent_id"),
        ("POST", "/agents/", r#"{"agent_type":"dragon"}"#, 422, "body.agent_type"),
        ("POST", "/agents/", "{", 422, "body"),
        ("GET", "/agents/?limit=0", "", 422, "query.limit"),
        ("GET", "/agents/?skip=many", "", 422, "query.skip"),
        ("PATCH", "/agents/x", r#"{"load":1.1}"#, 422, "body.load"),
        ("PATCH", "/agents/x", r#"{"status":"dead"}"#, 422, "body.status"),
        ("POST", "/agents/x/actions", r#"{}"#, 422, "body.action"),
        ("POST", "/agents/x/actions", r#"{"action":"fly"}"#, 400, ""),
        ("POST", "/agents/x/heartbeat", r#"{"energia":101}"#, 422, "body.energia"),
        ("POST", "/lymphnode/clone", r#"{"agent_id":"x","num_clones":11}"#, 422, "body.num_clones"),
        ("POST", "/lymphnode/clone", r#"{"agent_id":"x","num_clones":"0"}"#, 422, "body.num_clones"),
        ("POST", "/lymphnode/clone", r#"{"agent_id":"x"}"#, 404, ""),
        ("GET", "/agents/x", "", 404, ""),
        ("GET", "/agents/x/stats", "", 404, ""),
    ];
    for (method, path, body, status, place) in cases {
        let answer = gateway.request(method, path, (!body.is_empty()).then_some(body)).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        let loc = &problem["errors"][0]["loc"];
        let words: Vec<_> = loc.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(words.join("."), place, "{method} {path} {body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}
