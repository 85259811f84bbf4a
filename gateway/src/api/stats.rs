//! `GET /ws/stats`: one object that serves both shapes which clients read.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::{Api, Request};
use crate::documents::{Operation, Tag};
use crate::frame::Timestamp;
use crate::web::{self, Problem};

/// What there is, and what there was since the gateway was started.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("examples" = [{
    "active_connections": 5, "total_connections": 127, "total_disconnections": 122, "total_rooms": 1,
    "messages_sent": 1543, "messages_received": 487, "rooms": { "agents": 8 }, "status": "ok",
    "timestamp": "2026-01-01T12:00:00.000Z",
    "stats": {
        "total_connections": 5, "connections_by_role": {}, "unique_users": 0, "heartbeat_active": true,
        "heartbeat_interval": 25,
        "metrics": {
            "total_messages_sent": 1416, "total_broadcasts": 202, "total_send_errors": 0,
            "last_broadcast_at": "2026-01-01T11:59:58.500Z"
        }
    }
}]))]
pub(super) struct Stats {
    /// Sessions now open.
    active_connections: u64,
    /// Sessions ever opened.
    total_connections: u64,
    /// Sessions ever closed.
    total_disconnections: u64,
    /// Named rooms that have a session.
    total_rooms: usize,
    /// Event frames given to sessions, one per receiver, welcomes included; not replies.
    messages_sent: u64,
    /// Data frames received from clients, bad ones too.
    messages_received: u64,
    /// By room: sessions in it; of rooms that who asks may `read`.
    rooms: BTreeMap<Arc<str>, usize>,
    /// `ok`.
    status: &'static str,
    /// When this was said: RFC 3339.
    timestamp: String,
    /// The other shape.
    stats: Inner,
}

/// The same for clients that read it so.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "StatsInner")]
struct Inner {
    /// Sessions now open.
    total_connections: u64,
    /// By role: sessions whose principal has it.
    connections_by_role: BTreeMap<Arc<str>, usize>,
    /// Users that have a session.
    unique_users: usize,
    /// Whether the gateway pings its clients.
    heartbeat_active: bool,
    /// Seconds between two pings.
    heartbeat_interval: u64,
    /// What was sent.
    metrics: Counters,
}

/// What was sent to sessions.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "StatsMetrics")]
pub(super) struct Counters {
    /// Event frames given to sessions, one per receiver; without welcomes, replies and pings.
    total_messages_sent: u64,
    /// Publishes that reached at least one session.
    total_broadcasts: u64,
    /// Sessions on whose connection writing failed.
    total_send_errors: u64,
    /// When the last of the broadcasts was: RFC 3339.
    last_broadcast_at: Option<String>,
}

pub(super) fn told(id: &'static str) -> Operation {
    Operation::new(id, Tag::Metrics, "Count connections, messages and the members of rooms")
        .good("The figures")
}

pub(super) async fn stats(api: &Api, request: &Request) -> Result<Json<Stats>, Problem> {
    let hub = Arc::clone(&api.hub);
    // Every room is looked at.
    let rooms = web::aside(move || {
        let rooms = hub.rooms().into_iter().filter(|room| room.members > 0);
        rooms.map(|room| (room.name, room.members)).collect::<BTreeMap<_, _>>()
    });
    let mut rooms = rooms.await?;
    let total_rooms = rooms.len();
    // Anybody may count; which rooms there are is for those who may know it.
    rooms.retain(|room, _| request.principal.may_in("read", room));
    let metrics = api.hub.metrics();
    let closed = metrics.sum(|shard| shard.closed.sum());
    let opened = metrics.sum(|shard| shard.opened.sum());
    let open = opened.saturating_sub(closed);
    Ok(Json(Stats {
        active_connections: open,
        total_connections: opened,
        total_disconnections: closed,
        total_rooms,
        messages_sent: metrics.delivered() + metrics.sum(|shard| shard.welcomes.get()),
        messages_received: metrics.sum(|shard| shard.received.get()),
        rooms,
        status: "ok",
        timestamp: Timestamp::now().to_string(),
        stats: Inner {
            total_connections: open,
            connections_by_role: api.hub.directory().by_role(),
            unique_users: api.hub.directory().users(),
            heartbeat_active: !api.heartbeat.is_zero(),
            heartbeat_interval: api.heartbeat.as_secs(),
            metrics: counters(api),
        },
    }))
}

/// `stats.metrics`.
pub(super) fn counters(api: &Api) -> Counters {
    let metrics = api.hub.metrics();
    Counters {
        total_messages_sent: metrics.delivered(),
        total_broadcasts: metrics.broadcasts(),
        total_send_errors: metrics.sum(|shard| shard.send_errors.get()),
        last_broadcast_at: metrics.last_broadcast().map(|time| time.to_string()),
    }
}
