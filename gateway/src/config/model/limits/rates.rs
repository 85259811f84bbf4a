//! How much there may be in how much time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DryRun;
use crate::units::{ByteRate, Period, Rate, Size};

/// How often clients may connect to endpoints; one too many is answered with 429.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Handshakes {
    /// From one address (of IPv6: one /64).
    pub per_address: Rate,
    /// From one network: a /24 of IPv4, a /48 of IPv6.
    pub per_subnet: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// Whether they only count what they would refuse.
    pub dry_run: DryRun,
}

/// How often clients may ask for something: 429 to an HTTP request, an error reply in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Requests in one session: every message of its client, of whatever kind.
    pub per_session: Rate,
    /// HTTP requests of one address (of IPv6: one /64), whoever asks.
    pub per_address: Rate,
    /// HTTP requests and requests in sessions of one user, over all connections.
    pub per_user: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// How what was asked is forgotten again.
    pub window: Window,
    /// Whether they only count what they would refuse.
    pub dry_run: DryRun,
}

/// How much sessions may send, and how much may be published; of HTTP requests only what they publish counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bytes {
    /// Bytes of the messages of one session.
    pub per_session: ByteRate,
    /// Bytes of the messages of all sessions of one user.
    pub per_user: ByteRate,
    /// Bytes of the data of events, into one room.
    pub per_room: ByteRate,
    /// Bytes of the data of events of one type.
    pub per_type: ByteRate,
    /// At once, beside the rate; 0: as many as the rate names. A longer message passes where nothing is used, and
    /// what it is longer is owed.
    pub burst: Size,
    /// Whether they only count what they would refuse.
    pub dry_run: DryRun,
}

/// How often sessions and the API may publish, whoever they are, exempt or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publishes {
    /// Events into one room; those without a room are together.
    pub per_room: Rate,
    /// Events of one type, over all rooms.
    pub per_type: Rate,
    /// Events of one key in one room.
    pub per_key: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// How what was published is forgotten again.
    pub window: Window,
    /// Whether they only count what they would refuse.
    pub dry_run: DryRun,
}

/// How many frames a session may send, of any kind: pings and pongs, fragments, whole messages. One too many closes it
/// with 1008.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Frames {
    /// Frames of one session.
    pub per_session: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// Whether it only counts whom it would close.
    pub dry_run: DryRun,
}

/// How often a session may be refused something by these limits. One refusal too many closes it with 1008.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Refusals {
    /// Refusals of one session.
    pub per_session: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// Whether it only counts whom it would close.
    pub dry_run: DryRun,
}

/// Sessions that wait for their client's token, where its profile takes that from the first frame, and those that are
/// opened only to be told that they are refused (`refuse = "close"`). One too many is answered with 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Unauthenticated {
    /// At one time, over all endpoints; 0: no limit.
    pub sessions: u32,
    /// How long one may wait until it is closed with 1008.
    pub timeout: Period,
}

/// How what was used of a limit is forgotten again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// The burst in any stretch of time as long as the rate needs for that many.
    #[default]
    Sliding,
    /// A token bucket: the burst at once, then at the rate.
    Bucket,
}

impl Default for Handshakes {
    fn default() -> Self {
        let dry_run = DryRun::default();
        Self { per_address: Rate::per_second(50), per_subnet: Rate::NONE, burst: 200, dry_run }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            per_session: Rate::per_second(100),
            per_address: Rate::NONE,
            per_user: Rate::NONE,
            burst: 200,
            window: Window::Sliding,
            dry_run: DryRun::default(),
        }
    }
}

impl Default for Unauthenticated {
    fn default() -> Self {
        Self { sessions: 1000, timeout: Period::seconds(10) }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self { per_session: Rate::per_second(1000), burst: 5000, dry_run: DryRun::default() }
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self { per_session: Rate::per_second(20), burst: 1000, dry_run: DryRun::default() }
    }
}
