//! The HTTP API under tokens and keys.

use serde_json::json;

use crate::issuer::token;
use crate::{claims, closed, entered, send, send_as, start};

#[tokio::test]
async fn a_route_needs_its_scope() {
    let gateway = start(closed());
    let event = json!({ "event_type": "error", "data": {} });
    let with = |scope: &str| token(&claims("ada", json!({ "scope": scope })));
    let routes = [
        ("GET", "/api/v1/rooms", "read", None),
        ("POST", "/api/v1/publish", "publish", Some(&event)),
        ("POST", "/ws/broadcast", "publish", Some(&event)),
        ("DELETE", "/api/v1/sessions/x", "admin", None),
    ];
    for (method, path, scope, body) in routes {
        let nobody = send(&gateway, method, path, &[], body).await;
        assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        for own in ["read", "publish", "admin", "other", "publish:a"] {
            let status = send_as(&gateway, &with(own), method, path, body).await.status;
            assert_eq!(status == 403, own != scope, "{own} at {path}: {status}");
        }
        let bad = send_as(&gateway, "x", method, path, body).await;
        assert_eq!(bad.status, 401);
        assert!(bad.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        assert_eq!(bad.header("content-type"), Some("application/problem+json"));
    }
    let lacking = send_as(&gateway, &with("read"), "POST", "/api/v1/publish", Some(&event)).await;
    assert!(lacking.header("www-authenticate").unwrap().contains("error=\"insufficient_scope\""));
    for open in ["/", "/health", "/health/live", "/metrics", "/ws/stats"] {
        assert_eq!(gateway.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn publishing_may_be_narrowed_to_rooms() {
    let gateway = start(closed());
    let narrowed = token(&claims("ada", json!({ "permissions": ["publish:news:*"] })));
    let publish = async |body: serde_json::Value| {
        send_as(&gateway, &narrowed, "POST", "/api/v1/publish", Some(&body)).await.status
    };
    let event = |more: serde_json::Value| {
        let mut event = json!({ "event_type": "error", "data": {} });
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    assert_eq!(publish(event(json!({ "room": "news:1" }))).await, 200);
    assert_eq!(publish(event(json!({ "room": "other" }))).await, 403);
    assert_eq!(publish(event(json!({ "rooms": ["news:1", "other"] }))).await, 403);
    assert_eq!(publish(event(json!({}))).await, 403, "everyone is more");
    assert_eq!(publish(event(json!({ "user": "bob" }))).await, 403);
    let batch = json!([event(json!({ "room": "news:1" })), event(json!({ "room": "other" }))]);
    let (mut socket, _) = entered(&gateway, "/ws", &token(&claims("eve", json!({})))).await;
    socket.ask(&json!({ "action": "join", "room": "news:1" })).await;
    assert_eq!(publish(batch).await, 403);
    let pong = socket.ask(&json!({ "action": "ping" })).await;
    assert_eq!(pong["message"], "pong", "nothing of the batch was published");
    let broadcast = async |path: &str| {
        let data = json!({ "a": 1 });
        send_as(&gateway, &narrowed, "POST", path, Some(&data)).await.status
    };
    assert_eq!(broadcast("/ws/broadcast?event_type=error&room=news:2").await, 200);
    assert_eq!(broadcast("/ws/broadcast?event_type=error&room=other").await, 403);
    assert_eq!(broadcast("/ws/broadcast?event_type=error").await, 403);
}

#[tokio::test]
async fn a_program_shows_a_key() {
    let key = "tgk_of-the-tests";
    let hash = tidegate::identity::hash_of(key);
    let keys = format!("api.keys=[{{name=\"ci\",hash=\"{hash}\",scopes=[\"read\",\"publish:news:*\"]}}]");
    let gateway = start(closed().set(&keys));
    let status = async |method: &str, path: &str, header: &str, value: &str| {
        let body = json!({ "room": "news:1", "event_type": "error", "data": {} });
        send(&gateway, method, path, &[(header, value)], Some(&body)).await.status
    };
    let bearer = format!("Bearer {key}");
    assert_eq!(status("GET", "/api/v1/rooms", "x-api-key", key).await, 200);
    assert_eq!(status("GET", "/api/v1/rooms", "authorization", &bearer).await, 200);
    assert_eq!(status("POST", "/api/v1/publish", "x-api-key", key).await, 200);
    assert_eq!(status("DELETE", "/api/v1/sessions/x", "x-api-key", key).await, 403);
    for wrong in ["tgk_of-the-test", "", "x", &hash] {
        assert_eq!(status("GET", "/api/v1/rooms", "x-api-key", wrong).await, 401, "{wrong}");
    }
    let elsewhere = format!("/api/v1/rooms?token={key}");
    assert_eq!(send(&gateway, "GET", &elsewhere, &[], None).await.status, 401, "addresses get into logs");
    let subprotocol = format!("bearer, {key}");
    assert_eq!(status("GET", "/api/v1/rooms", "sec-websocket-protocol", &subprotocol).await, 401);
    let two = [("x-api-key", key), ("x-api-key", "another")];
    assert_eq!(send(&gateway, "GET", "/api/v1/rooms", &two, None).await.status, 401, "which one is meant?");
    let session = gateway.try_connect("/ws", &[("authorization", &bearer)]).await;
    assert_eq!(session.err().unwrap().0, 401, "keys open no sessions");
}

#[tokio::test]
async fn where_access_is_anonymous_a_bad_token_is_refused_all_the_same() {
    let gateway = start(closed().set("auth.default.anonymous=true"));
    assert_eq!(gateway.get("/api/v1/rooms").await.status, 200);
    assert_eq!(send_as(&gateway, "x", "GET", "/api/v1/rooms", None).await.status, 401);
    let reader = token(&claims("ada", json!({ "scope": "read" })));
    assert_eq!(send_as(&gateway, &reader, "GET", "/api/v1/rooms", None).await.status, 200);
    let event = json!({ "event_type": "error", "data": {} });
    let status = send_as(&gateway, &reader, "POST", "/api/v1/publish", Some(&event)).await.status;
    assert_eq!(status, 403, "a token has its own rights, not everybody's");
    assert_eq!(send_as(&gateway, "x", "GET", "/health", None).await.status, 200);
}
