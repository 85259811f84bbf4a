//! Health: what is wrong shows at once, readiness follows what is critical, and nobody waits for a check.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Gateway, Options, Signal, Socket};

fn start(options: Options) -> Gateway {
    options.set("shards=2").start(env!("CARGO_BIN_EXE_tidegate"))
}

/// With the critical plugin `bad`, which misbehaves in one place.
fn with_plugin(place: &str, deed: &str) -> Gateway {
    let program = std::env::current_exe().unwrap();
    let library: PathBuf = program.parent().unwrap().join("libtidegate_hostile.so");
    let settings =
        format!("plugins.bad={{path={library:?}, place=\"{place}\", deed=\"{deed}\", millis=100}}");
    start(Options::new().set(&settings))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn component(gateway: &Gateway, name: &str) -> Value {
    let answer = gateway.get(&format!("/health/components/{name}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Whether it is ready, and why not.
async fn ready(gateway: &Gateway) -> (bool, Vec<String>) {
    let answer = gateway.get("/health/ready").await;
    let body = answer.json();
    assert_eq!(keys(&body), ["critical_components", "ready", "reasons", "status", "timestamp"]);
    assert_eq!(answer.status, if body["ready"] == true { 200 } else { 503 });
    let reasons = body["reasons"].as_array().unwrap().iter().map(|why| why.as_str().unwrap().to_owned());
    (body["ready"] == true, reasons.collect())
}

/// A session in the room `system`.
async fn watcher(gateway: &Gateway) -> Socket {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let types = json!({ "event_types": ["health_changed"] });
    session.ask(&json!({ "action": "subscribe", "data": types })).await;
    assert_eq!(session.ask(&json!({ "action": "join", "room": "system" })).await["success"], true);
    session
}

async fn change(watcher: &mut Socket) -> Value {
    let event = watcher.next().await;
    assert_eq!((&event["event_type"], &event["source"]), (&json!("health_changed"), &json!("gateway")));
    event["data"].clone()
}

#[tokio::test]
async fn from_the_first_moment_everything_has_been_checked() {
    let gateway = start(Options::new());
    let health = gateway.get("/health/").await.json();
    assert_eq!(keys(&health), ["components", "status", "summary", "timestamp"]);
    assert_eq!(
        (&health["status"], &health["summary"]),
        (
            &json!("healthy"),
            &json!({ "total_components": 3, "healthy": 3, "degraded": 0, "unhealthy": 0, "unknown": 0 })
        )
    );
    assert_eq!(keys(&health["components"]), ["api", "hub", "store"]);
    let components = gateway.get("/health/components").await.json();
    assert_eq!(keys(&components), ["components_status", "last_checks", "total_components"]);
    assert_eq!(
        components["components_status"],
        json!({ "api": "healthy", "hub": "healthy", "store": "healthy" })
    );
    assert_eq!(components["total_components"], 3);
    for name in ["api", "hub", "store"] {
        let part = component(&gateway, name).await;
        let expected = [
            "consecutive_failures",
            "details",
            "failure_rate",
            "last_check",
            "last_healthy",
            "name",
            "status",
            "time_since_healthy",
        ];
        assert_eq!(keys(&part), expected);
        assert_eq!((&part["name"], &part["status"]), (&json!(name), &json!("healthy")));
        assert_eq!((&part["consecutive_failures"], &part["failure_rate"]), (&json!(0), &json!(0.0)));
        assert!(part["time_since_healthy"].as_f64().unwrap() < 60.0);
        assert!(components["last_checks"][name].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn a_component_that_there_is_not_is_404() {
    let gateway = start(Options::new());
    let missing = gateway.get("/health/components/kafka").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/problem+json")));
    assert_eq!(missing.json()["detail"], "Component 'kafka' not found");
}

#[tokio::test]
async fn a_critical_plugin_that_is_stopped_shows_at_once_and_is_told() {
    let gateway = with_plugin("none", "behave");
    let mut watcher = watcher(&gateway).await;
    assert_eq!(ready(&gateway).await, (true, vec![]));
    let asked = Instant::now();
    assert_eq!(gateway.post("/api/v1/plugins/bad/stop", &Value::Null).await.status, 200);
    let part = component(&gateway, "bad").await;
    assert_eq!((&part["status"], &part["details"]["state"]), (&json!("unhealthy"), &json!("stopped")));
    assert_eq!(part["consecutive_failures"].as_u64().unwrap().min(1), 1);
    assert_eq!(ready(&gateway).await, (false, vec!["bad: plugin 'bad' is stopped".to_owned()]));
    assert_eq!(gateway.get("/health").await.json()["status"], "unhealthy");
    let told = change(&mut watcher).await;
    assert_eq!(told, json!({ "component": "bad", "old_status": "healthy", "new_status": "unhealthy" }));

    assert_eq!(gateway.post("/api/v1/plugins/bad/start", &Value::Null).await.status, 200);
    assert_eq!(ready(&gateway).await, (true, vec![]));
    let told = change(&mut watcher).await;
    assert_eq!(told, json!({ "component": "bad", "old_status": "unhealthy", "new_status": "healthy" }));
    let part = component(&gateway, "bad").await;
    assert!(part["failure_rate"].as_f64().unwrap() > 0.0, "the failure is remembered: {part}");
    assert!(asked.elapsed() < Duration::from_secs(5), "before any check was due");
}

#[tokio::test]
async fn a_critical_plugin_that_does_not_start_keeps_the_gateway_from_being_ready() {
    let gateway = with_plugin("start", "fail");
    assert_eq!(ready(&gateway).await, (false, vec!["bad: plugin 'bad' is failed".to_owned()]));
    let part = component(&gateway, "bad").await;
    assert_eq!((&part["status"], &part["last_healthy"]), (&json!("unhealthy"), &Value::Null));
    assert_eq!(part["time_since_healthy"], Value::Null);
    assert!(part["details"]["last_error"].as_str().unwrap().contains("on purpose"));
    assert_eq!(gateway.get("/health/live").await.json(), json!({ "status": "alive" }));
}

#[tokio::test]
async fn what_a_plugin_says_of_itself_shows() {
    let gateway = with_plugin("health", "degraded");
    let part = component(&gateway, "bad").await;
    assert_eq!((&part["status"], &part["details"]["plugin"]), (&json!("degraded"), &json!({ "lag": 7 })));
    assert_eq!(gateway.get("/health").await.json()["status"], "degraded");
    assert_eq!(ready(&gateway).await, (true, vec![]), "it works");
}

#[tokio::test]
async fn a_plugin_that_says_it_does_not_work_is_down_though_it_runs() {
    let gateway = with_plugin("health", "fail");
    assert_eq!(
        ready(&gateway).await,
        (false, vec!["bad: plugin 'bad' says that it is unhealthy".to_owned()])
    );
    assert_eq!(component(&gateway, "bad").await["details"]["state"], "started");
}

#[tokio::test]
async fn a_store_that_cannot_write_shows_and_the_gateway_is_not_ready() {
    let gateway = start(Options::new().with_full_disk());
    let mut watcher = watcher(&gateway).await;
    assert_eq!(component(&gateway, "store").await["status"], "healthy");
    gateway.fill_disk();
    let told = change(&mut watcher).await;
    assert_eq!(told, json!({ "component": "store", "old_status": "healthy", "new_status": "unhealthy" }));
    let part = component(&gateway, "store").await;
    assert_eq!((&part["status"], &part["consecutive_failures"]), (&json!("unhealthy"), &json!(1)));
    assert!(part["details"]["error"].as_str().unwrap().starts_with("the store failed: "), "{part}");
    let (is_ready, reasons) = ready(&gateway).await;
    assert!(!is_ready && reasons[0].starts_with("store: the store failed: "), "{reasons:?}");
    assert!(part["last_healthy"].is_string() && part["time_since_healthy"].as_f64().unwrap() > 0.0);
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn while_draining_it_is_not_ready_and_its_api_is_degraded() {
    let gateway = start(Options::new().set("drain.notice=\"1h\""));
    let mut watcher = watcher(&gateway).await;
    gateway.signal(Signal::TERM);
    let told = loop {
        let _asked = component(&gateway, "api").await;
        if ready(&gateway).await.1 == ["draining"] {
            break change(&mut watcher).await;
        }
    };
    assert_eq!(told, json!({ "component": "api", "old_status": "healthy", "new_status": "degraded" }));
    assert_eq!(component(&gateway, "api").await["details"]["phase"], "draining");
    assert_eq!(gateway.get("/health").await.json()["status"], "degraded");
    gateway.signal(Signal::TERM);
}
