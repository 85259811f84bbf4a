//! Settings of tokens that are called back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// Tokens that are called back (`POST /api/v1/tokens/revoke`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Revocations")]
pub struct Config {
    /// For how long one is known at least: as long as tokens live. Of a token that is shown meanwhile it is known until
    /// that token expires, however long that is.
    pub keep: Period,
    /// How many there may be at a time; past it a further one is refused, and none is dropped.
    pub entries: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep: Period::seconds(30 * 24 * 60 * 60), entries: 100_000 }
    }
}
