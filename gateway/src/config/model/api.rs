//! Settings of the HTTP API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Api")]
pub struct Config {
    /// The authentication profile (`[auth.<profile>]`) that gives requests their scopes.
    pub auth: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { auth: "default".into() }
    }
}
