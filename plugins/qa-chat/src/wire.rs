//! How back ends are spoken to: HTTP, server-sent events, lines.

mod client;
mod event_stream;
mod lines;

pub(crate) use client::{Body, Client, Response};
pub(crate) use event_stream::EventStream;
pub(crate) use lines::{Ends, Lines};
