//! The page in both formats.

use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::{Options, exchange, request};

use super::exposition::Page;
use crate::{event, gateway, members, page, publish, start};

/// What the page has at least, as the text format calls it, and its kind.
const LEAST: [(&str, &str); 38] = [
    ("tidegate_connections", "gauge"),
    ("tidegate_connections_opened_total", "counter"),
    ("tidegate_connections_closed_total", "counter"),
    ("tidegate_connections_refused_total", "counter"),
    ("tidegate_sessions", "gauge"),
    ("tidegate_sessions_opened_total", "counter"),
    ("tidegate_sessions_closed_total", "counter"),
    ("tidegate_rooms", "gauge"),
    ("tidegate_members", "gauge"),
    ("tidegate_events_published_total", "counter"),
    ("tidegate_events_delivered_total", "counter"),
    ("tidegate_events_dropped_total", "counter"),
    ("tidegate_publishes_busy_total", "counter"),
    ("tidegate_history_appends_total", "counter"),
    ("tidegate_recoveries_total", "counter"),
    ("tidegate_sent_bytes_total", "counter"),
    ("tidegate_received_bytes_total", "counter"),
    ("tidegate_publish_to_socket_seconds", "histogram"),
    ("tidegate_fan_out_seconds", "histogram"),
    ("tidegate_fan_out_sessions", "histogram"),
    ("tidegate_backlog_bytes", "gauge"),
    ("tidegate_backlog_frames", "gauge"),
    ("tidegate_slow_closes_total", "counter"),
    ("tidegate_mailbox_bytes", "gauge"),
    ("tidegate_loop_lag_seconds", "histogram"),
    ("tidegate_handshake_failures_total", "counter"),
    ("tidegate_auth_failures_total", "counter"),
    ("tidegate_plugin_state", "gauge"),
    ("tidegate_plugin_queue", "gauge"),
    ("tidegate_plugin_hook_seconds", "histogram"),
    ("tidegate_plugin_restarts_total", "counter"),
    ("tidegate_plugin_panics_total", "counter"),
    ("tidegate_plugin_failures_total", "counter"),
    ("tidegate_process_cpu_seconds_total", "counter"),
    ("tidegate_process_resident_memory_bytes", "gauge"),
    ("tidegate_process_open_fds", "gauge"),
    ("tidegate_http_answers_total", "counter"),
    ("tidegate_http_panics_total", "counter"),
];

#[tokio::test]
async fn both_formats_are_what_a_strict_reader_takes_and_say_the_same() {
    let program = std::env::current_exe().unwrap();
    let library: PathBuf = program.parent().unwrap().join("libtidegate_echo.so");
    let gateway = start(Options::new().set(&format!("plugins.echo={{path={library:?}}}")));
    let mut sessions = members(&gateway, "news:sport", 4).await;
    publish(&gateway, &event("news:sport", "alert_triggered")).await;
    for session in &mut sessions {
        session.next().await;
    }
    gateway.reaches("tidegate_publish_to_socket_seconds_count{room_class=\"news:*\"}", 2.0).await;
    assert_eq!(gateway.post("/echo/r", &json!([1])).await.status, 200);

    let plain = gateway.get("/metrics").await;
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = Page::text(&plain.body);
    let asked =
        request("GET", "/metrics/", &[("Accept", "application/openmetrics-text;version=1.0.0")], None);
    let answer = exchange(gateway.address(), &asked).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    let open = Page::openmetrics(&answer.body);

    for (name, kind) in LEAST {
        assert_eq!(text.kinds.get(name).map(String::as_str), Some(kind), "{name}");
        let bare = name.strip_suffix("_total").unwrap_or(name);
        assert_eq!(open.kinds.get(bare).map(String::as_str), Some(kind), "{bare}");
    }
    assert_eq!(text.kinds.len(), open.kinds.len());
    for name in
        ["tidegate_events_delivered_total", "tidegate_publish_to_socket_seconds_count", "tidegate_rooms"]
    {
        assert_eq!(text.sum(name), open.sum(name), "{name}");
    }
    let states = |state| text.value("tidegate_plugin_state", &[("plugin", "echo"), ("state", state)]);
    assert_eq!((states("started"), states("failed")), (1.0, 0.0));
    let hook = [("plugin", "echo"), ("hook", "http")];
    assert_eq!(text.value("tidegate_plugin_hook_seconds_count", &hook), 1.0);
    assert!(text.kinds.keys().all(|name| name.starts_with("tidegate_")));
}

#[tokio::test]
async fn no_name_of_a_room_a_session_or_a_path_is_a_label() {
    let gateway = gateway();
    assert_eq!(gateway.metric("tidegate_sessions{dialect=\"rooms\"}").await, 0.0, "before there is any");
    let _sessions = members(&gateway, "news:private-4711", 2).await;
    let _named = gateway.connect("/ws?client_id=someone-4711").await;
    publish(&gateway, &event("news:private-4711", "alert_triggered")).await;
    publish(&gateway, &event("other-4711", "alert_triggered")).await;
    assert_eq!(gateway.get("/nowhere-4711").await.status, 404);
    let unknown = gateway.post("/api/v1/publish", &event("r", "type-4711")).await;
    assert!(unknown.status >= 400);
    assert_eq!(gateway.get("/metrics/trends/metric-4711").await.status, 404);
    let page = page(&gateway).await;
    assert_eq!(page.label_values().iter().find(|text| text.contains("4711")), None);
    let classes = page.label_values().into_iter().filter(|text| text.ends_with('*')).collect::<Vec<_>>();
    assert_eq!(classes, ["*", "news:*"]);
}

#[tokio::test]
async fn counters_never_go_back_when_a_plugin_starts_again() {
    let program = std::env::current_exe().unwrap();
    let library: PathBuf = program.parent().unwrap().join("libtidegate_echo.so");
    let gateway = start(Options::new().set(&format!("plugins.echo={{path={library:?}}}")));
    for _ in 0..2 {
        assert_eq!(gateway.post("/echo/r", &json!([1])).await.status, 200);
        assert_eq!(gateway.post("/api/v1/plugins/echo/stop", &Value::Null).await.status, 200);
        assert_eq!(gateway.post("/api/v1/plugins/echo/start", &Value::Null).await.status, 200);
    }
    let hook = [("plugin", "echo"), ("hook", "http")];
    assert_eq!(page(&gateway).await.value("tidegate_plugin_hook_seconds_count", &hook), 2.0);
}
