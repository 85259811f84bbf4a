//! Events: those that a plugin publishes, and those that it follows.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::Result;

/// Text of an event: constants cost nothing.
type Text = Cow<'static, str>;

/// Where an event stands in its room. Offsets grow within an epoch and do not compare across two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Another one when the room's past was lost.
    pub epoch: String,
    /// Grows.
    pub offset: u64,
}

/// That an event is as safe as its rooms promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// One cursor for each room of the event in order; one for an event without a room.
    pub cursors: Vec<Cursor>,
}

/// An event to publish.
///
/// ```
/// use tidegate_plugin::Event;
/// # fn main() -> tidegate_plugin::Result<()> {
/// let event = Event::new("agent_created").room("agents").key("a1").data(&serde_json::json!({"agent_id": "a1"}))?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) rooms: Vec<Text>,
    pub(crate) kind: Text,
    pub(crate) source: Text,
    pub(crate) key: Text,
    pub(crate) id: Text,
    pub(crate) tags: Vec<(Text, Text)>,
    pub(crate) data: Bytes,
    pub(crate) time: i64,
    pub(crate) origin: Text,
}

impl Event {
    /// An event of a type that the manifest (or `declare`) names, for every session that takes broadcasts until a
    /// [`room`](Event::room) is given; its data is `null`.
    pub fn new(kind: impl Into<Text>) -> Self {
        Self {
            rooms: Vec::new(),
            kind: kind.into(),
            source: Text::default(),
            key: Text::default(),
            id: Text::default(),
            tags: Vec::new(),
            data: Bytes::from_static(b"null"),
            time: 0,
            origin: Text::default(),
        }
    }

    /// Adds a room that it goes to; a user is `user:<id>`, a role `role:<r>`.
    #[must_use]
    pub fn room(mut self, room: impl Into<Text>) -> Self {
        self.rooms.push(room.into());
        self
    }

    /// Who says so; the instance's name if not given.
    #[must_use]
    pub fn source(mut self, source: impl Into<Text>) -> Self {
        self.source = source.into();
        self
    }

    /// What it is about, for rooms that keep the newest per key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Text>) -> Self {
        self.key = key.into();
        self
    }

    /// Makes it idempotent: published again with that id, it is sent once.
    #[must_use]
    pub fn id(mut self, id: impl Into<Text>) -> Self {
        self.id = id.into();
        self
    }

    /// Adds a tag for filters.
    #[must_use]
    pub fn tag(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }

    /// When it happened, in milliseconds since 1970; when it is taken if not given.
    #[must_use]
    pub fn time(mut self, time: i64) -> Self {
        self.time = time;
        self
    }

    /// The source's own position, at most 512 bytes: frames show it.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<Text>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Its data.
    ///
    /// # Errors
    /// Where `data` cannot be JSON (a map whose keys are no text).
    pub fn data<T: Serialize + ?Sized>(self, data: &T) -> Result<Self> {
        let json = serde_json::to_vec(data)?;
        Ok(self.raw(json))
    }

    /// Its data as JSON that is there already; the gateway checks it, and nobody copies it.
    #[must_use]
    pub fn raw(mut self, json: impl Into<Bytes>) -> Self {
        self.data = json.into();
        self
    }
}

/// An event of a room that the plugin follows.
#[derive(Debug, Clone)]
pub struct FollowedEvent {
    /// Its room; empty: published to everyone.
    pub room: String,
    /// Its type.
    pub kind: String,
    /// Who says so.
    pub source: String,
    /// What it is about; empty: not said.
    pub key: String,
    /// Its idempotence id; empty: none.
    pub id: String,
    /// For filters.
    pub tags: Vec<(String, String)>,
    /// Milliseconds since 1970.
    pub time: i64,
    /// Where it stands in its room.
    pub cursor: Cursor,
    /// One JSON value. The event counts as waiting until this is dropped, so keep a copy rather than the buffer.
    pub data: Bytes,
}

impl FollowedEvent {
    /// Its data.
    ///
    /// # Errors
    /// Where it has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.data)?)
    }
}

/// Events of a followed room that were not handed over, because the plugin fell behind.
#[derive(Debug, Clone)]
pub struct Gap {
    /// The room.
    pub room: String,
    /// How many; `None`: not known.
    pub count: Option<u64>,
    /// The last that was handed over; offset 0: none.
    pub after: Cursor,
    /// The last that was not: what follows comes after it.
    pub until: Cursor,
}
