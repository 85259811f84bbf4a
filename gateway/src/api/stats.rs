//! `GET /ws/stats`: one object that serves both shapes which clients read.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Answered, Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::frame::Timestamp;
use crate::web;

pub(super) fn told(id: &'static str) -> Operation {
    Operation::new(id, Tag::Metrics, "Count connections, messages and the members of rooms").answer(
        StatusCode::OK,
        "The figures",
        Content::json::<Value>(),
    )
}

pub(super) async fn stats(api: &Api, _: &Request) -> Answered {
    let metrics = api.hub.metrics();
    let closed = metrics.sum(|shard| &shard.closed);
    let opened = metrics.sum(|shard| &shard.opened);
    let open = opened.saturating_sub(closed);
    let rooms: Map<String, Value> = api
        .hub
        .rooms()
        .into_iter()
        .filter(|room| room.members > 0)
        .map(|room| (room.name.to_string(), room.members.into()))
        .collect();
    let delivered = metrics.sum(|shard| &shard.delivered);
    Ok(web::json(
        StatusCode::OK,
        &json!({
            "active_connections": open,
            "total_connections": opened,
            "total_disconnections": closed,
            "total_rooms": rooms.len(),
            "messages_sent": delivered + metrics.sum(|shard| &shard.welcomes),
            "messages_received": metrics.sum(|shard| &shard.received),
            "rooms": rooms,
            "status": "ok",
            "timestamp": Timestamp::now().to_string(),
            "stats": {
                "total_connections": open,
                "connections_by_role": {},
                "unique_users": api.hub.directory().users(),
                "heartbeat_active": true,
                "heartbeat_interval": api.heartbeat.as_secs(),
                "metrics": counters(api),
            },
        }),
    ))
}

/// `stats.metrics`.
pub(super) fn counters(api: &Api) -> Value {
    let metrics = api.hub.metrics();
    json!({
        "total_messages_sent": metrics.sum(|shard| &shard.delivered),
        "total_broadcasts": metrics.broadcasts(),
        "total_send_errors": metrics.sum(|shard| &shard.send_errors),
        "last_broadcast_at": metrics.last_broadcast().map(|time| time.to_string()),
    })
}
