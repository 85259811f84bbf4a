//! Commands to sessions.
#![allow(unsafe_code, reason = "an event is lent to the callback")]

use serde::Deserialize;

use super::bridge::pairs;
use super::publish::{lend, why};
use crate::buffer::take_back;
use crate::error::check;
use crate::{Error, Event, Host, Result, Session};

/// The sessions of the gateway. A command is put in order with what else the session gets, and is carried out while it lives.
#[derive(Debug, Clone)]
pub struct Sessions(pub(crate) Host);

/// What is known of a session.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionInfo {
    /// Its name for people.
    pub connection_id: String,
    /// The path of its endpoint.
    #[serde(default)]
    pub endpoint: String,
    /// What its frames mean.
    #[serde(default)]
    pub dialect: String,
    /// `None`: anonymous.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Its principal's roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Its principal's permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl Sessions {
    /// Sends an event to one session; the event's rooms are not looked at.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is gone, `BUSY` where no more can wait for it, `INVALID` for an undeclared type
    /// or data against its schema, with the field.
    pub fn send(&self, session: Session, event: &Event) -> Result<()> {
        let tags = pairs(&event.tags);
        let lent = lend(event, &[], &tags);
        // SAFETY: all that it leads to is in `event` and `tags`.
        let status = unsafe { self.0.bridge().send(session.0, &lent) };
        if status.is_ok() {
            return Ok(());
        }
        take_back(lent.data);
        Err(Error::new(status, format!("send to a session: {}", why(self.0.bridge(), status))))
    }

    /// Joins it to a room: it gets what is published after this.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is gone, `INVALID` for a bad name.
    pub fn join(&self, session: Session, room: &str) -> Result<()> {
        check(self.0.bridge().join(session.0, room), "join a session")
    }

    /// Takes it out of a room.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is gone.
    pub fn leave(&self, session: Session, room: &str) -> Result<()> {
        check(self.0.bridge().leave(session.0, room), "leave a room")
    }

    /// Closes it, after what waits for it.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is gone, `INVALID` for a code that is not ours to send.
    pub fn close(&self, session: Session, code: u16, reason: &str) -> Result<()> {
        check(self.0.bridge().close_session(session.0, code.into(), reason), "close a session")
    }

    /// The session with that connection id.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn find(&self, connection_id: &str) -> Result<Session> {
        Ok(Session(self.0.bridge().find(connection_id)?))
    }

    /// The sessions of a user.
    ///
    /// # Errors
    /// As every callback.
    pub fn of_user(&self, user: &str) -> Result<Vec<Session>> {
        Ok(self.0.bridge().of_user(user)?.into_iter().map(Session).collect())
    }

    /// What is known of it.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is gone.
    pub fn info(&self, session: Session) -> Result<SessionInfo> {
        let json = self.0.bridge().session_info(session.0)?;
        serde_json::from_slice(&json).map_err(|e| Error::internal(format!("session info: {e}")))
    }
}
