//! Limits that only count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which limits of a table only count what they would refuse: none, all, or those that are named, as `["per_room"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected true, false, or a list of limits' names, such as [\"per_session\"]")]
pub enum DryRun {
    /// None of them, or all.
    All(bool),
    /// Those of these names.
    Named(Vec<String>),
}

impl Default for DryRun {
    fn default() -> Self {
        Self::All(false)
    }
}

impl DryRun {
    /// Whether the limit of this name only counts.
    pub fn holds(&self, limit: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Named(names) => names.iter().any(|name| name == limit),
        }
    }
}
