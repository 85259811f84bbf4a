//! Settings of the rooms whose names start alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// A rule for the rooms whose names start with `prefix`. A setting that it leaves out has its default, not that of a
/// shorter prefix: a rule says all that holds for its rooms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RoomRule")]
pub struct Config {
    /// The start of the rooms' names; empty: every room.
    pub prefix: String,
    /// Which sessions may join.
    pub join: Access,
    /// Which sessions may publish.
    pub publish: Access,
    /// What is kept of the events, for members that were away.
    pub history: History,
    /// What happens to a member that reads too slowly.
    pub slow: Slow,
    /// Members at one time; 0: no limit.
    pub max_members: u32,
}

/// Which sessions may do a thing in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Every session.
    #[default]
    Anyone,
    /// No session: only plugins and the API.
    Nobody,
}

/// What is kept of a room's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Events that are kept; 0: none.
    pub size: u32,
    /// For how long an event is kept, and the room's cursor after its last event and member; zero: no end.
    pub ttl: Period,
}

/// What happens to a member whose backlog is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slow {
    /// Its session is closed with code 1013, and can come back where it was if the room keeps history.
    #[default]
    Disconnect,
}
