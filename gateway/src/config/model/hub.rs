//! Settings of the way from a publisher to the sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Size;

/// The way of events to the sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Hub")]
pub struct Config {
    /// What may wait for one shard, of which a room may have a quarter. Past it publishing answers "busy", so that a
    /// flood is slowed down where it begins.
    pub mailbox: Size,
    /// What the histories of all rooms may hold in memory. Past it the oldest events of the node go: those of durable rooms
    /// are read from the disk then, and of other rooms the history reaches back less far.
    pub history: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { mailbox: Size::mib(64), history: Size::mib(256) }
    }
}
