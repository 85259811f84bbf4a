//! A client that has to show who it is: in its first frame, or in its handshake.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

use crate::{assert_uuid, checked, envelope, profile, protocol_error, start};

const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";

/// The shipped profile where nobody is let in without a token.
pub(crate) fn closed() -> Options {
    profile().set("auth.chat.anonymous=false").set(&format!("auth.chat.secret={SECRET}"))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims that hold, with others in their place.
fn signed(others: Value) -> String {
    let mut claims = json!({ "iss": "qa-intelligence", "aud": "websocket-client", "exp": now() + 600 });
    claims.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A token of `user`.
pub(crate) fn token(user: &str) -> String {
    signed(json!({ "user_id": user }))
}

/// A session that has shown its token and has had its welcome.
pub(crate) async fn entered(gateway: &Gateway, token: &str) -> Socket {
    let mut socket = gateway.connect("/ws/chat").await;
    let welcome = socket.ask(&json!({ "token": token })).await;
    assert_eq!(welcome["payload"]["event_name"], "connection_established", "{welcome}");
    socket
}

/// Reads the one error and the close behind it.
async fn refused(socket: &mut Socket, why: &str) {
    let error = socket.next().await;
    assert_eq!(*protocol_error(&error, "authentication_failed", why), json!(null), "{error}");
    assert_eq!(socket.closed().await, (1008, "Authentication failed".to_owned()));
}

#[tokio::test]
async fn the_first_frame_shows_who_the_client_is_as_text_or_binary() {
    let gateway = start(closed());
    for (claims, user) in [
        (json!({ "user_id": "ada", "sub": "other" }), "ada"),
        (json!({ "sub": "bob" }), "bob"),
        (json!({ "user_id": 7 }), "7"),
    ] {
        let first = json!({ "token": signed(claims) }).to_string();
        for binary in [false, true] {
            let mut socket = gateway.connect("/ws/chat").await;
            match binary {
                true => socket.send_binary(first.as_bytes()).await,
                false => socket.send_text(&first).await,
            }
            let welcome = socket.next().await;
            assert_eq!(checked(&welcome)["event_name"], "connection_established", "nothing comes before it");
            assert_eq!(welcome["user_id"], user);
            assert_uuid(&welcome["session_id"]);
            let pong = socket.ask(&envelope("p", json!({ "message_type": "health_check" }))).await;
            assert_eq!((&pong["user_id"], &pong["session_id"]), (&json!(user), &welcome["session_id"]));
        }
    }
}

#[tokio::test]
async fn a_token_of_the_handshake_is_taken_too() {
    let gateway = start(closed());
    let mut socket = gateway.connect(&format!("/ws/chat?token={}", token("ada"))).await;
    assert_eq!(socket.next().await["user_id"], "ada");
    let bearer = format!("Bearer {}", token("bob"));
    let mut socket = gateway.try_connect("/ws/chat", &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.next().await["user_id"], "bob");
}

#[tokio::test]
async fn each_failure_has_its_words() {
    let gateway = start(closed());
    let invalid = "Authentication error: Invalid token: the token is not valid";
    let another =
        encode(&Header::default(), &json!({ "sub": "x" }), &EncodingKey::from_secret(b"x")).unwrap();
    for (token, why) in [
        (json!(null), "Authentication error: No authentication token provided"),
        (json!(""), "Authentication error: No authentication token provided"),
        (json!(signed(json!({ "sub": "a", "exp": now() - 60 }))), "Authentication error: Token has expired"),
        (json!(signed(json!({}))), "Authentication error: Authentication failed: No user ID in token"),
        (json!("x.y.z"), invalid),
        (json!(another), invalid),
        (json!(signed(json!({ "sub": "a", "iss": "another" }))), invalid),
        (json!(signed(json!({ "sub": "a", "aud": "another" }))), invalid),
        (json!(signed(json!({ "sub": "a", "iss": null }))), invalid),
        (json!(signed(json!({ "sub": "a", "aud": null }))), invalid),
        (json!(7), "Invalid authentication message format"),
    ] {
        let mut socket = gateway.connect("/ws/chat").await;
        socket.send(&json!({ "token": token })).await;
        refused(&mut socket, why).await;
        let Some(token) = token.as_str().filter(|token| !token.is_empty()) else { continue };
        let mut socket = gateway.connect(&format!("/ws/chat?token={token}")).await;
        refused(&mut socket, why).await;
    }
    for first in ["nonsense", "[]", "\"token\"", "7", ""] {
        let mut socket = gateway.connect("/ws/chat").await;
        socket.send_text(first).await;
        refused(&mut socket, "Invalid authentication message format").await;
    }
    let mut socket = gateway.connect("/ws/chat").await;
    socket.send(&envelope("p", json!({ "message_type": "health_check" }))).await;
    refused(&mut socket, "Authentication error: No authentication token provided").await;
    let mut socket = gateway.connect("/ws/chat").await;
    socket.send_binary(&[0xff]).await;
    refused(&mut socket, "Invalid authentication message format").await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_in_time() {
    let gateway = start(closed().set("limits.unauthenticated.timeout=\"1s\""));
    let mut socket = gateway.connect("/ws/chat").await;
    refused(&mut socket, "Authentication timeout").await;
}

#[tokio::test]
async fn ten_seconds_are_the_shipped_patience() {
    let sources = tidegate::config::Sources {
        file: Some(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/chat.toml")),
        ..Default::default()
    };
    let config = tidegate::config::load(&sources).unwrap().config;
    assert_eq!(config.limits.unauthenticated.timeout.get(), std::time::Duration::from_secs(10));
    assert_eq!(config.auth["chat"].algorithms.len(), 1);
}

#[tokio::test]
async fn where_no_first_frame_is_taken_silence_is_refused_at_once() {
    let gateway = start(closed().set("auth.chat.take_from=[\"header\"]"));
    let mut socket = gateway.connect("/ws/chat").await;
    refused(&mut socket, "Authentication error: No authentication token provided").await;
}

#[tokio::test]
async fn who_is_known_shows_no_second_token() {
    let gateway = start(closed());
    let mut socket = entered(&gateway, &token("ada")).await;
    let error = socket.ask(&json!({ "token": token("ada") })).await;
    let details = protocol_error(&error, "processing_error", "Message processing failed");
    assert!(details.as_str().unwrap().contains("type"), "{details}");
}

#[tokio::test]
async fn a_token_that_ends_ends_the_session_with_a_warning_before() {
    let gateway = start(closed());
    let mut socket = entered(&gateway, &signed(json!({ "sub": "ada", "exp": now() + 2 }))).await;
    let warning = socket.next().await;
    let payload = checked(&warning);
    assert_eq!(
        (&payload["event_name"], &payload["data"]["reason"]),
        (&json!("disconnected"), &json!("token expired"))
    );
    assert_eq!(socket.closed().await, (1008, "token expired".to_owned()));
}

/// A token that may publish anywhere.
pub(crate) fn publisher() -> String {
    signed(json!({ "sub": "publisher", "scope": "publish" }))
}
