//! Health, and what the host counts.

use serde_json::{Value, json};
use tidegate::web::HealthStatus;

use super::house::{House, hostile};

#[tokio::test]
async fn a_plugin_is_asked_for_its_health_and_what_it_says_counts() {
    for (place, deed, expected) in [
        ("none", "behave", HealthStatus::Healthy),
        ("health", "fail", HealthStatus::Unhealthy),
        ("health", "bad_json", HealthStatus::Unhealthy),
    ] {
        let house = House::start(vec![hostile("it", place, deed)]).await;
        house.plugins.ask("it").await;
        assert_eq!(house.info("it").status(), expected, "{place} {deed}");
    }
}

#[tokio::test]
async fn the_page_counts_hooks_and_failures() {
    let house = House::start(vec![hostile("it", "call", "fail")]).await;
    house.call("hostile", &Value::Null).await;
    assert_eq!(house.call("hostile_seen", &Value::Null).await, (true, json!([])));
    let page = house.page();
    for line in [
        "up{plugin=\"it\"} 1",
        "failures_total{plugin=\"it\"} 1",
        "panics_total{plugin=\"it\"} 0",
        "state{plugin=\"it\",state=\"started\"} 1",
        "state{plugin=\"it\",state=\"failed\"} 0",
        "hook_seconds_count{plugin=\"it\",hook=\"call\"} 2",
    ] {
        assert!(page.contains(&format!("tidegate_plugin_{line}\n")), "{line}: {page}");
    }
}
