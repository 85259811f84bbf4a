//! How much a client may use, and what becomes of one that wants more: against the gateway itself, with nobody exempt.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "limits/abuse.rs"]
mod abuse;
#[path = "limits/connections.rs"]
mod connections;
#[path = "limits/malice.rs"]
mod malice;
#[path = "limits/publishes.rs"]
mod publishes;
#[path = "limits/shared.rs"]
mod shared;
#[path = "limits/sessions.rs"]
mod sessions;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

/// The secret of the profile `default`.
const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";

/// A gateway on two shards where nobody is exempt, with these settings.
pub(crate) fn strict(settings: &[&str]) -> Gateway {
    let secret = format!("auth.default.secret={SECRET}");
    let options = Options::new().set("shards=2").set("limits.exempt=[]").set(&secret);
    let options = settings.iter().fold(options, |options, setting| options.set(setting));
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// A token of `user` with more claims.
pub(crate) fn token(user: &str, more: Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({ "sub": user, "exp": now + 600, "scope": "publish read" });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A session that has had its welcome, under a token.
pub(crate) async fn enter(gateway: &Gateway, token: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let mut socket = gateway.try_connect("/ws", &[("authorization", &bearer)]).await.unwrap();
    socket.next().await;
    socket
}

/// A session that has had its welcome.
pub(crate) async fn open(gateway: &Gateway) -> Socket {
    let mut socket = gateway.connect("/ws").await;
    socket.next().await;
    socket
}

pub(crate) fn ping(id: u32) -> Value {
    json!({ "action": "ping", "id": id })
}

/// What a limiter has refused.
pub(crate) async fn refused(gateway: &Gateway, limiter: &str) -> f64 {
    gateway.metric(&format!("tidegate_limit_refusals_total{{limiter=\"{limiter}\"}}")).await
}

/// Whether a reply is the one that says when to ask again, to the request with this id.
#[track_caller]
pub(crate) fn is_refusal(reply: &Value, id: u32) -> bool {
    if reply["message"] != "Rate limit exceeded" {
        return false;
    }
    let wait = reply["data"]["retry_after_ms"].as_u64().unwrap();
    assert!(wait >= 1, "{reply}");
    let data = json!({ "retry_after_ms": wait });
    assert_eq!(*reply, json!({ "success": false, "message": "Rate limit exceeded", "data": data, "id": id }));
    true
}
