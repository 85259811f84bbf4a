//! Settings of an endpoint whose dialect is `stream`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What concerns the dialect `stream`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "StreamSettings")]
pub struct Stream {
    /// The event types of clients that name none. They are known, whether any plugin declares them or not.
    pub events: Vec<String>,
}

impl Default for Stream {
    fn default() -> Self {
        let events = [
            "cytokine",
            "hormone",
            "agent_state",
            "threat_detection",
            "clone_creation",
            "homeostatic_state",
            "system_health",
        ];
        Self { events: events.map(str::to_owned).to_vec() }
    }
}
