//! Settings of the audit log.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The audit log: who connected, was refused, joined, published over HTTP, revoked, started a plugin, changed the
/// configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Audit")]
pub struct Config {
    /// The file that it is written to, a JSON object per line, which only the gateway's user may read; empty:
    /// nowhere. It is opened anew on SIGHUP.
    pub file: PathBuf,
}
