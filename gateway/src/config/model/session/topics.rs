//! Settings of an endpoint whose dialect is `topics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What concerns the dialect `topics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TopicsSettings")]
pub struct Topics {
    /// The role of those whose token names none; empty: they have none.
    pub role: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self { role: "LEVEL_1".into() }
    }
}
