//! What requests are answered with.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::{Message, Start};
use crate::frame::{Cursor, Posted, Timestamp};
use crate::identity::Refusal;

/// An answer to a request.
#[derive(Debug)]
pub enum Answer<'a> {
    /// To a ping, at that time.
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
    /// The session is not in the room; the text says why.
    NotJoined {
        /// Its name.
        room: &'a str,
        /// For people.
        why: &'a str,
    },
    /// The session has left the room.
    Left(&'a str),
    /// The session was not in the room.
    NotLeft(&'a str),
    /// To [`Request::JoinThose`](super::Request::JoinThose): how many entries it had.
    JoinedThose(usize),
    /// It gets events of these types and no others.
    Only(&'a [Cow<'a, str>]),
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
    /// How the gateway is.
    Status {
        /// Sessions that are open.
        connections: u64,
        /// For how long it has run.
        uptime: Duration,
        /// Messages that its clients have sent.
        messages: u64,
    },
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
        /// Where it goes on once it has lost its connection; none where no session does.
        start: Option<&'a Start>,
    },
    /// What was shown proves nothing, or not enough.
    Unproven {
        /// For people.
        why: &'a str,
        /// What is wrong with it; none: it holds, and its bearer may not have this session.
        refusal: Option<Refusal>,
    },
    /// It is not known yet who the session is by, which comes before all else.
    Unknown,
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
        /// What was called.
        name: &'a str,
        /// It has done what was asked.
        success: bool,
        /// For people.
        message: &'a str,
        /// JSON; may be empty.
        data: &'a [u8],
        /// Whether the client takes its answer in pieces, which have come before then.
        streamed: bool,
    },
    /// A piece of a plugin's answer.
    Part {
        /// What was called.
        name: &'a str,
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
    /// It asks more often than it may.
    Limited {
        /// For people.
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
