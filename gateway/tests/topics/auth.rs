//! Who comes in, and as whom.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{PATH, closed, enter, nothing_else, open, options, start, token};

const CLOSE: &str = "endpoint.0.refuse=\"close\"";

/// The status of a handshake.
async fn status(gateway: &Gateway, query: &str, headers: &[(&str, &str)]) -> u16 {
    match gateway.try_connect(&format!("{PATH}{query}"), headers).await {
        Ok(_) => 101,
        Err(refused) => refused.0,
    }
}

fn now(seconds: i64) -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() as i64 + seconds
}

/// What comes to a user's sessions, as it looks there.
async fn told(gateway: &Gateway, target: Value) -> u64 {
    let mut body = json!({ "event_type": "alert", "data": {} });
    body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    let answer = gateway.post("/api/v1/publish", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["sent"].as_u64().unwrap()
}

#[tokio::test]
async fn without_a_token_that_holds_it_is_403_before_the_upgrade() {
    let gateway = start(closed());
    let good = token(&json!({ "user_id": 7 }));
    let bearer = |token: &str| format!("Bearer {token}");
    for (query, header, expected) in [
        (String::new(), None, 403),
        ("?token=nope".to_owned(), None, 403),
        ("?token=".to_owned(), None, 403),
        (String::new(), Some(bearer("nope")), 403),
        (String::new(), Some("Basic YTpi".to_owned()), 403),
        (String::new(), Some(bearer(&good)), 101),
        (format!("?token={good}"), None, 101),
        (format!("?token={good}"), Some(bearer("nope")), 403),
        (format!("?token={good}"), Some("Basic YTpi".to_owned()), 101),
        ("?token=nope".to_owned(), Some(bearer(&good)), 101),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        assert_eq!(status(&gateway, &query, &headers).await, expected, "{query} {header:?}");
    }
    assert!(gateway.metric("tidegate_handshake_failures_total{reason=\"unauthenticated\"}").await >= 3.0);
}

#[tokio::test]
async fn times_are_judged_where_they_are_there_and_an_audience_is_refused() {
    let gateway = start(closed());
    for (claims, expected) in [
        (json!({ "sub": "ana" }), 101),
        (json!({ "sub": "ana", "exp": now(60) }), 101),
        (json!({ "sub": "ana", "exp": now(-60) }), 403),
        (json!({ "sub": "ana", "nbf": now(-60) }), 101),
        (json!({ "sub": "ana", "nbf": now(60) }), 403),
        (json!({ "sub": "ana", "aud": "other" }), 403),
        (json!({ "sub": "ana", "aud": ["other"] }), 403),
    ] {
        let query = format!("?token={}", token(&claims));
        assert_eq!(status(&gateway, &query, &[]).await, expected, "{claims}");
    }
    let gateway = start(closed().set("auth.operations.audience=\"dashboard\""));
    let query = format!("?token={}", token(&json!({ "sub": "ana", "aud": "dashboard" })));
    assert_eq!(status(&gateway, &query, &[]).await, 101);
}

#[tokio::test]
async fn where_the_endpoint_says_so_a_client_is_let_in_to_be_told_that_it_is_not() {
    let gateway = start(closed().set(CLOSE));
    let required = (1008, "Authentication required".to_owned());
    assert_eq!(gateway.connect(PATH).await.closed().await, required);
    let invalid = (1008, "Invalid token".to_owned());
    assert_eq!(gateway.connect(&format!("{PATH}?token=nope")).await.closed().await, invalid);
    let expired = token(&json!({ "sub": "ana", "exp": now(-60) }));
    assert_eq!(gateway.connect(&format!("{PATH}?token={expired}")).await.closed().await, invalid);
}

#[tokio::test]
async fn where_the_profile_is_anonymous_a_token_that_does_not_hold_is_as_good_as_none() {
    let gateway = start(options());
    let mut sessions = vec![open(&gateway).await];
    let (expired, good) = (token(&json!({ "sub": "ana", "exp": now(-60) })), token(&json!({ "sub": "ana" })));
    for (query, header) in [
        ("?token=nope".to_owned(), None),
        (format!("?token={expired}"), None),
        (format!("?token={good}"), Some("Bearer nope")),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("authorization", *value)).collect();
        let mut session = gateway.try_connect(&format!("{PATH}{query}"), &headers).await.unwrap();
        assert_eq!(session.next().await["event_type"], "connection_ack");
        sessions.push(session);
    }
    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!((&stats["stats"]["unique_users"], &stats["active_connections"]), (&json!(0), &json!(4)));
    assert_eq!(told(&gateway, json!({ "user": "ana" })).await, 0);
    for session in &mut sessions {
        nothing_else(session).await;
    }
    // The API goes by the same profile, and forgives nothing.
    let bad = testkit::request("GET", "/api/v1/rooms", &[("authorization", "Bearer nope")], None);
    assert_eq!(testkit::exchange(gateway.address(), &bad).await.status, 401);
}

