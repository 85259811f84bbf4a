//! Requests and bytes in sessions.

use std::time::Duration;

use serde_json::json;

use crate::{enter, is_refusal, open, ping, refused, strict, token};

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_and_passes_then() {
    let gateway = strict(&["limits.requests={ per_session = \"4/s\", burst = 4 }"]);
    let mut session = open(&gateway).await;
    let mut waited = 0;
    for id in 0..8 {
        let mut reply = session.ask(&ping(id)).await;
        while is_refusal(&reply, id) {
            let wait = reply["data"]["retry_after_ms"].as_u64().unwrap();
            assert!(wait <= 2000, "{wait}");
            tokio::time::sleep(Duration::from_millis(wait)).await;
            waited += 1;
            reply = session.ask(&ping(id)).await;
        }
        assert_eq!(reply["message"], "pong");
    }
    assert!((1..=4).contains(&waited), "{waited}: who waits as long as it is told passes");
    assert_eq!(refused(&gateway, "requests_per_session").await, f64::from(waited));
}

#[tokio::test]
async fn every_message_counts_and_another_session_does_not() {
    let gateway = strict(&["limits.requests={ per_session = \"3/day\", burst = 3 }"]);
    let (mut session, mut other) = (open(&gateway).await, open(&gateway).await);
    session.send_text("{ no JSON").await;
    assert_eq!(session.next().await["message"], "Invalid JSON format");
    session.send_binary(b"\xff").await;
    assert_eq!(session.next().await["message"], "Invalid JSON format");
    assert_eq!(session.ask(&ping(3)).await["message"], "pong");
    assert!(is_refusal(&session.ask(&ping(4)).await, 4));
    session.send_text("{ no JSON").await;
    let reply = session.next().await;
    assert_eq!((&reply["message"], reply.get("id")), (&json!("Rate limit exceeded"), None));
    assert_eq!(other.ask(&ping(0)).await["message"], "pong");
}

#[tokio::test]
async fn a_users_requests_count_over_all_connections_and_http() {
    let gateway = strict(&["limits.requests={ per_user = \"5/day\", burst = 5 }"]);
    let ada = token("ada", json!({}));
    // The handshake is a request of hers, too.
    let mut one = enter(&gateway, &ada).await;
    let mut two = enter(&gateway, &ada).await;
    assert_eq!(one.ask(&ping(1)).await["message"], "pong");
    assert_eq!(two.ask(&ping(2)).await["message"], "pong");
    let bearer = format!("Bearer {ada}");
    let get = testkit::request("GET", "/ws/stats", &[("authorization", &bearer)], None);
    assert_eq!(testkit::exchange(gateway.address(), &get).await.status, 200);
    let answer = testkit::exchange(gateway.address(), &get).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (429, Some("5")));
    assert!(is_refusal(&one.ask(&ping(3)).await, 3));
    assert!(is_refusal(&two.ask(&ping(4)).await, 4));
    let mut other = enter(&gateway, &token("bob", json!({}))).await;
    assert_eq!(other.ask(&ping(5)).await["message"], "pong");
}

#[tokio::test]
async fn bytes_count_by_session_and_by_user() {
    let gateway = strict(&["limits.bytes={ per_session = \"1 KB/day\", per_user = \"1500 B/day\" }"]);
    let ada = token("ada", json!({}));
    let (mut one, mut two) = (enter(&gateway, &ada).await, enter(&gateway, &ada).await);
    let long = |id: u32| json!({ "action": "ping", "id": id, "x": "x".repeat(860) });
    assert_eq!(one.ask(&long(1)).await["message"], "pong");
    assert!(is_refusal(&one.ask(&long(2)).await, 2), "the session's are used up");
    assert_eq!(one.ask(&ping(3)).await["message"], "pong", "a short one fits");
    assert!(is_refusal(&two.ask(&long(4)).await, 4), "and the user's");
    assert_eq!(refused(&gateway, "bytes_per_session").await, 1.0);
    assert_eq!(refused(&gateway, "bytes_per_user").await, 1.0);
    assert_eq!(two.ask(&ping(5)).await["message"], "pong", "what was refused has used nothing");
}

#[tokio::test]
async fn a_rate_class_has_limits_of_its_own() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"2/day\", burst = 2 }",
        "limits.class.gold.requests={ per_session = \"4/day\", burst = 4 }",
        "limits.class.free={ requests = { per_session = \"1/day\", burst = 1 } }",
    ]);
    for (class, most) in [(json!("gold"), 4), (json!("free"), 1), (json!("unheard of"), 2), (json!(null), 2)]
    {
        let mut session = enter(&gateway, &token("ada", json!({ "rate_class": class }))).await;
        for id in 0..most {
            assert_eq!(session.ask(&ping(id)).await["message"], "pong", "{class}");
        }
        assert!(is_refusal(&session.ask(&ping(most)).await, most), "{class}");
    }
}

#[tokio::test]
async fn a_limit_may_count_only_while_those_beside_it_hold() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"1/day\", per_user = \"4/day\", burst = 1, dry_run = [\"per_session\"] }",
        "limits.class.usual.requests={ burst = 4 }",
    ]);
    let mut session = enter(&gateway, &token("ada", json!({ "rate_class": "usual" }))).await;
    for id in 1..4 {
        assert_eq!(session.ask(&ping(id)).await["message"], "pong");
    }
    assert!(is_refusal(&session.ask(&ping(4)).await, 4));
    assert_eq!(refused(&gateway, "requests_per_user").await, 1.0);
}

#[tokio::test]
async fn an_exempt_address_exempts_its_sessions() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"1/day\", per_user = \"1/day\", burst = 1 }",
        "limits.frames={ per_session = \"1/day\", burst = 1 }",
        "limits.exempt=[\"127.0.0.1\"]",
    ]);
    let mut session = enter(&gateway, &token("ada", json!({}))).await;
    for id in 0..300 {
        assert_eq!(session.ask(&ping(id)).await["message"], "pong");
    }
}

#[tokio::test]
async fn the_specifications_own_settings_are_accepted() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"100/s\", per_user = \"0\", burst = 200, window = \"sliding\" }",
        "limits.handshakes={ per_address = \"50/s\", burst = 200, dry_run = false }",
    ]);
    assert_eq!(open(&gateway).await.ask(&ping(1)).await["message"], "pong");
}
