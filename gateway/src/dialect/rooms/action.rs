//! The requests that the gateway itself answers, by name.

/// A request of the gateway's own; a plugin's call may have no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Is anybody there?
    Ping,
    /// To be in a room.
    Join,
    /// To be in a room no longer.
    Leave,
    /// To get some event types only.
    Subscribe,
    /// To get some event types no longer.
    Unsubscribe,
    /// What the gateway knows of the session.
    Info,
    /// To publish an event.
    Publish,
    /// Who is in a room.
    Presence,
    /// Events that a room keeps.
    History,
    /// To have it kept how far its user has got in its inbox.
    Ack,
    /// What a room's events have come to.
    State,
    /// To go on with another token.
    Auth,
    /// To have a call stopped.
    Cancel,
}

impl Action {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::Ping,
        Self::Join,
        Self::Leave,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Info,
        Self::Publish,
        Self::Presence,
        Self::History,
        Self::Ack,
        Self::State,
        Self::Auth,
        Self::Cancel,
    ];

    /// Its name on the wire, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Info => "info",
            Self::Publish => "publish",
            Self::Presence => "presence",
            Self::History => "history",
            Self::Ack => "ack",
            Self::State => "state",
            Self::Auth => "auth",
            Self::Cancel => "cancel",
        }
    }

    /// The one of that name, in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}
