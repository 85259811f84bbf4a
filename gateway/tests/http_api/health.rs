//! Health, metrics and the root: by whatever path and method they are asked for.

use serde_json::json;

use crate::gateway;

#[tokio::test]
async fn the_root_says_what_this_is() {
    let root = gateway().get("/").await.json();
    assert_eq!((&root["name"], &root["status"]), (&json!("Tidegate"), &json!("operational")));
    assert_eq!(
        (&root["docs"], &root["health"], &root["metrics"]),
        (&json!("/docs"), &json!("/health"), &json!("/metrics"))
    );
    assert!(root["version"].is_string() && root.as_object().unwrap().len() == 6);
}

#[tokio::test]
async fn health_is_told_with_and_without_a_slash() {
    let gateway = gateway();
    assert_eq!(gateway.get("/health/live").await.json(), json!({ "status": "alive" }));
    for path in ["/health", "/health/"] {
        let health = gateway.get(path).await.json();
        assert_eq!((&health["status"], &health["summary"]["healthy"]), (&json!("healthy"), &json!(3)));
        assert_eq!(health["components"]["hub"]["status"], "healthy");
    }
    let ready = gateway.get("/health/ready/").await;
    assert_eq!(
        (ready.status, &ready.json()["ready"], &ready.json()["reasons"]),
        (200, &json!(true), &json!([]))
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let gateway = gateway();
    let page = gateway.get("/metrics/").await;
    assert!(page.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(name.starts_with("tidegate_"), "{line}");
    }
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right_and_head_is_like_get() {
    let gateway = gateway();
    let wrong = gateway.request("PUT", "/ws/broadcast", Some("{}")).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    assert_eq!(gateway.request("POST", "/health/", None).await.header("allow"), Some("GET, HEAD"));
    let head = gateway.request("HEAD", "/health/live", None).await;
    assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (200, "", Some("18")));
    let missing = gateway.get("/nowhere").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/problem+json")));
    assert!(missing.header("x-request-id").is_some());
    let problem = missing.json();
    for key in ["type", "title", "status", "detail"] {
        assert!(problem.get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn while_draining_it_is_not_ready_and_still_serves() {
    let gateway = crate::start(testkit::Options::new().set("drain.notice=\"30s\""));
    gateway.signal(testkit::Signal::TERM);
    let ready = loop {
        let ready = gateway.get("/health/ready").await;
        if ready.status == 503 {
            break ready.json();
        }
    };
    assert_eq!((&ready["ready"], &ready["reasons"]), (&json!(false), &json!(["draining"])));
    assert_eq!(gateway.get("/health/live").await.status, 200);
    assert!(gateway.try_connect("/ws", &[]).await.is_ok());
}
