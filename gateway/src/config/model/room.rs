//! Settings of the rooms whose names start alike.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::units::Period;

/// A rule for the rooms whose names start with `prefix`. A setting that it leaves out has its default, not that of a
/// shorter prefix: a rule says all that holds for its rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RoomRule")]
pub struct Config {
    /// The start of the rooms' names; empty: every room.
    pub prefix: String,
    /// Which sessions may join.
    pub join: Access,
    /// Which sessions may publish.
    pub publish: Access,
    /// Which sessions may see who is in.
    pub presence: Access,
    /// What is kept of the events, for members that were away.
    pub history: History,
    /// Which events those get who join without a cursor: what is so shown holds for `history.ttl` too.
    pub cache: Cache,
    /// Whether its members are told who comes and leaves, by `member_joined`, `member_left` and `members_changed`, which are in
    /// no history.
    pub join_leave: bool,
    /// Whether it is kept how far the user of a `user:<id>` room has got (the request `ack`): whoever comes back gets what
    /// came after that, from wherever. Needs `history`.
    pub inbox: bool,
    /// What happens where more waits for a member that reads too slowly than may (`limits.backlog_per_session`,
    /// `limits.backlog_total`).
    pub slow: Slow,
    /// What a member may choose instead for itself, when it joins (`data.slow`).
    pub slow_choice: Vec<Slow>,
    /// Members at one time; 0: no limit.
    pub max_members: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            join: Access::Anyone,
            publish: Access::Anyone,
            presence: Access::Authenticated,
            history: History::default(),
            cache: Cache::default(),
            join_leave: false,
            inbox: false,
            slow: Slow::default(),
            slow_choice: Vec::new(),
            max_members: 0,
        }
    }
}

/// Which sessions may do a thing in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// `anyone`: every session.
    #[default]
    Anyone,
    /// `authenticated`: whoever has shown who it is.
    Authenticated,
    /// `owner`: the user whose id follows the rule's prefix in the room's name, as `ada` in `user:ada`.
    Owner,
    /// `role:<role>`: who has this role.
    Role(String),
    /// `claim:<claim>`: whose token has this claim; where that is a list, it must name the room, whole, by what follows
    /// the prefix, or by a pattern as `news:*`.
    Claim(String),
    /// `nobody`: no session, only plugins and the API.
    Nobody,
}

impl FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once(':') {
            None if text == "anyone" => Self::Anyone,
            None if text == "authenticated" => Self::Authenticated,
            None if text == "owner" => Self::Owner,
            None if text == "nobody" => Self::Nobody,
            Some(("role", role)) if !role.is_empty() => Self::Role(role.to_owned()),
            Some(("claim", claim)) if !claim.is_empty() => Self::Claim(claim.to_owned()),
            _ => {
                return Err(format!(
                    "{text:?} is not known here; there is: anyone, authenticated, owner, role:<role>, claim:<claim>, \
                     nobody"
                ));
            }
        })
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Authenticated => f.write_str("authenticated"),
            Self::Owner => f.write_str("owner"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Claim(claim) => write!(f, "claim:{claim}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Access {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Access {
    fn schema_name() -> Cow<'static, str> {
        "Access".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(anyone|authenticated|owner|nobody|role:.+|claim:.+)$" })
    }
}

/// What is kept of a room's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Events that are kept; 0: none.
    pub size: u32,
    /// For how long an event is kept, and the room's cursor after its last event and member; zero: no end.
    pub ttl: Period,
    /// Whether that outlives the process: kept in a log in the data directory, and published once it is written there.
    pub durable: bool,
    /// When an event of a durable room is synced to the disk.
    pub fsync: Fsync,
}

/// How safe an event of a durable room is when its publisher is answered, and others get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HistoryFsync")]
pub enum Fsync {
    /// It is on the disk: a crash of the machine loses nothing.
    Always,
    /// It outlives the process, and is on the disk within a second: after a crash of the machine the room has another epoch.
    #[default]
    Interval,
    /// It outlives the process, and is on the disk when the system likes.
    Os,
}

/// What a room shows who joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// Nothing.
    #[default]
    None,
    /// The last event.
    Last,
    /// The last event of each key, 1,000 and 1 MiB at most; one whose data is null takes its key out. Those without a key
    /// are one more.
    LastPerKey,
}

/// What happens to a member whose backlog is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slow {
    /// Its session is closed with code 1013, and can come back where it was if the room keeps history.
    #[default]
    Disconnect,
    /// The events of the room that have waited longest are dropped, and a `gap` event tells it in their place which.
    DropOldest,
    /// Of what waits of the room only the newest event of each `key` stays, and the newest without one; a `gap` event
    /// before them tells which are missing.
    Latest,
    /// What waits of the room is dropped, and read again from its history, at the member's own pace; needs `history`. A
    /// `gap` event tells what the history no longer has.
    CatchUp,
}
