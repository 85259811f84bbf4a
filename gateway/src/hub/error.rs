//! Why the hub refuses what a guest wants of it.

use super::NotWritten;

/// A mailbox on the way has no room: nothing has been published. Try again a little later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("busy: events of this room wait to be sent; try again")]
pub struct Busy;

/// Why a publish was refused; nothing has happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// See [`Busy`].
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Not a room's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// See [`NotWritten`].
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

/// Not a name that a room can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room's name is 1 to 200 bytes without control characters")]
pub struct BadName;

/// Why a session could not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Not a room's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The room's rule does not let this session in.
    #[error("not allowed to join this room")]
    Denied,
    /// The room has as many members as its rule allows.
    #[error("the room is full")]
    Full,
    /// The session is in as many rooms as it may be.
    #[error("a session may be in {0} rooms at most")]
    TooMany(usize),
    /// The room's rule does not let its members choose what happens to those that are slow, or not that.
    #[error("the members of this room may not choose this policy for slow sessions")]
    Policy,
    /// There is no such session.
    #[error("no such session")]
    NoSession,
}

impl JoinError {
    /// Its name in the audit log.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::TooMany(_) => "too_many",
            Self::Policy => "policy",
            Self::NoSession => "no_session",
        }
    }
}
