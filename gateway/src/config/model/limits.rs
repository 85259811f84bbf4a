//! Settings of what clients may use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Network, Size};

/// What one client, and all together, may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct Config {
    /// Client addresses that `connections_per_address` does not count.
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
        }
    }
}
