//! Health, what the host counts, and what it hands on.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tidegate::frame::Posted;
use tidegate::hub::Follow;
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
    for line in [
        "up{plugin=\"it\"} 1",
        "failures_total{plugin=\"it\"} 1",
        "panics_total{plugin=\"it\"} 0",
        "state{plugin=\"it\",state=\"started\"} 1",
        "state{plugin=\"it\",state=\"failed\"} 0",
        "hook_seconds_count{plugin=\"it\",hook=\"call\"} 2",
    ] {
        // A hook's time is counted when it has returned, which may be behind its answer.
        let line = format!("tidegate_plugin_{line}\n");
        house.until(&line, async || house.page().contains(&line)).await;
    }
}

/// Keeps what it is offered.
#[derive(Default)]
struct Follower(Mutex<Vec<Arc<Posted>>>);

impl Follow for Follower {
    fn offer(&self, posted: &Arc<Posted>) {
        self.0.lock().unwrap().push(Arc::clone(posted));
    }
}

#[tokio::test]
async fn an_event_has_the_tags_that_its_plugin_gives_it() {
    let house = House::start(vec![hostile("it", "call", "behave")]).await;
    let follower = Arc::<Follower>::default();
    house.hub.follow(&["hostile_out".to_owned()], Arc::clone(&follower) as Arc<dyn Follow>);
    house.call("hostile", &Value::Null).await;
    let offered = follower.0.lock().unwrap();
    let tags: Vec<_> = offered[0].tags.iter().flat_map(|tags| tags.iter()).collect();
    assert_eq!(tags, [("by", "hostile")]);
}
