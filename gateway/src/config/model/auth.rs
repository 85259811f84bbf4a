//! Settings of an authentication profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A profile, by which endpoints and the API know who a client is.
///
/// A new profile is safe by default; the built-in one, `default`, is anonymous, so that a gateway on a
/// developer's machine works at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "AuthProfile")]
pub struct Config {
    /// Whether a client that shows nothing is a principal without user, with every scope. Without it such a client
    /// is refused.
    pub anonymous: bool,
}
