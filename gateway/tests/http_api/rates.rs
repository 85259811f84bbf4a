//! How often clients may connect and ask.

use serde_json::json;

use crate::start;
use testkit::{Gateway, Options};

/// Nobody is exempt, and what is used comes back after a day.
fn strict(settings: &[&str]) -> Gateway {
    let options = settings.iter().fold(Options::new().set("limits.exempt=[]"), |o, setting| o.set(setting));
    start(options)
}

#[tokio::test]
async fn one_handshake_too_many_is_429_and_the_sessions_that_are_there_go_on() {
    let gateway = strict(&["limits.handshakes={ per_address = \"3/day\", burst = 3 }"]);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(gateway.connect("/ws").await);
    }
    let refused = gateway.try_connect("/ws", &[]).await.err().unwrap();
    assert_eq!(refused.0, 429);
    for session in &mut sessions {
        assert_eq!(session.next().await["event_type"], "connected");
        assert_eq!(session.ask(&json!({ "action": "ping" })).await["message"], "pong");
    }
    assert_eq!(gateway.get("/health/live").await.status, 200, "other requests are counted by themselves");
    assert_eq!(
        gateway.metric("tidegate_limit_refusals_total{limiter=\"handshakes_per_address\"}").await,
        1.0
    );
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let gateway = strict(&["limits.requests={ per_address = \"2/day\", burst = 0 }"]);
    for left in ["1", "0"] {
        let answer = gateway.get("/ws/stats").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, Some(left)));
    }
    let refused = gateway.get("/ws/stats").await;
    assert_eq!((refused.status, refused.json()["detail"].as_str()), (429, Some("Rate limit exceeded")));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    assert!(refused.json()["retry_after_ms"].as_u64().unwrap() <= seconds * 1000);
}

#[tokio::test]
async fn a_dry_run_refuses_nobody_and_counts() {
    let gateway = strict(&["limits.requests={ per_address = \"1/day\", burst = 0, dry_run = true }"]);
    for _ in 0..3 {
        assert_eq!(gateway.get("/ws/stats").await.status, 200);
    }
    let counted = gateway.metric("tidegate_limit_refusals_total{limiter=\"requests_per_address\"}").await;
    assert_eq!(counted, 3.0, "the page itself is asked for, too");
}

#[tokio::test]
async fn loopback_is_exempt_unless_it_is_told_otherwise() {
    let gateway = start(Options::new().set("limits.requests={ per_address = \"1/day\", burst = 0 }"));
    for _ in 0..3 {
        let answer = gateway.get("/ws/stats").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, None));
    }
}
