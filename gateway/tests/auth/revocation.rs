//! Tokens that are called back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::issuer::token;
use crate::{claims, closed, enter, entered, now, send_as, start};

async fn revoke(gateway: &Gateway, body: &Value) -> Value {
    let admin = token(&json!({ "sub": "root", "iat": now(1), "exp": now(600), "scope": "admin" }));
    let answer = send_as(gateway, &admin, "POST", "/api/v1/tokens/revoke", Some(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn ends_within_a_second(socket: &mut Socket, since: Instant) {
    assert_eq!(socket.closed().await, (1008, "token revoked".to_owned()));
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

fn of(user: &str, id: &str, issued: i64) -> String {
    token(&json!({ "sub": user, "jti": id, "iat": issued, "exp": now(600) }))
}

#[tokio::test]
async fn a_revoked_token_ends_its_sessions_wherever_they_are_and_opens_none() {
    let gateway = start(closed().set("shards=2"));
    let (one, other) = (of("ada", "one", now(-10)), of("ada", "other", now(-10)));
    let (mut first, _) = entered(&gateway, "/ws", &one).await;
    let (mut second, _) = entered(&gateway, "/ws", &one).await;
    let (mut bystander, _) = entered(&gateway, "/ws", &other).await;
    let since = Instant::now();
    assert_eq!(revoke(&gateway, &json!({ "jti": "one" })).await["jti"], "one");
    ends_within_a_second(&mut first, since).await;
    ends_within_a_second(&mut second, since).await;
    assert_eq!(bystander.ask(&json!({ "action": "ping" })).await["message"], "pong");
    assert_eq!(enter(&gateway, "/ws", &one).await.err(), Some(401));
    let refused = bystander.ask(&json!({ "action": "auth", "data": { "token": one } })).await;
    assert_eq!(refused["message"], "The token is revoked");
    let asked = send_as(&gateway, &one, "GET", "/api/v1/rooms", None).await;
    assert_eq!(asked.status, 401);
    assert!(asked.header("www-authenticate").unwrap().contains("invalid_token"));
    assert!(gateway.metric("tidegate_auth_failures_total{reason=\"revoked\"}").await >= 3.0);
}

#[tokio::test]
async fn a_users_tokens_are_revoked_up_to_a_moment() {
    let gateway = start(closed());
    let (old, new) = (of("ada", "1", now(-100)), of("ada", "2", now(-10)));
    let (mut before, _) = entered(&gateway, "/ws", &old).await;
    let (mut after, _) = entered(&gateway, "/ws", &new).await;
    let since = Instant::now();
    revoke(&gateway, &json!({ "user": "ada", "before": now(-50) })).await;
    ends_within_a_second(&mut before, since).await;
    assert_eq!(after.ask(&json!({ "action": "ping" })).await["message"], "pong");
    let since = Instant::now();
    revoke(&gateway, &json!({ "user": "ada" })).await;
    ends_within_a_second(&mut after, since).await;
    let (mut stranger, _) = entered(&gateway, "/ws", &of("bob", "3", now(-100))).await;
    let since = Instant::now();
    revoke(&gateway, &json!({ "before": now(-50) })).await;
    ends_within_a_second(&mut stranger, since).await;
    assert!(enter(&gateway, "/ws", &of("bob", "4", now(-10))).await.is_ok());
}

#[tokio::test]
async fn a_revocation_outlives_the_process() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(closed().data(data.path()));
    let (one, two) = (of("ada", "one", now(-10)), of("bob", "two", now(-10)));
    revoke(&gateway, &json!({ "jti": "one" })).await;
    revoke(&gateway, &json!({ "user": "bob" })).await;
    gateway.kill();
    let gateway = start(closed().data(data.path()));
    assert_eq!(enter(&gateway, "/ws", &one).await.err(), Some(401));
    assert_eq!(enter(&gateway, "/ws", &two).await.err(), Some(401));
    assert!(enter(&gateway, "/ws", &of("ada", "three", now(-10))).await.is_ok());
}

#[tokio::test]
async fn what_is_to_be_revoked_must_be_said() {
    let gateway = start(closed().set("revocations.entries=1"));
    let admin = token(&claims("root", json!({ "scope": "admin" })));
    for body in [
        json!({}),
        json!({ "jti": 5 }),
        json!({ "jti": "" }),
        json!({ "jti": "a", "user": "b" }),
        json!({ "before": "yesterday" }),
        json!({ "user": ["a"] }),
        json!({ "jti": "x".repeat(500) }),
        json!([]),
    ] {
        let answer = send_as(&gateway, &admin, "POST", "/api/v1/tokens/revoke", Some(&body)).await;
        assert_eq!(answer.status, 422, "{body}");
    }
    revoke(&gateway, &json!({ "jti": "one" })).await;
    let full =
        send_as(&gateway, &admin, "POST", "/api/v1/tokens/revoke", Some(&json!({ "jti": "two" }))).await;
    assert_eq!(full.status, 507, "none is dropped for another");
    let reader = token(&claims("root", json!({ "scope": "read" })));
    let answer =
        send_as(&gateway, &reader, "POST", "/api/v1/tokens/revoke", Some(&json!({ "jti": "a" }))).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_revocation_is_known_as_long_as_tokens_may_live() {
    let until = async |options: testkit::Options| {
        let gateway = start(options);
        let admin = token(&json!({ "sub": "root", "iat": now(0), "exp": now(600), "scope": "admin" }));
        let body = json!({ "jti": "one" });
        let made = send_as(&gateway, &admin, "POST", "/api/v1/tokens/revoke", Some(&body)).await;
        let at = made.json()["expires_at"].as_str().unwrap().to_owned();
        let at = humantime::parse_rfc3339(&at).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        (gateway, at.as_secs() as i64 - now(0))
    };
    let (_gateway, left) = until(closed()).await;
    assert!(left > 1000 * 365 * 24 * 3600, "no token has to say when it ends: for ever");
    let (gateway, left) = until(closed().set("auth.default.max_age=1h")).await;
    assert!((3590..=3620).contains(&left), "{left}: an hour, and what clocks may differ by");
    for (lives, status) in [
        (json!({ "iat": now(0), "exp": now(3600) }), None),
        (json!({ "iat": now(0), "exp": now(3601) }), Some(401)),
        (json!({ "exp": now(60) }), Some(401)),
    ] {
        assert_eq!(enter(&gateway, "/ws", &token(&lives)).await.err(), status, "{lives}");
    }
    gateway.reaches("tidegate_auth_failures_total{reason=\"age\"}", 1.0).await;
}
