//! What the sessions of an endpoint have in common.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Compression, Places};
use crate::dialect::Dialect;
use crate::frame::Form;
use crate::hub::UserLimit;
use crate::identity::Profile;
use crate::identity::credentials::Source;
use crate::limits::Recent;
use crate::transport::Framing;
use crate::transport::websocket::Limits;
use crate::transport::websocket::deflate::Window;

/// Bytes of a `client_id` at most.
const LONGEST_ID: usize = 128;

/// A path with its dialect and rules; one for each shard.
pub struct Endpoint {
    /// The path, as `/ws`.
    pub path: Arc<str>,
    /// What its frames mean.
    pub dialect: Rc<dyn Dialect>,
    /// What its messages are put into.
    pub framing: Framing,
    /// Where its clients may have messages compressed: how that is done.
    pub compression: Option<Compression>,
    /// How it is known who a client is.
    pub profile: Arc<Profile>,
    /// The text that clients are greeted with.
    pub welcome: String,
    /// Rooms that its sessions are in from the start; `{user_id}` stands for the user, and a room that needs
    /// one is left out where there is none.
    pub auto_join: Vec<String>,
    /// When it pings, and how long it waits for a sign of life.
    pub heartbeat: Heartbeat,
    /// Without a request for so long a session is closed; zero: never.
    pub idle_timeout: Duration,
    /// Whether its sessions get events without a room.
    pub broadcasts: bool,
    /// What a client's message may cost.
    pub limits: Limits,
    /// Bytes that wait for one session at most.
    pub backlog: usize,
    /// Places for its sessions.
    pub places: Arc<Places>,
    /// How many messages each user has sent of late, over all sessions here; none: any number will do.
    pub recent: Option<Arc<Recent>>,
    /// Places of all endpoints for clients of whom nobody knows yet who they are, and for those that are let in only to
    /// be told that they are not.
    pub unknown: Arc<Places>,
}

/// Times of the heartbeat.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// Between two pings.
    pub interval: Duration,
    /// Without any frame for so long a session is closed.
    pub timeout: Duration,
}

impl Endpoint {
    /// Whether a client may connect first and show then who it is.
    pub fn waits_for_tokens(&self) -> bool {
        self.dialect.takes_tokens() && self.profile.settings().taking.takes(Source::FirstFrame)
    }

    /// The form of events that are `plain` where nothing is compressed, for a client that has agreed on `deflate`.
    pub(super) fn form(&self, plain: Option<Form>, deflate: Option<Window>) -> Option<Form> {
        match (&self.compression, deflate) {
            (Some(compression), Some(window)) => plain.map(|plain| compression.form(plain, window)),
            _ => plain,
        }
    }

    /// How many sessions one user may have.
    pub fn user_limit(&self) -> UserLimit {
        let profile = &self.profile.settings();
        match profile.max_per_user {
            0 => UserLimit::None,
            most if profile.close_oldest => UserLimit::Displace(most),
            most => UserLimit::Refuse(most),
        }
    }

    /// The rooms that a session of `user` is in from the start.
    pub(super) fn first_rooms(&self, user: Option<&str>) -> impl Iterator<Item = String> {
        self.auto_join.iter().filter_map(move |room| match user {
            Some(user) => Some(room.replace("{user_id}", user)),
            None => (!room.contains("{user_id}")).then(|| room.clone()),
        })
    }
}

/// Why `id` cannot be a session's, if it cannot.
pub fn bad_client_id(id: &str) -> Option<&'static str> {
    match id {
        id if id.len() > LONGEST_ID => Some("client_id: at most 128 bytes"),
        id if id.chars().any(char::is_control) => Some("client_id: no control characters"),
        _ => None,
    }
}
