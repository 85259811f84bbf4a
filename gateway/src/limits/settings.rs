//! What is allowed, as the configuration says.

use hashbrown::HashMap;

use super::Rule;
use crate::units::Network;

/// What is allowed; no rule: anything.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Addresses whose handshakes, requests, frames and bytes are not counted.
    pub exempt: Vec<Network>,
    /// Handshakes of endpoints, from one address.
    pub handshakes_per_address: Option<Rule>,
    /// Handshakes of endpoints, from one network.
    pub handshakes_per_subnet: Option<Rule>,
    /// HTTP requests, from one address.
    pub requests_per_address: Option<Rule>,
    /// Frames of any kind, of one session; one too many ends it.
    pub frames_per_session: Option<Rule>,
    /// Refusals that one session may get; one too many ends it.
    pub refusals_per_session: Option<Rule>,
    /// What holds for principals without a class, and with one that is not known.
    pub usual: Class,
    /// What holds for principals of a class.
    pub classes: HashMap<String, Class>,
    /// What may be published, whoever publishes.
    pub publishes: Publishes,
}

/// What a principal may use.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// Requests in one session.
    pub requests_per_session: Option<Rule>,
    /// HTTP requests and requests in sessions, of one user.
    pub requests_per_user: Option<Rule>,
    /// Bytes of requests in one session.
    pub bytes_per_session: Option<Rule>,
    /// Bytes of requests in all sessions of one user.
    pub bytes_per_user: Option<Rule>,
}

/// What may be published by sessions and the API.
#[derive(Clone, Debug, Default)]
pub struct Publishes {
    /// Events into one room; those to everyone are a room of their own.
    pub per_room: Option<Rule>,
    /// Events of one type.
    pub per_type: Option<Rule>,
    /// Events of one key in one room.
    pub per_key: Option<Rule>,
    /// Bytes of the data of events, into one room.
    pub bytes_per_room: Option<Rule>,
    /// Bytes of the data of events of one type.
    pub bytes_per_type: Option<Rule>,
}

impl Settings {
    /// What holds for principals of this class.
    pub(super) fn class(&self, name: Option<&str>) -> &Class {
        name.and_then(|name| self.classes.get(name)).unwrap_or(&self.usual)
    }

    /// The longest time of a rule that `pick` finds in any class, nanoseconds.
    pub(super) fn longest(&self, pick: impl Fn(&Class) -> Option<Rule>) -> u64 {
        let all = self.classes.values().chain([&self.usual]);
        all.filter_map(|class| Some(pick(class)?.span)).max().unwrap_or(0)
    }
}
