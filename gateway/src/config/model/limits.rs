//! Settings of what clients may use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Network, Rate, Size};

/// What one client, and all together, may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct Config {
    /// Client addresses that `connections_per_address`, `handshakes` and `requests` do not count.
    pub exempt: Vec<Network>,
    /// Connections at one time, over all listeners.
    pub connections: u32,
    /// Connections at one time from one address (of IPv6: one /64); 0: no limit.
    pub connections_per_address: u32,
    /// Rooms that one session may be in.
    pub rooms_per_session: u32,
    /// Calls to plugins that one session may wait for.
    pub calls_per_session: u32,
    /// The longest message that a client may send, over all its fragments.
    pub message: Size,
    /// Fragments that one message may come in.
    pub fragments: u32,
    /// What may wait for one session that reads too slowly; past it the room's `slow` decides.
    pub backlog_per_session: Size,
    /// How often clients may connect to endpoints.
    pub handshakes: Handshakes,
    /// How often clients may ask for something.
    pub requests: Requests,
}

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
    /// Whether it only counts what it would refuse.
    pub dry_run: bool,
}

/// How often clients may ask for something: 429 to an HTTP request, an error reply in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// HTTP requests of one address (of IPv6: one /64), whoever asks.
    pub per_address: Rate,
    /// HTTP requests and requests in sessions of one user, over all connections.
    pub per_user: Rate,
    /// At once, beside the rate; 0: as many as the rate names.
    pub burst: u32,
    /// How what was asked is forgotten again.
    pub window: Window,
    /// Whether they only count what they would refuse.
    pub dry_run: bool,
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
        Self { per_address: Rate::per_second(50), per_subnet: Rate::NONE, burst: 200, dry_run: false }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            per_address: Rate::NONE,
            per_user: Rate::NONE,
            burst: 200,
            window: Window::Sliding,
            dry_run: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let loopback = [
            Network::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            Network::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ];
        Self {
            exempt: loopback.into_iter().flatten().collect(),
            connections: 100_000,
            connections_per_address: 0,
            rooms_per_session: 100,
            calls_per_session: 16,
            message: Size::kib(64),
            fragments: 1024,
            backlog_per_session: Size::mib(1),
            handshakes: Handshakes::default(),
            requests: Requests::default(),
        }
    }
}
