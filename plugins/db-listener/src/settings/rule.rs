//! A rule as the operator writes it.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::change::Kind;

/// What becomes of changes of a table, `[[plugins.<instance>.rule]]`.
#[derive(Debug, Clone, Deserialize)]
pub struct RuleSettings {
    /// Which table, or tables: `schema.table`.
    pub table: OneOrMore<String>,
    /// Which changes; all of rows if not given.
    #[serde(default = "any")]
    pub on: OneOrMore<On>,
    /// A predicate over the row; always if not given.
    #[serde(default)]
    pub when: Option<String>,
    /// The type of the event.
    pub event: String,
    /// The room, or rooms, as templates; none: everyone.
    #[serde(default)]
    pub room: Option<OneOrMore<String>>,
    /// What the event is about, as a template.
    #[serde(default)]
    pub key: Option<String>,
    /// The event's data, each text in it a template; the row if not given.
    #[serde(default)]
    pub data: Option<Value>,
    /// Columns that `{*}` leaves out.
    #[serde(default)]
    pub omit: Vec<String>,
    /// Whether rules after this one are looked at though this one holds.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
    /// At most one event in this time for each room and key, the first at once, the last one at its end.
    #[serde(default, deserialize_with = "some_duration")]
    pub coalesce: Option<Duration>,
    /// What the event tells, for the gateway's documents.
    #[serde(default)]
    pub summary: Option<String>,
    /// A JSON Schema of its data, which the gateway holds it against.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// Which changes a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// A row is new.
    Insert,
    /// A row is another.
    Update,
    /// A row is gone.
    Delete,
    /// All rows are gone.
    Truncate,
    /// Any of these.
    Any,
}

impl On {
    /// Whether it is about such changes.
    #[must_use]
    pub fn holds(self, kind: Kind) -> bool {
        match self {
            Self::Insert => kind == Kind::Insert,
            Self::Update => kind == Kind::Update,
            Self::Delete => kind == Kind::Delete,
            Self::Truncate => kind == Kind::Truncate,
            Self::Any => true,
        }
    }
}

/// One, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore<T> {
    /// One.
    One(T),
    /// A list.
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::More(more) => more.iter(),
        }
    }
}

fn any() -> OneOrMore<On> {
    OneOrMore::One(On::Any)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    super::duration(deserializer).map(Some)
}
