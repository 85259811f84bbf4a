//! What a listener serves, and what browsers are told of it.

use testkit::{Answer, Gateway, Options, exchange, request};

use crate::start;

/// A listener for each part.
fn parted() -> Gateway {
    let part = |part: &str| format!("{{name=\"{part}\", address=\"127.0.0.1:0\", serves=[\"{part}\"]}}");
    let parts = ["endpoints", "plugins", "api", "metrics", "admin"].map(part).join(", ");
    start(Options::new().set(&format!("listener=[{parts}]")))
}

async fn ask(gateway: &Gateway, listener: usize, method: &str, path: &str) -> Answer {
    exchange(gateway.addresses()[listener], &request(method, path, &[], None)).await
}

#[tokio::test]
async fn each_listener_serves_its_own_part_alone() {
    let gateway = parted();
    for (method, path, there) in [
        ("GET", "/ws", 0),
        ("GET", "/", 2),
        ("GET", "/api/v1/rooms", 2),
        ("POST", "/api/v1/publish", 2),
        ("POST", "/ws/broadcast", 2),
        ("GET", "/ws/stats", 2),
        ("GET", "/openapi.json", 2),
        ("GET", "/docs", 2),
        ("GET", "/metrics/", 3),
        ("GET", "/metrics/list", 3),
        ("POST", "/metrics/reset-counters", 3),
        ("POST", "/admin/reload", 4),
    ] {
        for listener in 0..5 {
            let answer = ask(&gateway, listener, method, path).await;
            assert_eq!(answer.status != 404, listener == there, "{path} at {listener}: {}", answer.status);
            if listener != there {
                let nowhere = ask(&gateway, listener, method, "/nowhere").await;
                assert_eq!(answer.body, nowhere.body);
            }
        }
    }
    for listener in 0..5 {
        let well = ask(&gateway, listener, "GET", "/health/live").await.status;
        assert_eq!(well, if [2, 3].contains(&listener) { 200 } else { 404 }, "{listener}");
    }
}

#[tokio::test]
async fn the_documents_name_no_listener_that_is_for_operators_alone() {
    let gateway = parted();
    let document = ask(&gateway, 2, "GET", "/openapi.json").await.body;
    for (listener, address) in gateway.addresses().iter().enumerate() {
        assert_eq!(document.contains(&address.to_string()), listener < 3, "{listener}");
    }
}

#[tokio::test]
async fn an_endpoint_takes_sessions_where_it_is_served() {
    let gateway = parted();
    assert_eq!(gateway.connect("/ws").await.next().await["event_type"].is_string(), true);
    let handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for listener in 1..5 {
        assert_eq!(exchange(gateway.addresses()[listener], handshake.as_bytes()).await.status, 404);
    }
}

#[tokio::test]
async fn every_answer_bears_the_headers_that_protect_a_browser() {
    let gateway = start(Options::new());
    for (status, method, path) in [
        (200, "GET", "/"),
        (200, "GET", "/docs"),
        (200, "GET", "/docs/main.js"),
        (200, "GET", "/metrics"),
        (404, "GET", "/nowhere"),
        (405, "DELETE", "/health"),
        (422, "POST", "/api/v1/publish"),
        (405, "TRACE", "/"),
    ] {
        let answer = gateway.request(method, path, None).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), None, "{path}");
        assert_eq!(answer.header("x-frame-options"), (path == "/docs").then_some("DENY"), "{path}");
    }
    let policy = gateway.get("/docs").await;
    assert!(policy.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "its own");
    assert_eq!(gateway.get("/api/v1/rooms").await.header("cache-control"), Some("no-store"));
    let unknown =
        exchange(gateway.address(), &request("POST", "/ws/broadcast", &[("Host", "x.example")], None)).await;
    assert_eq!((unknown.status, unknown.header("cache-control")), (401, Some("no-store")));
}
