//! The plugin's settings.

use serde::Deserialize;

/// The settings, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// How many tasks are kept: for one more, the oldest that has ended is forgotten.
    pub(crate) max_tasks: usize,
    /// How many proposals are kept: for one more, the oldest that is decided is forgotten.
    pub(crate) max_proposals: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_tasks: 100_000, max_proposals: 100_000 }
    }
}
