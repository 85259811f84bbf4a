//! Keys that change while sessions live.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256};
use serde_json::json;
use testkit::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::issuer::{Issuer, set};
use crate::{claims, enter, entered, now, start};

/// An issuer's server: serves one set of keys, and counts who asks for it.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    set: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(set: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, set: Arc::new(Mutex::new(set)), asked: Arc::default() };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                own.asked.fetch_add(1, Ordering::SeqCst);
                let body = own.set.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        server
    }

    fn options(&self) -> Options {
        let jwks = format!("auth.default.jwks=http://{}/keys", self.address);
        let closed = Options::new().set("auth.default.anonymous=false").set(&jwks);
        closed.set("auth.default.algorithms=[\"ES256\",\"EdDSA\"]")
    }

    fn publish(&self, keys: &[serde_json::Value]) {
        *self.set.lock().unwrap() = set(keys);
    }
}

#[tokio::test]
async fn a_new_key_holds_with_the_first_token_that_names_it_and_sessions_live_on() {
    let (old, new) = (Issuer::p256(), Issuer::ed25519());
    let server = Server::start(set(&[old.jwk("1", ES256)])).await;
    let gateway = start(server.options());
    let (mut socket, _) = entered(&gateway, "/ws", &old.sign_as("1", ES256, &claims("ada", json!({})))).await;

    server.publish(&[old.jwk("1", ES256), new.jwk("2", EdDSA)]);
    let (_second, welcome) =
        entered(&gateway, "/ws", &new.sign_as("2", EdDSA, &claims("bob", json!({})))).await;
    assert_eq!(welcome["data"]["user_id"], "bob", "fetched while the request waited");

    server.publish(&[new.jwk("2", EdDSA), Issuer::p256().jwk("3", ES256)]);
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
    let server = Server::start(set(&[old.jwk("1", ES256)])).await;
    let gateway = start(server.options());
    let (mut socket, _) = entered(&gateway, "/ws", &old.sign_as("1", ES256, &claims("ada", json!({})))).await;
    server.publish(&[new.jwk("2", ES256)]);
    let token = new.sign_as("2", ES256, &claims("ada", json!({})));
    socket.send(&json!({ "action": "auth", "id": 1, "data": { "token": token } })).await;
    socket.send(&json!({ "action": "ping", "id": 2 })).await;
    assert_eq!(socket.next().await["message"], "Authenticated");
    assert_eq!(socket.next().await["message"], "pong", "in their order");
}

#[tokio::test]
async fn forged_names_of_keys_cost_the_issuer_little() {
    let issuer = Issuer::p256();
    let server = Server::start(set(&[issuer.jwk("1", ES256)])).await;
    let gateway = start(server.options());
    for number in 0..40 {
        let forged = Issuer::p256().sign_as(&format!("x{number}"), ES256, &claims("eve", json!({})));
        assert_eq!(enter(&gateway, "/ws", &forged).await.err(), Some(401));
    }
    let asked = server.asked.load(Ordering::SeqCst);
    assert!(asked <= 10, "{asked} fetches");
    assert!(enter(&gateway, "/ws", &issuer.sign_as("1", ES256, &claims("ada", json!({})))).await.is_ok());
}

#[tokio::test]
async fn without_its_issuer_a_gateway_lets_nobody_in_and_says_why() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = Server { address: unused, set: Arc::default(), asked: Arc::default() };
    let gateway = start(server.options());
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
    let soon =
        humantime::format_rfc3339(std::time::UNIX_EPOCH + std::time::Duration::from_secs(now(2) as u64));
    let gateway = gateway(&soon.to_string());
    assert!(enter(&gateway, "/ws", &token).await.is_ok());
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(enter(&gateway, "/ws", &token).await.err(), Some(401), "though the token was verified before");
}
