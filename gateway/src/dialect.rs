//! Dialects: what a client's frames mean. A dialect turns frames into requests, and answers into frames; it
//! holds no rooms and no behaviour. Events have their own encoders ([`Encode`](crate::frame::Encode)), which the
//! hub runs once per form.

mod echo;
pub mod rooms;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

pub use echo::Echo;
pub use rooms::{Rooms, RoomsFrame};

use crate::frame::{Cursor, Form, Posted, Since, Timestamp};

/// What is told who may not read what a room keeps, whether there is such a room or not.
pub const NO_READING: &str = "Not allowed to read what this room keeps";

/// What a client is answered that acknowledges what is another's.
pub const NOT_ITS_INBOX: &str = "Only its user may acknowledge events of an inbox";

/// What is told who may not see who is in a room, whether there is such a room or not.
pub const NO_PRESENCE: &str = "Not allowed to see who is in this room";

/// A client's frame, its fragments put together.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The payload; UTF-8 where `text`.
    pub payload: &'a [u8],
    /// A text frame, not a binary one.
    pub text: bool,
}

/// A request, and what its answer has to bear.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The client's own mark: JSON, given back as it came.
    pub id: Option<&'a RawValue>,
    /// What it wants.
    pub request: Request<'a>,
}

/// What clients can want.
#[derive(Debug)]
pub enum Request<'a> {
    /// Is anybody there?
    Ping,
    /// To be in a room.
    Join {
        /// Its name; none where the frame has none.
        room: Option<Cow<'a, str>>,
        /// From where on.
        since: Since,
        /// What it says of itself for others to see: an object.
        info: Option<&'a RawValue>,
        /// What is to happen where it is too slow for the room's events.
        slow: Option<Slow>,
    },
    /// To be in a room no longer.
    Leave(Option<Cow<'a, str>>),
    /// To get only some of the events.
    Subscribe {
        /// These event types, and of all others only those subscribed to before.
        types: Vec<Cow<'a, str>>,
        /// What events have to be like besides; empty: nothing; none: what it was before.
        criterion: Option<Cow<'a, str>>,
    },
    /// To get these event types no longer.
    Unsubscribe(Vec<Cow<'a, str>>),
    /// What the gateway knows of the session.
    Info,
    /// To publish an event.
    Publish(Publish<'a>),
    /// Who is in a room.
    Presence {
        /// Its name; none where the frame has none.
        room: Option<Cow<'a, str>>,
        /// How many members to leave out.
        skip: usize,
        /// How many to show.
        limit: usize,
    },
    /// Events that a room keeps.
    History {
        /// Its name; none where the frame has none.
        room: Option<Cow<'a, str>>,
        /// After which one; none: all that are kept.
        since: Option<Cursor>,
        /// How many to show.
        limit: usize,
        /// The newest first.
        reverse: bool,
    },
    /// To have it kept how far its user has got in its inbox.
    Ack {
        /// Its name; none where the frame has none.
        room: Option<Cow<'a, str>>,
        /// The last event that was taken care of.
        cursor: Cursor,
    },
    /// What a room's events have come to.
    State(Option<Cow<'a, str>>),
    /// Something that a plugin may have declared.
    Call {
        /// In lower case.
        name: String,
        /// The room that it is about; none where the frame has none.
        room: Option<Cow<'a, str>>,
        /// JSON; `null` where there was none.
        data: &'a RawValue,
    },
    /// To go on with another token.
    Auth {
        /// As it came.
        token: Cow<'a, str>,
    },
    /// To have the call with the same id stopped.
    Cancel,
    /// To get the frame back.
    Echo,
}

/// What a client wants where it is too slow for a room's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SlowPolicy")]
pub enum Slow {
    /// To be disconnected.
    Disconnect,
    /// To miss those that have waited longest, and to be told which.
    DropOldest,
    /// To get the newest of each key, and to be told how many are missing.
    Latest,
    /// To read them again from the room's history.
    CatchUp,
}

/// An event that a client wants to publish.
#[derive(Debug)]
pub struct Publish<'a> {
    /// Where to; none where the frame has none.
    pub room: Option<Cow<'a, str>>,
    /// What happened.
    pub event_type: Cow<'a, str>,
    /// JSON, as it came.
    pub data: &'a RawValue,
    /// What it is about.
    pub key: Option<Cow<'a, str>>,
}

/// An answer to a request.
#[derive(Debug)]
pub enum Answer<'a> {
    /// To [`Request::Ping`], at that time.
    Pong(Timestamp),
    /// The session is in the room.
    Joined {
        /// Its name.
        room: &'a str,
        /// Events follow this one.
        cursor: Cursor,
        /// Whether nothing is missing since the cursor that was asked for, where one was.
        recovered: Option<bool>,
    },
    /// The session has left the room.
    Left(&'a str),
    /// The session was not in the room.
    NotLeft(&'a str),
    /// Subscribed.
    Subscribed {
        /// To these, as they were sent.
        types: &'a [Cow<'a, str>],
        /// What events have to be like besides, in its normal form, where the request says it.
        criterion: Option<Arc<str>>,
    },
    /// What events were to be like cannot be read: what is wrong, and where. Nothing has changed.
    BadCriterion(String),
    /// Unsubscribed from these, as they were sent.
    Unsubscribed(&'a [Cow<'a, str>]),
    /// These event types are not known; nothing has changed.
    UnknownTypes(Vec<&'a str>),
    /// What the gateway knows of the session.
    Info(&'a Info),
    /// The event has its place.
    Published {
        /// The room's name.
        room: &'a str,
        /// The event's place.
        cursor: Cursor,
    },
    /// Who is in the room.
    Presence {
        /// Its name.
        room: &'a str,
        /// How many there are, in `members` or not.
        count: usize,
        /// Those that were asked for.
        members: &'a [Member],
    },
    /// Events that the room keeps.
    History {
        /// Its name.
        room: &'a str,
        /// Its last event.
        cursor: Cursor,
        /// Whether nothing is missing since the cursor that was asked for, where one was.
        recovered: Option<bool>,
        /// Those that were asked for.
        events: &'a [Arc<Posted>],
        /// There are more of them.
        more: bool,
    },
    /// What the room's events have come to.
    State {
        /// Its name.
        room: &'a str,
        /// Its last event.
        cursor: Cursor,
        /// The last of each key, or the last of all.
        events: &'a [Arc<Posted>],
    },
    /// It is kept how far the user has got in its inbox.
    Acknowledged {
        /// The room's name.
        room: &'a str,
        /// How far: never less than before.
        cursor: Cursor,
    },
    /// The session goes on with another token.
    Authenticated {
        /// Whose it is.
        user_id: Option<&'a str>,
        /// In which roles.
        roles: &'a [Arc<str>],
        /// When it ceases to hold.
        expires_at: Option<Timestamp>,
    },
    /// A room's name was missing or empty.
    RoomRequired,
    /// Nobody declares a call of this name.
    UnknownAction {
        /// In lower case.
        name: &'a str,
        /// Calls of plugins that there are.
        calls: &'a [Arc<str>],
    },
    /// What a plugin answered.
    Call {
        /// It has done what was asked.
        success: bool,
        /// For people.
        message: &'a str,
        /// JSON; may be empty.
        data: &'a [u8],
    },
    /// A piece of a plugin's answer.
    Part {
        /// Counts from 0.
        seq: u64,
        /// JSON.
        data: &'a [u8],
    },
    /// The call was stopped.
    Cancelled,
    /// Not done; the text says why.
    Refused(&'a str),
    /// Not now; try again.
    Busy {
        /// Why.
        message: &'a str,
        /// Milliseconds to wait.
        retry_after_ms: u64,
    },
    /// The client's frame.
    Echo(Message<'a>),
}

/// What the gateway knows of a session.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SessionInfo")]
pub struct Info {
    /// The id that it was told.
    pub connection_id: Arc<str>,
    /// How it came.
    pub metadata: Metadata,
    /// Who authenticated.
    pub user_id: Option<Arc<str>>,
    /// In which roles.
    pub roles: Vec<Arc<str>>,
    /// The named rooms that it is in.
    pub rooms: Vec<Arc<str>>,
    /// What it lets through; empty: everything.
    pub subscriptions: Vec<Arc<str>>,
    /// What events have to be like besides; left out where they need not be like anything.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub criterion: Option<Arc<str>>,
    /// What its socket has not taken yet.
    pub backlog: Backlog,
}

/// A session in a room, as others see it.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Member {
    /// Its id.
    pub connection_id: Arc<str>,
    /// Who authenticated.
    pub user_id: Option<Arc<str>>,
    /// What its token says for others to see, and what it said when it joined.
    #[serde(serialize_with = "crate::frame::json::raw")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub info: Option<Arc<str>>,
}

/// How a session came.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Metadata {
    /// RFC 3339.
    pub connected_at: String,
    /// The id that it asked for.
    pub client_id: Option<Arc<str>>,
}

/// What a socket has not taken yet.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Backlog {
    /// Frames, whole or in part.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// What a session is greeted with.
#[derive(Debug)]
pub struct Welcome<'a> {
    /// The session's id.
    pub connection_id: &'a str,
    /// The id that the client asked for, where another session has it.
    pub taken: Option<&'a str>,
    /// The endpoint's text.
    pub message: &'a str,
    /// Now.
    pub timestamp: Timestamp,
    /// Seconds between pings.
    pub heartbeat: u64,
    /// Who authenticated.
    pub user_id: Option<&'a str>,
}

/// Why a frame is no request.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not the dialect's syntax at all.
    #[error("Invalid JSON format")]
    Syntax,
    /// Not of the right shape: which field, and what was expected.
    #[error("Error processing message: {0}")]
    Shape(String),
}

/// A wire that clients speak.
pub trait Dialect {
    /// Its name in configuration and metrics.
    fn name(&self) -> &'static str;

    /// The form of its events; none where it takes none.
    fn form(&self) -> Option<Form>;

    /// Whether a client may show who it is in a frame ([`Request::Auth`]).
    fn takes_tokens(&self) -> bool;

    /// What a frame wants.
    ///
    /// # Errors
    /// [`Malformed`], and with it the frame's id where that could be read.
    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, (Option<&'a RawValue>, Malformed)>;

    /// The data of the event that greets a session, with its type and source; none where it is not greeted.
    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Greeting>;

    /// Appends the frame of an answer to `out`.
    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>);

    /// Appends the frame that answers a frame which is no request.
    fn malformed(&self, id: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>);
}

/// The event that greets a session.
#[derive(Debug)]
pub struct Greeting {
    /// Its type.
    pub event_type: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// JSON.
    pub data: Vec<u8>,
}
