//! What rooms whose rule has `join_leave` tell of their members.

use schemars::JsonSchema;
use serde::Serialize;

use crate::hub::Present;

/// A session came into the room, or says something else of itself than before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "room": "agents", "connection_id": "ws_b24d33ea36ef", "user_id": "u-17", "info": { "name": "Ada" },
    "first": true, "count": 8
}]))]
pub struct MemberJoined<'a> {
    /// The room.
    pub room: &'a str,
    /// Who.
    #[serde(flatten)]
    pub came: Came,
    /// Sessions in the room now.
    pub count: usize,
}

/// A session left the room.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "room": "agents", "connection_id": "ws_b24d33ea36ef", "user_id": "u-17", "info": { "name": "Ada" },
    "last": true, "count": 7
}]))]
pub struct MemberLeft<'a> {
    /// The room.
    pub room: &'a str,
    /// Who.
    #[serde(flatten)]
    pub left: Left,
    /// Sessions in the room now.
    pub count: usize,
}

/// Many came into the room or left it within a moment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "room": "agents", "count": 1207, "joined_count": 112, "left_count": 1,
    "joined": [{ "connection_id": "ws_b24d33ea36ef", "user_id": "u-17", "info": null, "first": true }],
    "left": [{ "connection_id": "ws_0a1b2c3d4e5f", "user_id": null, "info": null, "last": true }]
}]))]
pub struct MembersChanged<'a> {
    /// The room.
    pub room: &'a str,
    /// Sessions in the room now.
    pub count: usize,
    /// How many came.
    pub joined_count: usize,
    /// How many left.
    pub left_count: usize,
    /// Some of those who came: 50 at most, and fewer where they say much of themselves.
    pub joined: Vec<Came>,
    /// Some of those who left.
    pub left: Vec<Left>,
}

/// A session that came.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberCame")]
pub struct Came {
    /// Who.
    #[serde(flatten)]
    pub member: Present,
    /// It is the first of its user in the room, or has none; false where it was there before.
    pub first: bool,
}

/// A session that left.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGone")]
pub struct Left {
    /// Who.
    #[serde(flatten)]
    pub member: Present,
    /// It was the last of its user in the room, or had none.
    pub last: bool,
}
