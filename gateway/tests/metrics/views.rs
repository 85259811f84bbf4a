//! The JSON views.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{event, gateway, members, page, publish};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn get(gateway: &Gateway, path: &str) -> Value {
    let answer = gateway.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Waits until so many samples have been taken.
async fn collected(gateway: &Gateway, count: u64) {
    let end = Instant::now() + Duration::from_secs(20);
    while get(gateway, "/metrics/statistics").await["collection_count"].as_u64().unwrap() < count {
        assert!(Instant::now() < end, "nothing is sampled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_window_is_a_positive_number_of_seconds() {
    let gateway = gateway();
    collected(&gateway, 1).await;
    for path in ["statistics", "rates", "trends/sessions", "aggregation/rooms"] {
        assert_eq!(gateway.get(&format!("/metrics/{path}?window=1000")).await.status, 200, "{path}");
        for bad in ["0", "-5", "1.5", "ten", ""] {
            let answer = gateway.get(&format!("/metrics/{path}?window={bad}")).await;
            assert_eq!(answer.status, 422, "{path} {bad}");
            assert_eq!(answer.json()["errors"][0]["loc"], json!(["query", "window"]));
        }
    }
}

#[tokio::test]
async fn statistics_hold_what_was_just_done() {
    let gateway = gateway();
    collected(&gateway, 1).await;
    let mut sessions = members(&gateway, "hall", 2).await;
    publish(&gateway, &event("hall", "alert_triggered")).await;
    for session in &mut sessions {
        session.next().await;
    }
    let all = get(&gateway, "/metrics/statistics").await;
    let expected = [
        "collection_count",
        "counters",
        "gauges",
        "last_collections",
        "time_series_aggregations",
        "timestamp",
        "uptime_seconds",
        "window_seconds",
    ];
    assert_eq!(keys(&all), expected);
    assert_eq!(
        (&all["counters"]["events_delivered_total"], &all["gauges"]["sessions"]),
        (&json!(2), &json!(2))
    );
    assert_eq!((&all["window_seconds"], all["uptime_seconds"].as_f64().unwrap() > 0.0), (&json!(60), true));
    assert_eq!(get(&gateway, "/metrics/statistics/?window=7").await["window_seconds"], 7);
    let list = get(&gateway, "/metrics/list").await;
    assert_eq!(keys(&list), ["metrics", "total_metrics"]);
    let names: Vec<&str> = list["metrics"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert_eq!(list["total_metrics"], names.len());
    for name in names {
        let kept = all["counters"].get(name).or(all["gauges"].get(name));
        assert!(kept.is_some() && all["last_collections"][name].is_string(), "{name}");
        let spread = &all["time_series_aggregations"][name];
        assert_eq!(keys(spread), ["avg", "count", "max", "min", "p50", "p95", "p99"]);
    }
}

#[tokio::test]
async fn rates_trends_and_aggregations_are_of_the_samples_of_each_second() {
    let gateway = gateway();
    collected(&gateway, 1).await;
    let mut sessions = members(&gateway, "hall", 1).await;
    for _ in 0..10 {
        publish(&gateway, &event("hall", "alert_triggered")).await;
        sessions[0].next().await;
    }
    collected(&gateway, 3).await;
    let rates = get(&gateway, "/metrics/rates").await;
    let rate = rates["events_delivered_total"].as_f64().unwrap();
    assert!(rate > 0.0 && rate <= 10.0, "{rate}");
    assert!(rates.get("sessions").is_none(), "counters alone");
    let trend = get(&gateway, "/metrics/trends/events_delivered_total").await;
    assert_eq!(keys(&trend), ["data_points", "direction", "slope", "window_seconds"]);
    assert_eq!((&trend["direction"], &trend["window_seconds"]), (&json!("increasing"), &json!(300)));
    assert!(trend["slope"].as_f64().unwrap() > 0.0 && trend["data_points"].as_u64().unwrap() >= 3);
    assert_eq!(get(&gateway, "/metrics/trends/slow_closes_total").await["direction"], "stable");
    let spread = get(&gateway, "/metrics/aggregation/sessions?window=100").await;
    assert_eq!((&spread["min"], &spread["max"], &spread["p99"]), (&json!(0), &json!(1), &json!(1)));
    assert!(spread["count"].as_u64().unwrap() >= 3);
    for path in ["trends/no_such", "aggregation/no_such"] {
        let missing = gateway.get(&format!("/metrics/{path}")).await;
        assert_eq!(missing.status, 404);
        assert_eq!(missing.json()["detail"], "No data available for metric 'no_such'");
    }
}

#[tokio::test]
async fn a_reset_is_the_views_alone() {
    let gateway = gateway();
    let mut sessions = members(&gateway, "hall", 3).await;
    let mut deliver = async || {
        publish(&gateway, &event("hall", "alert_triggered")).await;
        for session in &mut sessions {
            session.next().await;
        }
    };
    deliver().await;
    let done = gateway.request("POST", "/metrics/reset-counters", None).await;
    assert_eq!((done.status, done.json()), (200, json!({ "message": "All counters have been reset" })));
    let counters = async || get(&gateway, "/metrics/statistics").await["counters"].clone();
    assert_eq!(counters().await["events_delivered_total"], 0);
    deliver().await;
    assert_eq!(counters().await["events_delivered_total"], 3);
    assert_eq!(page(&gateway).await.sum("tidegate_events_delivered_total"), 6.0);
    assert_eq!(gateway.get("/ws/stats").await.json()["stats"]["metrics"]["total_messages_sent"], 6);
}

#[tokio::test]
async fn a_history_that_is_cleared_fills_again() {
    let gateway = gateway();
    collected(&gateway, 2).await;
    let done = gateway.request("POST", "/metrics/clear-history", None).await;
    let message = "All time-series history has been cleared";
    assert_eq!((done.status, done.json()), (200, json!({ "message": message })));
    let answer = gateway.get("/metrics/aggregation/sessions").await;
    let count = if answer.status == 404 { 0 } else { answer.json()["count"].as_u64().unwrap() };
    assert!(count <= 1, "the next sample may have been taken: {count}");
    let samples = get(&gateway, "/metrics/statistics").await["collection_count"].as_u64().unwrap();
    collected(&gateway, samples + 1).await;
    assert_eq!(gateway.get("/metrics/aggregation/sessions").await.status, 200);
}
