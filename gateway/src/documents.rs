//! What the gateway tells tools of itself: OpenAPI 3.1 and AsyncAPI 3.0, made of the API's table of routes,
//! the dialects' tables of requests and events, and what the plugins that run declare. Pure: what there is goes in,
//! documents come out, and nothing in them is kept by hand.

mod answers;
mod asyncapi;
mod channels;
mod endpoints;
mod foreign;
mod messages;
mod openapi;
mod operation;
mod paths;
mod plugins;
mod schemas;

use std::sync::Arc;

use crate::web::Declaration;

pub use asyncapi::asyncapi;
pub use openapi::openapi;
pub use operation::{Answer, Body, Content, Make, Operation, Tag, path_parameters};

/// What does not change while the gateway runs.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// The service's name.
    pub name: String,
    /// The service's version.
    pub version: String,
    /// Where it listens, with the listeners' names.
    pub servers: Vec<Server>,
    /// Where sessions begin.
    pub endpoints: Vec<Endpoint>,
    /// Whether a request to the API that shows no token has every scope.
    pub anonymous: bool,
}

/// An address that is listened on.
#[derive(Clone, Debug)]
pub struct Server {
    /// The listener's name.
    pub name: String,
    /// Host and port under which a client reaches it.
    pub host: String,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// A path where sessions begin.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The path, from its slash.
    pub path: String,
    /// What carries its frames.
    pub transport: Transport,
    /// What its frames mean.
    pub dialect: Dialect,
    /// The text that a session is greeted with.
    pub welcome: String,
    /// Seconds between pings.
    pub heartbeat: u64,
    /// The longest message that a client may send, bytes.
    pub message: usize,
    /// Whether a client that shows no token is let in.
    pub anonymous: bool,
    /// Rooms that a session is in from its start.
    pub auto_join: Vec<String>,
}

/// What carries the frames of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Messages, both ways: a channel of `/asyncapi.json`.
    Channel,
    /// Server-sent events: an operation of `/openapi.json`.
    Sse,
    /// Answers with events: the same.
    Poll,
}

/// What the frames of an endpoint mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON requests and events.
    Rooms,
    /// Envelopes; topics are rooms.
    Topics,
    /// Events of the types that a client names.
    Stream,
    /// Typed messages in envelopes.
    Envelope,
    /// Each frame comes back as it was.
    Echo,
    /// Socket.IO.
    SocketIo,
}

/// Everything that a document tells of.
pub struct Subject<'a> {
    /// The gateway.
    pub face: &'a Face,
    /// The routes of its own.
    pub routes: Vec<Route>,
    /// What the plugins that run declare.
    pub plugins: &'a [Arc<Declaration>],
    /// The event types that are known.
    pub types: &'a [Arc<str>],
}

/// A route of the API with what is told of it.
pub struct Route {
    /// Its method.
    pub method: http::Method,
    /// Its path, parameters in braces.
    pub path: &'static str,
    /// What a principal needs.
    pub scope: Option<&'static str>,
    /// The rest.
    pub operation: Operation,
}
