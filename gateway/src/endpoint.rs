//! What a request for an endpoint's path leads to: who may have a session there, and each transport's side of HTTP.

mod admission;
mod engineio;
mod websocket;

use std::rc::Rc;

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
    /// A client that is not let in is told so by a close behind the upgrade, where there is such: what browsers show of a
    /// refused handshake says nothing.
    pub refuses_by_close: bool,
    /// How far the gateway's end has come.
    pub phase: Drain,
}
