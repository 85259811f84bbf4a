//! How plugins say that they are.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Plugins;
use super::queue::Task;
use super::requests::Waiting;
use super::shared::{Shared, State};
use crate::frame::Timestamp;
use crate::web::{Health, HealthStatus};

/// How long an answer may take: less than whoever asks waits, so that it is the plugin that is told to be slow.
const PATIENCE: Duration = Duration::from_millis(2500);

/// What a plugin says of itself.
#[derive(Deserialize)]
struct Said {
    status: HealthStatus,
    #[serde(default)]
    details: Value,
}

impl Plugins {
    /// Asks a plugin how it is, if it works and can be asked; what it says is in its [`info`](Self::info) then.
    pub async fn ask(&self, name: &str) {
        let last = self.find(name).and_then(|entry| entry.last.lock().clone());
        if let Some(shared) = last.filter(|shared| shared.has_health() && shared.state() == State::Started) {
            ask(&shared).await;
        }
    }
}

pub(super) async fn ask(shared: &Arc<Shared>) {
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
