//! Somebody else is asked before a client may do a thing.

use serde_json::{Value, json};
use testkit::{Gateway, Options};
use tokio::net::TcpListener;

use crate::issuer::token;
use crate::server::Server;
use crate::{claims, closed, enter, entered, send_as, start};

fn asking(server: &Server, more: &str) -> Options {
    closed().set(&format!("auth.default.authoriser={{url=\"http://{}/may\"{more}}}", server.address))
}

/// Lets everybody but `eve` connect, and into rooms and events that are not called `secret`.
fn judge(body: &str) -> (u16, String) {
    let asked: Value = serde_json::from_str(body).unwrap();
    let allow = asked["user"] != "eve" && asked["room"] != "secret" && asked["event_type"] != "gap";
    (200, json!({ "allow": allow }).to_string())
}

async fn join(gateway: &Gateway, user: &str, room: &str) -> Value {
    let (mut socket, _) = entered(gateway, "/ws", &token(&claims(user, json!({})))).await;
    socket.ask(&json!({ "action": "join", "room": room, "id": 1 })).await
}

#[tokio::test]
async fn connecting_joining_and_publishing_need_its_leave() {
    let server = Server::answering(judge).await;
    let gateway = start(asking(&server, ""));
    assert_eq!(enter(&gateway, "/ws", &token(&claims("eve", json!({})))).await.err(), Some(403));
    let (mut socket, _) = entered(&gateway, "/ws", &token(&claims("ada", json!({ "roles": ["x"] })))).await;
    // Both at once: answered in order, though the first has to wait.
    socket.send(&json!({ "action": "join", "room": "open", "id": 1 })).await;
    socket.send(&json!({ "action": "ping", "id": 2 })).await;
    assert_eq!(socket.next().await["message"], "Joined room 'open'");
    assert_eq!(socket.next().await["message"], "pong");
    let denied = socket.ask(&json!({ "action": "join", "room": "secret" })).await;
    assert_eq!(
        (&denied["success"], &denied["message"]),
        (&json!(false), &json!("Not allowed to join this room"))
    );
    let publish = |kind: &str, room: &str| json!({ "action": "publish", "room": room, "data": { "event_type": kind, "data": {} } });
    assert_eq!(socket.ask(&publish("error", "elsewhere")).await["success"], true);
    assert_eq!(socket.ask(&publish("error", "secret")).await["success"], false);
    assert_eq!(socket.ask(&publish("gap", "elsewhere")).await["success"], false);

    let asked: Vec<Value> = server.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let connect = json!({ "action": "connect", "profile": "default", "user": "ada", "roles": ["x"], "endpoint": "/ws" });
    assert!(asked.contains(&connect), "{asked:?}");
    assert!(asked.iter().any(|one| one["action"] == "publish" && one["event_type"] == "error"), "{asked:?}");
}

#[tokio::test]
async fn who_may_not_join_may_not_read_what_a_room_keeps() {
    let server = Server::answering(judge).await;
    let gateway = start(asking(&server, ",asks=[\"join\"]").set("room.0.history={size=5,ttl=\"1h\"}"));
    let (mut socket, _) = entered(&gateway, "/ws", &token(&claims("ada", json!({})))).await;
    for (room, message) in
        [("open", "History of room 'open'"), ("secret", "Not allowed to read what this room keeps")]
    {
        let reply = socket.ask(&json!({ "action": "history", "room": room })).await;
        assert_eq!(reply["message"], message);
    }
    let asked: Vec<Value> = server.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert!(asked.iter().all(|one| one["action"] == "join") && asked.len() == 2, "{asked:?}");
}

#[tokio::test]
async fn a_session_that_becomes_another_users_needs_its_leave_as_well() {
    let server = Server::answering(judge).await;
    let gateway = start(asking(&server, "").set("auth.default.anonymous=true"));
    let mut socket = gateway.connect("/ws/").await;
    socket.next().await;
    let auth = |user| json!({ "action": "auth", "data": { "token": token(&claims(user, json!({}))) } });
    let denied = socket.ask(&auth("eve")).await;
    assert_eq!((&denied["success"], &denied["message"]), (&json!(false), &json!("Not allowed to connect")));
    assert_eq!(socket.ask(&auth("ada")).await["data"]["user_id"], "ada");
    let asked: Vec<Value> = server.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let users: Vec<_> = asked.iter().map(|one| one["user"].as_str()).collect();
    assert_eq!(users, [None, Some("eve"), Some("ada")]);
    assert!(asked.iter().all(|one| one["endpoint"] == "/ws"), "as it is configured: {asked:?}");
}

