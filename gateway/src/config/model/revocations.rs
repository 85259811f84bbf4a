//! Settings of tokens that are called back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// Tokens that are called back (`POST /api/v1/tokens/revoke`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Revocations")]
pub struct Config {
    /// For how long one is known. Zero: as long as the tokens that it may name can live, which is what the profiles'
    /// `max_age` say, and for ever where one says nothing. In any case until every token that was shown meanwhile has
    /// expired.
    pub keep: Period,
    /// How many there may be at a time; past it a further one is refused, and none is dropped.
    pub entries: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep: Period::seconds(0), entries: 100_000 }
    }
}
