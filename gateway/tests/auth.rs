//! Who comes in, for how long and with which rights: tokens of every kind, forged ones, expired and revoked ones, against
//! the gateway itself.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "auth/api.rs"]
mod api;
#[path = "auth/audit.rs"]
mod audit;
#[path = "auth/authoriser.rs"]
mod authoriser;
#[path = "auth/cost.rs"]
mod cost;
#[path = "auth/issuer.rs"]
mod issuer;
#[path = "auth/listeners.rs"]
mod listeners;
#[path = "auth/members.rs"]
mod members;
#[path = "auth/places.rs"]
mod places;
#[path = "auth/revocation.rs"]
mod revocation;
#[path = "auth/rooms.rs"]
mod rooms;
#[path = "auth/rotation.rs"]
mod rotation;
#[path = "auth/server.rs"]
mod server;
#[path = "auth/sessions.rs"]
mod sessions;
#[path = "auth/tokens.rs"]
mod tokens;

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Socket, exchange, request};

/// The secret of the profile `default` in most tests.
pub(crate) const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";

/// A gateway whose profile `default` wants tokens that are signed with [`SECRET`].
pub(crate) fn closed() -> Options {
    Options::new().set("auth.default.anonymous=false").set(&format!("auth.default.secret={SECRET}"))
}

pub(crate) fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// Opens a session with a token in the header; the status where it is refused.
pub(crate) async fn enter(gateway: &Gateway, path: &str, token: &str) -> Result<Socket, u16> {
    let bearer = format!("Bearer {token}");
    gateway.try_connect(path, &[("authorization", &bearer)]).await.map_err(|refused| refused.0)
}

/// The same, and its welcome is read.
pub(crate) async fn entered(gateway: &Gateway, path: &str, token: &str) -> (Socket, Value) {
    let mut socket = enter(gateway, path, token).await.unwrap();
    let welcome = socket.next().await;
    (socket, welcome)
}

/// Sends a request with headers.
pub(crate) async fn send(
    gateway: &Gateway,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    let body = body.map(Value::to_string);
    exchange(gateway.address(), &request(method, path, headers, body.as_deref())).await
}

/// Sends a request with a token.
pub(crate) async fn send_as(
    gateway: &Gateway,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    send(gateway, method, path, &[("authorization", &format!("Bearer {token}"))], body).await
}

/// Now and so many seconds, as claims say it.
pub(crate) fn now(seconds: i64) -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() as i64 + seconds
}

/// Claims of `user` that hold for a minute, with `more`.
pub(crate) fn claims(user: &str, more: Value) -> Value {
    let mut claims = json!({ "sub": user, "iat": now(0), "exp": now(60) });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}
