//! The project platform's profile with its plugin: stock clients of Socket.IO see typed events, and GitHub is heard.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "auth/server.rs"]
#[allow(dead_code, reason = "the tests of authentication use the rest")]
mod server;

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Socket, exchange, request};

use server::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const SECRET: &str = "development-secret-of-the-project-platform";
const WEBHOOKS: &str = "development-secret-of-the-projects-webhook";

fn profile() -> Options {
    Options::new()
        .config(Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/projects.toml"))
        .set("shards=2")
}

/// A token of `user`, with these claims besides.
fn token(user: &str, more: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({"sub": user, "token_type": "access", "iat": now - 10, "exp": now + 600});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn publisher() -> String {
    token("ci", json!({"role": "agent", "permissions": ["publish"]}))
}

async fn post(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    exchange(gateway.address(), &request("POST", path, headers, Some(body))).await
}

async fn publish(gateway: &Gateway, token: &str, event: &Value) -> Answer {
    post(gateway, "/projects/events", &[("authorization", &format!("Bearer {token}"))], &event.to_string())
        .await
}

/// A session of the dialect `rooms`, its welcome read.
async fn member(gateway: &Gateway, user: &str, room: &str) -> (Socket, Value) {
    let mut socket = gateway.connect(&format!("/ws?token={}", token(user, json!({})))).await;
    assert_eq!(socket.next().await["event_type"], "connected");
    let reply = socket.ask(&json!({"action": "join", "room": room})).await;
    (socket, reply)
}

fn updated(project: &str) -> Value {
    json!({"type": "pr.updated", "data": {"pr_id": "2", "project_id": project, "title": "t", "status": "open"}})
}

#[test]
fn the_stock_client_sees_what_happens_in_its_projects() {
    let gateway = profile().start(PROGRAM);
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools");
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node/projects.mjs"));
    node.env("GATEWAY", format!("http://localhost:{}", gateway.address().port())).env("TOOLS", tools);
    node.env("TOKEN", token("ada", json!({}))).env("PUBLISHER", publisher());
    node.env("STRANGER", token("eve", json!({"role": "root"})));
    let ended = node.output().expect("a program is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}\n{err}\n{}", gateway.log());
}

#[tokio::test]
async fn publishing_needs_the_scope_and_webhooks_the_signature() {
    let gateway = profile().start(PROGRAM);
    let event = updated("hello");
    assert_eq!(post(&gateway, "/projects/events", &[], &event.to_string()).await.status, 401);
    assert_eq!(publish(&gateway, &token("ada", json!({})), &event).await.status, 403);
    let answer = publish(&gateway, &publisher(), &event).await;
    assert_eq!((answer.status, &answer.json()["cursors"][0]["room"]), (202, &json!("project:hello")));
    let wrong =
        json!({"type": "pr.updated", "data": {"pr_id": "2", "project_id": "", "title": 7, "status": "open"}});
    let answer = publish(&gateway, &publisher(), &wrong).await;
    let places: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|error| error["loc"].clone()).collect();
    assert_eq!(answer.status, 422);
    assert_eq!(places, [json!(["body", "data", "project_id"]), json!(["body", "data", "title"])]);

    let (mut socket, _) = member(&gateway, "ada", "project:Codertocat/Hello-World").await;
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/projects/tests/github/pull_request.json");
    let body = std::fs::read_to_string(file).unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, WEBHOOKS.as_bytes()), body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("sha256={digits}");
    let deliver = async |gateway: &Gateway, signature: &str| {
        let headers = [
            ("x-github-event", "pull_request"),
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ("x-hub-signature-256", signature),
        ];
        post(gateway, "/projects/webhooks/github", &headers, &body).await.status
    };
    assert_eq!(deliver(&gateway, &signature.replace('a', "b")).await, 401);
    assert_eq!(deliver(&gateway, &signature).await, 202);
    assert_eq!(deliver(&gateway, &signature).await, 409);
    let told = socket.next().await;
    assert_eq!((&told["event_type"], &told["source"]), (&json!("pr.created"), &json!("github_service")));
    assert_eq!(told["data"]["author"], "Codertocat");
}

#[tokio::test]
async fn a_delivery_is_remembered_by_a_gateway_that_was_killed() {
    let data = tempfile::tempdir().unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, WEBHOOKS.as_bytes()), b"{}");
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("sha256={digits}");
    let headers = [
        ("x-github-event", "ping"),
        ("x-github-delivery", "d1"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    for status in [202, 409] {
        let gateway = profile().data(data.path()).start(PROGRAM);
        assert_eq!(post(&gateway, "/projects/webhooks/github", &headers, "{}").await.status, status);
        gateway.kill();
    }
}

#[tokio::test]
async fn who_may_see_a_project_is_for_the_authoriser_to_say() {
    let server = Server::answering(|body| {
        let asked: Value = serde_json::from_str(body).unwrap();
        let allow = asked["room"] == "project:hello" && asked["user"] == "ada";
        (200, json!({"allow": allow}).to_string())
    })
    .await;
    let asks = format!("auth.projects.authoriser={{url=\"http://{}/may\",asks=[\"join\"]}}", server.address);
    let gateway = profile().set(&asks).start(PROGRAM);
    let (mut ada, joined) = member(&gateway, "ada", "project:hello").await;
    assert_eq!(joined["success"], true, "{joined}");
    for (user, room) in [("ada", "project:other"), ("bob", "project:hello"), ("bob", "agent:scout")] {
        assert_eq!(member(&gateway, user, room).await.1["success"], false, "{user} {room}");
    }
    let path = format!("/socket.io/?EIO=4&transport=websocket&token={}", token("bob", json!({})));
    let mut bob = gateway.connect(&path).await;
    bob.next_text().await;
    bob.send_text("40/ws,").await;
    bob.next_text().await;
    bob.next_text().await;
    bob.send_text(r#"42/ws,1["subscribe",{"room":"project:hello"}]"#).await;
    assert_eq!(bob.next_text().await, r#"43/ws,1[{"status":"error","message":"Access denied"}]"#);
    publish(&gateway, &publisher(), &updated("hello")).await;
    assert_eq!(ada.next().await["event_type"], "pr.updated");
}
