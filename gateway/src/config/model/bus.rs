//! Settings of where events of other processes come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// Where other processes publish events for the sessions here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Bus")]
pub struct Config {
    /// The URL of a Redis, as `redis://127.0.0.1:6379/0`, which may hold a password; left out: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Secret>,
    /// The channel there on which they publish envelopes of the dialect `topics`.
    pub channel: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { redis: None, channel: "ws_broadcast".into() }
    }
}