#[tokio::test]
async fn under_a_host_of_somebody_elses_nobody_is_forgiven() {
    let gateway = start(options());
    let handshake = |query: &str| {
        format!(
            "GET {PATH}{query} HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    for query in ["", "?token=nope"] {
        assert_eq!(gateway.raw(handshake(query)).await.status, 403, "{query}");
    }
}

#[tokio::test]
async fn the_user_is_user_id_or_else_sub_and_digits_are_a_number() {
    let gateway = start(closed());
    let publish = |user: Value| {
        let body = json!({ "event_type": "alert", "data": {}, "user": user });
        let bearer = format!("Bearer {}", token(&json!({ "sub": "api", "scope": "publish" })));
        let request = testkit::request(
            "POST",
            "/api/v1/publish",
            &[("authorization", &bearer)],
            Some(&body.to_string()),
        );
        let address = gateway.address();
        async move { testkit::exchange(address, &request).await.json()["sent"].as_u64() }
    };
    for (claims, user, shown) in [
        (json!({ "user_id": 7, "sub": "x" }), json!(7), json!(7)),
        (json!({ "user_id": "8" }), json!("8"), json!(8)),
        (json!({ "sub": "9" }), json!("9"), json!(9)),
        (json!({ "sub": "ana" }), json!("ana"), json!("ana")),
        (json!({ "user_id": null, "sub": "eva" }), json!("eva"), json!("eva")),
    ] {
        let mut session = enter(&gateway, claims.clone()).await;
        assert_eq!(publish(user).await, Some(1), "{claims}");
        assert_eq!(session.next().await["target_user_id"], shown, "{claims}");
    }
}

#[tokio::test]
async fn a_token_without_a_role_is_of_the_usual_one() {
    let gateway = start(options());
    let mut usual = enter(&gateway, json!({ "user_id": 1 })).await;
    let mut chief = enter(&gateway, json!({ "user_id": 2, "role": "CHIEF" })).await;
    let mut nobody = open(&gateway).await;
    let stats = gateway.get("/ws/stats").await.json()["stats"].clone();
    assert_eq!(stats["connections_by_role"], json!({ "LEVEL_1": 1, "CHIEF": 1 }));
    assert_eq!(told(&gateway, json!({ "role": "LEVEL_1" })).await, 1);
    assert_eq!(usual.next().await["target_role"], "LEVEL_1");
    nothing_else(&mut chief).await;
    nothing_else(&mut nobody).await;
    let gateway = start(options().set("endpoint.0.topics.role=\"GUEST\""));
    let _session = enter(&gateway, json!({ "user_id": 1 })).await;
    let stats = gateway.get("/ws/stats").await.json()["stats"].clone();
    assert_eq!(stats["connections_by_role"], json!({ "GUEST": 1 }));
}
