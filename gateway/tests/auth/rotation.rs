//! Keys that change while sessions live.

use std::fs;

use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256};
use serde_json::json;
use testkit::Options;
use tokio::net::TcpListener;

use crate::issuer::{Issuer, set};
use crate::server::Server;
use crate::{claims, enter, entered, now, start};

/// A gateway that takes its keys from `server`.
fn options(server: &Server) -> Options {
    let jwks = format!("auth.default.jwks=http://{}/keys", server.address);
    let closed = Options::new().set("auth.default.anonymous=false").set(&jwks);
    closed.set("auth.default.algorithms=[\"ES256\",\"EdDSA\"]")
}

#[tokio::test]
async fn a_new_key_holds_with_the_first_token_that_names_it_and_sessions_live_on() {
    let (old, new) = (Issuer::p256(), Issuer::ed25519());
    let server = Server::serving(set(&[old.jwk("1", ES256)])).await;
    let gateway = start(options(&server));
    let (mut socket, _) = entered(&gateway, "/ws", &old.sign_as("1", ES256, &claims("ada", json!({})))).await;

    server.serve(set(&[old.jwk("1", ES256), new.jwk("2", EdDSA)]));
    let (_second, welcome) =
        entered(&gateway, "/ws", &new.sign_as("2", EdDSA, &claims("bob", json!({})))).await;
    assert_eq!(welcome["data"]["user_id"], "bob", "fetched while the request waited");

    server.serve(set(&[new.jwk("2", EdDSA), Issuer::p256().jwk("3", ES256)]));
    let third = Issuer::p256().sign_as("3", ES256, &claims("eve", json!({})));
    assert_eq!(enter(&gateway, "/ws", &third).await.err(), Some(401), "another key of that name");
    let unknown = new.sign_as("4", EdDSA, &claims("bob", json!({})));
    assert_eq!(enter(&gateway, "/ws", &unknown).await.err(), Some(401));
    let late = old.sign_as("1", ES256, &claims("ada", json!({ "jti": "late" })));
    assert_eq!(enter(&gateway, "/ws", &late).await.err(), Some(401), "the old key is gone");
    let renewed = new.sign_as("2", EdDSA, &claims("ada", json!({})));
    let answer = socket.ask(&json!({ "action": "auth", "data": { "token": renewed } })).await;
    assert_eq!(answer["success"], true, "the session has lived through it all");
}

#[tokio::test]
async fn a_session_takes_a_token_whose_key_is_not_there_yet() {
    let (old, new) = (Issuer::p256(), Issuer::p256());
    let server = Server::serving(set(&[old.jwk("1", ES256)])).await;
    let gateway = start(options(&server));
    let (mut socket, _) = entered(&gateway, "/ws", &old.sign_as("1", ES256, &claims("ada", json!({})))).await;
    server.serve(set(&[new.jwk("2", ES256)]));
    let token = new.sign_as("2", ES256, &claims("ada", json!({})));
    socket.send(&json!({ "action": "auth", "id": 1, "data": { "token": token } })).await;
    socket.send(&json!({ "action": "ping", "id": 2 })).await;
    assert_eq!(socket.next().await["message"], "Authenticated");
    assert_eq!(socket.next().await["message"], "pong", "in their order");
}

#[tokio::test]
async fn forged_names_of_keys_cost_the_issuer_little() {
    let issuer = Issuer::p256();
    let server = Server::serving(set(&[issuer.jwk("1", ES256)])).await;
    let gateway = start(options(&server));
    for number in 0..40 {
        let forged = Issuer::p256().sign_as(&format!("x{number}"), ES256, &claims("eve", json!({})));
        assert_eq!(enter(&gateway, "/ws", &forged).await.err(), Some(401));
    }
    let asked = server.asked().len();
    assert!(asked <= 10, "{asked} fetches");
    assert!(enter(&gateway, "/ws", &issuer.sign_as("1", ES256, &claims("ada", json!({})))).await.is_ok());
}

#[tokio::test]
async fn all_who_come_with_a_new_key_at_once_are_let_in_by_one_fetch() {
    let (old, new) = (Issuer::p256(), Issuer::p256());
    let server = Server::serving(set(&[old.jwk("1", ES256)])).await;
    let gateway = start(options(&server));
    assert!(enter(&gateway, "/ws", &old.sign_as("1", ES256, &claims("ada", json!({})))).await.is_ok());
    server.serve(set(&[old.jwk("1", ES256), new.jwk("2", ES256)]));
    let all = (0..40).map(|number| {
        let token = new.sign_as("2", ES256, &claims(&format!("u{number}"), json!({})));
        let gateway = &gateway;
        async move { enter(gateway, "/ws", &token).await.err() }
    });
    let refused: Vec<u16> = futures_util::future::join_all(all).await.into_iter().flatten().collect();
    assert!(refused.is_empty(), "{refused:?}");
    let asked = server.asked().len();
    assert!(asked <= 5, "{asked} fetches");
}

#[tokio::test]
async fn without_its_issuer_a_gateway_lets_nobody_in_and_says_why() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let jwks = format!("auth.default.jwks=http://{unused}/keys");
    let closed = Options::new().set("auth.default.anonymous=false").set(&jwks);
    let gateway = start(closed.set("auth.default.algorithms=[\"ES256\"]"));
    let token = Issuer::p256().sign_as("1", ES256, &claims("ada", json!({})));
    assert_eq!(enter(&gateway, "/ws", &token).await.err(), Some(503));
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_previous_key_counts_until_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old");
    fs::write(&old, "the secret that was used before this one").unwrap();
    let gateway = |until: &str| {
        let previous =
            format!("auth.default.previous=[{{secret_file=\"{}\",until=\"{until}\"}}]", old.display());
        start(crate::closed().set(&previous))
    };
    let token =
        Issuer::hmac("the secret that was used before this one").sign(HS256, &claims("ada", json!({})));
    assert!(enter(&gateway("2100-01-01T00:00:00Z"), "/ws", &token).await.is_ok());
    assert_eq!(enter(&gateway("2020-01-01T00:00:00Z"), "/ws", &token).await.err(), Some(401));
    // A machine may be too busy to start a gateway within the first of these.
    for seconds in [2, 8, 32] {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now(seconds) as u64);
        let gateway = gateway(&humantime::format_rfc3339(at).to_string());
        if enter(&gateway, "/ws", &token).await.is_ok() {
            let left = at.duration_since(std::time::SystemTime::now()).unwrap_or_default();
            tokio::time::sleep(left + std::time::Duration::from_millis(100)).await;
            let refused = enter(&gateway, "/ws", &token).await.err();
            return assert_eq!(refused, Some(401), "though the token was verified before");
        }
    }
    panic!("it never counts");
}