#[tokio::test]
async fn its_answers_are_remembered_and_only_what_is_configured_is_asked() {
    let server = Server::answering(judge).await;
    let gateway = start(asking(&server, ",asks=[\"join\"]"));
    for _ in 0..5 {
        assert_eq!(join(&gateway, "ada", "open").await["success"], true);
        assert_eq!(join(&gateway, "ada", "secret").await["success"], false);
    }
    assert_eq!(server.asked().len(), 2, "{:?}", server.asked());
    let forgetful = start(asking(&server, ",asks=[\"join\"],cache=\"0s\""));
    join(&forgetful, "ada", "open").await;
    join(&forgetful, "ada", "open").await;
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn what_is_no_clear_yes_is_a_no() {
    for (status, body) in [
        (500, r#"{"allow":true}"#),
        (201, r#"{"allow":true}"#),
        (200, "yes"),
        (200, "{}"),
        (200, "[true]"),
        (200, r#"{"allow":1}"#),
        (200, r#"{"allow":"true"}"#),
        (200, r#"{"allow":true} {"allow":false}"#),
        (200, r#"{"allow":false,"allow":true}"#),
        (302, r#"{"allow":true}"#),
        (403, r#"{"allow":true}"#),
    ] {
        let server = Server::answering(move |_| (status, body.to_owned())).await;
        let gateway = start(asking(&server, ",asks=[\"join\"]"));
        assert_eq!(join(&gateway, "ada", "open").await["success"], false, "{status} {body}");
    }
    // One that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/may", silent.local_addr().unwrap());
    let setting = format!("auth.default.authoriser={{url=\"{url}\",timeout=\"300ms\"}}");
    let gateway = start(closed().set(&setting));
    let good = token(&claims("ada", json!({})));
    assert_eq!(enter(&gateway, "/ws", &good).await.err(), Some(403));
    drop(silent);
    assert_eq!(enter(&gateway, "/ws", &good).await.err(), Some(403), "nor one that is not there");
    assert_eq!(gateway.metric("tidegate_auth_failures_total{reason=\"denied\"}").await, 2.0);
}

#[tokio::test]
async fn a_token_that_is_called_back_while_its_leave_is_asked_does_not_come_in() {
    let server = Server::answering(judge).await;
    let gateway =
        start(asking(&server, ",asks=[\"connect\"],timeout=\"20s\"").set("auth.default.anonymous=true"));
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    server.hold();
    let token = token(&claims("ada", json!({ "jti": "late" })));
    socket.send(&json!({ "action": "auth", "data": { "token": token } })).await;
    server.asked_times(2).await;
    assert_eq!(gateway.post("/api/v1/tokens/revoke", &json!({ "jti": "late" })).await.status, 200);
    server.release();
    let reply = socket.next().await;
    assert_eq!(
        (&reply["success"], &reply["message"]),
        (&json!(false), &json!("The token is revoked")),
        "{reply}"
    );
}

#[tokio::test]
async fn publishing_over_http_needs_its_leave_and_the_rooms_of_the_token() {
    let server = Server::answering(judge).await;
    let gateway = start(asking(&server, ",asks=[\"publish\"]"));
    let status = async |claims: Value, room: Value| {
        let body = json!({ "room": room, "event_type": "error", "data": {} });
        send_as(&gateway, &token(&claims), "POST", "/api/v1/publish", Some(&body)).await.status
    };
    let publisher = |more: Value| {
        let mut all = claims("ada", json!({ "permissions": ["publish"] }));
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    assert_eq!(status(publisher(json!({})), json!("open")).await, 200);
    assert_eq!(status(publisher(json!({})), json!("secret")).await, 403);
    let narrow = || publisher(json!({ "rooms": ["mine:*"] }));
    assert_eq!(status(narrow(), json!("mine:1")).await, 200);
    assert_eq!(status(narrow(), json!("open")).await, 403);
    assert_eq!(status(narrow(), Value::Null).await, 403, "everyone is more than some rooms");
}
