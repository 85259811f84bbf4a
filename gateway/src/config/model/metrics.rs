//! Settings of what the gateway tells about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// What the gateway tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Metrics")]
pub struct Config {
    /// How often the gauges are published to the room `system` as `metrics_updated`; zero: never.
    pub publish: Period,
}
