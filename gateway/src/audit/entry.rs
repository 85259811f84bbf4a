//! What stands in a line.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::frame::Timestamp;
use crate::frame::json::shorten;
use crate::identity::{Principal, Proof};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The gateway has started.
    Started,
    /// It has stopped, after a drain.
    Stopped,
    /// A session was opened.
    Connected,
    /// One has shown who it is, or that it still may be.
    Authenticated,
    /// One has ended; the outcome is why.
    Disconnected,
    /// A request or a session was refused; the outcome is why.
    Refused,
    /// A token, key or certificate did not hold; the outcome is why.
    TokenRefused,
    /// A session is in a room.
    Joined,
    /// One was not let in.
    JoinDenied,
    /// An event was published over HTTP.
    Published,
    /// Tokens were called back.
    Revoked,
    /// Sessions were closed over HTTP.
    SessionClosed,
    /// A session was taken out of a room over HTTP.
    RoomLeft,
    /// Somebody wants a plugin to start.
    PluginStart,
    /// Somebody wants one to stop.
    PluginStop,
    /// A plugin has come into the state that is the outcome.
    PluginChanged,
    /// The configuration was read again; the target is what changed.
    ConfigurationChanged,
}

impl Deed {
    /// Whether anybody can bring it about, as often as it likes.
    pub(super) fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::TokenRefused | Self::JoinDenied)
    }

    /// Whether it is what operators do, or the gateway itself: seldom, and to be known before all else.
    pub(super) fn is_operators(self) -> bool {
        match self {
            Self::Connected | Self::Authenticated | Self::Disconnected | Self::Joined => false,
            Self::Refused | Self::TokenRefused | Self::JoinDenied => false,
            Self::Started | Self::Stopped | Self::ConfigurationChanged => true,
            Self::Published | Self::Revoked | Self::SessionClosed | Self::RoomLeft => true,
            Self::PluginStart | Self::PluginStop | Self::PluginChanged => true,
        }
    }
}

/// From where something is asked.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The id of the request, or of the one that the session began with.
    pub request_id: Option<Arc<str>>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The name of the listener.
    pub listener: Option<Arc<str>>,
}

/// A line.
#[derive(Debug, Serialize)]
pub struct Entry {
    time: Timestamp,
    event: Deed,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Box<str>>,
    /// Who does it: the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Arc<str>>,
    /// The name of the API key that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Arc<str>>,
    /// How it is known who does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    /// The session that does it, or that something is done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Box<str>>,
    /// What it is done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Box<str>>,
    outcome: Cow<'static, str>,
    /// Lines that got lost before it.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Entry {
    pub(super) fn new(deed: Deed, time: Timestamp) -> Self {
        Self {
            time,
            event: deed,
            request_id: None,
            address: None,
            listener: None,
            endpoint: None,
            user: None,
            key: None,
            proof: None,
            session: None,
            target: None,
            event_type: None,
            id: None,
            outcome: "ok".into(),
            dropped: 0,
        }
    }

    /// Asked for from there.
    #[must_use]
    pub fn from(mut self, source: &Source) -> Self {
        (self.request_id, self.listener) = (source.request_id.clone(), source.listener.clone());
        self.address = source.address;
        self
    }

    /// By whom.
    #[must_use]
    pub fn by(mut self, principal: &Principal) -> Self {
        self.user = principal.user.clone();
        self.proof = Some(principal.proof.name()).filter(|_| !principal.is_nobody());
        if let Proof::Key(name) = &principal.proof {
            self.key = Some(Arc::clone(name));
        }
        self
    }

    /// At this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// By, or to, this session.
    #[must_use]
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.into());
        self
    }

    /// To a room, a user, a plugin, a path without its query: as much of its name as need be.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(shorten(target).into());
        self
    }

    /// An event of this type, and with this id where it has one. Never its data.
    #[must_use]
    pub fn event(mut self, event_type: &Arc<str>, id: Option<&str>) -> Self {
        self.event_type = Some(Arc::clone(event_type));
        self.id = id.map(|id| shorten(id).into());
        self
    }

    /// How it went: `ok`, which it is if nothing else is said, or why not.
    #[must_use]
    pub fn outcome(mut self, outcome: impl Into<Cow<'static, str>>) -> Self {
        self.outcome = outcome.into();
        self
    }
}
