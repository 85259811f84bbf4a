//! The plugin host, as the API sees it.

use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Declaration;
use crate::metrics::Family;

/// How a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// It works, and something is wrong.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// What a plugin last said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PluginHealth")]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Its own words.
    pub details: Value,
    /// When it said so: RFC 3339.
    pub checked_at: String,
}

/// A plugin, as lists show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Plugin")]
pub struct PluginInfo {
    /// The instance's name, its table's in the configuration.
    pub name: Arc<str>,
    /// The library's name, as its manifest says.
    pub plugin: Arc<str>,
    /// `loaded`, `started`, `stopping`, `stopped`, `failed` or `quarantined`.
    pub state: &'static str,
    /// The library's version.
    pub version: Arc<str>,
    /// The ABI it was built for, as `1.0`.
    pub abi: Arc<str>,
    /// Whether the gateway is not ready without it.
    pub critical: bool,
    /// How often it was started again after it failed.
    pub restarts: u64,
    /// Panics of its hooks.
    pub panics: u64,
    /// Requests and events that wait for its hooks.
    pub queued: usize,
    /// Bytes that it has given away and that are not released yet.
    pub given_away_bytes: usize,
    /// Why it failed, or did last time; else why the last event of its was refused.
    pub last_error: Option<String>,
    /// What it says of itself, where it was asked.
    pub health: Option<Health>,
}

impl PluginInfo {
    /// How it is: where it works by its own word; where not it is unhealthy, whoever stopped it.
    pub fn status(&self) -> HealthStatus {
        match (self.state, &self.health) {
            ("started", Some(said)) => said.status,
            ("started", None) => HealthStatus::Healthy,
            _ => HealthStatus::Unhealthy,
        }
    }
}

/// Why an order to a plugin was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is none of that name.
    #[error("Plugin '{0}' not found")]
    NotFound(String),
    /// Its state does not allow it.
    #[error("Plugin '{name}' is {state}")]
    State {
        /// The plugin.
        name: Arc<str>,
        /// Its state.
        state: &'static str,
    },
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// How an order goes.
pub type Outcome = Pin<Box<dyn Future<Output = Result<PluginInfo, AdminError>> + Send>>;

/// Lists the plugins and gives them orders.
pub trait PluginAdmin: Send + Sync {
    /// All that are configured, by name.
    fn list(&self) -> Vec<PluginInfo>;

    /// What those that run declare; the same [`Arc`] for as long as nothing about it changes.
    fn declared(&self) -> Vec<Arc<Declaration>>;

    /// Starts a plugin that is stopped or failed; one that is started stays so.
    fn start(&self, name: &str) -> Outcome;

    /// Stops a plugin; one that is stopped stays so.
    fn stop(&self, name: &str) -> Outcome;

    /// What is counted of the plugins, and what they count themselves.
    fn metrics(&self) -> Vec<Family>;
}
