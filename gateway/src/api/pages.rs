//! `GET /metrics`: the Prometheus page.

use http::StatusCode;

use super::{Answered, Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::metrics::page;
use crate::web;

pub(super) fn told() -> Operation {
    Operation::new("metrics", Tag::Metrics, "Show the Prometheus page").answer(
        StatusCode::OK,
        "The page",
        Content::Other("text/plain"),
    )
}

pub(super) async fn metrics(api: &Api, _: &Request) -> Answered {
    let rooms = api.hub.rooms();
    let members = rooms.iter().map(|room| room.members).sum();
    let mailboxes: Vec<usize> = api.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).collect();
    let gauges = page::Gauges { rooms: rooms.len(), members, mailboxes };
    let mut text = page::write(api.hub.metrics(), &gauges);
    api.plugins.metrics(&mut text);
    Ok(web::answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}
