//! Settings of an endpoint whose dialect is `envelope`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Rate;

/// What holds for sessions that speak in envelopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Envelope")]
pub struct Config {
    /// Whether each answer comes in pieces; else only where the message asks for that (`metadata.stream`).
    pub stream: bool,
    /// Messages that one user may send in any stretch of that time, over all sessions here, with no burst beside it; a
    /// session without user counts by itself, and what is refused does not count. `"0"`: no limit. 10,000 at most, as each is
    /// remembered.
    pub rate: Rate,
}

impl Default for Config {
    fn default() -> Self {
        Self { stream: false, rate: Rate::per_minute(60) }
    }
}
