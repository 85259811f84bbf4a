//! How often a user may say something.

use serde_json::json;
use testkit::Socket;

use crate::auth::{closed, entered, token};
use crate::{envelope, open, profile, protocol_error, start};

async fn ask(socket: &mut Socket) -> serde_json::Value {
    socket.ask(&envelope("p", json!({ "message_type": "health_check" }))).await
}

#[tokio::test]
async fn the_sixty_first_message_of_a_minute_is_refused_and_the_session_stays() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    for _ in 0..60 {
        assert_eq!(ask(&mut socket).await["payload"]["status"], "pong");
    }
    for _ in 0..3 {
        let refused = ask(&mut socket).await;
        assert_eq!(*protocol_error(&refused, "rate_limit", "Rate limit exceeded"), json!(null));
    }
    let (mut other, _) = open(&gateway).await;
    assert_eq!(ask(&mut other).await["payload"]["status"], "pong", "without a user each is one alone");
    gateway.reaches("tidegate_limit_refusals_total{limiter=\"messages_per_user\"}", 3.0).await;
}

#[tokio::test]
async fn the_window_slides_and_what_is_refused_does_not_count() {
    let gateway = start(profile().set("endpoint.0.envelope.rate=\"3/2s\""));
    let (mut socket, _) = open(&gateway).await;
    let mut passed = 0;
    // It is tried again and again: if that counted, it would never pass.
    while passed < 6 {
        passed += u32::from(ask(&mut socket).await["payload"]["status"] == "pong");
    }
}

#[tokio::test]
async fn a_user_has_one_share_in_all_sessions() {
    let gateway = start(closed().set("endpoint.0.envelope.rate=\"3/h\""));
    let mut sessions = [entered(&gateway, &token("ada")).await, entered(&gateway, &token("ada")).await];
    for number in 0..3 {
        assert_eq!(ask(&mut sessions[number % 2]).await["payload"]["status"], "pong");
    }
    for session in &mut sessions {
        protocol_error(&ask(session).await, "rate_limit", "Rate limit exceeded");
    }
    let mut other = entered(&gateway, &token("bob")).await;
    assert_eq!(ask(&mut other).await["payload"]["status"], "pong");
}
