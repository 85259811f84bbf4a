//! Settings of the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Log")]
pub struct Config {
    /// The least important level that is logged: `error`, `warn`, `info`, `debug`, `trace`, `off`; for parts of the
    /// program also as `"info,tidegate::hub=debug"`.
    pub level: String,
    /// How a line looks.
    pub format: Format,
}

impl Default for Config {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For collectors: a JSON object per line.
    Json,
}
