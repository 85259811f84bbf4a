//! How plugins say that they are: asked in the background, so that no request for it waits.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Plugins;
use super::queue::Task;
use super::requests::Waiting;
use super::shared::{Shared, State};
use crate::frame::Timestamp;
use crate::web::{Health, HealthStatus};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(5);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a plugin says of itself.
#[derive(Deserialize)]
struct Said {
    status: HealthStatus,
    #[serde(default)]
    details: Value,
}

/// Asks all plugins, again and again, as long as they are there.
pub(super) async fn watch(plugins: Weak<Plugins>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(plugins) = plugins.upgrade() else { return };
        // Side by side: one that hangs must not make the others' old.
        for shared in plugins.instances() {
            if shared.has_health() && shared.state() == State::Started {
                tokio::spawn(async move { ask(&shared).await });
            }
        }
    }
}

async fn ask(shared: &Arc<Shared>) {
    let (sender, answer) = oneshot::channel();
    let Some(number) = shared.requests.insert(Waiting::Health(sender)) else { return };
    if shared.queue.offer(Task::Health(number)).is_err() {
        shared.requests.cancel(number);
    }
    let (status, details) = match timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(json))) => match serde_json::from_slice::<Said>(&json) {
            Ok(said) => (said.status, said.details),
            Err(error) => unhealthy(&format!("what it says of its health does not read: {error}")),
        },
        Ok(Ok(Err(why))) => unhealthy(&why),
        Ok(Err(_)) => unhealthy("its queue is full"),
        Err(_) => {
            shared.requests.cancel(number);
            unhealthy("it does not answer")
        }
    };
    shared.note_health(Health { status, details, checked_at: Timestamp::now().to_string() });
}

fn unhealthy(why: &str) -> (HealthStatus, Value) {
    (HealthStatus::Unhealthy, json!({ "error": why }))
}
