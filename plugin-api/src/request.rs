//! What requests have in common: who asks, whether anybody still waits, and streams.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use crate::abi::{self, Status};
use crate::error::check;
use crate::{Host, Result};

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// `None`: anonymous.
    pub user: Option<String>,
    /// Its roles.
    pub roles: Vec<String>,
    /// Its permissions, also called scopes.
    pub permissions: Vec<String>,
}

impl Principal {
    /// Whether it has that role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }

    /// Whether it has that permission.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|p| p == permission)
    }
}

/// A session's number: one that is gone is an error, never another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session(pub(crate) abi::Session);

/// Something in the life of a session.
#[derive(Debug, Clone)]
pub struct SessionEvent {
    /// What happened.
    pub moment: Moment,
    /// To whom.
    pub session: Session,
    /// The session's name for people.
    pub connection_id: String,
    /// The path of its endpoint.
    pub endpoint: String,
    /// Whose session it is.
    pub principal: Principal,
    /// Milliseconds since 1970.
    pub time: i64,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// It is there.
    Open,
    /// It joined that room.
    Join(String),
    /// It left that room.
    Leave(String),
    /// It is gone.
    Close {
        /// The close code.
        code: u32,
        /// The close reason.
        reason: String,
    },
}

/// What the host has told of a request since it came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signal {
    /// Nobody waits for the answer any more.
    pub(crate) cancelled: bool,
    /// How often its stream was resumed.
    pub(crate) resumed: u64,
}

/// Whether anybody still waits for the answer. A handler is never stopped in the middle: it asks, or waits for this beside
/// what it waits for.
#[derive(Clone)]
pub struct Cancelled(pub(crate) watch::Receiver<Signal>);

impl Cancelled {
    /// Whether nobody waits any more.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.borrow().cancelled
    }

    /// Ends when nobody waits any more; never for a request that was answered.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|signal| signal.cancelled).await.is_err() {
            std::future::pending().await
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.is_set()).finish()
    }
}

/// The pieces of a streamed answer, in order, each waited for when the reader is slow.
#[derive(Debug)]
pub struct Stream {
    pub(crate) host: Host,
    pub(crate) request: abi::Request,
    pub(crate) signal: watch::Receiver<Signal>,
}

impl Stream {
    /// Sends the next piece: bytes of an HTTP body, or for a call one JSON value.
    ///
    /// # Errors
    /// `CLOSED` when nobody reads any more, `UNSUPPORTED` where the caller takes no stream.
    pub async fn send(&mut self, piece: impl Into<Bytes>) -> Result<()> {
        let piece = piece.into();
        loop {
            self.signal.mark_unchanged();
            match self.host.bridge().chunk(self.request, piece.clone()) {
                // A resume between the mark and the answer ends the wait at once.
                Status::BUSY if self.signal.changed().await.is_ok() => {}
                status => return check(status, "stream an answer"),
            }
        }
    }

    /// Sends the next piece as JSON.
    ///
    /// # Errors
    /// As [`Stream::send`], and where `piece` cannot be JSON.
    pub async fn json<T: Serialize + ?Sized>(&mut self, piece: &T) -> Result<()> {
        self.send(serde_json::to_vec(piece)?).await
    }

    /// Sends the next piece as a server-sent event without a name.
    ///
    /// # Errors
    /// As [`Stream::json`].
    pub async fn sse<T: Serialize + ?Sized>(&mut self, piece: &T) -> Result<()> {
        self.send(format!("data: {}\n\n", serde_json::to_string(piece)?)).await
    }

    /// Whether anybody still reads.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled(self.signal.clone())
    }
}
