//! What a request for an endpoint's path leads to: who may have a session there, and each transport's side of HTTP.

mod admission;
mod engineio;
mod websocket;

use std::rc::Rc;
use std::sync::Arc;

pub use engineio::{EngineIo, Terms};
pub use websocket::WebSocket;

use crate::drain::Drain;
use crate::session::{self, Common};

/// What the transports of an endpoint have in common; one for each shard.
pub struct Entrance {
    /// What its sessions share with others of the shard.
    pub common: Rc<Common>,
    /// What they have in common.
    pub endpoint: Rc<session::Endpoint>,
    /// How a client is told that it is not let in.
    pub refusing: Refusing,
    /// The role of those who have shown who they are, and name none.
    pub usual_role: Option<Arc<str>>,
    /// How far the gateway's end has come.
    pub phase: Drain,
}

/// How a client is told that it is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusing {
    /// By HTTP status 401.
    Unauthorized,
    /// By HTTP status 403.
    Forbidden,
    /// By a close behind the upgrade, where there is such: what browsers show of a refused handshake says nothing.
    Close,
}
