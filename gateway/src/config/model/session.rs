//! Settings of an endpoint: a path where sessions begin.

mod socketio;
mod stream;
mod topics;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::envelope;
use crate::units::{Period, Rate, Size};
use crate::web::Location;

pub use socketio::{Greeting, SocketIo};
pub use stream::Stream;
pub use topics::Topics;

/// The text that sessions are greeted with where nobody chose another.
const WELCOME: &str = "Connected to Tidegate";
/// The room of a user.
const OWN_ROOM: &str = "user:{user_id}";

/// A path where sessions begin, and what holds for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Endpoint")]
pub struct Config {
    /// The path, from its slash.
    pub path: String,
    /// Whether it has any path of its listener, which has no other endpoint then, in place of `path`.
    pub any: bool,
    /// The name of the listener that it is at; left out: all that serve endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// What carries the frames.
    pub transport: Transport,
    /// What the frames mean.
    pub dialect: Dialect,
    /// The authentication profile (`[auth.<profile>]`) that says who a client is.
    pub auth: String,
    /// How a client is told that it is not let in.
    pub refuse: Refuse,
    /// The text that a session is greeted with.
    pub welcome: String,
    /// Rooms that a session is in from its start. `{user_id}` stands for the user; a session without user is not put
    /// into such a room.
    pub auto_join: Vec<String>,
    /// Origins of the web pages that may connect, compared exactly; `"*"` is any. Empty: pages of this gateway's own
    /// origin and those of `cors.origins`.
    pub origins: Vec<String>,
    /// How it is found that a client is gone.
    pub heartbeat: Heartbeat,
    /// After how long a session that sends no request is closed; zero: never.
    pub idle_timeout: Period,
    /// Sessions at one time; 0: no limit. One more is answered with 503 or, where `refuse = "close"`, closed with 1013.
    pub max_sessions: u32,
    /// Whether its sessions get the events that are published without a room.
    pub broadcasts: bool,
    /// The longest message that a client may send here; left out: `limits.message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Size>,
    /// Whether clients that offer it (permessage-deflate, RFC 7692) may send compressed messages and are sent such. An
    /// event is compressed once for all who get it.
    pub compression: bool,
    /// Messages to them of fewer bytes go as they are.
    pub compress_from: Size,
    /// What else holds with `dialect = "topics"`.
    pub topics: Topics,
    /// What else holds with `dialect = "stream"`.
    pub stream: Stream,
    /// Of the dialect `envelope`; left out: its defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<envelope::Config>,
    /// What else holds with `dialect = "socketio"`.
    pub socketio: SocketIo,
}

impl Config {
    /// Those that there are where none is named: one way in for each kind of client.
    pub fn usual() -> Vec<Self> {
        let at = |path: &str, transport| Self { path: path.into(), transport, ..Self::default() };
        vec![at("/ws", Transport::WebSocket), at("/events", Transport::Sse), at("/poll", Transport::Poll)]
    }

    /// Where it is.
    pub fn location(&self) -> Location {
        let path = if self.any { Location::ANY } else { &self.path };
        Location { listener: self.listener.as_deref().map(Into::into), path: path.into() }
    }

    /// How many messages each user may send, where that is limited by its dialect.
    pub fn rate_per_user(&self) -> Option<Rate> {
        (self.dialect == Dialect::Envelope).then(|| self.envelope.clone().unwrap_or_default().rate)
    }

    /// The rooms that its sessions are in from their start: those of `auto_join`, and those that its dialect has for them.
    pub fn first_rooms(&self) -> Vec<String> {
        let mut rooms = self.auto_join.clone();
        // What is for a user reaches all of its sessions there.
        let own = (self.dialect == Dialect::Topics).then_some(OWN_ROOM);
        rooms.extend(own.filter(|own| !rooms.iter().any(|room| room == own)).map(str::to_owned));
        rooms
    }

    /// The role of those whose token names none.
    pub fn usual_role(&self) -> Option<&str> {
        let role = (self.dialect == Dialect::Topics).then_some(self.topics.role.as_str());
        role.filter(|role| !role.is_empty())
    }

    /// The text that its sessions are greeted with: that of the dialect, where nobody chose one.
    pub fn greeting(&self) -> &str {
        match self.dialect {
            Dialect::Stream if self.welcome == WELCOME => "Connected to Active Immune Core Event Stream",
            _ => &self.welcome,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: String::new(),
            any: false,
            listener: None,
            transport: Transport::WebSocket,
            dialect: Dialect::Rooms,
            auth: "default".into(),
            refuse: Refuse::Status,
            welcome: WELCOME.into(),
            auto_join: Vec::new(),
            origins: Vec::new(),
            heartbeat: Heartbeat::default(),
            idle_timeout: Period::default(),
            max_sessions: 0,
            broadcasts: true,
            message: None,
            compression: false,
            compress_from: Size(512),
            topics: Topics::default(),
            stream: Stream::default(),
            envelope: None,
            socketio: SocketIo::default(),
        }
    }
}

/// How a client is told that it is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Refuse {
    /// By an HTTP status, before the upgrade.
    #[default]
    Status,
    /// By close code 1008 after it, as browsers show scripts no status.
    Close,
}

/// What carries the frames of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 6455.
    #[default]
    WebSocket,
    /// Engine.IO 4: polls, WebSocket, and the change from the one to the other.
    EngineIo,
    /// Events over HTTP, as `text/event-stream`; clients only listen.
    Sse,
    /// Events over HTTP, an answer at a time; no session lives between two.
    Poll,
}

/// What the frames of a session mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// JSON requests and events; sessions join rooms.
    #[default]
    Rooms,
    /// JSON envelopes of seven keys; topics are rooms.
    Topics,
    /// Events of the types that a client names.
    Stream,
    /// Typed messages in envelopes; chat messages are the call `chat` of a plugin.
    Envelope,
    /// Every message comes back as it was sent: for protocol suites.
    Echo,
    /// Socket.IO 5, over `engineio`.
    SocketIo,
}

/// How it is found that a client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Heartbeat {
    /// How often the server pings.
    pub interval: Period,
    /// After how long without any frame from the client its session is closed; longer than `interval`.
    pub timeout: Period,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: Period::seconds(25), timeout: Period::seconds(60) }
    }
}
