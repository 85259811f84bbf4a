//! The figures, sampled every second and told to the room `system` now and then.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::api::Sources;
use crate::frame::{Event, Timestamp};
use crate::hub::Hub;
use crate::hub::own::MetricsUpdated;
use crate::metrics::Views;

/// Between two samples of the JSON views.
const SAMPLE: Duration = Duration::from_secs(1);

/// Samples all figures; never ends.
pub(super) async fn sample(sources: Sources, views: Arc<Views>) {
    let mut ticks = interval_at(Instant::now(), SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        views.sample(&sources.families());
    }
}

/// Publishes `metrics_updated` each `every`, which is not zero; never ends.
pub(super) async fn publish(hub: Arc<Hub>, every: Duration) {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(kind) = hub.types().find("metrics_updated") else { continue };
        let data = json!(gauges(&hub)).to_string().into();
        let event = Event::new(kind, data, "gateway".into(), Timestamp::now());
        if let Err(error) = hub.publish(&["system"], &event) {
            tracing::warn!(%error, "metrics_updated was not published");
        }
    }
}

/// Those of the Prometheus page, by their names there without the prefix.
fn gauges(hub: &Hub) -> MetricsUpdated {
    let metrics = hub.metrics();
    let census = hub.census();
    let (opened, closed) = (metrics.connections.opened.get(), metrics.connections.closed.sum());
    let mailboxes: Vec<usize> = hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).collect();
    MetricsUpdated {
        connections: opened.saturating_sub(closed),
        sessions: hub.directory().len(),
        rooms: census.rooms,
        members: census.members,
        mailbox_bytes: mailboxes,
    }
}
