//! What other threads want of a session, and what a session says of itself.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::frame::{Cursor, Event, Posted};

/// An order to one session, carried out on its shard.
pub enum Order {
    /// End the session.
    Close(Cause),
    /// Leave a room; answers whether the session was in it.
    Leave(Arc<str>, oneshot::Sender<bool>),
    /// An event for this session alone.
    Send(Event),
    /// Events that a room shows who joins it, as somebody else has put the session there.
    Show(Vec<Arc<Posted>>),
    /// What members of a room were told of each other behind the first cursor, up to the other, has not come to the session:
    /// it was reading from history.
    Unheard(Arc<str>, Cursor, Cursor),
    /// What the session says of itself, to whoever asks.
    Describe(Box<dyn FnOnce(SessionInfo) + Send>),
}

/// Why somebody other than its client ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By the API: an operator or a plugin closed it.
    Administrator,
    /// Its user has opened another, and may have no more.
    Displaced,
    /// A plugin wants it so.
    Plugin {
        /// The close code.
        code: u16,
        /// The text beside it.
        reason: Arc<str>,
    },
    /// The gateway stops; the client may come back after so many milliseconds.
    Drain {
        /// A hint, jittered so that clients do not come back all at once.
        retry_after_ms: u64,
    },
}

/// A session, as lists show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub struct SessionInfo {
    /// The id that the client was told.
    pub connection_id: Arc<str>,
    /// Who authenticated, if anyone.
    pub user_id: Option<Arc<str>>,
    /// The endpoint's path.
    pub endpoint: Arc<str>,
    /// What its frames mean, as `rooms`.
    pub dialect: &'static str,
    /// RFC 3339.
    pub connected_at: String,
    /// The shard that it lives on.
    pub shard: usize,
    /// The named rooms that it is in.
    pub rooms: Vec<Arc<str>>,
    /// The event types that it lets through; empty: all.
    pub subscriptions: Vec<Arc<str>>,
    /// What events have to be like besides; left out where they need not be like anything.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub criterion: Option<Arc<str>>,
    /// What its socket has not taken yet.
    pub backlog: Backlog,
}

/// What a session could not take yet.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Backlog {
    /// Frames, whole or in part.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Close(_) => "Close",
            Self::Leave(..) => "Leave",
            Self::Send(_) => "Send",
            Self::Show(_) => "Show",
            Self::Unheard(..) => "Unheard",
            Self::Describe(_) => "Describe",
        })
    }
}
