//! Certificates are replaced while connections go on.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use testkit::{Authority, Signal, Socket, TlsClient};
use tokio::task::JoinSet;

use super::house::House;

const DONE: &str = "tidegate_tls_reloads_total{result=\"ok\"}";
const FAILED: &str = "tidegate_tls_reloads_total{result=\"failed\"}";

async fn certificate(house: &House) -> rustls::pki_types::CertificateDer<'static> {
    let stream = house.dialer().dial(house.address()).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

async fn join(mut session: Socket<TlsClient>) -> Socket<TlsClient> {
    session.next().await;
    assert_eq!(session.ask(&json!({ "action": "join", "room": "r" })).await["success"], true);
    session
}

#[tokio::test]
async fn under_load_a_new_certificate_drops_nothing() {
    const EVENTS: u64 = 400;
    let house =
        Arc::new(House::with(Authority::new("test authority"), "", |options| options.set("shards=2")));
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let mut session = join(house.connect("/ws").await).await;
        readers.spawn(async move {
            for number in 0..EVENTS {
                assert_eq!(session.next().await["data"]["n"], number, "nothing is lost");
            }
        });
    }
    // Others come and go all the while, and each is served.
    let busy = Arc::new(AtomicBool::new(true));
    let mut visitors = JoinSet::new();
    for _ in 0..4 {
        let (house, busy) = (Arc::clone(&house), Arc::clone(&busy));
        visitors.spawn(async move {
            while busy.load(Ordering::Relaxed) {
                assert_eq!(house.get(&house.dialer(), "/health/live").await.status, 200);
            }
        });
    }
    for number in 0..EVENTS {
        if number % 100 == 50 {
            let before = house.gateway.metric(DONE).await;
            let issued = house.authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
            house.gateway.signal(Signal::HUP);
            house.gateway.reaches(DONE, before + 1.0).await;
            assert_eq!(certificate(&house).await, issued.der);
        }
        let event = json!({ "room": "r", "event_type": "alert_triggered", "data": { "n": number } });
        assert_eq!(house.gateway.post("/api/v1/publish", &event).await.json()["sent"], 8);
    }
    readers.join_all().await;
    busy.store(false, Ordering::Relaxed);
    visitors.join_all().await;
    assert_eq!(house.gateway.metric(FAILED).await, 0.0);
}

#[tokio::test]
async fn files_that_change_are_seen_without_being_told() {
    let house = House::new("");
    let before = certificate(&house).await;
    let issued = house.authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
    house.gateway.reaches(DONE, 1.0).await;
    assert_eq!(certificate(&house).await, issued.der);
    assert_ne!(before, issued.der);
}

#[tokio::test]
async fn a_reload_tells_of_certificates_that_are_others() {
    let house = House::new("");
    let reload = async || house.gateway.request("POST", "/admin/reload", None).await.json();
    assert_eq!(reload().await["changed"], json!([]));
    house.authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
    let told = reload().await["changed"] == json!(["listener.tls.tls"]);
    // On a slow machine it has been seen without being told.
    assert!(told || house.gateway.metric(DONE).await > 2.0);
}

#[tokio::test]
async fn a_bad_certificate_changes_nothing_and_is_told_of() {
    let house = House::new("");
    let mut session = join(house.connect("/ws").await).await;
    let before = certificate(&house).await;
    let health = async || {
        let health = house.gateway.get("/health").await.json();
        health["components"]["tls"].clone()
    };
    assert_eq!(health().await["status"], "healthy");
    let key = house.authority.folder().join("server.key");
    let good = fs::read(&key).unwrap();
    fs::write(&key, "nothing").unwrap();
    house.gateway.reaches(FAILED, 1.0).await;
    assert_eq!(certificate(&house).await, before);
    let told = health().await;
    assert_eq!(told["status"], "degraded");
    assert!(
        told["details"]["last_error"].as_str().unwrap().contains("server.key holds no private key"),
        "{told}"
    );
    assert!(house.gateway.log().contains("certificates are not replaced"));
    fs::write(&key, good).unwrap();
    house.gateway.reaches(DONE, 1.0).await;
    assert_eq!(health().await["status"], "healthy");
    assert_eq!(health().await["details"]["listeners"]["tls"]["names"], json!(["localhost", "127.0.0.1"]));
    assert_eq!(session.ask(&json!({ "action": "ping" })).await["message"], "pong");
    let left = house.gateway.metric("tidegate_tls_certificate_expiry_seconds{listener=\"tls\"}").await;
    assert!(left > 1e9, "the test's certificates are for a long time: {left}");
}
