//! Pages of other origins: what they may read, and what they may not do.

use serde_json::json;
use testkit::{Options, Refused, exchange, request};

use crate::{gateway, start};

const LISTED: &str = "https://app.example";

fn options() -> Options {
    Options::new().set("cors.origins=[\"https://app.example\"]")
}

#[tokio::test]
async fn a_handshake_of_an_unlisted_origin_is_403() {
    let gateway = start(options());
    let own = format!("http://{}", gateway.address());
    for (origin, expected) in [
        (LISTED, None),
        (own.as_str(), None),
        ("https://evil.example", Some(Refused(403))),
        ("null", Some(Refused(403))),
    ] {
        let outcome = gateway.try_connect("/ws", &[("origin", origin)]).await;
        assert_eq!(outcome.err(), expected, "{origin}");
    }
    assert!(gateway.try_connect("/ws", &[]).await.is_ok());
}

#[tokio::test]
async fn a_simple_post_of_an_unlisted_origin_changes_nothing() {
    let gateway = start(options());
    let body = json!({ "event_type": "alert_triggered", "data": {} }).to_string();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let post = |origin| request("POST", "/ws/broadcast", &[("Origin", origin)], Some(&body));
    let refused = exchange(gateway.address(), &post("https://evil.example")).await;
    assert_eq!(refused.status, 403);
    let taken = exchange(gateway.address(), &post(LISTED)).await;
    assert_eq!((taken.status, taken.json()["sent_count"].as_u64()), (200, Some(1)));
    assert_eq!(taken.header("access-control-allow-origin"), Some(LISTED));
}

#[tokio::test]
async fn preflights_and_errors_are_readable_by_listed_pages() {
    let gateway = start(options());
    let ask = async |method, path, body| {
        let bytes = request(method, path, &[("Origin", LISTED)], body);
        exchange(gateway.address(), &bytes).await
    };
    for (method, path, status) in [
        ("OPTIONS", "/ws/broadcast", 200),
        ("OPTIONS", "/nowhere", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/health", 405),
        ("POST", "/ws/broadcast", 422),
    ] {
        let answer = ask(method, path, None).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(LISTED), "{method} {path}");
    }
    let plain = request("OPTIONS", "/health", &[], None);
    assert_eq!(exchange(gateway.address(), &plain).await.status, 405);
}

#[tokio::test]
async fn under_a_foreign_host_a_request_has_no_rights() {
    let gateway = start(Options::new().set("listener.0.hosts=[\"gateway.example\"]"));
    let ask = async |host, path| {
        exchange(gateway.address(), &request("GET", path, &[("Host", host)], None)).await.status
    };
    assert_eq!(ask("rebound.example", "/api/v1/rooms").await, 401);
    assert_eq!(ask("rebound.example", "/health").await, 200);
    assert_eq!(ask("gateway.example:80", "/api/v1/rooms").await, 200);
    assert_eq!(gateway.try_connect("/ws", &[("host", "rebound.example")]).await.err(), Some(Refused(401)));
}

#[tokio::test]
async fn a_token_that_nothing_can_verify_is_refused_where_rights_are_needed() {
    let gateway = gateway();
    let bearer = [("Authorization", "Bearer x.y.z")];
    let ask = async |path| exchange(gateway.address(), &request("GET", path, &bearer, None)).await;
    let refused = ask("/api/v1/rooms").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
    assert_eq!(ask("/ws/stats").await.status, 200);
    assert_eq!(gateway.get("/api/v1/rooms?token=x").await.status, 401);
    assert!(!gateway.log().contains("x.y.z"));
}
