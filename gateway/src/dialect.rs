//! Dialects: what a client's frames mean. A dialect turns frames into requests, and answers into frames; it
//! holds no rooms and no behaviour. Events have their own encoders ([`Encode`](crate::frame::Encode)), which the
//! hub runs once per form.

mod answer;
mod echo;
pub mod envelope;
pub mod rooms;
pub mod socketio;
pub mod stream;
pub mod topics;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

pub use answer::{Answer, Backlog, Info, Member, Metadata};
pub use echo::Echo;
pub use envelope::{Envelope, EnvelopeFrame};
pub use rooms::{Events, EventsFrame, Rooms, RoomsFrame};
pub use stream::{Stream, StreamFrame};
pub use topics::{Topics, TopicsFrame};

use crate::frame::{Bookmark, Cursor, Form, Since, Timestamp};
use crate::transport::close::CloseReason;

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
    pub id: Option<Cow<'a, RawValue>>,
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
    /// To be in these rooms, from now on: in those of them that it may be in. One answer, whatever comes of it.
    JoinThose {
        /// Their names.
        rooms: Vec<Cow<'a, str>>,
        /// How many entries the request has, names or not.
        entries: usize,
    },
    /// To be in these rooms no longer, but for those that are its own. No answer.
    LeaveThose(Vec<Cow<'a, str>>),
    /// To get events of these types and no others from now on; none: no events at all.
    Only(Vec<Cow<'a, str>>),
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
    /// How the gateway is.
    Status,
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
        data: Cow<'a, RawValue>,
        /// Whether the client takes its answer in pieces, too.
        streamed: bool,
    },
    /// To go on with another token.
    Auth {
        /// As it came.
        token: Cow<'a, str>,
    },
    /// To have the call with the same id stopped.
    Cancel,
    /// To begin, by a token or, without, by what the request that opened the connection has shown. What a client has begun
    /// and ended may begin again.
    Enter {
        /// As it came.
        token: Option<Cow<'a, str>>,
        /// Where it was when it lost its connection, if it wants to go on from there.
        before: Option<Before>,
    },
    /// To be in no room any more, and to get nothing: what [`Enter`](Self::Enter) has begun ends. No answer.
    Exit,
    /// To get the frame back.
    Echo,
    /// Nothing: the client is there, and gets no answer.
    Nothing,
}

impl Request<'_> {
    /// Whether it may come before it is known who the client is.
    pub fn is_for_strangers(&self) -> bool {
        matches!(self, Self::Auth { .. } | Self::Enter { .. } | Self::Exit | Self::Nothing)
    }
}

/// Where a client was when it lost its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The rooms that it was in.
    pub rooms: Vec<Arc<str>>,
    /// How far it had got in those that keep history.
    pub reached: Bookmark,
}

/// Where a client begins that can go on when it has lost its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// It is where it was [`Before`], and gets what it has missed.
    pub recovered: bool,
    /// How far it has got in its rooms that keep history.
    pub reached: Bookmark,
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
    /// The event types that it gets and no others, where its handshake has said so.
    pub only: Option<&'a [Arc<str>]>,
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
    /// Well-formed, of a type that nothing is done with.
    #[error("Unknown type: {0}")]
    Unknown(String),
    /// Nothing that could follow it would make sense: the session ends, for this reason.
    #[error("{0}")]
    Broken(&'static str),
}

/// A frame that is no request, and its id, where that could be read.
pub type Undecoded<'a> = (Option<Cow<'a, RawValue>>, Malformed);

/// A wire that clients speak: what its frames mean, and what frames answers and events become.
pub trait Dialect {
    /// Its name in configuration and metrics.
    fn name(&self) -> &'static str;

    /// The form of its events; none where it takes none.
    fn form(&self) -> Option<Form>;

    /// Whether a client may show who it is in a frame ([`Request::Auth`]).
    fn takes_tokens(&self) -> bool;

    /// Whether a session begins when its client says so ([`Request::Enter`]), and not with its connection.
    fn is_entered(&self) -> bool {
        false
    }

    /// Whether a client that has lost its connection goes on where it was ([`Before`]), which
    /// [`reached`](Self::reached) tells it.
    fn recovers(&self) -> bool {
        false
    }

    /// What tells a client where it is: how far it has got, and in these rooms. None where that is its transport's to tell.
    fn reached(&self, _reached: &Bookmark, _rooms: &[Arc<str>]) -> Option<Vec<u8>> {
        None
    }

    /// Whether a client whose proof was refused may try again.
    fn forgives(&self) -> bool {
        false
    }

    /// What speaks for one session, where the dialect has to remember something of it; none where one serves all.
    fn for_session(&self, _connection_id: &str) -> Option<Rc<dyn Dialect>> {
        None
    }

    /// The id of one more session, where it is not for the client or the gateway to choose one.
    fn session_id(&self) -> Option<Arc<str>> {
        None
    }

    /// Whether a session is greeted before it is known who it is by.
    fn greets_strangers(&self) -> bool {
        true
    }

    /// Whether a client of whom nobody knows who it is has to show that in its first frame: any other ends the session.
    fn asks_first(&self) -> bool {
        false
    }

    /// Whether who shows a token has to be a user by it.
    fn needs_user(&self) -> bool {
        false
    }

    /// Whether whom the endpoint does not let in is let in to be told why in a frame, whatever the endpoint says of that:
    /// in [`Answer::Unproven`], or by [`farewell`](Self::farewell).
    fn tells_refusals(&self) -> bool {
        false
    }

    /// Whether a plugin's answer comes before that to the next request, too. A request that asks only whether somebody is
    /// there does not wait for a long one.
    fn answers_in_order(&self) -> bool {
        false
    }

    /// Whether a plugin is asked for a client of whom it is not known who it is.
    fn strangers_call(&self) -> bool {
        true
    }

    /// Whether something may be published to all sessions of this dialect, and to no others.
    fn has_audience(&self) -> bool {
        false
    }

    /// The event types that a session gets from its start, and no others, by the query of its handshake; none: all.
    fn first_types(&self, _query: Option<&str>) -> Option<Vec<Arc<str>>> {
        None
    }

    /// What a frame wants.
    ///
    /// # Errors
    /// [`Malformed`], and with it the frame's id where that could be read.
    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>>;

    /// What greets a session; none where nothing does.
    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice>;

    /// What goes out beside each heartbeat of the transport.
    fn pulse(&self, _now: Timestamp) -> Option<Notice> {
        None
    }

    /// What warns a client: its session ends for this reason, or will.
    fn farewell(&self, _reason: &CloseReason) -> Warning {
        Warning::Event
    }

    /// The code and the text that a session is closed with.
    fn last_words(&self, reason: &CloseReason) -> (u16, Cow<'static, str>) {
        (reason.code(), reason.reason())
    }

    /// Appends the frame of an answer to `out`.
    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>);

    /// Appends the frame that answers a frame which is no request.
    fn malformed(&self, id: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>);
}

/// What a dialect says to one session of its own accord.
#[derive(Debug)]
pub enum Notice {
    /// An event, which gets the frame that others of the dialect get.
    Event {
        /// Its type, which the gateway knows.
        event_type: &'static str,
        /// Who says so.
        source: &'static str,
        /// JSON.
        data: Vec<u8>,
    },
    /// A frame.
    Frame(Vec<u8>),
}

/// What comes before a close that the gateway decides.
#[derive(Debug)]
pub enum Warning {
    /// The event `disconnected`.
    Event,
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing.
    None,
}
