//! Settings of what clients may use.

mod class;
mod dry_run;
mod rates;
mod store;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Network, Size};

pub use class::{Class, ClassBytes, ClassRequests};
pub use dry_run::DryRun;
pub use rates::{Bytes, Frames, Handshakes, Publishes, Refusals, Requests, Unauthenticated, Window};
pub use store::Store;

/// What one client, and all together, may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct Config {
    /// Client addresses that `connections_per_address`, `handshakes`, `requests`, `bytes`, `frames` and
    /// `refusals` do not count.
    pub exempt: Vec<Network>,
    /// Connections at one time, over all listeners.
    pub connections: u32,
    /// Connections at one time from one address (of IPv6: one /64); 0: no limit. It is the address that
    /// connects: a proxy's for all of its clients, but for one that names them by `proxy_protocol`.
    pub connections_per_address: u32,
    /// Rooms that one session may be in, besides those of its roles and its endpoint.
    pub rooms_per_session: u32,
    /// Calls to plugins that one session may wait for.
    pub calls_per_session: u32,
    /// The longest message that a client may send, over all its fragments.
    pub message: Size,
    /// Fragments that one message may come in.
    pub fragments: u32,
    /// What may wait for one session that reads too slowly; past it the room's `slow` decides.
    pub backlog_per_session: Size,
    /// The memory that waits for all such sessions together, what several share once; past it the room's
    /// `slow` decides of the one that is furthest behind.
    pub backlog_total: Size,
    /// How often clients may connect to endpoints.
    pub handshakes: Handshakes,
    /// How often clients may ask for something.
    pub requests: Requests,
    /// How much sessions may send.
    pub bytes: Bytes,
    /// How often sessions and the API may publish.
    pub publishes: Publishes,
    /// How many frames a session may send.
    pub frames: Frames,
    /// How often a session may be refused something by these limits.
    pub refusals: Refusals,
    /// Clients of whom nobody knows yet who they are.
    pub unauthenticated: Unauthenticated,
    /// What holds instead for principals whose token names such a class (`auth.<profile>.rate_class`).
    pub class: BTreeMap<String, Class>,
    /// Where it is counted what was used.
    pub store: Store,
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
            backlog_total: Size::mib(512),
            handshakes: Handshakes::default(),
            requests: Requests::default(),
            bytes: Bytes::default(),
            publishes: Publishes::default(),
            frames: Frames::default(),
            refusals: Refusals::default(),
            unauthenticated: Unauthenticated::default(),
            class: BTreeMap::new(),
            store: Store::Local,
        }
    }
}
